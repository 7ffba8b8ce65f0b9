//! The HyperLogLog commands: estimates of how many different elements were added. This file holds their table and what
//! they share; [`crate::types::hyperloglog`] has the format.
//!
//! A sparse value is changed away from its key and stored when all went well, since it may turn out to be damaged half way;
//! a dense one can't be damaged, and is changed where it lies.

mod add;
mod count;
mod debug;

use crate::command::spec::{Categories, CommandSpec, Facts, Group};
use crate::entry::StringRef;
use crate::error::{CommandError, CommandResult};
use crate::store::Keyspace;
use crate::types::hyperloglog::{Invalid, Sketch, SketchBuf};

/// The family's commands.
pub const COMMANDS: &[CommandSpec] =
    &[add::PFADD, count::PFCOUNT, debug::PFDEBUG, add::PFMERGE, debug::PFSELFTEST];

/// What all HyperLogLog commands have in common.
const FAMILY: Facts =
    Facts { categories: Categories::HYPERLOGLOG, group: Group::HyperLogLog, since: "2.8.9", ..Facts::NONE };

impl From<Invalid> for CommandError {
    fn from(invalid: Invalid) -> Self {
        Self::text(match invalid {
            Invalid::Form => "WRONGTYPE Key is not a valid HyperLogLog string value.",
            Invalid::Code => "INVALIDOBJ Corrupted HLL object detected",
        })
    }
}

/// The sketch that a string is. No integer is one: its text is too short.
fn sketch_in(value: StringRef<'_>) -> CommandResult<Sketch<'_>> {
    match value {
        StringRef::Bytes(bytes) => Ok(Sketch::new(bytes)?),
        StringRef::Integer(_) => Err(Invalid::Form.into()),
    }
}

/// Stores a sketch under a key, whose deadline stays if it was there.
fn store(keyspace: &mut Keyspace<'_>, key: &[u8], sketch: &SketchBuf) {
    if let Some(mut entry) = keyspace.write(key) {
        entry.set_raw(sketch.bytes());
    } else {
        keyspace.set_raw(key, sketch.bytes());
    }
}

/// `hll-sparse-max-bytes`.
fn sparse_bytes_max(ctx: &crate::context::Ctx<'_>) -> usize {
    usize::try_from(ctx.config().hll_sparse_max_bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
