//! OBJECT: how a value is stored and how its key is used.

use super::FAMILY;
use crate::command::help::write_help;
use crate::command::spec::{Arg, Categories, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::config::{CoreConfig, Tracking};
use crate::context::Ctx;
use crate::entry::{Entry, StringRef};
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;

/// References to the integers that Redis shares among all keys, as it counts them.
const SHARED_REFERENCES: i64 = i32::MAX as i64;

/// The integers that Redis shares, from 0, are fewer than this.
const SHARED_INTEGERS: i64 = 10_000;

/// What the subcommands on a key have in common.
const ON_KEY: Facts = Facts {
    arity: 3,
    flags: Flags::READONLY,
    keys: &[KeySpec::one(KeyFlags::RO, 2)],
    since: "2.2.3",
    args: &[Arg::key("key")],
    tips: &["nondeterministic_output"],
    ..FAMILY
};

pub(super) const OBJECT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "object",
        arity: -2,
        categories: Categories(0),
        since: "2.2.3",
        summary: "Container of commands that look at how a value is stored",
        complexity: "Depends on the subcommand",
        ..FAMILY
    },
    handler: object,
};

/// Only reached where nobody looked the subcommand up.
fn object(_: &mut Ctx<'_>, args: &[&[u8]], _: &mut dyn Reply) -> CommandResult {
    let subcommand = crate::text::of(args[1]).into_owned();
    Err(CommandError::UnknownSubcommand(subcommand, "OBJECT".to_owned()))
}

pub(super) const OBJECT_HELP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "object|help",
        arity: 2,
        flags: Flags::LOADING.with(Flags::STALE),
        since: "6.2.0",
        summary: "Explains the subcommands",
        ..FAMILY
    },
    handler: object_help,
};

fn object_help(_: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(
        out,
        args,
        &[
            "ENCODING <key>",
            "    Return the kind of internal representation used in order to store the value",
            "    associated with a <key>.",
            "FREQ <key>",
            "    Return the access frequency index of the <key>. The returned integer is",
            "    proportional to the logarithm of the recent access frequency of the key.",
            "IDLETIME <key>",
            "    Return the idle time of the <key>, that is the approximated number of",
            "    seconds elapsed since the last access to the key.",
            "REFCOUNT <key>",
            "    Return the number of references of the value associated with the specified",
            "    <key>.",
        ],
    );
    Ok(())
}

/// Answers what `show` says of the key's entry, or null if there is none.
fn tell(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    out: &mut dyn Reply,
    show: impl FnOnce(&Entry, &mut dyn Reply) -> CommandResult,
) -> CommandResult {
    match ctx.keyspace(key).inspect(key) {
        Some(entry) => show(entry, out),
        None => {
            out.null();
            Ok(())
        }
    }
}

pub(super) const OBJECT_ENCODING: CommandSpec = CommandSpec {
    facts: Facts { name: "object|encoding", summary: "Names how a value is represented", ..ON_KEY },
    handler: object_encoding,
};

fn object_encoding(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    tell(ctx, args[2], out, |entry, out| {
        out.bulk(entry.encoding().name().as_bytes());
        Ok(())
    })
}

pub(super) const OBJECT_FREQ: CommandSpec = CommandSpec {
    facts: Facts {
        name: "object|freq",
        since: "4.0.0",
        summary: "Tells how often a key is used, on a logarithmic scale",
        ..ON_KEY
    },
    handler: object_freq,
};

fn object_freq(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (now, config): (_, CoreConfig) = (ctx.now, ctx.config().clone());
    tell(ctx, args[2], out, |entry, out| {
        if config.tracking != Tracking::Lfu {
            return Err(CommandError::text(
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
                 switching between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        out.integer(entry.frequency(now, &config).into());
        Ok(())
    })
}

pub(super) const OBJECT_IDLETIME: CommandSpec = CommandSpec {
    facts: Facts {
        name: "object|idletime",
        summary: "Tells for how many seconds a key has not been used",
        ..ON_KEY
    },
    handler: object_idletime,
};

fn object_idletime(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (now, tracking) = (ctx.now, ctx.config().tracking);
    tell(ctx, args[2], out, |entry, out| {
        if tracking == Tracking::Lfu {
            return Err(CommandError::text(
                "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
                 between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        out.integer(entry.idle_seconds(now).into());
        Ok(())
    })
}

pub(super) const OBJECT_REFCOUNT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "object|refcount",
        summary: "Tells how many references the value at a key has",
        ..ON_KEY
    },
    handler: object_refcount,
};

fn object_refcount(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let shares_integers = ctx.config().shares_integers;
    tell(ctx, args[2], out, |entry, out| {
        out.integer(reference_count(entry, shares_integers));
        Ok(())
    })
}

/// No value is shared here; small integers answer as Redis's shared ones, which tests of clients rely on: those that it would make
/// under the present settings, and did not copy from another key.
pub(in crate::command) fn reference_count(entry: &Entry, shares_integers: bool) -> i64 {
    match entry.string() {
        Some(StringRef::Integer(0..SHARED_INTEGERS)) if shares_integers && !entry.has_own_integer() => {
            SHARED_REFERENCES
        }
        _ => 1,
    }
}
