//! FT.GET, FT.MGET and FT.DEL, which RediSearch keeps from its first version: documents of an index by their keys.

use kora_core::command::spec::{Arg, CommandSpec, Facts, Traits};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::journal::EventClass;
use kora_core::reply::Reply;
use kora_core::store::Keyspace;

use super::build::{self, Readiness};
use super::shape::write_value;
use super::{CHANGES, SEARCHES, UNKNOWN_INDEX, exactly, index_of, load, service};
use crate::command::options::Format;
use crate::companion::{self, DB};
use crate::query::Dialect;
use crate::service::Declaration;

pub(super) const GET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.get",
        summary: "Shows a document of an index",
        complexity: "O(N) with N fields",
        args: &[Arg::string("index"), Arg::string("document")],
        deprecated: Some(("2.0.0", "`HGETALL`")),
        ..SEARCHES
    },
    handler: get,
};

pub(super) const MGET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.mget",
        summary: "Shows documents of an index",
        complexity: "O(N) with N fields of all",
        args: &[Arg::string("index"), Arg::string("document").multiple()],
        ..GET.facts
    },
    handler: get_many,
};

pub(super) const DEL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.del",
        summary: "Deletes a document of an index",
        complexity: "O(N) with N words of the document",
        args: &[Arg::string("index"), Arg::string("document"), Arg::word("delete docs", "DD").optional()],
        deprecated: Some(("2.0.0", "`DEL`")),
        traits: Traits::STANDS_ASIDE,
        ..CHANGES
    },
    handler: delete,
};

fn get(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [name, key] = *exactly(args, "FT.GET")?;
    let service = service(ctx)?;
    let declaration = index_of(ctx, &service, name, || UNKNOWN_INDEX)?;
    if build::finish(ctx, &service, &declaration, out)? == Readiness::Later {
        return Ok(());
    }
    write_document(ctx, &declaration, key, out);
    Ok(())
}

fn get_many(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [_, name, keys @ ..] = args else { return Err(CommandError::Arity("FT.MGET".into())) };
    if keys.is_empty() {
        return Err(CommandError::Arity("FT.MGET".into()));
    }
    let service = service(ctx)?;
    let declaration = index_of(ctx, &service, name, || UNKNOWN_INDEX)?;
    if build::finish(ctx, &service, &declaration, out)? == Readiness::Later {
        return Ok(());
    }
    out.array(keys.len());
    keys.iter().for_each(|key| write_document(ctx, &declaration, key, out));
    Ok(())
}

/// Writes a document, nothing if the index has none with the key.
fn write_document(ctx: &mut Ctx<'_>, declaration: &Declaration, key: &[u8], out: &mut dyn Reply) {
    let mut fields = None;
    ctx.each_store(|store, _| {
        companion::with_part(store, |part, store| {
            let has_it = part.find(declaration.number).is_some_and(|index| index.index.contains(key));
            if let Some(entry) = store.peek(DB, key).filter(|_| has_it) {
                fields = Some(load::all(declaration, entry, Dialect::DEFAULT));
            }
        });
    });
    let Some(fields) = fields else { return out.null() };
    out.array(2 * fields.len());
    for (name, value) in &fields {
        out.bulk(name);
        write_value(value, Format::Text, out);
    }
}

fn delete(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (name, key) = match args {
        [_, name, key] => (name, key),
        [_, name, key, word] if super::is_word(word, "DD") => (name, key),
        _ => return Err(CommandError::Arity("FT.DEL".into())),
    };
    let service = service(ctx)?;
    let declaration = index_of(ctx, &service, name, || UNKNOWN_INDEX)?;
    ctx.permit_index(&declaration.schema.prefixes, true)?;
    let now = ctx.now;
    let mut is_gone = false;
    if build::finish(ctx, &service, &declaration, out)? == Readiness::Later {
        return Ok(());
    }
    ctx.each_store(|store, journal| {
        let has_it = companion::with_part(store, |part, _| {
            part.find(declaration.number).is_some_and(|index| index.index.contains(key))
        });
        if has_it == Some(true) {
            let mut keyspace = Keyspace::new(store, journal, DB, now, true);
            is_gone = keyspace.delete(key);
            keyspace.changed(EventClass::GENERIC, "del", key);
            journal.effect(DB, &[b"DEL", key]);
        }
    });
    out.integer(i64::from(is_gone));
    Ok(())
}
