//! XINFO: what a stream, its groups and their consumers are like.

use super::argument::parse_integer;
use super::{FAMILY, count, elapsed, integer, read_stream, shown, write_entry, write_first};
use crate::command::help::write_help;
use crate::command::spec::{Arg, Categories, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::types::stream::{Consumer, Group, Log, Stream, StreamId};

/// Entries that XINFO STREAM FULL shows if not told how many.
const SHOWN_DEFAULT: u64 = 10;

/// What the subcommands on a key have in common.
const ON_KEY: Facts =
    Facts { flags: Flags::READONLY, keys: &[KeySpec::one(KeyFlags::RO.access(), 2)], ..FAMILY };

pub(super) const XINFO: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xinfo",
        arity: -2,
        categories: Categories(0),
        summary: "Container of commands that tell what streams are like",
        complexity: "Depends on the subcommand",
        ..FAMILY
    },
    handler: xinfo,
};

/// Only reached where nobody looked the subcommand up.
fn xinfo(_: &mut Ctx<'_>, args: &[&[u8]], _: &mut dyn Reply) -> CommandResult {
    Err(unknown_form(args))
}

/// The subcommand has no such form.
fn unknown_form(args: &[&[u8]]) -> CommandError {
    CommandError::SubcommandForm(crate::text::of(args[1]).into_owned(), "XINFO")
}

pub(super) const XINFO_HELP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xinfo|help",
        arity: 2,
        flags: Flags::LOADING.with(Flags::STALE),
        summary: "Explains the subcommands",
        ..FAMILY
    },
    handler: xinfo_help,
};

fn xinfo_help(_: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(
        out,
        args,
        &[
            "CONSUMERS <key> <groupname>",
            "    Show consumers of <groupname>.",
            "GROUPS <key>",
            "    Show the stream consumer groups.",
            "STREAM <key> [FULL [COUNT <count>]",
            "    Show information about the stream.",
        ],
    );
    Ok(())
}

/// The stream at `key`, which must be there.
fn existing<'a>(keyspace: &'a mut Keyspace<'_>, key: &[u8]) -> CommandResult<&'a Stream> {
    read_stream(keyspace, key)?.ok_or(CommandError::NoSuchKey)
}

pub(super) const XINFO_STREAM: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xinfo|stream",
        arity: -3,
        summary: "Describes a stream",
        complexity: "O(B) for B blocks of entries, with very little for each",
        args: &[
            Arg::key("key"),
            Arg::block(
                "full-block",
                &[Arg::word("full", "FULL"), Arg::integer("count").token("COUNT").optional()],
            )
            .optional(),
        ],
        history: &[
            ("6.0.0", "New option `FULL`."),
            (
                "7.0.0",
                "New fields `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` and \
                 `lag`.",
            ),
            ("7.2.0", "New field `active-time`; `seen-time` is that of the last attempt."),
        ],
        ..ON_KEY
    },
    handler: xinfo_stream,
};

fn xinfo_stream(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[2];
    let mut keyspace = ctx.keyspace(key);
    let stream = existing(&mut keyspace, key)?;
    match parse_full(args)? {
        None => write_overview(out, stream),
        Some(shown) => write_all(out, stream, shown),
    }
    Ok(())
}

/// How many entries to show if everything is to be shown.
fn parse_full(args: &[&[u8]]) -> CommandResult<Option<u64>> {
    let shown = match args[3..] {
        [] => return Ok(None),
        [full] if full.eq_ignore_ascii_case(b"FULL") => SHOWN_DEFAULT,
        [full, word, number] if full.eq_ignore_ascii_case(b"FULL") && word.eq_ignore_ascii_case(b"COUNT") => {
            u64::try_from(parse_integer(number)?).unwrap_or(SHOWN_DEFAULT)
        }
        _ => return Err(unknown_form(args)),
    };
    Ok(Some(if shown == 0 { u64::MAX } else { shown }))
}

/// Fields that both forms of XINFO STREAM begin with.
fn write_counts(out: &mut dyn Reply, stream: &Stream) {
    let log = stream.log();
    write_number(out, "length", integer(log.len()));
    write_number(out, "radix-tree-keys", integer(stream.block_count() as u64));
    write_number(out, "radix-tree-nodes", integer(stream.radix_node_count()));
    write_id(out, "last-generated-id", log.last_id());
    write_id(out, "max-deleted-entry-id", log.max_deleted_id());
    write_number(out, "entries-added", integer(log.entries_added()));
    write_id(out, "recorded-first-entry-id", log.first_id().unwrap_or(StreamId::MIN));
}

fn write_overview(out: &mut dyn Reply, stream: &Stream) {
    out.map(10);
    write_counts(out, stream);
    write_number(out, "groups", integer(stream.groups().len() as u64));
    let mut entries = stream.log().range(StreamId::MIN, StreamId::MAX);
    let first = entries.next();
    let last = entries.next_back().or(first);
    for (name, entry) in [("first-entry", first), ("last-entry", last)] {
        out.bulk(name.as_bytes());
        match entry {
            Some(entry) => write_entry(out, &entry),
            None => out.null(),
        }
    }
}

