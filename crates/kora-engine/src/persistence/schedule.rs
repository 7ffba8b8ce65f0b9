//! When snapshots are due.

use std::time::Duration;

use super::{Persistence, SnapshotKind, State};
use crate::settings::PersistenceSettings;

/// Longest wait between two tries of a snapshot without which clients' writes are refused.
const URGENT_WAIT_MAX: Duration = Duration::from_secs(16);

/// The same for a snapshot that nobody waits for: a try that fails costs as much as one that succeeds.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// A snapshot into the file that `dbfilename` names.
    Save,
    /// A snapshot from which the log goes on.
    Rewrite,
    /// The log that is asked for has to be prepared first: no snapshot.
    Prepare,
}

impl Task {
    /// What the snapshot is for, if it is one.
    pub fn kind(self) -> Option<SnapshotKind> {
        match self {
            Self::Save => Some(SnapshotKind::Dump),
            Self::Rewrite => Some(SnapshotKind::Base),
            Self::Prepare => None,
        }
    }
}

impl Persistence {
    /// What is due now, if anything. A snapshot is to be begun with all stores in hand.
    #[must_use]
    pub fn due(&self) -> Option<Task> {
        let settings = self.settings();
        let changes = self.changes();
        let log = self.current_log();
        let needs_snapshot = log.as_ref().is_some_and(|log| log.needs_snapshot());
        let log_bytes = log.as_ref().map_or(0, |log| log.written_bytes());
        let state = self.state.lock();
        if state.running.is_some() || self.loading.is_on() {
            return None;
        }
        if needs_snapshot && state.rewriting.may_try(URGENT_WAIT_MAX) {
            return Some(Task::Rewrite);
        }
        if settings.append_only && log.is_none() && state.prepared.is_none() {
            // Nothing else is due to the log before that.
            let may_try = state.preparing.may_try(URGENT_WAIT_MAX);
            return may_try.then_some(Task::Prepare).or(self.save_due(&state, &settings, changes));
        }
        if state.prepared.is_some() || state.is_rewrite_scheduled {
            return Some(Task::Rewrite);
        }
        if let Some(task) = self.save_due(&state, &settings, changes) {
            return Some(task);
        }
        let base = state.base_bytes.max(1);
        let grown = log_bytes.saturating_sub(state.bytes_before);
        let size = state.base_bytes + grown;
        let growth = grown.saturating_mul(100) / base;
        let is_log_large = log.is_some()
            && settings.auto_rewrite_percentage > 0
            && size > settings.auto_rewrite_min_bytes
            && growth >= u64::from(settings.auto_rewrite_percentage);
        (is_log_large && state.rewriting.may_try(WAIT_MAX)).then_some(Task::Rewrite)
    }

    fn save_due(&self, state: &State, settings: &PersistenceSettings, changes: u64) -> Option<Task> {
        if state.is_save_scheduled {
            return Some(Task::Save);
        }
        let unsaved = changes.saturating_sub(state.saved_changes);
        let since = super::unix_seconds() - state.last_save;
        let is_rule_met = settings
            .save
            .iter()
            .any(|rule| unsaved >= rule.changes && unsaved > 0 && since > i64::from(rule.seconds));
        // Where a failed snapshot has writes refused, the next is urgent.
        let refuses = settings.stop_writes_on_bgsave_error && state.last_save_failed;
        let longest = if refuses { URGENT_WAIT_MAX } else { WAIT_MAX };
        (is_rule_met && state.saving.may_try(longest)).then_some(Task::Save)
    }

    /// BGSAVE and BGREWRITEAOF: what the task meets.
    pub fn running(&self) -> Option<SnapshotKind> {
        self.state.lock().running.as_ref().map(|running| running.kind)
    }

    /// Has a task done as soon as the present one has ended.
    pub fn schedule(&self, task: Task) {
        let mut state = self.state.lock();
        match task {
            Task::Save => state.is_save_scheduled = true,
            Task::Rewrite => state.is_rewrite_scheduled = true,
            Task::Prepare => state.preparing.reset(),
        }
    }
}
