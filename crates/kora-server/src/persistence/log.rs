//! The log: what the shards give it, how far it has come, and how it begins.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use kora_core::journal::Effects;
use kora_storage::StorageError;
use kora_storage::items::EffectBuffer;
use kora_storage::log::{Failure, FsyncPolicy, Log, LogOptions, Notify};
use kora_storage::recovery::Recovery;

use super::Persistence;
use super::drive::Writing;
use super::restore::io_error;
use crate::config::Config;
use crate::shared::Shared;

/// Memory for encoding that is kept from round to round.
const BUFFER_BYTES_KEPT: usize = 256 * 1024;

/// A round's effects of more bytes become several records, as far as they don't belong together.
const RECORD_BYTES: usize = 64 * 1024 * 1024;

/// A log that is being written.
#[derive(Debug)]
pub(crate) struct OpenLog {
    log: Arc<Log>,
    writing: Writing,
}

impl OpenLog {
    pub(super) fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Who writes it.
    #[cfg(any(test, feature = "crash"))]
    pub(super) fn writing(&self) -> &Writing {
        &self.writing
    }
}

/// Tells the workers what they wait for.
#[derive(Debug)]
struct Bell(Weak<Shared>);

impl Notify for Bell {
    fn covered(&self, _: u64) {
        if let Some(shared) = self.0.upgrade() {
            shared.wake_holders();
        }
    }

    fn failed(&self, failure: &Failure) {
        tracing::error!("the log failed: {}; writes are refused until it is begun anew", failure.cause);
        if let Some(shared) = self.0.upgrade() {
            shared.persistence.reconsider();
            shared.wake_all();
        }
    }
}

/// Encodes one shard's effects for the log.
#[derive(Debug, Default)]
pub(crate) struct Recorder(EffectBuffer);

impl Recorder {
    /// Appends the effects of a round, as one record unless they are very large; the number of the last, if there is a log.
    pub(crate) fn record(&mut self, persistence: &Persistence, effects: &Effects) -> Option<u64> {
        let open = persistence.log.read();
        let open = open.as_ref()?;
        let buffer = &mut self.0;
        let mut operation = 0;
        for effect in effects.iter() {
            let begins = operation == 0 || effect.operation != operation;
            operation = effect.operation;
            if begins && buffer.payload().len() > RECORD_BYTES {
                open.log.append(buffer.payload(), buffer.parts(), persistence.clock_ms());
                buffer.clear(BUFFER_BYTES_KEPT);
            }
            buffer.begin_effect(effect.db.0, effect.arg_count());
            effect.args().for_each(|arg| buffer.push_argument(arg));
        }
        for part in effects.parts() {
            buffer.push_part(part.operation, part.parts);
        }
        let record = open.log.append(buffer.payload(), buffer.parts(), persistence.clock_ms());
        buffer.clear(BUFFER_BYTES_KEPT);
        Some(record)
    }
}

impl Persistence {
    /// Milliseconds of the clock that the log goes by.
    pub(super) fn clock_ms(&self) -> u64 {
        self.drive.clock_ms()
    }

    /// The folder of the log.
    pub(super) fn log_dir(&self, config: &Config) -> PathBuf {
        self.dir.join(OsStr::from_bytes(&config.persistence.append_dir_name))
    }

    /// The file of snapshots.
    pub(super) fn dump_path(&self, config: &Config) -> PathBuf {
        self.dir.join(config.db_file_name())
    }

    /// Begins to write the log with the record `next`: what was there before is in files already.
    pub(super) fn open_log(&self, config: &Config, next: u64) -> Result<(), StorageError> {
        let dir = self.log_dir(config);
        let shared = self.shared.get().cloned().unwrap_or_default();
        let options = LogOptions {
            policy: config.persistence.append_fsync.into(),
            salt: self.drive.salt().map_err(|source| io_error("read", "/dev/urandom".as_ref(), source))?,
            notify: Arc::new(Bell(shared)),
        };
        let (log, writer) = Log::open(Arc::clone(&self.disk), &dir, next, options)?;
        let writing = self.drive.begin(writer);
        let writing = writing.map_err(|source| io_error("start the thread of", &dir, source))?;
        *self.log.write() = Some(OpenLog { log, writing });
        self.recording.store(true, Ordering::Release);
        Ok(())
    }