fn write_all(out: &mut dyn Reply, stream: &Stream, shown: u64) {
    out.map(9);
    write_counts(out, stream);
    out.bulk(b"entries");
    write_first(out, stream.log(), (StreamId::MIN, StreamId::MAX), shown);
    out.bulk(b"groups");
    out.array(stream.groups().len());
    for (name, group) in stream.groups() {
        write_whole_group(out, stream.log(), (name, group), shown);
    }
}

fn write_whole_group(out: &mut dyn Reply, log: &Log, (name, group): (&[u8], &Group), shown: u64) {
    out.map(7);
    write_bytes(out, "name", name);
    write_id(out, "last-delivered-id", group.last_id);
    write_progress(out, log, group);
    write_number(out, "pel-count", integer(group.pending().len() as u64));
    out.bulk(b"pending");
    let pending = group.pending().iter().take(count_at_most(shown, group.pending().len()));
    out.array(pending.len());
    for (id, pending) in pending {
        out.array(4);
        out.bulk(&id.text());
        out.bulk(group.consumer(pending.consumer).name());
        out.integer(pending.delivered.0);
        out.integer(integer(pending.delivery_count));
    }
    out.bulk(b"consumers");
    out.array(group.consumers().len());
    for consumer in group.consumers() {
        write_whole_consumer(out, group, consumer, shown);
    }
}

fn write_whole_consumer(out: &mut dyn Reply, group: &Group, consumer: &Consumer, shown: u64) {
    out.map(5);
    write_bytes(out, "name", consumer.name());
    write_number(out, "seen-time", consumer.seen.0);
    write_number(out, "active-time", consumer.active.map_or(-1, |active| active.0));
    write_number(out, "pel-count", integer(consumer.pending().len() as u64));
    out.bulk(b"pending");
    let ids = consumer.pending().iter().take(count_at_most(shown, consumer.pending().len()));
    out.array(ids.len());
    for id in ids {
        let pending = &group.pending()[id];
        out.array(3);
        out.bulk(&id.text());
        out.integer(pending.delivered.0);
        out.integer(integer(pending.delivery_count));
    }
}

fn count_at_most(shown: u64, len: usize) -> usize {
    count(shown.min(len as u64))
}

fn write_progress(out: &mut dyn Reply, log: &Log, group: &Group) {
    write_known(out, "entries-read", group.entries_read.map(integer));
    write_known(out, "lag", log.lag(group));
}

fn write_known(out: &mut dyn Reply, name: &str, number: Option<i64>) {
    out.bulk(name.as_bytes());
    match number {
        Some(number) => out.integer(number),
        None => out.null(),
    }
}

fn write_number(out: &mut dyn Reply, name: &str, number: i64) {
    write_known(out, name, Some(number));
}

fn write_bytes(out: &mut dyn Reply, name: &str, bytes: &[u8]) {
    out.bulk(name.as_bytes());
    out.bulk(bytes);
}

fn write_id(out: &mut dyn Reply, name: &str, id: StreamId) {
    write_bytes(out, name, &id.text());
}

pub(super) const XINFO_GROUPS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xinfo|groups",
        arity: 3,
        summary: "Lists the groups of a stream",
        complexity: "O(N) for N groups",
        args: &[Arg::key("key")],
        history: &[("7.0.0", "New fields `entries-read` and `lag`.")],
        ..ON_KEY
    },
    handler: xinfo_groups,
};

fn xinfo_groups(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[2];
    let mut keyspace = ctx.keyspace(key);
    let stream = existing(&mut keyspace, key)?;
    out.array(stream.groups().len());
    for (name, group) in stream.groups() {
        out.map(6);
        write_bytes(out, "name", name);
        write_number(out, "consumers", integer(group.consumers().len() as u64));
        write_number(out, "pending", integer(group.pending().len() as u64));
        write_id(out, "last-delivered-id", group.last_id);
        write_progress(out, stream.log(), group);
    }
    Ok(())
}

pub(super) const XINFO_CONSUMERS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xinfo|consumers",
        arity: 4,
        summary: "Lists the consumers of a group",
        complexity: "O(N) for N consumers",
        args: &[Arg::key("key"), Arg::string("group")],
        history: &[("7.2.0", "New field `inactive`; `idle` is the time since the last attempt.")],
        tips: &["nondeterministic_output"],
        ..ON_KEY
    },
    handler: xinfo_consumers,
};

fn xinfo_consumers(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, name, now) = (args[2], args[3], ctx.now);
    let mut keyspace = ctx.keyspace(key);
    let group = existing(&mut keyspace, key)?
        .group(name)
        .ok_or_else(|| CommandError::NoGroupOfKey(shown(name), shown(key)))?;
    out.array(group.consumers().len());
    for consumer in group.consumers() {
        out.map(4);
        write_bytes(out, "name", consumer.name());
        write_number(out, "pending", integer(consumer.pending().len() as u64));
        write_number(out, "idle", elapsed(consumer.seen, now));
        write_number(out, "inactive", consumer.active.map_or(-1, |active| elapsed(active, now)));
    }
    Ok(())
}
