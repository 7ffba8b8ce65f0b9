//! The commands on vector sets, one file per idea. This one holds their table and what the files share.
//!
//! Replies and errors are those of Redis 8.2.

mod add;
mod aside;
mod attributes;
mod describe;
mod links;
mod original;
mod random;
mod range;
mod remove;
mod similar;
#[cfg(test)]
mod tests;
mod vector;

use kora_core::command::spec::{CommandSpec, Facts, Flags, Group, KeyFlags, KeySpec, Traits};
use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_i64;
use kora_core::store::Keyspace;
use kora_core::store::extension::ExtensionMut;

use crate::set::VectorSet;

/// All commands of this crate, for whoever assembles an engine.
pub const COMMANDS: &[CommandSpec] = &[
    add::VADD,
    describe::VCARD,
    original::VECDEL,
    original::VECQUERY,
    original::VECSET,
    describe::VDIM,
    describe::VEMB,
    attributes::VGETATTR,
    describe::VINFO,
    describe::VISMEMBER,
    links::VLINKS,
    random::VRANDMEMBER,
    range::VRANGE,
    remove::VREM,
    attributes::VSETATTR,
    similar::VSIM,
];

/// What all commands have in common. The module of Redis declares no arities and counts arguments when a command runs.
const FAMILY: Facts = Facts { arity: -1, group: Group::Module, since: "8.0.0", ..Facts::NONE };

/// Commands that read the value of one key.
const READS: Facts = Facts {
    flags: Flags::READONLY.with(Flags::MODULE),
    keys: &[KeySpec::one(KeyFlags::RO.access(), 1)],
    ..FAMILY
};

/// Commands that search the value of one key, aside if that takes long.
const SEARCHES: Facts = Facts { traits: Traits::STANDS_ASIDE, ..READS };

/// Commands that read the value of one key in no time to speak of.
const READS_FAST: Facts = Facts { flags: Flags::READONLY.with(Flags::MODULE).with(Flags::FAST), ..READS };

/// Commands that change the value of one key and don't make it larger.
const CHANGES: Facts = Facts {
    flags: Flags::WRITE.with(Flags::MODULE),
    keys: &[KeySpec::one(KeyFlags::RW.access().update(), 1)],
    ..FAMILY
};

/// Commands that change the value of one key and may make it larger.
const GROWS: Facts = Facts { flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::MODULE), ..CHANGES };

/// Commands that put an element into the value of one key, and search its neighbours aside if that takes long.
const INSERTS: Facts = Facts { traits: Traits::STANDS_ASIDE, ..GROWS };

/// Refuses numbers of arguments, the name included, that a command does not take.
fn between(args: &[&[u8]], least: usize, most: usize, name: &'static str) -> CommandResult {
    if (least..=most).contains(&args.len()) { Ok(()) } else { Err(CommandError::Arity(name.into())) }
}

/// A refusal in these words.
fn refusal(words: String) -> CommandError {
    CommandError::Other(words.into())
}

/// An argument as an integer above 0.
fn positive(arg: &[u8]) -> Option<usize> {
    parse_i64(arg).filter(|number| *number > 0).and_then(|number| usize::try_from(number).ok())
}

/// A number of things, as replies have it.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How similar two vectors are that are so far from each other: 1 if they are alike, 0 if they are opposite.
fn score(distance: f64) -> f64 {
    (1.0 - distance / 2.0).clamp(0.0, 1.0)
}

/// The set of a key, for reading.
///
/// # Errors
/// If the key holds something else, which an index of VECSET is, too.
fn read<'k>(keyspace: &'k mut Keyspace<'_>, key: &[u8]) -> CommandResult<Option<&'k VectorSet>> {
    let set: Option<&VectorSet> = keyspace.read_extension(key)?;
    set.map_or(Ok(()), check_named)?;
    Ok(set)
}

/// The set of a key, for modification.
///
/// # Errors
/// As [`read`].
fn write<'k>(
    keyspace: &'k mut Keyspace<'_>,
    key: &[u8],
) -> CommandResult<Option<ExtensionMut<'k, VectorSet>>> {
    let set = keyspace.write_extension::<VectorSet>(key)?;
    set.as_deref().map_or(Ok(()), check_named)?;
    Ok(set)
}

/// Refuses an index of VECSET, whose elements have no names and no scores.
fn check_named(set: &VectorSet) -> CommandResult {
    if set.is_index() { Err(CommandError::WrongType) } else { Ok(()) }
}

/// Notes a change of a key that no event tells of. Its set is to be looked after.
fn changed(keyspace: &mut Keyspace<'_>, key: &[u8]) {
    keyspace.tend_later(key);
    keyspace.journal().changed(1);
    keyspace.touched(key);
}
