//! What survives a restart: when snapshots are taken, what the log is given, and what clients are told meanwhile.
//!
//! A snapshot begins in a command that has all stores in hand ([`Persistence::begin`]): that is its instant, and the log's
//! new segment begins there. Then each worker writes its shard's share a little at a time, and a thread of the snapshot's own
//! puts the shares into one file ([`snapshot`]). A restart reads files back into the stores before the workers have them
//! ([`loader`]).

mod backoff;
mod check;
mod drive;
mod figures;
mod import;
pub(crate) mod loader;
mod log;
mod refusal;
pub(crate) mod restore;
mod schedule;
mod snapshot;
mod source;
mod switch;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kora_core::command::table::CommandTable;
use kora_core::context::Ctx;
use kora_core::shard::hub::Bells;
use kora_core::slot::WorkerId;
use kora_core::time::UnixMs;
use kora_locks::{RankedMutex, RankedRwLock, rank};
use kora_storage::StorageError;
use kora_storage::disk::{DirLock, Disk};

use crate::counters::Counters;
use crate::memory::Account;
use crate::observe::Insight;
use crate::settings::{PersistenceSettings, SettingsInForce};
use crate::stream::Stream;
use backoff::Backoff;
pub use check::{Verdict, check, repair};
pub use drive::Drive;
pub use figures::PersistenceInfo;
pub use loader::{LoadError, Loading, LoadingFigures};
use log::OpenLog;
pub use log::{LogPosition, Notes};
pub use refusal::WriteRefusal;
pub use schedule::Task;
use snapshot::Goal;
pub use snapshot::Ticket;

/// Why a snapshot could not be begun, or was not finished.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaveError {
    /// One is being taken.
    #[error("another snapshot is being taken")]
    Busy,
    /// The system, or another process, stands in the way.
    #[error("{0}")]
    Failed(String),
}

impl From<StorageError> for SaveError {
    fn from(error: StorageError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// How long the end of an engine waits for a snapshot that nobody goes on with.
const CLOSING_TIME_MAX: Duration = Duration::from_secs(10);

/// What a snapshot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotKind {
    /// It is all that a restart needs: the file that `dbfilename` names.
    Dump,
    /// The log goes on from it.
    Base,
}

/// A snapshot that is being taken.
#[derive(Debug)]
struct Running {
    kind: SnapshotKind,
    /// Somebody waits for its end, and is told if it fails; that refuses nobody's writes.
    is_awaited: bool,
    began: Instant,
    /// Changes counted at its instant.
    changes: u64,
    progress: Arc<snapshot::Progress>,
}

/// What is known of snapshots.
#[derive(Debug, Default)]
struct State {
    running: Option<Running>,
    is_save_scheduled: bool,
    is_rewrite_scheduled: bool,
    /// When the last snapshot was finished, in seconds since the Unix epoch; at first, when the server started.
    last_save: i64,
    last_save_failed: bool,
    /// Writes are refused since it did.
    refuses_for_snapshot: bool,
    last_save_seconds: Option<u64>,
    /// Tries that failed: of snapshots for themselves, of those for the log, and of preparing a log.
    saving: Backoff,
    rewriting: Backoff,
    preparing: Backoff,
    /// A log that the next snapshot begins.
    prepared: Option<OpenLog>,
    /// Why the log that `appendonly` asks for could not begin.
    begin_failure: Option<SaveError>,
    saves: u64,
    /// Changes counted at the instant of the last snapshot.
    saved_changes: u64,
    last_rewrite_failed: bool,
    last_rewrite_seconds: Option<u64>,
    rewrites: u64,
    failed_rewrites: u64,
    /// Bytes of the log's newest snapshot, and of its segments when that was finished.
    base_bytes: u64,
    bytes_before: u64,
}

/// What persistence needs of the engine around it.
#[derive(Clone, Debug)]
pub struct Needs {
    pub(crate) settings: Arc<SettingsInForce>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) bells: Arc<Bells>,
    pub(crate) account: Arc<Account>,
    pub(crate) stream: Arc<Stream>,
    pub(crate) insight: Arc<Insight>,
    /// The commands that effects consist of.
    pub(crate) effects: Arc<CommandTable<()>>,
}

