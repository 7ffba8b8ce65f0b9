//! Reading files back into stores that nobody else has in hand yet.
//!
//! A snapshot is cut up by one thread, which only finds where keys begin and end, and built by one thread per store. The log
//! is then replayed in its order: effects are commands, and run as such.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};
use kora_core::catalog::{Catalog, Cataloged, Foreign};
use kora_core::command::table::{CommandTable, Handler};
use kora_core::context::Stores;
use kora_core::db::DbIndex;
use kora_core::entry::Entry;
use kora_core::journal::Journal;
use kora_core::rdb::file::{self, Piece};
use kora_core::rdb::{ModuleData, RdbError};
use kora_core::reply::NoReply;
use kora_core::services::Services;
use kora_core::shard::handler::run_on_stores;
use kora_core::slot::Slot;
use kora_core::store::ShardStore;
use kora_core::time::UnixMs;
use kora_script::Scripts;
use kora_storage::disk::{Disk, DiskFile};
use kora_storage::recovery::Plan;
use kora_storage::{Damage, StorageError};
use kora_stream::record::{Item, Items};
use smallvec::SmallVec;

use super::source::Source;
use crate::{memory, threads};

/// Bytes given to a builder at once.
const BATCH_BYTES: usize = 128 * 1024;

/// Entries that go into the table together.
const BUILT_AT_ONCE: usize = 32;

/// Batches that wait for a builder.
const BATCHES_WAITING: usize = 8;

/// Loading tells how far it is after each tenth, or after so many bytes if that is more.
const PROGRESS_BYTES_MIN: u64 = 256 * 1024 * 1024;

/// Why files were not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// What the files or the disk say.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// Nobody wants the data any more.
    #[error("the server is ending")]
    Ending,
    /// Something else.
    #[error("{0}")]
    Other(String),
}

/// How far loading is.
#[derive(Debug, Default)]
pub struct Loading {
    is_on: AtomicBool,
    started_seconds: AtomicI64,
    total_bytes: AtomicU64,
    loaded_bytes: AtomicU64,
    keys: AtomicU64,
    expired: AtomicU64,
    is_ending: AtomicBool,
}

/// The same at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadingFigures {
    /// Whether it goes on.
    pub is_on: bool,
    /// When it began, in seconds since the Unix epoch.
    pub started_seconds: i64,
    /// Bytes of the files.
    pub total_bytes: u64,
    /// Bytes read.
    pub loaded_bytes: u64,
    /// Keys loaded from a snapshot, the last time.
    pub keys: u64,
    /// Keys of it that had expired, and were left out.
    pub expired: u64,
}

impl Loading {
    /// Whether the data are being loaded.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Acquire)
    }

    /// Begins.
    pub fn begin(&self) {
        self.started_seconds.store(super::unix_seconds(), Ordering::Relaxed);
        for counter in [&self.total_bytes, &self.loaded_bytes, &self.keys, &self.expired] {
            counter.store(0, Ordering::Relaxed);
        }
        self.is_on.store(true, Ordering::Release);
    }

    /// More bytes are to be read.
    pub(super) fn add_total(&self, bytes: u64) {
        self.total_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// More bytes were read.
    ///
    /// # Errors
    /// If the server is ending: then nobody wants them.
    pub(super) fn add_loaded(&self, bytes: u64) -> Result<(), LoadError> {
        let before = self.loaded_bytes.fetch_add(bytes, Ordering::Relaxed);
        let total = self.total_bytes.load(Ordering::Relaxed);
        let tenth = (total / 10).max(PROGRESS_BYTES_MIN);
        if before / tenth != (before + bytes) / tenth {
            tracing::info!("{} of {total} bytes loaded", before + bytes);
        }
        if self.is_ending.load(Ordering::Relaxed) { Err(LoadError::Ending) } else { Ok(()) }
    }

    /// Makes loading stop: the server is ending.
    pub fn stop(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Ends.
    pub fn end(&self) {
        self.is_on.store(false, Ordering::Release);
    }

    /// How far it is now.
    pub fn figures(&self) -> LoadingFigures {
        LoadingFigures {
            is_on: self.is_on(),
            started_seconds: self.started_seconds.load(Ordering::Relaxed),
            total_bytes: self.total_bytes.load(Ordering::Relaxed),
            loaded_bytes: self.loaded_bytes.load(Ordering::Relaxed),
            keys: self.keys.load(Ordering::Relaxed),
            expired: self.expired.load(Ordering::Relaxed),
        }
    }
}

/// What loading needs of the server.
pub(crate) struct Target<'a> {
    pub(super) stores: &'a mut [Box<ShardStore>],
    pub(super) table: &'a CommandTable<()>,
    pub(super) services: &'a Arc<Services>,
    pub(super) scripts: &'a Scripts,
    pub(super) loading: &'a Loading,
    pub(super) now: UnixMs,
}

