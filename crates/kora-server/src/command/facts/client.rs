//! Facts of CLIENT and its subcommands.

use kora_core::command::spec::{Arg, Categories, Facts, Flags, Group};

/// `CLIENT`.
pub const CLIENT: Facts = Facts {
    name: "client",
    arity: -2,
    group: Group::Connection,
    since: "2.4.0",
    summary: "A container for commands about connections",
    complexity: "That of the subcommand",
    ..Facts::NONE
};

/// `CLIENT CACHING`.
pub const CLIENT_CACHING: Facts = Facts {
    name: "client|caching",
    arity: 3,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "6.0.0",
    summary: "Says whether the connection keeps copies of what the next command reads",
    complexity: "O(1)",
    args: &[Arg::one_of("mode", &[Arg::word("yes", "YES"), Arg::word("no", "NO")])],
    ..Facts::NONE
};

/// `CLIENT CAPA`.
pub const CLIENT_CAPA: Facts = Facts {
    name: "client|capa",
    arity: -3,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "8.0.0",
    summary: "Says what the client is able to do",
    complexity: "O(1)",
    args: &[Arg::string("capability").multiple()],
    ..Facts::NONE
};

/// `CLIENT GETNAME`.
pub const CLIENT_GETNAME: Facts = Facts {
    name: "client|getname",
    arity: 2,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "2.6.9",
    summary: "Tells the connection's name",
    complexity: "O(1)",
    ..Facts::NONE
};

/// `CLIENT GETREDIR`.
pub const CLIENT_GETREDIR: Facts = Facts {
    name: "client|getredir",
    arity: 2,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "6.0.0",
    summary: "Tells which client gets the connection's notices of changed keys",
    complexity: "O(1)",
    ..Facts::NONE
};

/// `CLIENT HELP`.
pub const CLIENT_HELP: Facts = Facts {
    name: "client|help",
    arity: 2,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "5.0.0",
    summary: "Lists the subcommands",
    complexity: "O(1)",
    ..Facts::NONE
};

/// `CLIENT ID`.
pub const CLIENT_ID: Facts = Facts {
    name: "client|id",
    arity: 2,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "5.0.0",
    summary: "Tells the connection's unique number",
    complexity: "O(1)",
    ..Facts::NONE
};

/// `CLIENT IMPORT-SOURCE`.
pub const CLIENT_IMPORT_SOURCE: Facts = Facts {
    name: "client|import-source",
    arity: 3,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "8.1.0",
    summary: "Ends that the connection is an import source; there is no import mode in which it could be one",
    complexity: "O(1)",
    args: &[Arg::one_of("enabled", &[Arg::word("on", "ON"), Arg::word("off", "OFF")])],
    ..Facts::NONE
};

/// `CLIENT INFO`.
pub const CLIENT_INFO: Facts = Facts {
    name: "client|info",
    arity: 2,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "6.2.0",
    summary: "Describes the connection",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    ..Facts::NONE
};

/// Filters of connections that Redis 8.0 has for none of its commands, or for CLIENT KILL only.
const MORE_FILTERS: &[Arg] = &[
    Arg::string("name").token("NAME").since("9.0.0"),
    Arg::integer("idle").token("IDLE").since("9.0.0"),
    Arg::string("flags").token("FLAGS").since("9.0.0"),
    Arg::string("lib-name").token("LIB-NAME").since("9.0.0"),
    Arg::string("lib-ver").token("LIB-VER").since("9.0.0"),
    Arg::integer("db").token("DB").since("9.0.0"),
    Arg::string("capa").token("CAPA").since("9.0.0"),
    Arg::string("ip").token("IP").since("9.0.0"),
    Arg::string("not-client-type").token("NOT-TYPE").since("9.0.0"),
    Arg::integer("not-client-id").token("NOT-ID").multiple().since("9.0.0"),
    Arg::string("not-username").token("NOT-USER").since("9.0.0"),
    Arg::string("not-addr").token("NOT-ADDR").since("9.0.0").display("ip:port"),
    Arg::string("not-laddr").token("NOT-LADDR").since("9.0.0").display("ip:port"),
    Arg::string("not-name").token("NOT-NAME").since("9.0.0"),
    Arg::string("not-flags").token("NOT-FLAGS").since("9.0.0"),
    Arg::string("not-lib-name").token("NOT-LIB-NAME").since("9.0.0"),
    Arg::string("not-lib-ver").token("NOT-LIB-VER").since("9.0.0"),
    Arg::integer("not-db").token("NOT-DB").since("9.0.0"),
    Arg::string("not-capa").token("NOT-CAPA").since("9.0.0"),
    Arg::string("not-ip").token("NOT-IP").since("9.0.0"),
];

