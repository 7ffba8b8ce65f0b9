//! The directives: one row each, by what they are about.
//!
//! Names, shapes and bounds are Redis's 8.0, and Valkey's 8.1 for those that Redis has not; `workers` and those of metrics are Kora's own. CONFIG GET lists them in this order.

use super::checked;
use super::field::Field;
use super::limits::ClientsLimit;
use super::oom_scores;
use super::percentiles::Percentiles;
use super::persistence::{AppendFsync, SaveRules, file_name};
use super::process::Supervised;
use super::table::{Apply, Change, Directive, Meaning};
use super::tls::{ClientAuth, ClientUser};
use super::value::{Setting, Shape, quote};
use super::{LogLevel, MaxmemoryPolicy, Permission, PubsubDefault};
use Shape::{Bool, Bytes, Choice, Choices, Fields, Int, Octal, Opaque, Text, Words};
use kora_engine::events::EventFlags;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::sync::Arc;

/// Bound of directives that Redis keeps in a C `int`.
const INT: i64 = i32::MAX as i64;
/// Bound of sizes that Redis keeps in a signed 64-bit number.
const LONG: u64 = i64::MAX as u64;
/// Bound of ports.
const PORT: i64 = u16::MAX as i64;

/// The absolute path of the working directory, which is the one that `dir` named if it did.
fn working_directory(dir: &[u8]) -> Vec<u8> {
    let path = if dir.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(dir)) };
    std::path::absolute(path).map_or_else(|_| dir.to_vec(), |path| path.into_os_string().into_vec())
}

/// All rows.
pub(super) const DIRECTIVES: &[&[Directive]] = &[
    NETWORK,
    TLS,
    METRICS,
    LIMITS,
    GENERAL,
    MEMORY,
    PACKED,
    PERSISTENCE,
    REPLICATION,
    CLUSTER,
    SECURITY,
    STATISTICS,
    PROCESS,
];

const fn row(name: &'static str, shape: Shape, meaning: Meaning) -> Directive {
    let (change, apply) = (Change::AnyTime, Apply::WhenRead);
    Directive { name, aliases: &[], shape, change, apply, meaning, accumulates: false, is_secret: false }
}

const fn inert(name: &'static str, shape: Shape, default: &'static str, because: &'static str) -> Directive {
    row(name, shape, Meaning::Inert { default, because, accept: Ok })
}

const fn unavailable(
    name: &'static str,
    shape: Shape,
    off: &'static [&'static str],
    needs: &'static str,
) -> Directive {
    row(name, shape, Meaning::Unavailable { off, needs })
}

/// A directive that is a field of the configuration.
macro_rules! field {
    ($name:literal, $shape:expr, $($field:ident).+) => {
        row($name, $shape, Meaning::Works {
            get: |config| config.$($field).+.to_setting(),
            set: |config, setting| {
                config.$($field).+ = Field::from_setting(setting)?;
                Ok(())
            },
            lines: None,
        })
    };
}

/// A directive that names a file in the data directory.
macro_rules! file_name {
    ($name:literal, $field:ident) => {
        row(
            $name,
            Text,
            Meaning::Works {
                get: |config| config.persistence.$field.to_setting(),
                set: |config, setting| {
                    config.persistence.$field = file_name(setting, $name)?;
                    Ok(())
                },
                lines: None,
            },
        )
    };
}

/// A directive that says on which processors some threads run.
macro_rules! processors {
    ($name:literal, $field:ident) => {
        row(
            $name,
            Text,
            Meaning::Works {
                get: |config| config.processors.$field.to_setting(),
                set: |config, setting| {
                    Arc::make_mut(&mut config.processors).$field = Field::from_setting(setting)?;
                    Ok(())
                },
                lines: None,
            },
        )
        .at_start()
    };
}

