//! One snapshot on its way into a file.
//!
//! Each shard gives what it writes to a [`Share`]; a thread takes it from there and writes the file. A shard whose share
//! holds much waits with the next slice; what is about to change is taken in any case. So the memory it costs is bounded but
//! for writes that outrun the disk, and it is counted.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Select, Sender, bounded, unbounded};
use kora_core::catalog::Cataloged;
use kora_core::context::Ctx;
use kora_core::db::DbIndex;
use kora_core::rdb::{VERSION, VERSION_WITH_FIELD_DEADLINES, file};
use kora_core::store::snapshot::{Chunk, Progress as Step, SnapshotSink};
use kora_script::Scripts;
use kora_storage::StorageError;
use kora_storage::snapshot::{BUFFER_BYTES, SnapshotFile};

use super::restore::io_error;
use super::{Persistence, SaveError, SnapshotKind};
use crate::REDIS_VERSION;
use crate::settings::PersistenceSettings;

/// How much a snapshot's thread stands back behind others.
const NICENESS: i32 = 10;

/// Bytes of one shard on their way, above which it waits.
const SHARE_BYTES: usize = 1024 * 1024;

/// Bytes that a command with all stores in hand asks of a store at a time.
const SLICE_BYTES: usize = 256 * 1024;

/// How far a snapshot is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Keys there were at its instant.
    pub(crate) keys: usize,
    /// Keys written.
    pub(crate) written: AtomicUsize,
    /// Most bytes that were on their way at once.
    pub(crate) peak_bytes: AtomicUsize,
}

/// To wait for the end of a snapshot.
#[derive(Debug)]
pub struct Ticket(Receiver<Result<(), SaveError>>);

impl Ticket {
    /// Waits, and says what became of it.
    pub fn wait(self) -> Result<(), SaveError> {
        self.0.recv().unwrap_or_else(|_| Err(SaveError::Failed("the snapshot's thread is gone".to_owned())))
    }
}

/// The memory of a snapshot's file, which counts as on its way.
struct FileBuffer(Arc<AtomicUsize>);

impl FileBuffer {
    fn of(in_flight: &Arc<AtomicUsize>) -> Self {
        in_flight.fetch_add(BUFFER_BYTES, Ordering::AcqRel);
        Self(Arc::clone(in_flight))
    }
}

impl Drop for FileBuffer {
    fn drop(&mut self) {
        crate::memory::tell_if_much();
        self.0.fetch_sub(BUFFER_BYTES, Ordering::AcqRel);
    }
}

/// Bytes on their way, of one shard and of all snapshots.
#[derive(Debug)]
struct InFlight {
    mine: AtomicUsize,
    all: Arc<AtomicUsize>,
}

/// One shard's way to the file.
struct Share {
    sender: Option<Sender<Chunk>>,
    in_flight: Arc<InFlight>,
    is_over: Arc<AtomicBool>,
    progress: Arc<Progress>,
    /// Bytes of memory that the shard has in use for what it is writing.
    open_bytes: usize,
}

impl SnapshotSink for Share {
    fn put(&mut self, chunk: Chunk) {
        let bytes = chunk.bytes.capacity();
        self.in_flight.mine.fetch_add(bytes, Ordering::AcqRel);
        let all = self.in_flight.all.fetch_add(bytes, Ordering::AcqRel) + bytes;
        self.progress.peak_bytes.fetch_max(all, Ordering::Relaxed);
        if let Some(sender) = &self.sender
            && sender.send(chunk).is_err()
        {
            // The thread has ended: nobody wants it.
            self.in_flight.give_back(bytes);
        }
    }

    fn note_open(&mut self, bytes: usize) {
        let before = std::mem::replace(&mut self.open_bytes, bytes);
        self.in_flight.all.fetch_add(bytes, Ordering::AcqRel);
        self.in_flight.all.fetch_sub(before, Ordering::AcqRel);
    }

    fn has_room(&self) -> bool {
        self.in_flight.mine.load(Ordering::Acquire) < SHARE_BYTES
    }

    fn is_wanted(&self) -> bool {
        !self.is_over.load(Ordering::Acquire)
    }

    fn finish(&mut self) {
        // The end of the channel is the end of the share.
        self.sender = None;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.note_open(0);
        if self.sender.is_some() {
            // It did not come to its end.
            self.is_over.store(true, Ordering::Release);
        }
    }
}

