//! The server's configuration: redis.conf's format and directive names, read into one typed struct.
//!
//! One declarative table ([`table`]) says for each directive its name, the values it takes, its default and what it
//! means here. Files, the command line, CONFIG GET, SET and REWRITE all work from that table. A directive either
//! works, or is refused with the reason, or belongs to something Kora has no use for and is accepted with a note:
//! nothing is accepted and silently ignored.

pub mod access;
mod checked;
pub mod command_line;
pub mod directives;
pub mod field;
pub mod kept;
pub mod limits;
pub mod load;
pub mod manual;
pub mod metrics;
mod nearest;
mod oom_scores;
pub mod percentiles;
pub mod persistence;
pub mod process;
pub mod rewrite;
pub mod table;
pub mod tls;
pub mod users;
pub mod value;

use field::{ByteCount, FileMode, choice};
use kora_core::config::{CoreConfig, EvictionConfig, EvictionOrder, EvictionScope, Tracking};
use kora_engine::assembly::shards_for;
use kora_engine::events::EventFlags;
use kora_engine::observe::ObserveSettings;
use kora_engine::settings::{self, ProcessorLists, RenamedCommand, Settings};
use kora_engine::threads::Processors;
use limits::{ClientsLimit, OutputLimit, OutputLimits};
use metrics::MetricsConfig;
use percentiles::Percentiles;
use persistence::PersistenceConfig;
use process::ProcessConfig;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;
use tls::{Contexts, TlsConfig};
pub use users::{PubsubDefault, UserLine};
use value::Setting;

choice! {
    /// `loglevel`: the least important messages that are logged.
    pub enum LogLevel {
        /// Everything, for developers.
        Debug = "debug",
        /// Rarely useful details as well.
        Verbose = "verbose",
        /// What an operator wants to know.
        Notice = "notice",
        /// Only what needs attention.
        Warning = "warning",
        /// Nothing.
        Nothing = "nothing",
    }
}

choice! {
    /// Who may do something that is dangerous: nobody, everybody, or clients on this machine.
    pub enum Permission {
        /// Nobody.
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Clients connected through loopback or a unix socket.
        Local = "local",
    }
}

choice! {
    /// `maxmemory-policy`: what makes room when memory is short. It also chooses how use of keys is tracked.
    pub enum MaxmemoryPolicy {
        /// The least recently used among keys with a deadline.
        VolatileLru = "volatile-lru",
        /// The least frequently used among keys with a deadline.
        VolatileLfu = "volatile-lfu",
        /// Any key with a deadline.
        VolatileRandom = "volatile-random",
        /// The key with the nearest deadline.
        VolatileTtl = "volatile-ttl",
        /// The least recently used key.
        AllkeysLru = "allkeys-lru",
        /// The least frequently used key.
        AllkeysLfu = "allkeys-lfu",
        /// Any key.
        AllkeysRandom = "allkeys-random",
        /// Nothing: writes are refused.
        Noeviction = "noeviction",
    }
}

/// A lower limit on the memory of connections would keep the one out that could raise it.
const CLIENTS_BYTES_MIN: u64 = 128 << 10;

/// Up to which size collections keep their packed form.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "fields are named after their directives, which redis.conf documents")]
pub struct PackedLimits {
    pub hash_max_listpack_entries: i64,
    pub hash_max_listpack_value: ByteCount,
    pub hll_sparse_max_bytes: ByteCount,
    pub list_max_listpack_size: i32,
    pub set_max_intset_entries: i64,
    pub set_max_listpack_entries: i64,
    pub set_max_listpack_value: i64,
    pub stream_node_max_bytes: ByteCount,
    pub stream_node_max_entries: i64,
    pub zset_max_listpack_entries: i64,
    pub zset_max_listpack_value: ByteCount,
}

