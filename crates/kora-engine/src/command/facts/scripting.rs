//! Facts of SCRIPT and its subcommands, and of those of FUNCTION that must answer while a function runs.

use kora_core::command::spec::{Arg, Categories, Facts, Flags, Group};

/// What the subcommands have in common.
const SCRIPTING: Facts = Facts {
    flags: Flags::NOSCRIPT,
    categories: Categories::SCRIPTING,
    group: Group::Scripting,
    since: "2.6.0",
    complexity: "O(1)",
    ..Facts::NONE
};

/// `FUNCTION KILL`.
pub const FUNCTION_KILL: Facts = Facts {
    name: "function|kill",
    arity: 2,
    flags: Flags::NOSCRIPT.with(Flags::ALLOW_BUSY),
    since: "7.0.0",
    summary: "Ends the function that runs",
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    ..SCRIPTING
};

/// `FUNCTION STATS`.
pub const FUNCTION_STATS: Facts = Facts {
    name: "function|stats",
    arity: 2,
    flags: Flags::NOSCRIPT.with(Flags::ALLOW_BUSY),
    since: "7.0.0",
    summary: "Tells which function runs, and how many there are",
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    ..SCRIPTING
};

/// `SCRIPT`.
pub const SCRIPT: Facts = Facts {
    name: "script",
    arity: -2,
    group: Group::Scripting,
    since: "2.6.0",
    summary: "A container for commands about Lua scripts",
    complexity: "That of the subcommand",
    ..Facts::NONE
};

/// `SCRIPT DEBUG`.
pub const SCRIPT_DEBUG: Facts = Facts {
    name: "script|debug",
    arity: 3,
    since: "3.2.0",
    summary: "Would choose whether scripts run in a debugger; there is none",
    args: &[Arg::one_of(
        "mode",
        &[Arg::word("yes", "YES"), Arg::word("sync", "SYNC"), Arg::word("no", "NO")],
    )],
    ..SCRIPTING
};

/// `SCRIPT EXISTS`.
pub const SCRIPT_EXISTS: Facts = Facts {
    name: "script|exists",
    arity: -3,
    summary: "Tells which scripts are known",
    complexity: "O(N) with N scripts",
    args: &[Arg::string("sha1").multiple()],
    tips: &["request_policy:all_shards", "response_policy:agg_logical_and"],
    ..SCRIPTING
};

/// `SCRIPT FLUSH`.
pub const SCRIPT_FLUSH: Facts = Facts {
    name: "script|flush",
    arity: -2,
    summary: "Forgets all scripts",
    complexity: "O(N) with N scripts",
    args: &[Arg::one_of("flush-type", &[Arg::word("async", "ASYNC"), Arg::word("sync", "SYNC")])
        .optional()
        .since("6.2.0")],
    history: &[("6.2.0", "Takes ASYNC and SYNC.")],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..SCRIPTING
};

/// `SCRIPT HELP`.
pub const SCRIPT_HELP: Facts = Facts {
    name: "script|help",
    arity: 2,
    flags: Flags::LOADING.with(Flags::STALE),
    since: "5.0.0",
    summary: "Lists the subcommands",
    ..SCRIPTING
};

/// `SCRIPT KILL`.
pub const SCRIPT_KILL: Facts = Facts {
    name: "script|kill",
    arity: 2,
    flags: Flags::NOSCRIPT.with(Flags::ALLOW_BUSY),
    summary: "Ends the script that runs",
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    ..SCRIPTING
};

/// `SCRIPT LOAD`.
pub const SCRIPT_LOAD: Facts = Facts {
    name: "script|load",
    arity: 3,
    flags: Flags::NOSCRIPT.with(Flags::STALE),
    summary: "Makes a script known",
    complexity: "O(N) with N bytes of text",
    args: &[Arg::string("script")],
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    ..SCRIPTING
};

/// `SCRIPT SHOW`.
pub const SCRIPT_SHOW: Facts = Facts {
    name: "script|show",
    arity: 3,
    since: "8.0.0",
    summary: "Shows the text of a known script",
    args: &[Arg::string("sha1")],
    ..SCRIPTING
};
