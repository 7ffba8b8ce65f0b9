//! BITFIELD and BITFIELD_RO: integers of any width in a string.
//!
//! All operations are parsed, and the string is made as long as the furthest write needs, before the first one runs.

use smallvec::SmallVec;

use super::{FAMILY, READS_KEY, check_offset, open};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::command::string::bytes_of;
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::types::bitmap::{FieldType, Overflow};

const ENCODING: Arg = Arg::string("encoding");
const OFFSET: Arg = Arg::integer("offset");
const GET_BLOCK: Arg = Arg::block("get-block", &[ENCODING, OFFSET]).token("GET");

pub(super) const BITFIELD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "bitfield",
        arity: -2,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: &[KeySpec::one(KeyFlags::RW.access().update().variable_flags(), 1)
            .noted("GET reads the key, SET and INCRBY also change it")],
        key_flags: Some(key_flags),
        since: "3.2.0",
        summary: "Reads, sets and adds to integers of any width in the string stored at a key",
        complexity: "O(1) for each operation",
        args: &[
            Arg::key("key"),
            Arg::one_of(
                "operation",
                &[
                    GET_BLOCK,
                    Arg::block(
                        "write",
                        &[
                            Arg::one_of(
                                "overflow-block",
                                &[
                                    Arg::word("wrap", "WRAP"),
                                    Arg::word("sat", "SAT"),
                                    Arg::word("fail", "FAIL"),
                                ],
                            )
                            .token("OVERFLOW")
                            .optional(),
                            Arg::one_of(
                                "write-operation",
                                &[
                                    Arg::block("set-block", &[ENCODING, OFFSET, Arg::integer("value")])
                                        .token("SET"),
                                    Arg::block(
                                        "incrby-block",
                                        &[ENCODING, OFFSET, Arg::integer("increment")],
                                    )
                                    .token("INCRBY"),
                                ],
                            ),
                        ],
                    ),
                ],
            )
            .optional()
            .multiple(),
        ],
        ..FAMILY
    },
    handler: bitfield,
};

pub(super) const BITFIELD_RO: CommandSpec = CommandSpec {
    facts: Facts {
        name: "bitfield_ro",
        flags: Flags::READONLY.with(Flags::FAST),
        keys: READS_KEY,
        key_flags: None,
        since: "6.0.0",
        summary: "Reads integers of any width in the string stored at a key",
        args: &[Arg::key("key"), Arg { is_token_multiple: true, ..GET_BLOCK.optional().multiple() }],
        ..BITFIELD.facts
    },
    handler: bitfield_ro,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Get,
    Set(i64),
    Increment(i64),
}

#[derive(Clone, Copy, Debug)]
struct Operation {
    action: Action,
    field: FieldType,
    offset: u64,
    overflow: Overflow,
}

impl Operation {
    /// The operation at the front of `args`, and what follows it.
    fn parse<'s, 'a>(
        ctx: &Ctx<'_>,
        args: &'s [&'a [u8]],
        overflow: Overflow,
    ) -> CommandResult<(Self, &'s [&'a [u8]])> {
        let is = |name: &str| args[0].eq_ignore_ascii_case(name.as_bytes());
        let argument_count = if is("GET") { 2 } else { 3 };
        if !(is("GET") || is("SET") || is("INCRBY")) || args.len() <= argument_count {
            return Err(CommandError::Syntax);
        }
        let field = parse_type(args[1])?;
        let offset = parse_field_offset(ctx, args[2], field)?;
        let value = || parse_i64(args[3]).ok_or(CommandError::NotInteger);
        let action = match () {
            () if is("GET") => Action::Get,
            () if is("SET") => Action::Set(value()?),
            () => Action::Increment(value()?),
        };
        Ok((Self { action, field, offset, overflow }, &args[argument_count + 1..]))
    }

    fn last_bit(&self) -> u64 {
        self.offset + u64::from(self.field.bits()) - 1
    }

    /// Runs on a string that is long enough. If it stored a value: whether that differs from the old one.
    fn run(&self, bytes: &mut [u8], out: &mut dyn Reply) -> Option<bool> {
        let Self { action, field, offset, overflow } = *self;
        let old = field.get(bytes, offset);
        let exact = match action {
            Action::Get => {
                out.integer(old);
                return None;
            }
            Action::Set(value) => field.exact(value),
            Action::Increment(increment) => i128::from(old) + i128::from(increment),
        };
        let Some(new) = field.fit(exact, overflow) else {
            out.null();
            return None;
        };
        field.set(bytes, offset, new);
        out.integer(if matches!(action, Action::Set(_)) { old } else { new });
        Some(new != old)
    }
}

