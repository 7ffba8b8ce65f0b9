//! What INFO tells of files.

use std::sync::atomic::Ordering;

use super::{Persistence, Purpose};
use crate::introspect::info::snapshot::PersistenceInfo;
use crate::shared::Shared;

impl Persistence {
    /// Bytes of records that wait to be written to the log.
    pub(crate) fn log_buffer_bytes(&self) -> u64 {
        self.log.read().as_ref().map_or(0, |log| log.log().pending_bytes())
    }

    /// Bytes on their way to files, which are not held against `maxmemory`: no key need go for them, as they go by themselves.
    pub(crate) fn exempt_bytes(&self) -> u64 {
        // A buffer has up to twice the room for what is in it.
        let of_snapshots =
            2 * self.in_flight.load(Ordering::Relaxed) + self.workspace.load(Ordering::Relaxed);
        let of_log = self.log.read().as_ref().map_or(0, |log| log.log().buffer_bytes());
        of_log + of_snapshots as u64
    }

    /// Figures for INFO.
    pub(crate) fn figures(&self, shared: &Shared) -> PersistenceInfo {
        let config = shared.config();
        let changes = shared.sum(|counters| &counters.changes);
        let log = self.current_log();
        let log_failure = log.as_ref().and_then(|log| log.failure()).map(|failure| failure.cause);
        let log = log.as_ref();
        let state = self.state.lock();
        let of = |purpose| state.running.as_ref().filter(|running| running.purpose == purpose);
        let seconds = |purpose| of(purpose).map(|running| running.began.elapsed().as_secs());
        let written = state.running.as_ref().map(|running| running.progress.written.load(Ordering::Relaxed));
        let grown = log.map_or(0, |log| log.written_bytes()).saturating_sub(state.bytes_before);
        PersistenceInfo {
            loading: self.loading.figures(),
            buffered_bytes: self.in_flight.load(Ordering::Relaxed) as u64,
            buffered_peak_bytes: state
                .running
                .as_ref()
                .map_or(0, |running| running.progress.peak_bytes.load(Ordering::Relaxed) as u64),
            keys_written: written.unwrap_or(0) as u64,
            keys_total: state.running.as_ref().map_or(0, |running| running.progress.keys as u64),
            changes_since_save: changes.saturating_sub(state.saved_changes),
            is_saving: of(Purpose::Dump).is_some(),
            last_save_seconds: state.last_save.unsigned_abs(),
            last_save_failed: state.last_save_failed,
            last_save_duration: state.last_save_seconds,
            save_duration: seconds(Purpose::Dump),
            saves: state.saves,
            has_log: config.persistence.append_only,
            is_rewriting: of(Purpose::Base).is_some(),
            is_rewrite_scheduled: state.is_rewrite_scheduled || state.prepared.is_some(),
            last_rewrite_duration: state.last_rewrite_seconds,
            rewrite_duration: seconds(Purpose::Base),
            last_rewrite_failed: state.last_rewrite_failed,
            rewrites: state.rewrites,
            failed_rewrites: state.failed_rewrites,
            log_failure: state.begin_failure.as_ref().map(|error| error.to_string()).or(log_failure),
            log_bytes: state.base_bytes + grown,
            base_bytes: state.base_bytes,
            log_buffer_bytes: log.map_or(0, |log| log.pending_bytes()),
            log_appended: log.map_or(0, |log| log.appended()),
            log_covered: log.map_or(0, |log| log.covered()),
            log_durable: log.map_or(0, |log| log.durable()),
        }
    }
}
