//! DOC.SET, DOC.INSERT and DOC.MSET, and what all writes of documents share.

use std::collections::{BTreeMap, HashMap};

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::journal::EventClass;
use kora_core::number::parse_i64;
use kora_core::reply::Reply;
use kora_core::slot::{ShardId, Slot};
use kora_core::store::Keyspace;
use kora_core::time::UnixMs;
use kora_index::scalar::{Class, ScalarRange, class_of};
use kora_index::search::{Direction, Flow};
use kora_json::{Json, Node};

use super::{COLLECTION, GROWS, ID, JSON, collection_at, each_slot, is_word, needs_all, one_slot, refusal};
use crate::change::json_of;
use crate::collection::{Collection, IndexKind};
use crate::companion::{self, DB, root_of, scalars_of, vector_of};
use crate::key;
use crate::query::find::{each_part, settle};

pub(super) const SET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.set",
        arity: -4,
        slots: Some(one_slot),
        summary: "Puts a document in place, whatever was there",
        complexity: "O(N) with N bytes of the document, and O(log M) with M documents for each index",
        args: &[
            COLLECTION,
            ID,
            JSON,
            Arg::one_of("condition", &[Arg::word("nx", "NX"), Arg::word("xx", "XX")]).optional(),
            Arg::one_of(
                "expiration",
                &[Arg::integer("seconds").token("EX"), Arg::integer("milliseconds").token("PX")],
            )
            .optional(),
        ],
        ..GROWS
    },
    handler: set,
};

/// When a document is put in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    IfMissing,
    IfThere,
}

/// What DOC.SET says besides the document.
#[derive(Debug, Default)]
struct SetOptions {
    condition: Option<Condition>,
    deadline: Option<UnixMs>,
}

