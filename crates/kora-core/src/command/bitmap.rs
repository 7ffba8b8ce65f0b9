//! The bitmap commands: strings seen as arrays of bits. This file holds their table and what they share.
//!
//! What is done with the bits is in [`crate::types::bitmap`]. A write makes the string raw and as long as the last bit
//! needs, as Redis does, even where no bit changes.

mod bit;
mod combine;
mod count;
mod field;

use crate::command::spec::{Arg, Categories, CommandSpec, Facts, Group, KeyFlags, KeySpec};
use crate::command::string::length_of;
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::store::Keyspace;
use crate::table::EntryMut;
use crate::types::bitmap::byte_index;

/// The family's commands.
pub const COMMANDS: &[CommandSpec] = &[
    count::BITCOUNT,
    field::BITFIELD,
    field::BITFIELD_RO,
    combine::BITOP,
    count::BITPOS,
    bit::GETBIT,
    bit::SETBIT,
];

/// What all bitmap commands have in common.
const FAMILY: Facts =
    Facts { categories: Categories::BITMAP, group: Group::Bitmap, complexity: "O(1)", ..Facts::NONE };

/// One key whose value is returned.
const READS_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RO.access(), 1)];

/// Whether a range counts bytes or bits.
const UNIT: Arg =
    Arg::one_of("unit", &[Arg::word("byte", "BYTE"), Arg::word("bit", "BIT")]).optional().since("7.0.0");

const INVALID_OFFSET: CommandError = CommandError::text("ERR bit offset is not an integer or out of range");

/// The offset of a bit in a string that may be.
fn parse_offset(ctx: &Ctx<'_>, text: &[u8]) -> CommandResult<u64> {
    let offset = parse_i64(text).ok_or(INVALID_OFFSET)?;
    check_offset(ctx, offset)
}

fn check_offset(ctx: &Ctx<'_>, offset: i64) -> CommandResult<u64> {
    let offset = u64::try_from(offset).map_err(|_| INVALID_OFFSET)?;
    if offset / 8 < ctx.config().max_bulk_bytes { Ok(offset) } else { Err(INVALID_OFFSET) }
}

/// A string ready for its bits to be written.
struct Opened<'a> {
    entry: EntryMut<'a>,
    /// Its length in bytes, of which the last bit needs as many.
    len: usize,
    /// Whether it has to become longer for that, or was not there.
    grows: bool,
}

impl Opened<'_> {
    /// The bytes of the string, raw and as long as needed.
    fn bytes(&mut self) -> &mut [u8] {
        self.entry.raw_mut(self.len)
    }
}

/// The string at `key`, made if there is none, with room for `last_bit`.
fn open<'a>(keyspace: &'a mut Keyspace<'_>, key: &[u8], last_bit: u64) -> CommandResult<Opened<'a>> {
    let needed = byte_index(last_bit) + 1;
    let present = keyspace.write_string(key)?.and_then(|entry| entry.string().map(length_of));
    if present.is_none() {
        keyspace.add_raw(key);
    }
    let entry = keyspace.write_string(key)?.expect("the key was found or made above");
    let present = present.unwrap_or(0);
    Ok(Opened { entry, len: present.max(needed), grows: present < needed })
}

#[cfg(test)]
mod tests;
