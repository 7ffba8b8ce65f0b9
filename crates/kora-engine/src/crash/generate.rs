//! Random write commands over few keys: sensible ones mostly, some with an argument that makes no sense.

use kora_storage::simulated::Choices;

use super::company::Company;
use super::forms::{FORMS, LIBRARIES, SCRIPTS};

/// A command: its name and arguments.
pub(super) type Args = Vec<Vec<u8>>;

/// Arguments that few commands expect.
const HOSTILE: &[&[u8]] = &[
    b"",
    b"-1",
    b"0",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"nan",
    b"inf",
    b"\0\xff\r\n",
    b"x x",
];

const VALUES: &[&[u8]] = &[b"", b"0", b"1", b"-7", b"10", b"007", b"3.25", b"abc", b"\0\xff\r\n", b"1e3"];

/// What the world outside knows and commands need.
#[derive(Clone, Debug, Default)]
pub(super) struct Knowledge {
    /// The time in milliseconds.
    pub(super) now_ms: i64,
    /// The payload of a value.
    pub(super) dump: Vec<u8>,
    /// Whose commands there are, too.
    pub(super) company: Company,
    /// The payload of all libraries.
    pub(super) library_dump: Vec<u8>,
}

/// One of the commands.
pub(super) fn command(choices: &mut Choices, known: &Knowledge) -> Args {
    let more = known.company.forms;
    let forms = if !more.is_empty() && choices.one_in(2) { more } else { FORMS };
    let form = forms[choices.up_to(forms.len() - 1)];
    let mut args: Args = form.split(' ').map(|word| fill(word, choices, known)).collect();
    if choices.one_in(25) && args.len() > 1 {
        let at = 1 + choices.up_to(args.len() - 2);
        args[at] = pick(HOSTILE, choices);
    }
    args
}

fn pick(words: &[&[u8]], choices: &mut Choices) -> Vec<u8> {
    words[choices.up_to(words.len() - 1)].to_vec()
}

fn numbered(prefix: &str, count: u64, choices: &mut Choices) -> Vec<u8> {
    format!("{prefix}{}", choices.below(count)).into_bytes()
}

fn number(value: impl std::fmt::Display) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn value(choices: &mut Choices) -> Vec<u8> {
    match choices.below(8) {
        0 => vec![b'v'; choices.up_to(90)],
        1 => vec![b'w'; 60 + choices.up_to(600)],
        2 | 3 => number(choices.below(100)),
        _ => pick(VALUES, choices),
    }
}

/// Placeholders of forms that are not the core's.
fn of_company(word: &str, choices: &mut Choices) -> Vec<u8> {
    match word {
        "<any>" => {
            let kind = ["string", "list", "hash", "hash", "json", "json", "vectors"][choices.up_to(6)];
            numbered(
                if choices.one_in(4) { ["{t}hash", "{t}json"][choices.up_to(1)] } else { kind },
                3,
                choices,
            )
        }
        "<json>" => numbered(if choices.one_in(4) { "{t}json" } else { "json" }, 3, choices),
        "<vectors>" => numbered("vectors", 2, choices),
        "<name>" => numbered("d", 5, choices),
        "<tag>" => numbered("g", 4, choices),
        _ => {
            let (number, tag, other, text) =
                (choices.below(9), choices.below(4), choices.below(4), choices.below(3));
            let text = ["stone river", "river apple", "cloud"][usize::try_from(text).unwrap_or(0)];
            let text = text.replace(' ', "_");
            format!(
                "{{\"n\":{number},\"u\":{},\"g\":[\"g{tag}\",\"g{other}\"],\"t\":\"{text}\"}}",
                choices.below(9)
            )
            .into_bytes()
        }
    }
}

/// A word of a form: itself, or what stands for its placeholder.
fn fill(word: &str, choices: &mut Choices, known: &Knowledge) -> Vec<u8> {
    let milliseconds = |choices: &mut Choices| i64::try_from(choices.below(5000)).unwrap_or(0);
    match word {
        "<string>" | "<list>" | "<set>" | "<hash>" | "<zset>" | "<stream>" | "<geo>" | "<hll>" | "<key>" => {
            let kinds = ["<string>", "<list>", "<set>", "<hash>", "<zset>", "<stream>", "<geo>", "<hll>"];
            let is_any = word == "<key>" || choices.one_in(15);
            let kind = if is_any { kinds[choices.up_to(kinds.len() - 1)] } else { word };
            let name = kind.trim_matches(['<', '>']);
            if choices.one_in(4) {
                numbered(&format!("{{t}}{name}"), 2, choices)
            } else {
                numbered(name, 3, choices)
            }
        }
        "<any>" | "<json>" | "<vectors>" | "<document>" | "<name>" | "<tag>" => of_company(word, choices),
        "<value>" => value(choices),
        "<member>" => {
            if choices.one_in(6) {
                value(choices)
            } else {
                numbered("m", 6, choices)
            }
        }
        "<field>" => numbered("f", 5, choices),
        "<int>" => number(i64::try_from(choices.below(7)).unwrap_or(0) - 2),
        "<count>" => number(1 + choices.below(4)),
        "<bit>" => number(choices.below(2)),
        "<offset>" => number(choices.below(300)),
        "<float>" => number([0.1, -2.5, 3.0, 1e10, 0.333_333_333_333_333_3][choices.up_to(4)]),
        "<longitude>" => number(f64::from(u32::try_from(choices.below(3000)).unwrap_or(0)) / 1000.0 + 12.0),
        "<latitude>" => number(f64::from(u32::try_from(choices.below(3000)).unwrap_or(0)) / 1000.0 + 36.0),
        "<ttl-ms>" => number(1 + milliseconds(choices)),
        "<ttl-s>" => number(1 + choices.below(5)),
        "<at-ms>" => number(known.now_ms + milliseconds(choices) - 500),
        "<at-s>" => number((known.now_ms + milliseconds(choices)) / 1000),
        "<id>" => number(format_args!("{}-{}", choices.below(12), choices.below(3))),
        "<new-id>" => {
            if choices.one_in(3) {
                b"*".to_vec()
            } else {
                number(format_args!("{}-*", choices.below(30)))
            }
        }
        "<group>" => numbered("g", 2, choices),
        "<consumer>" => numbered("c", 3, choices),
        "<script>" => SCRIPTS[choices.up_to(SCRIPTS.len() - 1)].as_bytes().to_vec(),
        "<library>" => LIBRARIES[choices.up_to(LIBRARIES.len() - 1)].as_bytes().to_vec(),
        "<dump>" => known.dump.clone(),
        "<library-dump>" => known.library_dump.clone(),
        word => word.as_bytes().to_vec(),
    }
}