const NETWORK: &[Directive] = &[
    field!("bind", Words, bind).then(Apply::Listeners),
    field!("port", Int(0, PORT), port).then(Apply::Listeners),
    field!("unixsocket", Text, unix_socket).at_start(),
    field!("unixsocketperm", Octal, unix_socket_mode).at_start(),
    field!("tcp-backlog", Int(0, INT), tcp_backlog).at_start(),
    field!("tcp-keepalive", Int(0, INT), tcp_keepalive_seconds),
    field!("timeout", Int(0, INT), timeout_seconds),
    field!("protected-mode", Bool, protected_mode),
    field!("unixsocketgroup", Text, unix_socket_group).at_start(),
    unavailable("rdma-bind", Words, &[""], "RDMA is"),
    unavailable("rdma-port", Int(0, PORT), &["0"], "RDMA is"),
    inert("rdma-rx-size", Int(65536, 16 << 20), "1048576", NO_RDMA).at_start(),
    inert("rdma-completion-vector", Int(-1, 1024), "-1", NO_RDMA).at_start(),
    inert("tls-replication", Bool, "no", NO_REPLICAS),
    inert("bind-source-addr", Text, "", NO_REPLICAS),
    field!("socket-mark-id", Int(0, u32::MAX as i64), socket_mark).at_start(),
    inert("max-new-connections-per-cycle", Int(1, 1000), "10", ACCEPTS),
    field!("max-new-tls-connections-per-cycle", Int(1, 1000), tls.handshakes_per_round),
];

/// Kora's own: metrics and console over HTTP.
const METRICS: &[Directive] = &[
    field!("metrics-port", Int(0, PORT), metrics.port).at_start(),
    field!("metrics-bind", Words, metrics.bind).at_start(),
    field!("console", Bool, metrics.console),
    field!("console-hosts", Words, metrics.hosts),
];

const TLS: &[Directive] = &[
    field!("tls-port", Int(0, PORT), tls.port).then(Apply::TlsListeners),
    field!("tls-cluster", Bool, tls.cluster).then(Apply::Tls),
    field!("tls-auth-clients", Choice(ClientAuth::WORDS), tls.auth_clients).then(Apply::Tls),
    field!("tls-auth-clients-user", Choice(ClientUser::WORDS), tls.auth_clients_user),
    field!("tls-ca-cert-dir", Text, tls.ca_cert_dir).then(Apply::Tls),
    field!("tls-ca-cert-file", Text, tls.ca_cert_file).then(Apply::Tls),
    field!("tls-cert-file", Text, tls.cert_file).then(Apply::Tls),
    field!("tls-key-file", Text, tls.key_file).then(Apply::Tls),
    field!("tls-key-file-pass", Text, tls.key_file_pass).secret().then(Apply::Tls),
    field!("tls-client-cert-file", Text, tls.client_cert_file).then(Apply::Tls),
    field!("tls-client-key-file", Text, tls.client_key_file).then(Apply::Tls),
    field!("tls-client-key-file-pass", Text, tls.client_key_file_pass).secret().then(Apply::Tls),
    field!("tls-protocols", Text, tls.protocols).then(Apply::Tls),
    field!("tls-ciphers", Text, tls.ciphers).then(Apply::Tls),
    field!("tls-ciphersuites", Text, tls.ciphersuites).then(Apply::Tls),
    field!("tls-prefer-server-ciphers", Bool, tls.prefer_server_ciphers).then(Apply::Tls),
    field!("tls-session-caching", Bool, tls.session_caching).then(Apply::Tls),
    field!("tls-session-cache-size", Int(0, INT), tls.session_cache_size).then(Apply::Tls),
    field!("tls-session-cache-timeout", Int(0, INT), tls.session_cache_timeout_seconds).then(Apply::Tls),
    unavailable(
        "tls-dh-params-file",
        Text,
        &[""],
        "key exchange in finite fields (ECDHE needs no parameters) is",
    ),
];

