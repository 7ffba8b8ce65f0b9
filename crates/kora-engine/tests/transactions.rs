//! Transactions on four shards against the same on one: every command of the core, and what is watched.

use kora_core::command::spec::{Arg, ArgType, Facts};
use kora_core::command::table::CommandTable;
use kora_core::db::DbIndex;
use kora_core::hash::splitmix64;
use kora_core::reply::Value;
use kora_core::time::UnixMs;
use kora_engine::embedded::{Embedded, EmbeddedOptions};
use kora_engine::settings::{Permission, Settings};

/// Calls of each command.
const CALLS: usize = 12;

/// Values of a repeated argument: what numbers of keys say, too.
const REPEATS: usize = 2;

const DB: DbIndex = DbIndex(0);

/// One of each type, on several shards; and what is not there.
const KEYS: [&str; 12] = ["s1", "s2", "n", "l1", "l2", "set1", "set2", "h", "z1", "z2", "x", "absent"];

const SEED: &str = "FLUSHALL|MSET s1 text s2 more n 10|RPUSH l1 a b c|RPUSH l2 1 2 3|SADD set1 a b c|SADD set2 b 1|\
                    HSET h a 1 b 2|ZADD z1 1 a 2 b 3 c|ZADD z2 5 b|XADD x 1-1 a b|XGROUP CREATE x a 0";

fn start(shard_count: u16) -> Embedded {
    let settings = Settings { debug_command: Permission::Yes, ..Settings::default() };
    let options = EmbeddedOptions::new(shard_count, 7, || UnixMs(1_700_000_000_000));
    Embedded::start(EmbeddedOptions { settings, ..options }).expect("the system gives threads")
}

fn run(engine: &Embedded, commands: &[&str]) -> Vec<Value> {
    let words: Vec<Vec<&[u8]>> =
        commands.iter().map(|line| line.split(' ').map(str::as_bytes).collect()).collect();
    let commands: Vec<_> = words.iter().map(Vec::as_slice).collect();
    engine.transaction(DB, &commands).expect("they can be part of a transaction")
}

struct Generator(u64);

impl Generator {
    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[usize::try_from(splitmix64(&mut self.0) % choices.len() as u64).expect("it is small")]
    }

    fn command(&mut self, facts: &Facts) -> Vec<String> {
        let mut words: Vec<String> = facts.name.split('|').map(str::to_owned).collect();
        facts.args.iter().for_each(|arg| self.add(arg, &mut words));
        words
    }

    fn add(&mut self, arg: &Arg, words: &mut Vec<String>) {
        if arg.is_optional && self.pick(&["with", "without"]) == "without" {
            return;
        }
        words.extend(arg.token.filter(|_| arg.kind != ArgType::OneOf).map(str::to_owned));
        for _ in 0..if arg.is_multiple { REPEATS } else { 1 } {
            let word = match arg.kind {
                ArgType::Key => self.pick(&KEYS),
                ArgType::String => self.pick(&["a", "b", "1", "text", "0-0", "1-1"]),
                ArgType::Integer if arg.name.starts_with("num") => "2",
                ArgType::Integer => self.pick(&["0", "1", "-1", "2"]),
                ArgType::Double => self.pick(&["0", "1", "1.5"]),
                ArgType::UnixTime => "1900000000",
                ArgType::Pattern => self.pick(&["*", "s*"]),
                ArgType::PureToken => continue,
                ArgType::OneOf => {
                    let at = usize::try_from(splitmix64(&mut self.0)).expect("a word has 64 bits")
                        % arg.parts.len();
                    self.add(&arg.parts[at], words);
                    continue;
                }
                ArgType::Block => {
                    arg.parts.iter().for_each(|part| self.add(part, words));
                    continue;
                }
            };
            words.push(word.to_owned());
        }
    }
}

/// A reply without what may differ: the order of elements, and what is chosen at random or names a shard.
fn comparable(facts: &Facts, reply: &Value) -> String {
    let text = match reply {
        Value::Array(values) | Value::Set(values) => {
            let mut texts: Vec<_> = values.iter().map(|value| comparable(facts, value)).collect();
            texts.sort_unstable();
            texts.join(", ")
        }
        reply => format!("{reply:?}"),
    };
    let is_random = facts.tips.contains(&"nondeterministic_output") && !matches!(reply, Value::Error(_));
    if is_random { String::new() } else { text }
}

/// No handler may take it for granted that its command was split, or that all it needs is one store: a command that
/// misses a store panics, one that forgets a store answers differently.
#[test]
fn every_command_runs_whole() {
    let (one, four) = (start(1), start(4));
    let table = CommandTable::<()>::new(&[], &[]);
    let mut generator = Generator(1);
    let seed: Vec<_> = SEED.split('|').collect();
    let mut call_count = 0;
    for command in table.all() {
        for _ in 0..CALLS {
            let words = generator.command(command.facts);
            let args: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
            let Ok(resolved) = table.resolve(&args) else { continue };
            let replies = [&one, &four].map(|engine| {
                run(engine, &seed);
                // Some can't be part of a transaction; then they are refused on any number of shards.
                let replies = engine.transaction(DB, &[&args]);
                let reply = replies.map_or_else(|e| Value::Error(e.to_string()), |mut all| all.remove(0));
                // Looked at, what has expired is gone: DBSIZE counts it until then, or until a sweep comes by.
                let state = ["EXISTS s1 s2 n l1 l2 set1 set2 h z1 z2 x absent", "DBSIZE"];
                (comparable(resolved.facts, &reply), run(engine, &state))
            });
            assert_eq!(replies[0], replies[1], "{}", words.join(" "));
            call_count += 1;
        }
    }
    assert!(call_count > 2000, "{call_count}");
}

#[test]
fn a_transaction_sees_itself_and_nothing_else() {
    for shard_count in [1, 4] {
        let engine = start(shard_count);
        let replies =
            run(&engine, &["MSET a 1 b 2 c 3 d 4", "RENAME a e", "LPUSH b x", "MGET a b c d e", "DBSIZE"]);
        let bulk = |text: &str| Value::Bulk(text.into());
        assert!(matches!(replies[2], Value::Error(_)));
        assert_eq!(replies[3], Value::Array(vec![Value::Null, bulk("2"), bulk("3"), bulk("4"), bulk("1")]));
        assert_eq!(replies[4], Value::Integer(4));
    }
}

#[test]
fn what_was_watched_and_changed_stops_a_transaction() {
    for shard_count in [1, 4] {
        let engine = start(shard_count);
        let set: &[&[&[u8]]] = &[&[b"SET", b"result", b"1"]];
        let watching = engine.watch(DB, &[b"a", b"b", b"c"]);
        engine.command(&[b"SET", b"other", b"1"]);
        assert!(watching.transaction(DB, set).unwrap().is_some());
        let watching = engine.watch(DB, &[b"a", b"b", b"c"]);
        engine.command(&[b"SET", b"b", b"1"]);
        assert!(watching.transaction(DB, set).unwrap().is_none());
        // One that is wrong does not run, and leaves nothing watched behind.
        let watching = engine.watch(DB, &[b"a"]);
        watching.transaction(DB, &[&[b"NOSUCH"]]).unwrap_err();
        assert!(engine.watch(DB, &[]).transaction(DB, set).unwrap().is_some());
    }
}
