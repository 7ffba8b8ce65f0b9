//! One shard's part of an index: the documents whose keys lie on that shard, their words, values, numbers and points.
//!
//! All changes are exact at once: counts are those of the documents that live. What a document has in the index is listed in its record, so it is
//! taken out without a look at the document. While snapshots are held, what they may still see stays until they are gone; each change then
//! frees a few documents that died, so the rest is bounded and no change pays for many.

mod contents;
mod forms;
mod memory;
mod put;
mod scalars;
#[cfg(test)]
mod tests;
mod vectors;

use std::collections::BTreeMap;

use ahash::RandomState;

use crate::analysis::{Stemmer, StopWords};
use crate::dictionary::{Compiled, Dictionary, EDITS_MAX};
use crate::document::{Document, SortKey};
use crate::error::{PutError, SchemaError};
use crate::numbers::Numbers;
use crate::postings::{Layout, Postings};
use crate::query::Pattern;
use crate::scalars::Scalars;
use crate::schema::{Field, FieldKind, Schema};
use crate::search::Before;
use crate::table::{Snapshot, Table};
use crate::vectors::Vectors;

pub(crate) use forms::is_phonetic;
pub use memory::Memory;

/// Documents that died and that a change frees along the way.
const RECLAIMED_PER_CHANGE: usize = 4;

/// Documents that are freed at once by [`Index::reclaim_all`].
const RECLAIMED_PER_PIECE: usize = 16;
/// Text fields at most: one bit for each in a word's entry.
const TEXT_FIELDS_MAX: u32 = 128;
/// Language of words unless something else is said.
const DEFAULT_LANGUAGE: &str = "english";

/// The documents of a word or value, and how many of them have died but are not freed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    pub(crate) postings: Postings,
    pub(crate) dying: u32,
}

impl Held {
    /// Documents that live.
    pub(crate) fn count(&self) -> u64 {
        u64::from(self.postings.live() - self.dying)
    }
}

/// What is indexed of a field.
#[derive(Clone, Debug)]
pub(crate) enum Indexed {
    /// Nothing: NOINDEX.
    Nothing,
    /// Words: the place of its bit among the text fields.
    Text(u32),
    /// Values.
    Tags(Box<Dictionary<Held>>),
    /// Numbers.
    Numbers(Numbers),
    /// Points, as numbers.
    Points(Numbers),
    /// Vectors.
    Vectors(Box<Vectors>),
    /// Scalars.
    Scalars(Box<HeldScalars>),
}

/// The scalars of a field.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeldScalars {
    pub(crate) all: Scalars,
    /// Those whose documents died and are not freed.
    pub(crate) dying: Scalars,
    /// Bytes of records that list them.
    pub(crate) listed_bytes: usize,
}

/// Where the sort values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sorted {
    /// Nowhere: it is not sortable.
    Not,
    /// In the table: the place among the sortable fields that are numeric.
    Number(usize),
    /// In documents' records: the place among the others.
    InRecord(usize),
}

#[derive(Clone, Debug)]
pub(crate) struct IndexedField {
    pub(crate) indexed: Indexed,
    /// Documents without it, if that is indexed.
    pub(crate) missing: Option<Held>,
    /// Those of its numbers and points whose documents died and are not freed.
    pub(crate) dying: Numbers,
    pub(crate) sorted: Sorted,
}

/// One shard's part of an index.
pub struct Index {
    schema: Schema,
    layout: Layout,
    stop_words: StopWords,
    stemmers: BTreeMap<String, Stemmer>,
    synonyms: BTreeMap<String, Vec<String>>,
    hasher: RandomState,
    table: Table,
    terms: Dictionary<Held>,
    fields: Vec<IndexedField>,
    scratch: put::Scratch,
    /// What postings have on the heap.
    posting_bytes: isize,
    /// Entries of words: one for each word of each document.
    records: u64,
}