impl InFlight {
    /// Frees a chunk, and has that known before it counts as gone: what is in use and not on its way is held against the limit.
    fn free(&self, chunk: Chunk) {
        let bytes = chunk.bytes.capacity();
        drop(chunk);
        crate::memory::tell_if_much();
        self.give_back(bytes);
    }

    fn give_back(&self, bytes: usize) {
        self.mine.fetch_sub(bytes, Ordering::AcqRel);
        self.all.fetch_sub(bytes, Ordering::AcqRel);
    }
}

/// What the file is to be, and what it holds beside keys.
struct Plan {
    dir: PathBuf,
    name: String,
    head: Vec<u8>,
    checksum: bool,
    /// Keys and keys with a deadline, by database.
    sizes: Vec<(usize, usize)>,
    goal: Goal,
}

/// What a snapshot is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// The file that `dbfilename` names.
    Dump,
    /// The log goes on from it.
    Base {
        /// The log's first record behind it.
        first: u64,
        /// Whether the log has begun with it.
        begins: bool,
    },
    /// A log that is begun later could go on from it. There is none.
    Alone,
}

impl Goal {
    fn kind(self) -> SnapshotKind {
        if self == Self::Dump { SnapshotKind::Dump } else { SnapshotKind::Base }
    }
}

/// Marks the instant in the stores in hand, and starts the thread.
pub(super) fn start(
    persistence: &Arc<Persistence>,
    ctx: &mut Ctx<'_>,
    goal: Goal,
) -> Result<(Ticket, Arc<Progress>), SaveError> {
    let settings = persistence.settings();
    let plan = plan(persistence, ctx, &settings, goal);
    let mut keys = 0;
    ctx.each_store(|store, _| keys += store.key_count());
    let progress = Arc::new(Progress { keys, ..Progress::default() });
    let is_over = Arc::new(AtomicBool::new(false));
    let mut ways = Vec::new();
    let mut shares = Vec::new();
    for _ in 0..ctx.shard_count() {
        let (sender, receiver) = unbounded();
        let in_flight =
            Arc::new(InFlight { mine: AtomicUsize::new(0), all: Arc::clone(&persistence.in_flight) });
        ways.push(Way { receiver, in_flight: Arc::clone(&in_flight) });
        let (is_over, progress) = (Arc::clone(&is_over), Arc::clone(&progress));
        shares.push(Share { sender: Some(sender), in_flight, is_over, progress, open_bytes: 0 });
    }
    let (result_sender, result) = bounded(1);
    let writer = Writer {
        persistence: Arc::clone(persistence),
        plan,
        ways,
        is_over: Arc::clone(&is_over),
        progress: Arc::clone(&progress),
    };
    let lists = Arc::clone(&persistence.needs.settings.get().processors);
    let body = move || {
        if goal == Goal::Dump { &lists.snapshots } else { &lists.rewrites }.bind();
        // Of this thread alone: who serves clients comes first. Where that is not allowed, it does without.
        let _ = rustix::process::nice(NICENESS);
        let result = writer.run();
        // Nobody need wait for it.
        let _ = result_sender.send(result);
    };
    let thread = crate::threads::spawn("kora-snapshot", body);
    thread.map_err(|error| SaveError::Failed(error.to_string()))?;
    let (compress, now) = (settings.compression, ctx.now);
    ctx.each_store(|store, _| {
        let share = shares.pop().expect("one for each shard");
        store.begin_snapshot(compress, now, Box::new(share));
    });
    Ok((Ticket(result), progress))
}

