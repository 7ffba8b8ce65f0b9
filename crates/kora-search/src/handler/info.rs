//! FT.INFO and FT._LIST.

mod vector;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_index::Memory;
use kora_index::schema::{Field, FieldKind, Schema, Source};

use super::ask::{each_index, settle};
use super::search::count;
use super::{READS, UNKNOWN, build, index_of, service, write_word};
use crate::companion::{Count, DB, Failures, IndexPart};
use crate::service::{CURSORS_MAX, Declaration};

pub(super) const INFO: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.info",
        summary: "Describes an index",
        complexity: "O(N) with N words and values",
        args: &[Arg::string("index")],
        ..READS
    },
    handler: info,
};

pub(super) const LIST: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft._list",
        since: "2.0.0",
        summary: "Lists all indexes",
        complexity: "O(N) with N indexes",
        ..READS
    },
    handler: list,
};

fn list(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    if args.len() != 1 {
        return Err(CommandError::Arity("FT._LIST".into()));
    }
    let declarations = service(ctx)?.declarations();
    out.set(declarations.len());
    for declaration in declarations {
        write_word(out, &String::from_utf8_lossy(&declaration.name));
    }
    Ok(())
}

/// Figures of all parts of an index.
#[derive(Default)]
struct Figures {
    documents: u64,
    memory: Memory,
    block_count: u64,
    position_bytes: u64,
    failures: Failures,
    /// Keys in stores whose parts are not whole, and those of them that were looked at.
    keys_to_index: u64,
    keys_indexed: u64,
}

/// Cursors: all, and those of the index.
struct CursorFigures {
    total: usize,
    of_index: usize,
}

fn info(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let [name] = *super::exactly(args, "FT.INFO")?;
    let service = service(ctx)?;
    let declaration = index_of(ctx, &service, name, || UNKNOWN)?;
    settle(ctx);
    build::help(ctx, &service, &declaration);
    let mut figures = Figures::default();
    each_index(ctx, declaration.number, |part, store| {
        figures.add(part);
        figures.add_build(part, store.database(DB).len() as u64);
    });
    let cursors = {
        let state = service.state();
        CursorFigures { total: state.cursors.len(), of_index: state.cursors.of_index(&declaration.name) }
    };
    write(&declaration, &figures, &cursors, out);
    Ok(())
}

impl Figures {
    fn add_build(&mut self, part: &IndexPart, keys: u64) {
        if let Some(build) = &part.build {
            self.keys_to_index += keys;
            self.keys_indexed += build.key_count().min(keys);
        }
    }

    /// How much of the keys is indexed.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    fn share_indexed(&self) -> f64 {
        if self.keys_to_index == 0 { 1.0 } else { self.keys_indexed as f64 / self.keys_to_index as f64 }
    }

    fn add(&mut self, part: &IndexPart) {
        let more = part.index.memory();
        let memory = &mut self.memory;
        self.documents += part.index.document_count() as u64;
        self.block_count += part.index.block_count() as u64;
        self.position_bytes += part.index.position_bytes() as u64;
        self.failures.merge(&part.failures);
        memory.inverted_bytes += more.inverted_bytes;
        memory.word_bytes += more.word_bytes;
        memory.tag_bytes += more.tag_bytes;
        memory.suffix_bytes += more.suffix_bytes;
        memory.number_bytes += more.number_bytes;
        memory.vector_bytes += more.vector_bytes;
        memory.document_bytes += more.document_bytes;
        memory.record_bytes += more.record_bytes;
        memory.key_bytes += more.key_bytes;
        memory.word_count += more.word_count;
        memory.record_count += more.record_count;
        memory.last_document += more.last_document;
    }
}

/// Entries of the reply besides `stopwords_list`.
const ENTRIES: usize = 34;

fn write(declaration: &Arc<Declaration>, figures: &Figures, cursors: &CursorFigures, out: &mut dyn Reply) {
    let schema = &declaration.schema;
    out.map(ENTRIES + usize::from(schema.stop_words.is_some()));
    out.simple("index_name");
    write_word(out, &String::from_utf8_lossy(&declaration.name));
    out.simple("index_options");
    write_options(schema, out);
    out.simple("index_definition");
    write_definition(schema, out);
    out.simple("attributes");
    out.array(schema.fields.len());
    schema.fields.iter().for_each(|field| write_attribute(schema, field, out));
    write_figures(figures, out);
    write_state(declaration, figures, cursors, out);
    out.simple("Index Errors");
    write_errors(&figures.failures.all, out);
    out.simple("field statistics");
    out.array(schema.fields.len());
    let none = Count::default();
    for (place, field) in schema.fields.iter().enumerate() {
        out.map(3);
        out.simple("identifier");
        write_word(out, &field.identifier);
        out.simple("attribute");
        write_word(out, &field.name);
        out.simple("Index Errors");
        write_errors(figures.failures.fields.get(place).unwrap_or(&none), out);
    }
}

