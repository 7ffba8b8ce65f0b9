//! Facts of the commands about the connection they arrive on.

use kora_core::command::spec::{Arg, Categories, Facts, Flags, Group, Traits};

/// `AUTH`.
pub const AUTH: Facts = Facts {
    name: "auth",
    arity: -2,
    flags: Flags::NOSCRIPT
        .with(Flags::LOADING)
        .with(Flags::STALE)
        .with(Flags::FAST)
        .with(Flags::NO_AUTH)
        .with(Flags::ALLOW_BUSY),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    summary: "Proves who the client is",
    complexity: "O(N) for N passwords of the user",
    args: &[Arg::string("username").optional().since("6.0.0"), Arg::string("password")],
    history: &[("6.0.0", "A user name may precede the password.")],
    secrets: Some(|_, index| index > 0),
    ..Facts::NONE
};

/// `ECHO`.
pub const ECHO: Facts = Facts {
    name: "echo",
    arity: 2,
    flags: Flags::LOADING.with(Flags::STALE).with(Flags::FAST),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    summary: "Answers the message it is given",
    complexity: "O(1)",
    args: &[Arg::string("message")],
    ..Facts::NONE
};

/// `HELLO`.
pub const HELLO: Facts = Facts {
    name: "hello",
    arity: -1,
    flags: Flags::NOSCRIPT
        .with(Flags::LOADING)
        .with(Flags::STALE)
        .with(Flags::FAST)
        .with(Flags::NO_AUTH)
        .with(Flags::ALLOW_BUSY),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "6.0.0",
    summary: "Chooses the protocol and introduces the client",
    complexity: "O(1)",
    args: &[Arg::block(
        "arguments",
        &[
            Arg::integer("protover"),
            Arg::block("auth", &[Arg::string("username"), Arg::string("password")]).token("AUTH").optional(),
            Arg::string("clientname").token("SETNAME").optional(),
        ],
    )
    .optional()],
    history: &[("6.2.0", "`protover` may be left out, to learn about the connection.")],
    secrets: Some(|args, index| {
        let is_auth = |at: usize| args[at].eq_ignore_ascii_case(b"AUTH");
        // The version of the protocol comes first.
        (1..=2).any(|distance| index >= 2 + distance && is_auth(index - distance))
    }),
    ..Facts::NONE
};

/// `PING`.
pub const PING: Facts = Facts {
    name: "ping",
    arity: -1,
    flags: Flags::FAST,
    traits: Traits::SUBSCRIBED.with(Traits::PROBE),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    summary: "Answers PONG, or the message it is given",
    complexity: "O(1)",
    args: &[Arg::string("message").optional()],
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    ..Facts::NONE
};

/// `QUIT`.
pub const QUIT: Facts = Facts {
    name: "quit",
    arity: -1,
    flags: Flags::NOSCRIPT
        .with(Flags::LOADING)
        .with(Flags::STALE)
        .with(Flags::FAST)
        .with(Flags::NO_AUTH)
        .with(Flags::ALLOW_BUSY),
    traits: Traits::NEVER_QUEUED.with(Traits::SUBSCRIBED),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    summary: "Closes the connection",
    complexity: "O(1)",
    deprecated: Some(("7.2.0", "closing the connection")),
    ..Facts::NONE
};

/// `RESET`.
pub const RESET: Facts = Facts {
    name: "reset",
    arity: 1,
    flags: Flags::NOSCRIPT
        .with(Flags::LOADING)
        .with(Flags::STALE)
        .with(Flags::FAST)
        .with(Flags::NO_AUTH)
        .with(Flags::ALLOW_BUSY),
    traits: Traits::NEVER_QUEUED.with(Traits::SUBSCRIBED),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    since: "6.2.0",
    summary: "Puts the connection back into the state of a new one",
    complexity: "O(1)",
    ..Facts::NONE
};

/// `SELECT`.
pub const SELECT: Facts = Facts {
    name: "select",
    arity: 2,
    flags: Flags::LOADING.with(Flags::STALE).with(Flags::FAST),
    categories: Categories::CONNECTION,
    group: Group::Connection,
    summary: "Chooses the database that later commands work on",
    complexity: "O(1)",
    args: &[Arg::integer("index")],
    ..Facts::NONE
};
