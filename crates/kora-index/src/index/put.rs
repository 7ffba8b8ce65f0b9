//! How documents come into an index and go.

use super::forms::{Form, Forms};
use super::{Held, Index, Indexed, RECLAIMED_PER_CHANGE, Sorted, contents};
use crate::analysis;
use crate::document::{Content, Document, SortKey, SortValue, Values};
use crate::error::PutError;
use crate::geo;
use crate::postings::{Entry, Layout};
use crate::schema::{Field, FieldKind, Source};
use crate::table::{Facts, Packed, SortBits};
use crate::varint::{self, Reader};
use crate::vectors::{self, Detached};

/// Positions between two values of an array, so that no phrase spans them.
const VALUES_APART: u32 = 100;
/// Factor of a stem's frequency.
const STEM_FACTOR: f64 = 0.2;

/// Buffers that live from one document to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    occurrences: Vec<Occurrence>,
    numbers: Vec<u32>,
    positions: Vec<u8>,
    mark: String,
}

/// A word at a place.
#[derive(Clone, Copy, Debug)]
struct Occurrence {
    term: u32,
    position: u32,
    field: u32,
    frequency: u32,
}

/// What is put together while a document is put.
struct Parts {
    /// Sort values that the table keeps.
    numbers: Vec<SortBits>,
    /// Those that the record keeps.
    sorts: Vec<u8>,
    contents: Vec<u8>,
    /// Fields that it lacks, where that is indexed.
    missing: Vec<u32>,
    /// For each tag field its place and the numbers of its values.
    tags: Vec<(usize, Vec<u32>)>,
}

