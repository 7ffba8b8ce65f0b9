//! Facts of ACL and its subcommands.

use kora_core::command::spec::{Arg, Facts, Flags, Group, SecretFinder};

/// What all have in common.
const FAMILY: Facts = Facts {
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE),
    group: Group::Server,
    since: "6.0.0",
    complexity: "O(1)",
    ..Facts::NONE
};

/// What those have in common that only an administrator needs.
const ADMIN: Facts =
    Facts { flags: FAMILY.flags.with(Flags::ADMIN), complexity: "O(N) for N users", ..FAMILY };

/// What a proxy has to do with those that change users.
const TO_ALL: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

const USERNAME: Arg = Arg::string("username");

/// Who users are and what they may do is not for logs.
const ABOUT_USERS: Option<SecretFinder> = Some(|_, index| index >= 2);

/// `ACL`.
pub const ACL: Facts = Facts {
    name: "acl",
    arity: -2,
    flags: Flags(0),
    summary: "A container for commands about users",
    complexity: "That of the subcommand",
    ..FAMILY
};

/// `ACL CAT`.
pub const ACL_CAT: Facts = Facts {
    name: "acl|cat",
    arity: -2,
    summary: "Lists the categories of commands, or the commands in one",
    args: &[Arg::string("category").optional()],
    ..FAMILY
};

/// `ACL DELUSER`.
pub const ACL_DELUSER: Facts = Facts {
    name: "acl|deluser",
    arity: -3,
    summary: "Deletes users and disconnects their clients",
    complexity: "O(N) for N connections",
    args: &[USERNAME.multiple()],
    tips: TO_ALL,
    secrets: ABOUT_USERS,
    ..ADMIN
};

/// `ACL DRYRUN`.
pub const ACL_DRYRUN: Facts = Facts {
    name: "acl|dryrun",
    arity: -4,
    since: "7.0.0",
    summary: "Tells whether a user may run a command, without running it",
    complexity: "O(1)",
    args: &[USERNAME, Arg::string("command"), Arg::string("arg").optional().multiple()],
    ..ADMIN
};

/// `ACL GENPASS`.
pub const ACL_GENPASS: Facts = Facts {
    name: "acl|genpass",
    arity: -2,
    summary: "Makes a password that nobody can guess",
    args: &[Arg::integer("bits").optional()],
    ..FAMILY
};

/// `ACL GETUSER`.
pub const ACL_GETUSER: Facts = Facts {
    name: "acl|getuser",
    arity: 3,
    summary: "Shows the rules of a user",
    complexity: "O(N) for N rules",
    args: &[USERNAME],
    history: &[
        ("6.2.0", "Shows patterns of channels."),
        ("7.0.0", "Shows selectors, and patterns of keys and channels as rules instead of lists."),
    ],
    secrets: ABOUT_USERS,
    ..ADMIN
};

/// `ACL HELP`.
pub const ACL_HELP: Facts = Facts {
    name: "acl|help",
    arity: 2,
    flags: Flags::LOADING.with(Flags::STALE),
    summary: "Lists the subcommands",
    ..FAMILY
};

/// `ACL LIST`.
pub const ACL_LIST: Facts =
    Facts { name: "acl|list", arity: 2, summary: "Shows all users as lines of a file", ..ADMIN };

/// `ACL LOAD`.
pub const ACL_LOAD: Facts =
    Facts { name: "acl|load", arity: 2, summary: "Reads the file of users anew", tips: &[], ..ADMIN };

/// `ACL LOG`.
pub const ACL_LOG: Facts = Facts {
    name: "acl|log",
    arity: -2,
    summary: "Shows what was refused to users of late",
    complexity: "O(N) for N entries",
    args: &[Arg::one_of("operation", &[Arg::integer("count"), Arg::word("reset", "RESET")]).optional()],
    history: &[("7.2.0", "Shows the number of an entry, and when it began and was seen last.")],
    ..ADMIN
};

/// `ACL SAVE`.
pub const ACL_SAVE: Facts =
    Facts { name: "acl|save", arity: 2, summary: "Writes the file of users", tips: TO_ALL, ..ADMIN };

/// `ACL SETUSER`.
pub const ACL_SETUSER: Facts = Facts {
    name: "acl|setuser",
    arity: -3,
    summary: "Makes a user, or changes one by rules",
    complexity: "O(N) for N rules",
    args: &[USERNAME, Arg::string("rule").optional().multiple()],
    history: &[
        ("6.2.0", "Takes patterns of channels."),
        ("7.0.0", "Takes selectors, and patterns of keys for reading or writing."),
    ],
    tips: TO_ALL,
    secrets: ABOUT_USERS,
    ..ADMIN
};

/// `ACL USERS`.
pub const ACL_USERS: Facts =
    Facts { name: "acl|users", arity: 2, summary: "Lists the names of all users", ..ADMIN };

/// `ACL WHOAMI`.
pub const ACL_WHOAMI: Facts =
    Facts { name: "acl|whoami", arity: 2, summary: "Tells which user the connection is", ..FAMILY };
