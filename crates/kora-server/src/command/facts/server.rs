//! Facts of the commands about the server as a whole.

use kora_core::command::spec::{Arg, Categories, Facts, Flags, Group};

/// `INFO`.
pub const INFO: Facts = Facts {
    name: "info",
    arity: -1,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Categories::DANGEROUS,
    group: Group::Server,
    summary: "Reports on the server's state and work",
    complexity: "O(1)",
    args: &[Arg::string("section").optional().multiple()],
    history: &[("7.0.0", "Takes several sections.")],
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    ..Facts::NONE
};

/// `LOLWUT`.
pub const LOLWUT: Facts = Facts {
    name: "lolwut",
    arity: -1,
    flags: Flags::READONLY.with(Flags::FAST),
    group: Group::Server,
    since: "5.0.0",
    summary: "Draws a picture and tells Kora's version",
    args: &[Arg::integer("version").token("VERSION").optional()],
    ..Facts::NONE
};

/// `SHUTDOWN`.
pub const SHUTDOWN: Facts = Facts {
    name: "shutdown",
    arity: -1,
    flags: Flags::ADMIN
        .with(Flags::NOSCRIPT)
        .with(Flags::LOADING)
        .with(Flags::STALE)
        .with(Flags::NO_MULTI)
        .with(Flags::ALLOW_BUSY),
    group: Group::Server,
    summary: "Saves the data if asked to and ends the server",
    complexity: "O(N) for N keys when saving, else O(1)",
    args: &[
        Arg::one_of("save-selector", &[Arg::word("nosave", "NOSAVE"), Arg::word("save", "SAVE")]).optional(),
        Arg::word("now", "NOW").optional().since("7.0.0"),
        Arg::word("force", "FORCE").optional().since("7.0.0"),
        Arg::word("abort", "ABORT").optional().since("7.0.0"),
    ],
    history: &[("7.0.0", "The modifiers `NOW`, `FORCE` and `ABORT`.")],
    ..Facts::NONE
};

/// `TIME`.
pub const TIME: Facts = Facts {
    name: "time",
    arity: 1,
    flags: Flags::LOADING.with(Flags::STALE).with(Flags::FAST),
    group: Group::Server,
    since: "2.6.0",
    summary: "Tells the server's time",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    ..Facts::NONE
};
