use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::*;
use crate::command::table::{CommandTable, Handler};
use crate::journal::Journal;
use crate::rdb::file::{Piece, next_piece};
use crate::reply::NoReply;
use crate::shard::handler::run_on_store;

/// Entries as bytes, by database and key.
type Image = BTreeMap<(u16, Vec<u8>), Vec<u8>>;

/// Puts chunks together, and finds entries that are torn or written twice.
#[derive(Debug, Default)]
struct Collected {
    open: Option<(DbIndex, Vec<u8>)>,
    image: Image,
    entries: usize,
    is_finished: bool,
    is_full: bool,
    is_unwanted: bool,
}

impl Collected {
    fn put(&mut self, chunk: Chunk) {
        let (db, mut bytes) = self.open.take().unwrap_or((chunk.db, Vec::new()));
        assert_eq!(db, chunk.db, "a chunk goes on with the entry before");
        bytes.extend_from_slice(&chunk.bytes);
        self.entries += chunk.entries;
        if chunk.is_whole {
            self.read(db, &bytes);
        } else {
            self.open = Some((db, bytes));
        }
    }

    fn read(&mut self, db: DbIndex, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (piece, len) = next_piece(bytes, 12).unwrap();
            let Piece::Entry(entry) = piece else { panic!("{piece:?}") };
            let before = self.image.insert((db.0, entry.key.to_vec()), bytes[..len].to_vec());
            assert_eq!(before, None, "an entry is written once");
            bytes = &bytes[len..];
        }
    }

    fn finish(&mut self) {
        if let Some((db, bytes)) = self.open.take() {
            self.read(db, &bytes);
        }
        self.is_finished = true;
    }
}

struct Sink(Arc<Mutex<Collected>>);

impl SnapshotSink for Sink {
    fn put(&mut self, chunk: Chunk) {
        self.0.lock().unwrap().put(chunk);
    }

    fn note_open(&mut self, _bytes: usize) {}

    fn has_room(&self) -> bool {
        !self.0.lock().unwrap().is_full
    }

    fn is_wanted(&self) -> bool {
        !self.0.lock().unwrap().is_unwanted
    }

    fn finish(&mut self) {
        self.0.lock().unwrap().finish();
    }
}

#[derive(Clone, Debug)]
enum Step {
    Command(u16, String),
    Begin,
    Write(usize),
    Full(bool),
    GiveUp,
}

fn command() -> impl Strategy<Value = String> {
    let key = 0..12u8;
    prop_oneof![
        6 => (key.clone(), 0..3000usize).prop_map(|(key, len)| format!("SET k{key} {}", "v".repeat(len))),
        2 => (key.clone(), 0..300u32).prop_map(|(key, number)| format!("SET k{key} {number}")),
        3 => key.clone().prop_map(|key| format!("APPEND k{key} tail")),
        3 => key.clone().prop_map(|key| format!("DEL k{key}")),
        4 => (key.clone(), 1..900u32).prop_map(|(key, count)| words(&format!("RPUSH l{key}"), count, "")),
        4 => (key.clone(), 1..900u32).prop_map(|(key, count)| words(&format!("SADD s{key}"), count, "m")),
        3 => (key.clone(), 1..900u32).prop_map(|(key, count)| words(&format!("HSET h{key}"), count * 2, "")),
        2 => key.clone().prop_map(|key| format!("SPOP s{key} 3")),
        2 => key.clone().prop_map(|key| format!("DEL s{key}")),
        2 => (key.clone(), key.clone()).prop_map(|(from, to)| format!("RENAME s{from} s{to}")),
        2 => (key.clone(), key.clone()).prop_map(|(from, to)| format!("RENAME k{from} l{to}")),
        2 => key.clone().prop_map(|key| format!("PEXPIREAT k{key} 99999999")),
        1 => key.clone().prop_map(|key| format!("MOVE s{key} 1")),
        1 => Just("FLUSHDB".to_owned()),
        1 => Just("SWAPDB 0 1".to_owned()),
        1 => key.prop_map(|key| format!("COPY s{key} s0 DB 1 REPLACE")),
    ]
}

fn words(head: &str, count: u32, prefix: &str) -> String {
    (0..count).fold(head.to_owned(), |line, number| format!("{line} {prefix}{number}"))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..3u16, command()).prop_map(|(db, line)| Step::Command(db.min(1), line)),
        2 => Just(Step::Begin),
        10 => (1..4000usize).prop_map(Step::Write),
        1 => any::<bool>().prop_map(Step::Full),
        1 => Just(Step::GiveUp),
    ]
}