const LIMITS: &[Directive] = &[
    field!("maxclients", Int(1, u32::MAX as i64), max_clients).then(Apply::Descriptors),
    field!("proto-max-bulk-len", Bytes(1 << 20, LONG), max_bulk).then(Apply::Core),
    field!("client-query-buffer-limit", Bytes(1 << 20, LONG), query_buffer_limit),
    row(
        "client-output-buffer-limit",
        Fields,
        Meaning::Works {
            get: |config| config.output_limits.to_setting(),
            set: |config, setting| {
                let Setting::Words(words) = setting else { unreachable!("its shape is several words") };
                config.output_limits = config.output_limits.merge(&words)?;
                Ok(())
            },
            lines: Some(|config| config.output_limits.lines()),
        },
    ),
    row(
        "maxmemory-clients",
        Text,
        Meaning::Works {
            get: |config| config.max_memory_clients.to_setting(),
            set: |config, setting| {
                let text = Vec::from_setting(setting)?;
                config.max_memory_clients = ClientsLimit::parse(&text)?;
                Ok(())
            },
            lines: None,
        },
    ),
    field!("tracking-table-max-keys", Int(0, i64::MAX), noted_keys_max).then(Apply::Core),
];

const GENERAL: &[Directive] = &[
    field!("workers", Int(0, 1024), workers).at_start(),
    field!("gather-connections", Bool, gather_connections),
    field!("shards", Int(0, 4096), shards).at_start(),
    field!("databases", Int(1, u16::MAX as i64), databases).at_start(),
    field!("loglevel", Choice(LogLevel::WORDS), log_level).then(Apply::Log),
    field!("logfile", Text, log_file).at_start(),
    row(
        "dir",
        Text,
        Meaning::Works {
            get: |config| working_directory(&config.dir).to_setting(),
            set: |config, setting| {
                let dir = Vec::from_setting(setting)?;
                if !Path::new(OsStr::from_bytes(&dir)).is_dir() {
                    return Err("No such directory".into());
                }
                config.dir = dir;
                Ok(())
            },
            lines: None,
        },
    )
    .at_start()
    .protected(),
    row(
        "hz",
        Int(0, INT),
        Meaning::Works {
            get: |config| config.hz.to_setting(),
            set: |config, setting| {
                config.hz = u32::from_setting(setting)?.clamp(1, 500);
                Ok(())
            },
            lines: None,
        },
    ),
    field!("active-expire-effort", Int(1, 10), active_expire_effort),
    inert("dynamic-hz", Bool, "yes", "idle workers sleep whatever it says"),
    inert("activerehashing", Bool, "yes", "tables grow and shrink in small steps by themselves"),
    inert("io-threads", Int(1, 128), "1", "'workers' sets the number of threads").at_start(),
    inert("io-threads-do-reads", Bool, "no", "'workers' sets the number of threads").at_start(),
    inert("prefetch-batch-max-size", Int(0, 128), "16", "keys of a batch are always fetched ahead"),
    unavailable("log-format", Choice(&["legacy", "logfmt"]), &["legacy"], "another format of the log is"),
    unavailable(
        "log-timestamp-format",
        Choice(&["legacy", "iso8601", "milliseconds"]),
        &["legacy"],
        "another format of the log's times is",
    ),
    unavailable("import-mode", Bool, &["no"], "import mode is"),
    inert("extended-redis-compatibility", Bool, "no", "Kora always answers as Redis does"),
    inert("lazyfree-lazy-eviction", Bool, "no", FREES_LAZILY),
    inert("lazyfree-lazy-expire", Bool, "no", FREES_LAZILY),
    inert("lazyfree-lazy-server-del", Bool, "no", FREES_LAZILY),
    inert("lazyfree-lazy-user-del", Bool, "no", FREES_LAZILY),
    field!("lazyfree-lazy-user-flush", Bool, lazy_user_flush),
    inert("replica-lazy-flush", Bool, "no", FREES_LAZILY).also(&["slave-lazy-flush"]),
    field!("lua-time-limit", Int(0, i64::MAX), busy_reply_threshold_ms).also(&["busy-reply-threshold"]),
    row(
        "notify-keyspace-events",
        Text,
        Meaning::Works {
            get: |config| Setting::Text(config.event_flags.shown()),
            set: |config, setting| {
                let letters = Vec::from_setting(setting)?;
                config.event_flags = EventFlags::parse(&letters)
                    .ok_or("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")?;
                Ok(())
            },
            lines: Some(|config| vec![quote(&config.event_flags.letters())]),
        },
    ),
];