    /// Begins the log's part behind a snapshot that is about to be taken, with all stores in hand; returns its first record.
    pub(super) fn next_base(&self, config: &Config) -> Result<u64, StorageError> {
        if let Some(open) = self.log.read().as_ref() {
            return Ok(open.log.restart_at_barrier());
        }
        // A log that begins while the server runs counts only once there is a snapshot: it must not look like one that
        // began with nothing.
        let dir = self.log_dir(config);
        self.disk.create_dir(&dir).map_err(|source| io_error("make", &dir, source))?;
        let plan = Recovery::inspect(&*self.disk, &dir)?;
        plan.prepare(&*self.disk)?;
        self.open_log(config, plan.next)?;
        self.is_log_beginning.store(true, Ordering::Release);
        let open = self.log.read();
        Ok(open.as_ref().map_or(plan.next, |open| open.log.begin_behind_snapshot()))
    }

    /// A snapshot is in its place: the log before it is not needed any more.
    pub(super) fn base_is_durable(&self, first: u64) {
        let Some(shared) = self.shared() else { return };
        if let Some(open) = self.log.read().as_ref() {
            open.log.base_is_durable(first);
        }
        self.is_log_beginning.store(false, Ordering::Release);
        let dir = self.log_dir(&shared.config());
        if let Err(error) = kora_storage::recovery::remove_before(&*self.disk, &dir, first) {
            tracing::warn!("old parts of the log stay: {error}");
        }
        self.reconsider();
        shared.wake_holders();
    }

    /// Bytes of the log's segments.
    pub(super) fn log_bytes(&self) -> u64 {
        self.log.read().as_ref().map_or(0, |open| open.log.written_bytes())
    }

    /// Takes up `appendfsync`.
    pub(crate) fn set_policy(&self, policy: FsyncPolicy) {
        if let Some(open) = self.log.read().as_ref() {
            open.log.set_policy(policy);
        }
    }

    /// The record that must be covered before what was done so far may be told; none if nothing need be waited for.
    #[inline]
    pub(crate) fn must_cover(&self) -> Option<u64> {
        if !self.recording.load(Ordering::Relaxed) || self.is_log_beginning.load(Ordering::Acquire) {
            return None;
        }
        let open = self.log.read();
        let log = &open.as_ref()?.log;
        let has_failed = self.has_log_failed.load(Ordering::Acquire);
        let waits = has_failed || log.policy() == FsyncPolicy::Always || log.must_wait(self.clock_ms());
        let appended = log.appended();
        (waits && log.covered() < appended).then_some(appended)
    }

    /// The last record of the log; none if there is no log.
    pub(crate) fn appended(&self) -> Option<u64> {
        self.log.read().as_ref().map(|open| open.log.appended())
    }

    /// Whether a record is durable, or the log is gone.
    pub(crate) fn is_durable(&self, record: u64) -> bool {
        self.log.read().as_ref().is_none_or(|open| open.log.durable() >= record)
    }

    /// The last record that is covered.
    pub(crate) fn covered(&self) -> u64 {
        self.log.read().as_ref().map_or(u64::MAX, |open| open.log.covered())
    }

    /// `appendonly`: begins a log as soon as all stores are in hand, or ends it.
    pub(crate) fn want_log(&self, is_wanted: bool) {
        match (self.has_log(), is_wanted) {
            (false, true) => self.schedule(super::Task::Rewrite),
            (true, false) => {
                // What became of it is in the log of the server.
                let _ = self.close_log();
            }
            _ => {}
        }
    }

    /// Whether there is a log.
    pub(crate) fn has_log(&self) -> bool {
        self.log.read().is_some()
    }

    /// Waits until all that was recorded is in the file.
    pub(super) fn flush_log(&self) -> Result<(), String> {
        let log = self.log.read().as_ref().map(|open| Arc::clone(&open.log));
        let Some(log) = log else { return Ok(()) };
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
    pub(crate) fn stop_recording(&self) -> Option<bool> {
        /// A panic may have left the lock taken, or the log's thread dead.
        const WAIT_MAX: Duration = Duration::from_secs(1);
        let Some(open) = self.log.try_write_for(WAIT_MAX) else { return Some(false) };
        let log = Arc::clone(open.as_ref()?.log());
        std::mem::forget(open);
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
    pub(crate) fn close_log(&self) -> Result<(), String> {
        self.recording.store(false, Ordering::Release);
        self.is_log_beginning.store(false, Ordering::Release);
        let Some(OpenLog { writing, .. }) = self.log.write().take() else { return Ok(()) };
        writing.close(self.clock_ms()).map_err(|failure| {
            let error = format!("the end of the log was not written: {}", failure.cause);
            tracing::error!("{error}");
            error
        })
    }
}
