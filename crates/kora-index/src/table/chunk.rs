//! A piece of the table of documents, and what is kept of each document.

use crate::varint::{self, Reader};

/// Documents in a chunk.
pub(super) const CHUNK_DOCUMENTS: u32 = 256;

const SLOTS: usize = CHUNK_DOCUMENTS as usize;
const WORDS: usize = SLOTS / 64;

/// What scores and orders need of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    /// Its words, each counted as its field's weight says.
    pub(crate) length: u32,
    /// Greatest frequency of a word.
    pub(crate) frequency_max: u32,
    /// Score that it has in itself.
    pub(crate) score: f32,
    /// Place among equals.
    pub(crate) order: u64,
}

/// What is kept of a document, in one run of bytes: its key, its sort values, its payload, and what it has in the index, so that it can be taken out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record(Box<[u8]>);

impl Record {
    /// Packs a record.
    pub(crate) fn new(key: &[u8], sorts: &[u8], payload: Option<&[u8]>, contents: &[u8]) -> Self {
        let mut bytes =
            Vec::with_capacity(key.len() + sorts.len() + contents.len() + payload.map_or(0, <[u8]>::len) + 6);
        varint::push(&mut bytes, key.len() as u64);
        bytes.extend_from_slice(key);
        varint::push(&mut bytes, sorts.len() as u64);
        bytes.extend_from_slice(sorts);
        varint::push(&mut bytes, payload.map_or(0, |payload| payload.len() as u64 + 1));
        bytes.extend_from_slice(payload.unwrap_or_default());
        bytes.extend_from_slice(contents);
        Self(bytes.into_boxed_slice())
    }

    /// The same under another key.
    pub(super) fn with_key(&self, key: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(self.0.len() + key.len());
        varint::push(&mut bytes, key.len() as u64);
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(self.after_key().rest);
        Self(bytes.into_boxed_slice())
    }

    pub(crate) fn key(&self) -> &[u8] {
        let mut reader = Reader::new(&self.0);
        let length = reader.read_length();
        reader.take(length)
    }

    fn after_key(&self) -> Reader<'_> {
        let mut reader = Reader::new(&self.0);
        let length = reader.read_length();
        reader.take(length);
        reader
    }

    /// Its packed sort values.
    pub(crate) fn sorts(&self) -> &[u8] {
        let mut reader = self.after_key();
        let length = reader.read_length();
        reader.take(length)
    }

    fn after_sorts(&self) -> Reader<'_> {
        let mut reader = self.after_key();
        let length = reader.read_length();
        reader.take(length);
        reader
    }

    pub(crate) fn payload(&self) -> Option<&[u8]> {
        let mut reader = self.after_sorts();
        let length = reader.read_length().checked_sub(1)?;
        Some(reader.take(length))
    }

    /// What it has in the index, packed.
    pub(crate) fn contents(&self) -> &[u8] {
        let mut reader = self.after_sorts();
        let length = reader.read_length().saturating_sub(1);
        reader.take(length);
        reader.rest
    }

    /// Bytes on the heap.
    pub(super) fn bytes(&self) -> usize {
        self.0.len()
    }
}

/// A number that documents are sorted by, or none, in the eight bytes of the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SortBits(u64);

impl SortBits {
    /// None: the bits of something that is not a number, and that [`SortBits::new`] does not give.
    const MISSING: Self = Self(u64::MAX);

    pub(crate) fn new(number: Option<f64>) -> Self {
        number.map_or(Self::MISSING, |number| Self(if number.is_nan() { f64::NAN } else { number }.to_bits()))
    }

    #[inline]
    pub(crate) fn number(self) -> Option<f64> {
        (self != Self::MISSING).then(|| f64::from_bits(self.0))
    }
}

/// The facts of a document but its own score.
#[derive(Clone, Copy, Debug, Default)]
struct Lengths {
    length: u32,
    frequency_max: u32,
    order: u64,
}

/// The same in half as many bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Narrow {
    length: u16,
    frequency_max: u16,
    /// Behind the order of the chunk's first document.
    order: u32,
}

impl Narrow {
    /// None: it needs more bytes.
    fn new(lengths: Lengths, first_order: u64) -> Option<Self> {
        Some(Self {
            length: lengths.length.try_into().ok()?,
            frequency_max: lengths.frequency_max.try_into().ok()?,
            order: lengths.order.checked_sub(first_order)?.try_into().ok()?,
        })
    }

    #[inline]
    fn widen(self, first_order: u64) -> Lengths {
        let Self { length, frequency_max, order } = self;
        Lengths {
            length: length.into(),
            frequency_max: frequency_max.into(),
            order: first_order + u64::from(order),
        }
    }
}

/// The score that documents have unless something else is said.
const USUAL_SCORE: f32 = 1.0;

