//! Commands of the core that have no row, each with the reason.

/// The reason for a command with subcommands: each of them is a command of its own.
const CONTAINER: &str = "takes subcommands";
const TEXT: &str = "replies with a text of its own";
const SETTING: &str = "sets something, or replies with what it is given";

/// Names and reasons.
pub(crate) const COMMANDS: &[(&str, &str)] = &[
    ("debug", CONTAINER),
    ("memory", CONTAINER),
    ("object", CONTAINER),
    ("xgroup", CONTAINER),
    ("xinfo", CONTAINER),
    ("debug|help", TEXT),
    ("memory|help", TEXT),
    ("object|help", TEXT),
    ("xgroup|help", TEXT),
    ("xinfo|help", TEXT),
    ("debug|error", SETTING),
    ("debug|protocol", SETTING),
    ("debug|set-active-expire", SETTING),
    ("object|freq", "needs a policy that counts accesses; a look-up as OBJECT IDLETIME is"),
    ("restore-asking", "is RESTORE by another name"),
    ("pfselftest", "tests itself, whatever the data"),
    ("debug|htstats-key", "tells of one key what DEBUG OBJECT does"),
    ("debug|quicklist", "counts the nodes of a list, for tests; does not take a packed one"),
    ("debug|listpack", "takes packed collections only, which have few elements"),
];
