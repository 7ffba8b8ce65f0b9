//! What is told of changes is true: a walk through the keys finds what the changes add up to.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::command::table::{CommandTable, Handler};
use crate::config::{CoreConfig, EvictionConfig, EvictionOrder, EvictionScope};
use crate::context::{Ctx, Stores};
use crate::journal::Journal;
use crate::rdb::dump::dump;
use crate::reply::NoReply;
use crate::shard::handler::run_on_store;
use crate::store::ShardStore;
use crate::table::sizes::PublishedSizes;
use crate::time::UnixMs;
use crate::undo::Undo;

const DATABASES: u16 = 3;

/// Adds up what it is told.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) home: Home,
    pub(crate) keys: BTreeMap<Box<[u8]>, Measure>,
}

impl Witness {
    pub(super) fn note(&mut self, change: &Change<'_>) {
        assert_eq!(change.home, self.home);
        let key = change.entry.key();
        assert_eq!(self.keys.get(key).copied(), change.before, "{change:?}");
        let is_there = (change.before.is_some(), change.after.is_some());
        let expected = match change.kind {
            ChangeKind::Added => (false, true),
            ChangeKind::Modified => (true, true),
            ChangeKind::Removed => (true, false),
        };
        assert_eq!(is_there, expected, "{change:?}");
        match change.after {
            Some(after) => self.keys.insert(key.into(), after),
            None => self.keys.remove(key),
        };
    }
}

#[derive(Clone, Debug)]
enum Step {
    Command(u16, String),
    /// DUMP of one key and RESTORE of another, which may be there.
    Restore(u8, u8),
    /// Commands that are taken back.
    Undone(Vec<String>),
    Pass(i64),
    Sweep,
    Evict,
    /// What a start does with a file.
    Reload,
}

fn words(head: &str, count: u32, step: usize) -> String {
    (0..count).fold(head.to_owned(), |line, number| match step {
        1 => format!("{line} {number}"),
        _ => format!("{line} {number} m{number}"),
    })
}

/// A command on one key, which takes its place at the star.
fn on_one_key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "DEL *",
        "GETDEL *",
        "UNLINK *",
        "PERSIST *",
        "TTL *",
        "PEXPIRE * 60",
        "PEXPIRE * -1",
        "MOVE * 1",
        "SORT * BY nosort STORE 9",
        "APPEND * tail",
        "SETRANGE * 20 x",
        "SETBIT * 77 1",
        "SET * value",
        "SET * 12345678",
        "SET * -1 PX 50",
        "SETNX * new",
        "GETSET * 0",
        "GETEX * PX 40",
        "INCR *",
        "DECR *",
        "INCRBY * 99999",
        "INCRBYFLOAT * 1.25",
        "PFADD * a b c d e",
        "PFCOUNT *",
        "BITFIELD * SET u8 #9 1",
        "LPUSH * a",
        "RPUSHX * b c d",
        "LINSERT * BEFORE 1 x",
        "LREM * 0 1",
        "LTRIM * 1 -2",
        "LSET * 0 y",
        "LPOP *",
        "RPOP * 3",
        "LLEN *",
    ])
}

/// Changes of sets, hashes, sorted sets and streams.
fn on_one_collection() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "SREM * 0 1 2",
        "SADD * word",
        "SPOP *",
        "SPOP * 3",
        "HDEL * 0 1",
        "HSET * f v",
        "HINCRBY * n 1",
        "HSETNX * g 1",
        "HPEXPIRE * 20 FIELDS 2 0 1",
        "HGETDEL * FIELDS 1 0",
        "HSETEX * PX 30 FIELDS 1 q v",
        "HPERSIST * FIELDS 1 0",
        "HGETALL *",
        "ZADD * 5 five",
        "ZADD * XX 9 m0",
        "ZINCRBY * 1 m1",
        "ZREM * m0 m1",
        "ZREMRANGEBYRANK * 0 1",
        "ZPOPMIN *",
        "ZPOPMAX *",
        "GEOADD * 1 2 place",
        "XADD * 5-* a b",
        "XTRIM * MAXLEN 1",
        "XDEL * 5-0",
        "XGROUP CREATE * g $ MKSTREAM",
        "XSETID * 99-1",
    ])
}

/// A command on two keys, at the star and at the plus.
fn on_two_keys() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "RENAME * +",
        "RENAMENX * +",
        "COPY * + REPLACE",
        "COPY * + DB 2 REPLACE",
        "DEL * +",
        "MSET * some + text",
        "MSETNX * a + b",
        "BITOP NOT * +",
        "PFMERGE * +",
        "LMOVE * + LEFT RIGHT",
        "SMOVE * + 1",
        "SUNIONSTORE * + 0",
        "SINTERSTORE 9 * +",
        "SDIFFSTORE * + 0",
        "ZUNIONSTORE * 2 + 0",
        "ZRANGESTORE * + 0 1",
        "GEOSEARCHSTORE * + FROMLONLAT 1 2 BYRADIUS 9 km",
    ])
}