fn plan(persistence: &Persistence, ctx: &mut Ctx<'_>, settings: &PersistenceSettings, goal: Goal) -> Plan {
    let mut sizes = vec![(0, 0); usize::from(persistence.needs.settings.get().core.database_count)];
    let mut has_room = false;
    ctx.each_store(|store, _| {
        has_room |= store.has_room_for_field_deadlines();
        for (size, db) in sizes.iter_mut().zip((0..).map(DbIndex)) {
            let database = store.database(db);
            size.0 += database.len();
            size.1 += database.expires();
        }
    });
    let mut head = Vec::new();
    file::write_header(if has_room { VERSION_WITH_FIELD_DEADLINES } else { VERSION }, &mut head);
    let now = super::unix_seconds().to_string();
    let used = persistence.needs.account.used().to_string();
    let is_base = if goal == Goal::Dump { "0" } else { "1" };
    for (name, value) in [
        ("redis-ver", REDIS_VERSION),
        ("redis-bits", "64"),
        ("ctime", &now),
        ("used-mem", &used),
        ("aof-base", is_base),
    ] {
        file::write_aux(name.as_bytes(), value.as_bytes(), &mut head);
    }
    let scripts: &Scripts = ctx.services.get().expect("an engine offers its scripts");
    for catalog in Cataloged::among(ctx.services) {
        if let Some(bytes) = catalog.dump() {
            file::write_aux(catalog.name().as_bytes(), &bytes, &mut head);
        }
    }
    for code in scripts.library_codes() {
        file::write_function(&code, settings.compression, &mut head);
    }
    let (dir, name) = match goal {
        Goal::Base { first, .. } => (persistence.log_dir(settings), kora_storage::format::base_name(first)),
        // Its number is looked for when it is written.
        Goal::Alone => (persistence.log_dir(settings), String::new()),
        Goal::Dump => (persistence.dir.clone(), settings.db_file_name.clone()),
    };
    Plan { dir, name, head, checksum: settings.checksum, sizes, goal }
}

/// Writes all of a snapshot that has begun, while the stores are in hand.
pub(super) fn finish_now(ctx: &mut Ctx<'_>) {
    loop {
        let (mut is_done, mut is_full) = (true, true);
        crate::memory::tell_if_much();
        ctx.each_store(|store, _| {
            let step = store.snapshot_some(SLICE_BYTES);
            is_done &= matches!(step, Step::Done | Step::None);
            is_full &= step != Step::More;
        });
        if is_done {
            kora_core::codec::release_compression(crate::memory::tell);
            return;
        }
        if is_full {
            // The disk is slower than we are.
            std::thread::sleep(std::time::Duration::from_micros(200));
        }
    }
}

/// Where one shard's share arrives.
struct Way {
    receiver: Receiver<Chunk>,
    in_flight: Arc<InFlight>,
}

/// Puts the shares into one file.
struct Writer {
    persistence: Arc<Persistence>,
    plan: Plan,
    ways: Vec<Way>,
    is_over: Arc<AtomicBool>,
    progress: Arc<Progress>,
}

impl Writer {
    fn run(mut self) -> Result<(), SaveError> {
        let begun = std::time::Instant::now();
        let mut may_be_there = false;
        let result = self.write(&mut may_be_there);
        // Whoever still writes need not.
        self.is_over.store(true, Ordering::Release);
        let kind = self.plan.goal.kind();
        let persistence = Arc::clone(&self.persistence);
        match &result {
            Ok((bytes, number)) => {
                tracing::info!(
                    "snapshot {} written: {} keys, {bytes} bytes, {:.3} s",
                    self.plan.name,
                    self.progress.written.load(Ordering::Relaxed),
                    begun.elapsed().as_secs_f64()
                );
                self.await_shares();
                if let Some(first) = number {
                    persistence.base_is_durable(*first);
                }
            }
            Err(error) => {
                let what = match kind {
                    SnapshotKind::Dump => "snapshot",
                    SnapshotKind::Base => "snapshot for the log",
                };
                tracing::error!("{what} {} failed: {error}", self.plan.name);
                persistence.note_failed(kind);
                self.await_shares();
                if let Goal::Base { first, begins } = self.plan.goal {
                    let error = SaveError::Failed(error.to_string());
                    persistence.settle_failed_base((first, begins), may_be_there, &error);
                }
            }
        }
        crate::memory::tell();
        persistence.note_end(kind, result.as_ref().ok().map(|(bytes, _)| *bytes));
        result.map(drop).map_err(|error| SaveError::Failed(error.to_string()))
    }

    /// Waits until all shards have let go of the snapshot: before that none can begin another.
    fn await_shares(&self) {
        for way in &self.ways {
            for chunk in &way.receiver {
                way.in_flight.free(chunk);
            }
        }
    }

