//! What survives a restart: when snapshots are taken, what the log is given, and what clients are told meanwhile.
//!
//! A snapshot begins in a command that has all stores in hand ([`Persistence::begin`]): that is its instant, and the log's
//! new segment begins there. Then each worker writes its shard's share a little at a time, and a thread of the snapshot's own
//! puts the shares into one file ([`snapshot`]). A restart reads files back into the stores before the workers have them
//! ([`loader`]).

mod check;
#[cfg(any(test, feature = "crash"))]
pub mod crash;
mod drive;
mod figures;
mod import;
mod loader;
mod log;
mod restore;
mod schedule;
mod snapshot;
mod source;

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Instant;

use kora_core::context::Ctx;
use kora_core::time::UnixMs;
use kora_storage::disk::{DirLock, Disk, RealDisk};
use parking_lot::{Mutex, RwLock};

use crate::config::Config;
use crate::config::persistence::{AppendFsync, SaveRules};
use crate::shared::Shared;
pub use check::{Verdict, check, repair};
use drive::Drive;
pub(crate) use loader::LoadError;
pub(crate) use loader::Loading;
pub use loader::LoadingFigures;
use log::OpenLog;
pub(crate) use log::Recorder;
pub(crate) use schedule::Task;
use snapshot::Ticket;

/// Why a snapshot could not be begun, or was not finished.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SaveError {
    /// One is being taken.
    #[error("another snapshot is being taken")]
    Busy,
    /// The system, or another process, stands in the way.
    #[error("{0}")]
    Failed(String),
}

/// What a snapshot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It is all that a restart needs: the file that `dbfilename` names.
    Dump,
    /// The log goes on from it.
    Base,
}

/// Why writes are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The last snapshot failed, and `stop-writes-on-bgsave-error` says so.
    Snapshot,
    /// The log can't be written; why.
    Log(String),
}

impl Refusal {
    /// What clients are told.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Snapshot => "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to \
                               disk. Commands that may modify the data set are disabled, because this instance is \
                               configured to report errors during writes if RDB snapshotting fails \
                               (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the \
                               RDB error."
                .to_owned(),
            Self::Log(cause) => format!("MISCONF Errors writing to the AOF file: {cause}"),
        }
    }
}

/// A snapshot that is being taken.
#[derive(Debug)]
struct Running {
    purpose: Purpose,
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
    last_save_seconds: Option<u64>,
    last_attempt: Option<Instant>,
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

/// See the module.
#[derive(Debug)]
pub(crate) struct Persistence {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// Who writes the log, and the log's clock.
    drive: Drive,
    /// Whether the shards record effects: while there is a log.
    recording: Arc<AtomicBool>,
    log: RwLock<Option<OpenLog>>,
    /// Taken before anything is written.
    lock: Mutex<Option<Box<dyn DirLock>>>,
    state: Mutex<State>,
    /// The log was begun while there were data, and its first snapshot is not finished: it does not count yet.
    is_log_beginning: AtomicBool,
    /// The log has failed, and no snapshot has made up for it.
    has_log_failed: AtomicBool,
    /// Whether writes are refused; [`Persistence::refusal`] says why.
    refuses: Arc<AtomicBool>,
    /// Snapshots taken since the start, whatever became of them: names their temporary files.
    numbers: AtomicU64,
    /// Bytes of snapshots in memory, on their way to the file.
    in_flight: Arc<AtomicUsize>,
    pub(crate) loading: Loading,
    shared: OnceLock<Weak<Shared>>,
}

impl Persistence {
    pub(crate) fn new(config: &Config, started: UnixMs) -> Self {
        Self::on(Arc::new(RealDisk), Drive::Thread(Instant::now()), config, started)
    }

    fn on(disk: Arc<dyn Disk>, drive: Drive, config: &Config, started: UnixMs) -> Self {
        Self {
            disk,
            dir: Self::dir_of(config),
            drive,
            recording: Arc::default(),
            log: RwLock::default(),
            lock: Mutex::default(),
            state: Mutex::new(State { last_save: started.seconds(), ..State::default() }),
            is_log_beginning: AtomicBool::new(false),
            has_log_failed: AtomicBool::new(false),
            refuses: Arc::default(),
            numbers: AtomicU64::new(0),
            in_flight: Arc::default(),
            loading: Loading::default(),
            shared: OnceLock::new(),
        }
    }

