//! The first results of a search: the best of each part, merged, with what a reply says of them.

use std::collections::{BTreeMap, BTreeSet};

use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_index::document::SortKey;
use kora_index::schema::Source;
use kora_index::score::Explanation;
use kora_index::search::{Direction, Flow, Hit, KeptKey, Match, TopKeys, TopScores};

use super::super::ask::{PartSearch, ask};
use super::super::load::{self, Wanted};
use super::super::question::Question;
use super::super::refusal;
use super::shown::{self, Term};
use crate::command::search::{Output, Sort};
use crate::companion::{DB, IndexPart};
use crate::query::Dialect;
use crate::value::Value;

/// What a search found.
pub(in crate::handler) struct Results {
    /// All that match.
    pub(in crate::handler) total: u64,
    /// Those that are asked for.
    pub(in crate::handler) rows: Vec<Row>,
}

/// A result.
pub(in crate::handler) struct Row {
    pub(in crate::handler) key: Box<[u8]>,
    pub(in crate::handler) score: f64,
    /// How the score came about, if that is asked for.
    pub(in crate::handler) explanation: Option<Explanation>,
    pub(in crate::handler) sort: Option<KeptKey>,
    pub(in crate::handler) payload: Option<Box<[u8]>>,
    /// Names and values.
    pub(in crate::handler) fields: Vec<(Vec<u8>, Value)>,
}

/// A result of one part.
struct Candidate {
    key: KeptKey,
    hit: Hit,
    row: Row,
    /// Its distances, by name.
    distances: Vec<(Vec<u8>, Value)>,
    /// The words of the query that it has, if they are to be shown.
    terms: Vec<Term>,
}

/// What results are sorted by.
struct SortedBy {
    direction: Direction,
    by: By,
}

enum By {
    /// The field at this place, as the index keeps it.
    Kept(usize),
    /// The field at this place, which is not kept: it is looked up in documents.
    Loaded(usize, Wanted),
    /// The distance at this place.
    Distance(usize),
}

/// What is loaded of documents.
enum Loaded {
    Nothing,
    All,
    Fields(Vec<(Vec<u8>, Wanted)>),
}

/// Finds what is asked for.
///
/// # Errors
/// If it is to be sorted by a name that is no field.
pub(super) fn find(
    ctx: &mut Ctx<'_>,
    question: &Question,
    output: &Output,
    most: u64,
) -> CommandResult<Results> {
    let sorted = output.sort.as_ref().map(|sort| SortedBy::new(question, sort)).transpose()?;
    let loaded = Loaded::new(question, output);
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let offset = size(output.limit.offset.min(most));
    let end = size(output.limit.offset.saturating_add(output.limit.count).min(most)).max(offset);
    let names = question.plan.distances();
    let mut candidates = Vec::new();
    let mut total = 0;
    ask(ctx, question, |search| {
        let (matched, found) = first(&search, sorted.as_ref(), end - offset, end, output)?;
        total += matched;
        let mut terms = if output.shown.is_plain() { BTreeMap::new() } else { terms_of(&search, &found)? };
        let mut explanations = if output.explain_score { explain(&search, &found)? } else { BTreeMap::new() };
        candidates.extend(found.into_iter().map(|(key, hit)| {
            let row = Row {
                key: search.key(hit.document).into(),
                score: hit.score,
                explanation: explanations.remove(&hit.document),
                sort: sorted.as_ref().map(|_| key.clone()),
                payload: search.part.index.payload(hit.document).map(Box::from),
                fields: Vec::new(),
            };
            let named = |(place, distance): (usize, f64)| {
                (names[place].name.as_bytes().to_vec(), Value::Number(distance))
            };
            let distances = search.distances(hit.document).map(named).collect();
            let terms = terms.remove(&hit.document).unwrap_or_default();
            (search.place, Candidate { key, hit, row, distances, terms })
        }));
        Ok(())
    })?;
    candidates.sort_by(|(_, one), (_, other)| match &sorted {
        Some(sorted) => {
            sorted.direction.compare((one.key.borrow(), one.hit.order), (other.key.borrow(), other.hit.order))
        }
        None => one.hit.compare(&other.hit),
    });
    let mut page: Vec<_> = candidates.into_iter().skip(offset).take(end - offset).collect();
    load_page(ctx, question, output, (&loaded, sorted.as_ref()), &mut page);
    Ok(Results { total, rows: page.into_iter().map(|(_, candidate)| candidate.row).collect() })
}

/// How the scores of matches came about: another search, since only few of what the first one matches is kept.
fn explain(search: &PartSearch<'_>, found: &[(KeptKey, Hit)]) -> CommandResult<BTreeMap<u32, Explanation>> {
    let documents: BTreeSet<u32> = found.iter().map(|(_, hit)| hit.document).collect();
    let mut explanations = BTreeMap::new();
    search.run(|found| {
        if documents.contains(&found.document) {
            explanations.insert(found.document, found.explain());
        }
        Flow::Continue
    })?;
    Ok(explanations)
}

/// The words of the query that matches have: another search, through those only.
fn terms_of(search: &PartSearch<'_>, found: &[(KeptKey, Hit)]) -> CommandResult<BTreeMap<u32, Vec<Term>>> {
    let mut documents: Vec<u32> = found.iter().map(|(_, hit)| hit.document).collect();
    documents.sort_unstable();
    let mut terms = BTreeMap::new();
    search.run_among(Some(documents), |found| {
        let own = found.terms().into_iter().filter(|term| !term.is_value);
        terms.insert(found.document, own.map(|term| (term.text.to_owned(), term.rarity)).collect());
        Flow::Continue
    })?;
    Ok(terms)
}