/// See the module.
#[derive(Debug)]
pub struct Persistence {
    pub(crate) needs: Needs,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Who writes the log, and the log's clock.
    drive: Drive,
    pub(crate) log: RankedRwLock<{ rank::LOG_PLACE }, Option<OpenLog>>,
    /// Taken before anything is written.
    lock: RankedMutex<{ rank::DATA_DIR }, Option<Box<dyn DirLock>>>,
    /// Held while `appendonly` changes.
    switching: RankedMutex<{ rank::LOG_SWITCH }, ()>,
    is_preparing: AtomicBool,
    /// Logs that have begun since the start.
    logs_begun: AtomicU64,
    /// The last number that was given to a snapshot without looking for it in a log.
    last_number: AtomicU64,
    state: RankedMutex<{ rank::PERSISTENCE }, State>,
    /// The log was begun while there were data, and its first snapshot is not finished: it does not count yet.
    is_log_beginning: AtomicBool,
    /// The log has failed, and no snapshot has made up for it.
    has_log_failed: AtomicBool,
    /// Whether writes are refused; [`Persistence::refusal`] says why.
    refuses: Arc<AtomicBool>,
    /// How often writes were taken again.
    relents: AtomicU64,
    /// Snapshots taken since the start, whatever became of them: names their temporary files.
    numbers: AtomicU64,
    /// Bytes of snapshots in memory, on their way to the file.
    in_flight: Arc<AtomicUsize>,
    /// How far the data are loaded.
    pub loading: Loading,
}

impl Persistence {
    /// Files on `disk`, in the directory that the settings name now.
    pub fn new(needs: Needs, disk: Arc<dyn Disk>, drive: Drive, started: UnixMs) -> Self {
        Self {
            disk,
            dir: needs.settings.get().persistence.dir.clone(),
            needs,
            drive,
            log: RankedRwLock::default(),
            lock: RankedMutex::default(),
            switching: RankedMutex::default(),
            is_preparing: AtomicBool::new(false),
            logs_begun: AtomicU64::new(0),
            last_number: AtomicU64::new(0),
            state: RankedMutex::new(State { last_save: started.seconds(), ..State::default() }),
            is_log_beginning: AtomicBool::new(false),
            has_log_failed: AtomicBool::new(false),
            refuses: Arc::default(),
            relents: AtomicU64::new(0),
            numbers: AtomicU64::new(0),
            in_flight: Arc::default(),
            loading: Loading::default(),
        }
    }

    /// What it goes by now.
    fn settings(&self) -> Arc<PersistenceSettings> {
        Arc::clone(&self.needs.settings.get().persistence)
    }

    /// Changes of all shards so far.
    fn changes(&self) -> u64 {
        self.needs.counters.sum(|counters| &counters.changes)
    }

    /// Wakes the workers that hold replies back.
    fn wake_holders(&self) {
        for (worker, counters) in (0..).map(WorkerId).zip(self.needs.counters.iter()) {
            if counters.holds_replies.load(Ordering::SeqCst) {
                self.needs.bells.ring(worker);
            }
        }
    }

    /// Takes the data directory for this process.
    fn lock_dir(&self) -> Result<(), SaveError> {
        self.lock_dir_with(&mut self.lock.lock())
    }

    /// The same for a worker, which must not wait for what is held while files are read and written.
    fn lock_dir_at_once(&self) -> Result<(), SaveError> {
        let mut lock = self.lock.try_lock().ok_or(SaveError::Busy)?;
        self.lock_dir_with(&mut lock)
    }

    fn lock_dir_with(&self, lock: &mut Option<Box<dyn DirLock>>) -> Result<(), SaveError> {
        if !lock.as_ref().is_some_and(|lock| lock.has_name()) {
            *lock = None;
            let taken = kora_storage::disk::lock(&*self.disk, &self.dir);
            *lock = Some(taken.map_err(|error| SaveError::Failed(error.to_string()))?);
        }
        Ok(())
    }

