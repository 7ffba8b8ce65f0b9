//! DEBUG subcommands on keys and stores, and those that only reply, which test suites of clients and servers call.
//!
//! Redis knows DEBUG as one command. Here each subcommand is a declaration of its own, hidden from COMMAND, so that those
//! on a key reach the key's shard. They check their number of arguments themselves, because the error is DEBUG's.

mod help;
mod missing;
mod populate;
mod reply;
mod structure;

pub(super) use populate::DEBUG_POPULATE;
pub(super) use reply::{DEBUG_ERROR, DEBUG_PROTOCOL};
pub(super) use structure::{DEBUG_HTSTATS, DEBUG_HTSTATS_KEY, DEBUG_LISTPACK, DEBUG_OBJECT, DEBUG_QUICKLIST};

use super::FAMILY;
use crate::command::help::write_help;
use crate::command::spec::{CommandSpec, Facts, Flags, KeyFlags, KeySpec, Merge, Route, Traits};
use crate::config::CoreConfig;
use crate::context::Ctx;
use crate::db::DbIndex;
use crate::digest::{Detail, Digest};
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::store::Keyspace;

pub(super) const DEBUG: CommandSpec = CommandSpec {
    facts: Facts {
        name: "debug",
        is_syscmd: true,
        arity: -2,
        flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
        traits: Traits::DEBUG,
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
const ON_KEY: Facts = Facts { keys: &[KeySpec::one(KeyFlags::RO, 2)], ..HIDDEN };

/// Reached with subcommands that are not declared.
fn debug(_: &mut Ctx<'_>, args: &[&[u8]], _: &mut dyn Reply) -> CommandResult {
    Err(missing::refusal(args[1]).unwrap_or_else(|| unknown(args)))
}

#[cold]
fn unknown(args: &[&[u8]]) -> CommandError {
    CommandError::DebugSubcommand(crate::text::of(args[1]).into_owned())
}

pub(super) const DEBUG_HELP: CommandSpec =
    CommandSpec { facts: Facts { name: "debug|help", ..HIDDEN }, handler: debug_help };

fn debug_help(_: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _] = *args else { return Err(unknown(args)) };
    write_help(out, args, help::LINES);
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
    facts: Facts { name: "debug|digest-value", keys: &[KeySpec::range(KeyFlags::RO, 2, -1, 1)], ..HIDDEN },
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

pub(super) const DEBUG_SET_ACTIVE_EXPIRE: CommandSpec = CommandSpec {
    facts: Facts { name: "debug|set-active-expire", route: Route::AllShards(Merge::First), ..HIDDEN },
    handler: debug_set_active_expire,
};

fn debug_set_active_expire(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    switch(ctx, args, out, |config| &mut config.active_expire)
}

pub(super) const DEBUG_SET_SKIP_CHECKSUM_VALIDATION: CommandSpec = CommandSpec {
    facts: Facts {
        name: "debug|set-skip-checksum-validation",
        route: Route::AllShards(Merge::First),
        ..HIDDEN
    },
    handler: debug_set_skip_checksum_validation,
};

fn debug_set_skip_checksum_validation(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    out: &mut dyn Reply,
) -> CommandResult {
    switch(ctx, args, out, |config| &mut config.skips_checksums)
}

/// Switches something on all shards. Anything that is not a number other than 0 means off, as in Redis.
fn switch(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    out: &mut dyn Reply,
    field: fn(&mut CoreConfig) -> &mut bool,
) -> CommandResult {
    let [_, _, switch] = *args else { return Err(unknown(args)) };
    let is_on = parse_i64(switch).is_some_and(|number| number != 0);
    ctx.each_store(|store, _| {
        let mut config = store.config().clone();
        *field(&mut config) = is_on;
        store.set_config(config);
    });
    out.ok();
    Ok(())
}
