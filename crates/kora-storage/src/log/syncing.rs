//! A sync of its own thread: the log goes on being written while it is under way.
//!
//! Under [`super::FsyncPolicy::EverySecond`] the writer doesn't sync by itself. It gives out a [`SyncJob`], which its owner runs
//! wherever he likes and brings back; one at a time, since the system tells of a failed sync only once.

use std::path::PathBuf;

use super::UNSYNCED_MS_MAX;
use crate::disk::SyncHandle;
use crate::error::{Context, StorageError};

/// At most one sync begins in this time.
const SYNC_INTERVAL_MS: u64 = 1000;

/// A sync to be done. Made by [`super::LogWriter::take_sync`]; what [`Self::run`] gives is for [`super::LogWriter::finish_sync`].
#[derive(Debug)]
pub struct SyncJob {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn SyncHandle>,
    pub(super) trace: Option<Box<dyn SyncHandle>>,
}

/// A sync that was done.
#[derive(Debug)]
pub struct SyncDone {
    pub(super) number: u64,
    pub(super) result: Result<(), StorageError>,
}

impl SyncJob {
    /// Syncs. It may take long.
    #[must_use]
    pub fn run(self) -> SyncDone {
        let result = self.file.sync_data().context("sync", &self.path);
        // One that gets lost is missed by nobody.
        let _ = self.trace.map(|trace| trace.sync_data());
        SyncDone { number: self.number, result }
    }
}

/// A sync under way.
#[derive(Debug)]
struct Running {
    number: u64,
    begun_ms: u64,
    /// The last record that was written before it began.
    up_to: u64,
    /// When the oldest record that it makes durable was appended.
    since_ms: Option<u64>,
}

/// When syncs are due, and which records they make durable.
#[derive(Debug, Default)]
pub(super) struct Syncs {
    count: u64,
    running: Option<Running>,
    /// To be taken by the owner.
    job: Option<SyncJob>,
    /// Brought back by the owner, and not looked at.
    done: Option<SyncDone>,
    last_begun_ms: u64,
    last_took_ms: u64,
    /// When the oldest record was appended that was written after the last sync began.
    since_ms: Option<u64>,
}

impl Syncs {
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Whether one is under way and was not brought back.
    pub(super) fn is_awaited(&self) -> bool {
        self.running.is_some() && self.done.is_none()
    }

    pub(super) fn take_job(&mut self) -> Option<SyncJob> {
        self.job.take()
    }

    pub(super) fn bring_back(&mut self, done: SyncDone) {
        // One of a segment that was given up says nothing of this one.
        if self.running.as_ref().is_some_and(|running| running.number == done.number) {
            self.done = Some(done);
        }
    }

    /// Notes that records were written, the first of which was appended at a time.
    pub(super) fn note_written(&mut self, since_ms: Option<u64>) {
        self.since_ms = self.since_ms.into_iter().chain(since_ms).min();
    }

    /// When the oldest record that is written and not durable was appended.
    pub(super) fn oldest_ms(&self) -> Option<u64> {
        let running = self.running.as_ref().and_then(|running| running.since_ms);
        running.into_iter().chain(self.since_ms).min()
    }

    /// When the next sync is due for what was written.
    ///
    /// Behind a sync that took longer than records may stay unsynced, writers have to wait for the next in any case. It begins
    /// when they do: begun at once, it would have little to do, and they would wait for it and for the one after it.
    pub(super) fn due_ms(&self) -> Option<u64> {
        if self.is_running() {
            return None;
        }
        let interval = self.last_begun_ms.saturating_add(SYNC_INTERVAL_MS);
        let is_slow = self.last_took_ms > UNSYNCED_MS_MAX;
        let late = self.since_ms.filter(|_| is_slow).map(|since_ms| since_ms.saturating_add(UNSYNCED_MS_MAX));
        Some(late.unwrap_or(interval))
    }

    /// Whether it is due, by a clock that may be set back.
    pub(super) fn is_due(&self, now_ms: u64) -> bool {
        self.due_ms().is_some_and(|due_ms| now_ms >= due_ms || now_ms < self.last_begun_ms)
    }

    /// Begins one, which `job` makes of its number, for what was written up to a record.
    pub(super) fn begin(&mut self, job: impl FnOnce(u64) -> SyncJob, up_to: u64, now_ms: u64) {
        self.count += 1;
        self.job = Some(job(self.count));
        let since_ms = self.since_ms.take();
        self.running = Some(Running { number: self.count, begun_ms: now_ms, up_to, since_ms });
        self.last_begun_ms = now_ms;
    }

    /// What became of the sync that was brought back: the last record that it made durable.
    pub(super) fn finish(&mut self, now_ms: u64) -> Option<Result<u64, StorageError>> {
        let done = self.done.take()?;
        let running = self.running.take()?;
        self.last_took_ms = now_ms.saturating_sub(running.begun_ms);
        Some(done.result.map(|()| running.up_to))
    }

    /// Notes a sync that the writer did by itself, when nothing else was under way.
    pub(super) fn note_own(&mut self, now_ms: u64) {
        self.since_ms = None;
        self.last_begun_ms = now_ms;
        self.last_took_ms = 0;
    }

    /// What was appended after writers had to wait was not acknowledged before the sync that they waited for: it counts from now.
    pub(super) fn begin_anew(&mut self, waiting_since_ms: u64, now_ms: u64) {
        self.since_ms =
            self.since_ms.map(|since_ms| if since_ms > waiting_since_ms { now_ms } else { since_ms });
    }

    /// The segment is given up: nothing of it is waited for.
    pub(super) fn forget(&mut self) {
        *self = Self { count: self.count, ..Self::default() };
    }
}
