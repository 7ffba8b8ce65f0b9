//! The generic commands, which work on keys whatever they hold, one file per idea. This one holds their table and what
//! the files share.

mod deadline;
mod dump;
mod expire;
pub(in crate::command) mod object;
mod presence;
pub(crate) mod scan;
mod transfer;

#[cfg(test)]
mod tests;

use crate::command::spec::{Categories, CommandSpec, Facts, Group, KeyFlags, KeySpec};

/// The family's commands.
pub const COMMANDS: &[CommandSpec] = &[
    transfer::COPY,
    presence::DEL,
    dump::DUMP,
    presence::EXISTS,
    expire::EXPIRE,
    expire::EXPIREAT,
    deadline::EXPIRETIME,
    scan::KEYS,
    transfer::MOVE,
    object::OBJECT,
    object::OBJECT_ENCODING,
    object::OBJECT_FREQ,
    object::OBJECT_HELP,
    object::OBJECT_IDLETIME,
    object::OBJECT_REFCOUNT,
    expire::PERSIST,
    expire::PEXPIRE,
    expire::PEXPIREAT,
    deadline::PEXPIRETIME,
    deadline::PTTL,
    scan::RANDOMKEY,
    transfer::RENAME,
    transfer::RENAMENX,
    dump::RESTORE,
    dump::RESTORE_ASKING,
    scan::SCAN,
    presence::TOUCH,
    deadline::TTL,
    presence::TYPE,
    presence::UNLINK,
];

/// What all generic commands have in common.
const FAMILY: Facts =
    Facts { categories: Categories::KEYSPACE, group: Group::Generic, complexity: "O(1)", ..Facts::NONE };

/// One key whose value is looked at but not returned.
const LOOKS_AT_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RO, 1)];
/// One key of which something is returned.
const READS_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RO.access(), 1)];
/// One key that is changed without its value being returned.
const UPDATES_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RW.update(), 1)];
