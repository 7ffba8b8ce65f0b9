//! SORT and SORT_RO: the elements of a list, set or sorted set in order, with values looked up for them.
//!
//! `BY` and `GET` patterns name keys by the elements of another key. So nobody can tell beforehand where those keys live,
//! and the command takes all stores ([`Route::Patterns`]); without such patterns only those of the keys given.

mod elements;
mod options;
mod order;
mod pattern;
#[cfg(test)]
mod tests;

use super::spec::{
    Arg, ArgType, BeginSearch, Categories, CommandSpec, Facts, FindKeys, Flags, Group, KeyFlags, KeySpec,
    Route,
};
use super::texts::Texts;
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::Reply;
use elements::Elements;
use options::Options;
use pattern::Reader;

/// The commands.
pub const COMMANDS: &[CommandSpec] = &[SORT, SORT_RO];

/// Elements in one effect of SORT with STORE.
const EFFECT_ELEMENTS: usize = 1024;

const CATEGORIES: Categories =
    Categories::SET.with(Categories::SORTEDSET).with(Categories::LIST).with(Categories::DANGEROUS);

/// What both commands have in common.
const FAMILY: Facts = Facts {
    arity: -2,
    categories: CATEGORIES,
    route: Route::Patterns,
    group: Group::Generic,
    complexity: "O(N+M*log(M)) with N elements of which M are returned, O(N) if they are not sorted",
    ..Facts::NONE
};

const SORTED_KEY: KeySpec = KeySpec::one(KeyFlags::RO.access(), 1);
const PATTERN_KEYS: KeySpec = KeySpec {
    flags: KeyFlags::RO.access(),
    begin: BeginSearch::Unknown,
    find: FindKeys::Unknown(|_| None),
    notes: Some("Keys named by BY and GET patterns, which follow from the elements"),
};
const STORE_KEY: KeySpec = KeySpec {
    flags: KeyFlags::OW.update(),
    begin: BeginSearch::Unknown,
    find: FindKeys::Unknown(options::find_store_key),
    notes: Some("The key behind STORE, which may stand anywhere"),
};

const KEY_ARG: Arg = Arg::key("key");
const BY_ARG: Arg =
    Arg::new("by-pattern", ArgType::Pattern).display("pattern").spec(1).token("BY").optional();
const LIMIT_ARG: Arg =
    Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")]).token("LIMIT").optional();
const GET_ARG: Arg = Arg::new("get-pattern", ArgType::Pattern)
    .display("pattern")
    .spec(1)
    .token("GET")
    .optional()
    .multiple()
    .repeated_token();
const ORDER_ARG: Arg = Arg::one_of("order", &[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")]).optional();
const SORTING_ARG: Arg = Arg::word("sorting", "ALPHA").optional();

const SORT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "sort",
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::MOVABLEKEYS),
        keys: &[SORTED_KEY, PATTERN_KEYS, STORE_KEY],
        since: "1.0.0",
        summary: "Gives or stores the elements of a list, set or sorted set in order",
        args: &[
            KEY_ARG,
            BY_ARG,
            LIMIT_ARG,
            GET_ARG,
            ORDER_ARG,
            SORTING_ARG,
            Arg::key("destination").spec(2).token("STORE").optional(),
        ],
        ..FAMILY
    },
    handler: sort,
};

fn sort(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let options = Options::parse(&args[2..], &|| ctx.reads_all_keys(SORT.facts.name, args))?;
    let elements = arranged(ctx, args[1], &options)?;
    match options.store {
        None => reply(ctx, &elements, &options, out),
        Some(target) => store(ctx, target, &elements, &options, out),
    }
    Ok(())
}

const SORT_RO: CommandSpec = CommandSpec {
    facts: Facts {
        name: "sort_ro",
        flags: Flags::READONLY.with(Flags::MOVABLEKEYS),
        keys: &[SORTED_KEY, PATTERN_KEYS],
        since: "7.0.0",
        summary: "Gives the elements of a list, set or sorted set in order",
        args: &[KEY_ARG, BY_ARG, LIMIT_ARG, GET_ARG, ORDER_ARG, SORTING_ARG],
        ..FAMILY
    },
    handler: sort_ro,
};

fn sort_ro(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let options = Options::parse(&args[2..], &|| ctx.reads_all_keys(SORT_RO.facts.name, args))?;
    if options.store.is_some() {
        return Err(CommandError::Syntax);
    }
    let elements = arranged(ctx, args[1], &options)?;
    reply(ctx, &elements, &options, out);
    Ok(())
}

/// Whether the command `args` reads keys that its arguments do not name.
pub(crate) fn reads_patterns(args: &[&[u8]]) -> bool {
    args.get(2..)
        .and_then(|args| Options::parse(args, &|| true).ok())
        .is_some_and(|options| options.reads_patterns())
}

/// The elements that are asked for, in order.
fn arranged(ctx: &mut Ctx<'_>, key: &[u8], options: &Options<'_>) -> CommandResult<Elements> {
    let mut elements = Elements::load(ctx, key, options)?;
    if !elements.is_arranged {
        order::arrange(ctx, &mut elements, options)?;
    }
    Ok(elements)
}

fn reply(ctx: &mut Ctx<'_>, elements: &Elements, options: &Options<'_>, out: &mut dyn Reply) {
    out.array(elements.len() * options.gets.len().max(1));
    let mut reader = Reader::default();
    for element in elements.iter() {
        if options.gets.is_empty() {
            out.bulk(element);
        }
        for get in &options.gets {
            reader.read(ctx, get, element, |value| match value {
                Some(value) => out.bulk(value),
                None => out.null(),
            });
        }
    }
}

/// Makes `target` a list of the result, in the place of what was there; an empty result deletes it.
fn store(ctx: &mut Ctx<'_>, target: &[u8], elements: &Elements, options: &Options<'_>, out: &mut dyn Reply) {
    let mut values = Texts::default();
    let mut reader = Reader::default();
    for element in elements.iter() {
        if options.gets.is_empty() {
            values.push(element);
        }
        for get in &options.gets {
            reader.read(ctx, get, element, |value| values.push(value.unwrap_or_default()));
        }
    }
    let db = ctx.db;
    let mut keyspace = ctx.keyspace(target);
    if values.is_empty() {
        if keyspace.delete(target) {
            keyspace.changed(EventClass::GENERIC, "del", target);
        }
    } else {
        let values: Vec<&[u8]> = values.iter().collect();
        keyspace.put_list(target, &values);
        keyspace.changed(EventClass::LIST, "sortstore", target);
        keyspace.journal().changed(values.len() as u64 - 1);
        // What was read may have been about to expire: the result is recorded, not how it came about.
        keyspace.journal().effect(db, &[b"DEL", target]);
        for values in values.chunks(EFFECT_ELEMENTS) {
            let args: Vec<&[u8]> =
                [&b"RPUSH"[..], target].into_iter().chain(values.iter().copied()).collect();
            keyspace.journal().effect(db, &args);
        }
    }
    out.integer(i64::try_from(values.len()).expect("no allocation is longer than isize::MAX"));
}