/// What a builder is to do for its store.
enum Errand {
    /// Take these keys in.
    Build(Batch),
    /// Take its part of the catalog.
    Attach(Arc<dyn Catalog>),
}

/// Keys of one database for one store.
struct Batch {
    db: DbIndex,
    version: u16,
    /// Where it begins in the file, about: for messages.
    offset: u64,
    bytes: Vec<u8>,
}

/// What a snapshot told of itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Loaded {
    /// Bytes up to its end, checksum included.
    pub(super) bytes: u64,
}

/// Loads the snapshot that `file` begins with. `keeps_expired`: effects follow that say which keys expired.
pub(super) fn load_snapshot(
    target: &mut Target<'_>,
    (file, path): (&dyn DiskFile, &Path),
    keeps_expired: bool,
) -> Result<Loaded, LoadError> {
    let Target { scripts, services, loading, now, .. } = *target;
    let shard_count = u16::try_from(target.stores.len()).expect("shards are numbered by u16");
    std::thread::scope(|scope| {
        let mut senders = Vec::new();
        let mut builders = Vec::new();
        for store in target.stores.iter_mut() {
            let (sender, receiver) = bounded(BATCHES_WAITING);
            senders.push(sender);
            let deadline = if keeps_expired { None } else { Some(now) };
            let body = move || build_all(store, &receiver, (now, deadline), (path, loading));
            let builder = threads::spawn_in(scope, "kora-builder", body);
            builders.push(builder.map_err(|error| LoadError::Other(format!("no thread: {error}")))?);
        }
        let source = Source::new(file, path, Some(loading));
        let cut = Cutter::new(source, senders, shard_count, (scripts, services)).run();
        let mut result = Ok(());
        for builder in builders {
            result = result.and(builder.join().expect("builders do not panic"));
        }
        // What a builder found explains why the cutter could not go on.
        result.and(cut)
    })
}

/// Cuts a snapshot up.
struct Cutter<'a> {
    source: Source<'a>,
    senders: Vec<Sender<Errand>>,
    batches: Vec<Vec<u8>>,
    shard_count: u16,
    scripts: &'a Scripts,
    services: &'a Services,
    db: DbIndex,
    version: u16,
}

impl<'a> Cutter<'a> {
    fn new(
        source: Source<'a>,
        senders: Vec<Sender<Errand>>,
        shard_count: u16,
        (scripts, services): (&'a Scripts, &'a Services),
    ) -> Self {
        let batches = senders.iter().map(|_| Vec::new()).collect();
        Self { source, senders, batches, shard_count, scripts, services, db: DbIndex(0), version: 0 }
    }

    fn run(mut self) -> Result<Loaded, LoadError> {
        self.version = self.source.read_header()?;
        loop {
            let rest = self.source.rest();
            let (piece, len) = match file::next_piece(rest, self.version) {
                Ok(found) => found,
                Err(RdbError::Incomplete(more)) => {
                    if !self.source.fill(more)? {
                        return Err(self.source.damage("the file ends too early"));
                    }
                    continue;
                }
                Err(error) => return Err(self.source.damage(error.to_string())),
            };
            match piece {
                Piece::Entry(entry) => {
                    let shard = Slot::of(&entry.key).shard(self.shard_count).index();
                    self.batches[shard].extend_from_slice(&rest[..len]);
                    if self.batches[shard].len() >= BATCH_BYTES {
                        self.send(shard)?;
                    }
                }
                Piece::SelectDb(db) => {
                    self.send_all()?;
                    self.db = DbIndex(u16::try_from(db).unwrap_or(u16::MAX));
                }
                Piece::Function(code) => {
                    let loaded = self.scripts.load_library(&code, true);
                    loaded.map_err(|error| self.source.damage(format!("a function library: {error}")))?;
                }
                Piece::ModuleAux(data) => self.take_foreign(&data)?,
                Piece::Aux { name, value } => self.take_aux(&name, &value)?,
                Piece::ResizeDb { .. } | Piece::SlotInfo => {}
                Piece::End { checksum } => {
                    self.send_all()?;
                    self.source.check_end(len, checksum)?;
                    return Ok(Loaded { bytes: self.source.at() });
                }
            }
            self.source.used += len;
        }
    }