impl Index {
    pub(super) fn put_document(&mut self, key: &[u8], document: &Document<'_>) -> Result<(), PutError> {
        self.check(document)?;
        let language = self.language(document.language).to_ascii_lowercase();
        if !self.prepare_stemmer(&language) {
            return Err(PutError::UnknownLanguage(document.language.unwrap_or_default().to_owned()));
        }
        if self.table.last_number() >= u32::MAX - 2 {
            return Err(PutError::NoNumbersLeft);
        }
        let mut vectors = Vec::new();
        if let Some(old) = self.table.find(key) {
            vectors = self.detach_vectors(old, document);
            self.retire(old);
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        let length = self.collect_words(document, &language, &mut scratch);
        let parts = self.collect_values(document, &mut scratch);
        let frequency_max = self.frequency_max(document, &mut scratch);
        let score = document.score.or(self.schema.score).unwrap_or(1.0);
        let length = document.length.unwrap_or(length);
        let facts = Facts { length, frequency_max, score: as_single(score), order: document.order };
        let record = Packed::new(key, &parts.sorts, document.payload, &parts.contents);
        let number =
            self.table.insert(facts, &parts.numbers, &record).expect("numbers are left, as checked above");
        self.add_words((number, length), &mut scratch);
        for (place, detached) in &vectors {
            if let Indexed::Vectors(index) = &mut self.fields[*place].indexed {
                index.attach(number, *detached);
            }
        }
        self.add_values((number, length), document, &parts, &vectors);
        self.scratch = scratch;
        self.reclaim(RECLAIMED_PER_CHANGE);
        Ok(())
    }

    /// Whether the document's contents are of the fields' kinds.
    fn check(&self, document: &Document<'_>) -> Result<(), PutError> {
        if document.fields.len() > self.schema.fields.len() {
            return Err(PutError::WrongContent(String::new()));
        }
        for (field, values) in self.schema.fields.iter().zip(&document.fields) {
            match (&field.kind, &values.content) {
                (_, Content::Missing)
                | (FieldKind::Text { .. }, Content::Text(_))
                | (FieldKind::Tag { .. }, Content::Tags(_)) => {}
                (FieldKind::Numeric, Content::Numbers(numbers)) => {
                    if numbers.iter().any(|number| number.is_nan()) {
                        return Err(PutError::NotANumber(field.name.clone()));
                    }
                }
                (FieldKind::Geo, Content::Points(points)) => {
                    if points.iter().any(|point| geo::encode(point.0, point.1).is_none()) {
                        return Err(PutError::PointOutOfRange(field.name.clone()));
                    }
                }
                (FieldKind::Scalar, Content::Scalars(_)) => {}
                (FieldKind::Vector(kind), Content::Vectors(given)) => {
                    let expected = vectors::blob_bytes(kind);
                    if let Some(wrong) = given.iter().find(|vector| vector.len() != expected) {
                        let (field, size) = (field.name.clone(), wrong.len());
                        return Err(PutError::VectorLength { field, size, expected });
                    }
                }
                _ => return Err(PutError::WrongContent(field.name.clone())),
            }
        }
        Ok(())
    }

    /// Finds the words of all texts and their stems. Returns the document's length.
    fn collect_words(&mut self, document: &Document<'_>, language: &str, scratch: &mut Scratch) -> u32 {
        let (mut position, mut length) = (0_u32, 0_u32);
        let Self { schema, fields, terms, stemmers, stop_words, synonyms, .. } = self;
        let stemmer = stemmers.get(language);
        for (place, values) in document.fields.iter().enumerate() {
            let (Indexed::Text(bit), FieldKind::Text { weight, .. }, Content::Text(texts)) =
                (&fields[place].indexed, &schema.fields[place].kind, &values.content)
            else {
                continue;
            };
            let frequency = frequency_of(*weight);
            let stem_frequency = frequency_of(*weight * STEM_FACTOR);
            let mut forms = Forms::new(&schema.fields[place], stemmer, synonyms);
            for (nth, text) in texts.iter().enumerate() {
                forms.begin();
                position = position.saturating_add(if nth > 0 { VALUES_APART } else { 0 });
                let Scratch { occurrences, mark, .. } = scratch;
                let mut visit = |word: &str| {
                    if stop_words.contains(word) {
                        return;
                    }
                    position = position.saturating_add(1);
                    length = length.saturating_add(frequency);
                    let mut add = |text: &str, frequency: u32| {
                        let term = terms.insert(text);
                        occurrences.push(Occurrence { term, position, field: *bit, frequency });
                    };
                    forms.visit(word, mark, |form, text| match form {
                        Form::Stem => add(text, stem_frequency),
                        Form::Word | Form::Sound | Form::Synonym => add(text, frequency),
                    });
                };
                if text.is_empty() && schema.fields[place].index_empty {
                    visit("");
                } else {
                    analysis::words(text, visit);
                }
            }
        }
        length
    }

    /// Finds the values of all other fields, and packs what the record is to hold.
    fn collect_values(&mut self, document: &Document<'_>, scratch: &mut Scratch) -> Parts {
        let mut parts = Parts {
            numbers: Vec::new(),
            sorts: Vec::new(),
            contents: Vec::new(),
            missing: Vec::new(),
            tags: Vec::new(),
        };
        let none = Values::default();
        for (place, field) in self.schema.fields.iter().enumerate() {
            let values = document.fields.get(place).unwrap_or(&none);
            if self.fields[place].missing.is_some() && values.content == Content::Missing {
                parts.missing.push(u32::try_from(place).unwrap_or(u32::MAX));
            }
            match (self.fields[place].sorted, &values.sort) {
                (Sorted::Not, _) => {}
                (Sorted::Number(_), Some(SortValue::Number(number))) => {
                    parts.numbers.push(SortBits::new(Some(*number)));
                }
                (Sorted::Number(_), _) => parts.numbers.push(SortBits::new(None)),
                (Sorted::InRecord(_), sort) => contents::push_sort(&mut parts.sorts, field, sort.as_ref()),
            }
        }
        contents::push_ascending(&mut parts.contents, &parts.missing);
        scratch.numbers.clear();
        scratch.numbers.extend(scratch.occurrences.iter().map(|occurrence| occurrence.term));
        scratch.numbers.sort_unstable();
        scratch.numbers.dedup();
        contents::push_ascending(&mut parts.contents, &scratch.numbers);
        for (place, field) in self.schema.fields.iter().enumerate() {
            let values = document.fields.get(place).unwrap_or(&none);
            match &mut self.fields[place].indexed {
                Indexed::Nothing | Indexed::Text(_) | Indexed::Vectors(_) => {}
                Indexed::Tags(dictionary) => {
                    let mut numbers = Vec::new();
                    visit_tags(&self.schema.source, field, &values.content, |tag| {
                        numbers.push(dictionary.insert(tag))
                    });
                    numbers.sort_unstable();
                    numbers.dedup();
                    contents::push_ascending(&mut parts.contents, &numbers);
                    parts.tags.push((place, numbers));
                }
                Indexed::Numbers(_) => {
                    let numbers =
                        if let Content::Numbers(numbers) = &values.content { &**numbers } else { &[] };
                    let sorted = values.sort.as_ref().filter(|_| field.sortable);
                    contents::push_numbers(&mut parts.contents, numbers, sorted);
                }
                Indexed::Scalars(_) => {
                    let scalars =
                        if let Content::Scalars(scalars) = &values.content { &**scalars } else { &[] };
                    contents::push_scalars(&mut parts.contents, scalars);
                }
                Indexed::Points(_) => {
                    let points = if let Content::Points(points) = &values.content { &**points } else { &[] };
                    let numbers: Vec<f64> = points.iter().filter_map(|point| point_number(*point)).collect();
                    contents::push_numbers(&mut parts.contents, &numbers, None);
                }
            }
        }
        parts
    }

    /// The greatest frequency of a word; occurrences are in order of their words after that. As in RediSearch, each vector adds one to what was
    /// greatest in the fields before it.
    fn frequency_max(&self, document: &Document<'_>, scratch: &mut Scratch) -> u32 {
        scratch.occurrences.sort_unstable_by_key(|occurrence| (occurrence.term, occurrence.position));
        let has_vectors = |values: &Values<'_>| matches!(values.content, Content::Vectors(_));
        let (mut greatest, mut counted, mut before) = (0, 0_u128, 0_u128);
        for (field, values) in self.fields.iter().zip(&document.fields) {
            match field.indexed {
                Indexed::Text(bit) => before |= 1_u128.checked_shl(bit).unwrap_or(0),
                Indexed::Vectors(_) if has_vectors(values) => {
                    greatest = frequency_within(&scratch.occurrences, before, counted).max(greatest) + 1;
                    counted = before;
                }
                _ => {}
            }
        }
        frequency_within(&scratch.occurrences, u128::MAX, counted).max(greatest)
    }

    fn add_words(&mut self, (number, length): (u32, u32), scratch: &mut Scratch) {
        let layout = self.layout;
        let Scratch { occurrences, positions, .. } = scratch;
        for group in occurrences.chunk_by(|one, other| one.term == other.term) {
            positions.clear();
            let (mut before, mut fields) = (0, 0_u128);
            for occurrence in group {
                fields |= 1_u128.checked_shl(occurrence.field).unwrap_or(0);
                if layout.positions {
                    varint::push(positions, u64::from(occurrence.position - before));
                    before = occurrence.position;
                }
            }
            let frequency = total_frequency(group);
            if let Some(held) = self.terms.value_mut(group[0].term) {
                let entry = Entry { document: number, frequency, fields, positions };
                self.posting_bytes += held.postings.push(layout, &entry, length);
                self.records += 1;
            }
        }
        occurrences.clear();
    }

    /// Vectors that a document has as it had them before, for its new number: so that a graph need not be searched for their places again. None if a
    /// snapshot may see the document as it was.
    fn detach_vectors(&mut self, old: u32, document: &Document<'_>) -> Vec<(usize, Detached)> {
        let has_any = self.fields.iter().any(|field| matches!(field.indexed, Indexed::Vectors(_)));
        if !has_any || self.table.has_snapshots() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (place, (field, values)) in self.fields.iter_mut().zip(&document.fields).enumerate() {
            if let (Indexed::Vectors(index), Content::Vectors(vectors)) =
                (&mut field.indexed, &values.content)
            {
                found.extend(index.detach(old, vectors).map(|detached| (place, detached)));
            }
        }
        found
    }

    fn add_values(
        &mut self,
        (number, length): (u32, u32),
        document: &Document<'_>,
        parts: &Parts,
        attached: &[(usize, Detached)],
    ) {
        let entry = Entry { document: number, frequency: 1, fields: u128::MAX, positions: &[] };
        for place in &parts.missing {
            if let Some(held) = &mut self.fields[*place as usize].missing {
                self.posting_bytes += held.postings.push(Layout::BARE, &entry, length);
            }
        }
        for (place, numbers) in &parts.tags {
            let Indexed::Tags(dictionary) = &mut self.fields[*place].indexed else { continue };
            for value in numbers {
                if let Some(held) = dictionary.value_mut(*value) {
                    self.posting_bytes += held.postings.push(Layout::BARE, &entry, length);
                }
            }
        }
        for (place, (field, values)) in self.fields.iter_mut().zip(&document.fields).enumerate() {
            match (&mut field.indexed, &values.content) {
                (Indexed::Numbers(index), Content::Numbers(numbers)) => {
                    numbers.iter().for_each(|value| index.insert(*value, number));
                }
                (Indexed::Scalars(index), Content::Scalars(scalars)) => {
                    for value in scalars {
                        index.all.insert(value, number);
                        index.listed_bytes += contents::scalar_bytes(value);
                    }
                }
                (Indexed::Vectors(_), _) if attached.iter().any(|(other, _)| *other == place) => {}
                (Indexed::Vectors(index), Content::Vectors(vectors)) => {
                    vectors.iter().for_each(|vector| index.insert(number, vector));
                }
                (Indexed::Points(index), Content::Points(points)) => {
                    points
                        .iter()
                        .filter_map(|point| point_number(*point))
                        .for_each(|value| index.insert(value, number));
                }
                _ => {}
            }
        }
    }

    /// Ends a document's life: counts fall at once; entries go now, or when no snapshot sees them any more.
    pub(super) fn retire(&mut self, number: u32) {
        if let Some(record) = self.table.record(number) {
            self.records -= contents::word_count(record.contents());
        }
        if self.table.retire(number) {
            self.free(number, false);
        } else {
            self.visit_held(number, |held, _, _| {
                held.dying += 1;
                (0, false)
            });
            for (place, value) in self.numbers_of(number) {
                self.fields[place].dying.insert(value, number);
            }
            self.each_scalar_of(number, |held, value| held.dying.insert(value, number));
        }
    }

    /// Takes all entries of a dead document out, which its words and values may have counted as dying.
    pub(super) fn free(&mut self, number: u32, was_dying: bool) {
        self.visit_held(number, |held, layout, table| {
            held.dying -= u32::from(was_dying);
            (
                held.postings.remove(layout, number, |other| table.is_forgotten(other)),
                held.postings.live() == 0,
            )
        });
        self.each_scalar_of(number, |held, value| {
            held.all.remove(value, number);
            held.listed_bytes -= contents::scalar_bytes(value);
            if was_dying {
                held.dying.remove(value, number);
            }
        });
        let numbers = self.numbers_of(number);
        if !self.table.forget(number) {
            return;
        }
        for field in &mut self.fields {
            if let Indexed::Vectors(vectors) = &mut field.indexed {
                vectors.remove(number);
            }
        }
        for (place, value) in numbers {
            let field = &mut self.fields[place];
            if let Indexed::Numbers(numbers) | Indexed::Points(numbers) = &mut field.indexed {
                numbers.remove(value, number);
            }
            if was_dying {
                field.dying.remove(value, number);
            }
        }
    }

    /// The numbers and points of a document that is not freed, with the places of their fields.
    fn numbers_of(&self, number: u32) -> Vec<(usize, f64)> {
        let mut found = Vec::new();
        let Some(record) = self.table.record(number) else { return found };
        let mut reader = Reader::new(record.contents());
        contents::read_ascending(&mut reader, |_| {});
        contents::read_ascending(&mut reader, |_| {});
        for (place, field) in self.fields.iter().enumerate() {
            match &field.indexed {
                Indexed::Nothing | Indexed::Text(_) | Indexed::Vectors(_) => {}
                Indexed::Tags(_) => contents::read_ascending(&mut reader, |_| {}),
                Indexed::Scalars(_) => contents::read_scalars(&mut reader, |_| {}),
                Indexed::Numbers(_) => {
                    let sorted = self.sortable(number, place);
                    contents::read_numbers(&mut reader, sorted, |value| found.push((place, value)));
                }
                Indexed::Points(_) => {
                    contents::read_numbers(&mut reader, SortKey::Missing, |value| found.push((place, value)));
                }
            }
        }
        found
    }

    /// Calls with all words and values of a document; whatever is said to be empty then is taken out.
    fn visit_held(
        &mut self,
        number: u32,
        mut visit: impl FnMut(&mut Held, Layout, &crate::table::Table) -> (isize, bool),
    ) {
        let Self { table, terms, fields, layout, posting_bytes, .. } = self;
        let Some(record) = table.record(number) else { return };
        let mut reader = Reader::new(record.contents());
        contents::read_ascending(&mut reader, |place| {
            if let Some(held) = fields.get_mut(place as usize).and_then(|field| field.missing.as_mut()) {
                *posting_bytes += visit(held, Layout::BARE, table).0;
            }
        });
        contents::read_ascending(&mut reader, |term| {
            let Some(held) = terms.value_mut(term) else { return };
            let (growth, is_empty) = visit(held, *layout, table);
            *posting_bytes += growth;
            if is_empty {
                terms.remove(term);
            }
        });
        for field in fields.iter_mut() {
            match &mut field.indexed {
                Indexed::Nothing | Indexed::Text(_) | Indexed::Vectors(_) => {}
                Indexed::Numbers(_) | Indexed::Points(_) => {
                    contents::read_numbers(&mut reader, SortKey::Missing, |_| {})
                }
                Indexed::Scalars(_) => contents::read_scalars(&mut reader, |_| {}),
                Indexed::Tags(dictionary) => contents::read_ascending(&mut reader, |value| {
                    let Some(held) = dictionary.value_mut(value) else { return };
                    let (growth, is_empty) = visit(held, Layout::BARE, table);
                    *posting_bytes += growth;
                    if is_empty {
                        dictionary.remove(value);
                    }
                }),
            }
        }
    }
}

/// The greatest frequency, in fields with these bits, of a word that is in one of them but not in those that are counted; occurrences are in order
/// of their words.
fn frequency_within(occurrences: &[Occurrence], fields: u128, counted: u128) -> u32 {
    if fields == counted {
        return 0;
    }
    let groups = occurrences.chunk_by(|one, other| one.term == other.term);
    if counted == 0 && fields == u128::MAX {
        return groups.map(total_frequency).max().unwrap_or(0);
    }
    let bit = |occurrence: &Occurrence| 1_u128.checked_shl(occurrence.field).unwrap_or(0);
    let new = groups.filter(|group| group.iter().any(|one| bit(one) & fields & !counted != 0));
    let total = |group: &[Occurrence]| {
        let within = group.iter().filter(|one| bit(one) & fields != 0);
        within.fold(0, |sum: u32, one| sum.saturating_add(one.frequency))
    };
    new.map(total).max().unwrap_or(0)
}

fn total_frequency(group: &[Occurrence]) -> u32 {
    group.iter().fold(0, |sum: u32, occurrence| sum.saturating_add(occurrence.frequency))
}

/// What one occurrence counts in a field of this weight: a whole number, 1 at least.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float as an integer saturates"
)]
fn frequency_of(weight: f64) -> u32 {
    (weight as u32).max(1)
}

#[expect(clippy::cast_possible_truncation, reason = "scores are kept as single floats")]
fn as_single(score: f64) -> f32 {
    score as f32
}

#[expect(clippy::cast_precision_loss, reason = "52 bits are exact")]
fn point_number(point: (f64, f64)) -> Option<f64> {
    geo::encode(point.0, point.1).map(|number| number as f64)
}

/// Calls with each tag of a field's content.
fn visit_tags(source: &Source, field: &Field, content: &Content<'_>, mut visit: impl FnMut(&str)) {
    let (FieldKind::Tag { separator, case_sensitive, .. }, Content::Tags(texts)) = (&field.kind, content)
    else {
        return;
    };
    let separator = separator.or_else(|| (*source == Source::Hash).then_some(','));
    for text in texts {
        analysis::tags(text, separator, *case_sensitive, |tag| {
            if !tag.is_empty() || field.index_empty {
                visit(tag);
            }
        });
    }
}
