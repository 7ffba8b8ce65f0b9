//! The first results of a search: the best of each part, merged, with what a reply says of them.

use std::time::Duration;

use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_index::document::SortKey;
use kora_index::schema::Source;
use kora_index::score::Explanation;
use kora_index::search::{Direction, Flow, Hit, KeptKey, Match, SharedBound, TopKeys, TopScores};

use super::super::ask::{Found, PartSearch, Purpose, Rows};
use super::super::load::{self, Wanted};
use super::super::profile::{Processor, Profilable, Taken};
use super::super::question::Question;
use super::super::refusal;
use super::{reply, shown};
use crate::command::search::{Output, Sort};
use crate::companion::IndexPart;
use crate::service::Service;
use crate::value::Value;

/// Rows that a reply seldom has more of.
const ROWS_USUAL: usize = 64;

/// A result, which is moved from stage to stage: what few of them have lies apart.
#[derive(Debug)]
pub(in crate::handler) struct Row {
    pub(in crate::handler) hit: Hit,
    /// What it was sorted by, as the index has it.
    sorted_by: KeptKey,
    pub(in crate::handler) key: Box<[u8]>,
    /// Names and values.
    pub(in crate::handler) fields: Vec<(Vec<u8>, Value)>,
    rest: Option<Box<Rest>>,
}

/// What few results have.
#[derive(Debug, Default)]
struct Rest {
    explanation: Option<Explanation>,
    sort: Option<KeptKey>,
    payload: Option<Box<[u8]>>,
}

impl Row {
    fn new(sorted_by: KeptKey, hit: Hit) -> Self {
        Self { hit, sorted_by, key: Box::default(), fields: Vec::new(), rest: None }
    }

    /// How the score came about, if that is asked for.
    pub(in crate::handler) fn explanation(&self) -> Option<&Explanation> {
        self.rest.as_ref()?.explanation.as_ref()
    }

    /// What is shown as its sort key.
    pub(in crate::handler) fn sort(&self) -> Option<&KeptKey> {
        self.rest.as_ref()?.sort.as_ref()
    }

    pub(in crate::handler) fn payload(&self) -> Option<&[u8]> {
        self.rest.as_ref()?.payload.as_deref()
    }
}

/// What results are sorted by.
#[derive(Debug)]
struct SortedBy {
    direction: Direction,
    by: By,
    /// What is shown of it, if that is not the key: since dialect 3 what a path finds.
    shown: Option<Wanted>,
}

#[derive(Debug)]
enum By {
    /// The field at this place, as the index keeps it.
    Kept(usize),
    /// The field at this place, which is not kept: it is looked up in documents.
    Loaded(usize, Wanted),
    /// The distance at this place.
    Distance(usize),
}

/// What is loaded of documents.
#[derive(Debug)]
enum Loaded {
    Nothing,
    All,
    Fields(Vec<(Vec<u8>, Wanted)>),
}

/// What a search is for: the first of what it matches.
#[derive(Debug)]
pub(super) struct First {
    output: Output,
    sorted: Option<SortedBy>,
    loaded: Loaded,
    /// The rows of the reply: from this one on, and before that one.
    offset: usize,
    end: usize,
    /// The names of distances.
    distances: Vec<Vec<u8>>,
    /// What comes behind it in an order by a kept number need not be looked at.
    bound: SharedBound,
}

/// The first matches of a part.
#[derive(Debug)]
pub(super) enum Best {
    /// They are only counted.
    Counted,
    Scores(TopScores),
    Keys(TopKeys),
}

impl First {
    /// # Errors
    /// If it is to be sorted by a name that is no field.
    pub(super) fn new(question: &Question, output: &Output, most: u64) -> CommandResult<Self> {
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let offset = size(output.limit.offset.min(most));
        let end = size(output.limit.offset.saturating_add(output.limit.count).min(most)).max(offset);
        // Where none is wanted, nobody asks what they would be sorted by.
        let sort = output.sort.as_ref().filter(|_| end > offset);
        let sorted = sort.map(|sort| SortedBy::new(question, sort)).transpose()?;
        let names = question.plan.distances().into_iter().map(|distance| distance.name.into_bytes());
        Ok(Self {
            loaded: Loaded::new(question, output),
            output: output.clone(),
            sorted,
            offset,
            end,
            distances: names.collect(),
            bound: SharedBound::default(),
        })
    }
}

