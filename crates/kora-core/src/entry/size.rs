//! How large a value is: bytes of a string, elements of a collection.
//!
//! An entry keeps the class of the size that its database has counted it with, in the bits that the length of an inline value
//! leaves free. So whatever changes or removes it knows what was counted without reading the old value, some of which tell
//! their size only to whoever walks through them.

use super::{
    Entry, Form, Header, INLINE_LEN_MASK, Kind, Object, Packing, Repr, SIZE_CLASS_SHIFT, kind_bits, kind_of,
};
use crate::packed::intset::IntSet;
use crate::packed::listpack::ListPack;
use crate::packed::pairs::Pairs;

/// A size, as precisely as histograms tell it: the number of its binary digits. So class 0 is that of size 0, and class `n`
/// holds the sizes from 2^(n-1) on that are below 2^n.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct SizeClass(u8);

impl SizeClass {
    /// Number of classes.
    pub const COUNT: usize = 64;

    /// The class of `size`, which no allocation exceeds.
    #[inline]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a number has at most 64 digits")]
    pub const fn of(size: usize) -> Self {
        Self((usize::BITS - size.leading_zeros()) as u8)
    }

    /// Its place in a table of all classes.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The smallest size of the class at this place in a table of all.
    #[must_use]
    pub const fn least(index: usize) -> u64 {
        if index == 0 { 0 } else { 1 << (index - 1) }
    }
}

/// A data type and the class of a size, as an entry keeps them: the kind's bits of its tag, and the upper six bits of its
/// `sizes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tally(u16);

impl Tally {
    /// That of a value of this type and size.
    #[inline]
    pub(crate) const fn of(kind: Kind, size: usize) -> Self {
        Self(kind_bits(kind) as u16 | (SizeClass::of(size).0 as u16) << SIZE_CLASS_SHIFT)
    }

    /// The data type.
    pub(crate) fn kind(self) -> Kind {
        kind_of(self.0.to_le_bytes()[0])
    }

    /// The class of the size.
    pub(crate) fn class(self) -> SizeClass {
        SizeClass((self.0 >> SIZE_CLASS_SHIFT).to_le_bytes()[0])
    }
}

impl Entry {
    /// How large the value is, as STRLEN, LLEN, HLEN, SCARD, ZCARD and XLEN tell.
    /// Complexity: O(1), O(n) for a packed list and for a packed collection of 65535 elements or more.
    #[inline]
    #[must_use]
    pub fn size(&self) -> usize {
        let header = self.header();
        match header.repr() {
            Repr::Object => self.as_object().map_or(0, Object::size),
            Repr::Integer => self.integer().map_or(0, text_len),
            // The length alone is nearer than the bytes.
            Repr::Inline if header.tag & KIND_MASK == kind_bits(Kind::String) => header.inline_len(),
            Repr::Inline | Repr::External => header.form().len_of(self.value_bytes().unwrap_or_default()),
        }
    }

    /// The least size of its class: for a string of so many bytes, for a collection of so many elements. Complexity: O(1).
    pub(crate) fn least_size(&self) -> usize {
        let least = SizeClass::least(self.tally().class().index());
        usize::try_from(least).unwrap_or(usize::MAX)
    }

    /// Its data type, and the class that its database has counted it in; nothing true of what is not in a database.
    #[inline]
    pub(crate) fn tally(&self) -> Tally {
        let header = self.header();
        Tally(u16::from(header.tag & KIND_MASK) | header.sizes & !INLINE_LEN_MASK)
    }

    /// What it is to be counted as if its value has this size.
    #[inline]
    pub(crate) fn tally_of(&self, size: usize) -> Tally {
        let kind = u16::from(self.header().tag & KIND_MASK);
        Tally(kind | Tally::of(Kind::String, size).0)
    }

    /// Notes what its database counts it as from now on.
    #[inline]
    pub(crate) fn count_as(&mut self, tally: Tally) {
        let header = self.header();
        let sizes = header.sizes & INLINE_LEN_MASK | tally.0 & !INLINE_LEN_MASK;
        self.set_header(Header { sizes, ..header });
    }
}

/// The bits of a tag that tell the kind.
const KIND_MASK: u8 = 0xF0;

const _: () = assert!(kind_bits(Kind::String) == 0, "a tally without a kind is that of a string");

impl Form {
    /// How large the value is that is held as `bytes`.
    #[inline]
    pub(super) fn len_of(self, bytes: &[u8]) -> usize {
        match self {
            Self::Text | Self::Raw => bytes.len(),
            Self::Packed(_, Packing::BareListPack) => ListPack::bare(bytes).len(),
            Self::Packed(_, Packing::IntSet) => IntSet::new(bytes).len(),
            Self::Packed(_, Packing::ListPackEx) => ListPack::new(bytes).len() / 3,
            Self::Packed(_, Packing::Pairs) => Pairs::new(bytes).len(),
            Self::Packed(_, Packing::ListPack) => ListPack::new(bytes).len(),
        }
    }
}

/// Bytes of an integer's text.
#[inline]
pub(super) fn text_len(value: i64) -> usize {
    /// The least number of `n + 1` digits at place `n`; any number has one digit at least.
    const POWERS: [u64; 20] = {
        let (mut powers, mut power, mut at) = ([0; 20], 1, 1);
        while at < 20 {
            power *= 10;
            powers[at] = power;
            at += 1;
        }
        powers
    };
    let magnitude = value.unsigned_abs();
    // As many decimal digits as there are binary ones, times log10(2), or one more.
    let digits = ((u64::BITS - magnitude.leading_zeros()) as usize * 1233) >> 12;
    usize::from(value < 0) + digits + usize::from(magnitude >= POWERS[digits])
}
