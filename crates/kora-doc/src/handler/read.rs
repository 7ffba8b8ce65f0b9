//! DOC.GET, DOC.MGET and DOC.EXISTS.

use kora_core::command::spec::{CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_json::{Value, text};

use super::project::{self, paths_of};
use super::{COLLECTION, ID, PATH, READS, collection_at, is_word, one_slot};
use crate::companion::root_of;
use crate::key;

pub(super) const GET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.get",
        arity: -3,
        slots: Some(one_slot),
        summary: "Gives a document, or some of its fields",
        complexity: "O(N) with N bytes of the document",
        args: &[COLLECTION, ID, PATH.token("FIELDS").multiple().optional()],
        ..READS
    },
    handler: get,
};

fn get(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let paths = match &args[3..] {
        [] => Vec::new(),
        [word, paths @ ..] if is_word(word, "FIELDS") => {
            if paths.is_empty() {
                return Err(CommandError::Arity("doc.get".into()));
            }
            paths_of(paths)?
        }
        _ => return Err(CommandError::Syntax),
    };
    let key = key::of(args[1], args[2]);
    collection_at(ctx, args[1], &key)?;
    let found =
        read(ctx, &key, |root| if paths.is_empty() { text::of(root) } else { project::text(root, &paths) });
    match found {
        Some(text) => out.bulk_owned(text),
        None => out.null(),
    }
    Ok(())
}

/// Calls with the document at a key, which counts as used.
fn read<T>(ctx: &mut Ctx<'_>, key: &[u8], body: impl FnOnce(Value<'_>) -> T) -> Option<T> {
    ctx.keyspace(key).read(key).and_then(root_of).map(body)
}

pub(super) const MGET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.mget",
        arity: -3,
        summary: "Gives several documents",
        complexity: "O(N) with N bytes of the documents",
        args: &[COLLECTION, ID.multiple()],
        ..READS
    },
    handler: mget,
};

fn mget(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    collection_at(ctx, args[1], &key::of(args[1], args[2]))?;
    out.array(args.len() - 2);
    for id in &args[2..] {
        match read(ctx, &key::of(args[1], id), text::of) {
            Some(text) => out.bulk_owned(text),
            None => out.null(),
        }
    }
    Ok(())
}

pub(super) const EXISTS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.exists",
        arity: -3,
        summary: "Counts which of the documents exist; one that is named twice counts twice",
        complexity: "O(N) with N ids",
        args: &[COLLECTION, ID.multiple()],
        ..READS
    },
    handler: exists,
};

fn exists(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    collection_at(ctx, args[1], &key::of(args[1], args[2]))?;
    let mut count = 0;
    for id in &args[2..] {
        let key = key::of(args[1], id);
        count += i64::from(ctx.keyspace(&key).examine(&key).and_then(root_of).is_some());
    }
    out.integer(count);
    Ok(())
}