impl Index {
    /// An index without documents. `seed` is for its hash tables, so that who chooses keys can't choose their hashes.
    ///
    /// # Errors
    /// [`SchemaError`].
    pub fn new(schema: &Schema, seed: u64) -> Result<Self, SchemaError> {
        let hasher = RandomState::with_seeds(
            seed,
            0x9e37_79b9_7f4a_7c15,
            0xbf58_476d_1ce4_e5b9,
            0x94d0_49bb_1331_11eb,
        );
        let layout = Layout {
            frequencies: !schema.no_frequencies,
            fields: !schema.no_fields,
            positions: !schema.no_offsets,
        };
        let mut index = Self {
            schema: Schema { fields: Vec::new(), ..schema.clone() },
            layout,
            stop_words: StopWords::new(schema.stop_words.as_deref()),
            stemmers: BTreeMap::new(),
            synonyms: BTreeMap::new(),
            table: Table::new(hasher.clone()),
            terms: Dictionary::new(has_suffixes(&schema.fields), hasher.clone()),
            fields: Vec::new(),
            hasher,
            scratch: put::Scratch::default(),
            posting_bytes: 0,
            records: 0,
        };
        let language = index.language(None).to_owned();
        if !index.prepare_stemmer(&language) {
            return Err(SchemaError::UnknownLanguage(language));
        }
        index.add_fields(&schema.fields)?;
        Ok(index)
    }

    /// Adds fields to its schema. Documents that are there have no values of them until they are put again.
    ///
    /// # Errors
    /// [`SchemaError`]; then nothing has changed.
    pub fn add_fields(&mut self, fields: &[Field]) -> Result<(), SchemaError> {
        let is_text = |field: &&Field| matches!(field.kind, FieldKind::Text { .. });
        if self.schema.fields.iter().chain(fields).filter(is_text).count() > TEXT_FIELDS_MAX as usize {
            return Err(SchemaError::TooManyTextFields(TEXT_FIELDS_MAX));
        }
        for field in fields {
            let indexed = match &field.kind {
                _ if field.no_index => Indexed::Nothing,
                FieldKind::Text { .. } => Indexed::Text(self.text_field_count()),
                FieldKind::Tag { with_suffixes, .. } => {
                    Indexed::Tags(Box::new(Dictionary::new(*with_suffixes, self.hasher.clone())))
                }
                FieldKind::Numeric => Indexed::Numbers(Numbers::default()),
                FieldKind::Geo => Indexed::Points(Numbers::default()),
                FieldKind::Scalar => Indexed::Scalars(Box::default()),
                FieldKind::Vector(kind) => Indexed::Vectors(Box::new(Vectors::new(kind))),
            };
            let missing = (field.index_missing && !field.no_index).then(Held::default);
            let sorted = self.sorted(field);
            self.fields.push(IndexedField { indexed, missing, dying: Numbers::default(), sorted });
            self.schema.fields.push(field.clone());
        }
        if has_suffixes(fields) {
            self.terms.add_suffixes();
        }
        Ok(())
    }

    /// Where the sort values of a field that is added now are.
    fn sorted(&self, field: &Field) -> Sorted {
        let count = |is_counted: fn(&Sorted) -> bool| {
            self.fields.iter().filter(|field| is_counted(&field.sorted)).count()
        };
        match field.kind {
            _ if !field.sortable => Sorted::Not,
            FieldKind::Numeric => Sorted::Number(count(|sorted| matches!(sorted, Sorted::Number(_)))),
            _ => Sorted::InRecord(count(|sorted| matches!(sorted, Sorted::InRecord(_)))),
        }
    }

    /// Whether, of two documents, the one with the greater number comes behind the other if scores or sort keys are equal.
    #[must_use]
    pub fn orders_ascend(&self) -> bool {
        self.table.bounds().orders_ascend
    }

    fn text_field_count(&self) -> u32 {
        let count = self.fields.iter().filter(|field| matches!(field.indexed, Indexed::Text(_))).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// What it is declared to hold.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Words of the groups of synonyms: each word with the names of its groups. It holds for documents put from now on, and for queries.
    pub fn set_synonyms(&mut self, groups: BTreeMap<String, Vec<String>>) {
        self.synonyms = groups;
    }

    /// Adds a document, or replaces the one with this key. It is seen by all queries that begin from now on.
    ///
    /// Complexity: O(size of the document); O(log values) for each new value.
    ///
    /// # Errors
    /// [`PutError`]; then nothing has changed.
    pub fn put(&mut self, key: &[u8], document: &Document<'_>) -> Result<(), PutError> {
        self.put_document(key, document)
    }

    /// What a put costs besides what its words and values do: distances of vectors, about. Complexity: O(fields).
    #[must_use]
    pub fn distances_of_a_put(&self) -> usize {
        let of = |field: &IndexedField| match &field.indexed {
            Indexed::Vectors(vectors) => vectors.distances_of_a_put(),
            _ => 0,
        };
        self.fields.iter().map(of).fold(0, usize::saturating_add)
    }

    /// Removes a key's document, and says whether it was there. Complexity: O(size of what was indexed of it).
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let Some(number) = self.table.find(key) else { return false };
        self.retire(number);
        self.reclaim(RECLAIMED_PER_CHANGE);
        true
    }

