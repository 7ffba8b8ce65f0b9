//! The ranks of all locks, in the order in which they are taken: `docs/architecture.md` says what each protects.

/// Tickets of operations on several shards. Nothing is held when it is taken.
pub const TICKETS: u8 = 1;
/// The one who writes the log, in crash tests: it tells others as the thread does, which holds nothing.
pub const LOG_WRITER: u8 = 2;
/// `appendonly` changes. Held across I/O: never taken by a worker, except without waiting.
pub const LOG_SWITCH: u8 = 4;
/// The lock of the data directory. Held across I/O: never taken by a worker.
pub const DATA_DIR: u8 = 6;
/// CONFIG SET puts settings in force.
pub const CONFIG_CHANGE: u8 = 8;
/// What is known of snapshots.
pub const PERSISTENCE: u8 = 10;
/// Whether there is a log, and which.
pub const LOG_PLACE: u8 = 12;
/// Who follows the stream of effects.
pub const STREAM: u8 = 13;
/// In which order several followers are given records.
pub const STREAM_ORDER: u8 = 14;
/// What was appended to the log, and is not written.
pub const LOG: u8 = 16;
/// Who subscribes to what.
pub const SUBSCRIPTIONS: u8 = 20;
/// Clients that keep copies of what they read.
pub const READERS: u8 = 21;
/// The one order of all messages.
pub const MESSAGES: u8 = 22;
/// A worker's subscribers.
pub const SEATS: u8 = 24;
/// What of a worker's messages its own client is not to get.
pub const PASSED_BY: u8 = 26;
/// The libraries of functions.
pub const LIBRARIES: u8 = 30;
/// The scripts that are known.
pub const SCRIPTS: u8 = 32;
/// What the workers' script engines use.
pub const SCRIPT_USAGE: u8 = 34;
/// Scripts that take long.
pub const BUSY_SCRIPTS: u8 = 36;
/// The declarations of collections. Nothing is evaluated while it is held.
pub const COLLECTIONS: u8 = 37;
/// The declarations of indexes, cursors, and the settings of searches. Nothing is evaluated while it is held.
pub const SEARCH: u8 = 38;
/// What the shares of one query have found.
pub const QUERY: u8 = 39;
/// Stores lent to an operation.
pub const LENT_STORES: u8 = 40;
/// The list of clients.
pub const CLIENTS: u8 = 44;
/// The operation a client waits for.
pub const CLIENT_WAIT: u8 = 46;
/// Queries that were read before.
pub const ASKED_BEFORE: u8 = 47;
/// What a client watches.
pub const CLIENT_WATCH: u8 = 48;
/// What a client says of itself.
pub const CLIENT_TEXT: u8 = 50;
/// What was refused to users of late.
pub const REFUSALS: u8 = 52;
/// The users.
pub const USERS: u8 = 53;
/// Counts of errors.
pub const ERROR_COUNTS: u8 = 54;
/// The configuration in force.
pub const CONFIG: u8 = 56;
/// How many workers serve connections.
pub const SPREAD: u8 = 55;
/// The number that replicas know the data by.
pub const REPLICATION_ID: u8 = 57;
/// The account of memory is held against the allocator.
pub const ACCOUNT: u8 = 58;
/// Slow and large commands that are kept.
pub const COMMAND_LOGS: u8 = 62;
/// Latency events that are kept.
pub const LATENCY_EVENTS: u8 = 42;
/// Lines for clients that are told of all commands.
pub const MONITORS: u8 = 41;
/// What a session of HOTKEYS has found.
pub const TRACKING: u8 = 45;
/// How much the keys of a shard are used.
pub const HOT_KEYS: u8 = 43;
/// The thread that writes the server's own log.
pub const LOG_OF_SERVER: u8 = 59;
/// The thread of a shard of the library's engine.
pub const SHARD_THREAD: u8 = 60;
/// Encrypted sessions that clients may take up again.
pub const TLS_SESSIONS: u8 = 61;

/// The name of a rank.
#[cfg(any(debug_assertions, feature = "assert"))]
pub(crate) fn name(rank: u8) -> &'static str {
    match rank {
        TICKETS => "TICKETS",
        LOG_SWITCH => "LOG_SWITCH",
        DATA_DIR => "DATA_DIR",
        CONFIG_CHANGE => "CONFIG_CHANGE",
        PERSISTENCE => "PERSISTENCE",
        LOG_PLACE => "LOG_PLACE",
        STREAM => "STREAM",
        STREAM_ORDER => "STREAM_ORDER",
        LOG_WRITER => "LOG_WRITER",
        LOG => "LOG",
        SUBSCRIPTIONS => "SUBSCRIPTIONS",
        READERS => "READERS",
        MESSAGES => "MESSAGES",
        SEATS => "SEATS",
        PASSED_BY => "PASSED_BY",
        LIBRARIES => "LIBRARIES",
        SCRIPTS => "SCRIPTS",
        SCRIPT_USAGE => "SCRIPT_USAGE",
        BUSY_SCRIPTS => "BUSY_SCRIPTS",
        SEARCH => "SEARCH",
        COLLECTIONS => "COLLECTIONS",
        QUERY => "QUERY",
        LENT_STORES => "LENT_STORES",
        CLIENTS => "CLIENTS",
        CLIENT_WAIT => "CLIENT_WAIT",
        ASKED_BEFORE => "ASKED_BEFORE",
        CLIENT_WATCH => "CLIENT_WATCH",
        CLIENT_TEXT => "CLIENT_TEXT",
        REFUSALS => "REFUSALS",
        USERS => "USERS",
        ERROR_COUNTS => "ERROR_COUNTS",
        CONFIG => "CONFIG",
        SPREAD => "SPREAD",
        REPLICATION_ID => "REPLICATION_ID",
        ACCOUNT => "ACCOUNT",
        LOG_OF_SERVER => "LOG_OF_SERVER",
        SHARD_THREAD => "SHARD_THREAD",
        TLS_SESSIONS => "TLS_SESSIONS",
        COMMAND_LOGS => "COMMAND_LOGS",
        LATENCY_EVENTS => "LATENCY_EVENTS",
        MONITORS => "MONITORS",
        TRACKING => "TRACKING",
        HOT_KEYS => "HOT_KEYS",
        _ => "a lock of another rank",
    }
}