const MEMORY: &[Directive] = &[
    field!("maxmemory", Bytes(0, u64::MAX), max_memory),
    field!("maxmemory-policy", Choice(MaxmemoryPolicy::WORDS), max_memory_policy).then(Apply::Core),
    field!("lfu-log-factor", Int(0, INT), lfu_log_factor).then(Apply::Core),
    field!("lfu-decay-time", Int(0, INT), lfu_decay_minutes).then(Apply::Core),
    field!("maxmemory-samples", Int(1, 64), eviction_samples).then(Apply::Core),
    field!("maxmemory-eviction-tenacity", Int(0, 100), eviction_tenacity),
    unavailable("activedefrag", Bool, &["no"], "active defragmentation is"),
    inert("active-defrag-cycle-max", Int(1, 99), "25", NO_DEFRAG),
    inert("active-defrag-cycle-us", Int(0, 100_000), "500", NO_DEFRAG),
    inert("active-defrag-cycle-min", Int(1, 99), "1", NO_DEFRAG),
    inert("active-defrag-ignore-bytes", Bytes(1, LONG), "100mb", NO_DEFRAG),
    inert("active-defrag-max-scan-fields", Int(1, i64::MAX), "1000", NO_DEFRAG),
    inert("active-defrag-threshold-lower", Int(0, 1000), "10", NO_DEFRAG),
    inert("active-defrag-threshold-upper", Int(0, 1000), "100", NO_DEFRAG),
    inert("jemalloc-bg-thread", Bool, "yes", "the allocator keeps its own time"),
];

const PACKED: &[Directive] = &[
    field!("hash-max-listpack-entries", Int(0, i64::MAX), packed.hash_max_listpack_entries)
        .also(&["hash-max-ziplist-entries"]),
    field!("hash-max-listpack-value", Bytes(0, LONG), packed.hash_max_listpack_value)
        .also(&["hash-max-ziplist-value"]),
    field!("hll-sparse-max-bytes", Bytes(0, LONG), packed.hll_sparse_max_bytes),
    inert("list-compress-depth", Int(0, INT), "0", "nodes of lists are not compressed"),
    field!("list-max-listpack-size", Int(i32::MIN as i64, INT), packed.list_max_listpack_size)
        .also(&["list-max-ziplist-size"]),
    field!("set-max-intset-entries", Int(0, i64::MAX), packed.set_max_intset_entries),
    field!("set-max-listpack-entries", Int(0, i64::MAX), packed.set_max_listpack_entries),
    field!("set-max-listpack-value", Int(0, i64::MAX), packed.set_max_listpack_value),
    field!("stream-node-max-bytes", Bytes(0, LONG), packed.stream_node_max_bytes),
    field!("stream-node-max-entries", Int(0, i64::MAX), packed.stream_node_max_entries),
    field!("zset-max-listpack-entries", Int(0, i64::MAX), packed.zset_max_listpack_entries)
        .also(&["zset-max-ziplist-entries"]),
    field!("zset-max-listpack-value", Bytes(0, LONG), packed.zset_max_listpack_value)
        .also(&["zset-max-ziplist-value"]),
];

