//! The texts: what each directive does.

use super::{Section, entry};

pub(super) const SECTIONS: &[Section] =
    &[NETWORK, TLS, LIMITS, GENERAL, MEMORY, PERSISTENCE, PACKED, SECURITY, STATISTICS, METRICS, PROCESS];

const NETWORK: Section = Section {
    title: "Network",
    intro: "",
    entries: &[
        entry(
            "bind",
            "The addresses to listen on. A `-` in front says that one may be missing on this machine; `*` is every IPv4 address, `::*` every IPv6 address.",
        ),
        entry("port", "The port for connections in plain text; 0: none."),
        entry("unixsocket", "The path of a unix socket to listen on.").such_as("/run/kora/kora.sock"),
        entry("unixsocketperm", "The permissions of the unix socket; 0: as the process's mask has it.")
            .such_as("770"),
        entry("unixsocketgroup", "The group to which the unix socket belongs; none: that of the process.")
            .such_as("kora"),
        entry(
            "tcp-backlog",
            "How many connections the system may hold before they are accepted; the system's own limit (net.core.somaxconn) counts too.",
        ),
        entry(
            "tcp-keepalive",
            "After how many idle seconds the system asks whether a client is still there; 0: never.",
        ),
        entry(
            "timeout",
            "After how many idle seconds a client is disconnected; 0: never. Subscribers and clients that wait are spared.",
        ),
        entry(
            "protected-mode",
            "While the default user needs no password, only clients of this machine are served.",
        ),
        entry(
            "socket-mark-id",
            "A number with which the system marks packets of clients' connections, for its packet filter; 0: none. Needs CAP_NET_ADMIN.",
        ),
        entry(
            "max-new-tls-connections-per-cycle",
            "How many steps of TLS handshakes a worker takes in one round of its loop.",
        ),
    ],
};

const TLS: Section = Section {
    title: "Encryption",
    intro: "See [Encryption](security.md#encryption).",
    entries: &[
        entry("tls-port", "The port for encrypted connections, on the addresses of `bind`; 0: none.")
            .such_as("6380"),
        entry(
            "tls-cert-file",
            "The server's certificate, with those that lead to an authority, in PEM form.",
        )
        .such_as("/etc/kora/server.crt"),
        entry("tls-key-file", "The certificate's key, in PEM form.").such_as("/etc/kora/server.key"),
        entry("tls-key-file-pass", "The password of the key, if it is under one."),
        entry("tls-ca-cert-file", "The authorities that vouch for clients, and for other servers.")
            .such_as("/etc/kora/ca.crt"),
        entry("tls-ca-cert-dir", "A folder with such authorities, a file each.").such_as("/etc/ssl/certs"),
        entry(
            "tls-auth-clients",
            "Whether clients must show a certificate; `optional`: they may, but not a bad one.",
        ),
        entry(
            "tls-auth-clients-user",
            "`CN`: a client is at once the user whom the common name of its certificate names.",
        ),
        entry(
            "tls-client-cert-file",
            "The certificate that this server shows to others (MIGRATE); without one its own.",
        ),
        entry("tls-client-key-file", "The key of that certificate."),
        entry("tls-client-key-file-pass", "The password of that key."),
        entry("tls-protocols", "The versions spoken: `TLSv1.2`, `TLSv1.3` or both, which is the default.")
            .such_as("TLSv1.3"),
        entry("tls-ciphers", "The ciphers of TLS 1.2, as an expression of OpenSSL."),
        entry("tls-ciphersuites", "The cipher suites of TLS 1.3, with colons between them."),
        entry("tls-prefer-server-ciphers", "Whether the order of ciphers here counts, and not the client's."),
        entry("tls-session-caching", "Whether a client that connects again may take its session up."),
        entry("tls-session-cache-size", "How many sessions are kept for that; 0: no limit."),
        entry("tls-session-cache-timeout", "For how many seconds they are kept."),
        entry("tls-cluster", "Whether connections to other servers (MIGRATE) are encrypted."),
    ],
};

