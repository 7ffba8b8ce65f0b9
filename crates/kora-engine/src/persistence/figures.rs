//! What INFO tells of files.

use std::sync::atomic::Ordering;

use super::LoadingFigures;
use super::{Persistence, SnapshotKind};

/// What INFO tells of files, at one moment.
// Many fields: one for each line of the section.
#[derive(Clone, Debug, Default)]
pub struct PersistenceInfo {
    /// How far the files are loaded.
    pub loading: LoadingFigures,
    /// Bytes of a snapshot in memory, on their way to the file.
    pub buffered_bytes: u64,
    /// Most of them at once, of the snapshot that is being taken.
    pub buffered_peak_bytes: u64,
    /// Keys that the snapshot has written.
    pub keys_written: u64,
    /// Keys at its instant.
    pub keys_total: u64,
    /// Changes since the last save.
    pub changes_since_save: u64,
    /// Whether a snapshot is being saved.
    pub is_saving: bool,
    /// Time of the last save, or of the start, in seconds since the Unix epoch.
    pub last_save_seconds: u64,
    /// Whether the last save failed.
    pub last_save_failed: bool,
    /// Seconds that it took.
    pub last_save_duration: Option<u64>,
    /// Seconds since the present one began.
    pub save_duration: Option<u64>,
    /// Saves begun since the counts began.
    pub saves: u64,
    /// Whether there is a log.
    pub has_log: bool,
    /// Whether it is being rewritten.
    pub is_rewriting: bool,
    /// Whether that is to come.
    pub is_rewrite_scheduled: bool,
    /// Seconds that the last rewrite took.
    pub last_rewrite_duration: Option<u64>,
    /// Seconds since the present one began.
    pub rewrite_duration: Option<u64>,
    /// Whether the last one failed.
    pub last_rewrite_failed: bool,
    /// Rewrites since the counts began.
    pub rewrites: u64,
    /// Those that failed since the last that did not.
    pub failed_rewrites: u64,
    /// Why the log can't be written, if it can't.
    pub log_failure: Option<String>,
    /// Bytes of the log, its snapshot included.
    pub log_bytes: u64,
    /// Bytes of its snapshot.
    pub base_bytes: u64,
    /// Bytes of the log in memory, on their way to the file.
    pub log_buffer_bytes: u64,
    /// The last record of the log.
    pub log_appended: u64,
    /// The last that is as certain as `appendfsync` asks.
    pub log_covered: u64,
    /// The last that no end of the process or the power can take, and that the file says so of.
    pub log_durable: u64,
}

impl Persistence {
    /// Bytes of records that wait to be written to the log.
    pub fn log_buffer_bytes(&self) -> u64 {
        self.log.read().as_ref().map_or(0, |log| log.log().pending_bytes())
    }

    /// Bytes on their way to files, which are not held against `maxmemory`: no key need go for them, as they go by themselves.
    pub fn exempt_bytes(&self) -> u64 {
        // No more than there is: commands would fill the difference, and keys go for it when the snapshot ends.
        let of_snapshots = self.in_flight.load(Ordering::Relaxed) + kora_core::codec::compression_bytes();
        let of_log = self.log.read().as_ref().map_or(0, |log| log.log().buffer_bytes());
        of_log + of_snapshots as u64
    }

    /// Figures for INFO.
    pub fn figures(&self) -> PersistenceInfo {
        let changes = self.changes();
        let log = self.current_log();
        let log_failure = log.as_ref().and_then(|log| log.failure()).map(|failure| failure.cause);
        let log = log.as_ref();
        let state = self.state.lock();
        let of = |kind| state.running.as_ref().filter(|running| running.kind == kind);
        let seconds = |kind| of(kind).map(|running| running.began.elapsed().as_secs());
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
            is_saving: of(SnapshotKind::Dump).is_some(),
            last_save_seconds: state.last_save.unsigned_abs(),
            last_save_failed: state.last_save_failed,
            last_save_duration: state.last_save_seconds,
            save_duration: seconds(SnapshotKind::Dump),
            saves: state.saves,
            has_log: self.settings().append_only,
            is_rewriting: of(SnapshotKind::Base).is_some(),
            is_rewrite_scheduled: state.is_rewrite_scheduled || state.prepared.is_some(),
            last_rewrite_duration: state.last_rewrite_seconds,
            rewrite_duration: seconds(SnapshotKind::Base),
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
