//! DEBUG subcommands on keys and stores, and those that only reply, which test suites of clients and servers call.
//!
//! Redis knows DEBUG as one command. Here each subcommand is a declaration of its own, hidden from COMMAND, so that those
//! on a key reach the key's shard. They check their number of arguments themselves, because the error is DEBUG's.

mod reply;

pub(super) use reply::{DEBUG_ERROR, DEBUG_PROTOCOL};

use super::FAMILY;
use crate::command::generic::object::reference_count;
use crate::command::help::write_help;
use crate::command::spec::{CommandSpec, Facts, Flags, KeySpec, Merge, Route};
use crate::config::CoreConfig;
use crate::context::Ctx;
use crate::digest::{Detail, Digest};
use crate::error::{CommandError, CommandResult};
use crate::glob;
use crate::keyspace::Keyspace;
use crate::keyspace::entry::StringRef;
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::shard::store::DbIndex;
use crate::types::list::{Figures, quicklist_figures};

/// Longest text that DEBUG STRINGMATCH-LEN tries.
const MATCHED_BYTES_MAX: usize = 1 << 20;

pub(super) const DEBUG: CommandSpec = CommandSpec {
    facts: Facts {
        name: "debug",
        is_syscmd: true,
        arity: -2,
        flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
        since: "1.0.0",
        summary: "Container of commands for tests",
        complexity: "Depends on the subcommand",
        ..FAMILY
    },
    handler: debug,
};

/// What the hidden subcommands have in common.
const HIDDEN: Facts = Facts { hidden: true, ..DEBUG.facts };
/// What the hidden subcommands on a key have in common.
const ON_KEY: Facts = Facts { keys: &[KeySpec::one(&["RO"], 2)], ..HIDDEN };

/// Reached with subcommands that are not declared.
fn debug(_: &mut Ctx<'_>, args: &[&[u8]], _: &mut dyn Reply) -> CommandResult {
    Err(unknown(args))
}

#[cold]
fn unknown(args: &[&[u8]]) -> CommandError {
    CommandError::DebugSubcommand(String::from_utf8_lossy(args[1]).into_owned())
}

pub(super) const DEBUG_HELP: CommandSpec =
    CommandSpec { facts: Facts { name: "debug|help", ..HIDDEN }, handler: debug_help };

fn debug_help(_: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _] = *args else { return Err(unknown(args)) };
    write_help(
        out,
        "DEBUG",
        &[
            "DIGEST",
            "    Reply with a digest of all data.",
            "DIGEST-VALUE <key> [<key> ...]",
            "    Reply with digests of the values at these keys.",
            "ERROR <text>",
            "    Reply with <text> as an error.",
            "HTSTATS-KEY <key>",
            "    Describe the hash table of the value at <key>.",
            "LISTPACK <key>",
            "    Describe the listpack of the value at <key>.",
            "OBJECT <key>",
            "    Describe how the value at <key> is stored.",
            "PANIC [<thread>]",
            "    Crash the server simulating a panic, in a thread of that name if one is given.",
            "PROTOCOL <type>",
            "    Reply with a value of <type>: string, integer, double, bignum, null, array,",
            "    set, map, attrib, push, verbatim, true, false.",
            "QUICKLIST <key>",
            "    Describe the quicklist of the value at <key>.",
            "SET-ACTIVE-EXPIRE <0|1>",
            "    Stop (0) or resume (1) the deletion of expired keys that nobody asks for.",
            "STRINGMATCH-LEN <len> <pattern>",
            "    Tell whether <pattern> matches <len> times the letter a.",
        ],
    );
    Ok(())
}

pub(super) const DEBUG_DIGEST: CommandSpec = CommandSpec {
    facts: Facts { name: "debug|digest", route: Route::LendAll, ..HIDDEN },
    handler: debug_digest,
};

fn debug_digest(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _] = *args else { return Err(unknown(args)) };
    let (now, database_count) = (ctx.now, ctx.config().database_count);
    let mut databases = Vec::new();
    for db in (0..database_count).map(DbIndex) {
        let (mut digest, mut keys) = (Digest::default(), 0);
        ctx.each_store(|store, journal| {
            let mut keyspace = Keyspace::new(store, journal, db, now, true);
            digest.merge(Digest::of_keys(&mut keyspace, Detail::AsRedis));
            keys += keyspace.len();
        });
        if keys > 0 {
            databases.push((db, digest));
        }
    }
    out.simple(&Digest::of_databases(databases).to_hex());
    Ok(())
}

pub(super) const DEBUG_DIGEST_VALUE: CommandSpec = CommandSpec {
    facts: Facts { name: "debug|digest-value", keys: &[KeySpec::range(&["RO"], 2, -1, 1)], ..HIDDEN },
    handler: debug_digest_value,
};

fn debug_digest_value(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let keys = &args[2..];
    out.array(keys.len());
    for key in keys {
        let mut keyspace = ctx.keyspace(key);
        let digest = keyspace.peek(key).map(|entry| Digest::of_value(entry, Detail::AsRedis));
        out.simple(&digest.unwrap_or_default().to_hex());
    }
    Ok(())
}

pub(super) const DEBUG_OBJECT: CommandSpec =
    CommandSpec { facts: Facts { name: "debug|object", ..ON_KEY }, handler: debug_object };