    /// Begins a snapshot of the stores in hand, which must be all, as they are. It goes on by itself.
    pub fn begin(self: &Arc<Self>, ctx: &mut Ctx<'_>, kind: SnapshotKind) -> Result<Ticket, SaveError> {
        if kind == SnapshotKind::Dump {
            self.count_save();
        }
        self.begin_at(ctx, kind, None, false)
    }

    /// Counts a save that somebody has asked for, or that is due, whatever becomes of it.
    pub fn count_save(&self) {
        self.state.lock().saves += 1;
    }

    /// Makes the folder of the log if it is not there: BGREWRITEAOF begins with that, so that its client hears of a failure.
    pub fn make_log_dir(&self) -> Result<(), SaveError> {
        let dir = self.log_dir(&self.settings());
        self.disk.create_dir(&dir).map_err(|source| {
            self.state.lock().last_rewrite_failed = true;
            let error = SaveError::from(restore::io_error("make", &dir, source));
            tracing::error!("the log can't be rewritten: {error}");
            error
        })
    }

    /// CONFIG RESETSTAT.
    pub(crate) fn reset_stats(&self) {
        let mut state = self.state.lock();
        (state.saves, state.rewrites, state.failed_rewrites) = (0, 0, 0);
    }

    /// The same; `first`: the log's first record behind it, if that is settled; `is_awaited`: the caller waits for its end.
    fn begin_at(
        self: &Arc<Self>,
        ctx: &mut Ctx<'_>,
        kind: SnapshotKind,
        first: Option<u64>,
        is_awaited: bool,
    ) -> Result<Ticket, SaveError> {
        let mut state = self.state.lock();
        if state.running.is_some() {
            return Err(SaveError::Busy);
        }
        match kind {
            SnapshotKind::Dump => state.is_save_scheduled = false,
            SnapshotKind::Base => state.is_rewrite_scheduled = false,
        }
        let changes = self.changes();
        if kind == SnapshotKind::Base {
            // What this shard did earlier in its round is in the snapshot: in the log it belongs before that.
            self.needs.stream.publish(ctx.journal.record(), self.clock_ms());
            ctx.journal.clear_record();
        }
        let goal = match (kind, first) {
            (SnapshotKind::Dump, _) => Goal::Dump,
            (SnapshotKind::Base, Some(first)) => Goal::Base { first, begins: false },
            (SnapshotKind::Base, None) => self.next_base(&mut state)?,
        };
        let started = snapshot::start(self, ctx, goal);
        match started {
            Ok((ticket, progress)) => {
                state.running = Some(Running { kind, is_awaited, began: Instant::now(), changes, progress });
                Ok(ticket)
            }
            Err(error) => {
                drop(state);
                tracing::error!("a snapshot can't be begun: {error}");
                if let Goal::Base { first, begins } = goal {
                    self.settle_failed_base((first, begins), false, &error);
                }
                self.note_end(kind, None);
                Err(error)
            }
        }
    }

    /// Takes a snapshot of the stores in hand and waits for its end.
    pub fn save_now(self: &Arc<Self>, ctx: &mut Ctx<'_>, kind: SnapshotKind) -> Result<(), SaveError> {
        self.save_at(ctx, kind, None)
    }

    fn save_at(
        self: &Arc<Self>,
        ctx: &mut Ctx<'_>,
        kind: SnapshotKind,
        first: Option<u64>,
    ) -> Result<(), SaveError> {
        let ticket = self.begin_at(ctx, kind, first, true)?;
        snapshot::finish_now(ctx);
        ticket.wait()
    }