fn write_options(schema: &Schema, out: &mut dyn Reply) {
    let options = [
        (schema.no_frequencies, "NOFREQS"),
        (schema.no_fields, "NOFIELDS"),
        (schema.no_offsets, "NOOFFSETS"),
        (schema.no_highlighting, "NOHL"),
        (schema.max_text_fields, "MAXTEXTFIELDS"),
        (schema.skip_initial_scan, "SKIPINITIALSCAN"),
    ];
    let shown: Vec<_> = options.iter().filter(|(is_set, _)| *is_set).collect();
    out.array(shown.len());
    shown.iter().for_each(|(_, name)| out.simple(name));
}

fn write_definition(schema: &Schema, out: &mut dyn Reply) {
    let language = schema.language.as_ref().map(|language| language.0.as_str());
    let words = [
        ("filter", schema.filter.as_deref()),
        ("default_language", language),
        ("language_field", schema.language_field.as_deref()),
    ];
    let fields =
        [("score_field", schema.score_field.as_deref()), ("payload_field", schema.payload_field.as_deref())];
    let shown = words.iter().chain(&fields).filter(|(_, value)| value.is_some()).count();
    out.map(3 + usize::from(schema.index_all) + shown);
    out.simple("key_type");
    out.simple(if schema.source == Source::Hash { "HASH" } else { "JSON" });
    out.simple("prefixes");
    out.array(schema.prefixes.len().max(1));
    if schema.prefixes.is_empty() {
        out.simple("");
    }
    schema.prefixes.iter().for_each(|prefix| write_word(out, &String::from_utf8_lossy(prefix)));
    let write_words = |words: &[(&str, Option<&str>)], out: &mut dyn Reply| {
        for (name, value) in words {
            if let Some(value) = value {
                out.simple(name);
                write_word(out, value);
            }
        }
    };
    write_words(&words, out);
    out.simple("default_score");
    out.double(schema.score.unwrap_or(1.0));
    write_words(&fields, out);
    if schema.index_all {
        out.simple("indexes_all");
        out.simple("true");
    }
}

