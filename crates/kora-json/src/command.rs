//! The commands on JSON values, one file per idea. This one holds their table and what the files share.
//!
//! Replies and errors are RedisJSON's. A path of the dialect of `$` is answered with an array, a result for each value it finds; a legacy path
//! with one result, or an error where there is none.

mod array;
mod array_change;
mod clear;
mod debug;
mod delete;
mod format;
mod get;
mod measure;
mod multi;
mod number;
mod resp;
mod set;
mod string;
#[cfg(test)]
mod tests;
mod update;

use std::fmt::Display;

use kora_core::command::spec::{Arg, CommandSpec, Facts, Flags, Group, KeyFlags, KeySpec};
use kora_core::error::{CommandError, CommandResult};
use kora_core::store::Keyspace;
use kora_core::store::extension::ExtensionMut;

use crate::data_type::Json;
use crate::path::Path;

/// All commands of this crate, for whoever assembles an engine.
pub const COMMANDS: &[CommandSpec] = &[
    array_change::ARRAPPEND,
    array::ARRINDEX,
    array_change::ARRINSERT,
    measure::ARRLEN,
    array_change::ARRPOP,
    array_change::ARRTRIM,
    clear::CLEAR,
    debug::DEBUG,
    delete::DEL,
    delete::FORGET,
    get::GET,
    set::MERGE,
    multi::MGET,
    multi::MSET,
    number::NUMINCRBY,
    number::NUMMULTBY,
    number::NUMPOWBY,
    measure::OBJKEYS,
    measure::OBJLEN,
    resp::RESP,
    set::SET,
    string::STRAPPEND,
    measure::STRLEN,
    string::TOGGLE,
    measure::TYPE,
];

/// What all commands have in common. RedisJSON declares no arities and counts arguments when a command runs.
const FAMILY: Facts = Facts { arity: -1, group: Group::Module, since: "1.0.0", ..Facts::NONE };

/// Commands that read the value of one key.
const READS: Facts = Facts {
    flags: Flags::READONLY.with(Flags::MODULE),
    keys: &[KeySpec::one(KeyFlags::RO.access(), 1)],
    ..FAMILY
};

/// Commands that change the value of one key and don't make it larger.
const CHANGES: Facts = Facts {
    flags: Flags::WRITE.with(Flags::MODULE),
    keys: &[KeySpec::one(KeyFlags::RW.access().update(), 1)],
    ..FAMILY
};

/// Commands that change the value of one key and may make it larger.
const GROWS: Facts = Facts { flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::MODULE), ..CHANGES };

/// A path that may be left out.
const OPTIONAL_PATH: Arg = Arg::string("path").optional();

/// The path where none is given.
const ROOT: &[u8] = b".";

const NO_KEY: CommandError =
    CommandError::text("ERR could not perform this operation on a key that doesn't exist");

/// Refuses fewer arguments, the name included, than a command needs.
fn at_least(args: &[&[u8]], least: usize, name: &'static str) -> CommandResult {
    if args.len() < least { Err(CommandError::Arity(name.into())) } else { Ok(()) }
}

/// A refusal in these words, on one line.
fn refusal(words: impl Display) -> CommandError {
    CommandError::Other(words.to_string().replace(['\r', '\n'], " ").into())
}

/// An argument as text.
fn utf8(arg: &[u8]) -> CommandResult<&str> {
    std::str::from_utf8(arg).map_err(|_| CommandError::text("Couldn't parse as UTF-8 string"))
}

/// An argument as a path.
fn path_of(arg: &[u8]) -> CommandResult<Path> {
    Path::parse(utf8(arg)?).map_err(refusal)
}

/// An argument as a path; none, if it is wrong and of the legacy dialect: some commands find nothing there.
fn path_unless_wrong(arg: &[u8]) -> CommandResult<Option<Path>> {
    let text = utf8(arg)?;
    match Path::parse(text) {
        Err(_) if Path::is_legacy_text(text) => Ok(None),
        parsed => parsed.map(Some).map_err(refusal),
    }
}

/// An argument as an integer, as Redis writes it: without a plus sign or zeros in front.
fn integer_of(arg: &[u8]) -> CommandResult<i64> {
    let text = std::str::from_utf8(arg).ok();
    let number = text.and_then(|text| text.parse::<i64>().ok().filter(|number| number.to_string() == text));
    number.ok_or(CommandError::text("Couldn't parse as integer"))
}

/// An argument as the run of a JSON value; what stands behind it is passed over.
fn run_of(arg: &[u8]) -> CommandResult<Vec<u8>> {
    crate::parse::parse(utf8(arg)?).map_err(refusal)
}

/// An argument as the run of a JSON value, with nothing behind it.
fn whole_run_of(arg: &[u8]) -> CommandResult<Vec<u8>> {
    crate::parse::parse_all(utf8(arg)?).map_err(|error| refusal(format_args!("ERR {error}")))
}

/// Words a wrong type as RedisJSON does.
fn of_json(error: CommandError) -> CommandError {
    match error {
        CommandError::WrongType => CommandError::text("Existing key has wrong Redis type"),
        other => other,
    }
}

/// The value of a key, for reading.
fn read<'k>(keyspace: &'k mut Keyspace<'_>, key: &[u8]) -> CommandResult<Option<&'k Json>> {
    keyspace.read_extension(key).map_err(of_json)
}

/// The value of a key, for modification.
fn write<'k>(keyspace: &'k mut Keyspace<'_>, key: &[u8]) -> CommandResult<Option<ExtensionMut<'k, Json>>> {
    keyspace.write_extension(key).map_err(of_json)
}

/// A path that finds nothing.
fn no_path(text: &str) -> CommandError {
    refusal(format_args!("ERR Path '{text}' does not exist"))
}

/// A path that finds nothing, or nothing of the type.
fn no_path_or(text: &str, what: &str) -> CommandError {
    refusal(format_args!("ERR Path '{text}' does not exist or {what}"))
}

/// A value of another type than the command works on.
fn wrong_type(expected: &str, found: &str) -> CommandError {
    refusal(format_args!("WRONGTYPE wrong type of path value - expected {expected} but found {found}"))
}

/// A number of things, as replies have it.
fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Answers a text of JSON.
fn bulk_text(out: &mut dyn kora_core::reply::Reply, value: crate::packed::Value<'_>) {
    out.bulk_owned(crate::text::of(value));
}

/// The answers to a path, one for each value: an array, or the first one.
fn answer<T>(
    out: &mut dyn kora_core::reply::Reply,
    path: &Path,
    results: Vec<T>,
    one: impl Fn(&mut dyn kora_core::reply::Reply, T),
) {
    if path.is_legacy() {
        match results.into_iter().next() {
            Some(result) => one(out, result),
            None => out.null(),
        }
        return;
    }
    out.array(results.len());
    results.into_iter().for_each(|result| one(out, result));
}

impl From<crate::path::TooMuch> for CommandError {
    fn from(error: crate::path::TooMuch) -> Self {
        refusal(error)
    }
}
