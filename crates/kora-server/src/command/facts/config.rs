//! Facts of CONFIG and its subcommands.

use kora_core::command::spec::{Arg, Facts, Flags, Group};

use crate::config::table::Directive;

/// `CONFIG`.
pub const CONFIG: Facts = Facts {
    name: "config",
    arity: -2,
    group: Group::Server,
    since: "2.0.0",
    summary: "A container for commands about the configuration",
    complexity: "That of the subcommand",
    ..Facts::NONE
};

/// `CONFIG GET`.
pub const CONFIG_GET: Facts = Facts {
    name: "config|get",
    arity: -3,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
    group: Group::Server,
    since: "2.0.0",
    summary: "Reads directives of the configuration in effect",
    complexity: "O(N) for N directives",
    args: &[Arg::string("parameter").multiple()],
    history: &[("7.0.0", "Takes several patterns.")],
    ..Facts::NONE
};

/// `CONFIG HELP`.
pub const CONFIG_HELP: Facts = Facts {
    name: "config|help",
    arity: 2,
    flags: Flags::LOADING.with(Flags::STALE),
    group: Group::Server,
    since: "5.0.0",
    summary: "Lists the subcommands",
    complexity: "O(1)",
    ..Facts::NONE
};

/// `CONFIG RESETSTAT`.
pub const CONFIG_RESETSTAT: Facts = Facts {
    name: "config|resetstat",
    arity: 2,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
    group: Group::Server,
    since: "2.0.0",
    summary: "Starts the statistics anew",
    complexity: "O(1)",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..Facts::NONE
};

/// `CONFIG REWRITE`.
pub const CONFIG_REWRITE: Facts = Facts {
    name: "config|rewrite",
    arity: 2,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
    group: Group::Server,
    since: "2.8.0",
    summary: "Writes the configuration in effect to its file",
    complexity: "O(1)",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..Facts::NONE
};

/// `CONFIG SET`.
pub const CONFIG_SET: Facts = Facts {
    name: "config|set",
    arity: -4,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
    group: Group::Server,
    since: "2.0.0",
    summary: "Changes directives of the configuration",
    complexity: "O(N) for N directives",
    args: &[Arg::block("data", &[Arg::string("parameter"), Arg::string("value")]).multiple()],
    history: &[("7.0.0", "Takes several directives.")],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    secrets: Some(|args, index| {
        index >= 3 && index % 2 == 1 && Directive::find(args[index - 1]).is_some_and(|named| named.is_secret)
    }),
    ..Facts::NONE
};