struct Fixture {
    store: Box<ShardStore>,
    journal: Journal,
    table: CommandTable<()>,
    /// The snapshot that is being taken, and what it must come to.
    snapshot: Option<(Arc<Mutex<Collected>>, Image)>,
}

impl Fixture {
    fn new() -> Self {
        let config = CoreConfig { database_count: 2, ..CoreConfig::default() };
        let store = Box::new(ShardStore::new(ShardId(0), config, 7));
        Self { store, journal: Journal::default(), table: CommandTable::new(&[], &[]), snapshot: None }
    }

    fn command(&mut self, db: u16, line: &str) {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let command = self.table.resolve(&args).unwrap();
        let Handler::Core(handler) = command.handler else { unreachable!("the table has no others") };
        let Self { store, journal, .. } = self;
        run_on_store(
            store,
            journal,
            (command.facts, handler),
            &args,
            (DbIndex(db), UnixMs(1)),
            &mut NoReply::default(),
        );
    }

    fn image(&self) -> Image {
        let style = Style { compress: false };
        let mut image = Image::new();
        for db in 0..2 {
            let database = &self.store.databases[usize::from(db)];
            let mut cursor = 0;
            loop {
                cursor = database.table().scan(cursor, 100, &self.store.hasher, &mut |entry| {
                    let mut bytes = Vec::new();
                    write_entry(entry, style, UnixMs(1), &self.store.config, &mut bytes);
                    image.insert((db, entry.key().to_vec()), bytes);
                });
                if cursor == 0 {
                    break;
                }
            }
        }
        image
    }

    fn begin(&mut self) {
        if !self.store.is_in_snapshot() {
            let collected = Arc::new(Mutex::new(Collected::default()));
            self.snapshot = Some((Arc::clone(&collected), self.image()));
            self.store.begin_snapshot(false, UnixMs(1), Box::new(Sink(collected)));
        }
    }

    fn write(&mut self, budget: usize) -> Progress {
        let progress = self.store.snapshot_some(budget);
        if progress == Progress::Done {
            let (collected, image) = self.snapshot.take().unwrap();
            let collected = collected.lock().unwrap();
            if !collected.is_unwanted {
                assert!(collected.is_finished);
                assert!(collected.image == image, "the snapshot is what the databases were at its instant");
                assert_eq!(collected.entries, image.len());
            }
        }
        progress
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Command(db, line) => self.command(db, &line),
            Step::Begin => self.begin(),
            Step::Write(budget) => drop(self.write(budget)),
            Step::Full(is_full) => {
                if let Some((collected, _)) = &self.snapshot {
                    collected.lock().unwrap().is_full = is_full;
                }
            }
            Step::GiveUp => {
                if let Some((collected, _)) = &self.snapshot {
                    collected.lock().unwrap().is_unwanted = true;
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Whatever commands run meanwhile, and however it is cut into slices.
    #[test]
    fn a_snapshot_is_of_one_instant(steps in prop::collection::vec(step(), 1..120)) {
        let mut fixture = Fixture::new();
        for number in 0..12 {
            fixture.command(number % 2, &words(&format!("SADD s{number}"), 1 + u32::from(number) * 80, "m"));
            fixture.command(0, &format!("SET k{number} {number}"));
        }
        steps.into_iter().for_each(|step| fixture.run(step));
        if let Some((collected, _)) = &fixture.snapshot {
            collected.lock().unwrap().is_full = false;
        }
        while !matches!(fixture.write(512), Progress::Done | Progress::None) {}
        // All marks are as they should be: the next one is whole, too.
        fixture.begin();
        while !matches!(fixture.write(512), Progress::Done | Progress::None) {}
    }
}

#[test]
fn an_empty_store_is_done_at_once() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.write(1), Progress::None);
    fixture.begin();
    assert_eq!(fixture.write(1), Progress::Done);
    assert!(!fixture.store.is_in_snapshot());
}

#[test]
fn a_sink_without_room_gets_what_is_about_to_change() {
    let mut fixture = Fixture::new();
    fixture.command(0, "SET a 1");
    fixture.command(0, "SET b 1");
    fixture.begin();
    fixture.run(Step::Full(true));
    assert_eq!(fixture.write(1000), Progress::Full);
    fixture.command(0, "SET a 2");
    assert_eq!(fixture.write(1000), Progress::Full);
    let (collected, _) = fixture.snapshot.as_ref().unwrap();
    assert_eq!(collected.lock().unwrap().image.len(), 1);
    fixture.run(Step::Full(false));
    while fixture.write(1000) != Progress::Done {}
}