    /// Gives a document another key; a document that has it is removed. Says whether there was one to rename. Complexity: O(size of its record).
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> bool {
        let Some(number) = self.table.find(from) else { return false };
        if from != to {
            self.remove(to);
            self.table.rename(number, to);
        }
        true
    }

    /// How many documents it has.
    #[must_use]
    pub fn document_count(&self) -> usize {
        self.table.len()
    }

    /// Takes a snapshot for a query. While it is held, what it sees is kept.
    pub fn snapshot(&mut self) -> Snapshot {
        self.table.snapshot()
    }

    /// Whether somebody holds a snapshot of it.
    pub fn has_snapshots(&mut self) -> bool {
        self.table.has_snapshots()
    }

    /// Frees documents that died and that no snapshot sees any more, this many at most. Returns how many wait.
    pub fn reclaim(&mut self, count: usize) -> usize {
        for _ in 0..count {
            let Some(number) = self.table.next_reclaimable() else { break };
            self.free(number, true);
        }
        self.table.dying_count()
    }

    /// Frees all of them in pieces, as long as `goes_on`, which is told how many the last piece was. Returns whether none is left but those
    /// that snapshots see.
    pub fn reclaim_all(&mut self, mut goes_on: impl FnMut(usize) -> bool) -> bool {
        let mut before = usize::MAX;
        loop {
            let left = self.reclaim(RECLAIMED_PER_PIECE);
            if left == 0 || left >= before {
                return true;
            }
            before = left;
            if !goes_on(RECLAIMED_PER_PIECE) {
                return false;
            }
        }
    }

