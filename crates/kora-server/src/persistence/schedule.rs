//! When snapshots are due.

use std::time::Duration;

use super::{Persistence, Purpose};
use crate::shared::Shared;

/// Least time between an attempt that failed and the next.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The same for a log that failed: writes wait for it.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// A snapshot into the file that `dbfilename` names.
    Save,
    /// A snapshot from which the log goes on.
    Rewrite,
}

impl Task {
    pub(crate) fn purpose(self) -> Purpose {
        match self {
            Self::Save => Purpose::Dump,
            Self::Rewrite => Purpose::Base,
        }
    }
}

impl Persistence {
    /// What is due now, if anything. A snapshot is to be begun with all stores in hand.
    pub(crate) fn due(&self, shared: &Shared) -> Option<Task> {
        let config = shared.config();
        let persistence = &config.persistence;
        let changes = shared.sum(|counters| &counters.changes);
        let (log_has_failed, log_bytes) = self
            .log
            .read()
            .as_ref()
            .map_or((false, 0), |open| (open.log().failure().is_some(), open.log().written_bytes()));
        let state = self.state.lock();
        if state.running.is_some() || self.loading.is_on() {
            return None;
        }
        let has_passed = |time: Duration| state.last_attempt.is_none_or(|last| last.elapsed() >= time);
        let is_beginning = self.is_log_beginning.load(std::sync::atomic::Ordering::Acquire);
        if log_has_failed && has_passed(RESTART_AFTER) || is_beginning && has_passed(RETRY_AFTER) {
            return Some(Task::Rewrite);
        }
        if state.is_rewrite_scheduled {
            return Some(Task::Rewrite);
        }
        if state.is_save_scheduled {
            return Some(Task::Save);
        }
        let may_try = has_passed(RETRY_AFTER) || !state.last_save_failed;
        let unsaved = changes.saturating_sub(state.saved_changes);
        let since = super::unix_seconds() - state.last_save;
        let is_rule_met = persistence
            .save
            .rules()
            .iter()
            .any(|rule| unsaved >= rule.changes && unsaved > 0 && since > i64::from(rule.seconds));
        if is_rule_met && may_try {
            return Some(Task::Save);
        }
        let base = state.base_bytes.max(1);
        let grown = log_bytes.saturating_sub(state.bytes_before);
        let size = state.base_bytes + grown;
        let growth = grown.saturating_mul(100) / base;
        let is_log_large = persistence.append_only
            && persistence.auto_rewrite_percentage > 0
            && size > persistence.auto_rewrite_min_size.0
            && growth >= u64::from(persistence.auto_rewrite_percentage);
        let may_rewrite = has_passed(RETRY_AFTER) || !state.last_rewrite_failed;
        (is_log_large && may_rewrite).then_some(Task::Rewrite)
    }

    /// BGSAVE and BGREWRITEAOF: what the task meets.
    pub(crate) fn running(&self) -> Option<Purpose> {
        self.state.lock().running.as_ref().map(|running| running.purpose)
    }

    /// Has a task done as soon as the present one has ended.
    pub(crate) fn schedule(&self, task: Task) {
        let mut state = self.state.lock();
        match task {
            Task::Save => state.is_save_scheduled = true,
            Task::Rewrite => state.is_rewrite_scheduled = true,
        }
    }

    /// The same for a command that has all stores in hand.
    pub(crate) fn due_now(&self) -> Option<Task> {
        self.due(&*self.shared()?)
    }
}