    /// The directory of the data.
    fn dir_of(config: &Config) -> PathBuf {
        let dir = Path::new(std::ffi::OsStr::from_bytes(&config.dir));
        if config.dir.is_empty() { PathBuf::from(".") } else { dir.to_owned() }
    }

    /// Tells it the server.
    pub(crate) fn serve(&self, shared: &Arc<Shared>) {
        // It is told once.
        let _ = self.shared.set(Arc::downgrade(shared));
    }

    fn shared(&self) -> Option<Arc<Shared>> {
        self.shared.get().and_then(Weak::upgrade)
    }

    /// Whether the shards record effects.
    pub(crate) fn recording(&self) -> &Arc<AtomicBool> {
        &self.recording
    }

    /// Takes the data directory for this process.
    fn lock_dir(&self) -> Result<(), SaveError> {
        let mut lock = self.lock.lock();
        if lock.is_none() {
            let taken = kora_storage::disk::lock(&*self.disk, &self.dir);
            *lock = Some(taken.map_err(|error| SaveError::Failed(error.to_string()))?);
        }
        Ok(())
    }

    /// Whether writes are refused, as it is at any time.
    pub(crate) fn refuses(&self) -> &Arc<AtomicBool> {
        &self.refuses
    }

    /// Whether writes are refused.
    #[inline]
    pub(crate) fn refuses_writes(&self) -> bool {
        self.refuses.load(Ordering::Acquire)
    }

    /// Whether the log has failed, and no snapshot has made up for it.
    pub(crate) fn has_log_failed(&self) -> bool {
        self.has_log_failed.load(Ordering::Acquire)
    }

    /// The same, with the reason.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        if !self.refuses_writes() {
            return None;
        }
        let cause = self.log.read().as_ref().and_then(|open| open.log().failure());
        Some(cause.map_or(Refusal::Snapshot, |failure| Refusal::Log(failure.cause)))
    }

    /// Decides anew whether writes are refused.
    pub(crate) fn reconsider(&self) {
        let Some(shared) = self.shared() else { return };
        let config = shared.config();
        let has_log_failed = self.log.read().as_ref().is_some_and(|open| open.log().failure().is_some());
        self.has_log_failed.store(has_log_failed, Ordering::Release);
        let persistence = &config.persistence;
        let is_stopped = persistence.stop_writes_on_bgsave_error && !persistence.save.rules().is_empty();
        let refuses = has_log_failed || is_stopped && self.state.lock().last_save_failed;
        self.refuses.store(refuses, Ordering::Release);
    }

    /// Begins a snapshot of the stores in hand, which must be all, as they are. It goes on by itself.
    pub(crate) fn begin(self: &Arc<Self>, ctx: &mut Ctx<'_>, purpose: Purpose) -> Result<Ticket, SaveError> {
        self.begin_at(ctx, purpose, None)
    }

    /// The same; `first`: the log's first record behind it, if that is settled.
    fn begin_at(
        self: &Arc<Self>,
        ctx: &mut Ctx<'_>,
        purpose: Purpose,
        first: Option<u64>,
    ) -> Result<Ticket, SaveError> {
        let shared = self.shared().ok_or_else(|| SaveError::Failed("the server is ending".to_owned()))?;
        self.lock_dir()?;
        let mut state = self.state.lock();
        if state.running.is_some() {
            return Err(SaveError::Busy);
        }
        state.last_attempt = Some(Instant::now());
        match purpose {
            Purpose::Dump => state.is_save_scheduled = false,
            Purpose::Base => state.is_rewrite_scheduled = false,
        }
        let changes = shared.sum(|counters| &counters.changes);
        if purpose == Purpose::Base {
            // What this shard did earlier in its round is in the snapshot: in the log it belongs before that.
            Recorder::default().record(self, ctx.journal.effects());
            ctx.journal.clear_effects();
        }
        let started = snapshot::start(self, &shared, ctx, (purpose, first));
        match started {
            Ok((ticket, progress)) => {
                state.running = Some(Running { purpose, began: Instant::now(), changes, progress });
                Ok(ticket)
            }
            Err(error) => {
                drop(state);
                tracing::error!("a snapshot can't be begun: {error}");
                self.note_end(purpose, None);
                Err(error)
            }
        }
    }

    /// Takes a snapshot of the stores in hand and waits for its end.
    pub(crate) fn save_now(self: &Arc<Self>, ctx: &mut Ctx<'_>, purpose: Purpose) -> Result<(), SaveError> {
        self.save_at(ctx, purpose, None)
    }

    fn save_at(
        self: &Arc<Self>,
        ctx: &mut Ctx<'_>,
        purpose: Purpose,
        first: Option<u64>,
    ) -> Result<(), SaveError> {
        let ticket = self.begin_at(ctx, purpose, first)?;
        snapshot::finish_now(ctx);
        ticket.wait()
    }

    /// Brings a snapshot that is being taken to its end, with all stores in hand.
    pub(crate) fn finish_running(&self, ctx: &mut Ctx<'_>) {
        snapshot::finish_now(ctx);
        while self.running().is_some() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }

    /// Ends the server.
    pub(crate) fn end_server(&self) {
        if let Some(shared) = self.shared() {
            shared.end();
        }
    }

    /// Whether a log is wanted whose first snapshot is not there yet: without it the data may be nowhere but in memory.
    pub(crate) fn is_log_unfinished(&self, config: &Config) -> bool {
        let is_unfinished = !self.has_log() || self.is_log_beginning.load(Ordering::Acquire);
        config.persistence.append_only && is_unfinished && !self.loading.is_on()
    }

    /// The server goes on, although a signal asked for its end.
    pub(crate) fn refuse_end(&self) {
        if let Some(shared) = self.shared() {
            shared.is_end_asked.store(false, Ordering::Release);
        }
    }

    /// A snapshot has ended: with so many bytes in the file, or in vain.
    fn note_end(&self, purpose: Purpose, bytes: Option<u64>) {
        let mut state = self.state.lock();
        let running = state.running.take();
        let seconds = running.as_ref().map(|running| running.began.elapsed().as_secs());
        match (purpose, bytes) {
            (Purpose::Dump, Some(_)) => {
                state.last_save_failed = false;
                state.saves += 1;
                state.last_save = unix_seconds();
                if let Some(running) = &running {
                    state.saved_changes = running.changes;
                }
            }
            (Purpose::Dump, None) => state.last_save_failed = true,
            (Purpose::Base, Some(bytes)) => {
                state.last_rewrite_failed = false;
                state.failed_rewrites = 0;
                state.rewrites += 1;
                state.base_bytes = bytes;
                state.bytes_before = self.log_bytes();
            }
            (Purpose::Base, None) => {
                state.last_rewrite_failed = true;
                state.failed_rewrites += 1;
            }
        }
        match purpose {
            Purpose::Dump => state.last_save_seconds = seconds,
            Purpose::Base => state.last_rewrite_seconds = seconds,
        }
        drop(state);
        self.reconsider();
    }

    /// The time of the last snapshot, in seconds since the Unix epoch.
    pub(crate) fn last_save(&self) -> i64 {
        self.state.lock().last_save
    }
}