    /// Brings a snapshot that is being taken to its end, with all stores in hand.
    pub fn finish_running(&self, ctx: &mut Ctx<'_>) {
        snapshot::finish_now(ctx);
        while self.running().is_some() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Ends the log and gives the data directory up, once all workers have ended: another engine may have it then.
    ///
    /// # Errors
    /// Why what was recorded last is not there.
    pub fn close(&self) -> Result<(), String> {
        let closed = self.close_log();
        // Without workers it comes to its end by itself. If one of them is stuck, the directory stays taken.
        let begun = Instant::now();
        while self.running().is_some() {
            if begun.elapsed() > CLOSING_TIME_MAX {
                return closed;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        *self.lock.lock() = None;
        closed
    }

    /// Whether a log is wanted whose first snapshot is not there yet: without it the data may be nowhere but in memory.
    #[must_use]
    pub fn is_log_unfinished(&self) -> bool {
        let is_unfinished = !self.has_log() || self.is_log_beginning.load(Ordering::Acquire);
        self.settings().append_only && is_unfinished && !self.loading.is_on()
    }

    /// Where the log goes on behind a snapshot that begins now, with all stores in hand.
    fn next_base(&self, state: &mut State) -> Result<Goal, SaveError> {
        if let Some(log) = self.current_log() {
            return Ok(Goal::Base { first: log.restart_at_barrier(), begins: false });
        }
        if let Some(open) = state.prepared.take() {
            return Ok(Goal::Base { first: self.begin_prepared(open), begins: true });
        }
        if self.settings().append_only {
            // It has failed, and is prepared again at once.
            state.preparing.reset();
            let why =
                state.begin_failure.as_ref().map_or("it is being prepared".to_owned(), |e| e.to_string());
            tracing::error!("the log can't be rewritten before it has begun: {why}");
            return Err(SaveError::Failed(why));
        }
        Ok(Goal::Alone)
    }

    /// A snapshot from which the log was to go on has failed.
    fn settle_failed_base(&self, (first, begins): (u64, bool), may_be_there: bool, error: &SaveError) {
        if begins {
            self.give_up_beginning(first, error);
        } else {
            self.base_failed(first, may_be_there);
        }
    }

    /// A snapshot has failed, which is known before it has ended.
    fn note_failed(&self, kind: SnapshotKind) {
        let mut state = self.state.lock();
        match kind {
            SnapshotKind::Dump => {
                let is_told = state.running.as_ref().is_some_and(|running| running.is_awaited);
                state.last_save_failed |= !is_told;
            }
            SnapshotKind::Base => state.last_rewrite_failed = true,
        }
        drop(state);
        self.reconsider();
    }

    /// A snapshot has ended: with so many bytes in the file, or in vain.
    fn note_end(&self, kind: SnapshotKind, bytes: Option<u64>) {
        let log_bytes = self.log_bytes();
        let mut state = self.state.lock();
        let running = state.running.take();
        let took = running.as_ref().map_or(Duration::ZERO, |running| running.began.elapsed());
        let seconds = running.as_ref().map(|_| took.as_secs());
        let backoff = match kind {
            SnapshotKind::Dump => &mut state.saving,
            SnapshotKind::Base => &mut state.rewriting,
        };
        match bytes {
            Some(_) => backoff.reset(),
            None => backoff.note_failed(took),
        }
        match (kind, bytes) {
            (SnapshotKind::Dump, Some(_)) => {
                state.last_save_failed = false;
                state.last_save = unix_seconds();
                if let Some(running) = &running {
                    state.saved_changes = running.changes;
                }
            }
            (SnapshotKind::Dump, None) => {
                state.last_save_failed |= !running.is_some_and(|running| running.is_awaited);
            }
            (SnapshotKind::Base, Some(bytes)) => {
                state.last_rewrite_failed = false;
                state.failed_rewrites = 0;
                state.rewrites += 1;
                state.base_bytes = bytes;
                state.bytes_before = log_bytes;
            }
            (SnapshotKind::Base, None) => {
                state.last_rewrite_failed = true;
                state.failed_rewrites += 1;
            }
        }
        match kind {
            SnapshotKind::Dump => state.last_save_seconds = seconds,
            SnapshotKind::Base => state.last_rewrite_seconds = seconds,
        }
        drop(state);
        self.reconsider();
    }

    /// The time of the last snapshot, in seconds since the Unix epoch.
    pub fn last_save(&self) -> i64 {
        self.state.lock().last_save
    }
}

/// The time in seconds since the Unix epoch.
pub fn unix_seconds() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}
