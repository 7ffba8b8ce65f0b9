//! Commands on whole databases: DBSIZE, FLUSHDB, FLUSHALL and SWAPDB.
//!
//! Those that change databases take all stores in hand instead of running in parts: their effect is one record in the
//! log, and must not be repeated for each shard (SWAPDB twice is no SWAPDB) nor be overtaken by another shard's later
//! writes. That costs little: emptying a database only puts its contents aside, to be freed later.

use super::FAMILY;
use crate::catalog::Cataloged;
use crate::command::options::existing_db;
use crate::command::spec::{Arg, Categories, CommandSpec, Facts, Flags, Merge, Route, Traits};
use crate::context::Ctx;
use crate::db::DbIndex;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::store::Keyspace;

pub(super) const DBSIZE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "dbsize",
        arity: 1,
        flags: Flags::READONLY.with(Flags::FAST),
        categories: Categories::KEYSPACE,
        route: Route::AllShards(Merge::Sum),
        since: "1.0.0",
        summary: "Counts the keys of the database",
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        ..FAMILY
    },
    handler: dbsize,
};

fn dbsize(ctx: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let mut count = 0;
    ctx.each_keyspace(|keyspace| count += keyspace.len());
    out.integer(i64::try_from(count).expect("keys in memory are fewer than 2^63"));
    Ok(())
}

/// What FLUSHDB and FLUSHALL have in common.
const FLUSHING: Facts = Facts {
    arity: -1,
    flags: Flags::WRITE,
    traits: Traits::FREES_FIRST,
    categories: Categories::KEYSPACE.with(Categories::DANGEROUS),
    route: Route::LendAll,
    since: "1.0.0",
    complexity: "O(1); the keys are freed later, piece by piece",
    args: &[Arg::one_of(
        "flush-type",
        &[Arg::word("async", "ASYNC").since("4.0.0"), Arg::word("sync", "SYNC").since("6.2.0")],
    )
    .optional()],
    history: &[("4.0.0", "Option `ASYNC`"), ("6.2.0", "Option `SYNC`")],
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    ..FAMILY
};

pub(super) const FLUSHDB: CommandSpec = CommandSpec {
    facts: Facts { name: "flushdb", summary: "Deletes all keys of the database", ..FLUSHING },
    handler: flushdb,
};

fn flushdb(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    check_flush_type(&args[1..])?;
    let db = ctx.db.0;
    flush(ctx, db..db + 1);
    out.ok();
    Ok(())
}

pub(super) const FLUSHALL: CommandSpec = CommandSpec {
    facts: Facts { name: "flushall", summary: "Deletes all keys of all databases", ..FLUSHING },
    handler: flushall,
};

fn flushall(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    check_flush_type(&args[1..])?;
    let database_count = ctx.config().database_count;
    flush(ctx, 0..database_count);
    out.ok();
    Ok(())
}

/// Both ways of flushing free lazily. Whoever serves the client knows whether to answer before that is done.
fn check_flush_type(options: &[&[u8]]) -> CommandResult {
    match options {
        [] => Ok(()),
        [way] if way.eq_ignore_ascii_case(b"ASYNC") || way.eq_ignore_ascii_case(b"SYNC") => Ok(()),
        _ => Err(CommandError::Syntax),
    }
}

/// Empties databases. What is declared of keys goes with those of the first one, which it is about, as in Redis.
fn flush(ctx: &mut Ctx<'_>, databases: std::ops::Range<u16>) {
    let (now, no_touch) = (ctx.now, ctx.no_touch);
    if databases.contains(&0) {
        let mut catalogs = Cataloged::among(ctx.services).peekable();
        let is_any = catalogs.peek().is_some();
        // Declarations that go are a change, whether there are keys or not.
        let mut declared = 0;
        catalogs.for_each(|catalog| {
            declared += u64::from(catalog.dump().is_some());
            catalog.clear();
        });
        ctx.journal.changed(declared);
        if is_any {
            ctx.each_store(|store, _| store.abandon());
        }
    }
    ctx.each_store(|store, journal| {
        for db in databases.clone().map(DbIndex) {
            let removed = Keyspace::new(store, journal, db, now, no_touch).clear();
            journal.changed(removed as u64);
        }
    });
    ctx.note_flush();
}

pub(super) const SWAPDB: CommandSpec = CommandSpec {
    facts: Facts {
        name: "swapdb",
        arity: 3,
        flags: Flags::WRITE.with(Flags::FAST),
        categories: Categories::KEYSPACE.with(Categories::DANGEROUS),
        route: Route::LendAll,
        since: "4.0.0",
        summary: "Exchanges the contents of two databases",
        complexity: "O(N) with N clients that watch keys or wait for keys of either database",
        args: &[Arg::integer("index1"), Arg::integer("index2")],
        ..FAMILY
    },
    handler: swapdb,
};

fn swapdb(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let first = parse_index(args[1], "ERR invalid first DB index")?;
    let second = parse_index(args[2], "ERR invalid second DB index")?;
    let (first, second) = (existing_db(first, ctx.config())?, existing_db(second, ctx.config())?);
    let now = ctx.now;
    ctx.each_store(|store, _| store.swap_databases(first, second, now));
    ctx.journal.changed(1);
    out.ok();
    Ok(())
}

fn parse_index(text: &[u8], refusal: &'static str) -> CommandResult<i64> {
    let index = parse_i64(text).and_then(|index| i32::try_from(index).ok());
    index.map(i64::from).ok_or(CommandError::text(refusal))
}