/// The whole configuration.
///
/// Fields hold what their directives say. The defaults in [`Config::default`] are those of the table.
// Many fields: one for each directive that is in force.
#[derive(Clone, Debug)]
pub struct Config {
    /// `bind`: addresses to listen on; `-` before one says that it may be missing, `*` is any.
    pub bind: Vec<String>,
    /// `port`: 0 for no TCP listener.
    pub port: u16,
    /// `unixsocket`: path of the unix socket, empty for none.
    pub unix_socket: Vec<u8>,
    /// `unixsocketperm`: permissions of the unix socket, 0 for those of the process.
    pub unix_socket_mode: FileMode,
    /// `unixsocketgroup`: the group that the unix socket belongs to, empty for that of the process.
    pub unix_socket_group: Vec<u8>,
    /// `socket-mark-id`: what the system marks packets of clients' connections with; 0 for nothing.
    pub socket_mark: u32,
    /// `tcp-backlog`: connections the system may hold before they are accepted.
    pub tcp_backlog: u32,
    /// `protected-mode`: without a password only this machine's clients are served.
    pub protected_mode: bool,
    /// `requirepass`: empty for none.
    pub password: Vec<u8>,
    /// `aclfile`: empty for none.
    pub acl_file: Vec<u8>,
    /// `acl-pubsub-default`: what new users may do with channels.
    pub pubsub_default: PubsubDefault,
    /// `acllog-max-len`.
    pub acl_log_entries_max: i64,
    /// Lines that declare users.
    pub user_lines: Vec<UserLine>,
    /// `maxclients`.
    pub max_clients: u32,
    /// `timeout`: seconds after which an idle client is disconnected, 0 for never.
    pub timeout_seconds: u32,
    /// `tcp-keepalive`: seconds between probes of idle connections, 0 for none.
    pub tcp_keepalive_seconds: u32,
    /// `server-cpulist`: processors that workers run on.
    pub server_processors: Processors,
    /// `bio-cpulist`, `bgsave-cpulist`, `aof-rewrite-cpulist`: the same of other threads.
    pub processors: Arc<ProcessorLists>,
    /// `gather-connections`: as few workers serve connections as their load needs.
    pub gather_connections: bool,
    /// `workers`: threads, 0 for one per core.
    pub workers: u16,
    /// `shards`: parts that the keys are divided into, 0 for four per worker, or one with a single worker.
    pub shards: u16,
    /// `databases`.
    pub databases: u16,
    /// `proto-max-bulk-len`: longest argument and longest string.
    pub max_bulk: ByteCount,
    /// `client-query-buffer-limit`: most bytes that are no whole argument of a request yet.
    pub query_buffer_limit: ByteCount,
    /// `client-output-buffer-limit`.
    pub output_limits: OutputLimits,
    /// `loglevel`.
    pub log_level: LogLevel,
    /// `logfile`: empty for the standard output.
    pub log_file: Vec<u8>,
    /// `dir`: the working directory; empty for the one the server was started in.
    pub dir: Vec<u8>,
    /// `enable-debug-command`.
    pub debug_command: Permission,
    /// `enable-protected-configs`: who may change directives that say where files are written.
    pub protected_configs: Permission,
    /// `rename-command`: in the order of their lines.
    pub renamed_commands: Vec<RenamedCommand>,
    /// `maxmemory`: 0 for no limit.
    pub max_memory: ByteCount,
    /// `maxmemory-clients`.
    pub max_memory_clients: ClientsLimit,
    /// `maxmemory-policy`.
    pub max_memory_policy: MaxmemoryPolicy,
    /// `maxmemory-samples`: keys looked at for each that is evicted.
    pub eviction_samples: u32,
    /// `busy-reply-threshold`: milliseconds that a script runs before others are told; 0: for ever.
    pub busy_reply_threshold_ms: i64,
    /// `maxmemory-eviction-tenacity`: 0 to 100, how long keys are evicted at a time.
    pub eviction_tenacity: u32,
    /// `lfu-log-factor`.
    pub lfu_log_factor: u32,
    /// `lfu-decay-time`.
    pub lfu_decay_minutes: u32,
    /// `tracking-table-max-keys`: keys noted as read for clients that keep copies; 0 for no limit.
    pub noted_keys_max: i64,
    /// `slowlog-*`, `commandlog-*`, `latency-monitor-threshold`: what an operator looks for.
    pub observe: ObserveSettings,
    /// `latency-tracking`: whether it is counted how long commands take.
    pub tracks_latency: bool,
    /// `latency-tracking-info-percentiles`: what INFO shows of it.
    pub latency_percentiles: Percentiles,
    /// `hz`: background rounds per second, 1 to 500.
    pub hz: u32,
    /// `active-expire-effort`: 1 to 10.
    pub active_expire_effort: u8,
    /// `lazyfree-lazy-user-flush`: FLUSHALL, FLUSHDB and the like are answered before the memory is free.
    pub lazy_user_flush: bool,
    /// `notify-keyspace-events`.
    pub event_flags: EventFlags,
    /// The limits of packed collections.
    pub packed: PackedLimits,
    /// Files of data.
    pub persistence: PersistenceConfig,
    /// Metrics and console over HTTP.
    pub metrics: MetricsConfig,
    /// How the process runs.
    pub process: ProcessConfig,
    /// Encryption.
    pub tls: TlsConfig,
    /// What that comes to, in a configuration that is in force.
    pub(crate) contexts: Contexts,
    /// The file it was read from, if any: the one CONFIG REWRITE writes.
    pub file: Option<PathBuf>,
    /// Values given for directives that have no effect here, by name.
    inert: BTreeMap<&'static str, Setting>,
}

