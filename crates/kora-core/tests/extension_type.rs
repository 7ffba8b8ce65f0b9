//! A data type that the core does not know: all there is to it stands in this file, its description, its values, its commands. It is stored,
//! shown, dumped, restored, digested, freed in slices, expired, evicted, snapshotted, copied and counted like those that are built in.
//!
//! The type is a tally: names with counts, each of which may have a deadline.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use kora_core::codec::{RdbError, RdbResult, TypeName};
use kora_core::command::spec::{CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use kora_core::command::table::{CommandTable, Handler};
use kora_core::config::{CoreConfig, EvictionConfig, EvictionOrder, EvictionScope};
use kora_core::context::{Ctx, Stores};
use kora_core::db::DbIndex;
use kora_core::digest::{Detail, Digest};
use kora_core::entry::data_type::{Chunks, DataType, Extensions, Lapse, Loader, NamedForm, RdbForm};
use kora_core::entry::object::Object;
use kora_core::entry::{Account, Encoding, Entry, Kind, SizeClass};
use kora_core::error::{CommandError, CommandResult};
use kora_core::journal::{Announcement, EventClass, Journal};
use kora_core::rdb::file::{HEADER_BYTES, Piece, next_piece, write_end, write_header};
use kora_core::rdb::{self, Style, ValueWriter, dump};
use kora_core::reply::tree::TreeSink;
use kora_core::reply::{Reply, Value};
use kora_core::slot::ShardId;
use kora_core::store::eviction::Eviction;
use kora_core::store::snapshot::{Chunk, Progress, SnapshotSink};
use kora_core::store::{Keyspace, ShardStore};
use kora_core::table::sizes::PublishedSizes;
use kora_core::time::UnixMs;

// The type.

const TALLY: DataType = DataType {
    kind: Kind::extension(3),
    name: "tally",
    sizes_name: Some("tallies_names"),
    digest_number: 1000,
    digest,
    rdb: RdbForm::Named(NamedForm { version: 2, write_chunk, read }),
    debug: |entry| format!(" names:{}", entry.size()),
    lapse: Some(Lapse { command: "TALLY.DEL", class: EventClass::MODULE, event: "tallyexpired" }),
};

/// Names of one chunk.
const CHUNK_NAMES: usize = 20;

#[derive(Clone, Copy, Debug)]
struct Count {
    count: u64,
    deadline: Option<UnixMs>,
}

#[derive(Clone, Debug, Default)]
struct Tally {
    counts: BTreeMap<Vec<u8>, Count>,
    deadlines: BTreeSet<(UnixMs, Vec<u8>)>,
    account: Account,
}

impl Tally {
    fn set(&mut self, name: &[u8], count: Count) {
        self.remove(name);
        self.deadlines.extend(count.deadline.map(|at| (at, name.to_vec())));
        self.counts.insert(name.to_vec(), count);
    }

    fn remove(&mut self, name: &[u8]) -> bool {
        let removed = self.counts.remove(name);
        if let Some(Count { deadline: Some(at), .. }) = removed {
            self.deadlines.remove(&(at, name.to_vec()));
        }
        removed.is_some()
    }
}

impl Object for Tally {
    fn data_type(&self) -> &'static DataType {
        &TALLY
    }
    fn encoding(&self) -> Encoding {
        Encoding::Extension(if self.deadlines.is_empty() { "tree" } else { "timedtree" })
    }
    fn size(&self) -> usize {
        self.counts.len()
    }
    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.counts.keys().map(|name| name.len() + 48).sum::<usize>()
    }
    fn account(&self) -> &Account {
        &self.account
    }
    fn account_mut(&mut self) -> &mut Account {
        &mut self.account
    }
    fn measuring_steps(&self) -> usize {
        self.counts.len()
    }
    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }
    fn free_effort(&self) -> usize {
        self.counts.len() + self.deadlines.len()
    }
    fn free_some(&mut self, budget: usize) -> usize {
        self.deadlines.clear();
        let freed = budget.min(self.counts.len());
        (0..freed).for_each(|_| drop(self.counts.pop_first()));
        freed
    }
    fn next_deadline(&self) -> Option<UnixMs> {
        self.deadlines.first().map(|(at, _)| *at)
    }
    fn expire_parts(&mut self, now: UnixMs, most: usize, visit: &mut dyn FnMut(&[u8])) {
        for _ in 0..most {
            let Some((_, name)) = self.deadlines.first().filter(|(at, _)| *at < now).cloned() else { break };
            visit(&name);
            self.remove(&name);
        }
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn tally(object: &dyn Object) -> &Tally {
    object.as_any().downcast_ref().unwrap()
}

fn digest(entry: &Entry, detail: Detail, digest: &mut Digest) {
    for (name, count) in &tally(entry.as_object().unwrap()).counts {
        let mut own = Digest::default();
        own.mix(name);
        own.mix(&count.count.to_be_bytes());
        if detail != Detail::AsRedis {
            own.mix(&count.deadline.map_or(0, |at| at.0).to_be_bytes());
        }
        digest.add(&own.0);
    }
}

/// Lines of `name count deadline`.
fn write_chunk(object: &dyn Object, at: &mut u64, out: &mut Vec<u8>) -> bool {
    let tally = tally(object);
    let from = usize::try_from(*at).unwrap();
    for (name, count) in tally.counts.iter().skip(from).take(CHUNK_NAMES) {
        out.extend_from_slice(name);
        out.extend_from_slice(
            format!(" {} {}\n", count.count, count.deadline.map_or(0, |at| at.0)).as_bytes(),
        );
    }
    *at += CHUNK_NAMES as u64;
    from + CHUNK_NAMES < tally.counts.len()
}

/// The first version had no deadlines.
fn read(version: u64, chunks: &mut Chunks<'_, '_>, _: &Loader<'_>) -> RdbResult<Box<dyn Object>> {
    const CORRUPT: RdbError = RdbError::Corrupt("a corrupt tally");
    let mut tally = Tally::default();
    while let Some(chunk) = chunks.next_chunk()? {
        for line in std::str::from_utf8(&chunk).map_err(|_| CORRUPT)?.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let (name, count, at) = match (version, &words[..]) {
                (1, [name, count]) => (name, count, &"0"),
                (2, [name, count, at]) => (name, count, at),
                _ => return Err(CORRUPT),
            };
            let count = count.parse().map_err(|_| CORRUPT)?;
            let at: i64 = at.parse().map_err(|_| CORRUPT)?;
            tally.set(name.as_bytes(), Count { count, deadline: (at != 0).then_some(UnixMs(at)) });
        }
    }
    if tally.counts.is_empty() { Err(RdbError::Empty) } else { Ok(Box::new(tally)) }
}