/// Keys are `0` to `9`: any command may name any of them, whatever it holds.
fn command() -> impl Strategy<Value = String> {
    let key = 0..10u8;
    let few = prop_oneof![4 => 1..6u32, 1 => 100..200u32];
    let whole = vec!["FLUSHDB", "FLUSHALL", "SWAPDB 0 1", "SWAPDB 1 2", "SWAPDB 2 2"];
    let with_key = |(line, key): (&str, u8)| line.replace('*', &key.to_string());
    let with_keys =
        move |(line, one, other): (&str, u8, u8)| with_key((line, one)).replace('+', &other.to_string());
    prop_oneof![
        10 => (on_one_key(), key.clone()).prop_map(with_key),
        8 => (on_one_collection(), key.clone()).prop_map(with_key),
        6 => (on_two_keys(), key.clone(), key.clone()).prop_map(with_keys),
        1 => (key.clone(), 0..3000usize).prop_map(|(key, len)| format!("SET {key} {}", "v".repeat(len))),
        2 => (key.clone(), few.clone()).prop_map(|(key, count)| words(&format!("RPUSH {key}"), count, 1)),
        2 => (key.clone(), few.clone()).prop_map(|(key, count)| words(&format!("SADD {key}"), count, 1)),
        2 => (key.clone(), few.clone()).prop_map(|(key, count)| words(&format!("HSET {key}"), count, 2)),
        2 => (key, few).prop_map(|(key, count)| words(&format!("ZADD {key}"), count, 2)),
        1 => prop::sample::select(whole).prop_map(str::to_owned),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => (0..DATABASES, command()).prop_map(|(db, line)| Step::Command(db, line)),
        2 => (0..10u8, 0..10u8).prop_map(|(from, to)| Step::Restore(from, to)),
        2 => prop::collection::vec(command(), 1..6).prop_map(Step::Undone),
        3 => (1..40i64).prop_map(Step::Pass),
        2 => Just(Step::Sweep),
        1 => Just(Step::Evict),
        1 => Just(Step::Reload),
    ]
}

struct Fixture {
    store: Box<ShardStore>,
    journal: Journal,
    table: CommandTable<()>,
    now: UnixMs,
    published: [PublishedSizes; DATABASES as usize],
}

impl Fixture {
    fn new() -> Self {
        let (scope, order) = (EvictionScope::AllKeys, EvictionOrder::Random);
        let eviction = EvictionConfig { scope, order, samples: 5 };
        let config = CoreConfig { database_count: DATABASES, eviction, ..CoreConfig::default() };
        let mut store = Box::new(ShardStore::new(ShardId(5), config, 7));
        for (db, database) in (0..).map(DbIndex).zip(&mut store.databases) {
            let home = Home { shard: ShardId(5), db };
            database.changes().witness = Some(Witness { home, keys: BTreeMap::new() });
        }
        let (journal, table) = (Journal::default(), CommandTable::new(&[], &[]));
        Self { store, journal, table, now: UnixMs(1_000_000), published: Default::default() }
    }

    fn command(&mut self, db: u16, line: &str) {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let command = self.table.resolve(&args).unwrap();
        let Handler::Core(handler) = command.handler else { unreachable!("the table has no others") };
        let (run, place) = ((command.facts, handler), (DbIndex(db), self.now));
        run_on_store(&mut self.store, &mut self.journal, run, &args, place, &mut NoReply::default());
    }

    fn restore(&mut self, from: u8, to: u8) {
        let (from, to) = (from.to_string(), to.to_string());
        let mut ctx = Ctx::bare(Stores::One(&mut self.store), &mut self.journal, DbIndex(0), self.now);
        let mut keyspace = ctx.keyspace(b"");
        let Some(payload) = keyspace.peek(from.as_bytes()).map(|entry| dump(entry, false)) else { return };
        let args: [&[u8]; 5] = [b"RESTORE", to.as_bytes(), b"0", &payload, b"REPLACE"];
        let command = self.table.resolve(&args).unwrap();
        let Handler::Core(handler) = command.handler else { unreachable!("the table has no others") };
        handler(&mut ctx, &args, &mut NoReply::default()).unwrap();
    }

    fn undo(&mut self, lines: &[String]) {
        let mut ctx = Ctx::bare(Stores::One(&mut self.store), &mut self.journal, DbIndex(0), self.now);
        let mut undo = Undo::begin(&mut ctx);
        for line in lines {
            let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let command = self.table.resolve(&args).unwrap();
            let Handler::Core(handler) = command.handler else { unreachable!("the table has no others") };
            if undo.save(&mut ctx, command.facts, &args).is_ok() {
                // What a command refuses is its own business.
                let _ = handler(&mut ctx, &args, &mut NoReply::default());
            }
        }
        undo.roll_back(&mut ctx);
    }