impl Purpose for First {
    type Found = Best;
    type Row = Row;

    fn begin(&self) -> Best {
        match &self.sorted {
            _ if self.end == self.offset => Best::Counted,
            None => Best::Scores(TopScores::new(self.end)),
            Some(sorted) => Best::Keys(TopKeys::new(self.end, sorted.direction)),
        }
    }

    fn asks_scores(&self) -> bool {
        self.sorted.is_none() || self.output.with_scores
    }

    fn offer(&self, found: &mut Best, part: &PartSearch<'_>, one: &Match<'_>) -> Flow {
        match (found, &self.sorted) {
            (Best::Counted, _) => return Flow::Above(f64::INFINITY),
            (Best::Scores(top), _) => return top.consider(one),
            (Best::Keys(top), Some(sorted)) => {
                offer_sorted(top, &sorted.by, part, one, self.output.with_scores);
                if let By::Kept(field) = sorted.by {
                    return self.bound.narrow(top, field, one.index());
                }
            }
            _ => {}
        }
        Flow::Continue
    }

    fn merge(&self, parts: Vec<Found<Best>>) -> CommandResult<Rows<Row>> {
        let total = parts.iter().map(|part| part.matched).sum();
        let are_several = parts.len() > 1;
        let mut all: Vec<(usize, KeptKey, Hit)> = Vec::with_capacity(self.end.min(ROWS_USUAL) * parts.len());
        for Found { place, found, .. } in parts {
            match found {
                Best::Counted => {}
                Best::Scores(top) => {
                    all.extend(top.finish().into_iter().map(|hit| (place, KeptKey::Missing, hit)));
                }
                Best::Keys(top) => all.extend(top.finish().into_iter().map(|(key, hit)| (place, key, hit))),
            }
        }
        // Each part's own are in order: this is a merge.
        match &self.sorted {
            _ if !are_several => {}
            Some(sorted) => all.sort_by(|(_, one, first), (_, other, second)| {
                sorted.direction.compare((one.borrow(), first.order), (other.borrow(), second.order))
            }),
            None => all.sort_by(|(_, _, first), (_, _, second)| first.compare(second)),
        }
        let page = all.into_iter().skip(self.offset).take(self.end - self.offset);
        let rows = page.map(|(place, key, hit)| (place, Row::new(key, hit)));
        Ok(Rows { total, rows: rows.collect(), are_to_be_loaded: true })
    }

    fn load(&self, part: &PartSearch<'_>, row: &mut Row) {
        let document = row.hit.document;
        row.key = part.key(document).into();
        let Output { explain_score, with_sort_keys, with_payloads, .. } = self.output;
        if explain_score || with_sort_keys || with_payloads {
            let rest = Rest {
                explanation: if explain_score { part.explain(document) } else { None },
                sort: self.sorted.as_ref().filter(|_| with_sort_keys).map(|_| row.sorted_by.clone()),
                payload: part.part.index.payload(document).filter(|_| with_payloads).map(Box::from),
            };
            if rest.explanation.is_some() || rest.sort.is_some() || rest.payload.is_some() {
                row.rest = Some(Box::new(rest));
            }
        }
        if !matches!(self.loaded, Loaded::Nothing) {
            self.load_fields(part, row);
        }
    }

    fn reads_documents(&self) -> bool {
        let sorts_loaded = self.sorted.as_ref().is_some_and(|sorted| matches!(sorted.by, By::Loaded(..)));
        sorts_loaded || !matches!(self.loaded, Loaded::Nothing)
    }

    fn reply(&self, _: &Service, question: &Question, rows: Rows<Row>, out: &mut dyn Reply) -> CommandResult {
        reply::write(question, &self.output, &rows, out);
        Ok(())
    }
}

