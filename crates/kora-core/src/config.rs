//! Settings that change what the core does. The driver owns their names and texts; the core reads values.

/// How use of a key is tracked, which follows from `maxmemory-policy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tracking {
    /// Time of last use, in seconds: OBJECT IDLETIME.
    #[default]
    Lru,
    /// Logarithmic frequency with decay: OBJECT FREQ.
    Lfu,
}

/// Settings of the core. Equal on all shards.
#[derive(Clone, Debug)]
pub struct CoreConfig {
    /// `proto-max-bulk-len`: longest string, in bytes.
    pub max_bulk_bytes: u64,
    /// How use of keys is tracked.
    pub tracking: Tracking,
    /// `lfu-log-factor`.
    pub lfu_log_factor: u32,
    /// `lfu-decay-time`, in minutes.
    pub lfu_decay_minutes: u32,
    /// `databases`: number of databases.
    pub database_count: u16,
    /// DEBUG SET-ACTIVE-EXPIRE: whether the sweep runs.
    pub active_expire: bool,
}

impl Default for CoreConfig {
    fn default() -> Self {
        Self {
            max_bulk_bytes: 512 * 1024 * 1024,
            tracking: Tracking::Lru,
            lfu_log_factor: 10,
            lfu_decay_minutes: 1,
            database_count: 16,
            active_expire: true,
        }
    }
}
