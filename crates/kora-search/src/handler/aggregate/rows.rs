//! The rows of an aggregation: the documents of each part through the steps, then what they have come to together.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_index::search::{Flow, Match};

use super::super::ask::{Found, PartSearch, Purpose, Rows};
use super::super::cursor;
use super::super::load::{self, Columns};
use super::super::profile::{Processor, Profilable, Taken};
use super::super::question::Question;
use super::super::refusal;
use super::{Style, write_map, write_page};
use crate::aggregate::plan::{Load, Step};
use crate::aggregate::{AggregateError, Limits, Outcome, Partial, Pipeline, Row};
use crate::command::aggregate::Aggregate;
use crate::command::options::Format;
use crate::service::{Fields, NUMBER_MAX, Service, Settings};
use crate::value::Value;

/// Rows of a part between two looks at what all parts keep.
const COUNTED_TOGETHER: usize = 1024;

/// The column of scores.
const SCORE: &str = "__score";

/// What an aggregation comes to.
pub(in crate::handler) struct Table {
    /// The number that a reply begins with.
    pub(in crate::handler) total: u64,
    pub(in crate::handler) rows: VecDeque<Fields>,
    pub(in crate::handler) style: Style,
}

/// What an aggregation is for.
#[derive(Debug)]
pub(super) struct Aggregation {
    pipeline: Arc<Pipeline>,
    names: Vec<(Arc<str>, usize)>,
    wanted: Columns,
    /// The column of the score, behind those of distances.
    score: Option<usize>,
    /// Whether rows have the words of the query that are in the documents.
    has_terms: bool,
    limits: Limits,
    /// Rows and groups that all parts keep.
    kept_count: AtomicUsize,
    seed: u64,
    rows_max: usize,
    cursor: Option<cursor::Asked>,
    format: Format,
    clock: Option<(fn() -> Instant, Instant)>,
}

/// What the documents of one part have come to.
#[derive(Debug)]
pub(super) struct Come {
    result: Result<Partial, AggregateError>,
    /// Room for a row.
    row: Row,
    /// Rows that went into it.
    count: usize,
    /// What it kept of them when that was last counted.
    counted: usize,
    /// Rows of the nearest, which come in the order of their distances, whichever part they are of.
    nearest: Vec<(f64, Row)>,
    /// Keys of documents of which all fields are shown, by the order of their rows.
    keys: Vec<(u64, Box<[u8]>)>,
}

/// Where documents are, by the order of their rows: the places of their parts, and their keys.
type Documents = BTreeMap<u64, (usize, Box<[u8]>)>;

/// A row on its way to the reply.
#[derive(Debug)]
pub(in crate::handler) struct Shown {
    fields: Fields,
    /// The document of which all fields are to be shown.
    key: Option<Box<[u8]>>,
}

impl Aggregation {
    /// # Errors
    /// In the words of RediSearch.
    pub(super) fn new(
        ctx: &mut Ctx<'_>,
        service: &Service,
        question: &Question,
        settings: &Settings,
        asked: Aggregate,
    ) -> CommandResult<Self> {
        let distances = question.plan.distances();
        let mut given: Vec<&str> = distances.iter().map(|distance| distance.name.as_str()).collect();
        given.extend(asked.add_scores.then_some(SCORE));
        let pipeline =
            Pipeline::compile(&asked.steps, &question.declaration.schema, &given).map_err(refusal)?;
        let loads_all = asked.steps.iter().any(|step| matches!(step, Step::Load(Load::All)));
        let (declaration, dialect) = (&question.declaration, question.dialect);
        let wanted = Columns::of(&pipeline, declaration, loads_all, dialect);
        let has_terms = asks_terms(&asked);
        let seed = ctx.random();
        let cursor = asked.cursor.map(|options| cursor::Asked {
            index: asked.index.into(),
            options,
            number: ctx.random() & NUMBER_MAX,
            now: ctx.now,
        });
        Ok(Self {
            names: pipeline
                .shown()
                .iter()
                .map(|(name, column)| (Arc::from(name.as_str()), *column))
                .collect(),
            pipeline: Arc::new(pipeline),
            wanted,
            score: asked.add_scores.then_some(distances.len()),
            has_terms,
            limits: Limits::default(),
            kept_count: AtomicUsize::new(0),
            seed,
            rows_max: usize::try_from(settings.aggregate_results_max).unwrap_or(usize::MAX),
            cursor,
            format: asked.format,
            clock: service.clock().map(|clock| (clock, clock())),
        })
    }