fn key_flags(args: &[&[u8]]) -> KeyFlags {
    if only_gets(&args[2..]) { KeyFlags::RO.access() } else { KeyFlags::RW.access().update() }
}

/// Whether the operations of BITFIELD change nothing.
fn only_gets(mut operations: &[&[u8]]) -> bool {
    loop {
        operations = match operations {
            [] => return true,
            [word, _, _, rest @ ..] if word.eq_ignore_ascii_case(b"get") => rest,
            [word, _, rest @ ..] if word.eq_ignore_ascii_case(b"overflow") => rest,
            _ => return false,
        };
    }
}

/// `i` or `u` and a number of bits.
fn parse_type(text: &[u8]) -> CommandResult<FieldType> {
    let parsed = match text {
        [sign @ (b'i' | b'u'), bits @ ..] => parse_i64(bits)
            .and_then(|bits| u32::try_from(bits).ok())
            .and_then(|bits| FieldType::new(*sign == b'i', bits)),
        _ => None,
    };
    parsed.ok_or(CommandError::text(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
    ))
}

/// An offset in bits, or, behind `#`, in integers of the type.
fn parse_field_offset(ctx: &Ctx<'_>, text: &[u8], field: FieldType) -> CommandResult<u64> {
    let (text, unit_bits) = match text {
        [b'#', text @ ..] => (text, i64::from(field.bits())),
        text => (text, 1),
    };
    let offset = parse_i64(text).and_then(|offset| offset.checked_mul(unit_bits));
    check_offset(ctx, offset.ok_or(super::INVALID_OFFSET)?)
}

type Operations = SmallVec<[Operation; 4]>;

fn parse(ctx: &Ctx<'_>, mut args: &[&[u8]]) -> CommandResult<Operations> {
    let mut operations = Operations::new();
    let mut overflow = Overflow::Wrap;
    while let [word, rest @ ..] = args {
        if let ([name, rest @ ..], true) = (rest, word.eq_ignore_ascii_case(b"OVERFLOW")) {
            overflow = parse_overflow(name)?;
            args = rest;
            continue;
        }
        let (operation, rest) = Operation::parse(ctx, args, overflow)?;
        operations.push(operation);
        args = rest;
    }
    Ok(operations)
}

fn parse_overflow(name: &[u8]) -> CommandResult<Overflow> {
    let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
    match () {
        () if is("WRAP") => Ok(Overflow::Wrap),
        () if is("SAT") => Ok(Overflow::Saturate),
        () if is("FAIL") => Ok(Overflow::Fail),
        () => Err(CommandError::text("ERR Invalid OVERFLOW type specified")),
    }
}

fn bitfield(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let operations = parse(ctx, &args[2..])?;
    match last_written_bit(&operations) {
        None => read(ctx, args[1], &operations, out),
        Some(last_bit) => write(ctx, args[1], &operations, last_bit, out),
    }
}

fn bitfield_ro(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let operations = parse(ctx, &args[2..])?;
    match last_written_bit(&operations) {
        None => read(ctx, args[1], &operations, out),
        Some(_) => Err(CommandError::text("ERR BITFIELD_RO only supports the GET subcommand")),
    }
}

/// The furthest bit that is written to, if any is.
fn last_written_bit(operations: &[Operation]) -> Option<u64> {
    let writes = operations.iter().filter(|operation| operation.action != Action::Get);
    writes.map(Operation::last_bit).max()
}

fn read(ctx: &mut Ctx<'_>, key: &[u8], operations: &[Operation], out: &mut dyn Reply) -> CommandResult {
    let mut keyspace = ctx.keyspace(key);
    let mut digits = itoa::Buffer::new();
    let bytes = keyspace.read_string(key)?.map_or(&b""[..], |value| bytes_of(value, &mut digits));
    out.array(operations.len());
    for operation in operations {
        out.integer(operation.field.get(bytes, operation.offset));
    }
    Ok(())
}

fn write(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    operations: &[Operation],
    last_bit: u64,
    out: &mut dyn Reply,
) -> CommandResult {
    let mut keyspace = ctx.keyspace(key);
    let mut string = open(&mut keyspace, key, last_bit)?;
    let grows = string.grows;
    let bytes = string.bytes();
    out.array(operations.len());
    // In a string that became longer, what was stored is a change even where it equals the zeros there.
    let stored = operations.iter().filter_map(|operation| operation.run(bytes, out));
    let changes = stored.filter(|is_changed| grows || *is_changed).count() as u64;
    drop(string);
    if changes > 0 {
        keyspace.changed(EventClass::STRING, "setbit", key);
        keyspace.journal().changed(changes - 1);
    } else if grows {
        // Every write was refused, but the string became longer: no event says so, yet it has to be reproduced.
        keyspace.journal().changed(1);
    }
    Ok(())
}