/// Has no address to show, so that runs from one seed reply alike; the length is that without compression.
fn debug_object(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _, key] = *args else { return Err(unknown(args)) };
    let now = ctx.now;
    let mut keyspace = ctx.keyspace(key);
    let entry = keyspace.peek(key).ok_or(CommandError::NoSuchKey)?;
    let idle_seconds = entry.idle_seconds(now);
    // The clock of last use has 24 bits.
    let last_use = (now.seconds() - i64::from(idle_seconds)) & 0xFF_FFFF;
    out.simple(&format!(
        "Value at:0x000000000000 refcount:{} encoding:{} serializedlength:{} lru:{last_use} \
         lru_seconds_idle:{idle_seconds}{}",
        reference_count(entry),
        entry.encoding().name(),
        entry.string().map_or(0, serialized_bytes),
        quicklist_figures(entry).map_or_else(String::new, describe_quicklist),
    ));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "an average for people to read")]
fn describe_quicklist(figures: Figures) -> String {
    let Figures { nodes, elements, bytes, fill } = figures;
    let average = elements as f64 / nodes as f64;
    format!(
        " ql_nodes:{nodes} ql_avg_node:{average:.2} ql_listpack_max:{fill} ql_compressed:0 \
         ql_uncompressed_size:{bytes}"
    )
}

/// Bytes of a string in an RDB file, its length included.
fn serialized_bytes(value: StringRef<'_>) -> usize {
    match value {
        StringRef::Integer(number) => match number {
            -0x80..=0x7F => 2,
            -0x8000..=0x7FFF => 3,
            -0x8000_0000..=0x7FFF_FFFF => 5,
            _ => 1 + itoa::Buffer::new().format(number).len(),
        },
        StringRef::Bytes(bytes) => match bytes.len() {
            0..=11 if parse_i64(bytes).is_some_and(|number| i32::try_from(number).is_ok()) => {
                serialized_bytes(StringRef::Integer(parse_i64(bytes).unwrap_or_default()))
            }
            len @ 0..=0x3F => 1 + len,
            len @ 0x40..=0x3FFF => 2 + len,
            len => 5 + len,
        },
    }
}

/// Refuses with `text` unless there is no such key. Further arguments would choose a level of detail.
fn refuse_encoding(ctx: &mut Ctx<'_>, args: &[&[u8]], text: &'static str) -> CommandResult {
    let [_, _, key, ..] = *args else { return Err(unknown(args)) };
    ctx.keyspace(key).peek(key).ok_or(CommandError::NoSuchKey)?;
    Err(CommandError::text(text))
}

pub(super) const DEBUG_LISTPACK: CommandSpec =
    CommandSpec { facts: Facts { name: "debug|listpack", ..ON_KEY }, handler: debug_listpack };

fn debug_listpack(ctx: &mut Ctx<'_>, args: &[&[u8]], _: &mut dyn Reply) -> CommandResult {
    if args.len() > 3 {
        return Err(unknown(args));
    }
    refuse_encoding(ctx, args, "ERR Not a listpack encoded object.")
}

pub(super) const DEBUG_QUICKLIST: CommandSpec =
    CommandSpec { facts: Facts { name: "debug|quicklist", ..ON_KEY }, handler: debug_quicklist };

fn debug_quicklist(ctx: &mut Ctx<'_>, args: &[&[u8]], _: &mut dyn Reply) -> CommandResult {
    refuse_encoding(ctx, args, "ERR Not a quicklist encoded object.")
}

pub(super) const DEBUG_HTSTATS_KEY: CommandSpec =
    CommandSpec { facts: Facts { name: "debug|htstats-key", ..ON_KEY }, handler: debug_htstats_key };

fn debug_htstats_key(ctx: &mut Ctx<'_>, args: &[&[u8]], _: &mut dyn Reply) -> CommandResult {
    let text = "ERR The value stored at the specified key is not represented using an hash table";
    refuse_encoding(ctx, args, text)
}

pub(super) const DEBUG_SET_ACTIVE_EXPIRE: CommandSpec = CommandSpec {
    facts: Facts { name: "debug|set-active-expire", route: Route::AllShards(Merge::First), ..HIDDEN },
    handler: debug_set_active_expire,
};

/// Anything that is not a number other than 0 means off, as in Redis.
fn debug_set_active_expire(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _, switch] = *args else { return Err(unknown(args)) };
    let is_active = parse_i64(switch).is_some_and(|number| number != 0);
    ctx.each_store(|store, _| {
        let config = CoreConfig { active_expire: is_active, ..store.config().clone() };
        store.set_config(config);
    });
    out.ok();
    Ok(())
}

pub(super) const DEBUG_STRINGMATCH_LEN: CommandSpec =
    CommandSpec { facts: Facts { name: "debug|stringmatch-len", ..HIDDEN }, handler: debug_stringmatch_len };

/// `<len> <pattern>`: whether `len` times the letter `a` matches. Tries hostile patterns without storing a key.
fn debug_stringmatch_len(_: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _, len, pattern] = *args else { return Err(unknown(args)) };
    let len = parse_i64(len).and_then(|len| usize::try_from(len).ok()).ok_or(CommandError::NotInteger)?;
    if len > MATCHED_BYTES_MAX {
        return Err(CommandError::StringTooLong);
    }
    out.integer(glob::matches(pattern, &b"a".repeat(len)).into());
    Ok(())
}
