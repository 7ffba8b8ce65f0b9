//! XGROUP: groups and their consumers.

use super::argument::{parse_integer, parse_strict_id};
use super::{FAMILY, StreamMut, integer, shown, write_stream};
use crate::command::help::write_help;
use crate::command::spec::{Arg, Categories, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::types::stream::{Group, Log, Stream, StreamId};

/// There is no stream to have groups.
const STREAM_REQUIRED: CommandError = CommandError::text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option \
     to create an empty stream automatically.",
);

/// What the subcommands on a key have in common.
const ON_KEY: Facts = Facts { flags: Flags::WRITE, ..FAMILY };
const INSERTS: &[KeySpec] = &[KeySpec::one(KeyFlags::RW.insert(), 2)];
const UPDATES: &[KeySpec] = &[KeySpec::one(KeyFlags::RW.update(), 2)];
const DELETES: &[KeySpec] = &[KeySpec::one(KeyFlags::RW.delete(), 2)];

/// An ID or `$`, the last.
const ID_SELECTOR: Arg = Arg::one_of("id-selector", &[Arg::string("id"), Arg::word("new-id", "$")]);
const ENTRIES_READ: Arg = Arg::integer("entriesread").display("entries-read").token("ENTRIESREAD").optional();

pub(super) const XGROUP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xgroup",
        arity: -2,
        categories: Categories(0),
        summary: "Container of commands on consumer groups",
        complexity: "Depends on the subcommand",
        ..FAMILY
    },
    handler: xgroup,
};

/// Only reached where nobody looked the subcommand up.
fn xgroup(_: &mut Ctx<'_>, args: &[&[u8]], _: &mut dyn Reply) -> CommandResult {
    Err(unknown_form(args))
}

/// The subcommand has no such form.
fn unknown_form(args: &[&[u8]]) -> CommandError {
    CommandError::SubcommandForm(crate::text::of(args[1]).into_owned(), "XGROUP")
}

pub(super) const XGROUP_HELP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xgroup|help",
        arity: 2,
        flags: Flags::LOADING.with(Flags::STALE),
        summary: "Explains the subcommands",
        ..FAMILY
    },
    handler: xgroup_help,
};

fn xgroup_help(_: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(
        out,
        args,
        &[
            "CREATE <key> <groupname> <id|$> [option]",
            "    Create a new consumer group. Options are:",
            "    * MKSTREAM",
            "      Create the empty stream if it does not exist.",
            "    * ENTRIESREAD entries_read",
            "      Set the group's entries_read counter (internal use).",
            "CREATECONSUMER <key> <groupname> <consumer>",
            "    Create a new consumer in the specified group.",
            "DELCONSUMER <key> <groupname> <consumer>",
            "    Remove the specified consumer.",
            "DESTROY <key> <groupname>",
            "    Remove the specified group.",
            "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
            "    Set the current group ID and entries_read counter.",
        ],
    );
    Ok(())
}

/// Options of CREATE and SETID.
#[derive(Debug, Default)]
struct Options {
    makes_stream: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(args: &[&[u8]], takes_mkstream: bool) -> CommandResult<Self> {
        let (mut options, mut rest) = (Self::default(), &args[5..]);
        while let [word, behind @ ..] = rest {
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            rest = match behind {
                behind if takes_mkstream && is(b"MKSTREAM") => {
                    options.makes_stream = true;
                    behind
                }
                [number, behind @ ..] if is(b"ENTRIESREAD") => {
                    options.entries_read = parse_entries_read(number)?;
                    behind
                }
                _ => return Err(unknown_form(args)),
            };
        }
        Ok(options)
    }
}

/// A number of entries, or -1 for not known.
fn parse_entries_read(text: &[u8]) -> CommandResult<Option<u64>> {
    match parse_integer(text)? {
        -1 => Ok(None),
        number => u64::try_from(number)
            .map(Some)
            .map_err(|_| CommandError::text("ERR value for ENTRIESREAD must be positive or -1")),
    }
}

/// An ID, or `$` for the last of the stream, which may not exist yet.
fn parse_selector(text: &[u8], log: Option<&Log>) -> CommandResult<StreamId> {
    if text == b"$" { Ok(log.map_or(StreamId::MIN, Log::last_id)) } else { parse_strict_id(text) }
}

/// The stream at `key`, which must be there.
fn existing<'a>(keyspace: &'a mut Keyspace<'_>, key: &[u8]) -> CommandResult<StreamMut<'a>> {
    write_stream(keyspace, key)?.ok_or(STREAM_REQUIRED)
}

/// A group of the stream at `key`, and what it reads; it must be there.
fn existing_group<'a>(
    stream: &'a mut Stream,
    key: &[u8],
    group: &[u8],
) -> CommandResult<(&'a Log, &'a mut Group)> {
    stream.group_mut(group).ok_or_else(|| CommandError::NoGroupOfKey(shown(group), shown(key)))
}

pub(super) const XGROUP_CREATE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xgroup|create",
        arity: -5,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: INSERTS,
        summary: "Adds a consumer group to a stream",
        args: &[
            Arg::key("key"),
            Arg::string("group"),
            ID_SELECTOR,
            Arg::word("mkstream", "MKSTREAM").optional(),
            ENTRIES_READ,
        ],
        history: &[("7.0.0", "New option `ENTRIESREAD`.")],
        ..ON_KEY
    },
    handler: xgroup_create,
};