    /// The same, whose steps are counted.
    pub(super) fn profiled(mut self) -> Self {
        let clock = self.clock.map(|(clock, _)| clock);
        self.pipeline = Arc::new(Pipeline::clone(&self.pipeline).profiled(clock));
        self
    }

    /// Makes a row that document's; what it was before is gone.
    fn fill(&self, row: &mut Row, part: &PartSearch<'_>, found: &Match<'_>) {
        row.values.clear();
        row.order = found.order();
        row.matched_terms.clear();
        for (column, distance) in part.distances(found.document) {
            row.set(column, Value::Number(distance));
        }
        if let Some(column) = self.score {
            row.set(column, Value::Number(found.score()));
        }
        self.wanted.fill(row, part, found.document);
        if self.has_terms {
            row.matched_terms.extend(found.terms().iter().map(|term| Value::text(term.text)));
        }
    }

    fn style(&self, question: &Question) -> Style {
        Style { format: self.format, warning: question.warning() }
    }

    /// How long it has taken so far.
    fn elapsed_ms(&self) -> i64 {
        let elapsed = self.clock.map(|(clock, begun)| clock().saturating_duration_since(begun));
        i64::try_from(elapsed.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
    }

    /// What all parts have come to.
    fn sum(&self, parts: Vec<Found<Come>>) -> Result<(Outcome, Documents), AggregateError> {
        let mut whole = Partial::new(&self.pipeline, self.limits, self.seed);
        let mut nearest = Vec::new();
        let mut keys = Documents::new();
        for Found { place, found, .. } in parts {
            whole.merge(found.result?)?;
            nearest.extend(found.nearest);
            keys.extend(found.keys.into_iter().map(|(order, key)| (order, (place, key))));
        }
        nearest.sort_by(|(one, first), (other, second)| {
            one.total_cmp(other).then(first.order.cmp(&second.order))
        });
        nearest.into_iter().try_for_each(|(_, mut row)| whole.add(&mut row))?;
        Ok((whole.finish()?, keys))
    }
}

/// Whether an expression may ask for the words of the query that are in a document.
fn asks_terms(asked: &Aggregate) -> bool {
    let asks = |text: &String| text.to_ascii_lowercase().contains("matched_terms");
    asked.steps.iter().any(|step| match step {
        Step::Apply { expression, .. } | Step::Filter(expression) => asks(expression),
        _ => false,
    })
}

impl Purpose for Aggregation {
    type Found = Come;
    type Row = Shown;

    fn begin(&self) -> Come {
        let partial = Partial::new(&self.pipeline, self.limits, self.seed);
        Come {
            result: Ok(partial),
            row: Row::default(),
            count: 0,
            counted: 0,
            nearest: Vec::new(),
            keys: Vec::new(),
        }
    }

    fn asks_scores(&self) -> bool {
        self.score.is_some() || self.has_terms
    }

