//! The rows of an aggregation: the documents of each part through the steps, then what they have come to together.

use std::collections::VecDeque;
use std::sync::Arc;

use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_index::search::{Flow, Match};

use super::super::ask::{PartSearch, ask};
use super::super::load::Wanted;
use super::super::question::Question;
use super::super::refusal;
use crate::aggregate::{AggregateError, Limits, Partial, Pipeline, Row};
use crate::command::aggregate::Aggregate;
use crate::service::{Declaration, Fields, Settings};
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
    declaration: Arc<Declaration>,
    settings: &Settings,
    asked: &Aggregate,
) -> CommandResult<Table> {
    let given: &[&str] = if asked.add_scores { &[SCORE] } else { &[] };
    let pipeline = Pipeline::compile(&asked.steps, &declaration.schema, given).map_err(refusal)?;
    let question = Question::new(ctx, declaration, settings, &asked.query, &asked.options)?;
    let wanted: Vec<_> = pipeline
        .sources()
        .iter()
        .map(|source| (source.column, Wanted::new(&question.declaration, &source.field)))
        .collect();
    let loader = Loader { wanted, pipeline: &pipeline, question: &question, is_scored: asked.add_scores };
    let (limits, seed) = (limits(settings), ctx.random());
    let mut merged: Result<Partial<'_>, AggregateError> = Ok(Partial::new(&pipeline, limits, seed));
    ask(ctx, &question, |search| {
        let mut partial = Partial::new(&pipeline, limits, seed);
        let mut result = Ok(());
        search.run(|found| {
            result = partial.add(loader.row(&search, found));
            if result.is_ok() { Flow::Continue } else { Flow::Stop }
        });
        if let Ok(all) = &mut merged
            && let Err(error) = result.and_then(|()| all.merge(partial))
        {
            merged = Err(error);
        }
    });
    let outcome = merged.and_then(Partial::finish).map_err(refusal)?;
    let names: Vec<Arc<str>> = pipeline.names().iter().map(|name| Arc::from(name.as_str())).collect();
    let total = outcome.total;
    let rows = outcome.rows.into_iter().map(|row| named(&names, row));
    let rows = rows.take(usize::try_from(settings.aggregate_results_max).unwrap_or(usize::MAX)).collect();
    Ok(Table { total, rows })
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
    is_scored: bool,
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
        if self.is_scored {
            set(0, Some(Value::Number(found.score())));
        }
        if let Some(entry) = search.entry(found.document) {
            for (column, wanted) in &self.wanted {
                set(*column, wanted.value(search.part, found.document, entry, self.question.dialect));
            }
        }
        Row { values, order: found.order(), matched_terms: Vec::new() }
    }
}
