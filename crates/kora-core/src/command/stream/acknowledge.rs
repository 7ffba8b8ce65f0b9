//! XACK and XACKDEL: entries that a group is done with.

use super::add::REFERENCES;
use super::delete::{IDS, code, parse_ids, parse_ids_block};
use super::{FAMILY, StreamMut, UPDATES_KEY, integer, read_stream, write_stream};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::types::stream::{Deletion, References};

pub(super) const XACK: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xack",
        arity: -4,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: UPDATES_KEY,
        summary: "Marks entries as done for a group and tells how many were pending",
        complexity: "O(log(N)) for each ID and N pending entries",
        args: &[Arg::key("key"), Arg::string("group"), Arg::string("id").multiple()],
        ..FAMILY
    },
    handler: xack,
};

/// The stream at `key`, if it is there and has the group. This is a look-up for reading.
fn stream_with_group<'a>(
    keyspace: &'a mut Keyspace<'_>,
    key: &[u8],
    group: &[u8],
) -> CommandResult<Option<StreamMut<'a>>> {
    if read_stream(keyspace, key)?.and_then(|stream| stream.group(group)).is_none() {
        return Ok(None);
    }
    write_stream(keyspace, key)
}

fn xack(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, name) = (args[1], args[2]);
    let mut keyspace = ctx.keyspace(key);
    let Some(mut stream) = stream_with_group(&mut keyspace, key, name)? else {
        out.integer(0);
        return Ok(());
    };
    let ids = parse_ids(&args[3..])?;
    let (_, group) = stream.group_mut(name).expect("it was found");
    let acknowledged = ids.iter().filter(|&&id| group.release(id).is_some()).count() as u64;
    drop(stream);
    keyspace.journal().changed(acknowledged);
    out.integer(integer(acknowledged));
    Ok(())
}

pub(super) const XACKDEL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xackdel",
        arity: -6,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RW.update().delete(), 1)],
        since: "8.2.0",
        summary: "Marks entries as done for a group and deletes them, with a choice of what becomes of other groups' \
                  references to them",
        complexity: "O(log(N)) for each ID and N pending entries",
        args: &[Arg::key("key"), Arg::string("group"), Arg::one_of("condition", REFERENCES).optional(), IDS],
        ..FAMILY
    },
    handler: xackdel,
};

fn xackdel(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, name) = (args[1], args[2]);
    let (references, ids) = parse_ids_block(&args[3..])?;
    let mut keyspace = ctx.keyspace(key);
    let mut stream = stream_with_group(&mut keyspace, key, name)?;
    let (mut acknowledged, mut deleted) = (0, 0);
    out.array(ids.len());
    for id in ids {
        let released =
            stream.as_mut().and_then(|stream| stream.group_mut(name)?.1.release(id)).and(stream.as_mut());
        let Some(stream) = released else {
            out.integer(code(Deletion::Missing));
            continue;
        };
        acknowledged += 1;
        let deletion = stream.delete(id, references);
        deleted += u64::from(deletion == Deletion::Done);
        // An entry that was gone already is as good as deleted.
        let is_kept = deletion == Deletion::Needed && references == References::Respect;
        out.integer(code(if is_kept { Deletion::Needed } else { Deletion::Done }));
    }
    drop(stream);
    keyspace.journal().changed(acknowledged);
    if deleted > 0 {
        keyspace.changed(EventClass::STREAM, "xdel", key);
    }
    Ok(())
}