    /// Whether a key has a document.
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.table.find(key).is_some()
    }

    /// The key of a document that the snapshot sees, as it was then.
    #[must_use]
    pub fn key(&self, snapshot: &Snapshot, document: u32) -> &[u8] {
        self.table.key(snapshot, document)
    }

    /// A document's payload.
    #[must_use]
    pub fn payload(&self, document: u32) -> Option<&[u8]> {
        self.table.record(document)?.payload()
    }

    /// The kept value of a sortable field, by the field's place in the schema. Complexity: O(1) for a numeric field, else O(size of what is kept).
    #[must_use]
    #[inline]
    pub fn sortable(&self, document: u32, field: usize) -> SortKey<'_> {
        match self.fields.get(field).map(|field| field.sorted) {
            Some(Sorted::Number(place)) => {
                self.table.sort(document, place).map_or(SortKey::Missing, SortKey::Number)
            }
            Some(Sorted::InRecord(place)) => match self.table.record(document) {
                Some(record) => contents::sort_key(record.sorts(), place),
                None => SortKey::Missing,
            },
            Some(Sorted::Not) | None => SortKey::Missing,
        }
    }

    /// Which of 64 documents, from a number on that is a multiple of 64, may come no later than a bound. Complexity: O(documents).
    #[inline]
    pub(crate) fn keep_before(&self, first: u32, among: u64, bound: &Before) -> u64 {
        match self.fields.get(bound.field).map(|field| field.sorted) {
            Some(Sorted::Number(place)) => {
                self.table.keep_sorts(first, among, place, |sort| bound.admits(sort))
            }
            _ => among,
        }
    }

    /// The number of a key's document.
    #[must_use]
    pub fn document(&self, key: &[u8]) -> Option<u32> {
        self.table.find(key)
    }

    /// A document's place among equals, and its length.
    #[must_use]
    pub fn order_and_length(&self, document: u32) -> (u64, u32) {
        self.table.facts(document).map_or((0, 0), |facts| (facts.order, facts.length))
    }

    /// Sum of the lengths of all documents.
    #[must_use]
    pub fn length_total(&self) -> u64 {
        self.table.length_total()
    }

    /// The documents that live, in the order of their numbers.
    pub fn documents(&self) -> impl Iterator<Item = u32> + use<'_> {
        self.table.live_from(1)
    }

    /// The same from a number on.
    pub fn documents_from(&self, document: u32) -> impl Iterator<Item = u32> + use<'_> {
        self.table.live_from(document.max(1))
    }

    /// The key of a document that lives.
    #[must_use]
    pub fn current_key(&self, document: u32) -> &[u8] {
        self.table.current_key(document)
    }

    /// The first document whose order is greater, if documents were put in their order; else the next number that will be given. Complexity: O(documents / 256).
    #[must_use]
    pub fn first_behind(&self, order: u64) -> u32 {
        self.table.first_behind(order)
    }

    /// Whether a document lives. Complexity: O(1).
    #[must_use]
    pub fn is_alive(&self, document: u32) -> bool {
        self.table.is_alive(document)
    }

    /// Documents that are put from now on have greater numbers.
    #[must_use]
    pub fn last_number(&self) -> u32 {
        self.table.last_number()
    }

    /// Values of a tag field with how many documents have them, in the order of their bytes, from `from` on.
    pub fn tag_values<'a>(
        &'a self,
        field: usize,
        from: &str,
    ) -> impl Iterator<Item = (&'a str, u64)> + use<'a> {
        let dictionary = match self.fields.get(field).map(|field| &field.indexed) {
            Some(Indexed::Tags(dictionary)) => Some(dictionary),
            _ => None,
        };
        let values = dictionary.map(|dictionary| dictionary.iter_from(from.as_bytes()));
        values
            .into_iter()
            .flatten()
            .map(|(_, text, held)| (text, held.count()))
            .filter(|(_, count)| *count > 0)
    }

    /// Words of the dictionary with how many documents have them, in the order of their bytes, from `from` on; stems have a `+` before them.
    pub fn words<'a>(&'a self, from: &str) -> impl Iterator<Item = (&'a str, u64)> + use<'a> {
        let words = self.terms.iter_from(from.as_bytes());
        words.map(|(_, text, held)| (text, held.count())).filter(|(_, count)| *count > 0)
    }

    /// Calls with each word that is at most so many edits away from another one, stems and the like included, and with how many documents have it, in the
    /// order of their bytes. A few words that are one edit further away come along. Complexity: O(words that begin about so); O(words) for more than
    /// three edits.
    pub fn words_near(&self, word: &str, edits: u8, mut visit: impl FnMut(&str, u64)) {
        if edits > EDITS_MAX {
            self.words("").for_each(|(text, count)| visit(text, count));
            return;
        }
        let (mut pattern, mut steps) = (Compiled::new(&Pattern::Fuzzy(word.to_owned(), edits)), usize::MAX);
        self.terms.expand(&mut pattern, &mut steps, |text, held| {
            if held.count() > 0 {
                visit(text, held.count());
            }
            true
        });
    }

    /// Keys of the documents that were put first and live. Complexity: O(count), and O(1) for 256 documents before them that live no more.
    #[must_use]
    pub fn first_keys(&self, count: usize) -> Vec<Box<[u8]>> {
        self.table.live_from(0).take(count).map(|document| self.table.current_key(document).into()).collect()
    }

    fn language<'a>(&'a self, own: Option<&'a str>) -> &'a str {
        own.or(self.schema.language.as_ref().map(|language| &*language.0)).unwrap_or(DEFAULT_LANGUAGE)
    }

    /// Makes a language's stemmer ready, and says whether there is one.
    fn prepare_stemmer(&mut self, language: &str) -> bool {
        if self.stemmers.contains_key(language) {
            return true;
        }
        let Some(stemmer) = Stemmer::new(language) else { return false };
        self.stemmers.insert(language.to_owned(), stemmer);
        true
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    pub(crate) fn terms(&self) -> &Dictionary<Held> {
        &self.terms
    }

    pub(crate) fn fields(&self) -> &[IndexedField] {
        &self.fields
    }

    /// The bits of all text fields.
    pub(crate) fn text_fields(&self) -> u128 {
        1_u128.checked_shl(self.text_field_count()).map_or(u128::MAX, |bit| bit - 1)
    }

    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    pub(crate) fn synonyms(&self) -> &BTreeMap<String, Vec<String>> {
        &self.synonyms
    }
}

fn has_suffixes(fields: &[Field]) -> bool {
    fields
        .iter()
        .any(|field| !field.no_index && matches!(field.kind, FieldKind::Text { with_suffixes: true, .. }))
}
