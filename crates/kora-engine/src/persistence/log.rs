//! The log: what the shards give it, how far it has come, and how it begins and ends.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use kora_storage::StorageError;
use kora_storage::log::{Failure, FsyncPolicy, Log, LogOptions, Notify, Work};
use kora_stream::order::Cut;

use super::Persistence;
use super::drive::Writing;
use super::restore::io_error;
use crate::observe::events::Event;
use crate::settings::PersistenceSettings;

/// A log that is being written.
#[derive(Debug)]
pub(crate) struct OpenLog {
    log: Arc<Log>,
    writing: Writing,
}

impl OpenLog {
    pub(crate) fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Ends it, and removes its file: it counts for nothing.
    pub(super) fn abandon(self) {
        self.writing.abandon();
    }

    /// Who writes it.
    #[cfg(any(test, feature = "crash"))]
    pub(crate) fn writing(&self) -> &Writing {
        &self.writing
    }
}

/// A record of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// How many logs had begun, this one included.
    log: u64,
    record: u64,
}

/// What the commands of sessions are to be noted for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notes {
    /// There is a log: WAITAOF asks who has written.
    pub writes: bool,
    /// Replies may have to wait for the log, so that what they tell of matters.
    pub replies: bool,
}

/// Tells the workers what they wait for.
#[derive(Debug)]
struct Bell(Weak<Persistence>);

impl Notify for Bell {
    fn covered(&self, _: u64) {
        if let Some(persistence) = self.0.upgrade() {
            persistence.wake_holders();
        }
    }

    fn failed(&self, failure: &Failure) {
        tracing::error!("the log can't be written: {}; writes are refused until it can", failure.cause);
        if let Some(persistence) = self.0.upgrade() {
            persistence.reconsider();
            persistence.needs.bells.ring_all();
        }
    }

    fn recovered(&self) {
        tracing::info!("the log can be written again");
        if let Some(persistence) = self.0.upgrade() {
            persistence.reconsider();
            persistence.needs.bells.ring_all();
        }
    }

    fn freed(&self) {
        crate::memory::tell();
    }

    fn took(&self, work: Work, time: Duration) {
        let event = match work {
            Work::Write => Event::LogWrite,
            Work::WriteAndSync => Event::LogSync,
            Work::Sync => Event::LogSyncApart,
        };
        if let Some(persistence) = self.0.upgrade() {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let at_seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
            persistence.needs.insight.events.note(event, time, at_seconds);
        }
    }
}

impl Persistence {
    /// Milliseconds of the clock that the log goes by.
    pub(crate) fn clock_ms(&self) -> u64 {
        self.drive.clock_ms()
    }

    /// The folder of the log.
    pub(super) fn log_dir(&self, settings: &PersistenceSettings) -> PathBuf {
        self.dir.join(&settings.append_dir_name)
    }

    /// The file of snapshots.
    pub(super) fn dump_path(&self, settings: &PersistenceSettings) -> PathBuf {
        self.dir.join(&settings.db_file_name)
    }

    /// Begins to write the log with the record `next`: what was there before is in files already. `cut` says what of it counts.
    pub(super) fn open_log(
        self: &Arc<Self>,
        settings: &PersistenceSettings,
        next: u64,
        cut: &Cut,
    ) -> Result<(), StorageError> {
        let open = self.open_log_at(settings, next, false)?;
        open.log.begin_life(cut, self.clock_ms());
        self.put_log(open);
        Ok(())
    }

    /// Puts a log in its place, which follows the stream from now on.
    pub(super) fn put_log(&self, open: OpenLog) {
        let log = Arc::clone(open.log());
        let mut place = self.log.write();
        *place = Some(open);
        self.logs_begun.fetch_add(1, Ordering::AcqRel);
        drop(place);
        self.needs.stream.follow(log);
    }

    /// A log whose next record is `next`; `is_behind_snapshot`: it counts only once there is a snapshot of what was before.
    pub(super) fn open_log_at(
        self: &Arc<Self>,
        settings: &PersistenceSettings,
        next: u64,
        is_behind_snapshot: bool,
    ) -> Result<OpenLog, StorageError> {
        let dir = self.log_dir(settings);
        let options = LogOptions {
            policy: settings.append_fsync,
            salt: self.drive.salt().map_err(|source| io_error("read", "/dev/urandom".as_ref(), source))?,
            notify: Arc::new(Bell(Arc::downgrade(self))),
            is_behind_snapshot,
        };
        let (log, writer) = Log::open(Arc::clone(&self.disk), &dir, next, options)?;
        let writing = self.drive.begin(writer, &self.needs.settings.get().processors.background);
        let writing = writing.map_err(|source| io_error("start the thread of", &dir, source))?;
        Ok(OpenLog { log, writing })
    }

    /// The log, if there is one.
    pub(super) fn current_log(&self) -> Option<Arc<Log>> {
        self.log.read().as_ref().map(|open| Arc::clone(&open.log))
    }

    /// A snapshot is in its place: the log before it is not needed any more.
    pub(super) fn base_is_durable(&self, first: u64) {
        let log = self.current_log();
        let kept = log.as_ref().map_or(first, |log| log.kept_segment(first));
        if let Some(log) = log {
            log.base_is_durable(first);
        }
        self.is_log_beginning.store(false, Ordering::Release);
        let dir = self.log_dir(&self.settings());
        if let Err(error) = kora_storage::recovery::remove_before(&*self.disk, &dir, first, kept) {
            tracing::warn!("old parts of the log stay: {error}");
        }
        self.reconsider();
        self.wake_holders();
    }