// Its commands.

const WRITES: Facts = Facts {
    arity: -3,
    flags: Flags::WRITE,
    keys: &[KeySpec::one(KeyFlags::RW.access().update(), 1)],
    ..Facts::NONE
};

const FAMILY: &[CommandSpec] = &[
    CommandSpec { facts: Facts { name: "tally.set", ..WRITES }, handler: tally_set },
    CommandSpec { facts: Facts { name: "tally.del", ..WRITES }, handler: tally_del },
    CommandSpec { facts: Facts { name: "tally.get", flags: Flags::READONLY, ..WRITES }, handler: tally_get },
];

fn number(text: &[u8]) -> CommandResult<i64> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(CommandError::NotInteger)
}

/// `TALLY.SET key name count [deadline]`
fn tally_set(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, name) = (args[1], args[2]);
    let deadline = args.get(4).map(|at| number(at)).transpose()?.map(UnixMs);
    let count = Count { count: number(args[3])?.unsigned_abs(), deadline };
    let mut keyspace = ctx.keyspace(key);
    if keyspace.write_extension::<Tally>(key)?.is_none() {
        keyspace.add_object(key, Box::new(Tally::default()));
    }
    keyspace.write_extension::<Tally>(key)?.unwrap().set(name, count);
    keyspace.changed(EventClass::MODULE, "tallyset", key);
    out.ok();
    Ok(())
}

/// `TALLY.DEL key name ...`
fn tally_del(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let mut keyspace = ctx.keyspace(key);
    let Some(mut tally) = keyspace.write_extension::<Tally>(key)? else {
        out.integer(0);
        return Ok(());
    };
    let removed = args[2..].iter().filter(|name| tally.remove(name)).count();
    let is_empty = tally.is_empty();
    drop(tally);
    if removed > 0 {
        keyspace.changed(EventClass::MODULE, "tallydel", key);
    }
    if is_empty {
        keyspace.delete_emptied(key);
    }
    out.integer(i64::try_from(removed).unwrap());
    Ok(())
}