    /// Takes up what the snapshot says of itself, as far as it matters.
    fn take_aux(&self, name: &[u8], value: &[u8]) -> Result<(), LoadError> {
        let mut catalogs = Cataloged::among(self.services);
        let Some(catalog) = catalogs.find(|catalog| name == catalog.name().as_bytes()) else {
            return Ok(());
        };
        catalog.restore(value).map_err(|error| self.source.damage(error))?;
        self.attach(catalog)
    }

    /// Takes up what a module of Redis stored, if it is of what a catalog holds.
    fn take_foreign(&self, data: &ModuleData<'_>) -> Result<(), LoadError> {
        let mut taken = Foreign::Unknown;
        for catalog in Cataloged::among(self.services) {
            taken = catalog.restore_foreign(data).map_err(|error| self.source.damage(error))?;
            if let Foreign::Taken { has_parts: true, .. } = taken {
                self.attach(catalog)?;
            }
            if taken != Foreign::Unknown {
                break;
            }
        }
        let name = String::from_utf8_lossy(&data.name);
        match taken {
            Foreign::Unknown => {
                let version = data.version;
                tracing::warn!("what a module stored in the snapshot is left out: {name}, version {version}");
            }
            Foreign::Taken { left_out, .. } => {
                left_out.iter().for_each(|what| tracing::warn!("left out of the snapshot: {what}"));
            }
        }
        Ok(())
    }

    /// Gives all stores their parts of what the catalog has taken up.
    fn attach(&self, catalog: &Arc<dyn Catalog>) -> Result<(), LoadError> {
        self.senders.iter().try_for_each(|sender| {
            let sent = sender.send(Errand::Attach(Arc::clone(catalog)));
            sent.map_err(|_| LoadError::Other("an index could not be loaded".to_owned()))
        })
    }

    fn send_all(&mut self) -> Result<(), LoadError> {
        (0..self.batches.len()).try_for_each(|shard| self.send(shard))
    }

    fn send(&mut self, shard: usize) -> Result<(), LoadError> {
        let bytes = std::mem::take(&mut self.batches[shard]);
        if bytes.is_empty() {
            return Ok(());
        }
        memory::tell_if_much();
        let batch = Batch { db: self.db, version: self.version, offset: self.source.at(), bytes };
        let sent = self.senders[shard].send(Errand::Build(batch));
        sent.map_err(|_| LoadError::Other("a key could not be loaded".to_owned()))
    }
}

/// Builds the keys of one store.
fn build_all(
    store: &mut ShardStore,
    errands: &Receiver<Errand>,
    (now, deadline): (UnixMs, Option<UnixMs>),
    (path, loading): (&Path, &Loading),
) -> Result<(), LoadError> {
    for errand in errands {
        memory::tell_if_much();
        let batch = match errand {
            Errand::Build(batch) => batch,
            Errand::Attach(catalog) => {
                catalog.attach(store);
                continue;
            }
        };
        let damage = |what: String| {
            let (path, offset) = (path.to_owned(), batch.offset);
            LoadError::Storage(Damage { path, offset, what: format!("before this place, {what}") }.into())
        };
        if batch.db.0 >= store.config().database_count {
            let text = format!("the data have a database {}, and 'databases' allows for fewer", batch.db.0);
            return Err(LoadError::Other(text));
        }
        let twice = |entry: Entry| damage(format!("the key '{}' is there twice", entry.key().escape_ascii()));
        let mut built = Vec::with_capacity(BUILT_AT_ONCE);
        let mut rest = &batch.bytes[..];
        let (mut keys, mut expired) = (0, 0);
        while !rest.is_empty() {
            let piece = file::next_piece(rest, batch.version);
            let (piece, len) = piece.map_err(|error| damage(error.to_string()))?;
            rest = &rest[len..];
            let Piece::Entry(raw) = piece else { continue };
            if deadline.is_some_and(|now| raw.expiry.is_some_and(|at| at < now)) {
                expired += 1;
                continue;
            }
            let seed = store.random();
            let entry = raw.build(&store.loader(seed), now);
            let key = || raw.key.escape_ascii().to_string();
            match entry {
                Ok(entry) => {
                    built.push(entry);
                    keys += 1;
                }
                Err(RdbError::Empty) => tracing::warn!("the empty key '{}' is left out", key()),
                Err(error) => return Err(damage(format!("the key '{}': {error}", key()))),
            }
            if built.len() == BUILT_AT_ONCE {
                store.load(batch.db, &mut built, now).map_err(twice)?;
            }
        }
        store.load(batch.db, &mut built, now).map_err(twice)?;
        store.catch_up();
        loading.keys.fetch_add(keys, Ordering::Relaxed);
        loading.expired.fetch_add(expired, Ordering::Relaxed);
    }
    Ok(())
}