/// The time in seconds since the Unix epoch.
pub(crate) fn unix_seconds() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

/// Decides what is kept if nothing was said about that, and says what is: snapshots by Redis's rules where a directory is
/// given, or one is found with data.
pub fn settle(config: &mut Config) {
    let dir = Persistence::dir_of(config);
    let exists = |name: &[u8]| dir.join(std::ffi::OsStr::from_bytes(name)).exists();
    let has_log = exists(&config.persistence.append_dir_name);
    let has_data = exists(&config.persistence.db_file_name) || has_log;
    if !config.persistence.save.is_given() && (has_data || !config.dir.is_empty()) {
        config.persistence.save = SaveRules::standard();
    }
    let persistence = &config.persistence;
    if has_log && !persistence.append_only {
        tracing::warn!("there is a log of earlier runs, which is not read: 'appendonly' is off");
    }
    match (persistence.append_only, persistence.save.rules().is_empty()) {
        (true, _) => tracing::info!(
            "Every write is kept in a log in {}, which is made certain: {}",
            dir.display(),
            match persistence.append_fsync {
                AppendFsync::Always => "before it is acknowledged",
                AppendFsync::EverySecond => "every second",
                AppendFsync::No => "when the system likes",
            }
        ),
        (false, false) => tracing::info!(
            "Snapshots are kept in {}: what is written after the last one does not survive a crash",
            dir.join(config.db_file_name()).display()
        ),
        (false, true) => {
            tracing::info!("Data is kept in memory only: nothing survives a restart unless SAVE is called")
        }
    }
}

impl From<AppendFsync> for kora_storage::log::FsyncPolicy {
    fn from(choice: AppendFsync) -> Self {
        match choice {
            AppendFsync::Always => Self::Always,
            AppendFsync::EverySecond => Self::EverySecond,
            AppendFsync::No => Self::No,
        }
    }
}