const PERSISTENCE: &[Directive] = &[
    row(
        "save",
        Fields,
        Meaning::Works {
            get: |config| config.persistence.save.to_setting(),
            set: |config, setting| {
                let Setting::Words(words) = setting else { unreachable!("its shape is several words") };
                config.persistence.save = SaveRules::parse(&words)?;
                Ok(())
            },
            lines: Some(|config| config.persistence.save.lines()),
        },
    )
    .accumulates(),
    field!("appendonly", Bool, persistence.append_only).then(Apply::Persistence),
    file_name!("dbfilename", db_file_name).protected(),
    file_name!("appendfilename", append_file_name).at_start(),
    file_name!("appenddirname", append_dir_name).at_start(),
    field!("appendfsync", Choice(AppendFsync::WORDS), persistence.append_fsync).then(Apply::Persistence),
    inert("no-appendfsync-on-rewrite", Bool, "no", "a rewrite does not hold up the log's syncs"),
    field!("auto-aof-rewrite-min-size", Bytes(0, LONG), persistence.auto_rewrite_min_size),
    field!("auto-aof-rewrite-percentage", Int(0, INT), persistence.auto_rewrite_percentage),
    field!("aof-load-truncated", Bool, persistence.load_truncated),
    inert("aof-rewrite-incremental-fsync", Bool, "yes", SYNCED_IN_SLICES),
    inert("aof-timestamp-enabled", Bool, "no", "the log has a format of its own"),
    inert("aof-use-rdb-preamble", Bool, "yes", "the log always begins with a snapshot"),
    inert("rdb-del-sync-files", Bool, "no", NO_REPLICAS),
    inert("rdb-save-incremental-fsync", Bool, "yes", SYNCED_IN_SLICES),
    unavailable(
        "rdb-version-check",
        Choice(&["strict", "relaxed"]),
        &["strict"],
        "loading snapshots of later versions is",
    ),
    field!("rdbchecksum", Bool, persistence.checksum).at_start(),
    field!("rdbcompression", Bool, persistence.compression),
    inert(
        "sanitize-dump-payload",
        Choice(&["no", "yes", "clients"]),
        "no",
        "whatever is read is checked in full",
    ),
    field!("stop-writes-on-bgsave-error", Bool, persistence.stop_writes_on_bgsave_error),
    unavailable("shutdown-on-sigint", Choices(ENDINGS), &["default"], "choosing what signals do is"),
    unavailable("shutdown-on-sigterm", Choices(ENDINGS), &["default"], "choosing what signals do is"),
];

/// How Redis may be told to end.
const ENDINGS: &[&str] = &["default", "save", "nosave", "now", "force"];

const REPLICATION: &[Directive] = &[
    unavailable("replicaof", Words, &[""], "replication is").at_start().also(&["slaveof"]),
    unavailable("min-replicas-to-write", Int(0, INT), &["0"], "replication is")
        .also(&["min-slaves-to-write"]),
    inert("min-replicas-max-lag", Int(0, INT), "10", NO_REPLICAS).also(&["min-slaves-max-lag"]),
    inert("masterauth", Opaque, "", NO_REPLICAS).secret().also(&["primaryauth"]),
    inert("masteruser", Text, "", NO_REPLICAS).secret().also(&["primaryuser"]),
    inert("dual-channel-replication-enabled", Bool, "no", NO_REPLICAS),
    inert("availability-zone", Text, "", NO_REPLICAS),
    inert("shutdown-timeout", Int(0, INT), "10", NO_REPLICAS),
    inert("repl-backlog-size", Bytes(1, LONG), "1mb", NO_REPLICAS).accepting(checked::backlog),
    inert("repl-backlog-ttl", Int(0, i64::MAX), "3600", NO_REPLICAS),
    inert("repl-disable-tcp-nodelay", Bool, "no", NO_REPLICAS),
    inert("repl-diskless-load", Choice(&["disabled", "on-empty-db", "swapdb"]), "disabled", NO_REPLICAS),
    inert("repl-diskless-sync", Bool, "yes", NO_REPLICAS),
    inert("repl-diskless-sync-delay", Int(0, INT), "5", NO_REPLICAS),
    inert("repl-diskless-sync-max-replicas", Int(0, INT), "0", NO_REPLICAS),
    inert("repl-ping-replica-period", Int(1, INT), "10", NO_REPLICAS).also(&["repl-ping-slave-period"]),
    inert("repl-timeout", Int(1, INT), "60", NO_REPLICAS),
    inert("replica-announce-ip", Text, "", NO_REPLICAS).also(&["slave-announce-ip"]),
    inert("replica-announce-port", Int(0, PORT), "0", NO_REPLICAS).also(&["slave-announce-port"]),
    inert("replica-announced", Bool, "yes", NO_REPLICAS),
    inert("replica-full-sync-buffer-limit", Bytes(0, LONG), "0", NO_REPLICAS),
    inert("replica-ignore-disk-write-errors", Bool, "no", NO_REPLICAS),
    inert("replica-ignore-maxmemory", Bool, "yes", NO_REPLICAS).also(&["slave-ignore-maxmemory"]),
    inert("replica-priority", Int(0, INT), "100", NO_REPLICAS).also(&["slave-priority"]),
    inert("replica-read-only", Bool, "yes", NO_REPLICAS).also(&["slave-read-only"]),
    inert("replica-serve-stale-data", Bool, "yes", NO_REPLICAS).also(&["slave-serve-stale-data"]),
    inert(
        "propagation-error-behavior",
        Choice(&["ignore", "panic", "panic-on-replicas"]),
        "ignore",
        NO_REPLICAS,
    ),
];

