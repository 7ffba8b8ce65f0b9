//! Deleting entries by ID: XDEL and XDELEX.

use smallvec::SmallVec;

use super::add::REFERENCES;
use super::argument::{parse_integer, parse_references, parse_strict_id};
use super::{DELETES_FROM_KEY, FAMILY, integer, write_stream};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::types::stream::{Deletion, References, StreamId};

/// IDs that a command names.
pub(super) type Ids = SmallVec<[StreamId; 8]>;

pub(super) fn parse_ids(args: &[&[u8]]) -> CommandResult<Ids> {
    args.iter().map(|arg| parse_strict_id(arg)).collect()
}

pub(super) const XDEL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xdel",
        arity: -3,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: DELETES_FROM_KEY,
        summary: "Deletes entries of a stream by ID and tells how many there were",
        complexity: "O(log(B)) for each entry in a stream of B blocks",
        args: &[Arg::key("key"), Arg::string("id").multiple()],
        ..FAMILY
    },
    handler: xdel,
};

fn xdel(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let mut keyspace = ctx.keyspace(key);
    let Some(mut stream) = write_stream(&mut keyspace, key)? else {
        out.integer(0);
        return Ok(());
    };
    let ids = parse_ids(&args[2..])?;
    let is_deleted = |id: &&StreamId| stream.delete(**id, References::Keep) == Deletion::Done;
    let deleted = ids.iter().filter(is_deleted).count() as u64;
    drop(stream);
    if deleted > 0 {
        keyspace.changed(EventClass::STREAM, "xdel", key);
        keyspace.journal().changed(deleted - 1);
    }
    out.integer(integer(deleted));
    Ok(())
}

/// The block of arguments that names IDs.
pub(super) const IDS: Arg =
    Arg::block("ids", &[Arg::integer("numids"), Arg::string("id").multiple()]).token("IDS");

pub(super) const XDELEX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xdelex",
        arity: -5,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: DELETES_FROM_KEY,
        since: "8.2.0",
        summary: "Deletes entries of a stream by ID, with a choice of what becomes of groups' references to them",
        complexity: "O(log(B)) for each entry in a stream of B blocks",
        args: &[Arg::key("key"), Arg::one_of("condition", REFERENCES).optional(), IDS],
        ..FAMILY
    },
    handler: xdelex,
};

/// Reads `[KEEPREF | DELREF | ACKED] IDS numids id [id ...]`, in any order.
pub(super) fn parse_ids_block(mut args: &[&[u8]]) -> CommandResult<(References, Ids)> {
    let (mut references, mut ids) = (None, None);
    while let [word, rest @ ..] = args {
        args = match (parse_references(word), rest) {
            (Some(_), _) if references.is_some() => return Err(CommandError::Syntax),
            (Some(found), rest) => {
                references = Some(found);
                rest
            }
            (None, [number, rest @ ..]) if word.eq_ignore_ascii_case(b"IDS") && ids.is_none() => {
                let (named, rest) = rest.split_at(parse_number_of_ids(number, rest)?);
                ids = Some(named);
                rest
            }
            _ => return Err(CommandError::Syntax),
        };
    }
    Ok((references.unwrap_or_default(), parse_ids(ids.ok_or(CommandError::Syntax)?)?))
}

/// How many of `args` are IDs, as `number` says.
fn parse_number_of_ids(number: &[u8], args: &[&[u8]]) -> CommandResult<usize> {
    let number = parse_integer(number).ok().and_then(|number| usize::try_from(number).ok());
    match number {
        None | Some(0) => Err(CommandError::text("ERR Number of IDs must be a positive integer")),
        Some(number) if number > args.len() => {
            Err(CommandError::text("ERR The `numids` parameter must match the number of arguments"))
        }
        Some(number) => Ok(number),
    }
}

/// The code that XDELEX and XACKDEL answer.
pub(super) fn code(deletion: Deletion) -> i64 {
    match deletion {
        Deletion::Missing => -1,
        Deletion::Done => 1,
        Deletion::Needed => 2,
    }
}

fn xdelex(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let (references, ids) = parse_ids_block(&args[2..])?;
    let mut keyspace = ctx.keyspace(key);
    let Some(mut stream) = write_stream(&mut keyspace, key)? else {
        out.array(ids.len());
        ids.iter().for_each(|_| out.integer(code(Deletion::Missing)));
        return Ok(());
    };
    out.array(ids.len());
    let (mut deleted, pending_before) = (0, pending_count(&stream));
    for &id in &ids {
        let deletion = stream.delete(id, references);
        deleted += u64::from(deletion == Deletion::Done);
        out.integer(code(deletion));
    }
    let released = pending_before - pending_count(&stream);
    drop(stream);
    if deleted > 0 {
        keyspace.journal().changed(deleted - 1);
        keyspace.changed(EventClass::STREAM, "xdel", key);
    }
    keyspace.journal().changed(released as u64);
    Ok(())
}

/// Pending entries of all groups.
fn pending_count(stream: &crate::types::stream::Stream) -> usize {
    stream.groups().map(|(_, group)| group.pending().len()).sum()
}
