//! What is kept on disk, when it is written, and when it is certain.

use std::path::PathBuf;

use kora_storage::log::FsyncPolicy;

/// A snapshot is due when so many changes were made and so much time has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaveRule {
    /// Least number of seconds since the last snapshot.
    pub seconds: u32,
    /// Least number of changes since then.
    pub changes: u64,
}

/// What persistence goes by. The defaults are Redis's, save that nothing is kept.
#[derive(Clone, Debug)]
pub struct PersistenceSettings {
    /// The directory of the data.
    pub dir: PathBuf,
    /// When snapshots are due; never without a rule.
    pub save: Vec<SaveRule>,
    /// The file of snapshots.
    pub db_file_name: String,
    /// Whether strings of snapshots are compressed.
    pub compression: bool,
    /// Whether snapshots end with a checksum.
    pub checksum: bool,
    /// Whether writes are refused once a snapshot that a rule asks for has failed.
    pub stop_writes_on_bgsave_error: bool,
    /// Whether there is a log.
    pub append_only: bool,
    /// The name that a log of Redis's has, where one is imported.
    pub append_file_name: String,
    /// The folder of the log.
    pub append_dir_name: PathBuf,
    /// When what was written to the log is made certain.
    pub append_fsync: FsyncPolicy,
    /// A smaller log is not rewritten by itself.
    pub auto_rewrite_min_bytes: u64,
    /// By how much a log grows until it is rewritten; 0: without end.
    pub auto_rewrite_percentage: u32,
    /// Whether a start cuts an end of the log that was not written whole.
    pub load_truncated: bool,
}

impl Default for PersistenceSettings {
    fn default() -> Self {
        Self {
            dir: ".".into(),
            save: Vec::new(),
            db_file_name: "dump.rdb".into(),
            compression: true,
            checksum: true,
            stop_writes_on_bgsave_error: true,
            append_only: false,
            append_file_name: "appendonly.aof".into(),
            append_dir_name: "appendonlydir".into(),
            append_fsync: FsyncPolicy::EverySecond,
            auto_rewrite_min_bytes: 64 << 20,
            auto_rewrite_percentage: 100,
            load_truncated: true,
        }
    }
}
