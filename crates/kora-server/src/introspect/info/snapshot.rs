//! What INFO shows, as plain data: gathered by the server, by section.

pub use kora_engine::persistence::PersistenceInfo;
pub use kora_engine::usage::{DatabaseInfo, MemoryInfo};

use kora_core::entry::data_type::Extensions;
use kora_core::entry::{Kind, SizeClass};
use kora_engine::metrics::Reading;

/// All of it. Sections that are not asked for may be left at their defaults.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "fields are named after the sections")]
pub struct InfoSnapshot {
    /// Counters and gauges of all sections.
    pub metrics: Vec<Reading>,
    pub server: ServerInfo,
    pub memory: MemoryInfo,
    /// `maxmemory-policy`.
    pub memory_policy: &'static str,
    pub persistence: PersistenceInfo,
    pub cpu: CpuInfo,
    pub threads: Vec<ThreadInfo>,
    pub commands: Vec<CommandStat>,
    pub latencies: Vec<LatencyStat>,
    pub errors: Vec<ErrorStat>,
    pub keyspace: Vec<DatabaseInfo>,
    pub keysizes: Vec<SizesInfo>,
    /// Data types that are not built in.
    pub extensions: Extensions,
}

/// The process.
#[derive(Clone, Debug, Default)]
pub struct ServerInfo {
    /// Version of Redis whose commands work.
    pub redis_version: String,
    /// Kora's own version.
    pub kora_version: String,
    /// System, kernel release and machine.
    pub os: String,
    /// Number of the process.
    pub process_id: u32,
    /// 40 random hexadecimal digits that name this run.
    pub run_id: String,
    /// 40 random hexadecimal digits that name the history of the data set.
    pub replication_id: String,
    /// `port`.
    pub tcp_port: u16,
    /// Microseconds since the Unix epoch.
    pub now_us: u64,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// `hz`.
    pub hz: u32,
    /// Seconds since the Unix epoch as the 24-bit clock of last uses.
    pub lru_clock: u32,
    /// Path of the program.
    pub executable: String,
    /// Who supervises the process; `no` for nobody.
    pub supervisor: &'static str,
    /// Path of the configuration file, if there is one.
    pub config_file: String,
    /// Number of worker threads.
    pub workers: usize,
    /// Workers that serve connections.
    pub serving_workers: usize,
    /// What each listener listens on, such as `name=tcp,bind=127.0.0.1,port=6379`, behind the number of its kind.
    pub listeners: Vec<(usize, String)>,
}

/// One worker.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThreadInfo {
    /// Connections that it serves.
    pub clients: u64,
    /// Reads from sockets.
    pub reads: u64,
    /// Writes to sockets.
    pub writes: u64,
}

/// How long the calls of a command took.
#[derive(Clone, Debug, Default)]
pub struct LatencyStat {
    /// The command.
    pub name: &'static str,
    /// Percentages as INFO shows them, and the nanoseconds that so many of the calls did not exceed.
    pub percentiles: Vec<(String, u64)>,
}

/// Processor time, in seconds.
#[derive(Clone, Debug, Default)]
pub struct CpuInfo {
    /// Spent in the kernel.
    pub system: f64,
    /// Spent in the program.
    pub user: f64,
    /// Spent in the kernel by the first worker.
    pub main_system: f64,
    /// Spent in the program by the first worker.
    pub main_user: f64,
}

/// How a command fared.
#[derive(Clone, Debug, Default)]
pub struct CommandStat {
    /// Its full name.
    pub name: &'static str,
    /// How often it ran.
    pub calls: u64,
    /// Microseconds it ran in all.
    pub total_us: u64,
    /// How often it was refused before it ran.
    pub rejected: u64,
    /// How often it ran and answered an error.
    pub failed: u64,
}

/// How often errors of one prefix were answered.
#[derive(Clone, Debug, Default)]
pub struct ErrorStat {
    /// The error's first word, such as `WRONGTYPE`.
    pub prefix: String,
    /// How often.
    pub count: u64,
}

/// How many keys of a database have a size of each class.
#[derive(Clone, Debug)]
pub struct SizesInfo {
    /// The database's number.
    pub db: u16,
    /// For each data type, by its number, the counts by class.
    pub counts: [[u64; SizeClass::COUNT]; Kind::COUNT],
}
