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

/// Which keys eviction may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvictionScope {
    /// None: writes are refused when memory is short.
    #[default]
    Nothing,
    /// Those with a deadline.
    Volatile,
    /// All.
    AllKeys,
}

/// Which of the keys that it may take eviction takes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvictionOrder {
    /// The one not used for longest.
    #[default]
    Lru,
    /// The one used least.
    Lfu,
    /// The one with the nearest deadline.
    Ttl,
    /// Any.
    Random,
}

/// `maxmemory-policy` and `maxmemory-samples`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EvictionConfig {
    /// Which keys may go.
    pub scope: EvictionScope,
    /// Which of them go first.
    pub order: EvictionOrder,
    /// Keys looked at for each that goes.
    pub samples: u32,
}

impl Default for EvictionConfig {
    fn default() -> Self {
        Self { scope: EvictionScope::default(), order: EvictionOrder::default(), samples: 5 }
    }
}

/// Settings of the core. Equal on all shards.
#[derive(Clone, Debug)]
// Many fields: one for each setting.
pub struct CoreConfig {
    /// `proto-max-bulk-len`: longest string, in bytes.
    pub max_bulk_bytes: u64,
    /// How use of keys is tracked.
    pub tracking: Tracking,
    /// `lfu-log-factor`.
    pub lfu_log_factor: u32,
    /// `lfu-decay-time`, in minutes.
    pub lfu_decay_minutes: u32,
    /// What makes room when memory is short.
    pub eviction: EvictionConfig,
    /// Whether OBJECT REFCOUNT counts small integers as shared: not while `maxmemory` and a policy ask for the use of each key.
    pub shares_integers: bool,
    /// `databases`: number of databases.
    pub database_count: u16,
    /// `tracking-table-max-keys`: keys of all stores that are noted as read, for clients that keep copies; 0 for no limit.
    pub noted_keys_max: u64,
    /// DEBUG SET-ACTIVE-EXPIRE: whether the sweep runs.
    pub active_expire: bool,
    /// DEBUG SET-SKIP-CHECKSUM-VALIDATION: whether RESTORE takes payloads whose checksum is wrong.
    pub skips_checksums: bool,
    /// `list-max-listpack-size`: elements of a list's node if positive; a class of sizes if negative, -1 to -5 for 4,
    /// 8, 16, 32 and 64 KiB.
    pub list_max_listpack_size: i64,
    /// `rdbcompression`: DUMP compresses strings.
    pub compresses_dumps: bool,
    /// `hash-max-listpack-entries`: most fields of a packed hash.
    pub hash_max_listpack_entries: u64,
    /// `hash-max-listpack-value`: longest field or value of a packed hash, in bytes.
    pub hash_max_listpack_value: u64,
    /// `set-max-intset-entries`: most members of a set of integers.
    pub set_max_intset_entries: u64,
    /// `set-max-listpack-entries`: most members of a packed set.
    pub set_max_listpack_entries: u64,
    /// `set-max-listpack-value`: longest member of a packed set, in bytes.
    pub set_max_listpack_value: u64,
    /// `zset-max-listpack-entries`: most members of a packed sorted set.
    pub zset_max_listpack_entries: u64,
    /// `zset-max-listpack-value`: longest member of a packed sorted set, in bytes.
    pub zset_max_listpack_value: u64,
    /// `stream-node-max-bytes`: largest block of a stream, in bytes; 0 for no limit.
    pub stream_node_max_bytes: u64,
    /// `stream-node-max-entries`: most entries of a stream's block; 0 for no limit.
    pub stream_node_max_entries: u64,
    /// `hll-sparse-max-bytes`: largest sparse HyperLogLog, in bytes, its header included.
    pub hll_sparse_max_bytes: u64,
}

impl Default for CoreConfig {
    fn default() -> Self {
        Self {
            max_bulk_bytes: 512 * 1024 * 1024,
            tracking: Tracking::Lru,
            lfu_log_factor: 10,
            lfu_decay_minutes: 1,
            eviction: EvictionConfig::default(),
            shares_integers: true,
            database_count: 16,
            noted_keys_max: 1_000_000,
            active_expire: true,
            skips_checksums: false,
            compresses_dumps: true,
            list_max_listpack_size: -2,
            hash_max_listpack_entries: 128,
            hash_max_listpack_value: 64,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            stream_node_max_bytes: 4096,
            stream_node_max_entries: 100,
            hll_sparse_max_bytes: 3000,
        }
    }
}