impl Config {
    /// What the core needs to know of it.
    #[must_use]
    pub fn core(&self) -> CoreConfig {
        let packed = &self.packed;
        let is_lfu =
            matches!(self.max_memory_policy, MaxmemoryPolicy::VolatileLfu | MaxmemoryPolicy::AllkeysLfu);
        CoreConfig {
            max_bulk_bytes: self.max_bulk.0,
            tracking: if is_lfu { Tracking::Lfu } else { Tracking::Lru },
            lfu_log_factor: self.lfu_log_factor,
            lfu_decay_minutes: self.lfu_decay_minutes,
            eviction: self.eviction(),
            shares_integers: self.max_memory.0 == 0 || !self.tracks_use(),
            database_count: self.databases,
            compresses_dumps: self.persistence.compression,
            list_max_listpack_size: i64::from(packed.list_max_listpack_size),
            hash_max_listpack_entries: packed.hash_max_listpack_entries.unsigned_abs(),
            hash_max_listpack_value: packed.hash_max_listpack_value.0,
            set_max_intset_entries: packed.set_max_intset_entries.unsigned_abs(),
            set_max_listpack_entries: packed.set_max_listpack_entries.unsigned_abs(),
            set_max_listpack_value: packed.set_max_listpack_value.unsigned_abs(),
            zset_max_listpack_entries: packed.zset_max_listpack_entries.unsigned_abs(),
            zset_max_listpack_value: packed.zset_max_listpack_value.0,
            stream_node_max_bytes: packed.stream_node_max_bytes.0,
            stream_node_max_entries: packed.stream_node_max_entries.unsigned_abs(),
            hll_sparse_max_bytes: packed.hll_sparse_max_bytes.0,
            noted_keys_max: self.noted_keys_max.unsigned_abs(),
            ..CoreConfig::default()
        }
    }

    /// What the engine needs to know of it.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            core: self.core(),
            max_memory: self.max_memory.0,
            eviction_tenacity: self.eviction_tenacity,
            active_expire_effort: self.active_expire_effort,
            lazy_user_flush: self.lazy_user_flush,
            busy_reply_threshold_ms: self.busy_reply_threshold_ms,
            tracks_latency: self.tracks_latency,
            observe: self.observe,
            event_flags: self.event_flags,
            debug_command: match self.debug_command {
                Permission::No => settings::Permission::No,
                Permission::Yes => settings::Permission::Yes,
                Permission::Local => settings::Permission::Local,
            },
            renamed_commands: self.renamed_commands.as_slice().into(),
            persistence: Arc::new(self.persistence.settings(self.data_dir())),
            processors: Arc::clone(&self.processors),
        }
    }

    /// The directory of the data.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        if self.dir.is_empty() { PathBuf::from(".") } else { OsStr::from_bytes(&self.dir).into() }
    }

    /// Most bytes that all connections together may take; 0 for no limit.
    #[must_use]
    pub fn clients_bytes_max(&self) -> u64 {
        match self.max_memory_clients {
            ClientsLimit::Bytes(0) => 0,
            ClientsLimit::Percent(_) if self.max_memory.0 == 0 => 0,
            ClientsLimit::Bytes(bytes) => bytes.max(CLIENTS_BYTES_MIN),
            ClientsLimit::Percent(percent) => (self.max_memory.0 / 100 * percent).max(CLIENTS_BYTES_MIN),
        }
    }

    /// `dbfilename` as a name of a file.
    #[must_use]
    pub fn db_file_name(&self) -> String {
        String::from_utf8_lossy(&self.persistence.db_file_name).into_owned()
    }

    /// Number of shards: `shards`, or what suits the number of workers, and no fewer than there are workers.
    pub(crate) fn shard_count(&self) -> u16 {
        let workers = self.worker_count();
        if self.shards > 0 { self.shards.max(workers) } else { shards_for(workers) }
    }

    /// Number of workers: `workers`, or one per core.
    #[must_use]
    pub fn worker_count(&self) -> u16 {
        if self.workers > 0 {
            return self.workers;
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        u16::try_from(cores).unwrap_or(u16::MAX)
    }

    /// Whether `maxmemory-policy` goes by the use of keys.
    fn tracks_use(&self) -> bool {
        let EvictionConfig { scope, order, .. } = self.eviction();
        scope != EvictionScope::Nothing && matches!(order, EvictionOrder::Lru | EvictionOrder::Lfu)
    }

    /// Which keys may be evicted, and which of them first.
    fn eviction(&self) -> EvictionConfig {
        use MaxmemoryPolicy as Policy;
        let (scope, order) = match self.max_memory_policy {
            Policy::VolatileLru => (EvictionScope::Volatile, EvictionOrder::Lru),
            Policy::VolatileLfu => (EvictionScope::Volatile, EvictionOrder::Lfu),
            Policy::VolatileRandom => (EvictionScope::Volatile, EvictionOrder::Random),
            Policy::VolatileTtl => (EvictionScope::Volatile, EvictionOrder::Ttl),
            Policy::AllkeysLru => (EvictionScope::AllKeys, EvictionOrder::Lru),
            Policy::AllkeysLfu => (EvictionScope::AllKeys, EvictionOrder::Lfu),
            Policy::AllkeysRandom => (EvictionScope::AllKeys, EvictionOrder::Random),
            Policy::Noeviction => (EvictionScope::Nothing, EvictionOrder::Lru),
        };
        EvictionConfig { scope, order, samples: self.eviction_samples }
    }
}