/// `CLIENT KILL`.
pub const CLIENT_KILL: Facts = Facts {
    name: "client|kill",
    arity: -3,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "2.4.0",
    summary: "Closes connections",
    complexity: "O(N) for N connections",
    args: &[Arg::one_of(
        "filter",
        &[
            Arg::string("old-format").deprecated("2.8.12").display("ip:port"),
            Arg::one_of(
                "new-format",
                &[
                    Arg::integer("client-id").token("ID").optional().multiple().since("2.8.12"),
                    Arg::one_of(
                        "client-type",
                        &[
                            Arg::word("normal", "NORMAL"),
                            Arg::word("master", "MASTER").since("3.2.0"),
                            Arg::word("slave", "SLAVE"),
                            Arg::word("replica", "REPLICA").since("5.0.0"),
                            Arg::word("pubsub", "PUBSUB"),
                        ],
                    )
                    .token("TYPE")
                    .optional()
                    .since("2.8.12"),
                    Arg::string("username").token("USER").optional(),
                    Arg::string("addr").token("ADDR").optional().display("ip:port"),
                    Arg::string("laddr").token("LADDR").optional().since("6.2.0").display("ip:port"),
                    Arg::one_of("skipme", &[Arg::word("yes", "YES"), Arg::word("no", "NO")])
                        .token("SKIPME")
                        .optional(),
                    Arg::integer("maxage").token("MAXAGE").optional().since("7.4.0"),
                    Arg::one_of("valkey-filter", MORE_FILTERS).optional(),
                ],
            )
            .multiple(),
        ],
    )],
    history: &[
        ("2.8.12", "Filters by name."),
        ("2.8.12", "The `ID` filter."),
        ("3.2.0", "The type `master`."),
        ("5.0.0", "The type `replica`, which `slave` still names too."),
        ("6.2.0", "The `LADDR` filter."),
        ("7.4.0", "The `MAXAGE` filter."),
        ("8.1.0", "Several numbers behind `ID`."),
        (
            "9.0.0",
            "The filters `NAME`, `IDLE`, `FLAGS`, `LIB-NAME`, `LIB-VER`, `DB`, `CAPA` and `IP`, and those that begin with `NOT-`.",
        ),
    ],
    ..Facts::NONE
};

/// `CLIENT LIST`.
pub const CLIENT_LIST: Facts = Facts {
    name: "client|list",
    arity: -2,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "2.4.0",
    summary: "Describes the open connections",
    complexity: "O(N) for N connections",
    args: &[
        Arg::one_of(
            "client-type",
            &[
                Arg::word("normal", "NORMAL"),
                Arg::word("master", "MASTER"),
                Arg::word("replica", "REPLICA"),
                Arg::word("pubsub", "PUBSUB"),
            ],
        )
        .token("TYPE")
        .optional()
        .since("5.0.0"),
        Arg::integer("client-id").token("ID").optional().multiple().since("6.2.0"),
        Arg::string("username").token("USER").optional().since("8.1.0"),
        Arg::string("addr").token("ADDR").optional().since("8.1.0").display("ip:port"),
        Arg::string("laddr").token("LADDR").optional().since("8.1.0").display("ip:port"),
        Arg::one_of("skipme", &[Arg::word("yes", "YES"), Arg::word("no", "NO")])
            .token("SKIPME")
            .optional()
            .since("8.1.0"),
        Arg::integer("maxage").token("MAXAGE").optional().since("8.1.0"),
        Arg::one_of("valkey-filter", MORE_FILTERS).optional(),
    ],
    history: &[
        ("2.8.12", "The field `id`."),
        ("5.0.0", "The `TYPE` filter."),
        ("6.0.0", "The field `user`."),
        ("6.2.0", "The fields `argv-mem`, `tot-mem`, `laddr` and `redir`, and the `ID` filter."),
        ("7.0.0", "The fields `resp`, `multi-mem`, `rbs` and `rbp`."),
        ("7.0.3", "The field `ssub`."),
        ("7.2.0", "The fields `lib-name` and `lib-ver`."),
        ("7.4.0", "The field `watch`."),
        ("8.0.0", "The field `io-thread`."),
        ("8.1.0", "The filters `USER`, `ADDR`, `LADDR`, `SKIPME` and `MAXAGE`, and several at once."),
        ("8.2.0", "The fields `tot-net-in`, `tot-net-out` and `tot-cmds`."),
        (
            "9.0.0",
            "The field `capa`; the filters `NAME`, `IDLE`, `FLAGS`, `LIB-NAME`, `LIB-VER`, `DB`, `CAPA` and `IP`, and those that begin with `NOT-`.",
        ),
    ],
    tips: &["nondeterministic_output"],
    ..Facts::NONE
};

