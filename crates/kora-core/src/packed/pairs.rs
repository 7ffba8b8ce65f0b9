//! Small maps: pairs of short texts, with their lengths packed to bits and apart from their bytes.
//!
//! ```text
//! number of pairs, varint | column 1 | column 1 | codes, in bits | texts
//! ```
//!
//! The first texts of all pairs are one column, the second texts the other: fields and values, members and scores. A column's byte tells
//! how many bits each of its codes has, as many as its longest text needs, and in bit 7 whether it has integers. Codes and texts stand
//! pair by pair. Without integers a code is the length of a text; with them, twice that, and one more for an integer, whose bytes are
//! its lower ones with a sign, as few as hold it and none for zero. A text that is a canonical integer is always stored as one, so
//! that equal texts have equal codes and bytes. A search reads the codes, which lie together, and compares only texts whose code fits.
//!
//! Ten fields of eight bytes with values of twenty take 295 bytes, where a listpack takes 327: the size classes of an entry make that 64
//! bytes. Files and DUMP hold listpacks.
//!
//! Invariants: bits behind the last code are zero; there are no bytes behind the last text.

mod codes;
mod edit;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use super::listpack::{self, Element, Run};
use codes::{Codes, Column};
pub use edit::{insert, of_listpack, pack, push, remove, set_second};

/// A pair.
pub type Pair<'a> = (Element<'a>, Element<'a>);
/// Pairs taken out, to be put together in another way.
pub type TakenPairs<'a> = SmallVec<[Pair<'a>; 16]>;

/// No pairs.
pub const EMPTY: [u8; 3] = [0; 3];

/// Pairs, for reading.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a> {
    columns: [Column; 2],
    count: usize,
    /// Codes and texts.
    rest: &'a [u8],
    /// Where the texts begin there.
    texts_at: usize,
}

/// A pair that was found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// Its place among the pairs, from 0.
    pub index: usize,
    /// Its first text.
    pub first: Element<'a>,
    /// Its second text.
    pub second: Element<'a>,
}

impl<'a> Pairs<'a> {
    /// A view of bytes that are known to be pairs.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let (count, head_bytes) = codes::read_varint(bytes);
        let columns = [Column::read(bytes[head_bytes]), Column::read(bytes[head_bytes + 1])];
        let texts_at = codes::bytes_for(columns, count);
        Self { columns, count, rest: &bytes[head_bytes + 2..], texts_at }
    }

    /// Number of pairs.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.count == 0
    }

    /// All pairs, in order.
    #[inline]
    #[must_use]
    pub fn iter(self) -> Iter<'a> {
        Iter { pairs: self, codes: Codes::new(self.rest), at: self.texts_at, left: self.count }
    }

    /// The last pair. Complexity: O(1).
    #[must_use]
    pub fn last(self) -> Option<Pair<'a>> {
        let [first, second] = self.columns;
        let mut codes = Codes::behind(self.rest, self.columns, self.count.checked_sub(1)?);
        let (one, two) = (codes.next(first), codes.next(second));
        let at = self.rest.len() - first.text_bytes(one) - second.text_bytes(two);
        let (first, middle) = self.element(first, one, at);
        Some((first, self.element(second, two, middle).0))
    }

    /// The pair whose first text is `wanted`. Complexity: O(n).
    #[inline]
    #[must_use]
    pub fn find(self, wanted: &[u8]) -> Option<Found<'a>> {
        let [first, second] = self.columns;
        let wanted = Element::of(wanted);
        let wanted_code = first.code_of(wanted)?;
        let integer;
        let wanted_bytes = match wanted {
            Element::Bytes(text) => text,
            Element::Integer(value) => {
                integer = value.to_le_bytes();
                &integer[..codes::integer_bytes(value)]
            }
        };
        let (mut codes, mut at) = (Codes::new(self.rest), self.texts_at);
        for index in 0..self.count {
            let (code, behind) = (codes.next(first), codes.next(second));
            let end = at + first.text_bytes(code);
            if code == wanted_code && self.rest[at..end] == *wanted_bytes {
                let first = self.element(first, code, at).0;
                return Some(Found { index, first, second: self.element(second, behind, end).0 });
            }
            at = end + second.text_bytes(behind);
        }
        None
    }

    /// The text at `at` that has this code, and where it ends.
    #[inline]
    fn element(self, column: Column, code: u64, at: usize) -> (Element<'a>, usize) {
        let end = at + column.text_bytes(code);
        let bytes = &self.rest[at..end];
        let element = if column.is_integer(code) {
            Element::Integer(codes::integer(bytes))
        } else {
            Element::Bytes(bytes)
        };
        (element, end)
    }

    /// The same texts in turn as a listpack.
    #[must_use]
    pub fn to_listpack(self) -> Vec<u8> {
        let mut run = Run::default();
        for (first, second) in self.iter() {
            run.push_element(first);
            run.push_element(second);
        }
        let mut bytes = Vec::with_capacity(listpack::EMPTY.len() + run.len());
        bytes.extend_from_slice(&listpack::EMPTY);
        listpack::push_run(&mut bytes, &run);
        bytes
    }
}

/// Pairs, from the first on.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    pairs: Pairs<'a>,
    codes: Codes<'a>,
    at: usize,
    left: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Pair<'a>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'a>> {
        self.left = self.left.checked_sub(1)?;
        let [first, second] = self.pairs.columns;
        let (one, two) = (self.codes.next(first), self.codes.next(second));
        let (first, middle) = self.pairs.element(first, one, self.at);
        let (second, end) = self.pairs.element(second, two, middle);
        self.at = end;
        Some((first, second))
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Iter<'_> {}