const LIMITS: Section = Section {
    title: "Limits of clients",
    intro: "",
    entries: &[
        entry("maxclients", "How many clients may be connected at a time. It is lowered at the start if the system grants too few file descriptors."),
        entry("maxmemory-clients", "How much memory all connections may take together, or which share of `maxmemory` (`5%`); those that take most are closed. 0: no limit.").such_as("10%"),
        entry("client-output-buffer-limit", "How many bytes of replies a client may leave unread: class (`normal`, `replica`, `pubsub`), at most, for so many seconds at most, the seconds. 0: no limit."),
        entry("client-query-buffer-limit", "How many bytes are kept that are no whole argument of a request yet."),
        entry("proto-max-bulk-len", "The longest argument, and the longest string."),
        entry("tracking-table-max-keys", "For how many keys it is noted who keeps copies of them; 0: no limit."),
    ],
};

const GENERAL: Section = Section {
    title: "General",
    intro: "",
    entries: &[
        entry("workers", "How many threads serve clients; 0: one per core."),
        entry("shards", "Into how many parts the keys are divided; 0: four per worker, one with a single worker."),
        entry("gather-connections", "As few workers serve connections as the load needs. `no`: connections are dealt out over all."),
        entry("databases", "How many databases there are, for SELECT."),
        entry("dir", "The working directory, where data are kept; without it the one the server is started in. Where it is given, or has data, snapshots are taken by Redis's rules if nothing is said about them.").such_as("/var/lib/kora"),
        entry("logfile", "The file of the server's log, relative to `dir`; without one the standard output. A file that was moved is replaced with the next line.").such_as("/var/log/kora/kora.log"),
        entry("loglevel", "The least important messages that are logged."),
        entry("hz", "How often in a second background work is looked at, at most 500."),
        entry("active-expire-effort", "From 1 to 10: how much time goes into finding keys that have expired."),
        entry("lazyfree-lazy-user-flush", "Whether FLUSHALL and FLUSHDB without ASYNC or SYNC are answered before the memory is free."),
        entry("lua-time-limit", "After how many milliseconds of a script other clients are told BUSY, and SCRIPT KILL may end it; 0: never."),
        entry("notify-keyspace-events", "Which keyspace events are published, by letters: K, E for channels by key or event; g $ l s h z x e t m d n, or A for most of them.").such_as("KEA"),
    ],
};

const MEMORY: Section = Section {
    title: "Memory",
    intro: "See [Tuning](tuning.md#memory).",
    entries: &[
        entry("maxmemory", "How much memory the data and all else may take; 0: no limit. A limit counts for the whole process, however many shards.").such_as("1gb"),
        entry("maxmemory-policy", "What happens at the limit: which keys are evicted, or that writes are refused (`noeviction`)."),
        entry("maxmemory-samples", "How many keys are looked at for each that is evicted; more finds better ones and costs more."),
        entry("maxmemory-eviction-tenacity", "From 0 to 100: for how long keys are evicted at a time, while commands wait."),
        entry("lfu-log-factor", "How many hits it takes, under an LFU policy, until a key counts as one in constant use."),
        entry("lfu-decay-time", "After how many minutes without use the count of a key goes down by one; 0: never."),
    ],
};

const PERSISTENCE: Section = Section {
    title: "Persistence",
    intro: "See [Persistence](persistence.md).",
    entries: &[
        entry("save", "Rules for snapshots: seconds and changes in pairs. A snapshot is taken once so many seconds have gone by with so many changes. `\"\"`: none.").such_as("3600 1 300 100 60 10000"),
        entry("dbfilename", "The name of the snapshot's file, in `dir`."),
        entry("rdbcompression", "Whether strings in snapshots are compressed."),
        entry("rdbchecksum", "Whether snapshots end with a checksum, which is looked at when they are loaded."),
        entry("stop-writes-on-bgsave-error", "Whether writes are refused after a snapshot by rule has failed, until one succeeds."),
        entry("appendonly", "Whether every change is kept in a log, from which a start goes on."),
        entry("appendfsync", "When changes in the log are made certain: before they are acknowledged (`always`), once a second, or when the system likes (`no`)."),
        entry("appenddirname", "The name of the log's directory, in `dir`."),
        entry("appendfilename", "The name that files of a log of Redis's begin with: such a log is imported."),
        entry("auto-aof-rewrite-percentage", "By how many percent of what it was the log grows before it is written anew; 0: never by itself."),
        entry("auto-aof-rewrite-min-size", "Below this size the log is not written anew by itself."),
        entry("aof-load-truncated", "Whether a log whose end is torn is loaded up to there. `no`: the server refuses to start."),
    ],
};

