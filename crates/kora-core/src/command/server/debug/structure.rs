//! DEBUG subcommands that describe how keys and values lie: OBJECT, LISTPACK, QUICKLIST, HTSTATS, HTSTATS-KEY.

use std::fmt::Write as _;

use super::{HIDDEN, ON_KEY, unknown};
use crate::command::generic::object::reference_count;
use crate::command::spec::{CommandSpec, Facts, Route};
use crate::context::Ctx;
use crate::db::DbIndex;
use crate::entry::{Encoding, Entry};
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::rdb::{self, Style};
use crate::reply::Reply;
use crate::types::{
    self,
    list::{Figures, quicklist_figures},
};

pub(in crate::command::server) const DEBUG_OBJECT: CommandSpec =
    CommandSpec { facts: Facts { name: "debug|object", ..ON_KEY }, handler: debug_object };

/// Has no address to show, so that runs from one seed reply alike.
fn debug_object(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _, key] = *args else { return Err(unknown(args)) };
    let (now, shares_integers) = (ctx.now, ctx.config().shares_integers);
    let compress = ctx.config().compresses_dumps;
    let mut keyspace = ctx.keyspace(key);
    let entry = keyspace.peek(key).ok_or(CommandError::NoSuchKey)?;
    let idle_seconds = entry.idle_seconds(now);
    // The clock of last use has 24 bits.
    let last_use = (now.seconds() - i64::from(idle_seconds)) & 0xFF_FFFF;
    out.simple(&format!(
        "Value at:0x000000000000 refcount:{} encoding:{} serializedlength:{} lru:{last_use} \
         lru_seconds_idle:{idle_seconds}{}",
        reference_count(entry, shares_integers),
        entry.encoding().name(),
        serialized_bytes(entry, compress),
        (types::type_of(entry).debug)(entry),
    ));
    Ok(())
}

/// Bytes of a value in an RDB file, behind the byte that says how it lies there. Deadlines of fields count as they stand now.
fn serialized_bytes(entry: &Entry, compress: bool) -> usize {
    let mut bytes = Vec::new();
    rdb::write_value(entry, Style { compress }, &mut bytes);
    bytes.len().saturating_sub(1)
}

/// Describes the value at `key`.
fn describe<T>(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    refusal: &'static str,
    describe: impl Fn(&Entry) -> Option<T>,
) -> CommandResult<T> {
    let mut keyspace = ctx.keyspace(key);
    let entry = keyspace.peek(key).ok_or(CommandError::NoSuchKey)?;
    describe(entry).ok_or(CommandError::text(refusal))
}

pub(in crate::command::server) const DEBUG_LISTPACK: CommandSpec =
    CommandSpec { facts: Facts { name: "debug|listpack", ..ON_KEY }, handler: debug_listpack };

/// Where Redis prints the structure on its standard output, the reply describes it.
fn debug_listpack(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _, key] = *args else { return Err(unknown(args)) };
    let text = describe(ctx, key, "ERR Not a listpack encoded object.", |entry| {
        let is_listpack = matches!(entry.encoding(), Encoding::ListPack | Encoding::ListPackEx);
        let (count, bytes) = (entry.size(), entry.memory_bytes());
        is_listpack.then(|| format!("Listpack structure: {count} elements, {bytes} bytes in all"))
    })?;
    out.simple(&text);
    Ok(())
}

pub(in crate::command::server) const DEBUG_QUICKLIST: CommandSpec =
    CommandSpec { facts: Facts { name: "debug|quicklist", ..ON_KEY }, handler: debug_quicklist };

/// Likewise. A further argument would choose a level of detail.
fn debug_quicklist(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let ([_, _, key] | [_, _, key, _]) = *args else { return Err(unknown(args)) };
    let text = describe(ctx, key, "ERR Not a quicklist encoded object.", |entry| {
        let Figures { nodes, elements, bytes, .. } = quicklist_figures(entry)?;
        Some(format!("Quicklist structure: {nodes} nodes, {elements} elements, {bytes} bytes"))
    })?;
    out.simple(&text);
    Ok(())
}

pub(in crate::command::server) const DEBUG_HTSTATS_KEY: CommandSpec =
    CommandSpec { facts: Facts { name: "debug|htstats-key", ..ON_KEY }, handler: debug_htstats_key };

fn debug_htstats_key(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _, key, ..] = *args else { return Err(unknown(args)) };
    let refusal = "ERR The value stored at the specified key is not represented using an hash table";
    let (count, bytes) = describe(ctx, key, refusal, |entry| {
        let is_table = matches!(entry.encoding(), Encoding::HashTable | Encoding::SkipList);
        is_table.then(|| (entry.size(), entry.memory_bytes()))
    })?;
    let mut text = String::new();
    write_table(&mut text, count, bytes);
    out.verbatim("txt", text.as_bytes());
    Ok(())
}

pub(in crate::command::server) const DEBUG_HTSTATS: CommandSpec = CommandSpec {
    facts: Facts { name: "debug|htstats", route: Route::LendAll, ..HIDDEN },
    handler: debug_htstats,
};

/// The table of a database, all shards together. There is none of deadlines: they lie with their keys.
fn debug_htstats(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, _, db, ..] = *args else { return Err(unknown(args)) };
    let db = parse_i64(db).ok_or(CommandError::NotInteger)?;
    let db = u16::try_from(db).ok().filter(|db| *db < ctx.config().database_count);
    let db = DbIndex(db.ok_or(CommandError::text("ERR Out of range database"))?);
    let (mut keys, mut bytes, mut expires) = (0, 0, 0);
    ctx.each_store(|store, _| {
        let database = store.database(db);
        keys += database.len();
        bytes += database.table_bytes();
        expires += database.expires();
    });
    let mut text = "[Dictionary HT]\n".to_owned();
    write_table(&mut text, keys, bytes);
    text.push_str("[Expires HT]\n");
    if expires > 0 {
        let _ = writeln!(text, " number of elements: {expires}");
    }
    out.verbatim("txt", text.as_bytes());
    Ok(())
}

fn write_table(text: &mut String, count: usize, bytes: usize) {
    if count > 0 {
        let _ = writeln!(text, "Hash table 0 stats (main hash table):");
        let _ = writeln!(text, " table bytes: {bytes}\n number of elements: {count}");
    }
}