    /// Makes the file; the number of a snapshot for a log.
    fn create(&mut self) -> Result<(SnapshotFile, Option<u64>), WriteError> {
        let Self { persistence, plan, .. } = self;
        let failed = |error: SaveError| WriteError::Failed(error.to_string());
        persistence.lock_dir().map_err(failed)?;
        let number = persistence.numbers.fetch_add(1, Ordering::Relaxed);
        let create = || SnapshotFile::create(Arc::clone(&persistence.disk), &plan.dir, number, plan.checksum);
        let file = match create() {
            Err(StorageError::Io { source, .. })
                if plan.goal != Goal::Dump && source.kind() == io::ErrorKind::NotFound =>
            {
                let made = persistence.disk.create_dir(&plan.dir);
                made.map_err(|source| io_error("make", &plan.dir, source))?;
                create()?
            }
            result => result?,
        };
        let first = match plan.goal {
            Goal::Dump => None,
            Goal::Base { first, .. } => Some(first),
            Goal::Alone => {
                let first = persistence.number_alone(&plan.dir).map_err(failed)?;
                plan.name = kora_storage::format::base_name(first);
                Some(first)
            }
        };
        Ok((file, first))
    }

    /// Writes the file; returns its length, and its number. `may_be_there`: if it fails, a start may find it all the same.
    fn write(&mut self, may_be_there: &mut bool) -> Result<(u64, Option<u64>), WriteError> {
        // Goes after the file.
        let _buffer = FileBuffer::of(&self.persistence.in_flight);
        let (mut file, first) = self.create()?;
        file.append(&self.plan.head)?;
        let mut body = Body { file: &mut file, db: None, has_size: vec![false; self.plan.sizes.len()] };
        let mut left: Vec<usize> = (0..self.ways.len()).collect();
        while let Some(way) = self.next_way(&mut left) {
            self.copy(way, &mut body)?;
        }
        // A share that was given up has ended like the others.
        self.check()?;
        let mut end = Vec::new();
        file::write_end(&mut end);
        file.append(&end)?;
        file.seal()?;
        *may_be_there = true;
        Ok((file.commit(&self.plan.name)?, first))
    }

    /// A share of those `left` that has something, waiting for one; `None` when all have ended.
    fn next_way(&self, left: &mut Vec<usize>) -> Option<usize> {
        while !left.is_empty() {
            let mut select = Select::new();
            for &way in left.iter() {
                select.recv(&self.ways[way].receiver);
            }
            let ready = select.ready();
            drop(select);
            let receiver = &self.ways[left[ready]].receiver;
            if !receiver.is_empty() {
                return Some(left[ready]);
            }
            // Ready and empty: either it has ended, or it is a false alarm.
            if let Err(crossbeam_channel::TryRecvError::Disconnected) = receiver.try_recv() {
                left.swap_remove(ready);
            }
        }
        None
    }

    /// Copies chunks of one share until one ends with the end of an entry.
    fn copy(&self, way: usize, body: &mut Body<'_>) -> Result<(), WriteError> {
        let Way { receiver, in_flight } = &self.ways[way];
        let mut is_whole = false;
        while !is_whole {
            // The end, in the midst of an entry: that had just been completed.
            let Ok(chunk) = receiver.recv() else { return self.check() };
            body.put(&chunk, &self.plan.sizes)?;
            self.progress.written.fetch_add(chunk.entries, Ordering::Relaxed);
            is_whole = chunk.is_whole;
            in_flight.free(chunk);
        }
        self.check()
    }

    /// Fails if a share was given up.
    fn check(&self) -> Result<(), WriteError> {
        if self.is_over.load(Ordering::Acquire) { Err(WriteError::GivenUp) } else { Ok(()) }
    }
}

#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("{0}")]
    Failed(String),
    #[error("the server ended before it was complete")]
    GivenUp,
}

/// The keys in the file.
struct Body<'a> {
    file: &'a mut SnapshotFile,
    db: Option<DbIndex>,
    /// By database, whether its size was written.
    has_size: Vec<bool>,
}

impl Body<'_> {
    fn put(&mut self, chunk: &Chunk, sizes: &[(usize, usize)]) -> Result<(), StorageError> {
        if self.db != Some(chunk.db) {
            let mut head = Vec::new();
            file::write_select_db(chunk.db.0, &mut head);
            if !std::mem::replace(&mut self.has_size[chunk.db.index()], true) {
                let (keys, expires) = sizes[chunk.db.index()];
                file::write_resize_db(keys as u64, expires as u64, &mut head);
            }
            self.file.append(&head)?;
            self.db = Some(chunk.db);
        }
        self.file.append(&chunk.bytes)
    }
}