const CLUSTER: &[Directive] = &[
    unavailable("cluster-enabled", Bool, &["no"], "cluster mode is").at_start(),
    inert("cluster-allow-pubsubshard-when-down", Bool, "yes", NO_CLUSTER),
    inert("cluster-allow-reads-when-down", Bool, "no", NO_CLUSTER),
    inert("cluster-allow-replica-migration", Bool, "yes", NO_CLUSTER),
    inert("cluster-announce-bus-port", Int(0, PORT), "0", NO_CLUSTER),
    inert("cluster-announce-hostname", Text, "", NO_CLUSTER).accepting(checked::host_name),
    inert("cluster-announce-human-nodename", Opaque, "", NO_CLUSTER).accepting(checked::node_name),
    inert("cluster-announce-ip", Text, "", NO_CLUSTER),
    inert("cluster-announce-port", Int(0, PORT), "0", NO_CLUSTER),
    inert("cluster-announce-tls-port", Int(0, PORT), "0", NO_CLUSTER),
    inert("cluster-compatibility-sample-ratio", Int(0, 100), "0", NO_CLUSTER),
    inert("cluster-config-file", Text, "nodes.conf", NO_CLUSTER).at_start(),
    inert("cluster-link-sendbuf-limit", Bytes(0, u64::MAX), "0", NO_CLUSTER),
    inert("cluster-migration-barrier", Int(0, INT), "1", NO_CLUSTER),
    inert("cluster-node-timeout", Int(0, i64::MAX), "15000", NO_CLUSTER),
    inert("cluster-port", Int(0, PORT), "0", NO_CLUSTER).at_start(),
    inert(
        "cluster-preferred-endpoint-type",
        Choice(&["ip", "hostname", "unknown-endpoint"]),
        "ip",
        NO_CLUSTER,
    ),
    inert("cluster-replica-no-failover", Bool, "no", NO_CLUSTER).also(&["cluster-slave-no-failover"]),
    inert("cluster-replica-validity-factor", Int(0, INT), "10", NO_CLUSTER)
        .also(&["cluster-slave-validity-factor"]),
    inert("cluster-require-full-coverage", Bool, "yes", NO_CLUSTER),
    inert("cluster-announce-client-ipv4", Text, "", NO_CLUSTER),
    inert("cluster-announce-client-ipv6", Text, "", NO_CLUSTER),
    inert("cluster-blacklist-ttl", Int(0, i64::MAX), "60", NO_CLUSTER),
    inert("cluster-manual-failover-timeout", Int(1, INT), "5000", NO_CLUSTER),
    inert("cluster-slot-stats-enabled", Bool, "no", NO_CLUSTER),
];

const SECURITY: &[Directive] = &[
    field!("requirepass", Opaque, password).secret(),
    field!("enable-debug-command", Choice(Permission::WORDS), debug_command).at_start(),
    field!("enable-protected-configs", Choice(Permission::WORDS), protected_configs).at_start(),
    unavailable("enable-module-command", Choice(Permission::WORDS), &["no"], "loading modules is").at_start(),
    field!("aclfile", Text, acl_file).at_start(),
    field!("acllog-max-len", Int(0, i64::MAX), acl_log_entries_max),
    field!("acl-pubsub-default", Choice(PubsubDefault::WORDS), pubsub_default),
    inert("hide-user-data-from-log", Bool, "no", "the log never holds users' data"),
];

