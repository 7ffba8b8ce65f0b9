//! DOC.CREATEINDEX, DOC.DROPINDEX and DOC.INDEXES.
//!
//! The indexes of a collection are built anew with one more, beside what there is ([`super::build`]). One that is deleted is not used any more at once; then those that
//! are left are built anew, so that its memory becomes free ([`super::compact`]).

use std::sync::Arc;

use kora_core::command::spec::{Arg, CommandSpec, Facts, Flags, Traits};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_index::Index;
use kora_index::scalar::{Class, ScalarRange, class_of};
use kora_index::search::{Direction, Flow};

use super::build::built;
use super::project::path_of;
use super::{ASKS, COLLECTION, DECLARES, PATH, collection_of, compact, refusal, service};
use crate::collection::{Collection, Declared, INDEXES_MAX, IndexKind};
use crate::companion::{self, vector_of};
use crate::query::find::{each_part, settle};

pub(super) const CREATEINDEX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.createindex",
        arity: -4,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::MODULE),
        summary: "Creates an index on a field of a collection's documents",
        complexity: "O(N log N) with N documents, and for a graph O(N * EF_CONSTRUCTION * M) distances",
        args: &[
            COLLECTION,
            PATH,
            Arg::one_of(
                "type",
                &[
                    Arg::word("hash", "HASH"),
                    Arg::word("sorted", "SORTED"),
                    Arg::word("array", "ARRAY"),
                    Arg::word("unique", "UNIQUE"),
                    VECTOR,
                ],
            ),
        ],
        traits: Traits::STANDS_ASIDE,
        ..DECLARES
    },
    handler: create_index,
};

const VECTOR: Arg = Arg::block(
    "vector",
    &[
        Arg::one_of("algorithm", &[Arg::word("hnsw", "HNSW"), Arg::word("flat", "FLAT")]).optional(),
        Arg::integer("dimensions").token("DIM"),
        Arg::one_of(
            "element",
            &[
                Arg::word("float32", "FLOAT32"),
                Arg::word("float64", "FLOAT64"),
                Arg::word("float16", "FLOAT16"),
                Arg::word("bfloat16", "BFLOAT16"),
                Arg::word("int8", "INT8"),
                Arg::word("uint8", "UINT8"),
            ],
        )
        .token("TYPE")
        .optional(),
        Arg::one_of("metric", &[Arg::word("cosine", "COSINE"), Arg::word("l2", "L2"), Arg::word("ip", "IP")])
            .token("DISTANCE_METRIC")
            .optional(),
        Arg::integer("links").token("M").optional(),
        Arg::integer("construction").token("EF_CONSTRUCTION").optional(),
        Arg::integer("runtime").token("EF_RUNTIME").optional(),
    ],
)
.token("VECTOR");

fn create_index(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let collection = collection_of(ctx, args[1])?;
    let path = path_of(args[2])?;
    let kind = IndexKind::parse(args[3], &args[4..]).map_err(refusal)?;
    if collection.index_on(&path).is_some() {
        return Err(refusal(format_args!(
            "ERR there is an index on '{}' already",
            path.text().escape_debug()
        )));
    }
    if collection.indexes.len() >= INDEXES_MAX {
        return Err(refusal(format_args!("ERR a collection has at most {INDEXES_MAX} indexes")));
    }
    let mut changed = Collection::clone(&collection);
    changed.indexes.push(Declared { path, kind });
    replace(ctx, changed, out)
}

/// Builds the indexes of a changed collection, at once or aside, and puts them in the place of those that it had.
///
/// # Errors
/// If the last of them must be unique and is not, or is on vectors and a document has something else; then nothing has changed.
fn replace(ctx: &mut Ctx<'_>, changed: Collection, out: &mut dyn Reply) -> CommandResult {
    let service = service(ctx)?;
    settle(ctx);
    let changed = Arc::new(changed);
    let Some(built) = built(ctx, &service, &changed, out)? else { return Ok(()) };
    check_values(&changed, &built)?;
    check_vectors(ctx, &changed, &built)?;
    let mut built = built.into_iter();
    let mut old = Vec::new();
    each_part(ctx, &changed, |_, part, _| {
        if let Some((_, index)) = built.next() {
            old.push(part.replace(index, &changed));
            part.collection = Arc::clone(&changed);
        }
    });
    let mut old = old.into_iter();
    ctx.each_store(|store, _| {
        if let Some(index) = old.next().flatten() {
            companion::throw_away(store, index);
        }
    });
    service.state().put(changed);
    ctx.journal.changed(1);
    out.ok();
    Ok(())
}

