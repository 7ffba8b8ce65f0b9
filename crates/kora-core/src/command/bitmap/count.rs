//! Commands that look through a range of bits: BITCOUNT and BITPOS.

use std::ops::Range;

use super::{FAMILY, READS_KEY, UNIT};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::command::string::bytes_of;
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::types::bitmap;

/// What BITCOUNT and BITPOS say of their history.
const HISTORY: &[(&str, &str)] = &[("7.0.0", "A range may count bits: `BYTE|BIT`")];

/// A range as asked for: first and last byte or bit, both included, negative ones from the end.
#[derive(Clone, Copy, Debug)]
struct Asked {
    start: i64,
    end: i64,
    /// Bits in what the range counts.
    unit_bits: i64,
}

impl Asked {
    const WHOLE: Self = Self { start: 0, end: -1, unit_bits: 8 };

    /// The bits that it covers in a string of `len` bytes.
    fn bits(self, len: usize) -> Range<u64> {
        let Self { start, end, unit_bits } = self;
        let len = i64::try_from(len).expect("no allocation is longer than isize::MAX");
        let units = len * (8 / unit_bits);
        let from_front = |index: i64| if index < 0 { (index + units).max(0) } else { index };
        let first = from_front(start);
        let last = from_front(end).min(units - 1);
        if first > last {
            return 0..0;
        }
        (first * unit_bits).cast_unsigned()..((last + 1) * unit_bits).cast_unsigned()
    }
}

fn parse_integer(text: &[u8]) -> CommandResult<i64> {
    parse_i64(text).ok_or(CommandError::NotInteger)
}

/// Bits in the unit of this name.
fn parse_unit(name: &[u8]) -> CommandResult<i64> {
    if name.eq_ignore_ascii_case(b"BIT") {
        Ok(1)
    } else if name.eq_ignore_ascii_case(b"BYTE") {
        Ok(8)
    } else {
        Err(CommandError::Syntax)
    }
}

pub(super) const BITCOUNT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "bitcount",
        arity: -2,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "2.6.0",
        summary: "Counts the bits that are set in the string stored at a key, or in a part of it",
        complexity: "O(N) for N bytes looked at",
        args: &[
            Arg::key("key"),
            Arg::block("range", &[Arg::integer("start"), Arg::integer("end"), UNIT]).optional(),
        ],
        history: HISTORY,
        ..FAMILY
    },
    handler: bitcount,
};

fn bitcount(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let asked = match *args {
        [_, _] => Asked::WHOLE,
        [_, _, start, end, ref unit @ ..] if unit.len() <= 1 => Asked {
            start: parse_integer(start)?,
            end: parse_integer(end)?,
            unit_bits: unit.first().map_or(Ok(8), |unit| parse_unit(unit))?,
        },
        _ => return Err(CommandError::Syntax),
    };
    let mut keyspace = ctx.keyspace(key);
    let mut digits = itoa::Buffer::new();
    let bytes = keyspace.read_string(key)?.map_or(&b""[..], |value| bytes_of(value, &mut digits));
    // As for GETRANGE: two negative ends in the wrong order are nothing, even where both mean the first byte.
    let is_reversed = asked.start < 0 && asked.end < 0 && asked.start > asked.end;
    let bits = if is_reversed { 0..0 } else { asked.bits(bytes.len()) };
    out.integer(bitmap::count_ones_in(bytes, bits).cast_signed());
    Ok(())
}

pub(super) const BITPOS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "bitpos",
        arity: -3,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "2.8.7",
        summary: "Finds the first bit that is set, or that is clear, in the string stored at a key or in a part of it",
        complexity: "O(N) for N bytes looked at",
        args: &[
            Arg::key("key"),
            Arg::integer("bit"),
            Arg::block(
                "range",
                &[
                    Arg::integer("start"),
                    Arg::block("end-unit-block", &[Arg::integer("end"), UNIT]).optional(),
                ],
            )
            .optional(),
        ],
        history: HISTORY,
        ..FAMILY
    },
    handler: bitpos,
};

fn bitpos(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let wanted = match parse_integer(args[2])? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::text("ERR The bit argument must be 1 or 0.")),
    };
    let (asked, is_end_given) = parse_search(&args[3..])?;
    let mut keyspace = ctx.keyspace(key);
    let Some(value) = keyspace.read_string(key)? else {
        // A missing string is zeros without end.
        out.integer(if wanted { -1 } else { 0 });
        return Ok(());
    };
    let mut digits = itoa::Buffer::new();
    let bytes = bytes_of(value, &mut digits);
    let bits = asked.bits(bytes.len());
    let found = bitmap::first_bit_in(bytes, wanted, bits.clone());
    // Without an end the string is as if followed by zeros.
    let beyond = (!wanted && !is_end_given && !bits.is_empty()).then_some(bits.end);
    out.integer(found.or(beyond).map_or(-1, u64::cast_signed));
    Ok(())
}

/// What BITPOS searches, and whether that has an end.
fn parse_search(args: &[&[u8]]) -> CommandResult<(Asked, bool)> {
    match *args {
        [] => Ok((Asked::WHOLE, false)),
        [start] => Ok((Asked { start: parse_integer(start)?, ..Asked::WHOLE }, false)),
        [start, end, ref unit @ ..] if unit.len() <= 1 => {
            let start = parse_integer(start)?;
            let unit_bits = unit.first().map_or(Ok(8), |unit| parse_unit(unit))?;
            Ok((Asked { start, end: parse_integer(end)?, unit_bits }, true))
        }
        _ => Err(CommandError::Syntax),
    }
}
