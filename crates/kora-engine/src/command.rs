//! The engine's own commands: those that need more than keys, and no connection or configuration.

pub mod facts;
pub mod persistence;
pub mod publish;
pub mod subscription;
mod transaction;

use std::marker::PhantomData;

use kora_core::command::spec::CommandSpec;

/// Families that run on shards.
pub const SHARD_FAMILIES: &[&[CommandSpec]] =
    &[kora_script::FAMILY, kora_script::FUNCTION_FAMILY, persistence::COMMANDS, publish::COMMANDS];

/// Families about sessions and the engine, whose handlers know its front.
#[derive(Debug)]
pub struct Family<F>(PhantomData<fn() -> F>);