impl Default for Config {
    fn default() -> Self {
        let none = OutputLimit::default();
        let limits = |hard_bytes, soft_bytes| OutputLimit { hard_bytes, soft_bytes, soft_seconds: 60 };
        Self {
            bind: vec!["127.0.0.1".into(), "-::1".into()],
            port: 6379,
            unix_socket: Vec::new(),
            unix_socket_mode: FileMode(0),
            unix_socket_group: Vec::new(),
            socket_mark: 0,
            tcp_backlog: 511,
            protected_mode: true,
            password: Vec::new(),
            acl_file: Vec::new(),
            pubsub_default: PubsubDefault::ResetChannels,
            acl_log_entries_max: 128,
            user_lines: Vec::new(),
            max_clients: 10_000,
            timeout_seconds: 0,
            tcp_keepalive_seconds: 300,
            server_processors: Processors::default(),
            processors: Arc::default(),
            gather_connections: true,
            workers: 0,
            shards: 0,
            databases: 16,
            max_bulk: ByteCount(512 << 20),
            query_buffer_limit: ByteCount(1 << 30),
            output_limits: OutputLimits {
                normal: none,
                replica: limits(256 << 20, 64 << 20),
                pubsub: limits(32 << 20, 8 << 20),
            },
            log_level: LogLevel::Notice,
            log_file: Vec::new(),
            dir: Vec::new(),
            debug_command: Permission::No,
            protected_configs: Permission::No,
            renamed_commands: Vec::new(),
            max_memory: ByteCount(0),
            max_memory_clients: ClientsLimit::Bytes(0),
            max_memory_policy: MaxmemoryPolicy::Noeviction,
            eviction_samples: 5,
            busy_reply_threshold_ms: 5000,
            eviction_tenacity: 10,
            lfu_log_factor: 10,
            lfu_decay_minutes: 1,
            noted_keys_max: 1_000_000,
            tracks_latency: true,
            latency_percentiles: Percentiles::default(),
            observe: ObserveSettings::default(),
            hz: 10,
            active_expire_effort: 1,
            lazy_user_flush: false,
            event_flags: EventFlags::default(),
            packed: PackedLimits::default(),
            persistence: PersistenceConfig::default(),
            metrics: MetricsConfig::default(),
            process: ProcessConfig::default(),
            tls: TlsConfig::default(),
            contexts: Contexts::default(),
            file: None,
            inert: BTreeMap::new(),
        }
    }
}

impl Default for PackedLimits {
    fn default() -> Self {
        Self {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: ByteCount(64),
            hll_sparse_max_bytes: ByteCount(3000),
            list_max_listpack_size: -2,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            stream_node_max_bytes: ByteCount(4096),
            stream_node_max_entries: 100,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: ByteCount(64),
        }
    }
}

#[cfg(test)]
mod tests;
