//! Commands about single members: SADD, SREM, SCARD, SISMEMBER, SMISMEMBER and SMEMBERS.

use super::{FAMILY, READS_KEY, count, len_of};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::journal::EventClass;
use crate::reply::{Bulks, Reply};
use crate::types::set::{self, SetRef, SetValue};

pub(super) const SADD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "sadd",
        parts: Some((2, 1)),
        arity: -3,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RW.insert(), 1)],
        since: "1.0.0",
        summary: "Adds members to a set, which is created if there is none",
        complexity: "O(N) for N members",
        args: &[Arg::key("key"), Arg::string("member").multiple()],
        history: &[("2.4.0", "Takes several members")],
        ..FAMILY
    },
    handler: sadd,
};

fn sadd(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, members) = (args[1], &args[2..]);
    let mut keyspace = ctx.keyspace(key);
    let limits = keyspace.set_limits();
    let added = if let Some(mut entry) = keyspace.write_set(key)? {
        set::prepare(&mut entry, members.len(), &limits);
        members.iter().filter(|member| set::add(&mut entry, member, &limits)).count()
    } else {
        let mut value = SetValue::suited_to(members[0], members.len(), &limits);
        let added = members.iter().filter(|member| set::add(&mut value, member, &limits)).count();
        value.add_to(&mut keyspace, key);
        added
    };
    if added > 0 {
        keyspace.changed(EventClass::SET, "sadd", key);
        keyspace.journal().changed(added as u64 - 1);
    }
    out.integer(count(added));
    Ok(())
}

pub(super) const SREM: CommandSpec = CommandSpec {
    facts: Facts {
        name: "srem",
        parts: Some((2, 1)),
        arity: -3,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RW.delete(), 1)],
        since: "1.0.0",
        summary: "Removes members from a set, which is deleted when it is empty",
        complexity: "O(N) for N members",
        args: &[Arg::key("key"), Arg::string("member").multiple()],
        history: &[("2.4.0", "Takes several members")],
        ..FAMILY
    },
    handler: srem,
};

fn srem(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let mut keyspace = ctx.keyspace(key);
    let Some(mut entry) = keyspace.write_set(key)? else {
        out.integer(0);
        return Ok(());
    };
    let removed = args[2..].iter().filter(|member| set::remove(&mut entry, member)).count();
    let is_emptied = len_of(&entry) == 0;
    drop(entry);
    if removed > 0 {
        keyspace.changed(EventClass::SET, "srem", key);
        keyspace.journal().changed(removed as u64 - 1);
    }
    if is_emptied {
        keyspace.delete_emptied(key);
    }
    out.integer(count(removed));
    Ok(())
}

pub(super) const SCARD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "scard",
        arity: 2,
        flags: Flags::READONLY.with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RO, 1)],
        since: "1.0.0",
        summary: "Gives the number of members of a set",
        args: &[Arg::key("key")],
        ..FAMILY
    },
    handler: scard,
};

fn scard(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let len = ctx.keyspace(key).read_set(key)?.map_or(0, SetRef::len);
    out.integer(count(len));
    Ok(())
}

pub(super) const SISMEMBER: CommandSpec = CommandSpec {
    facts: Facts {
        name: "sismember",
        parts: Some((2, usize::MAX)),
        arity: 3,
        flags: Flags::READONLY.with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RO, 1)],
        since: "1.0.0",
        summary: "Tells whether a set has a member",
        args: &[Arg::key("key"), Arg::string("member")],
        ..FAMILY
    },
    handler: sismember,
};

fn sismember(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, member) = (args[1], args[2]);
    let is_member = ctx.keyspace(key).read_set(key)?.is_some_and(|set| set.contains(member));
    out.integer(is_member.into());
    Ok(())
}

pub(super) const SMISMEMBER: CommandSpec = CommandSpec {
    facts: Facts {
        name: "smismember",
        parts: Some((2, 1)),
        arity: -3,
        flags: Flags::READONLY.with(Flags::FAST),
        keys: READS_KEY,
        since: "6.2.0",
        summary: "Tells for several members whether a set has them",
        complexity: "O(N) for N members asked for",
        args: &[Arg::key("key"), Arg::string("member").multiple()],
        ..FAMILY
    },
    handler: smismember,
};

fn smismember(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, members) = (args[1], &args[2..]);
    let mut keyspace = ctx.keyspace(key);
    let set = keyspace.read_set(key)?;
    out.array(members.len());
    for member in members {
        out.integer(set.is_some_and(|set| set.contains(member)).into());
    }
    Ok(())
}

pub(super) const SMEMBERS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "smembers",
        arity: 2,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "1.0.0",
        summary: "Gives all members of a set",
        complexity: "O(N) for N members",
        args: &[Arg::key("key")],
        tips: &["nondeterministic_output_order"],
        ..FAMILY
    },
    handler: smembers,
};

fn smembers(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let mut keyspace = ctx.keyspace(key);
    let set = keyspace.read_set(key)?;
    out.set(set.map_or(0, SetRef::len));
    if let Some(set) = set {
        Bulks::write(out, |bulks| set.for_each(|member| member.add_to(bulks)));
    }
    Ok(())
}