/// Most arguments of XGROUP CREATE.
const CREATE_ARGUMENTS_MAX: usize = 8;

fn xgroup_create(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let options = Options::parse(args, true)?;
    let (key, name) = (args[2], args[3]);
    let mut keyspace = ctx.keyspace(key);
    let new_group = |stream: Option<&Stream>| {
        if args.len() > CREATE_ARGUMENTS_MAX {
            return Err(unknown_form(args));
        }
        let last_id = parse_selector(args[4], stream.map(Stream::log))?;
        Ok(Group::new(last_id, options.entries_read))
    };
    let is_added = if let Some(mut stream) = write_stream(&mut keyspace, key)? {
        let group = new_group(Some(&stream))?;
        stream.add_group(name, group)
    } else if options.makes_stream {
        let mut stream = Box::<Stream>::default();
        stream.add_group(name, new_group(None)?);
        keyspace.add_object(key, stream);
        true
    } else {
        return Err(STREAM_REQUIRED);
    };
    if !is_added {
        return Err(CommandError::text("BUSYGROUP Consumer Group name already exists"));
    }
    keyspace.changed_aside(EventClass::STREAM, "xgroup-create", key);
    out.ok();
    Ok(())
}

pub(super) const XGROUP_SETID: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xgroup|setid",
        arity: -5,
        keys: UPDATES,
        summary: "Sets behind which entry a group goes on reading",
        args: &[Arg::key("key"), Arg::string("group"), ID_SELECTOR, ENTRIES_READ],
        history: &[("7.0.0", "New option `ENTRIESREAD`.")],
        ..ON_KEY
    },
    handler: xgroup_setid,
};

/// Most arguments of XGROUP SETID.
const SETID_ARGUMENTS_MAX: usize = 7;

fn xgroup_setid(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let options = Options::parse(args, false)?;
    let (key, name, db) = (args[2], args[3], ctx.db);
    let mut keyspace = ctx.keyspace(key);
    let mut stream = existing(&mut keyspace, key)?;
    let (log, group) = existing_group(&mut stream, key, name)?;
    if args.len() > SETID_ARGUMENTS_MAX {
        return Err(unknown_form(args));
    }
    group.last_id = match args[4] {
        // The ends of ranges are taken here, as in Redis, but not where a group is made.
        b"-" => StreamId::MIN,
        b"+" => StreamId::MAX,
        id => parse_selector(id, Some(log))?,
    };
    group.entries_read = options.entries_read;
    drop(stream);
    // As in Redis, those who wait for entries of the group are not served what is before them now: the next entry wakes them.
    let journal = keyspace.journal();
    journal.changed(1);
    journal.event(EventClass::STREAM, "xgroup-setid", db, key);
    out.ok();
    Ok(())
}

pub(super) const XGROUP_DESTROY: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xgroup|destroy",
        arity: 4,
        keys: DELETES,
        summary: "Deletes a consumer group",
        args: &[Arg::key("key"), Arg::string("group")],
        ..ON_KEY
    },
    handler: xgroup_destroy,
};

fn xgroup_destroy(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, name) = (args[2], args[3]);
    let mut keyspace = ctx.keyspace(key);
    let group = existing(&mut keyspace, key)?.remove_group(name);
    out.integer(group.is_some().into());
    if let Some(group) = group {
        keyspace.discard(group);
        keyspace.changed_aside(EventClass::STREAM, "xgroup-destroy", key);
    }
    Ok(())
}

pub(super) const XGROUP_CREATECONSUMER: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xgroup|createconsumer",
        arity: 5,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: INSERTS,
        since: "6.2.0",
        summary: "Adds a consumer to a group",
        args: &[Arg::key("key"), Arg::string("group"), Arg::string("consumer")],
        ..ON_KEY
    },
    handler: xgroup_createconsumer,
};

fn xgroup_createconsumer(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, now) = (args[2], ctx.clock());
    let mut keyspace = ctx.keyspace(key);
    let mut stream = existing(&mut keyspace, key)?;
    let (_, group) = existing_group(&mut stream, key, args[3])?;
    let is_new = group.find_consumer(args[4]).is_none();
    if is_new {
        group.add_consumer(args[4], now);
    }
    drop(stream);
    if is_new {
        keyspace.changed_aside(EventClass::STREAM, "xgroup-createconsumer", key);
    }
    out.integer(is_new.into());
    Ok(())
}

pub(super) const XGROUP_DELCONSUMER: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xgroup|delconsumer",
        arity: 5,
        keys: DELETES,
        summary: "Deletes a consumer of a group with its pending entries and tells how many these were",
        complexity: "O(N*log(M)) for N of the M pending entries of the group",
        args: &[Arg::key("key"), Arg::string("group"), Arg::string("consumer")],
        ..ON_KEY
    },
    handler: xgroup_delconsumer,
};

fn xgroup_delconsumer(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[2];
    let mut keyspace = ctx.keyspace(key);
    let mut stream = existing(&mut keyspace, key)?;
    let (_, group) = existing_group(&mut stream, key, args[3])?;
    let pending = group.delete_consumer(args[4]);
    drop(stream);
    if pending.is_some() {
        keyspace.changed_aside(EventClass::STREAM, "xgroup-delconsumer", key);
    }
    out.integer(integer(pending.unwrap_or(0) as u64));
    Ok(())
}
