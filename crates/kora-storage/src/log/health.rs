//! Whether the log can be written, and how it comes back: by another try, or behind a snapshot.

use std::sync::atomic::Ordering;

use super::{Inner, Locked, Log, NEVER};
use crate::error::StorageError;

/// Whether the log takes what is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Health {
    /// It does.
    Healthy = 0,
    /// It drops what is appended.
    Failed = 1,
    /// It does again, but that counts only once the snapshot is durable that makes up for what it lacks.
    Recovering = 2,
    /// It keeps what is appended in memory: the last write failed, and is tried again.
    Stalled = 3,
}

/// Why the log failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was tried on which file, and what the system said.
    pub cause: String,
    /// The system's error number, if it gave one.
    pub errno: Option<i32>,
}

impl Failure {
    /// What the system said, in its words; if it said nothing, the cause.
    #[must_use]
    pub fn text(&self) -> String {
        let Some(errno) = self.errno else { return self.cause.clone() };
        let text = std::io::Error::from_raw_os_error(errno).to_string();
        text.split(" (os error").next().unwrap_or_default().to_owned()
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self { errno: error.errno(), cause: error.to_string() }
    }
}

impl Log {
    /// Whether what is appended counts.
    #[must_use]
    pub fn health(&self) -> Health {
        match self.health.load(Ordering::Acquire) {
            0 => Health::Healthy,
            1 => Health::Failed,
            2 => Health::Recovering,
            _ => Health::Stalled,
        }
    }

    pub(super) fn set_health(&self, health: Health) {
        self.health.store(health as u8, Ordering::Release);
    }

    /// Whether what is appended does not count yet.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.health() != Health::Healthy
    }

    /// Why, if the log failed. It is kept until the log is healthy.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.inner.lock().failure.clone()
    }

    /// Whether only a snapshot brings the log back.
    #[must_use]
    pub fn needs_snapshot(&self) -> bool {
        matches!(self.health(), Health::Failed | Health::Recovering) && self.failure().is_some()
    }

    /// The log has lost records, or does not know whether it has.
    fn note_lost(&self, inner: &mut Inner, failure: Failure) {
        inner.pending.clear();
        inner.restart = None;
        inner.is_held = false;
        inner.skip_to = None;
        inner.failure = Some(failure);
        self.set_health(Health::Failed);
        self.count_pending(inner);
        self.oldest_unsynced_ms.store(NEVER, Ordering::Release);
    }

    /// The same, found by the writer.
    pub(super) fn fail(&self, failure: &Failure) {
        self.note_lost(&mut self.inner.lock(), failure.clone());
        self.notify.failed(failure);
    }

    /// The same, found by one who appends and may hold locks: the writer will tell.
    #[cold]
    pub(super) fn lose(&self, mut inner: Locked<'_>, cause: &str) {
        let failure = Failure { cause: cause.to_owned(), errno: None };
        self.note_lost(&mut inner, failure.clone());
        inner.untold = Some(failure);
        inner.must_step = true;
        self.wake_writer(inner);
    }

    /// A write failed, and is to be tried again. `false` if the log has failed meanwhile.
    pub(super) fn note_stalled(&self, error: StorageError) -> bool {
        let failure = Failure::from(error);
        let mut inner = self.inner.lock();
        if self.health() == Health::Failed {
            return false;
        }
        let is_news = self.health() != Health::Stalled;
        inner.failure = Some(failure.clone());
        self.set_health(Health::Stalled);
        drop(inner);
        if is_news {
            self.notify.failed(&failure);
        }
        true
    }

    /// All that waited is written.
    pub(super) fn note_written(&self) {
        let mut inner = self.inner.lock();
        if self.health() != Health::Stalled {
            return;
        }
        let counts = inner.restart.is_none();
        inner.failure = None;
        self.set_health(if counts { Health::Healthy } else { Health::Recovering });
        drop(inner);
        self.notify.recovered();
    }

    /// Begins, after a failed sync, a segment that counts only behind a snapshot of the state before the number returned.
    /// To be called at a barrier: the snapshot holds what is in memory then, whatever was dropped.
    ///
    /// If the log has not lost anything, this is [`Self::rotate`].
    pub fn restart_at_barrier(&self) -> u64 {
        let inner = self.inner.lock();
        match self.health() {
            Health::Healthy => self.rotate_in(inner),
            Health::Stalled if inner.restart.is_none() => self.rotate_in(inner),
            _ => self.restart(inner),
        }
    }

    fn restart(&self, mut inner: Locked<'_>) -> u64 {
        // One number is left out, so that no file of an earlier try has the name.
        inner.appended += 1;
        self.appended.store(inner.appended, Ordering::Release);
        let first = inner.appended + 1;
        inner.operations.clear();
        inner.pending.clear();
        self.count_pending(&inner);
        self.oldest_unsynced_ms.store(NEVER, Ordering::Release);
        inner.restart = Some(first);
        inner.is_held = true;
        inner.skip_to = None;
        self.set_health(Health::Recovering);
        self.cut(inner, first, true);
        first
    }

    /// Says that the snapshot of the state before a record is durable: what is in it is covered, what waits to be written
    /// before it is not needed, and a log that was restarted at that number or before is healthy again.
    pub fn base_is_durable(&self, first: u64) {
        let mut inner = self.inner.lock();
        let health = self.health();
        let was_awaited = inner.restart.is_some_and(|restart| restart <= first);
        if health == Health::Failed || inner.restart.is_some() && !was_awaited {
            return;
        }
        inner.restart = None;
        inner.is_held = false;
        if health == Health::Recovering {
            inner.failure = None;
            self.set_health(Health::Healthy);
        } else if health == Health::Stalled {
            inner.skip_to = Some(first);
        }
        let has_moved = self.covered.fetch_max(first - 1, Ordering::AcqRel) < first - 1;
        // The writer makes known what it has written and synced behind the snapshot.
        inner.must_step = true;
        self.wake_writer(inner);
        if has_moved {
            self.notify.covered(first - 1);
        }
    }

    /// Says that the snapshot of the state before a record failed. `may_be_there`: it may be found by a start all the same.
    pub fn base_failed(&self, first: u64, may_be_there: bool) {
        let mut inner = self.inner.lock();
        if inner.is_held && inner.restart == Some(first) {
            inner.pending.clear();
            inner.restart = None;
            inner.is_held = false;
            self.set_health(Health::Failed);
            self.count_pending(&inner);
        } else if !may_be_there {
            // No segment need begin there.
            inner.pending.cuts.retain(|cut| cut.first != first);
            let last = inner.pending.cuts.last().map(|cut| cut.first);
            inner.newest_segment = last.unwrap_or(inner.taken_segment);
        }
    }
}