/// `CLIENT NO-EVICT`.
pub const CLIENT_NO_EVICT: Facts = Facts {
    name: "client|no-evict",
    arity: 3,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "7.0.0",
    summary: "Exempts the connection from being closed to save memory",
    complexity: "O(1)",
    args: &[Arg::one_of("enabled", &[Arg::word("on", "ON"), Arg::word("off", "OFF")])],
    ..Facts::NONE
};

/// `CLIENT NO-TOUCH`.
pub const CLIENT_NO_TOUCH: Facts = Facts {
    name: "client|no-touch",
    arity: 3,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "7.2.0",
    summary: "Chooses whether the connection's look-ups count as use of keys",
    complexity: "O(1)",
    args: &[Arg::one_of("enabled", &[Arg::word("on", "ON"), Arg::word("off", "OFF")])],
    ..Facts::NONE
};

/// `CLIENT PAUSE`.
pub const CLIENT_PAUSE: Facts = Facts {
    name: "client|pause",
    arity: -3,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "3.0.0",
    summary: "Holds back commands for some time",
    complexity: "O(1)",
    args: &[
        Arg::integer("timeout"),
        Arg::one_of("mode", &[Arg::word("write", "WRITE"), Arg::word("all", "ALL")])
            .optional()
            .since("6.2.0"),
    ],
    history: &[("6.2.0", "The `mode` argument with its mode `WRITE`.")],
    ..Facts::NONE
};

/// `CLIENT REPLY`.
pub const CLIENT_REPLY: Facts = Facts {
    name: "client|reply",
    arity: 3,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "3.2.0",
    summary: "Chooses whether commands are answered",
    complexity: "O(1)",
    args: &[Arg::one_of(
        "action",
        &[Arg::word("on", "ON"), Arg::word("off", "OFF"), Arg::word("skip", "SKIP")],
    )],
    ..Facts::NONE
};

/// `CLIENT SETINFO`.
pub const CLIENT_SETINFO: Facts = Facts {
    name: "client|setinfo",
    arity: 4,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "7.2.0",
    summary: "Records which library the client uses",
    complexity: "O(1)",
    args: &[Arg::one_of(
        "attr",
        &[Arg::string("libname").token("LIB-NAME"), Arg::string("libver").token("LIB-VER")],
    )],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..Facts::NONE
};

/// `CLIENT SETNAME`.
pub const CLIENT_SETNAME: Facts = Facts {
    name: "client|setname",
    arity: 3,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "2.6.9",
    summary: "Names the connection",
    complexity: "O(1)",
    args: &[Arg::string("connection-name")],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..Facts::NONE
};

/// `CLIENT TRACKING`.
pub const CLIENT_TRACKING: Facts = Facts {
    name: "client|tracking",
    arity: -3,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "6.0.0",
    summary: "Has the connection told when keys change that it keeps copies of",
    complexity: "O(1), and O(N) for N prefixes",
    args: &[
        Arg::one_of("status", &[Arg::word("on", "ON"), Arg::word("off", "OFF")]),
        Arg::integer("client-id").token("REDIRECT").optional(),
        Arg::string("prefix").token("PREFIX").optional().multiple().repeated_token(),
        Arg::word("bcast", "BCAST").optional(),
        Arg::word("optin", "OPTIN").optional(),
        Arg::word("optout", "OPTOUT").optional(),
        Arg::word("noloop", "NOLOOP").optional(),
    ],
    ..Facts::NONE
};

/// `CLIENT TRACKINGINFO`.
pub const CLIENT_TRACKINGINFO: Facts = Facts {
    name: "client|trackinginfo",
    arity: 2,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "6.2.0",
    summary: "Tells whether the server notes what the connection reads",
    complexity: "O(1)",
    ..Facts::NONE
};

/// `CLIENT UNBLOCK`.
pub const CLIENT_UNBLOCK: Facts = Facts {
    name: "client|unblock",
    arity: -3,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "5.0.0",
    summary: "Wakes a client that waits in a blocking command",
    complexity: "O(log N) for N connections",
    args: &[
        Arg::integer("client-id"),
        Arg::one_of("unblock-type", &[Arg::word("timeout", "TIMEOUT"), Arg::word("error", "ERROR")])
            .optional(),
    ],
    ..Facts::NONE
};

/// `CLIENT UNPAUSE`.
pub const CLIENT_UNPAUSE: Facts = Facts {
    name: "client|unpause",
    arity: 2,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "6.2.0",
    summary: "Ends a pause",
    complexity: "O(N) for N paused clients",
    ..Facts::NONE
};