impl Profilable for First {
    fn write_pairs(&self, question: &Question, rows: Rows<Row>, out: &mut dyn Reply) {
        reply::write_map(question, &self.output, &rows, out);
    }

    fn processors(&self, taken: &Taken) -> Vec<Processor> {
        if self.end == self.offset {
            return vec![Processor::new("Counter", 1, taken.offering)];
        }
        let mut processors = Vec::new();
        let kept = taken.matched.min(self.end as u64);
        match &self.sorted {
            // Each part scores its matches and keeps the best of them at once.
            None => {
                processors.push(Processor::new("Scorer", taken.matched, taken.offering));
                processors.push(Processor::new("Sorter", kept, taken.merging));
            }
            Some(SortedBy { by, .. }) => {
                if self.output.with_scores {
                    processors.push(Processor::new("Scorer", taken.matched, Duration::ZERO));
                }
                if matches!(by, By::Loaded(..)) {
                    processors.push(Processor::new("Loader", taken.matched, Duration::ZERO));
                }
                processors.push(Processor::new("Sorter", kept, taken.offering + taken.merging));
            }
        }
        if self.offset > 0 {
            processors.push(Processor::new("Pager/Limiter", taken.rows, Duration::ZERO));
        }
        if !matches!(self.loaded, Loaded::Nothing) {
            processors.push(Processor::new("Loader", taken.rows, taken.loading));
        }
        if !self.output.shown.is_plain() {
            processors.push(Processor::new("Highlighter", taken.rows, Duration::ZERO));
        }
        processors
    }
}

fn offer_sorted(top: &mut TopKeys, by: &By, part: &PartSearch<'_>, one: &Match<'_>, with_scores: bool) {
    let mut offer = |key: SortKey<'_>| top.consider(key, one, with_scores);
    match by {
        By::Kept(place) => offer(one.index().sortable(one.document, *place)),
        By::Distance(asked) => {
            let mut distances = part.distances(one.document);
            let distance = distances.find(|(place, _)| place == asked);
            offer(distance.map_or(SortKey::Missing, |(_, distance)| SortKey::Number(distance)));
        }
        By::Loaded(_, wanted) => {
            let entry = part.entry(one.document);
            match entry.and_then(|entry| wanted.sort_value(entry, part.question().dialect)) {
                Some(Value::Number(number)) => offer(SortKey::Number(number)),
                Some(Value::Text(text)) => offer(SortKey::Text(&text)),
                Some(Value::Null) => offer(SortKey::Null),
                _ => offer(SortKey::Missing),
            }
        }
    }
}

impl First {
    /// Loads the fields of a result.
    fn load_fields(&self, search: &PartSearch<'_>, row: &mut Row) {
        let (part, question, sorted) = (search.part, search.question(), self.sorted.as_ref());
        let Some(entry) = search.entry_of(&row.key) else { return };
        let document = row.hit.document;
        let distances: Vec<_> = search
            .distances(document)
            .map(|(place, distance)| (self.distances[place].clone(), Value::Number(distance)))
            .collect();
        let is_distance = |name: &[u8]| distances.iter().any(|(distance, _)| distance.as_slice() == name);
        let mut fields = distances.clone();
        match sorted.and_then(|sorted| Some((sorted.field(part)?, sorted.shown.as_ref()?))) {
            Some((name, shown)) => {
                let value = shown.value(part, document, || Some(entry), question.dialect);
                fields.extend(value.map(|value| (name, value)));
            }
            None => fields.extend(sort_field(part, sorted, &row.sorted_by)),
        }
        let mut first = fields.len();
        match &self.loaded {
            Loaded::Nothing => {}
            Loaded::All => {
                for (name, value) in load::all(&question.declaration, entry, question.dialect) {
                    if !is_distance(&name) {
                        put(&mut fields, name, value);
                    }
                }
                if let Some(rest) = &mut row.rest
                    && let Some(shown) = shown_key(part, sorted, &fields)
                {
                    rest.sort = Some(shown);
                }
            }
            Loaded::Fields(wanted) => {
                fields.retain(|(name, _)| wanted.iter().any(|(other, _)| other == name));
                first = fields.len();
                for (name, wanted) in wanted.iter().filter(|(name, _)| !is_distance(name)) {
                    if let Some(value) = wanted.value(part, document, || Some(entry), question.dialect) {
                        put(&mut fields, name.clone(), value);
                    }
                }
            }
        }
        // Of a JSON value dialect 3 shows arrays, which are no texts.
        let is_json = part.declaration.schema.source == Source::Json;
        let is_array = is_json && question.dialect.number() >= 3;
        if !(self.output.shown.is_plain() || is_array) {
            let terms = search.terms(document);
            shown::show(&self.output, part, entry, &terms, first, &mut fields);
        }
        row.fields = fields;
    }
}