/// Runs the effects of a log.
pub(crate) struct Replay<'t, 'a> {
    target: &'t mut Target<'a>,
    journal: Journal,
    shard_count: u16,
}

impl<'t, 'a> Replay<'t, 'a> {
    pub(crate) fn new(target: &'t mut Target<'a>) -> Self {
        let shard_count = u16::try_from(target.stores.len()).expect("shards are numbered by u16");
        let now = target.now;
        target.stores.iter_mut().for_each(|store| store.set_replaying(Some(now)));
        Self { target, journal: Journal::default(), shard_count }
    }

    /// Runs one command; the text of the error with which it refuses, if it does.
    ///
    /// # Errors
    /// If there is no such command, or it does not work on stores.
    pub(crate) fn run(&mut self, db: DbIndex, args: &[&[u8]]) -> Result<Option<String>, String> {
        memory::tell_if_much();
        if args.is_empty() || db.0 >= self.target.stores[0].config().database_count {
            return Err("an empty command, or a database that there is not".to_owned());
        }
        let command = self.target.table.resolve(args).map_err(|error| error.to_string())?;
        let Handler::Core(handler) = command.handler else {
            unreachable!("there are no others in this table")
        };
        let run = (command.facts, handler);
        let desk = (&mut self.journal, self.target.services);
        let stores = Stores::of(self.target.stores, self.shard_count);
        let mut out = NoReply::default();
        // What was done at that time was done long ago: nothing it sets has expired yet.
        run_on_stores(stores, desk, run, args, (db, UnixMs(0)), &mut out);
        Ok(out.error)
    }

    /// Runs the records of a log; returns how many they were.
    pub(super) fn run_log(&mut self, disk: &dyn Disk, plan: &Plan) -> Result<u64, LoadError> {
        let mut reader = plan.reader(disk);
        let mut count = 0;
        while let Some(record) = reader.next()? {
            let damage = |what: String| {
                let (path, offset) = (record.path.to_owned(), record.offset);
                LoadError::Storage(Damage { path, offset, what }.into())
            };
            for item in Items::new(record.payload) {
                let Item::Effect(effect) = item.map_err(|error| damage(error.to_string()))? else { continue };
                if !record.cut.keeps(effect.scope.stamp, record.sequence) {
                    continue;
                }
                let args: SmallVec<[&[u8]; 16]> = effect.arguments.collect();
                let refusal = self.run(DbIndex(effect.db), &args).unwrap_or_else(Some);
                if let Some(error) = refusal {
                    return Err(damage(format!(
                        "the effect {} is refused: {error}",
                        args.first().unwrap_or(&&b""[..]).escape_ascii()
                    )));
                }
            }
            // What it threw away would count as in use when the server begins to serve.
            self.target.stores.iter_mut().filter(|store| store.has_garbage()).for_each(|store| {
                drop(store.take_garbage());
            });
            self.target.stores.iter_mut().for_each(|store| store.catch_up());
            self.target.loading.add_loaded(record.payload.len() as u64)?;
            count += 1;
        }
        Ok(count)
    }

    /// Notes that more bytes of a log were read.
    ///
    /// # Errors
    /// If the server is ending.
    pub(super) fn note_progress(&self, bytes: u64) -> Result<(), LoadError> {
        self.target.loading.add_loaded(bytes)
    }

    /// Runs a command of one of Redis's own logs, in the database that it selected; the text of the error, if it refuses.
    ///
    /// # Errors
    /// If there is no such command or database.
    pub(super) fn run_of_redis(
        &mut self,
        db: &mut DbIndex,
        args: &[&[u8]],
    ) -> Result<Option<String>, String> {
        if args[0].eq_ignore_ascii_case(b"select") {
            let number = args.get(1).and_then(|arg| kora_core::number::parse_i64(arg));
            let number = number.and_then(|number| u16::try_from(number).ok());
            let limit = self.target.stores[0].config().database_count;
            *db = number.filter(|db| *db < limit).map(DbIndex).ok_or("a database that there is not")?;
            return Ok(None);
        }
        self.run(*db, args)
    }
}

impl Drop for Replay<'_, '_> {
    fn drop(&mut self) {
        self.target.stores.iter_mut().for_each(|store| store.set_replaying(None));
    }
}
