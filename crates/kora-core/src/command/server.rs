//! The server commands that work on the store, one file per idea. This one holds their table and what the files share.
//!
//! Commands of the same group that concern connections and configuration belong to the driver.

mod databases;
mod debug;
mod memory;
mod prefixes;

#[cfg(test)]
mod tests;

use crate::command::spec::{CommandSpec, Facts, Group};

/// The family's commands.
pub const COMMANDS: &[CommandSpec] = &[
    databases::DBSIZE,
    debug::DEBUG,
    debug::DEBUG_DIGEST,
    debug::DEBUG_DIGEST_VALUE,
    debug::DEBUG_ERROR,
    debug::DEBUG_HELP,
    debug::DEBUG_HTSTATS,
    debug::DEBUG_HTSTATS_KEY,
    debug::DEBUG_LISTPACK,
    debug::DEBUG_OBJECT,
    debug::DEBUG_POPULATE,
    debug::DEBUG_PROTOCOL,
    debug::DEBUG_QUICKLIST,
    debug::DEBUG_SET_ACTIVE_EXPIRE,
    debug::DEBUG_SET_SKIP_CHECKSUM_VALIDATION,
    databases::FLUSHALL,
    databases::FLUSHDB,
    memory::MEMORY,
    memory::MEMORY_HELP,
    memory::MEMORY_USAGE,
    prefixes::STATS_MEMORY,
    databases::SWAPDB,
];

/// What all commands of this family have in common.
const FAMILY: Facts = Facts { group: Group::Server, complexity: "O(1)", ..Facts::NONE };
