//! DOC.INFO, DOC.DICTINFO and DOC.STORAGE: what a collection is and what it takes.

use std::collections::BTreeSet;

use kora_core::command::spec::{CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_index::scalar::ScalarRange;
use kora_index::schema::{GraphKind, VectorKind};
use kora_index::search::{Direction, Flow};

use self::fields::Fields;
use super::{ASKS, count, service};
use crate::collection::{Collection, Declared, IndexKind};
use crate::query::find::{each_part, settle};
use crate::vector;

mod fields;

/// Values of an index in one store up to which they are told apart from those in other stores.
const VALUES_MAX: u64 = 1 << 11;
/// Documents in which DOC.DICTINFO looks for fields, on all shards.
const LOOKED_AT_MAX: usize = 1 << 12;

pub(super) const INFO: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.info",
        summary: "Describes a collection",
        complexity: "O(I) with I indexes, of each of which up to 2048 values are looked at on each shard",
        ..ASKS
    },
    handler: info,
};

/// Figures of an index over all shards.
#[derive(Debug, Default)]
struct IndexFigures {
    entries: u64,
    bytes: u64,
    values: u64,
    duplicates: u64,
}

fn info(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let Some(collection) = service(ctx)?.find(args[1]) else {
        out.null();
        return Ok(());
    };
    settle(ctx);
    let (mut documents, mut bytes, mut all_bytes) = (0_u64, 0_u64, 0_u64);
    each_part(ctx, &collection, |_, part, _| {
        documents += part.indexed.index.document_count() as u64;
        bytes += part.indexed.index.length_total();
        all_bytes += part.indexed.index.memory_bytes() as u64;
    });
    let figures: Vec<IndexFigures> =
        collection.indexes.iter().map(|declared| figures_of(ctx, &collection, declared)).collect();
    let index_bytes = figures.iter().map(|figures| figures.bytes).sum();
    out.map(11);
    write_head(&collection, out);
    pair(out, "created_at", collection.created);
    out.bulk(b"compression");
    out.bulk(collection.profile.name().as_bytes());
    pair(out, "doc_count", count(documents));
    pair(out, "dictionary_entries", 0);
    pair(out, "documents", count(documents));
    pair(out, "bytes", count(bytes));
    pair(out, "index_bytes", count(index_bytes));
    pair(out, "table_bytes", count(all_bytes.saturating_sub(index_bytes)));
    out.bulk(b"indexes");
    out.array(collection.indexes.len());
    for (declared, figures) in collection.indexes.iter().zip(&figures) {
        write_index(declared, figures, out);
    }
    Ok(())
}

fn write_head(collection: &Collection, out: &mut dyn Reply) {
    pair(out, "id", count(collection.number));
    out.bulk(b"name");
    out.bulk(&collection.name);
}

fn pair(out: &mut dyn Reply, name: &str, value: i64) {
    out.bulk(name.as_bytes());
    out.integer(value);
}

fn write_index(declared: &Declared, figures: &IndexFigures, out: &mut dyn Reply) {
    if let Some(kind) = declared.kind.vector() {
        write_vectors(declared, kind, figures, out);
        return;
    }
    let is_unique = declared.kind == IndexKind::Unique;
    out.map(6 + usize::from(is_unique));
    out.bulk(b"path");
    out.bulk(declared.path.text().as_bytes());
    out.bulk(b"type");
    out.bulk(declared.kind.name().as_bytes());
    pair(out, "entries", count(figures.entries));
    pair(out, "values", count(figures.values));
    pair(out, "bytes", count(figures.bytes));
    out.bulk(b"selectivity");
    out.double(share(figures.values, figures.entries));
    if is_unique {
        pair(out, "duplicates", count(figures.duplicates));
    }
}

fn write_vectors(declared: &Declared, kind: &VectorKind, figures: &IndexFigures, out: &mut dyn Reply) {
    let graph = kind.algorithm.graph();
    out.map(8 + graph.map_or(0, |_| 3));
    let mut word = |name: &str, value: &str| {
        out.bulk(name.as_bytes());
        out.bulk(value.as_bytes());
    };
    word("path", declared.path.text());
    word("type", declared.kind.name());
    word("algorithm", vector::algorithm_name(kind));
    word("data_type", kind.element.name());
    word("distance_metric", kind.metric.name());
    pair(out, "dim", count(kind.dimensions as u64));
    pair(out, "entries", count(figures.entries));
    pair(out, "bytes", count(figures.bytes));
    if let Some(graph) = graph {
        pair(out, "m", count(graph.links));
        pair(out, "ef_construction", count(graph.construction));
        pair(out, "ef_runtime", count(graph.runtime.unwrap_or(GraphKind::CANDIDATES)));
    }
}

