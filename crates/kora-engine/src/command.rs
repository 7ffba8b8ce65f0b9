//! The engine's own commands: those that need more than keys, and no connection.

pub mod facts;
pub mod persistence;
pub mod publish;

use kora_core::command::spec::CommandSpec;

/// Families that run on shards.
pub const SHARD_FAMILIES: &[&[CommandSpec]] =
    &[kora_script::FAMILY, kora_script::FUNCTION_FAMILY, persistence::COMMANDS, publish::COMMANDS];
