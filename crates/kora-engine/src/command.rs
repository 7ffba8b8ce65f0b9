//! The engine's own commands: those that need more than keys, and no connection or configuration.

mod command_log;
pub mod facts;
mod function;
mod hot_keys;
mod latency;
mod memory;
pub mod monitor;
pub mod persistence;
pub mod publish;
mod script;
pub mod subscription;
mod transaction;
pub(crate) mod wait;

use std::marker::PhantomData;

use kora_core::command::spec::CommandSpec;
use kora_core::command::table::CommandTable;
use kora_core::error::{CommandError, CommandResult};

use crate::engine::{Call, Handler};
use crate::front::Front;

/// Families that run on shards.
pub const SHARD_FAMILIES: &[&[CommandSpec]] =
    &[kora_script::FAMILY, kora_script::FUNCTION_FAMILY, persistence::COMMANDS, publish::COMMANDS];

/// Families about sessions and the engine, whose handlers know its front.
#[derive(Debug)]
pub struct Family<F>(PhantomData<fn() -> F>);

impl<F: Front> Family<F> {
    /// All that every engine has. [`Family::SUBSCRIPTION`] and [`Family::MONITOR`] are for fronts whose sessions stay to hear.
    const ALL: &'static [&'static [CommandSpec<Handler<F>>]] = &[
        Self::COMMAND_LOG,
        Self::FUNCTION,
        Self::HOT_KEYS,
        Self::LATENCY,
        Self::MEMORY,
        Self::PERSISTENCE,
        Self::SCRIPT,
        Self::TRANSACTION,
        Self::WAIT,
    ];
}

/// The commands of the core and the engine, and those that a front adds.
#[must_use]
pub fn table<F: Front>(
    shard_families: &[&'static [CommandSpec]],
    families: &[&'static [CommandSpec<Handler<F>>]],
) -> CommandTable<Handler<F>> {
    let of_shards: Vec<_> = SHARD_FAMILIES.iter().chain(shard_families).copied().collect();
    let others: Vec<_> = Family::<F>::ALL.iter().chain(families).copied().collect();
    CommandTable::new(&of_shards, &others)
}

/// A container without its subcommand: its arity refuses that before it runs.
///
/// # Errors
/// Always.
pub fn container<F: Front>(_: &mut Call<'_, F>, args: &[&[u8]]) -> CommandResult {
    Err(CommandError::Arity(kora_core::text::of(args[0]).to_lowercase().into()))
}