/// Different values for each entry: 1 if each value is there once.
#[expect(clippy::cast_precision_loss, reason = "a share")]
fn share(values: u64, entries: u64) -> f64 {
    if entries == 0 { 1.0 } else { values as f64 / entries as f64 }
}

/// Values that several stores have are told apart if they are few; else each store's own count.
fn figures_of(ctx: &mut Ctx<'_>, collection: &Collection, declared: &Declared) -> IndexFigures {
    let mut figures = IndexFigures::default();
    let mut values: BTreeSet<Box<[u8]>> = BTreeSet::new();
    each_part(ctx, collection, |_, part, _| {
        let Some(field) = part.indexed.field(&declared.path) else { return };
        let own = part.indexed.index.vector_figures(field);
        figures.entries += own.entries;
        figures.bytes += own.bytes as u64;
        let own = part.indexed.index.scalar_figures(field);
        figures.entries += own.entries;
        figures.bytes += own.bytes as u64;
        if own.values > VALUES_MAX {
            figures.values += own.values;
            return;
        }
        let mut last: Vec<u8> = Vec::new();
        part.indexed.index.walk_scalars(field, &ScalarRange::all(), Direction::Ascending, |value, _| {
            if last != value {
                values.insert(value.into());
                value.clone_into(&mut last);
            }
            Flow::Continue
        });
    });
    figures.values += values.len() as u64;
    figures.duplicates = figures.entries.saturating_sub(figures.values);
    figures
}

pub(super) const DICTINFO: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.dictinfo",
        summary: "Lists the fields that the documents of a collection have, with about how many values",
        complexity: "O(N) with N bytes of about 4096 documents at most",
        ..ASKS
    },
    handler: dictinfo,
};

fn dictinfo(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let Some(collection) = service(ctx)?.find(args[1]) else {
        out.null();
        return Ok(());
    };
    settle(ctx);
    let mut fields = Fields::default();
    let mut documents = 0;
    each_part(ctx, &collection, |_, part, _| documents += part.indexed.index.document_count());
    // As many of all as may be looked at, evenly.
    let step = documents.div_ceil(LOOKED_AT_MAX).max(1);
    each_part(ctx, &collection, |_, part, store| {
        for document in part.indexed.index.documents().step_by(step) {
            if let Some(root) = part.root(store, document) {
                fields.look_at(root);
            }
        }
    });
    out.map(4);
    write_head(&collection, out);
    pair(out, "dictionary_entries", 0);
    out.bulk(b"fields");
    let fields = fields.finish(documents as u64);
    out.array(fields.len());
    for (number, (path, cardinality)) in (0_i64..).zip(fields) {
        out.map(3);
        pair(out, "field_id", number);
        out.bulk(b"path");
        out.bulk(&path);
        pair(out, "cardinality_estimate", count(cardinality));
    }
    Ok(())
}

pub(super) const STORAGE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.storage",
        summary: "Tells how many bytes the documents of a collection take, packed as they are",
        complexity: "O(N) with N documents, none of which is looked at",
        ..ASKS
    },
    handler: storage,
};

fn storage(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let Some(collection) = service(ctx)?.find(args[1]) else {
        out.null();
        return Ok(());
    };
    settle(ctx);
    let (mut documents, mut total, mut least, mut most) = (0_u64, 0_u64, u32::MAX, 0_u32);
    each_part(ctx, &collection, |_, part, _| {
        for document in part.indexed.index.documents() {
            let (_, length) = part.indexed.index.order_and_length(document);
            documents += 1;
            total += u64::from(length);
            (least, most) = (least.min(length), most.max(length));
        }
    });
    out.map(7);
    write_head(&collection, out);
    pair(out, "doc_count", count(documents));
    pair(out, "total_packed_bytes", count(total));
    pair(out, "min_doc_bytes", if documents == 0 { 0 } else { i64::from(least) });
    pair(out, "max_doc_bytes", i64::from(most));
    pair(out, "avg_doc_bytes", count(total.checked_div(documents).unwrap_or(0)));
    Ok(())
}