    /// All keys go, and come back as a file would bring them.
    fn reload(&mut self) {
        let mut entries: Vec<Vec<Entry>> = Vec::new();
        for database in &self.store.databases {
            let mut copies = Vec::new();
            let mut cursor = 0;
            loop {
                cursor = database
                    .table()
                    .scan(cursor, 100, &self.store.hasher, &mut |entry| copies.push(entry.duplicate()));
                if cursor == 0 {
                    break;
                }
            }
            entries.push(copies);
        }
        self.store.unload(self.now);
        for (db, mut entries) in (0..).map(DbIndex).zip(entries) {
            self.store.load(db, &mut entries, self.now).unwrap();
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Command(db, line) => self.command(db, &line),
            Step::Restore(from, to) => self.restore(from, to),
            Step::Undone(lines) => self.undo(&lines),
            Step::Pass(ms) => self.now.0 += ms,
            Step::Sweep => drop(self.store.sweep(&mut self.journal, self.now, 100)),
            Step::Evict => drop(self.store.evict(&mut self.journal, self.now)),
            Step::Reload => self.reload(),
        }
    }

    /// Holds what was told, counted and published against what is there.
    fn check(&mut self) {
        for db in 0..usize::from(DATABASES) {
            let mut walked = BTreeMap::new();
            let mut bytes = 0;
            let ShardStore { databases, hasher, .. } = &mut *self.store;
            let mut cursor = 0;
            loop {
                cursor = databases[db].table().scan(cursor, 100, hasher, &mut |entry| {
                    walked.insert(Box::from(entry.key()), Measure::of(entry));
                    bytes += entry.counted_bytes();
                    let (counted, present) = (entry.counted_bytes(), entry.memory_bytes());
                    let is_near = counted.abs_diff(present) <= present / 8 + 512;
                    let is_walked = matches!(entry.kind(), Kind::List | Kind::SortedSet | Kind::Stream);
                    assert!(counted == present || is_walked && is_near, "{counted} for {present}: {entry:?}");
                });
                if cursor == 0 {
                    break;
                }
            }
            assert_eq!(databases[db].changes().bytes(), bytes, "bytes of database {db}");
            let witness = databases[db].changes().witness.as_ref().unwrap();
            assert_eq!(witness.keys, walked, "database {db}");
            self.store.publish_sizes(DbIndex(u16::try_from(db).unwrap()), &self.published[db]);
            for kind in Kind::all() {
                let mut counts = [0; SizeClass::COUNT];
                let of_kind = walked.values().filter(|measure| measure.kind == kind);
                of_kind.for_each(|measure| counts[measure.size.index()] += 1);
                let shown = match self.published[db].of(kind) {
                    Some(shown) => {
                        shown.each_ref().map(|count| count.load(std::sync::atomic::Ordering::Relaxed))
                    }
                    None => [0; SizeClass::COUNT],
                };
                assert_eq!(shown, counts, "{kind:?} in database {db}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn changes_add_up_to_what_a_walk_finds(steps in prop::collection::vec(step(), 1..150)) {
        let mut fixture = Fixture::new();
        for step in steps {
            fixture.run(step);
            fixture.check();
        }
    }
}

#[test]
fn sizes_are_those_that_commands_tell() {
    let mut fixture = Fixture::new();
    for (line, size) in [
        ("SET 0 0", 1),
        ("SET 0 -1", 2),
        ("SET 0 9999999999", 10),
        ("SET 0 -9223372036854775808", 20),
        ("SET 0 10", 2),
        ("SET 0 99", 2),
        ("SET 0 100", 3),
        ("APPEND 0 x", 4),
        ("LPUSH 1 a b c", 3),
        ("SADD 2 1 2 3", 3),
        ("SADD 2 x", 4),
        ("ZADD 3 1 a 2 b", 2),
        ("HSET 4 a 1 b 2", 2),
        ("HEXPIRE 4 9 FIELDS 1 a", 2),
        ("XADD 5 1-1 a b", 1),
    ] {
        fixture.command(0, line);
        let key = line.split(' ').nth(1).unwrap();
        let mut ctx =
            Ctx::bare(Stores::One(&mut fixture.store), &mut fixture.journal, DbIndex(0), fixture.now);
        let mut keyspace = ctx.keyspace(b"");
        assert_eq!(keyspace.peek(key.as_bytes()).unwrap().size(), size, "{line}");
    }
    fixture.check();
}

#[test]
fn classes_are_powers_of_two() {
    for (size, least) in
        [(0, 0), (1, 1), (2, 2), (3, 2), (4, 4), (1023, 512), (1024, 1024), (1 << 29, 1 << 29)]
    {
        assert_eq!(SizeClass::least(SizeClass::of(size).index()), least);
    }
}