fn write_attribute(schema: &Schema, field: &Field, out: &mut dyn Reply) {
    let mut flags = Vec::new();
    let mut add = |is_set: bool, name: &'static str| flags.extend(is_set.then_some(name));
    let (mut weight, mut separator, mut suffixes) = (None, None, false);
    let kind = match &field.kind {
        FieldKind::Text { weight: factor, with_suffixes, .. } => {
            (weight, suffixes) = (Some(*factor), *with_suffixes);
            "TEXT"
        }
        FieldKind::Tag { separator: own, case_sensitive, with_suffixes } => {
            let default = if schema.source == Source::Hash { "," } else { "" };
            separator = Some(own.map_or(default.to_owned(), String::from));
            suffixes = *with_suffixes;
            add(*case_sensitive, "CASESENSITIVE");
            "TAG"
        }
        FieldKind::Numeric => "NUMERIC",
        FieldKind::Geo => "GEO",
        FieldKind::Vector(_) => "VECTOR",
        FieldKind::Scalar => "SCALAR",
    };
    add(field.sortable, "SORTABLE");
    add(field.sortable && field.un_normalised, "UNF");
    add(matches!(field.kind, FieldKind::Text { no_stem: true, .. }), "NOSTEM");
    add(field.no_index, "NOINDEX");
    add(suffixes, "WITHSUFFIXTRIE");
    add(field.index_empty, "INDEXEMPTY");
    add(field.index_missing, "INDEXMISSING");
    let vector = match &field.kind {
        FieldKind::Vector(kind) => Some(kind),
        _ => None,
    };
    let pairs = 3
        + usize::from(weight.is_some())
        + usize::from(separator.is_some())
        + vector.map_or(0, vector::pair_count);
    if out.is_resp3() {
        out.map(pairs + 1)
    } else {
        out.array(2 * pairs + flags.len())
    }
    for (name, value) in [("identifier", &*field.identifier), ("attribute", &*field.name), ("type", kind)] {
        out.simple(name);
        write_word(out, value);
    }
    if let Some(weight) = weight {
        out.simple("WEIGHT");
        out.double(weight);
    }
    if let Some(separator) = separator {
        out.simple("SEPARATOR");
        write_word(out, &separator);
    }
    if let Some(kind) = vector {
        vector::write(kind, out);
    }
    if out.is_resp3() {
        out.simple("flags");
        out.array(flags.len());
    }
    flags.iter().for_each(|flag| out.simple(flag));
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn write_figures(figures: &Figures, out: &mut dyn Reply) {
    let memory = &figures.memory;
    let per = |sum: f64, count: f64| if count == 0.0 { f64::NAN } else { sum / count };
    let (documents, records) = (figures.documents as f64, memory.record_count as f64);
    let inverted = memory.inverted_bytes as f64;
    let positions = figures.position_bytes as f64;
    let mut integer = |name: &str, value: u64| {
        out.simple(name);
        out.integer(count(value));
    };
    integer("num_docs", figures.documents);
    integer("max_doc_id", u64::from(memory.last_document));
    integer("num_terms", memory.word_count);
    integer("num_records", memory.record_count);
    let megabytes = |bytes: usize| bytes as f64 / 1_048_576.0;
    let mut double = |name: &str, value: f64| {
        out.simple(name);
        out.double(value);
    };
    double("inverted_sz_mb", megabytes(memory.inverted_bytes));
    double("vector_index_sz_mb", megabytes(memory.vector_bytes));
    out.simple("total_inverted_index_blocks");
    out.integer(count(figures.block_count));
    let mut double = |name: &str, value: f64| {
        out.simple(name);
        out.double(value);
    };
    double("offset_vectors_sz_mb", positions / 1_048_576.0);
    double("doc_table_size_mb", megabytes(memory.document_bytes));
    double("sortable_values_size_mb", megabytes(memory.record_bytes));
    double("key_table_size_mb", megabytes(memory.key_bytes));
    double("tag_overhead_sz_mb", megabytes(memory.tag_bytes));
    double("text_overhead_sz_mb", megabytes(memory.word_bytes + memory.suffix_bytes));
    double("total_index_memory_sz_mb", megabytes(memory.total_bytes()));
    double("geoshapes_sz_mb", 0.0);
    double("records_per_doc_avg", per(records, documents));
    double("bytes_per_record_avg", per(inverted, records));
    double("offsets_per_term_avg", per(positions, records));
    double("offset_bits_per_record_avg", per(8.0 * positions, positions));
}

fn write_state(declaration: &Declaration, figures: &Figures, cursors: &CursorFigures, out: &mut dyn Reply) {
    out.simple("hash_indexing_failures");
    out.integer(count(figures.failures.all.count));
    // What is written is indexed by then: nothing is left to be collected, and to do later only while the index is built.
    out.simple("total_indexing_time");
    out.double(0.0);
    out.simple("indexing");
    out.integer(i64::from(declaration.counters.building.load(Ordering::Acquire) > 0));
    out.simple("percent_indexed");
    out.double(figures.share_indexed());
    out.simple("number_of_uses");
    out.integer(count(declaration.counters.uses.load(Ordering::Relaxed)));
    out.simple("cleaning");
    out.integer(0);
    out.simple("gc_stats");
    let collected = [
        ("bytes_collected", 0.0),
        ("total_ms_run", 0.0),
        ("total_cycles", 0.0),
        ("average_cycle_time_ms", f64::NAN),
        ("last_run_time_ms", 0.0),
        ("gc_numeric_trees_missed", 0.0),
        ("gc_blocks_denied", 0.0),
    ];
    out.map(collected.len());
    for (name, value) in collected {
        out.simple(name);
        out.double(value);
    }
    out.simple("cursor_stats");
    out.map(4);
    let figures = [
        ("global_idle", cursors.total),
        ("global_total", cursors.total),
        ("index_capacity", CURSORS_MAX),
        ("index_total", cursors.of_index),
    ];
    for (name, value) in figures {
        out.simple(name);
        out.integer(count(value as u64));
    }
    if let Some(words) = &declaration.schema.stop_words {
        let mut words: Vec<_> = words.iter().map(String::as_bytes).collect();
        words.sort_unstable();
        words.dedup();
        out.simple("stopwords_list");
        out.array(words.len());
        out.bulks(&words);
    }
    out.simple("dialect_stats");
    out.map(4);
    for (place, queries) in declaration.counters.dialects.iter().enumerate() {
        out.simple(&format!("dialect_{}", place + 1));
        out.integer(i64::from(queries.load(Ordering::Relaxed) > 0));
    }
}

fn write_errors(failures: &Count, out: &mut dyn Reply) {
    out.map(3);
    out.simple("indexing failures");
    out.integer(count(failures.count));
    out.simple("last indexing error");
    match &failures.last {
        Some(last) => {
            write_word(out, &last.text);
            out.simple("last indexing error key");
            out.bulk(&last.key);
        }
        None => {
            out.simple("N/A");
            out.simple("last indexing error key");
            out.bulk(b"N/A");
        }
    }
}
