//! FT.SUGADD, FT.SUGGET, FT.SUGDEL and FT.SUGLEN: suggestions are values of keys.

use kora_core::command::spec::{Arg, CommandSpec, Facts, KeyFlags, KeySpec, Route};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::journal::EventClass;
use kora_core::reply::Reply;

use super::search::count;
use super::{CHANGES, GROWS, READS, exactly, of_arguments};
use crate::command::words::{SugAdd, SugGet};
use crate::suggestion_type::SuggestionValue;

/// The key of commands that look.
const READ_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RO.access(), 1)];
/// The key of commands that change what it holds.
const CHANGED_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RW.access().update(), 1)];

pub(super) const SUGADD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.sugadd",
        summary: "Adds a suggestion, or gives it another score",
        complexity: "O(log N) with N suggestions",
        keys: CHANGED_KEY,
        route: Route::Keys,
        args: &[
            Arg::key("key"),
            Arg::string("string"),
            Arg::double("score"),
            Arg::word("increment score", "INCR").optional(),
            Arg::string("payload").token("PAYLOAD").optional(),
        ],
        ..GROWS
    },
    handler: add,
};

pub(super) const SUGGET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.sugget",
        summary: "Shows the best suggestions for what was typed",
        complexity: "O(N) with N suggestions that begin so",
        keys: READ_KEY,
        route: Route::Keys,
        args: &[
            Arg::key("key"),
            Arg::string("prefix"),
            Arg::word("fuzzy", "FUZZY").optional(),
            Arg::word("withscores", "WITHSCORES").optional(),
            Arg::word("withpayloads", "WITHPAYLOADS").optional(),
            Arg::integer("max").token("MAX").optional(),
        ],
        ..READS
    },
    handler: get,
};

pub(super) const SUGDEL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.sugdel",
        summary: "Deletes a suggestion",
        complexity: "O(log N) with N suggestions",
        keys: CHANGED_KEY,
        route: Route::Keys,
        args: &[Arg::key("key"), Arg::string("string")],
        ..CHANGES
    },
    handler: delete,
};

pub(super) const SUGLEN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.suglen",
        summary: "Counts suggestions",
        complexity: "O(1)",
        keys: READ_KEY,
        route: Route::Keys,
        args: &[Arg::key("key")],
        ..READS
    },
    handler: len,
};

fn add(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let added = SugAdd::parse(&args[1..]).map_err(of_arguments)?;
    let mut keyspace = ctx.keyspace(&added.key);
    let payload = added.payload.as_deref();
    let length = if let Some(mut value) = keyspace.write_extension::<SuggestionValue>(&added.key)? {
        value.0.add(&added.text, added.score, added.increments, payload);
        value.0.len()
    } else {
        let mut value = SuggestionValue::default();
        value.0.add(&added.text, added.score, added.increments, payload);
        let length = value.0.len();
        keyspace.add_object(&added.key, Box::new(value));
        length
    };
    keyspace.changed(EventClass::MODULE, "ft.sugadd", &added.key);
    out.integer(count(length as u64));
    Ok(())
}

fn get(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let asked = SugGet::parse(&args[1..]).map_err(of_arguments)?;
    let mut keyspace = ctx.keyspace(&asked.key);
    let Some(value) = keyspace.read_extension::<SuggestionValue>(&asked.key)? else {
        out.null();
        return Ok(());
    };
    let most = usize::try_from(asked.max).unwrap_or(usize::MAX);
    let found = value.0.get(&asked.prefix, asked.fuzzy, most);
    let each = 1 + usize::from(asked.with_scores) + usize::from(asked.with_payloads);
    out.array(each * found.len());
    for one in found {
        out.bulk(one.text.as_bytes());
        if asked.with_scores {
            out.double(f64::from(one.score));
        }
        if asked.with_payloads {
            match one.payload {
                Some(payload) => out.bulk(payload),
                None => out.null(),
            }
        }
    }
    Ok(())
}

fn delete(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [key, text] = *exactly(args, "FT.SUGDEL")?;
    let mut keyspace = ctx.keyspace(key);
    let text = String::from_utf8_lossy(text);
    let is_gone =
        keyspace.write_extension::<SuggestionValue>(key)?.is_some_and(|mut value| value.0.remove(&text));
    if is_gone {
        keyspace.changed(EventClass::MODULE, "ft.sugdel", key);
    }
    out.integer(i64::from(is_gone));
    Ok(())
}

fn len(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [key] = *exactly(args, "FT.SUGLEN")?;
    let mut keyspace = ctx.keyspace(key);
    let length = keyspace.read_extension::<SuggestionValue>(key)?.map_or(0, |value| value.0.len());
    out.integer(count(length as u64));
    Ok(())
}
