//! A piece of the table of documents: what scores and orders need of each, and its record.

use super::records::{Packed, Record, Records};

/// Documents in a chunk.
pub(super) const CHUNK_DOCUMENTS: u32 = 256;

pub(super) const SLOTS: usize = CHUNK_DOCUMENTS as usize;
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

    /// The number's rank in the order of [`f64::total_cmp`], if there is one.
    #[inline]
    pub(crate) fn rank(self) -> Option<i64> {
        (self != Self::MISSING).then(|| rank(f64::from_bits(self.0)))
    }
}

/// A number's rank among all numbers, in the order of [`f64::total_cmp`].
#[inline]
pub(crate) fn rank(number: f64) -> i64 {
    let bits = number.to_bits().cast_signed();
    // The bits of negative numbers ascend the other way round, but for the sign.
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
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
    records: Records,
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
            records: Records::default(),
            sorts: Vec::new(),
        }
    }
}

impl Chunk {
    pub(super) fn insert(&mut self, at: u32, facts: Facts, sorts: &[SortBits], record: &Packed) {
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
        self.records.insert(at as usize, record);
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

    /// Which of 64 places live, from one on that is a multiple of 64.
    #[inline]
    pub(super) fn live_word(&self, at: u32) -> u64 {
        self.live[(at / 64) as usize]
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

    /// Takes a record out, and says whether it was there.
    pub(super) fn remove(&mut self, at: u32) -> bool {
        let was_there = self.records.remove(at as usize);
        self.present -= u32::from(was_there);
        was_there
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

    /// Which of 64 places, from one on that is a multiple of 64, have a sort value that is admitted.
    #[inline]
    pub(super) fn keep_sorts(
        &self,
        first: u32,
        mut among: u64,
        place: usize,
        admits: impl Fn(SortBits) -> bool,
    ) -> u64 {
        let column = self.sorts.get(place).and_then(|column| column.get(first as usize..));
        let (column, mut kept) = (column.unwrap_or_default(), 0);
        while among != 0 {
            let bit = among.trailing_zeros();
            among &= among - 1;
            let is_kept = column.get(bit as usize).is_some_and(|sort| admits(*sort));
            kept |= u64::from(is_kept) << bit;
        }
        kept
    }

    /// Bytes on the heap, but those of records.
    pub(super) fn heap_bytes(&self) -> usize {
        self.scores.as_ref().map_or(0, |scores| size_of_val(&**scores))
            + self.wide_lengths.as_ref().map_or(0, |wide| size_of_val(&**wide))
            + self.sorts.capacity() * size_of::<[SortBits; SLOTS]>()
    }

    /// Bytes of records.
    pub(super) fn record_bytes(&self) -> usize {
        self.records.memory_bytes()
    }

    #[inline]
    pub(super) fn record(&self, at: u32) -> Option<Record<'_>> {
        self.records.get(at as usize)
    }

    /// Gives a document another record.
    pub(super) fn replace_record(&mut self, at: u32, record: &Packed) {
        self.records.remove(at as usize);
        self.records.insert(at as usize, record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_in_the_order_of_numbers() {
        let numbers = [f64::NEG_INFINITY, -2.5, -f64::MIN_POSITIVE, -0.0, 0.0, 1e-300, 7.0, 1e300, f64::NAN];
        for one in numbers {
            for other in numbers {
                assert_eq!(rank(one).cmp(&rank(other)), one.total_cmp(&other), "{one} {other}");
            }
            assert_eq!(SortBits::new(Some(one)).rank(), Some(rank(one)));
        }
        assert_eq!(SortBits::new(None).rank(), None);
    }

    #[test]
    fn facts_come_back_however_far_orders_are_apart() {
        for orders in
            [[7, 8, 9, 10], [9, 8, 7, u64::MAX], [0, u64::MAX, 1, 5], [1 << 40, 1 << 33, 0, 1 << 40]]
        {
            let mut chunk = Chunk::default();
            let facts = |at: u32, order: u64| Facts {
                length: at * 3,
                frequency_max: u32::from(at == 2) * 5,
                score: if at == 3 { 0.5 } else { 1.0 },
                order,
            };
            for (at, order) in (0..).zip(orders) {
                chunk.insert(at, facts(at, order), &[], &Packed::new(b"k", b"", None, b""));
            }
            for (at, order) in (0..).zip(orders) {
                assert_eq!(chunk.facts(at), facts(at, order));
            }
        }
    }
}
