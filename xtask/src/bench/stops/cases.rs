//! The commands beside which others are measured.

use std::time::{Duration, Instant, SystemTime};

use super::line::Line;
use crate::bench::process::Server;

/// Keys of one MSET, and fields of one HDEL.
const MANY: usize = 100_000;

/// Pause between two looks at what expires.
const LOOK: Duration = Duration::from_millis(20);

/// One command, on the values of [`super::fixture`].
pub(super) struct Case {
    pub(super) name: &'static str,
    /// Commands before it, of which nobody is stopped.
    pub(super) prepare: &'static [&'static str],
    action: Action,
    /// Commands behind it.
    pub(super) tidy: &'static [&'static str],
    /// It deletes the keys of the fixture.
    pub(super) empties: bool,
}

enum Action {
    /// Nothing, for as long as a command may take.
    Nothing,
    /// A command line.
    Command(&'static str),
    /// An MSET of many keys on all shards.
    Mset,
    /// An HDEL of many fields.
    Hdel,
    /// As many keys as there are members expire at once.
    Expiry,
    /// A client asks for much and leaves.
    Leave,
}

const fn case(name: &'static str, prepare: &'static [&'static str], action: Action) -> Case {
    Case { name, prepare, action, tidy: &["DEL {big}to {big}x {big}y"], empties: false }
}

const fn command(line: &'static str) -> Case {
    case(line, &[], Action::Command(line))
}

const fn on_copy(prepare: &'static [&'static str], line: &'static str) -> Case {
    case(line, prepare, Action::Command(line))
}

const SET: &[&str] = &["COPY {big}set {big}x"];
const LIST: &[&str] = &["COPY {big}list {big}x"];
const ZSET: &[&str] = &["COPY {big}zset {big}x"];
const OVER: &[&str] = &["COPY {big}zset {big}x", "COPY {big}few {big}y"];
const HASH: &[&str] = &["COPY {big}hash {big}x"];
const STREAM: &[&str] = &["COPY {big}stream {big}x"];

pub(super) const CASES: &[Case] = &[
    command("KEYS *"),
    command("KEYS none*"),
    command("SCAN 0 COUNT 100000000"),
    command("SCAN 0 MATCH none* COUNT 100000000"),
    command("SSCAN {big}set 0 COUNT 100000000"),
    command("SMEMBERS {big}set"),
    command("LRANGE {big}list 0 -1"),
    command("SORT {big}list BY nosort LIMIT 0 10"),
    command("SORT {big}list ALPHA LIMIT 0 10"),
    command("SUNIONSTORE {big}to {big}set {big}few"),
    command("ZUNIONSTORE {big}to 2 {big}zset {big}fewz"),
    command("SINTERCARD 2 {big}set {big}set"),
    command("LREM {big}list 0 none"),
    command("LINSERT {big}list BEFORE none x"),
    command("COPY {big}set {big}to"),
    command("DUMP {big}hash"),
    case("MSET of 100,000 keys", &[], Action::Mset),
    case("HDEL of 100,000 fields", HASH, Action::Hdel),
    case("DEL of a set", SET, Action::Command("DEL {big}x")),
    case("DEL of a list", LIST, Action::Command("DEL {big}x")),
    case("DEL of a sorted set", ZSET, Action::Command("DEL {big}x")),
    case("DEL of a hash", HASH, Action::Command("DEL {big}x")),
    case("DEL of a stream", STREAM, Action::Command("DEL {big}x")),
    case("UNLINK of a sorted set", ZSET, Action::Command("UNLINK {big}x")),
    on_copy(ZSET, "SET {big}x value"),
    on_copy(OVER, "RENAME {big}y {big}x"),
    on_copy(ZSET, "SUNIONSTORE {big}x {big}few"),
    on_copy(ZSET, "ZREMRANGEBYRANK {big}x 0 -1"),
    on_copy(ZSET, "ZREMRANGEBYRANK {big}x 10 -1"),
    on_copy(ZSET, "PEXPIRE {big}x 1"),
    on_copy(LIST, "LTRIM {big}x 1 0"),
    on_copy(LIST, "LTRIM {big}x 0 9"),
    on_copy(LIST, "LPOP {big}x 100000000"),
    on_copy(SET, "SPOP {big}x 100000000"),
    on_copy(STREAM, "XTRIM {big}x MAXLEN 0"),
    on_copy(SET, "RENAME {big}x {big}y"),
    case("expiry of many keys", &[], Action::Expiry),
    case("a client that leaves its KEYS * unread", &[], Action::Leave),
    Case { empties: true, ..case("FLUSHDB", &[], Action::Command("FLUSHDB")) },
    Case { empties: true, ..case("FLUSHALL SYNC", &[], Action::Command("FLUSHALL SYNC")) },
];

impl Case {
    /// Beside nothing at all.
    pub(super) fn quiet() -> Self {
        case("(nothing)", &[], Action::Nothing)
    }

    /// Does what the case is about, to its end; says how long that took.
    pub(super) fn run(&self, server: &Server, line: &mut Line, members: usize) -> anyhow::Result<Duration> {
        let mut begun = Instant::now();
        match &self.action {
            Action::Nothing => std::thread::sleep(Duration::from_millis(300)),
            Action::Command(command) => {
                line.call(command)?;
            }
            Action::Mset => {
                let keys: Vec<String> = (0..MANY).map(|number| format!("key:{number:09}")).collect();
                let mut args: Vec<&[u8]> = vec![b"MSET"];
                args.extend(keys.iter().flat_map(|key| [key.as_bytes(), b"value"]));
                line.push(&args);
                begun = Instant::now();
                line.flush()?;
            }
            Action::Hdel => {
                let fields: Vec<String> = (0..MANY).map(|number| format!("member:{number:09}")).collect();
                let mut args: Vec<&[u8]> = vec![b"HDEL", b"{big}x"];
                args.extend(fields.iter().map(String::as_bytes));
                line.push(&args);
                begun = Instant::now();
                line.flush()?;
            }
            Action::Expiry => {
                let due = expire(line, members)?;
                begun = Instant::now();
                while line.number("DBSIZE")? > due {
                    std::thread::sleep(LOOK);
                }
            }
            Action::Leave => {
                let mut other = Line::connect(server.address())?;
                other.push(&[b"KEYS", b"*"]);
                begun = Instant::now();
                other.leave()?;
            }
        }
        Ok(begun.elapsed())
    }
}

/// Adds keys that all expire at one moment, and waits for that; returns how many keys there are without them.
fn expire(line: &mut Line, count: usize) -> anyhow::Result<usize> {
    let before = line.number("DBSIZE")?;
    let lead = Duration::from_micros(u64::try_from(count)? * 4 + 500_000);
    let due = SystemTime::now() + lead;
    let at = due.duration_since(SystemTime::UNIX_EPOCH)?.as_millis().to_string();
    for number in 0..count {
        line.push(&[b"SET", format!("expiring:{number:09}").as_bytes(), b"value", b"PXAT", at.as_bytes()]);
        if number % 2000 == 0 {
            line.flush()?;
        }
    }
    line.flush()?;
    std::thread::sleep(due.duration_since(SystemTime::now()).unwrap_or_default());
    Ok(before)
}
