//! Facts of COMMAND and its subcommands.

use kora_core::command::spec::{Arg, ArgType, Categories, Facts, Flags, Group};

/// `COMMAND`.
pub const COMMAND: Facts = Facts {
    name: "command",
    arity: -1,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Server,
    since: "2.8.13",
    summary: "Describes all commands",
    complexity: "O(N) for N commands of the server",
    tips: &["nondeterministic_output_order"],
    ..Facts::NONE
};

/// `COMMAND COUNT`.
pub const COMMAND_COUNT: Facts = Facts {
    name: "command|count",
    arity: 2,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Server,
    since: "2.8.13",
    summary: "Counts the commands",
    complexity: "O(1)",
    ..Facts::NONE
};

/// `COMMAND DOCS`.
pub const COMMAND_DOCS: Facts = Facts {
    name: "command|docs",
    arity: -2,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Server,
    since: "7.0.0",
    summary: "Documents one, several or all commands",
    complexity: "O(N) for N commands asked for",
    args: &[Arg::string("command-name").optional().multiple()],
    tips: &["nondeterministic_output_order"],
    ..Facts::NONE
};

/// `COMMAND GETKEYS`.
pub const COMMAND_GETKEYS: Facts = Facts {
    name: "command|getkeys",
    arity: -3,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Server,
    since: "2.8.13",
    summary: "Finds the keys among the arguments of a command",
    complexity: "O(N) for N arguments",
    args: &[Arg::string("command"), Arg::string("arg").optional().multiple()],
    ..Facts::NONE
};

/// `COMMAND GETKEYSANDFLAGS`.
pub const COMMAND_GETKEYSANDFLAGS: Facts = Facts {
    name: "command|getkeysandflags",
    arity: -3,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Server,
    since: "7.0.0",
    summary: "Finds the keys among the arguments of a command and what is done to them",
    complexity: "O(N) for N arguments",
    args: &[Arg::string("command"), Arg::string("arg").optional().multiple()],
    ..Facts::NONE
};

/// `COMMAND HELP`.
pub const COMMAND_HELP: Facts = Facts {
    name: "command|help",
    arity: 2,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Server,
    since: "5.0.0",
    summary: "Lists the subcommands",
    complexity: "O(1)",
    ..Facts::NONE
};

/// `COMMAND INFO`.
pub const COMMAND_INFO: Facts = Facts {
    name: "command|info",
    arity: -2,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Server,
    since: "2.8.13",
    summary: "Describes one, several or all commands",
    complexity: "O(N) for N commands asked for",
    args: &[Arg::string("command-name").optional().multiple()],
    history: &[("7.0.0", "Without arguments it describes all commands.")],
    tips: &["nondeterministic_output_order"],
    ..Facts::NONE
};

/// `COMMAND LIST`.
pub const COMMAND_LIST: Facts = Facts {
    name: "command|list",
    arity: -2,
    flags: Flags::LOADING.with(Flags::STALE),
    categories: Categories::CONNECTION,
    group: Group::Server,
    since: "7.0.0",
    summary: "Lists the names of commands",
    complexity: "O(N) for N commands of the server",
    args: &[Arg::one_of(
        "filterby",
        &[
            Arg::string("module-name").token("MODULE"),
            Arg::string("category").token("ACLCAT"),
            Arg::new("pattern", ArgType::Pattern).token("PATTERN"),
        ],
    )
    .token("FILTERBY")
    .optional()],
    tips: &["nondeterministic_output_order"],
    ..Facts::NONE
};
