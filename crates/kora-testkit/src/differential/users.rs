//! Random users on two servers at once: rules are generated, set, shown, written as lines, and tried on random commands.
//!
//! Only commands that both servers have are named, so that every reply must be the same.

use std::collections::BTreeSet;

use anyhow::{Context as _, bail};

use super::vocabulary::Rng;
use crate::frame::Frame;
use crate::target::tcp::TcpTarget;
use crate::target::{Connection, Resp, Target as _};

/// Users that there are at once.
const USERS: u64 = 50;
/// Commands tried on each user.
const TRIED: usize = 6;
/// All users are compared once in so many.
const LISTED: u64 = 200;

const SIMPLE: &[&str] = &[
    "on",
    "off",
    "nopass",
    "resetpass",
    "sanitize-payload",
    "skip-sanitize-payload",
    "clearselectors",
    "reset",
    "",
];
const OF_SELECTORS: &[&str] = &[
    "allkeys",
    "~*",
    "resetkeys",
    "allchannels",
    "&*",
    "resetchannels",
    "allcommands",
    "nocommands",
    "+@all",
    "-@all",
    "%R~*",
    "~a b",
    "&",
];
const SUBCOMMANDS: &[&str] =
    &["config|get", "select|1", "client|list", "CLIENT|ID", "object|encoding", "debug|x", "get|k"];
const KEY_MARKS: &[&str] = &["~", "~", "%R~", "%W~", "%RW~", "%w~", "%X~", "%~", "%R"];
const PATTERN_BYTES: &[&str] = &["a", "b", "c", ":", "*", "?", "[", "]", "-", "^", "\\"];
const PASSWORDS: &[&str] = &[
    "p",
    "q",
    "",
    "zz",
    "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940",
];
const ARGUMENTS: &[&str] = &[
    "a", "b", "c", "ab", "abc", "a:b", "", "*", "c:c", "1", "2", "0", "get", "store", "by", "keys",
    "streams", "#",
];

/// A command of both servers.
struct Known {
    words: Vec<String>,
    arity: i64,
}

/// What rules and commands are made of.
pub(super) struct Material {
    commands: Vec<Known>,
    categories: Vec<String>,
}

pub(super) struct Both {
    pub(super) reference: Box<dyn Connection>,
    pub(super) other: Box<dyn Connection>,
}

impl Both {
    /// Sends a command to both; their replies, which may differ.
    fn ask(&mut self, words: &[String]) -> anyhow::Result<(Frame, Frame)> {
        let args: Vec<Vec<u8>> = words.iter().map(|word| word.clone().into_bytes()).collect();
        self.reference.send(&args)?;
        self.other.send(&args)?;
        Ok((self.reference.receive()?, self.other.receive()?))
    }

    /// The same where they must not differ.
    fn compare(&mut self, words: &[String]) -> anyhow::Result<Frame> {
        let (reference, other) = self.ask(words)?;
        if reference != other {
            bail!("{words:?}: the reference replies\n{reference:?}\nthe other\n{other:?}");
        }
        Ok(reference)
    }
}

pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn texts(frame: &Frame) -> Vec<String> {
    frame.items().iter().map(|item| String::from_utf8_lossy(item.bytes()).into_owned()).collect()
}

/// Compares so many users; all users but `default` of both servers are deleted. `progress` is told how many agree.
///
/// # Errors
/// The first difference; or when a server can't be reached.
pub fn run_users(
    seed: u64,
    count: u64,
    (reference, other): (&mut TcpTarget, &mut TcpTarget),
    progress: &mut dyn FnMut(u64),
) -> anyhow::Result<()> {
    let mut both = Both { reference: reference.connect(Resp::V2)?, other: other.connect(Resp::V2)? };
    let material = material(&mut both)?;
    let mut rng = Rng(seed);
    for index in 0..count {
        let name = format!("u{}", index % USERS);
        let mut set = words(&["acl", "setuser", &name]);
        for _ in 0..rng.below(8) {
            set.extend(rule(&mut rng, &material));
        }
        both.compare(&set)?;
        both.compare(&words(&["acl", "getuser", &name])).with_context(|| format!("behind {set:?}"))?;
        for _ in 0..TRIED {
            let mut dry = words(&["acl", "dryrun", &name]);
            let tried = command(&mut rng, &material);
            if is_judged_otherwise(&tried) {
                continue;
            }
            dry.extend(tried);
            both.compare(&dry)?;
        }
        if index % LISTED == 0 {
            both.compare(&words(&["acl", "list"]))?;
            progress(index);
        }
        if rng.below(20) == 0 {
            both.compare(&words(&["acl", "deluser", &name]))?;
        }
    }
    both.compare(&words(&["acl", "list"]))?;
    for index in 0..USERS {
        both.ask(&words(&["acl", "deluser", &format!("u{index}")]))?;
    }
    Ok(())
}