/// `TALLY.GET key name`
fn tally_get(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    match ctx.keyspace(args[1]).read_extension::<Tally>(args[1])?.and_then(|tally| tally.counts.get(args[2]))
    {
        Some(count) => out.integer(i64::try_from(count.count).unwrap()),
        None => out.null(),
    }
    Ok(())
}

// A store that has it.

const NOW: UnixMs = UnixMs(1_700_000_000_000);
const DB: DbIndex = DbIndex(0);

struct Bare {
    store: Box<ShardStore>,
    journal: Journal,
    table: CommandTable<()>,
    now: UnixMs,
}

fn extensions() -> Extensions {
    Extensions::new(&[&TALLY])
}

impl Bare {
    fn new(config: CoreConfig, extensions: Extensions) -> Self {
        let mut store = Box::new(ShardStore::new(ShardId(0), config, 1));
        store.set_extensions(extensions);
        let mut journal = Journal::default();
        journal.set_recording(true);
        journal.set_event_mask(u32::MAX);
        Self { store, journal, table: CommandTable::new(&[FAMILY], &[]), now: NOW }
    }

    fn run(&mut self, line: &str) -> Value {
        self.run_args(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    fn run_args(&mut self, args: &[&[u8]]) -> Value {
        let command = self.table.resolve(args).unwrap();
        let Handler::Core(handler) = command.handler else { unreachable!("the table has no others") };
        let mark = self.journal.open_command(self.now);
        let mut out = TreeSink::new(true);
        let mut ctx = Ctx::bare(Stores::One(&mut self.store), &mut self.journal, DB, self.now);
        let result = handler(&mut ctx, args, &mut out);
        self.journal.close_command(mark, DB, command.facts.name, args);
        match result {
            Ok(()) => out.into_values().remove(0),
            Err(error) => Value::Error(error.to_string()),
        }
    }

    fn digest(&mut self) -> Digest {
        let mut keyspace = Keyspace::new(&mut self.store, &mut self.journal, DB, self.now, true);
        Digest::of_keys(&mut keyspace, Detail::All)
    }

    fn fill(&mut self, key: &str, names: usize) {
        for name in 0..names {
            self.run(&format!("TALLY.SET {key} name{name} {name}"));
        }
    }

    /// Runs what the other one recorded, as a log does.
    fn follow(&mut self, other: &mut Self) {
        for effect in other.journal.take_effects() {
            let args: Vec<&[u8]> = effect.args.iter().map(|arg| &**arg).collect();
            let reply = self.run_args(&args);
            assert!(!matches!(reply, Value::Error(_)), "{args:?}: {reply:?}");
        }
        self.now = other.now;
    }
}

fn bare() -> Bare {
    Bare::new(CoreConfig::default(), extensions())
}

fn simple(text: &str) -> Value {
    Value::Simple(text.into())
}

fn text_of(value: Value) -> String {
    match value {
        Value::Simple(text) | Value::Error(text) => text,
        Value::Bulk(bytes) => String::from_utf8(bytes).unwrap(),
        Value::Array(mut values) if values.len() == 1 => text_of(values.remove(0)),
        other => panic!("no text: {other:?}"),
    }
}

fn entry_of(bare: &mut Bare, key: &str) -> Entry {
    let mut keyspace = Keyspace::new(&mut bare.store, &mut bare.journal, DB, bare.now, true);
    keyspace.peek(key.as_bytes()).unwrap().duplicate()
}

#[test]
fn commands_of_any_type_work_on_it() {
    let mut bare = bare();
    bare.run("TALLY.SET t a 1");
    bare.run("TALLY.SET t b 2 1800000000000");
    bare.run("SET s text");
    assert_eq!(bare.run("TALLY.GET t b"), Value::Integer(2));
    assert_eq!(bare.run("TYPE t"), simple("tally"));
    assert_eq!(text_of(bare.run("OBJECT ENCODING t")), "timedtree");
    assert!(text_of(bare.run("DEBUG OBJECT t")).contains("encoding:timedtree"));
    assert!(text_of(bare.run("DEBUG OBJECT t")).ends_with(" names:2"));
    assert!(matches!(bare.run("MEMORY USAGE t"), Value::Integer(100..)));
    let keys = |value: Value| match value {
        Value::Array(parts) => format!("{:?}", parts[1]),
        other => panic!("{other:?}"),
    };
    assert_eq!(keys(bare.run("SCAN 0 TYPE tally")), keys(bare.run("SCAN 0 MATCH t")));
    for line in [
        "GET t",
        "LPUSH t x",
        "HGET t a",
        "SADD t x",
        "SORT t",
        "APPEND t x",
        "TALLY.SET s a 1",
        "TALLY.GET s a",
    ] {
        assert!(text_of(bare.run(line)).starts_with("WRONGTYPE"), "{line}");
    }
    assert_eq!(bare.run("TALLY.DEL t b a"), Value::Integer(2));
    assert_eq!(bare.run("EXISTS t"), Value::Integer(0));
    bare.run("TALLY.SET t a 1");
    bare.run("SET t text");
    assert_eq!(bare.run("TYPE t"), simple("string"));
}

#[test]
fn copies_are_independent_and_values_move() {
    let mut bare = bare();
    let mut follower = self::bare();
    bare.run("TALLY.SET t a 1 1800000000000");
    bare.run("COPY t u");
    bare.run("TALLY.SET u a 7");
    bare.run("RENAME t v");
    assert_eq!(bare.run("TALLY.GET u a"), Value::Integer(7));
    assert_eq!(bare.run("TALLY.GET v a"), Value::Integer(1));
    follower.follow(&mut bare);
    assert_eq!(follower.digest(), bare.digest());
    assert_eq!(bare.run("MOVE v 1"), Value::Integer(1));
    assert_eq!(bare.run("DBSIZE"), Value::Integer(1));
}

#[test]
fn a_digest_follows_content_and_nothing_else() {
    let (mut one, mut other) = (bare(), bare());
    one.run("TALLY.SET t a 1");
    one.run("TALLY.SET t b 2");
    other.run("TALLY.SET t b 2");
    other.run("TALLY.SET t a 1 1800000000000");
    let shown = |bare: &mut Bare| text_of(bare.run("DEBUG DIGEST-VALUE t"));
    assert_eq!(shown(&mut one), shown(&mut other), "Redis's digest does not see deadlines");
    assert_ne!(one.digest(), other.digest());
    other.run("TALLY.SET t a 1");
    assert_eq!(one.digest(), other.digest());
    other.run("TALLY.SET t a 3");
    assert_ne!(shown(&mut one), shown(&mut other));
}

#[test]
fn a_payload_makes_the_value_again_where_the_type_is_there() {
    let mut bare = bare();
    bare.fill("t", 3 * CHUNK_NAMES + 1);
    bare.run("TALLY.SET t last 9 1800000000000");
    let Value::Bulk(payload) = bare.run("DUMP t") else { panic!("a payload") };
    let args: [&[u8]; 4] = [b"RESTORE", b"u", b"0", &payload];
    assert_eq!(bare.run_args(&args), simple("OK"));
    assert_eq!(text_of(bare.run("DEBUG DIGEST-VALUE t")), text_of(bare.run("DEBUG DIGEST-VALUE u")));
    let mut follower = self::bare();
    follower.follow(&mut bare);
    assert_eq!(follower.digest(), bare.digest());
    // Its deadlines are known: the sweep finds them.
    follower.now = UnixMs(1_800_000_000_001);
    assert_eq!(follower.store.sweep(&mut follower.journal, follower.now, 100).examined, 2);
    let mut without = Bare::new(CoreConfig::default(), Extensions::default());
    let refusal = "ERR a value of the type 'tally', which this program does not have";
    assert_eq!(without.run_args(&args), Value::Error(refusal.into()));
}

/// A value as it stands behind its code, written in slices as well.
fn written(entry: &Entry) -> Vec<u8> {
    let style = Style { compress: true };
    let (mut whole, mut sliced) = (Vec::new(), Vec::new());
    rdb::write_value(entry, style, &mut whole);
    sliced.push(whole[0]);
    let (mut writer, mut slices) = (ValueWriter::new(style), 0);
    while !writer.write_some(entry, &mut sliced, 1) {
        slices += 1;
    }
    assert!(slices >= entry.size() / CHUNK_NAMES, "{slices}");
    assert_eq!(whole, sliced);
    whole
}

#[test]
fn what_is_no_value_of_it_is_refused() {
    let mut bare = bare();
    bare.fill("t", 100);
    let entry = entry_of(&mut bare, "t");
    let bytes = written(&entry);
    let build = |bytes: &[u8]| {
        let config = CoreConfig::default();
        let loader = Loader { config: &config, seed: 1, extensions: extensions() };
        rdb::build(bytes[0], &bytes[1..], (b"t", None), &loader).map(|(entry, len)| (entry.size(), len))
    };
    assert_eq!(build(&bytes), Ok((100, bytes.len() - 1)));
    for cut in 1..bytes.len() {
        assert!(matches!(build(&bytes[..cut]), Err(RdbError::Incomplete(_))), "{cut}");
    }
    let value = |version: u8, chunks: &[&[u8]]| {
        let mut bytes = vec![128];
        rdb::put_text(&mut bytes, b"tally", false);
        bytes.push(version);
        chunks.iter().for_each(|chunk| rdb::put_text(&mut bytes, chunk, true));
        bytes
    };
    assert_eq!(build(&value(1, &[b"a 1\n", b"b 2\n", b""])).map(|(size, _)| size), Ok(2), "an early version");
    assert_eq!(build(&value(2, &[b"a 1 0\n", b"b 2\n", b""])), Err(RdbError::Corrupt("a corrupt tally")));
    assert_eq!(build(&value(2, &[b""])), Err(RdbError::Empty));
    assert_eq!(build(&value(3, &[b"a 1\n", b""])), Err(RdbError::LaterType(TypeName::new(b"tally"))));
}

#[test]
fn a_file_is_read_around_it_where_the_type_is_not_there() {
    let mut bare = bare();
    bare.fill("t", 50);
    bare.run("SET s text");
    let mut bytes = Vec::new();
    write_header(rdb::VERSION, &mut bytes);
    let (style, config) = (Style { compress: true }, CoreConfig::default());
    for key in ["t", "s"] {
        rdb::write_entry(&entry_of(&mut bare, key), style, NOW, &config, &mut bytes);
    }
    write_end(&mut bytes);
    let mut rest = &bytes[HEADER_BYTES..];
    let mut built = Vec::new();
    while let Ok((Piece::Entry(raw), len)) = next_piece(rest, rdb::VERSION) {
        let loader = Loader { config: &config, seed: 1, extensions: Extensions::default() };
        built.push(raw.build(&loader, NOW).map(|entry| entry.key().to_vec()));
        rest = &rest[len..];
    }
    assert_eq!(built, [Err(RdbError::UnknownType(TypeName::new(b"tally"))), Ok(b"s".to_vec())]);
}

#[test]
fn a_large_value_is_freed_in_slices() {
    let mut bare = bare();
    bare.fill("t", 5000);
    bare.run("DEL t");
    assert!(bare.store.has_garbage());
    let mut slices = 0;
    while bare.store.free_some(100) {
        slices += 1;
    }
    assert!(slices >= 40, "{slices}");
}

#[test]
fn parts_expire_when_somebody_looks_and_when_nobody_does() {
    for is_looked_up in [false, true] {
        let (mut bare, mut follower) = (bare(), bare());
        for at in 1..=100 {
            bare.run(&format!("TALLY.SET t name{at} 1 {}", NOW.0 + at));
        }
        bare.run(&format!("TALLY.SET u only 1 {}", NOW.0 + 1));
        follower.follow(&mut bare);
        bare.journal.take_announcements();
        bare.now = UnixMs(NOW.0 + 51);
        if is_looked_up {
            assert_eq!(bare.run("TALLY.GET t name50"), Value::Null);
            assert_eq!(bare.run("TALLY.GET u only"), Value::Null);
        } else {
            assert!(bare.store.next_due().is_some_and(|due| due <= bare.now));
            let swept = bare.store.sweep(&mut bare.journal, bare.now, 1000);
            assert_eq!((swept.examined, swept.is_cut_short), (51, false));
        }
        assert_eq!(bare.store.stats().expired_fields, 51);
        assert_eq!(bare.run("TALLY.GET t name51"), Value::Integer(1));
        assert_eq!(bare.run("EXISTS u"), Value::Integer(0), "nothing was left of it");
        let told = bare.journal.take_announcements().into_iter().filter(|told| match told {
            Announcement::Event(event) => event.name == "tallyexpired" && event.is_incidental,
            _ => false,
        });
        assert!(told.count() >= 2);
        follower.follow(&mut bare);
        assert_eq!(follower.digest(), bare.digest());
        assert_eq!(bare.run("DEL t"), Value::Integer(1));
        assert_eq!(bare.store.next_due(), None, "no deadline is left behind");
    }
}

#[test]
fn keys_of_it_expire_and_are_evicted() {
    let eviction = EvictionConfig { scope: EvictionScope::AllKeys, order: EvictionOrder::Lru, samples: 5 };
    let mut bare = Bare::new(CoreConfig { eviction, ..CoreConfig::default() }, extensions());
    bare.run("TALLY.SET t a 1");
    bare.run("PEXPIRE t 100");
    bare.run("TALLY.SET u a 1 1900000000000");
    bare.now = UnixMs(NOW.0 + 200);
    assert_eq!(bare.store.sweep(&mut bare.journal, bare.now, 100).expired, 1);
    assert_eq!(bare.store.evict(&mut bare.journal, bare.now), Eviction::Done);
    assert_eq!((bare.run("DBSIZE"), bare.store.next_due()), (Value::Integer(0), None));
    assert_eq!((bare.store.stats().expired, bare.store.stats().evicted), (1, 1));
}

/// Keeps what a snapshot writes.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl SnapshotSink for Kept {
    fn put(&mut self, chunk: Chunk) {
        self.0.lock().unwrap().extend(chunk.bytes);
    }
    fn note_open(&mut self, _bytes: usize) {}

    fn has_room(&self) -> bool {
        true
    }
    fn is_wanted(&self) -> bool {
        true
    }
    fn finish(&mut self) {}
}

#[test]
fn a_snapshot_is_of_one_instant_though_values_change_meanwhile() {
    let mut bare = bare();
    for (key, names) in [("small", 3), ("large", 3000), ("larger", 4000)] {
        bare.fill(key, names);
    }
    bare.run(&format!("TALLY.SET small timed 1 {}", NOW.0 + 1000));
    let then = bare.digest();
    let kept = Kept::default();
    bare.store.begin_snapshot(true, NOW, Box::new(kept.clone()));
    let mut slices = 0;
    loop {
        slices += 1;
        bare.run(&format!("TALLY.SET larger new{slices} 1"));
        bare.run(&format!("TALLY.SET small new{slices} 1"));
        if slices == 5 {
            bare.run("DEL large");
        }
        if bare.store.snapshot_some(500) == Progress::Done {
            break;
        }
    }
    assert!(slices > 5 && bare.digest() != then);
    let mut loaded = self::bare();
    let bytes = kept.0.lock().unwrap().clone();
    let (mut rest, mut entries) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let (Piece::Entry(raw), len) = next_piece(rest, rdb::VERSION).unwrap() else { panic!("only keys") };
        let seed = loaded.store.random();
        entries.push(raw.build(&loaded.store.loader(seed), NOW).unwrap());
        rest = &rest[len..];
    }
    loaded.store.load(DB, &mut entries, NOW).unwrap();
    assert_eq!(loaded.digest(), then);
    // What was loaded is known by its deadlines.
    loaded.now = UnixMs(NOW.0 + 1001);
    assert_eq!(loaded.store.sweep(&mut loaded.journal, loaded.now, 100).examined, 1);
}

