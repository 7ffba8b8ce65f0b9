//! The DOC commands on the engine. One file per idea; this one holds their table and what the files share.
//!
//! A command on documents by their ids runs with the stores of their keys ([`Route::Made`]), and with all of them where a value must be unique; a command on a
//! collection as a whole with all stores. What is recorded of a write is what JSON.SET and DEL do to the key.

mod ask;
mod build;
mod collection;
mod compact;
mod delete;
mod explain;
mod find;
mod index;
mod info;
mod nearest;
mod project;
mod read;
mod update;
mod write;

use std::fmt::Display;
use std::sync::Arc;

use kora_core::command::spec::{Arg, CommandSpec, Facts, Flags, Group, Route, Traits};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::slot::Slot;

use crate::collection::Collection;
use crate::companion::{self, DB};
use crate::key;
use crate::service::Service;

/// All commands of this crate, for whoever assembles an engine.
pub const COMMANDS: &[CommandSpec] = &[
    find::COUNT,
    collection::CREATE,
    index::CREATEINDEX,
    update::DEL,
    delete::DELETE,
    info::DICTINFO,
    collection::DROP,
    index::DROPINDEX,
    read::EXISTS,
    explain::EXPLAIN,
    find::FIND,
    read::GET,
    index::INDEXES,
    info::INFO,
    write::INSERT,
    collection::LIST,
    read::MGET,
    write::MSET,
    write::SET,
    info::STORAGE,
    update::UPDATE,
];

const COLLECTION: Arg = Arg::string("collection");
const ID: Arg = Arg::string("id");
const JSON: Arg = Arg::string("json");
const PATH: Arg = Arg::string("path");

/// What all commands have in common.
const FAMILY: Facts = Facts {
    group: Group::Module,
    since: "1.0.0",
    key_prefix: Some(|args| args.get(1).map(|collection| key::prefix(&key::escaped(collection)))),
    ..Facts::NONE
};

/// Commands that only look at a collection as a whole.
const ASKS: Facts = Facts {
    arity: 2,
    flags: Flags::READONLY.with(Flags::MODULE),
    route: Route::LendAll,
    args: &[COLLECTION],
    ..FAMILY
};

/// Commands that go through the documents of a collection, aside if it takes long.
const ASKS_LONG: Facts = Facts { traits: Traits::STANDS_ASIDE, ..ASKS };

/// Commands that change a collection as a whole.
const DECLARES: Facts = Facts { flags: Flags::WRITE.with(Flags::MODULE), ..ASKS };

/// Commands that look at documents by their ids.
const READS: Facts = Facts {
    flags: Flags::READONLY.with(Flags::FAST).with(Flags::MODULE),
    route: Route::Made,
    slots: Some(|args, visit| each_slot(args, 1, visit)),
    ..FAMILY
};

/// Commands that change documents by their ids.
const CHANGES: Facts = Facts { flags: Flags::WRITE.with(Flags::MODULE), ..READS };

/// Commands that may make documents larger, or more. Where values must be unique, they need all stores.
const GROWS: Facts = Facts {
    flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::MODULE),
    traits: Traits::MAY_NEED_ALL,
    ..CHANGES
};

/// The slots of the documents whose ids stand behind the collection, at every `step`th place.
fn each_slot(args: &[&[u8]], step: usize, visit: &mut dyn FnMut(Slot)) {
    let Some(collection) = args.get(1) else { return };
    for id in args[2..].iter().step_by(step) {
        visit(Slot::of(&key::of(collection, id)));
    }
}

/// The slot of the only document.
fn one_slot(args: &[&[u8]], visit: &mut dyn FnMut(Slot)) {
    each_slot(&args[..args.len().min(3)], 1, visit);
}

/// A refusal in these words, on one line.
fn refusal(words: impl Display) -> CommandError {
    CommandError::Other(words.to_string().replace(['\r', '\n'], " ").into())
}

/// What collections share.
///
/// # Errors
/// If the engine offers none, or another database is selected than that of documents.
fn service(ctx: &Ctx<'_>) -> CommandResult<Arc<Service>> {
    check_database(ctx)?;
    let service: Option<&Arc<Service>> = ctx.services.get();
    service.cloned().ok_or(CommandError::text("ERR collections are not available in this engine"))
}

fn check_database(ctx: &Ctx<'_>) -> CommandResult {
    if ctx.db == DB {
        return Ok(());
    }
    Err(CommandError::text("ERR collections are in database 0 only: SELECT 0 first"))
}

/// The words in which a collection is unknown.
fn unknown(name: &[u8]) -> CommandError {
    refusal(format_args!("ERR unknown collection '{}'", name.escape_ascii()))
}

/// The collection of a name, with all stores in hand.
fn collection_of(ctx: &Ctx<'_>, name: &[u8]) -> CommandResult<Arc<Collection>> {
    service(ctx)?.find(name).ok_or_else(|| unknown(name))
}

/// The collection of a name, as the store of one of its documents knows it.
fn collection_at(ctx: &mut Ctx<'_>, name: &[u8], key: &[u8]) -> CommandResult<Arc<Collection>> {
    check_database(ctx)?;
    let escaped = key::escaped(name);
    let found = companion::with_part(ctx.store_of(key), |part, _| {
        part.find(&escaped).map(|part| Arc::clone(&part.collection))
    });
    found.flatten().ok_or_else(|| unknown(name))
}

/// Has a command run with all stores in hand if values of its documents must be unique. Returns whether it will run again.
///
/// # Errors
/// If it may not put itself off.
fn needs_all(ctx: &mut Ctx<'_>, collection: &Collection) -> CommandResult<bool> {
    if !collection.has_unique() || ctx.has_all() {
        return Ok(false);
    }
    if ctx.defer_to_all() {
        return Ok(true);
    }
    Err(CommandError::text("ERR a value must be unique over all shards, which are not at hand here"))
}

/// Whether the argument is the word, in any case.
fn is_word(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}

/// A count as replies have it.
fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
