//! DOC.UPDATE and DOC.DEL.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::journal::EventClass;
use kora_core::reply::Reply;

use super::write::check;
use super::{CHANGES, COLLECTION, GROWS, ID, JSON, PATH, collection_at, needs_all, one_slot};
use crate::change;
use crate::companion::{DB, root_of};
use crate::key;

pub(super) const UPDATE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.update",
        arity: -5,
        slots: Some(one_slot),
        summary: "Changes fields of a document, all or none of them",
        complexity: "O(N) with N bytes of the document, and O(log M) with M documents for each index",
        args: &[
            COLLECTION,
            ID,
            Arg::one_of(
                "operation",
                &[
                    Arg::block("set", &[PATH, JSON]).token("SET"),
                    PATH.token("DEL"),
                    Arg::block("increment", &[PATH, Arg::double("number")]).token("INCR"),
                    Arg::block("push", &[PATH, JSON]).token("PUSH"),
                    Arg::block("pull", &[PATH, JSON]).token("PULL"),
                ],
            )
            .multiple(),
        ],
        ..GROWS
    },
    handler: update,
};

/// It is recorded as it was sent: a few fields of a document that may be large.
fn update(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (name, id) = (args[1], args[2]);
    let operations = change::parse(&args[3..])?;
    let key = key::of(name, id);
    let collection = collection_at(ctx, name, &key)?;
    if needs_all(ctx, &collection)? {
        return Ok(());
    }
    let found =
        ctx.keyspace(&key).peek(&key).and_then(root_of).map(|root| change::changed(root, &operations));
    let Some(after) = found else {
        out.integer(0);
        return Ok(());
    };
    let after = after?;
    check(ctx, &collection, &[(id, &after)])?;
    let mut keyspace = ctx.keyspace(&key);
    if let Some(mut json) = keyspace.write_extension::<kora_json::Json>(&key)? {
        *json = after;
    }
    keyspace.changed(EventClass::MODULE, "json.set", &key);
    out.integer(1);
    Ok(())
}

pub(super) const DEL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.del",
        arity: -3,
        summary: "Deletes documents",
        complexity: "O(N) with N ids, and O(log M) with M documents for each index",
        args: &[COLLECTION, ID.multiple()],
        ..CHANGES
    },
    handler: del,
};

fn del(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    collection_at(ctx, args[1], &key::of(args[1], args[2]))?;
    let keys = args[2..].iter().map(|id| key::of(args[1], id));
    let count = delete_all(ctx, keys);
    out.integer(super::count(count));
    Ok(())
}

/// Deletes the documents among keys, and records it.
pub(super) fn delete_all(ctx: &mut Ctx<'_>, keys: impl Iterator<Item = Vec<u8>>) -> u64 {
    let mut gone: Vec<Vec<u8>> = Vec::new();
    for key in keys {
        let mut keyspace = ctx.keyspace(&key);
        if keyspace.peek(&key).and_then(root_of).is_some() && keyspace.delete(&key) {
            keyspace.changed(EventClass::GENERIC, "del", &key);
            gone.push(key);
        }
    }
    if !gone.is_empty() {
        let effect: Vec<&[u8]> = std::iter::once(&b"DEL"[..]).chain(gone.iter().map(Vec::as_slice)).collect();
        ctx.journal.effect(DB, &effect);
    }
    gone.len() as u64
}