    /// A snapshot failed; `may_be_there`: a start may find it all the same.
    pub(super) fn base_failed(&self, first: u64, may_be_there: bool) {
        if let Some(log) = self.current_log() {
            log.base_failed(first, may_be_there);
        }
    }

    /// Bytes of the log's segments.
    pub(super) fn log_bytes(&self) -> u64 {
        self.log.read().as_ref().map_or(0, |open| open.log.written_bytes())
    }

    /// Takes up `appendfsync`.
    pub fn set_policy(&self, policy: FsyncPolicy) {
        let prepared = self.state.lock().prepared.as_ref().map(|open| Arc::clone(&open.log));
        for log in prepared.into_iter().chain(self.current_log()) {
            log.set_policy(policy);
        }
    }

    /// Whether replies are held back until the log has what they tell of: `appendfsync always`.
    #[inline]
    pub fn holds_replies(&self) -> bool {
        self.needs.stream.is_followed()
            && self.log.read().as_ref().is_some_and(|open| open.log.policy() == FsyncPolicy::Always)
    }

    /// What the commands of sessions are to be noted for.
    #[inline]
    pub fn notes(&self) -> Notes {
        if !self.needs.stream.is_followed() {
            return Notes::default();
        }
        let has_log = self.log.read().is_some();
        Notes { writes: has_log, replies: has_log }
    }

    /// The record that must be covered before what was done so far may be told; none if nothing need be waited for.
    #[inline]
    pub fn must_cover(&self) -> Option<u64> {
        if !self.needs.stream.is_followed() || self.is_log_beginning.load(Ordering::Acquire) {
            return None;
        }
        let open = self.log.read();
        let log = &open.as_ref()?.log;
        // While the log can't be written nobody is made to wait for it: under `always` writes are answered with an error.
        let appended = log.appended();
        let waits = if log.policy() == FsyncPolicy::Always {
            log.covered() < appended
        } else {
            !self.has_log_failed.load(Ordering::Acquire) && log.must_wait(self.clock_ms())
        };
        waits.then_some(appended)
    }

    /// The last record of the log; none if there is no log.
    #[cfg(any(test, feature = "crash"))]
    pub(crate) fn appended(&self) -> Option<u64> {
        self.log.read().as_ref().map(|open| open.log.appended())
    }

    /// Where the log ends; none if there is no log, or it does not count yet.
    pub fn log_end(&self) -> Option<LogPosition> {
        if self.is_log_beginning.load(Ordering::Acquire) {
            return None;
        }
        let open = self.log.read();
        let log = &open.as_ref()?.log;
        Some(LogPosition { log: self.logs_begun.load(Ordering::Acquire), record: log.appended() })
    }

    /// Whether what is before a position is durable. What an earlier log had is in the snapshot that the present one begins with.
    pub fn is_durable(&self, position: LogPosition) -> bool {
        if self.is_log_beginning.load(Ordering::Acquire) {
            return false;
        }
        let open = self.log.read();
        let Some(open) = open.as_ref() else { return false };
        position.log != self.logs_begun.load(Ordering::Acquire) || open.log.durable() >= position.record
    }

    /// The last record that is covered.
    pub fn covered(&self) -> u64 {
        self.log.read().as_ref().map_or(u64::MAX, |open| open.log.covered())
    }

    /// Whether there is to be a log.
    pub fn wants_log(&self) -> bool {
        self.settings().append_only
    }

    /// Whether there is a log.
    pub fn has_log(&self) -> bool {
        self.log.read().is_some()
    }

    /// Waits until all that was recorded is in the file.
    pub(super) fn flush_log(&self) -> Result<(), String> {
        let Some(log) = self.current_log() else { return Ok(()) };
        while log.written() < log.appended() {
            if let Some(failure) = log.failure() {
                return Err(failure.cause);
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        Ok(())
    }

    /// Lets nobody record anything any more, and waits until what was recorded is in the file; `None` if there is no log.
    /// Whoever would record waits for ever: only for a process that can't go on.
    pub fn stop_recording(&self) -> Option<bool> {
        /// A panic may have left the lock taken, or the log's thread dead.
        const WAIT_MAX: Duration = Duration::from_secs(1);
        if !self.needs.stream.stop_for_good(WAIT_MAX) {
            return Some(false);
        }
        let Some(open) = self.log.try_write_for(WAIT_MAX) else { return Some(false) };
        let log = Arc::clone(open.as_ref()?.log());
        drop(open);
        let begun = Instant::now();
        while log.written() < log.appended() && begun.elapsed() < WAIT_MAX && !log.is_failed() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Some(log.written() >= log.appended())
    }

    /// Ends the log: writes and syncs what is left. Nothing may be recorded any more.
    ///
    /// # Errors
    /// Why what was recorded last is not there.
    pub fn close_log(&self) -> Result<(), String> {
        if let Some(log) = self.current_log() {
            self.needs.stream.leave(&log);
        }
        self.is_log_beginning.store(false, Ordering::Release);
        let open = self.log.write().take();
        let Some(OpenLog { writing, .. }) = open else { return Ok(()) };
        writing.close(self.clock_ms()).map_err(|failure| {
            let error = format!("the end of the log was not written: {}", failure.cause);
            tracing::error!("{error}");
            error
        })
    }
}