/// The first matches of one part, and how many there are.
fn first(
    search: &PartSearch<'_>,
    sorted: Option<&SortedBy>,
    wanted: usize,
    end: usize,
    output: &Output,
) -> CommandResult<(u64, Vec<(KeptKey, Hit)>)> {
    if wanted == 0 {
        return Ok((search.run(|_| Flow::Continue)?, Vec::new()));
    }
    let Some(sorted) = sorted else {
        let mut top = TopScores::new(end);
        let matched = search.run(|found| {
            top.offer(hit_of(found, true));
            Flow::Continue
        })?;
        return Ok((matched, top.finish().into_iter().map(|hit| (KeptKey::Missing, hit)).collect()));
    };
    let mut top = TopKeys::new(end, sorted.direction);
    let matched = search.run(|found| {
        let hit = hit_of(found, output.with_scores);
        match &sorted.by {
            By::Kept(place) => top.offer(found.index().sortable(found.document, *place), hit),
            By::Distance(asked) => {
                let mut distances = search.distances(found.document);
                let distance = distances.find(|(place, _)| place == asked);
                top.offer(distance.map_or(SortKey::Missing, |(_, distance)| SortKey::Number(distance)), hit);
            }
            By::Loaded(_, wanted) => {
                let entry = search.entry(found.document);
                match entry.and_then(|entry| wanted.read(entry, Dialect::DEFAULT)) {
                    Some(Value::Number(number)) => top.offer(SortKey::Number(number), hit),
                    Some(Value::Text(text)) => top.offer(SortKey::Text(&text), hit),
                    _ => top.offer(SortKey::Missing, hit),
                }
            }
        }
        Flow::Continue
    })?;
    Ok((matched, top.finish()))
}

fn hit_of(found: &Match<'_>, is_scored: bool) -> Hit {
    let score = if is_scored { found.score() } else { 0.0 };
    Hit { document: found.document, score, order: found.order() }
}

/// Loads the fields of the results of a page, store by store.
fn load_page(
    ctx: &mut Ctx<'_>,
    question: &Question,
    output: &Output,
    (loaded, sorted): (&Loaded, Option<&SortedBy>),
    page: &mut [(usize, Candidate)],
) {
    if matches!(loaded, Loaded::Nothing) || page.is_empty() {
        return;
    }
    let mut place = 0;
    super::super::ask::each_index(ctx, question.declaration.number, |part, store| {
        for (_, candidate) in page.iter_mut().filter(|(of, _)| *of == place) {
            let Some(entry) = store.peek(DB, &candidate.row.key) else { continue };
            let mut fields = candidate.distances.clone();
            fields.extend(sort_field(part, sorted, &candidate.key));
            let mut first = fields.len();
            let is_distance =
                |name: &[u8]| candidate.distances.iter().any(|(distance, _)| distance.as_slice() == name);
            match loaded {
                Loaded::Nothing => {}
                Loaded::All => {
                    for (name, value) in load::all(&question.declaration, entry, question.dialect) {
                        if !is_distance(&name) {
                            put(&mut fields, name, value);
                        }
                    }
                    candidate.row.sort = shown_key(part, sorted, &fields).or(candidate.row.sort.take());
                }
                Loaded::Fields(wanted) => {
                    fields.retain(|(name, _)| wanted.iter().any(|(other, _)| other == name));
                    first = fields.len();
                    for (name, wanted) in wanted.iter().filter(|(name, _)| !is_distance(name)) {
                        let document = candidate.hit.document;
                        if let Some(value) = wanted.value(part, document, entry, question.dialect) {
                            put(&mut fields, name.clone(), value);
                        }
                    }
                }
            }
            // Of a JSON value dialect 3 shows arrays, which are no texts.
            let is_json = part.declaration.schema.source == Source::Json;
            if !output.shown.is_plain() && !(is_json && question.dialect.number() >= 3) {
                shown::show(output, part, entry, &candidate.terms, first, &mut fields);
            }
            candidate.row.fields = fields;
        }
        place += 1;
    });
}

/// What a document is sorted by stands before its other fields.
fn sort_field(part: &IndexPart, sorted: Option<&SortedBy>, key: &KeptKey) -> Vec<(Vec<u8>, Value)> {
    let Some(sorted) = sorted else { return Vec::new() };
    let (By::Kept(place) | By::Loaded(place, _)) = &sorted.by else { return Vec::new() };
    let name = part.declaration.schema.fields[*place].name.as_bytes().to_vec();
    match key {
        KeptKey::Number(number) => vec![(name, Value::Number(*number))],
        KeptKey::Text(text) => vec![(name, Value::text(text))],
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
            return Ok(Self { direction, by: By::Distance(place) });
        }
        let place = declaration
            .place(&sort.field)
            .ok_or_else(|| refusal(format_args!("Property `{}` not loaded nor in schema", sort.field)))?;
        let is_kept = declaration.schema.fields[place].sortable;
        let wanted = || Wanted::new(declaration, &sort.field);
        Ok(Self { direction, by: if is_kept { By::Kept(place) } else { By::Loaded(place, wanted()) } })
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
                        (name.as_bytes().to_vec(), Wanted::new(&question.declaration, &field.field))
                    })
                    .collect(),
            ),
        }
    }
}
