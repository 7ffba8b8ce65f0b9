//! The rows of an aggregation: the documents of each part through the steps, then what they have come to together.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_index::search::{Flow, Match};

use super::super::ask::{PartSearch, ask, each_index};
use super::super::load::{self, Wanted};
use super::super::question::Question;
use super::super::refusal;
use crate::aggregate::plan::{Load, Step};
use crate::aggregate::{AggregateError, Limits, Partial, Pipeline, Row};
use crate::command::aggregate::Aggregate;
use crate::companion::DB;
use crate::service::{Declaration, Fields, Service, Settings};
use crate::value::Value;

/// The column of scores.
const SCORE: &str = "__score";

/// What an aggregation comes to.
pub(in crate::handler) struct Table {
    /// The number that a reply begins with.
    pub(in crate::handler) total: u64,
    pub(in crate::handler) rows: VecDeque<Fields>,
}

/// Carries an aggregation out.
///
/// # Errors
/// In the words of RediSearch.
pub(in crate::handler) fn aggregate(
    ctx: &mut Ctx<'_>,
    service: &Service,
    declaration: Arc<Declaration>,
    settings: &Settings,
    asked: &Aggregate,
) -> CommandResult<Table> {
    let question = Question::new(ctx, service, declaration, settings, &asked.query, &asked.options)?;
    let distances = question.plan.distances();
    let mut given: Vec<&str> = distances.iter().map(|distance| distance.name.as_str()).collect();
    given.extend(asked.add_scores.then_some(SCORE));
    let pipeline = Pipeline::compile(&asked.steps, &question.declaration.schema, &given).map_err(refusal)?;
    let loads_all = asked.steps.iter().any(|step| matches!(step, Step::Load(Load::All)));
    let wanted = if loads_all { Wanted::as_it_is } else { Wanted::new };
    let wanted: Vec<_> = pipeline
        .sources()
        .iter()
        .map(|source| (source.column, wanted(&question.declaration, &source.field)))
        .collect();
    let loader = Loader {
        wanted,
        pipeline: &pipeline,
        question: &question,
        score: asked.add_scores.then_some(distances.len()),
        has_terms: asks_terms(asked),
    };
    let (limits, seed) = (limits(settings), ctx.random());
    let mut merged: Result<Partial<'_>, AggregateError> = Ok(Partial::new(&pipeline, limits, seed));
    // Where documents are of which all fields are shown, by the order of their rows.
    let mut places: BTreeMap<u64, (usize, Box<[u8]>)> = BTreeMap::new();
    // Rows of the nearest come in the order of their distances, whichever part they are of.
    let mut nearest: Vec<(f64, Row)> = Vec::new();
    ask(ctx, &question, |search| {
        let mut partial = Partial::new(&pipeline, limits, seed);
        let mut result = Ok(());
        search.run(|found| {
            if pipeline.loads_all() {
                places.insert(found.order(), (search.place, search.key(found.document).into()));
            }
            if let Some(distance) = found.distance() {
                nearest.push((distance, loader.row(&search, found)));
                return Flow::Continue;
            }
            result = partial.add(loader.row(&search, found));
            if result.is_ok() { Flow::Continue } else { Flow::Stop }
        })?;
        if let Ok(all) = &mut merged
            && let Err(error) = result.and_then(|()| all.merge(partial))
        {
            merged = Err(error);
        }
        Ok(())
    })?;
    nearest
        .sort_by(|(one, first), (other, second)| one.total_cmp(other).then(first.order.cmp(&second.order)));
    for (_, row) in nearest {
        if let Ok(all) = &mut merged
            && let Err(error) = all.add(row)
        {
            merged = Err(error);
        }
    }
    let outcome = merged.and_then(Partial::finish).map_err(refusal)?;
    let names: Vec<Arc<str>> = pipeline.names().iter().map(|name| Arc::from(name.as_str())).collect();
    let total = outcome.total;
    let most = usize::try_from(settings.aggregate_results_max).unwrap_or(usize::MAX);
    let rows = outcome.rows.into_iter().take(most);
    let (orders, mut rows): (Vec<_>, VecDeque<_>) = rows.map(|row| (row.order, named(&names, row))).unzip();
    if pipeline.loads_all() {
        load_rest(ctx, &question, &places, &orders, &mut rows);
    }
    Ok(Table { total, rows })
}

/// Loads what is left of the documents of rows.
fn load_rest(
    ctx: &mut Ctx<'_>,
    question: &Question,
    places: &BTreeMap<u64, (usize, Box<[u8]>)>,
    orders: &[u64],
    rows: &mut VecDeque<Fields>,
) {
    let mut place = 0;
    each_index(ctx, question.declaration.number, |part, store| {
        for (order, row) in orders.iter().zip(rows.iter_mut()) {
            let Some((_, key)) = places.get(order).filter(|(of, _)| *of == place) else { continue };
            let Some(entry) = store.peek(DB, key) else { continue };
            for (name, value) in load::all(&part.declaration, entry, question.dialect) {
                let name = String::from_utf8_lossy(&name);
                if !row.iter().any(|(other, _)| **other == *name) {
                    row.push((Arc::from(name), value));
                }
            }
        }
        place += 1;
    });
}

/// Whether an expression may ask for the words of the query that are in a document.
fn asks_terms(asked: &Aggregate) -> bool {
    let asks = |text: &String| text.to_ascii_lowercase().contains("matched_terms");
    asked.steps.iter().any(|step| match step {
        Step::Apply { expression, .. } | Step::Filter(expression) => asks(expression),
        _ => false,
    })
}

fn limits(_: &Settings) -> Limits {
    Limits::default()
}

fn named(names: &[Arc<str>], row: Row) -> Fields {
    let values = names.iter().zip(row.values);
    values.filter_map(|(name, value)| Some((Arc::clone(name), value?))).collect()
}

/// Makes rows of documents.
struct Loader<'a> {
    wanted: Vec<(usize, Wanted)>,
    pipeline: &'a Pipeline,
    question: &'a Question,
    /// The column of the score, behind those of distances.
    score: Option<usize>,
    /// Whether rows have the words of the query that are in the documents.
    has_terms: bool,
}

impl Loader<'_> {
    fn row(&self, search: &PartSearch<'_>, found: &Match<'_>) -> Row {
        let mut values: Vec<Option<Value>> = vec![None; self.pipeline.names().len()];
        let mut set = |column: usize, value: Option<Value>| {
            if values.len() <= column {
                values.resize(column + 1, None);
            }
            values[column] = value;
        };
        for (column, distance) in search.distances(found.document) {
            set(column, Some(Value::Number(distance)));
        }
        if let Some(column) = self.score {
            set(column, Some(Value::Number(found.score())));
        }
        // Documents are looked up only for what the index does not keep.
        let mut entry = None;
        for (column, wanted) in &self.wanted {
            let mut read = || {
                let entry = *entry.get_or_insert_with(|| search.entry(found.document));
                wanted.read(entry?, self.question.dialect)
            };
            set(*column, wanted.kept(search.part, found.document).or_else(&mut read));
        }
        let terms = if self.has_terms { found.terms() } else { Vec::new() };
        let matched_terms = terms.iter().map(|term| Value::text(term.text)).collect();
        Row { values, order: found.order(), matched_terms }
    }
}
