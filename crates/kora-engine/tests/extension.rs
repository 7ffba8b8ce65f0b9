//! A data type that the program brings along: an engine stores its values, and has them again after a restart, whether they come
//! from the log, from a snapshot, or from both.

use std::any::Any;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use kora_core::codec::{RdbError, RdbResult};
use kora_core::command::spec::{CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use kora_core::context::Ctx;
use kora_core::digest::Digest;
use kora_core::entry::data_type::{Chunks, DataType, Extensions, Loader, NamedForm, RdbForm};
use kora_core::entry::object::Object;
use kora_core::entry::{Account, Encoding, Kind};
use kora_core::error::CommandResult;
use kora_core::journal::EventClass;
use kora_core::reply::{Reply, Value};
use kora_core::time::UnixMs;
use kora_engine::embedded::{Embedded, EmbeddedOptions};
use kora_engine::settings::{PersistenceSettings, Settings};

// The type: bytes that only grow.

const TAPE: DataType = DataType {
    kind: Kind::extension(0),
    name: "tape",
    sizes_name: Some("tapes_bytes"),
    digest_number: 1001,
    digest: |entry, _, digest| {
        let object = entry.as_object().expect("values of extensions are objects");
        let mut own = Digest::default();
        own.mix(&tape(object).0);
        digest.add(&own.0);
    },
    rdb: RdbForm::Named(NamedForm { version: 1, write_chunk, read }),
    debug: |entry| format!(" bytes:{}", entry.size()),
    lapse: None,
};

#[derive(Clone, Debug, Default)]
struct Tape(Vec<u8>, Account);

impl Object for Tape {
    fn data_type(&self) -> &'static DataType {
        &TAPE
    }
    fn encoding(&self) -> Encoding {
        Encoding::Extension("tape")
    }
    fn size(&self) -> usize {
        self.0.len()
    }
    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.0.capacity()
    }
    fn account(&self) -> &Account {
        &self.1
    }
    fn account_mut(&mut self) -> &mut Account {
        &mut self.1
    }
    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }
    fn free_effort(&self) -> usize {
        1
    }
    fn free_some(&mut self, _: usize) -> usize {
        usize::from(!std::mem::take(&mut self.0).is_empty())
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

fn tape(object: &dyn Object) -> &Tape {
    object.as_any().downcast_ref().expect("the description is the tape's")
}

fn write_chunk(object: &dyn Object, _: &mut u64, out: &mut Vec<u8>) -> bool {
    out.extend_from_slice(&tape(object).0);
    false
}

fn read(_: u64, chunks: &mut Chunks<'_, '_>, _: &Loader<'_>) -> RdbResult<Box<dyn Object>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next_chunk()? {
        bytes.extend_from_slice(&chunk);
    }
    if bytes.is_empty() { Err(RdbError::Empty) } else { Ok(Box::new(Tape(bytes, Account::default()))) }
}

// Its commands.

const WRITES: Facts =
    Facts { flags: Flags::WRITE, keys: &[KeySpec::one(KeyFlags::RW.access().update(), 1)], ..Facts::NONE };

const COMMANDS: &[CommandSpec] = &[
    CommandSpec { facts: Facts { name: "tape.add", arity: 3, ..WRITES }, handler: add },
    CommandSpec {
        facts: Facts { name: "tape.read", arity: 2, flags: Flags::READONLY, ..WRITES },
        handler: read_all,
    },
];

fn add(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let mut keyspace = ctx.keyspace(key);
    if keyspace.write_extension::<Tape>(key)?.is_none() {
        keyspace.add_object(key, Box::new(Tape::default()));
    }
    let mut tape = keyspace.write_extension::<Tape>(key)?.expect("it is there or was made");
    tape.0.extend_from_slice(args[2]);
    drop(tape);
    keyspace.changed(EventClass::MODULE, "tapeadd", key);
    out.ok();
    Ok(())
}

fn read_all(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    match ctx.keyspace(args[1]).read_extension::<Tape>(args[1])? {
        Some(tape) => out.bulk(&tape.0),
        None => out.null(),
    }
    Ok(())
}

// Engines that have it.