/// Documents with neighbouring numbers.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    live: [u64; WORDS],
    present: u32,
    first_order: u64,
    lengths: [Narrow; SLOTS],
    /// What counts instead of them, if one of them does not fit.
    wide_lengths: Option<Box<[Lengths; SLOTS]>>,
    /// Documents' own scores, if one of them is unusual.
    scores: Option<Box<[f32; SLOTS]>>,
    records: [Option<Record>; SLOTS],
    /// Sort values that are numbers, field by field: a query that sorts by one reads no records.
    sorts: Vec<[SortBits; SLOTS]>,
}

impl Default for Chunk {
    fn default() -> Self {
        Self {
            live: [0; WORDS],
            present: 0,
            first_order: 0,
            lengths: [Narrow::default(); SLOTS],
            wide_lengths: None,
            scores: None,
            records: [const { None }; SLOTS],
            sorts: Vec::new(),
        }
    }
}

impl Chunk {
    pub(super) fn insert(&mut self, at: u32, facts: Facts, sorts: &[SortBits], record: Record) {
        self.sorts.reserve_exact(sorts.len().saturating_sub(self.sorts.len()));
        while self.sorts.len() < sorts.len() {
            self.sorts.push([SortBits::MISSING; SLOTS]);
        }
        for (column, sort) in self.sorts.iter_mut().zip(sorts) {
            column[at as usize] = *sort;
        }
        self.live[(at / 64) as usize] |= 1 << (at % 64);
        let Facts { length, frequency_max, score, order } = facts;
        self.set_lengths(at, Lengths { length, frequency_max, order });
        self.present += 1;
        if score != USUAL_SCORE || self.scores.is_some() {
            self.scores.get_or_insert_with(|| Box::new([USUAL_SCORE; SLOTS]))[at as usize] = score;
        }
        self.records[at as usize] = Some(record);
    }

    fn set_lengths(&mut self, at: u32, lengths: Lengths) {
        if self.present == 0 {
            self.first_order = lengths.order;
        }
        if self.wide_lengths.is_none()
            && let Some(narrow) = Narrow::new(lengths, self.first_order)
        {
            self.lengths[at as usize] = narrow;
            return;
        }
        let (all, first_order) = (&self.lengths, self.first_order);
        let wide = self
            .wide_lengths
            .get_or_insert_with(|| Box::new(std::array::from_fn(|at| all[at].widen(first_order))));
        wide[at as usize] = lengths;
    }

    pub(super) fn set_dead(&mut self, at: u32) {
        self.live[(at / 64) as usize] &= !(1 << (at % 64));
    }

    #[inline]
    pub(super) fn is_live(&self, at: u32) -> bool {
        self.live[(at / 64) as usize] >> (at % 64) & 1 == 1
    }

    /// The last place that lives.
    pub(super) fn last_live(&self) -> Option<u32> {
        let (word, bits) = self.live.iter().enumerate().rfind(|(_, bits)| **bits != 0)?;
        u32::try_from(word).ok().map(|word| word * 64 + 63 - bits.leading_zeros())
    }

    /// The first place from `at` on that lives.
    pub(super) fn next_live(&self, at: u32) -> Option<u32> {
        let mut word = (at / 64) as usize;
        let mut bits = self.live.get(word)? & (u64::MAX << (at % 64));
        while bits == 0 {
            word += 1;
            bits = *self.live.get(word)?;
        }
        u32::try_from(word).ok().map(|word| word * 64 + bits.trailing_zeros())
    }

    pub(super) fn remove(&mut self, at: u32) -> Option<Record> {
        let record = self.records[at as usize].take();
        self.present -= u32::from(record.is_some());
        record
    }

    pub(super) fn is_empty(&self) -> bool {
        self.present == 0
    }

    #[inline]
    pub(super) fn facts(&self, at: u32) -> Facts {
        let Lengths { length, frequency_max, order } = match &self.wide_lengths {
            None => self.lengths[at as usize].widen(self.first_order),
            Some(wide) => wide[at as usize],
        };
        let score = self.scores.as_ref().map_or(USUAL_SCORE, |scores| scores[at as usize]);
        Facts { length, frequency_max, score, order }
    }

    /// The sort value of a numeric field, by its place among those.
    #[inline]
    pub(super) fn sort(&self, at: u32, place: usize) -> Option<f64> {
        self.sorts.get(place)?[at as usize].number()
    }

    /// Bytes on the heap, but those of records.
    pub(super) fn heap_bytes(&self) -> usize {
        self.scores.as_ref().map_or(0, |scores| size_of_val(&**scores))
            + self.wide_lengths.as_ref().map_or(0, |wide| size_of_val(&**wide))
            + self.sorts.capacity() * size_of::<[SortBits; SLOTS]>()
    }

    pub(super) fn record(&self, at: u32) -> Option<&Record> {
        self.records[at as usize].as_ref()
    }

    pub(super) fn record_mut(&mut self, at: u32) -> Option<&mut Record> {
        self.records[at as usize].as_mut()
    }
}
