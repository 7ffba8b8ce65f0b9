//! SMOVE: a member goes from one set to another, wherever they live.

use super::{FAMILY, len_of};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::entry::Kind;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::types::set::{self, SetRef, SetValue};

pub(super) const SMOVE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "smove",
        arity: 4,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RW.access().delete(), 1), KeySpec::one(KeyFlags::RW.insert(), 2)],
        since: "1.0.0",
        summary: "Moves a member from one set to another",
        args: &[Arg::key("source"), Arg::key("destination").spec(1), Arg::string("member")],
        ..FAMILY
    },
    handler: smove,
};

fn smove(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (source, target, member) = (args[1], args[2], args[3]);
    out.integer(move_member(ctx, source, target, member)?.into());
    Ok(())
}

fn move_member(ctx: &mut Ctx<'_>, source: &[u8], target: &[u8], member: &[u8]) -> CommandResult<bool> {
    let is_member = match ctx.keyspace(source).write(source) {
        None => return Ok(false),
        Some(entry) => SetRef::of(&entry).ok_or(CommandError::WrongType)?.contains(member),
    };
    if ctx.keyspace(target).write(target).is_some_and(|entry| entry.kind() != Kind::Set) {
        return Err(CommandError::WrongType);
    }
    if is_member && source != target {
        take(&mut ctx.keyspace(source), source, member);
        give(&mut ctx.keyspace(target), target, member)?;
    }
    Ok(is_member)
}

/// Removes `member` from the set at `key`, which has it.
fn take(keyspace: &mut Keyspace<'_>, key: &[u8], member: &[u8]) {
    let mut entry = keyspace.write(key).expect("the set was found before");
    set::remove(&mut entry, member);
    let is_emptied = len_of(&entry) == 0;
    drop(entry);
    keyspace.changed(EventClass::SET, "srem", key);
    if is_emptied {
        keyspace.delete_emptied(key);
    }
}

/// Adds `member` to the set at `key`.
fn give(keyspace: &mut Keyspace<'_>, key: &[u8], member: &[u8]) -> CommandResult {
    let limits = keyspace.set_limits();
    let is_new = if let Some(mut entry) = keyspace.write_set(key)? {
        set::add(&mut entry, member, &limits)
    } else {
        let mut value = SetValue::suited_to(member, 1, &limits);
        set::add(&mut value, member, &limits);
        value.add_to(keyspace, key);
        true
    };
    if is_new {
        keyspace.changed(EventClass::SET, "sadd", key);
    }
    Ok(())
}
