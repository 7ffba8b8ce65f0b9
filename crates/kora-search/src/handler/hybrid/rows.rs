//! The rows of FT.HYBRID: the first of the words' results and the nearest vectors, combined, loaded, and taken through the steps.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_index::schema::{FieldKind, Metric};
use kora_index::search::{Flow, Hit, KeptKey, Match, TopScores};
use kora_locks::{RankedMutex, rank};

use super::super::aggregate::{named, write_fields};
use super::super::ask::{Found, PartSearch, Purpose, Rows};
use super::super::load::{self, Columns};
use super::super::question::Question;
use super::super::refusal;
use super::super::search::count;
use super::fuse::{Fused, Ranked, fuse, similarity};
use crate::aggregate::plan::{Load, Step};
use crate::aggregate::{AggregateError, Limits, Outcome, Partial, Pipeline, Row};
use crate::command::hybrid::{Combination, Hybrid};
use crate::command::options::Format;
use crate::number::display;
use crate::service::{Fields, Service};
use crate::value::Value;

/// The columns that every row begins with, unless the score has another name.
const KEY: &str = "__key";
const SCORE: &str = "__score";

/// What FT.HYBRID is for.
#[derive(Debug)]
pub(super) struct Hybrids {
    pipeline: Arc<Pipeline>,
    names: Vec<(Arc<str>, usize)>,
    wanted: Columns,
    /// The columns of the scores of words and vectors, if they are asked for.
    words: Option<usize>,
    vectors: Option<usize>,
    /// Columns that were not asked for: they are not shown.
    hidden: Vec<&'static str>,
    /// Whether all fields of documents are shown.
    shows_all: bool,
    combination: Combination,
    tanh_divisor: Option<f64>,
    metric: Metric,
    window: usize,
    seed: u64,
    clock: Option<(fn() -> Instant, Instant)>,
    /// The nearest vectors, once they are found.
    nearest: RankedMutex<{ rank::QUERY }, Vec<Ranked>>,
}

/// A document on its way to the steps.
#[derive(Debug)]
pub(super) struct Candidate {
    fused: Fused,
    row: Row,
    /// All its fields, if they are to be shown.
    fields: Fields,
}

impl Hybrids {
    /// # Errors
    /// In the words of RediSearch.
    pub(super) fn new(
        ctx: &mut Ctx<'_>,
        service: &Service,
        question: &Question,
        asked: Hybrid,
    ) -> CommandResult<Self> {
        let declaration = &question.declaration;
        let mut given: Vec<&str> = vec![KEY, asked.score.as_deref().unwrap_or(SCORE)];
        let words = asked.search_score.as_ref().map(|_| given.len());
        given.extend(asked.search_score.as_deref());
        let vectors = asked.similar.score.as_ref().map(|_| given.len());
        given.extend(asked.similar.score.as_deref());
        for (at, name) in given.iter().enumerate() {
            if given[..at].contains(name) {
                return Err(refusal(format_args!("Property `{name}` specified more than once")));
            }
        }
        let steps = &asked.search.steps;
        let pipeline = Pipeline::compile(steps, &declaration.schema, &given).map_err(refusal)?;
        let loads_all = steps.iter().any(|step| matches!(step, Step::Load(Load::All)));
        let wanted = Columns::of(&pipeline, declaration, loads_all, question.dialect);
        let metric =
            declaration.place(&asked.similar.field).map(|place| &declaration.schema.fields[place].kind);
        let metric = match metric {
            Some(FieldKind::Vector(kind)) => kind.metric,
            _ => Metric::L2,
        };
        Ok(Self {
            names: pipeline
                .shown()
                .iter()
                .map(|(name, column)| (Arc::from(name.as_str()), *column))
                .collect(),
            pipeline: Arc::new(pipeline),
            wanted,
            words,
            vectors,
            hidden: hidden(steps),
            shows_all: loads_all && !steps.iter().any(|step| matches!(step, Step::Group(_))),
            combination: asked.combination,
            tanh_divisor: asked.tanh_divisor,
            metric,
            window: usize::try_from(asked.window).unwrap_or(usize::MAX),
            seed: ctx.random(),
            clock: service.clock().map(|clock| (clock, clock())),
            nearest: RankedMutex::new(Vec::new()),
        })
    }

    /// Takes rows through the steps.
    fn finish(&self, rows: Vec<(usize, Candidate)>) -> Result<(u64, VecDeque<Fields>), AggregateError> {
        let mut partial = Partial::new(&self.pipeline, Limits::default(), self.seed);
        let mut all: Vec<Fields> = Vec::new();
        for (rank, (_, candidate)) in (0_u64..).zip(rows) {
            let Candidate { mut row, fields, .. } = candidate;
            row.order = rank;
            all.push(fields);
            partial.add(&mut row)?;
        }
        let Outcome { rows, total } = partial.finish()?;
        let shown = rows.into_iter().map(|row| {
            let at = usize::try_from(row.order).unwrap_or(usize::MAX);
            let is_shown = |name: &Arc<str>| !self.hidden.contains(&&**name);
            let mut shown: Fields =
                named(&self.names, row).into_iter().filter(|(name, _)| is_shown(name)).collect();
            for (name, value) in all.get_mut(at).map(std::mem::take).unwrap_or_default() {
                if !shown.iter().any(|(other, _)| *other == name) {
                    shown.push((name, value));
                }
            }
            shown
        });
        Ok((total, shown.collect()))
    }

