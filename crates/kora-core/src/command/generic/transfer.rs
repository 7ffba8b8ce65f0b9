//! Commands that bring a value to another key or database: RENAME, RENAMENX, MOVE and COPY.
//!
//! A value keeps its deadline on the way. Source and destination may live on different shards; each keyspace is asked for
//! in turn and none is held while the other is used.

use super::FAMILY;
use crate::command::options::parse_db;
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec, Traits};
use crate::context::Ctx;
use crate::db::DbIndex;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::Reply;

/// The source of a rename.
const RENAMED: KeySpec = KeySpec::one(KeyFlags::RW.access().delete(), 1);
const RENAME_ARGS: &[Arg] = &[Arg::key("key"), Arg::key("newkey").spec(1)];

pub(super) const RENAME: CommandSpec = CommandSpec {
    facts: Facts {
        name: "rename",
        arity: 3,
        flags: Flags::WRITE,
        keys: &[RENAMED, KeySpec::one(KeyFlags::OW.update(), 2)],
        since: "1.0.0",
        summary: "Gives a key another name; what that name held is lost",
        args: RENAME_ARGS,
        ..FAMILY
    },
    handler: rename,
};

fn rename(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    rename_key(ctx, args[1], args[2], true)?;
    out.ok();
    Ok(())
}

pub(super) const RENAMENX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "renamenx",
        arity: 3,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: &[RENAMED, KeySpec::one(KeyFlags::OW.insert(), 2)],
        since: "1.0.0",
        summary: "Gives a key another name unless that is taken",
        args: RENAME_ARGS,
        history: &[("3.2.0", "A key may be renamed to itself")],
        ..FAMILY
    },
    handler: renamenx,
};

fn renamenx(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    out.integer(rename_key(ctx, args[1], args[2], false)?.into());
    Ok(())
}

/// Renames `from` to `to`; `false` if there was nothing to do or `to` exists and may not be replaced.
fn rename_key(ctx: &mut Ctx<'_>, from: &[u8], to: &[u8], replaces: bool) -> CommandResult<bool> {
    let db = ctx.db;
    // A look-up for writing, so that the key counts as used under its new name.
    if ctx.keyspace(from).write(from).is_none() {
        return Err(CommandError::NoSuchKey);
    }
    if from == to {
        return Ok(false);
    }
    let is_taken = ctx.keyspace(to).peek(to).is_some();
    if is_taken && !replaces {
        return Ok(false);
    }
    let entry = ctx.keyspace(from).remove(from).ok_or(CommandError::NoSuchKey)?;
    let mut keyspace = ctx.keyspace(to);
    keyspace.insert(to, entry);
    keyspace.journal().event(EventClass::GENERIC, "rename_from", db, from);
    keyspace.changed(EventClass::GENERIC, "rename_to", to);
    Ok(true)
}

pub(super) const MOVE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "move",
        arity: 3,
        flags: Flags::WRITE.with(Flags::FAST),
        traits: Traits::OTHER_DATABASE,
        keys: &[KeySpec::one(KeyFlags::RW.access().update(), 1)],
        since: "1.0.0",
        summary: "Moves a key to another database unless it exists there",
        args: &[Arg::key("key"), Arg::integer("db")],
        ..FAMILY
    },
    handler: move_key,
};

fn move_key(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, from) = (args[1], ctx.db);
    let to = parse_db(args[2], ctx.config())?;
    if to == from {
        return Err(CommandError::SameObject);
    }
    let is_movable = ctx.keyspace(key).write(key).is_some() && ctx.keyspace_in(to, key).peek(key).is_none();
    let entry = if is_movable { ctx.keyspace(key).remove(key) } else { None };
    let is_moved = entry.is_some();
    if let Some(entry) = entry {
        let mut keyspace = ctx.keyspace_in(to, key);
        keyspace.insert(key, entry);
        keyspace.journal().event(EventClass::GENERIC, "move_from", from, key);
        keyspace.changed(EventClass::GENERIC, "move_to", key);
    }
    out.integer(is_moved.into());
    Ok(())
}

pub(super) const COPY: CommandSpec = CommandSpec {
    facts: Facts {
        name: "copy",
        arity: -3,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        traits: Traits::OTHER_DATABASE,
        keys: &[KeySpec::one(KeyFlags::RO.access(), 1), KeySpec::one(KeyFlags::OW.update(), 2)],
        since: "6.2.0",
        summary: "Copies a value to another key or database",
        complexity: "O(1) for a string, else O(N) with N elements",
        args: &[
            Arg::key("source"),
            Arg::key("destination").spec(1),
            Arg::integer("destination-db").token("DB").optional(),
            Arg::word("replace", "REPLACE").optional(),
        ],
        ..FAMILY
    },
    handler: copy,
};

fn copy(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (from, to) = (args[1], args[2]);
    let (to_db, replaces) = parse_copy_options(ctx, &args[3..])?;
    if from == to && to_db == ctx.db {
        return Err(CommandError::SameObject);
    }
    let is_taken = ctx.keyspace_in(to_db, to).peek(to).is_some();
    let source =
        ctx.keyspace(from).read(from).map(|entry| (replaces || !is_taken).then(|| entry.duplicate()));
    let copy = source.flatten();
    let is_copied = copy.is_some();
    if let Some(mut copy) = copy {
        copy.own_integer();
        let mut keyspace = ctx.keyspace_in(to_db, to);
        keyspace.insert(to, copy);
        keyspace.changed(EventClass::GENERIC, "copy_to", to);
    }
    out.integer(is_copied.into());
    Ok(())
}

/// The destination's database, and whether a key there may be replaced.
fn parse_copy_options(ctx: &Ctx<'_>, mut options: &[&[u8]]) -> CommandResult<(DbIndex, bool)> {
    let (mut db, mut replaces) = (ctx.db, false);
    while let [option, rest @ ..] = options {
        options = match rest {
            rest if option.eq_ignore_ascii_case(b"REPLACE") => {
                replaces = true;
                rest
            }
            [index, rest @ ..] if option.eq_ignore_ascii_case(b"DB") => {
                db = parse_db(index, ctx.config())?;
                rest
            }
            _ => return Err(CommandError::Syntax),
        };
    }
    Ok((db, replaces))
}
