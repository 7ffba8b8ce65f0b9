//! `appendonly` at run time: a log is begun, or ended, while the server serves.
//!
//! What concerns files is done by threads of their own, one at a time; workers never wait for them. A log that is begun is
//! *prepared*: its first segment is there, and says that it counts only behind a snapshot. The next snapshot's instant, which
//! has all stores in hand, puts it in its place. If that snapshot fails, the segment is removed, and the log is prepared
//! anew after a while; until then writes are refused, since somebody was told that they are kept.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::log::OpenLog;
use super::restore::io_error;
use super::{Persistence, SaveError};
use crate::settings::PersistenceSettings;

impl Persistence {
    /// Whether `appendonly` asks for something that is not so.
    pub fn must_switch(&self, is_wanted: bool) -> bool {
        is_wanted != (self.state.lock().prepared.is_some() || self.has_log())
    }

    /// Runs `body` while no other change of `appendonly` is under way. Files are read and written meanwhile: not for workers.
    pub fn alone<T>(&self, body: impl FnOnce() -> T) -> T {
        let _alone = self.switching.lock();
        body()
    }

    /// The same for one who must not wait; `None` if another change is under way.
    pub fn alone_at_once<T>(&self, body: impl FnOnce() -> T) -> Option<T> {
        let _alone = self.switching.try_lock()?;
        Some(body())
    }

    /// Prepares a log, so that the next snapshot begins it.
    pub fn prepare_log(self: &Arc<Self>, may_wait: bool) -> Result<(), SaveError> {
        if !self.must_switch(true) {
            return Ok(());
        }
        let (begun, settings) = (Instant::now(), self.settings());
        let lock = if may_wait { self.lock_dir() } else { self.lock_dir_at_once() };
        let result = lock.and_then(|()| self.new_log(&settings));
        let mut state = self.state.lock();
        let result = match result {
            Ok(open) => {
                state.preparing.reset();
                state.begin_failure = None;
                state.prepared = Some(open);
                Ok(())
            }
            Err(error) => {
                state.preparing.note_failed(begun.elapsed());
                if settings.append_only {
                    state.begin_failure = Some(error.clone());
                }
                Err(error)
            }
        };
        drop(state);
        if let Err(error) = &result {
            tracing::error!("the log can't be begun: {error}");
        }
        self.reconsider();
        result
    }

    fn new_log(self: &Arc<Self>, settings: &PersistenceSettings) -> Result<OpenLog, SaveError> {
        let dir = self.log_dir(settings);
        self.disk.create_dir(&dir).map_err(|source| io_error("make", &dir, source))?;
        let first = self.unused_number(&dir)?;
        Ok(self.open_log_at(settings, first, true)?)
    }

    /// A number for a snapshot and the segment behind it, beyond all that are in files.
    pub(super) fn unused_number(&self, dir: &std::path::Path) -> Result<u64, SaveError> {
        let unused = kora_storage::log::unused_number(&*self.disk, dir)?;
        let given = self.last_number.fetch_max(unused, Ordering::AcqRel);
        // One that was given away and is in no file yet is not given again.
        Ok(if given < unused { unused } else { self.last_number.fetch_add(1, Ordering::AcqRel) + 1 })
    }

    /// A number for a snapshot without a log.
    pub(super) fn number_alone(&self, dir: &std::path::Path) -> Result<u64, SaveError> {
        self.alone(|| {
            // A log that is prepared begins with a lower number, and does not count behind this snapshot.
            if self.state.lock().prepared.is_some() {
                return Err(SaveError::Failed("a log is about to begin".to_owned()));
            }
            self.unused_number(dir)
        })
    }

    /// Ends the log, and what is prepared.
    pub fn end_log(&self) {
        let mut state = self.state.lock();
        let prepared = state.prepared.take();
        state.begin_failure = None;
        state.preparing.reset();
        drop(state);
        if let Some(open) = prepared {
            open.abandon();
        }
        // What became of it is in the log of the server.
        let _ = self.close_log();
        self.reconsider();
        self.wake_holders();
    }

    /// Prepares, in a thread of its own, the log that `appendonly` asks for.
    pub fn prepare_again(self: &Arc<Self>) {
        if self.is_preparing.swap(true, Ordering::AcqRel) {
            return;
        }
        let persistence = Arc::clone(self);
        let body = move || {
            persistence.alone(|| {
                if persistence.settings().append_only {
                    // What became of it is in the log and in INFO.
                    let _ = persistence.prepare_log(true);
                }
            });
            persistence.is_preparing.store(false, Ordering::Release);
        };
        if let Err(error) = crate::threads::spawn("kora-keeper", body) {
            self.is_preparing.store(false, Ordering::Release);
            self.state.lock().preparing.note_failed(std::time::Duration::ZERO);
            tracing::error!("no thread to begin the log: {error}");
        }
    }

    /// Puts a prepared log in its place, with all stores in hand; returns its first record.
    pub(super) fn begin_prepared(&self, open: OpenLog) -> u64 {
        let first = open.log().appended() + 1;
        self.is_log_beginning.store(true, Ordering::Release);
        self.put_log(open);
        first
    }

    /// The snapshot behind which a log was to begin has failed: the log is of no use.
    pub(super) fn give_up_beginning(&self, first: u64, error: &SaveError) {
        let mut log = self.log.write();
        let Some(open) = log.take_if(|open| open.log().segment() == first) else { return };
        self.needs.stream.leave(open.log());
        self.is_log_beginning.store(false, Ordering::Release);
        drop(log);
        open.abandon();
        let mut state = self.state.lock();
        state.preparing.note_failed(std::time::Duration::ZERO);
        state.begin_failure = Some(error.clone());
    }
}