    fn elapsed_ms(&self) -> f64 {
        let elapsed = self.clock.map(|(clock, begun)| clock().saturating_duration_since(begun));
        elapsed.unwrap_or_default().as_secs_f64() * 1000.0
    }
}

/// The columns that are not shown: once fields are loaded, key and score only if they are among them.
fn hidden(steps: &[Step]) -> Vec<&'static str> {
    let mut loads = false;
    let mut named = Vec::new();
    for step in steps {
        match step {
            // From there on the names are those of the groups.
            Step::Group(_) => return Vec::new(),
            Step::Load(Load::All) => loads = true,
            Step::Load(Load::Fields(fields)) => {
                loads = true;
                named.extend(fields.iter().map(|loaded| loaded.name.as_str()));
            }
            _ => {}
        }
    }
    [KEY, SCORE].into_iter().filter(|name| loads && !named.contains(name)).collect()
}

impl Purpose for Hybrids {
    type Found = TopScores;
    type Row = Candidate;

    fn begin(&self) -> TopScores {
        TopScores::new(self.window)
    }

    fn offer(&self, found: &mut TopScores, _: &PartSearch<'_>, one: &Match<'_>) -> Flow {
        found.consider(one)
    }

    fn take_nearest(&self, nearest: Vec<(usize, KeptKey, Hit)>) {
        let ranked = nearest.into_iter().map(|(place, key, hit)| {
            let distance = if let KeptKey::Number(distance) = key { distance } else { f64::NAN };
            let score = similarity(self.metric, distance);
            Ranked { place: (place, hit.document), score, order: hit.order }
        });
        *self.nearest.lock() = ranked.collect();
    }

    fn merge(&self, parts: Vec<Found<TopScores>>) -> CommandResult<Rows<Candidate>> {
        let parts = parts.into_iter();
        let mut words: Vec<(usize, Hit)> = parts
            .flat_map(|part| part.found.finish().into_iter().map(move |hit| (part.place, hit)))
            .collect();
        words.sort_by(|(_, one), (_, other)| one.compare(other));
        words.truncate(self.window);
        let ranked = |(place, hit): (usize, Hit)| {
            let score = if hit.score.is_nan() { 0.0 } else { hit.score };
            let score = self.tanh_divisor.map_or(score, |divisor| (score / divisor).tanh());
            Ranked { place: (place, hit.document), score, order: hit.order }
        };
        let words: Vec<Ranked> = words.into_iter().map(ranked).collect();
        let vectors = std::mem::take(&mut *self.nearest.lock());
        let fused = fuse(self.combination, &words, &vectors);
        let total = fused.len() as u64;
        let row = |fused: Fused| {
            let candidate = Candidate { fused, row: Row::default(), fields: Fields::default() };
            (fused.place.0, candidate)
        };
        Ok(Rows { total, rows: fused.into_iter().map(row).collect(), are_to_be_loaded: true })
    }

    fn load(&self, part: &PartSearch<'_>, candidate: &mut Candidate) {
        let Candidate { fused, row, fields } = candidate;
        let document = fused.place.1;
        let key = part.key(document);
        row.set(0, Value::text(key));
        row.set(1, Value::Number(fused.score));
        for (column, score) in [(self.words, fused.words), (self.vectors, fused.vectors)] {
            if let (Some(column), Some(score)) = (column, score) {
                row.set(column, Value::Number(score));
            }
        }
        let dialect = part.question().dialect;
        self.wanted.fill(row, part, document);
        if self.shows_all
            && let Some(entry) = part.entry(document)
        {
            let all = load::all(&part.question().declaration, entry, dialect).into_iter();
            fields.extend(all.map(|(name, value)| (Arc::from(&*String::from_utf8_lossy(&name)), value)));
        }
    }

    fn reads_documents(&self) -> bool {
        self.wanted.read_documents() || self.pipeline.loads_all()
    }

    fn reply(
        &self,
        _: &Service,
        question: &Question,
        rows: Rows<Candidate>,
        out: &mut dyn Reply,
    ) -> CommandResult {
        let (total, rows) = self.finish(rows.rows).map_err(refusal)?;
        out.map(4);
        out.bulk(b"total_results");
        out.integer(count(total));
        out.bulk(b"results");
        out.array(rows.len());
        rows.iter().for_each(|row| write_fields(row, Format::Text, out));
        out.bulk(b"warnings");
        let warning = question.warning();
        out.array(usize::from(warning.is_some()));
        if let Some(warning) = warning {
            out.bulk(format!("{warning} (SEARCH)").as_bytes());
        }
        out.bulk(b"execution_time");
        if out.is_resp3() {
            out.double(self.elapsed_ms());
        } else {
            out.bulk(display(self.elapsed_ms()).as_bytes());
        }
        Ok(())
    }
}