    fn offer(&self, come: &mut Come, part: &PartSearch<'_>, one: &Match<'_>) -> Flow {
        if self.pipeline.loads_all() {
            come.keys.push((one.order(), part.key(one.document).into()));
        }
        self.fill(&mut come.row, part, one);
        if let Some(distance) = one.distance() {
            come.nearest.push((distance, std::mem::take(&mut come.row)));
            return Flow::Continue;
        }
        let Ok(partial) = &mut come.result else { return Flow::Stop };
        let mut result = partial.add(&mut come.row);
        come.count += 1;
        if come.count.is_multiple_of(COUNTED_TOGETHER) {
            let (kept, before) = (partial.kept_count(), come.counted);
            come.counted = kept;
            let all = self.kept_count.fetch_add(kept.wrapping_sub(before), Ordering::Relaxed);
            if all.wrapping_add(kept.wrapping_sub(before)) > self.limits.rows_max {
                result = result.and(Err(AggregateError::TooMuch("rows")));
            }
        }
        match result {
            Ok(()) => Flow::Continue,
            Err(error) => {
                come.result = Err(error);
                Flow::Stop
            }
        }
    }

    fn merge(&self, parts: Vec<Found<Come>>) -> CommandResult<Rows<Shown>> {
        let (Outcome { rows, total }, mut keys) = self.sum(parts).map_err(refusal)?;
        let rows = rows.into_iter().take(self.rows_max).map(|row| {
            let (place, key) = keys.remove(&row.order).unzip();
            (place.unwrap_or(0), Shown { fields: named(&self.names, row), key })
        });
        Ok(Rows { total, rows: rows.collect(), are_to_be_loaded: self.pipeline.loads_all() })
    }

    fn load(&self, part: &PartSearch<'_>, row: &mut Shown) {
        let Some(entry) = row.key.as_ref().and_then(|key| part.entry_of(key)) else { return };
        let question = part.question();
        for (name, value) in load::all(&question.declaration, entry, question.dialect) {
            let name = String::from_utf8_lossy(&name);
            if !row.fields.iter().any(|(other, _)| **other == *name) {
                row.fields.push((Arc::from(name), value));
            }
        }
    }

    fn reads_documents(&self) -> bool {
        self.wanted.read_documents() || self.pipeline.loads_all()
    }

    fn reply(
        &self,
        service: &Service,
        question: &Question,
        rows: Rows<Shown>,
        out: &mut dyn Reply,
    ) -> CommandResult {
        let Rows { total, rows, .. } = rows;
        let rows = rows.into_iter().map(|(_, row)| row.fields).collect();
        let table = Table { total, rows, style: self.style(question) };
        match &self.cursor {
            None => write_page(&table, out),
            Some(asked) => cursor::open(service, asked, self.elapsed_ms(), table, out)?,
        }
        Ok(())
    }
}

impl Profilable for Aggregation {
    fn write_pairs(&self, question: &Question, rows: Rows<Shown>, out: &mut dyn Reply) {
        let Rows { total, rows, .. } = rows;
        let rows = rows.into_iter().map(|(_, row)| row.fields).collect();
        write_map(total, &rows, self.style(question), out);
    }

    fn processors(&self, taken: &Taken) -> Vec<Processor> {
        let behind = |name: &str| Processor::new(name, taken.matched, Default::default());
        let mut processors = Vec::new();
        if self.score.is_some() {
            processors.push(behind("Scorer"));
        }
        let steps = self.pipeline.profile();
        if !self.wanted.is_empty() || self.pipeline.loads_all() {
            // A row is made and goes through the first steps at once: what is not theirs is the loader's.
            let steps = steps.iter().map(|(_, tally)| tally.taken()).sum();
            let time = (taken.offering + taken.merging).saturating_sub(steps) + taken.loading;
            processors.push(Processor::new("Loader", taken.matched, time));
        }
        processors.extend(steps.into_iter().map(|(name, tally)| {
            let rows = if name == "Counter" { 1 } else { tally.documents() };
            Processor::new(&name, rows, tally.taken())
        }));
        processors
    }
}

/// What a row shows, by name.
pub(in crate::handler) fn named(names: &[(Arc<str>, usize)], mut row: Row) -> Fields {
    let mut take = |column: usize| row.values.get_mut(column).and_then(Option::take);
    names.iter().filter_map(|(name, column)| Some((Arc::clone(name), take(*column)?))).collect()
}