const STATISTICS: &[Directive] = &[
    field!("slowlog-log-slower-than", Int(-1, i64::MAX), observe.slow_us)
        .also(&["commandlog-execution-slower-than"]),
    field!("slowlog-max-len", Int(0, i64::MAX), observe.slow_kept_max)
        .also(&["commandlog-slow-execution-max-len"]),
    field!("commandlog-request-larger-than", Int(-1, i64::MAX), observe.request_bytes),
    field!("commandlog-reply-larger-than", Int(-1, i64::MAX), observe.reply_bytes),
    field!("commandlog-large-request-max-len", Int(0, i64::MAX), observe.requests_kept_max),
    field!("commandlog-large-reply-max-len", Int(0, i64::MAX), observe.replies_kept_max),
    field!("latency-monitor-threshold", Int(0, i64::MAX), observe.event_ms),
    field!("latency-tracking", Bool, tracks_latency),
    row(
        "latency-tracking-info-percentiles",
        Fields,
        Meaning::Works {
            get: |config| config.latency_percentiles.to_setting(),
            set: |config, setting| {
                let Setting::Words(words) = setting else { unreachable!("its shape is several words") };
                config.latency_percentiles = Percentiles::parse(&words)?;
                Ok(())
            },
            lines: None,
        },
    ),
];

const PROCESS: &[Directive] = &[
    field!("daemonize", Bool, process.daemonize).at_start(),
    field!("supervised", Choice(Supervised::WORDS), process.supervised).at_start(),
    field!("pidfile", Text, process.pid_file).at_start(),
    inert("set-proc-title", Bool, "yes", OUTSIDE).at_start(),
    inert("proc-title-template", Text, "{title} {listen-addr} {server-mode}", OUTSIDE)
        .accepting(checked::title_template),
    inert("oom-score-adj", Choice(&["no", "yes", "relative", "absolute"]), "no", OUTSIDE),
    inert("oom-score-adj-values", Fields, "0 200 800", OUTSIDE).accepting(oom_scores::parse),
    inert("disable-thp", Bool, "yes", OUTSIDE).at_start(),
    field!("server-cpulist", Text, server_processors).at_start().also(&["server_cpulist"]),
    processors!("bio-cpulist", background).also(&["bio_cpulist"]),
    processors!("aof-rewrite-cpulist", rewrites).also(&["aof_rewrite_cpulist"]),
    processors!("bgsave-cpulist", snapshots).also(&["bgsave_cpulist"]),
    unavailable("syslog-enabled", Bool, &["no"], "logging to syslog is").at_start(),
    inert("syslog-ident", Text, "redis", OUTSIDE).at_start(),
    inert("syslog-facility", Text, "local0", OUTSIDE).at_start(),
    inert("crash-log-enabled", Bool, "yes", CRASHES),
    inert("crash-memcheck-enabled", Bool, "yes", CRASHES),
    inert("always-show-logo", Bool, "no", "there is no logo").at_start(),
    inert("ignore-warnings", Text, "", "no warning keeps the server from starting"),
    inert("locale-collate", Text, "", "strings are always ordered by their bytes").accepting(checked::locale),
];

const NO_RDMA: &str = "there is no RDMA";
const NO_REPLICAS: &str = "there is no replication yet";
const NO_CLUSTER: &str = "there is no cluster mode yet";
const SYNCED_IN_SLICES: &str = "snapshots are always synced in slices";
const NO_DEFRAG: &str = "there is no active defragmentation yet";
const FREES_LAZILY: &str = "memory is always freed lazily";
const ACCEPTS: &str = "workers accept connections in turn with other work";
const CRASHES: &str = "a crash always writes a message and ends the process";
const OUTSIDE: &str = "it is left to the service manager and the system";
