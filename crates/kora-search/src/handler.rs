//! The FT commands on the engine: from arguments to declarations, parts of indexes in the stores, and replies. One file per idea; this one holds
//! their table and what the files share.
//!
//! All of them begin with all stores in hand ([`Route::LendAll`]), so that a query sees one moment of all shards, in transactions and scripts
//! too. What takes long goes on aside: queries ([`ask`]) and builds of indexes ([`build`]). Replies and errors are RediSearch's.

mod aggregate;
mod alias;
mod ask;
mod build;
mod config;
mod create;
mod cursor;
mod document;
mod drop;
mod explain;
mod hybrid;
mod info;
mod load;
mod pause;
mod profile;
mod question;
mod search;
mod shape;
mod spell;
mod suggest;
pub(crate) mod temporary;
mod words;

use std::fmt::Display;
use std::sync::Arc;

use kora_core::command::spec::{CommandSpec, Facts, Flags, Group, Route, Traits};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use crate::service::{Declaration, Service};

/// All commands of this crate, for whoever assembles an engine.
pub const COMMANDS: &[CommandSpec] = &[
    aggregate::AGGREGATE,
    alias::ALIASADD,
    alias::ALIASADD_IF_NEW,
    alias::ALIASDEL,
    alias::ALIASDEL_IF_THERE,
    alias::ALIASUPDATE,
    create::ALTER,
    create::ALTER_IF_NEW,
    config::CONFIG,
    create::CREATE,
    create::CREATE_IF_NEW,
    cursor::CURSOR,
    document::DEL,
    words::DICTADD,
    words::DICTDEL,
    words::DICTDUMP,
    drop::DROPINDEX,
    drop::DROPINDEX_IF_THERE,
    explain::EXPLAIN,
    explain::EXPLAINCLI,
    document::GET,
    hybrid::HYBRID,
    info::INFO,
    info::LIST,
    document::MGET,
    profile::PROFILE,
    search::SEARCH,
    spell::SPELLCHECK,
    suggest::SUGADD,
    suggest::SUGDEL,
    suggest::SUGGET,
    suggest::SUGLEN,
    words::SYNDUMP,
    words::SYNUPDATE,
    words::TAGVALS,
];

/// What all commands have in common. RediSearch declares no arities and counts arguments when a command runs.
const FAMILY: Facts =
    Facts { arity: -1, route: Route::LendAll, group: Group::Module, since: "1.0.0", ..Facts::NONE };

/// Commands that only look.
const READS: Facts = Facts { flags: Flags::READONLY.with(Flags::MODULE), ..FAMILY };

/// Commands that look, and go on aside if that takes long.
const SEARCHES: Facts = Facts { traits: Traits::STANDS_ASIDE, ..READS };

/// Commands that change what is declared.
const CHANGES: Facts = Facts { flags: Flags::WRITE.with(Flags::MODULE), ..FAMILY };

/// Commands that build indexes, aside if that takes long.
const BUILDS: Facts = Facts { traits: Traits::STANDS_ASIDE, ..GROWS };

/// Commands that declare more.
const GROWS: Facts = Facts { flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::MODULE), ..FAMILY };

/// A refusal in these words, on one line.
fn refusal(words: impl Display) -> CommandError {
    CommandError::Other(words.to_string().replace(['\r', '\n'], " ").into())
}

/// What is wrong with arguments, as a refusal.
fn of_arguments(error: crate::command::ArgumentError) -> CommandError {
    match error {
        crate::command::ArgumentError::Arity(name) => CommandError::Arity(name.into()),
        other => refusal(other),
    }
}

/// Refuses more or fewer arguments, the name not included.
fn exactly<'a, const N: usize>(args: &'a [&'a [u8]], name: &'static str) -> CommandResult<&'a [&'a [u8]; N]> {
    args[1..].try_into().map_err(|_| CommandError::Arity(name.into()))
}

/// What searches share.
///
/// # Errors
/// If the engine offers none.
fn service(ctx: &Ctx<'_>) -> CommandResult<Arc<Service>> {
    let service: Option<&Arc<Service>> = ctx.services.get();
    service.cloned().ok_or(CommandError::text("ERR searches are not available in this engine"))
}

/// The index of a name or an alias, which is counted as used.
///
/// # Errors
/// If there is none, or the client may not read all that it holds.
fn index_of(
    ctx: &Ctx<'_>,
    service: &Service,
    name: &[u8],
    refused: impl FnOnce() -> CommandError,
) -> CommandResult<Arc<Declaration>> {
    let index = service.find(name).ok_or_else(refused)?;
    ctx.permit_index(&index.schema.prefixes, false)?;
    index.counters.note_use(ctx.now);
    Ok(index)
}

/// The words in which most commands say that there is no such index.
const UNKNOWN: CommandError = CommandError::text("Unknown index name");
/// The words in which some others do.
const UNKNOWN_INDEX: CommandError = CommandError::text("Unknown Index name");

/// A simple string, whatever is in it.
fn write_word(out: &mut dyn Reply, word: &str) {
    out.simple(&word.replace(['\r', '\n'], " "));
}

/// Whether the arguments have the word, in any case.
fn is_word(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}
