//! The set commands, one file per idea. This one holds their table and what the files share.
//!
//! No file here looks at how a set is stored: [`SetRef`] reads it, and `types::set` changes it.

mod algebra;
mod difference;
mod intersection;
mod members;
mod moving;
mod random;
mod scan;
#[cfg(test)]
mod tests;
mod union;

use crate::command::spec::{Categories, CommandSpec, Facts, Group, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::entry::Kind;
use crate::error::{CommandError, CommandResult};
use crate::store::Keyspace;
use crate::table::EntryMut;
use crate::types::set::{SetLimits, SetRef};

/// The family's commands.
pub const COMMANDS: &[CommandSpec] = &[
    members::SADD,
    members::SCARD,
    difference::SDIFF,
    difference::SDIFFSTORE,
    intersection::SINTER,
    intersection::SINTERCARD,
    intersection::SINTERSTORE,
    members::SISMEMBER,
    members::SMEMBERS,
    members::SMISMEMBER,
    moving::SMOVE,
    random::SPOP,
    random::SRANDMEMBER,
    members::SREM,
    scan::SSCAN,
    union::SUNION,
    union::SUNIONSTORE,
];

/// What all set commands have in common.
const FAMILY: Facts =
    Facts { categories: Categories::SET, group: Group::Set, complexity: "O(1)", ..Facts::NONE };

/// One key of which something is returned.
const READS_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RO.access(), 1)];

impl Keyspace<'_> {
    /// The set at `key`, for reading.
    ///
    /// # Errors
    /// `WrongType` if it is something else.
    #[inline]
    pub(crate) fn read_set(&mut self, key: &[u8]) -> CommandResult<Option<SetRef<'_>>> {
        match self.read(key) {
            None => Ok(None),
            Some(entry) => SetRef::of(entry).map(Some).ok_or(CommandError::WrongType),
        }
    }

    /// The entry of the set at `key`, for modification.
    ///
    /// # Errors
    /// `WrongType` if it is something else.
    #[inline]
    fn write_set(&mut self, key: &[u8]) -> CommandResult<Option<EntryMut<'_>>> {
        match self.write(key) {
            None => Ok(None),
            Some(entry) if entry.kind() == Kind::Set => Ok(Some(entry)),
            Some(_) => Err(CommandError::WrongType),
        }
    }

    /// How large sets may be before they change their form.
    fn set_limits(&mut self) -> SetLimits {
        let seed = self.table_seed();
        SetLimits::new(self.config(), seed)
    }
}

/// The number of members of an entry that holds a set.
fn len_of(entry: &EntryMut<'_>) -> usize {
    SetRef::of(entry).map_or(0, SetRef::len)
}

/// Lends the set at `key`, which an earlier look-up of the same command has found, without a trace in statistics.
fn with_set<T>(ctx: &mut Ctx<'_>, key: &[u8], read: impl FnOnce(SetRef<'_>) -> T) -> T {
    let mut keyspace = ctx.keyspace(key);
    let set = keyspace.peek(key).and_then(SetRef::of);
    read(set.expect("nothing changes between the look-ups of a command"))
}

/// A length as a reply's integer.
fn count(len: usize) -> i64 {
    i64::try_from(len).expect("no allocation is longer than isize::MAX")
}