/// A folder that goes with this.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kora-extension-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the system has room for a folder");
        Self(path)
    }

    fn start(&self, append_only: bool) -> Embedded {
        // It never comes to that, although the clock of these engines is long behind the system's.
        let save = vec![kora_engine::settings::SaveRule { seconds: 1_000_000_000, changes: 1 }];
        let persistence =
            PersistenceSettings { dir: self.0.clone(), append_only, save, ..Default::default() };
        let options = EmbeddedOptions {
            settings: Settings { persistence: persistence.into(), ..Settings::default() },
            extensions: Extensions::new(&[&TAPE]),
            commands: &[COMMANDS],
            ..EmbeddedOptions::new(4, 7, || UnixMs(1_700_000_000_000))
        };
        Embedded::start(options).expect("the data can be loaded")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const KEYS: usize = 16;

fn add_to_all(engine: &Embedded, word: &str) {
    for key in 0..KEYS {
        let added = engine.command(&[b"TAPE.ADD", format!("tape{key}").as_bytes(), word.as_bytes()]);
        assert_eq!(added, Value::Simple("OK".into()));
    }
}

fn assert_all(engine: &Embedded, text: &str) {
    for key in 0..KEYS {
        let read = engine.command(&[b"TAPE.READ", format!("tape{key}").as_bytes()]);
        assert_eq!(read, Value::Bulk(text.into()), "tape{key}");
    }
    assert_eq!(engine.command(&[b"TYPE", b"tape0"]), Value::Simple("tape".into()));
}

#[test]
fn the_log_brings_it_back() {
    let folder = Folder::new("log");
    add_to_all(&folder.start(true), "one ");
    let engine = folder.start(true);
    assert_all(&engine, "one ");
    add_to_all(&engine, "two");
    drop(engine);
    assert_all(&folder.start(true), "one two");
}

#[test]
fn a_snapshot_brings_it_back() {
    let folder = Folder::new("snapshot");
    let engine = folder.start(false);
    add_to_all(&engine, "one");
    assert_eq!(engine.command(&[b"SAVE"]), Value::Simple("OK".into()));
    add_to_all(&engine, " and what is not kept");
    drop(engine);
    assert_all(&folder.start(false), "one");
}

#[test]
fn a_snapshot_and_the_log_behind_it_bring_it_back() {
    let folder = Folder::new("both");
    let engine = folder.start(true);
    add_to_all(&engine, "one ");
    let bases = || -> BTreeSet<OsString> {
        let files = std::fs::read_dir(folder.0.join("appendonlydir")).expect("the log's folder is there");
        let names = files.filter_map(Result::ok).map(|file| file.file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".rdb")).collect()
    };
    let before = bases();
    let begun = Value::Simple("Background append only file rewriting started".into());
    let deadline = Instant::now() + Duration::from_secs(20);
    while engine.command(&[b"BGREWRITEAOF"]) != begun {
        assert!(Instant::now() < deadline, "the log is not rewritten");
        std::thread::sleep(Duration::from_millis(5));
    }
    add_to_all(&engine, "two");
    while bases().is_subset(&before) {
        assert!(Instant::now() < deadline, "the snapshot does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(engine);
    assert_all(&folder.start(true), "one two");
}

/// Whoever does not have the type must not lose its values unnoticed.
#[test]
fn without_the_type_there_is_no_start() {
    let folder = Folder::new("without");
    let engine = folder.start(false);
    add_to_all(&engine, "one");
    assert_eq!(engine.command(&[b"SAVE"]), Value::Simple("OK".into()));
    drop(engine);
    let save = vec![kora_engine::settings::SaveRule { seconds: 3600, changes: 1 }];
    let persistence = PersistenceSettings { dir: folder.0.clone(), save, ..Default::default() };
    let settings = Settings { persistence: persistence.into(), ..Settings::default() };
    let options = EmbeddedOptions { settings, ..EmbeddedOptions::new(4, 7, || UnixMs(1_700_000_000_000)) };
    let error = Embedded::start(options).expect_err("the type is not known");
    assert!(error.to_string().contains("tape"), "{error}");
}