impl SetOptions {
    fn parse(args: &[&[u8]], now: UnixMs) -> CommandResult<Self> {
        let mut options = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let unit = if is_word(arg, "EX") { Some(1000) } else { is_word(arg, "PX").then_some(1) };
            if let Some(unit) = unit.filter(|_| options.deadline.is_none()) {
                let amount = args.next().ok_or(CommandError::Syntax)?;
                let amount = parse_i64(amount).ok_or(CommandError::NotInteger)?;
                let at =
                    Some(amount).filter(|amount| *amount > 0).and_then(|amount| amount.checked_mul(unit));
                let at = at.and_then(|ms| ms.checked_add(now.0)).map(UnixMs);
                options.deadline = Some(at.ok_or(CommandError::InvalidExpire("doc.set"))?);
            } else if is_word(arg, "NX") && options.condition.is_none() {
                options.condition = Some(Condition::IfMissing);
            } else if is_word(arg, "XX") && options.condition.is_none() {
                options.condition = Some(Condition::IfThere);
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(options)
    }
}

fn set(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (name, id) = (args[1], args[2]);
    let options = SetOptions::parse(&args[4..], ctx.now)?;
    let document = document_of(args[3])?;
    let key = key::of(name, id);
    let collection = collection_at(ctx, name, &key)?;
    if needs_all(ctx, &collection)? {
        return Ok(());
    }
    let is_there = holds_document(ctx, &key)?;
    if options.condition.is_some_and(|condition| is_there != (condition == Condition::IfThere)) {
        out.null();
        return Ok(());
    }
    check(ctx, &collection, &[(id, &document)])?;
    put(&mut ctx.keyspace(&key), &key, (args[3], document), options.deadline);
    out.ok();
    Ok(())
}

/// An argument as a document.
///
/// # Errors
/// If it is no JSON, or no object.
pub(super) fn document_of(text: &[u8]) -> CommandResult<Json> {
    let json = json_of(text)?;
    match json.root().node() {
        Node::Object(_) => Ok(json),
        _ => Err(CommandError::text("ERR a document is a JSON object")),
    }
}

/// Whether there is a document at a key.
///
/// # Errors
/// If there is something else than a JSON value.
fn holds_document(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult<bool> {
    let mut keyspace = ctx.keyspace(key);
    let Some(entry) = keyspace.peek(key) else { return Ok(false) };
    if Json::of(entry).is_none() {
        return Err(CommandError::WrongType);
    }
    Ok(root_of(entry).is_some())
}

/// Puts a document in place, and records it.
fn put(keyspace: &mut Keyspace<'_>, key: &[u8], (text, document): (&[u8], Json), deadline: Option<UnixMs>) {
    let had_deadline = keyspace.peek(key).is_some_and(|entry| entry.expiry().is_some());
    keyspace.put_object(key, Box::new(document));
    keyspace.changed(EventClass::MODULE, "json.set", key);
    keyspace.journal().effect(DB, &[b"JSON.SET", key, b"$", text]);
    if let Some(at) = deadline {
        keyspace.set_expiry(key, deadline);
        keyspace.journal().event(EventClass::GENERIC, "expire", DB, key);
        keyspace.journal().effect(DB, &[b"PEXPIREAT", key, at.0.to_string().as_bytes()]);
    } else if had_deadline {
        keyspace.journal().effect(DB, &[b"PERSIST", key]);
    }
}

/// Refuses documents that indexes of the collection do not allow.
///
/// # Errors
/// With the field and what is wrong with it.
pub(super) fn check(
    ctx: &mut Ctx<'_>,
    collection: &Collection,
    documents: &[(&[u8], &Json)],
) -> CommandResult {
    check_vectors(collection, documents)?;
    check_unique(ctx, collection, documents)
}

/// Refuses documents that have something else than a vector where an index is on vectors. Missing fields and null are allowed.
fn check_vectors(collection: &Collection, documents: &[(&[u8], &Json)]) -> CommandResult {
    for declared in collection.indexes.iter().filter(|declared| declared.kind.vector().is_some()) {
        for (id, json) in documents {
            if let Err(why) = vector_of(declared, json.root()) {
                return Err(refusal(format_args!(
                    "ERR '{}' of document '{}' is no vector of the index: {why}",
                    declared.path.text().escape_debug(),
                    id.escape_ascii()
                )));
            }
        }
    }
    Ok(())
}

/// Refuses documents of which a value is one that another document has, where it must be unique. Missing fields, null, arrays and objects are no values in this.
///
/// # Errors
/// With the field and the document that has the value.
fn check_unique(ctx: &mut Ctx<'_>, collection: &Collection, documents: &[(&[u8], &Json)]) -> CommandResult {
    if !collection.has_unique() {
        return Ok(());
    }
    settle(ctx);
    // The last one of an id is the one that stays.
    let new: BTreeMap<&[u8], &Json> = documents.iter().copied().collect();
    for declared in &collection.indexes {
        if declared.kind != IndexKind::Unique {
            continue;
        }
        let mut values: HashMap<Vec<u8>, &[u8]> = HashMap::new();
        let mut taken: Option<Vec<u8>> = None;
        for (id, json) in &new {
            for value in scalars_of(declared, json.root()) {
                if class_of(&value) == Class::Null {
                    continue;
                }
                if let Some(other) = values.insert(value, id) {
                    taken.get_or_insert_with(|| other.to_vec());
                }
            }
        }
        each_part(ctx, collection, |_, part, _| {
            let Some(field) = part.indexed.field(&declared.path) else { return };
            for value in values.keys() {
                part.indexed.index.walk_scalars(
                    field,
                    &ScalarRange::only(value),
                    Direction::Ascending,
                    |_, document| {
                        let other = part.indexed.index.current_key(document);
                        if new.contains_key(other) {
                            return Flow::Continue;
                        }
                        taken.get_or_insert_with(|| other.to_vec());
                        Flow::Stop
                    },
                );
            }
        });
        if let Some(other) = taken {
            let (path, other) = (declared.path.text().escape_debug(), other.escape_ascii());
            return Err(refusal(format_args!(
                "ERR the value of '{path}' must be unique: document '{other}' has it"
            )));
        }
    }
    Ok(())
}

pub(super) const INSERT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.insert",
        arity: 3,
        slots: Some(insert_slot),
        summary: "Adds a document under an id of its own, and replies the id",
        complexity: "O(N) with N bytes of the document, and O(log M) with M documents for each index",
        args: &[COLLECTION, JSON],
        ..GROWS
    },
    handler: insert,
};