/// Refuses the last index if it must be unique and is not.
fn check_values(changed: &Collection, built: &[(usize, Index)]) -> CommandResult {
    let Some(last) = changed.indexes.len().checked_sub(1) else { return Ok(()) };
    if changed.indexes[last].kind != IndexKind::Unique {
        return Ok(());
    }
    let mut values: Vec<(Vec<u8>, &[u8])> = Vec::new();
    for (_, index) in built {
        index.walk_scalars(last, &ScalarRange::all(), Direction::Ascending, |value, document| {
            if class_of(value) != Class::Null {
                values.push((value.to_vec(), index.current_key(document)));
            }
            Flow::Continue
        });
    }
    values.sort_unstable();
    let Some([(_, one), (_, other)]) = values.array_windows().find(|[one, other]| one.0 == other.0) else {
        return Ok(());
    };
    Err(refusal(format_args!(
        "ERR the values of '{}' are not unique: documents '{}' and '{}' have the same",
        changed.indexes[last].path.text().escape_debug(),
        one.escape_ascii(),
        other.escape_ascii()
    )))
}

/// Refuses the last index if it is on vectors and a document has something else in its field.
fn check_vectors(ctx: &mut Ctx<'_>, changed: &Collection, built: &[(usize, Index)]) -> CommandResult {
    let Some((last, declared)) = changed.indexes.iter().enumerate().next_back() else { return Ok(()) };
    if declared.kind.vector().is_none() {
        return Ok(());
    }
    let mut misfit = None;
    let mut built = built.iter();
    each_part(ctx, changed, |_, part, store| {
        // Where each document has a vector there is nothing to look for.
        let has_all = built
            .next()
            .is_some_and(|(_, index)| index.vector_figures(last).entries == index.document_count() as u64);
        if has_all || misfit.is_some() {
            return;
        }
        let index = &part.indexed.index;
        misfit = index.documents().find_map(|document| {
            let why = vector_of(declared, part.root(store, document)?).err()?;
            Some((index.current_key(document).to_vec(), why))
        });
    });
    let Some((id, why)) = misfit else { return Ok(()) };
    Err(refusal(format_args!(
        "ERR '{}' of document '{}' is no vector of the index: {why}",
        declared.path.text().escape_debug(),
        id.escape_ascii()
    )))
}

pub(super) const DROPINDEX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.dropindex",
        arity: 3,
        summary: "Deletes the index on a field",
        complexity: "O(1), and O(N log N) with N documents until its memory is free",
        args: &[COLLECTION, PATH],
        traits: Traits::STANDS_ASIDE,
        ..DECLARES
    },
    handler: drop_index,
};

fn drop_index(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let collection = collection_of(ctx, args[1])?;
    let path = path_of(args[2])?;
    let Some(at) = collection.index_on(&path) else {
        return Err(refusal(format_args!("ERR there is no index on '{}'", path.text().escape_debug())));
    };
    let mut changed = Collection::clone(&collection);
    changed.indexes.remove(at);
    compact::replace(ctx, &Arc::new(changed), out)
}

pub(super) const INDEXES: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.indexes",
        summary: "Lists the indexes of a collection: paths and types",
        complexity: "O(N) with N indexes",
        ..ASKS
    },
    handler: indexes,
};

fn indexes(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let collection = collection_of(ctx, args[1])?;
    out.array(collection.indexes.len());
    for Declared { path, kind } in &collection.indexes {
        out.array(2);
        out.bulk(path.text().as_bytes());
        out.bulk(kind.name().as_bytes());
    }
    Ok(())
}