const PACKED: Section = Section {
    title: "Packed values",
    intro: "Up to these sizes collections keep their compact form, and OBJECT ENCODING its name.",
    entries: &[
        entry("hash-max-listpack-entries", "The number of fields of a hash."),
        entry("hash-max-listpack-value", "The longest name or value of a field."),
        entry(
            "list-max-listpack-size",
            "A node of a list: a number of elements, or by -1 to -5 a size of 4, 8, 16, 32 or 64 KiB.",
        ),
        entry("set-max-intset-entries", "The number of members of a set of integers."),
        entry("set-max-listpack-entries", "The number of members of another set."),
        entry("set-max-listpack-value", "Its longest member."),
        entry("zset-max-listpack-entries", "The number of members of a sorted set."),
        entry("zset-max-listpack-value", "Its longest member."),
        entry("stream-node-max-bytes", "The bytes of a node of a stream; 0: no limit."),
        entry("stream-node-max-entries", "The entries of a node of a stream; 0: no limit."),
        entry("hll-sparse-max-bytes", "The bytes of a HyperLogLog in its sparse form."),
    ],
};

const SECURITY: Section = Section {
    title: "Security",
    intro: "See [Security](security.md).",
    entries: &[
        entry("requirepass", "The password of the default user; none: it needs no password.")
            .such_as("a-long-and-random-word"),
        entry("aclfile", "The file with users, for ACL LOAD and ACL SAVE.")
            .such_as("/var/lib/kora/users.acl"),
        entry("acllog-max-len", "How many refusals ACL LOG keeps."),
        entry("acl-pubsub-default", "Whether new users may use all channels (`allchannels`) or none."),
        entry("enable-debug-command", "Who may call DEBUG: nobody, everybody, or clients of this machine."),
        entry("enable-protected-configs", "Who may change directives that say where files are written."),
    ],
};

const STATISTICS: Section = Section {
    title: "Statistics",
    intro: "",
    entries: &[
        entry("latency-tracking", "Whether it is counted how long commands take."),
        entry("latency-tracking-info-percentiles", "Which percentiles of that INFO shows."),
        entry(
            "latency-monitor-threshold",
            "Events that take at least so many milliseconds are kept for LATENCY; 0: none.",
        ),
        entry(
            "slowlog-log-slower-than",
            "Commands that take longer than so many microseconds are kept for SLOWLOG; negative: none.",
        ),
        entry("slowlog-max-len", "How many of them are kept."),
        entry(
            "commandlog-request-larger-than",
            "Commands whose arguments take more than so many bytes are kept for COMMANDLOG; -1: none.",
        ),
        entry("commandlog-large-request-max-len", "How many of them are kept."),
        entry(
            "commandlog-reply-larger-than",
            "Commands whose replies take more than so many bytes are kept for COMMANDLOG; -1: none.",
        ),
        entry("commandlog-large-reply-max-len", "How many of them are kept."),
    ],
};

const METRICS: Section = Section {
    title: "Metrics and console",
    intro: "",
    entries: &[
        entry(
            "metrics-port",
            "The port for metrics in Prometheus's form and for the console, over HTTP; 0: none.",
        )
        .such_as("9121"),
        entry("metrics-bind", "The addresses of that port, as in `bind`."),
        entry("console", "Whether the console is served there, too."),
        entry("console-hosts", "The names under which browsers may ask for the console."),
    ],
};

const PROCESS: Section = Section {
    title: "The process",
    intro: "See [Running the server](running.md).",
    entries: &[
        entry("supervised", "Which service manager is told that the server is ready: `systemd` by its notifications, `upstart` by SIGSTOP, `auto` the one that the environment speaks of."),
        entry("daemonize", "Whether the server goes into the background. Under a supervisor it does not."),
        entry("pidfile", "The file with the process's number, which is removed at the end; in the background `/var/run/kora.pid` if nothing else is said.").such_as("/run/kora/kora.pid"),
        entry("server-cpulist", "The processors that workers run on, such as `0,2`, `4-7` or `8-15:2`.").such_as("0-3"),
        entry("bio-cpulist", "The processors of the threads that free memory and write the log.").such_as("4"),
        entry("bgsave-cpulist", "The processors of the threads that write snapshots.").such_as("4"),
        entry("aof-rewrite-cpulist", "The processors of the threads that write the log anew.").such_as("4"),
    ],
};