/// Whether it is known that the servers judge the command by different keys: each is one that can't run as it is, but for the first.
fn is_judged_otherwise(command: &[String]) -> bool {
    let words: Vec<String> = command.iter().map(|word| word.to_ascii_lowercase()).collect();
    let is = |at: usize, word: &str| words.get(at).is_some_and(|found| found == word);
    match words[0].as_str() {
        // The target alone is a key that is written.
        "pfmerge" => words.len() == 2,
        // STREAMS stands where the group has to be named.
        "xreadgroup" => !is(1, "group") && (1..4).any(|at| is(at, "streams")),
        // A word of the options stands for a unit.
        "georadius" => is(5, "store") || is(5, "storedist"),
        "georadiusbymember" => is(4, "store") || is(4, "storedist"),
        // A key before KEYS, or KEYS for the time limit.
        "migrate" => words.iter().skip(4).any(|word| word == "keys"),
        _ => false,
    }
}

pub(super) fn material(both: &mut Both) -> anyhow::Result<Material> {
    let categories = texts(&both.compare(&words(&["acl", "cat"]))?);
    let (reference, other) = both.ask(&words(&["command", "list"]))?;
    let other: BTreeSet<String> = texts(&other).into_iter().collect();
    let names: BTreeSet<String> = texts(&reference).into_iter().filter(|name| other.contains(name)).collect();
    let mut commands = Vec::new();
    for name in names {
        let (info, _) = both.ask(&words(&["command", "info", &name]))?;
        let fields = info.items().first().context("a command that is listed has facts")?.items().to_vec();
        let arity = fields.get(1).and_then(arity).context("facts have an arity")?;
        commands.push(Known { words: name.split('|').map(str::to_owned).collect(), arity });
    }
    for category in &categories {
        let (reference, other) = both.ask(&words(&["acl", "cat", category]))?;
        let of_both = |frame: &Frame| -> BTreeSet<String> {
            let known = |name: &String| commands.iter().any(|known| known.words.join("|") == *name);
            texts(frame).into_iter().filter(known).collect()
        };
        if of_both(&reference) != of_both(&other) {
            bail!("the commands in @{category} differ");
        }
    }
    Ok(Material { commands, categories })
}

/// The number of arguments that the facts of a command tell.
fn arity(frame: &Frame) -> Option<i64> {
    str::from_utf8(frame.bytes()).ok()?.parse().ok()
}

fn one<'a>(rng: &mut Rng, words: &[&'a str]) -> &'a str {
    rng.pick(words)
}

fn in_some_case(rng: &mut Rng, word: &str) -> String {
    if rng.below(8) == 0 { word.to_uppercase() } else { word.to_owned() }
}

fn name(rng: &mut Rng, material: &Material) -> String {
    let name = material.commands[rng.place(material.commands.len())].words.join("|");
    in_some_case(rng, &name)
}

fn pattern(rng: &mut Rng) -> String {
    (0..rng.below(5)).map(|_| one(rng, PATTERN_BYTES)).collect()
}

fn rule_of_selector(rng: &mut Rng, material: &Material) -> String {
    let sign = if rng.below(2) == 0 { "+" } else { "-" };
    match rng.below(100) {
        0..22 => format!("{sign}{}", name(rng, material)),
        22..36 => {
            let at = rng.place(material.categories.len() + 1);
            let category = material.categories.get(at).map_or("nosuch", String::as_str);
            format!("{sign}@{}", in_some_case(rng, category))
        }
        36..42 => format!("+{}|{}", name(rng, material), one(rng, &["0", "get", "x", "SET", "", "a|b"])),
        42..46 => format!("+{}", one(rng, SUBCOMMANDS)),
        46..62 => format!("{}{}", one(rng, KEY_MARKS), pattern(rng)),
        62..72 => format!("&{}", pattern(rng)),
        _ => {
            let word = one(rng, OF_SELECTORS);
            in_some_case(rng, word)
        }
    }
}

pub(super) fn rule(rng: &mut Rng, material: &Material) -> Vec<String> {
    match rng.below(100) {
        0..70 => vec![rule_of_selector(rng, material)],
        70..80 => {
            let inside: Vec<String> = (0..rng.below(5)).map(|_| rule_of_selector(rng, material)).collect();
            let mut text = format!("({})", inside.join(" "));
            if rng.below(10) == 0 {
                text.pop();
            }
            if rng.below(10) == 0 {
                text = text.replace(' ', "  ").replace('a', "\"a");
            }
            if rng.below(2) == 0 { text.split(' ').map(str::to_owned).collect() } else { vec![text] }
        }
        80..90 => {
            let word = one(rng, SIMPLE);
            vec![in_some_case(rng, word)]
        }
        _ => vec![format!("{}{}", one(rng, &[">", "<", "#", "!"]), one(rng, PASSWORDS))],
    }
}

fn command(rng: &mut Rng, material: &Material) -> Vec<String> {
    let Known { words, arity } = &material.commands[rng.place(material.commands.len())];
    let least = usize::try_from(arity.unsigned_abs()).unwrap_or(0).saturating_sub(words.len());
    let more = if *arity < 0 { rng.place(4) } else { 0 };
    let arguments = (0..least + more).map(|_| one(rng, ARGUMENTS).to_owned());
    words.iter().cloned().chain(arguments.collect::<Vec<_>>()).collect()
}