#[test]
fn sizes_are_counted_for_it_alone() {
    let mut bare = bare();
    bare.fill("t", 5);
    bare.fill("u", 1);
    bare.run("SADD s a b c");
    let published = PublishedSizes::default();
    let counts = |bare: &mut Bare, kind| {
        bare.store.publish_sizes(DB, &published);
        let counts = published.of(kind)?.iter().map(|count| count.load(Ordering::Relaxed));
        Some(counts.take(4).collect::<Vec<u64>>())
    };
    assert_eq!(counts(&mut bare, TALLY.kind), Some(vec![0, 1, 0, 1]));
    assert_eq!(counts(&mut bare, Kind::Set), Some(vec![0, 0, 1, 0]));
    assert_eq!(counts(&mut bare, Kind::extension(4)), None);
    bare.run("TALLY.DEL t name0 name1");
    bare.run("DEL u");
    assert_eq!(counts(&mut bare, TALLY.kind), Some(vec![0, 0, 1, 0]));
    assert_eq!(SizeClass::of(3).index(), 2);
    assert!(extensions().sized().any(|one| one == (TALLY.kind, "tallies_names")));
}

#[test]
#[should_panic(expected = "tally is there twice")]
fn a_name_is_that_of_one_type() {
    const OTHER: DataType = DataType { kind: Kind::extension(4), ..TALLY };
    let _ = Extensions::new(&[&TALLY, &OTHER]);
}

#[test]
fn a_payload_of_it_is_sealed_like_any() {
    let mut bare = bare();
    bare.run("TALLY.SET t a 1");
    let payload = dump::dump(&entry_of(&mut bare, "t"), true);
    assert_eq!(dump::open(&payload).map(|body| body[0]), Some(128));
}