/// What a document is sorted by stands before its other fields.
fn sort_field(part: &IndexPart, sorted: Option<&SortedBy>, key: &KeptKey) -> Vec<(Vec<u8>, Value)> {
    let Some(name) = sorted.and_then(|sorted| sorted.field(part)) else { return Vec::new() };
    match key {
        KeptKey::Number(number) => vec![(name, Value::Number(*number))],
        KeptKey::Text(text) => vec![(name, Value::text(text))],
        KeptKey::Null => vec![(name, Value::Null)],
        KeptKey::Missing => Vec::new(),
    }
}

/// What is shown as the key of a result with all its fields: the field as it is, if the index keeps none.
fn shown_key(part: &IndexPart, sorted: Option<&SortedBy>, fields: &[(Vec<u8>, Value)]) -> Option<KeptKey> {
    let By::Loaded(place, _) = &sorted?.by else { return None };
    let name = part.declaration.schema.fields[*place].name.as_bytes();
    match fields.iter().find(|(other, _)| other == name) {
        Some((_, Value::Text(text))) => Some(KeptKey::Text(text[..].into())),
        _ => None,
    }
}

/// Gives a name a value, at the place that it has already, if it has one.
fn put(fields: &mut Vec<(Vec<u8>, Value)>, name: Vec<u8>, value: Value) {
    match fields.iter_mut().find(|(other, _)| *other == name) {
        Some((_, old)) => *old = value,
        None => fields.push((name, value)),
    }
}

impl SortedBy {
    fn new(question: &Question, sort: &Sort) -> CommandResult<Self> {
        let declaration = &question.declaration;
        let direction = if sort.descending { Direction::Descending } else { Direction::Ascending };
        let distances = question.plan.distances();
        if let Some(place) = distances.iter().position(|distance| distance.name == sort.field) {
            return Ok(Self { direction, by: By::Distance(place), shown: None });
        }
        let place = declaration
            .place(&sort.field)
            .ok_or_else(|| refusal(format_args!("Property `{}` not loaded nor in schema", sort.field)))?;
        let is_kept = declaration.schema.fields[place].sortable;
        let wanted = || Wanted::new(declaration, &sort.field, question.dialect);
        let by = if is_kept { By::Kept(place) } else { By::Loaded(place, wanted()) };
        let is_json = declaration.schema.source == Source::Json;
        let shown = (is_json && load::shows_arrays(question.dialect)).then(wanted);
        Ok(Self { direction, by, shown })
    }

    /// The name of the field, if it is one.
    fn field(&self, part: &IndexPart) -> Option<Vec<u8>> {
        let (By::Kept(place) | By::Loaded(place, _)) = &self.by else { return None };
        Some(part.declaration.schema.fields[*place].name.as_bytes().to_vec())
    }
}

impl Loaded {
    fn new(question: &Question, output: &Output) -> Self {
        match &output.returned {
            _ if output.no_content => Self::Nothing,
            None => Self::All,
            Some(returned) if returned.is_empty() => Self::Nothing,
            Some(returned) => Self::Fields(
                returned
                    .iter()
                    .filter(|field| !load::is_own(&question.declaration, field.field.as_bytes()))
                    .map(|field| {
                        let name = field.alias.as_ref().unwrap_or(&field.field);
                        (
                            name.as_bytes().to_vec(),
                            Wanted::new(&question.declaration, &field.field, question.dialect),
                        )
                    })
                    .collect(),
            ),
        }
    }
}
