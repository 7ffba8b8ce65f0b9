//! What is kept on disk if nothing was said about that.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::Config;
use super::persistence::{AppendFsync, SaveRules};

/// Decides what is kept if nothing was said about that, and says what is: snapshots by Redis's rules where a directory is
/// given, or one is found with data.
pub fn settle(config: &mut Config) {
    let dir = config.data_dir();
    let exists = |name: &[u8]| dir.join(OsStr::from_bytes(name)).exists();
    let has_log = exists(&config.persistence.append_dir_name);
    let has_data = exists(&config.persistence.db_file_name) || has_log;
    if !config.persistence.save.is_given() && (has_data || !config.dir.is_empty()) {
        config.persistence.save = SaveRules::standard();
    }
    let persistence = &config.persistence;
    if has_log && !persistence.append_only {
        tracing::warn!("there is a log of earlier runs, which is not read: 'appendonly' is off");
    }
    match (persistence.append_only, persistence.save.rules().is_empty()) {
        (true, _) => tracing::info!(
            "Every write is kept in a log in {}, which is made certain: {}",
            dir.display(),
            match persistence.append_fsync {
                AppendFsync::Always => "before it is acknowledged",
                AppendFsync::EverySecond => "every second",
                AppendFsync::No => "when the system likes",
            }
        ),
        (false, false) => tracing::info!(
            "Snapshots are kept in {}: what is written after the last one does not survive a crash",
            dir.join(config.db_file_name()).display()
        ),
        (false, true) => {
            tracing::info!("Data is kept in memory only: nothing survives a restart unless SAVE is called")
        }
    }
}