/// Where a document without an id goes: documents are spread by what is in them.
fn insert_slot(args: &[&[u8]], visit: &mut dyn FnMut(Slot)) {
    if let Some(json) = args.get(2) {
        visit(slot_of(json));
    }
}

/// FNV-1a (Fowler, Noll, Vo): a brace means nothing here, as it would to [`Slot::of`].
fn slot_of(json: &[u8]) -> Slot {
    let hash = crate::query::cursor::checksum([json]);
    let slot = (hash ^ hash >> 32) % u64::from(kora_core::slot::SLOT_COUNT);
    Slot(u16::try_from(slot).unwrap_or(0))
}

fn insert(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let name = args[1];
    let document = document_of(args[2])?;
    super::check_database(ctx)?;
    let shard = slot_of(args[2]).shard(ctx.shard_count());
    let (id, key) = new_id(ctx, name, shard)?;
    let collection = collection_at(ctx, name, &key)?;
    if needs_all(ctx, &collection)? {
        return Ok(());
    }
    check(ctx, &collection, &[(&id, &document)])?;
    put(&mut ctx.keyspace(&key), &key, (args[2], document), None);
    out.bulk(&id);
    Ok(())
}

/// An id that no document has and whose key is on a shard.
///
/// # Errors
/// If there is no such collection.
fn new_id(ctx: &mut Ctx<'_>, name: &[u8], shard: ShardId) -> CommandResult<(Vec<u8>, Vec<u8>)> {
    let (now, shard_count, escaped) = (ctx.now, ctx.shard_count(), key::escaped(name));
    let mut found = None;
    ctx.each_store(|store, _| {
        if store.id() != shard {
            return;
        }
        let random = store.random();
        let made = companion::with_part(store, |part, store| {
            let ids = &mut part.find(&escaped)?.ids;
            loop {
                let id = ids.next(now, random);
                let key = key::of(name, &id);
                if Slot::of(&key).shard(shard_count) == shard && store.peek(DB, &key).is_none() {
                    return Some((id.to_vec(), key));
                }
            }
        });
        found = made.flatten();
    });
    found.ok_or_else(|| super::unknown(name))
}

pub(super) const MSET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.mset",
        arity: -4,
        slots: Some(|args, visit| each_slot(args, 2, visit)),
        summary: "Puts several documents in place, all or none of them",
        complexity: "O(N) with N bytes of the documents, and O(log M) with M documents for each index of each",
        args: &[COLLECTION, Arg::block("data", &[ID, JSON]).multiple()],
        ..GROWS
    },
    handler: mset,
};

fn mset(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let name = args[1];
    let (pairs, rest) = args[2..].as_chunks::<2>();
    if !rest.is_empty() {
        return Err(CommandError::Arity("doc.mset".into()));
    }
    let documents: Vec<Json> = pairs.iter().map(|[_, text]| document_of(text)).collect::<Result<_, _>>()?;
    let collection = collection_at(ctx, name, &key::of(name, pairs[0][0]))?;
    if needs_all(ctx, &collection)? {
        return Ok(());
    }
    for [id, _] in pairs {
        holds_document(ctx, &key::of(name, id))?;
    }
    let new: Vec<(&[u8], &Json)> = pairs.iter().map(|[id, _]| *id).zip(&documents).collect();
    check(ctx, &collection, &new)?;
    for ([id, text], document) in pairs.iter().zip(documents) {
        let key = key::of(name, id);
        put(&mut ctx.keyspace(&key), &key, (text, document), None);
    }
    out.ok();
    Ok(())
}
