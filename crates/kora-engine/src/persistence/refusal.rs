//! MISCONF: when writes are refused, since what they do could not be kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_core::error::CommandError;

use super::Persistence;

/// Why writes are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteRefusal {
    /// The last snapshot failed, and `stop-writes-on-bgsave-error` says so.
    Snapshot,
    /// The log can't be written; why.
    Log(String),
}

impl From<WriteRefusal> for CommandError {
    fn from(refusal: WriteRefusal) -> Self {
        Self::Other(refusal.text().into())
    }
}

impl WriteRefusal {
    /// What clients are told.
    pub fn text(&self) -> String {
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

    /// The same for a command that has taken effect before the log failed.
    pub fn text_afterwards(&self) -> String {
        format!("{} (the command has taken effect in memory and may be lost)", self.text())
    }
}

impl Persistence {
    /// Whether writes are refused, as it is at any time.
    pub fn refuses(&self) -> &Arc<AtomicBool> {
        &self.refuses
    }

    /// Whether writes are refused.
    #[inline]
    pub fn refuses_writes(&self) -> bool {
        self.refuses.load(Ordering::Acquire)
    }

    /// How often writes were taken again after they had been refused.
    pub fn relents(&self) -> u64 {
        self.relents.load(Ordering::Acquire)
    }

    /// Whether the log has failed, and no snapshot has made up for it.
    pub fn has_log_failed(&self) -> bool {
        self.has_log_failed.load(Ordering::Acquire)
    }

    /// The same, with the reason.
    pub fn refusal(&self) -> Option<WriteRefusal> {
        if !self.refuses_writes() {
            return None;
        }
        let state = self.state.lock();
        if state.refuses_for_snapshot {
            return Some(WriteRefusal::Snapshot);
        }
        let begin_failure = state.begin_failure.clone();
        drop(state);
        let failure = self.current_log().and_then(|log| log.failure());
        // It may be over by now.
        let cause = failure.map(|failure| failure.text()).or(begin_failure.map(|error| error.to_string()))?;
        Some(WriteRefusal::Log(cause))
    }

    /// Why replies that wait for the log will not come.
    pub fn log_refusal(&self) -> Option<WriteRefusal> {
        let failure = self.current_log()?.failure()?;
        Some(WriteRefusal::Log(failure.text()))
    }

    /// Decides anew whether writes are refused.
    pub fn reconsider(&self) {
        let settings = self.settings();
        let is_stopped = settings.stop_writes_on_bgsave_error && !settings.save.is_empty();
        // Who decides last has seen the latest.
        let mut state = self.state.lock();
        let has_log_failed = self.current_log().is_some_and(|log| log.failure().is_some());
        self.has_log_failed.store(has_log_failed, Ordering::Release);
        state.refuses_for_snapshot = is_stopped && state.last_save_failed;
        let refuses = has_log_failed || state.begin_failure.is_some() || state.refuses_for_snapshot;
        if self.refuses.swap(refuses, Ordering::AcqRel) && !refuses {
            self.relents.fetch_add(1, Ordering::AcqRel);
        }
    }
}
