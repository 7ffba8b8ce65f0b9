//! XSETID.

use super::argument::{parse_integer, parse_strict_id};
use super::{FAMILY, UPDATES_KEY, write_stream};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::types::stream::{Log, StreamId};

pub(super) const XSETID: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xsetid",
        arity: -3,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST),
        keys: UPDATES_KEY,
        summary: "Sets what a stream knows of entries that it has no more, for replicas and logs",
        args: &[
            Arg::key("key"),
            Arg::string("last-id"),
            Arg::integer("entries-added").token("ENTRIESADDED").optional().since("7.0.0"),
            Arg::string("max-deleted-id").token("MAXDELETEDID").optional().since("7.0.0"),
        ],
        history: &[("7.0.0", "New options `ENTRIESADDED` and `MAXDELETEDID`.")],
        ..FAMILY
    },
    handler: xsetid,
};

/// What XSETID was given.
#[derive(Debug)]
struct Past {
    last_id: StreamId,
    entries_added: Option<u64>,
    max_deleted_id: Option<StreamId>,
}

impl Past {
    fn parse(args: &[&[u8]]) -> CommandResult<Self> {
        let last_id = parse_strict_id(args[2])?;
        let mut past = Self { last_id, entries_added: None, max_deleted_id: None };
        let mut options = &args[3..];
        while let [word, rest @ ..] = options {
            let [value, rest @ ..] = rest else { return Err(CommandError::Syntax) };
            if word.eq_ignore_ascii_case(b"ENTRIESADDED") {
                let added = u64::try_from(parse_integer(value)?);
                let added = added.map_err(|_| CommandError::text("ERR entries_added must be positive"))?;
                past.entries_added = Some(added);
            } else if word.eq_ignore_ascii_case(b"MAXDELETEDID") {
                let id = parse_strict_id(value)?;
                if last_id < id {
                    return Err(CommandError::text(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                    ));
                }
                past.max_deleted_id = Some(id);
            } else {
                return Err(CommandError::Syntax);
            }
            options = rest;
        }
        Ok(past)
    }

    /// Refuses what contradicts the entries.
    fn check(&self, log: &Log) -> CommandResult {
        if self.last_id < log.max_deleted_id() {
            return Err(CommandError::text(
                "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
            ));
        }
        if log.last_entry_id().is_some_and(|last| self.last_id < last) {
            return Err(CommandError::text(
                "ERR The ID specified in XSETID is smaller than the target stream top item",
            ));
        }
        if !log.is_empty() && self.entries_added.is_some_and(|added| added < log.len()) {
            return Err(CommandError::text(
                "ERR The entries_added specified in XSETID is smaller than the target stream length",
            ));
        }
        Ok(())
    }
}

fn xsetid(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let past = Past::parse(args)?;
    let key = args[1];
    let mut keyspace = ctx.keyspace(key);
    let mut stream = write_stream(&mut keyspace, key)?.ok_or(CommandError::NoSuchKey)?;
    let log = stream.log_mut();
    past.check(log)?;
    let max_deleted_id = past.max_deleted_id.filter(|&id| id != StreamId::MIN);
    log.set_past(
        past.last_id,
        max_deleted_id.unwrap_or(log.max_deleted_id()),
        past.entries_added.unwrap_or(log.entries_added()),
    );
    drop(stream);
    keyspace.changed_aside(EventClass::STREAM, "xsetid", key);
    out.ok();
    Ok(())
}
