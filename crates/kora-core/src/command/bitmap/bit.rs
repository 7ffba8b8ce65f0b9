//! Commands on one bit: GETBIT and SETBIT.

use super::{FAMILY, READS_KEY, open, parse_offset};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::command::string::bytes_of;
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::types::bitmap;

pub(super) const GETBIT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "getbit",
        arity: 3,
        flags: Flags::READONLY.with(Flags::FAST),
        keys: READS_KEY,
        since: "2.2.0",
        summary: "Gives one bit of the string stored at a key",
        args: &[Arg::key("key"), Arg::integer("offset")],
        ..FAMILY
    },
    handler: getbit,
};

fn getbit(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let offset = parse_offset(ctx, args[2])?;
    let mut keyspace = ctx.keyspace(key);
    let mut digits = itoa::Buffer::new();
    let bytes = keyspace.read_string(key)?.map_or(&b""[..], |value| bytes_of(value, &mut digits));
    out.integer(bitmap::bit(bytes, offset).into());
    Ok(())
}

pub(super) const SETBIT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "setbit",
        arity: 4,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: &[KeySpec::one(KeyFlags::RW.access().update(), 1)],
        since: "2.2.0",
        summary: "Sets or clears one bit of the string stored at a key, which is created if it does not exist",
        args: &[Arg::key("key"), Arg::integer("offset"), Arg::integer("value")],
        ..FAMILY
    },
    handler: setbit,
};

fn setbit(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let offset = parse_offset(ctx, args[2])?;
    let on = match args[3] {
        b"0" => false,
        b"1" => true,
        _ => return Err(CommandError::text("ERR bit is not an integer or out of range")),
    };
    let mut keyspace = ctx.keyspace(key);
    let mut string = open(&mut keyspace, key, offset)?;
    let bytes = string.bytes();
    let was_on = bitmap::bit(bytes, offset);
    bitmap::set_bit(bytes, offset, on);
    let is_changed = string.grows || was_on != on;
    drop(string);
    if is_changed {
        keyspace.changed(EventClass::STRING, "setbit", key);
    }
    out.integer(was_on.into());
    Ok(())
}
