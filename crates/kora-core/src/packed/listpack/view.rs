//! Reading a listpack.

use super::encode::{Encoded, back_len, back_len_bytes, decode, encoded_len, short_string};
use super::{At, COUNT_UNKNOWN, EMPTY, END, Element, HEAD_BYTES};

/// Why bytes are not a listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("corrupt listpack")]
pub struct Corrupt;

/// A listpack, for reading. The bytes are whole.
#[derive(Clone, Copy, Debug)]
pub struct ListPack<'a> {
    bytes: &'a [u8],
    /// Whether they are the elements alone, without head and end.
    is_bare: bool,
}

impl<'a> ListPack<'a> {
    /// A view of bytes that are a whole listpack.
    ///
    /// Reading one that is not may panic, and does nothing worse.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        debug_assert!(bytes.len() > HEAD_BYTES && bytes.last() == Some(&END));
        Self { bytes, is_bare: false }
    }

    /// A view of the elements of a listpack, kept without its head and end.
    #[inline]
    #[must_use]
    pub fn bare(elements: &'a [u8]) -> Self {
        Self { bytes: elements, is_bare: true }
    }

    /// A view of bytes from anywhere.
    /// Complexity: O(n).
    ///
    /// # Errors
    /// If they are not a whole listpack.
    pub fn check(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        let head: [u8; 4] = bytes.get(..4).and_then(|head| head.try_into().ok()).ok_or(Corrupt)?;
        if u32::from_le_bytes(head) as usize != bytes.len() || bytes.len() <= HEAD_BYTES {
            return Err(Corrupt);
        }
        let end = bytes.len() - 1;
        let (mut at, mut count) = (HEAD_BYTES, 0);
        while at < end {
            let len = encoded_len(&bytes[at..]).ok_or(Corrupt)?;
            let behind = at.checked_add(len).filter(|&behind| behind < end).ok_or(Corrupt)?;
            let next = behind + back_len_bytes(len);
            if next > end || back_len(bytes, next) != Some((len, back_len_bytes(len))) {
                return Err(Corrupt);
            }
            (at, count) = (next, count + 1);
        }
        let list = Self { bytes, is_bare: false };
        let is_counted = list.stored_len() == COUNT_UNKNOWN || usize::from(list.stored_len()) == count;
        if bytes[end] == END && is_counted { Ok(list) } else { Err(Corrupt) }
    }

    /// Whether each element is stored as editing stores it, so that equal texts have equal bytes, and the number of
    /// elements is told if it can be. What was only [checked](ListPack::check) may be otherwise.
    /// Complexity: O(n).
    #[must_use]
    pub fn is_canonical(self) -> bool {
        let (mut next, mut count) = (self.first(), 0);
        while let Some(at) = next {
            let encoded = match self.get(at) {
                Element::Integer(value) => Encoded::integer(value),
                Element::Bytes(text) => Encoded::of(text),
            };
            if encoded.len() != self.encoded_len(at) || !encoded.begins(&self.bytes[at.0..]) {
                return false;
            }
            (next, count) = (self.next(at), count + 1);
        }
        self.is_bare || self.stored_len() != COUNT_UNKNOWN || count >= usize::from(COUNT_UNKNOWN)
    }

    /// The bytes as they are kept.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The elements' bytes, without head and end.
    #[must_use]
    pub fn elements(self) -> &'a [u8] {
        &self.bytes[self.head_bytes()..self.end()]
    }

    /// Bytes of the whole listpack, head and end included, also where they are not kept.
    #[inline]
    #[must_use]
    pub fn total_bytes(self) -> usize {
        self.bytes.len() + if self.is_bare { EMPTY.len() } else { 0 }
    }

    /// Where the first element begins.
    #[inline]
    pub(super) fn head_bytes(self) -> usize {
        if self.is_bare { 0 } else { HEAD_BYTES }
    }

    #[inline]
    fn stored_len(self) -> u16 {
        if self.is_bare { COUNT_UNKNOWN } else { u16::from_le_bytes([self.bytes[4], self.bytes[5]]) }
    }

    /// Number of elements.
    /// Complexity: O(1), O(n) without a head and from 65535 elements on.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        match self.stored_len() {
            COUNT_UNKNOWN => self.iter().count(),
            len => usize::from(len),
        }
    }

    /// Whether there are no elements.
    #[inline]
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.head_bytes() == self.end()
    }

    /// Where the last element ends.
    #[inline]
    pub(super) fn end(self) -> usize {
        self.bytes.len() - usize::from(!self.is_bare)
    }

    fn place(self, at: usize) -> Option<At> {
        (at < self.end()).then_some(At(at))
    }

    /// The first element.
    #[inline]
    #[must_use]
    pub fn first(self) -> Option<At> {
        self.place(self.head_bytes())
    }

    /// The last element.
    #[inline]
    #[must_use]
    pub fn last(self) -> Option<At> {
        self.before(self.end())
    }

    /// The element behind another.
    #[inline]
    #[must_use]
    pub fn next(self, at: At) -> Option<At> {
        self.place(self.behind(at))
    }

    /// The element before another.
    #[inline]
    #[must_use]
    pub fn previous(self, at: At) -> Option<At> {
        self.before(at.0)
    }

    /// The element that ends before byte `end`.
    pub(crate) fn before(self, end: usize) -> Option<At> {
        if end == self.head_bytes() {
            return None;
        }
        let (len, tail) =
            back_len(self.bytes, end).expect("elements of a whole listpack end in their length");
        Some(At(end - tail - len))
    }

    /// Where the element at `at` ends.
    #[inline]
    pub(crate) fn behind(self, at: At) -> usize {
        let len = self.encoded_len(at);
        at.0 + len + back_len_bytes(len)
    }

    #[inline]
    fn encoded_len(self, at: At) -> usize {
        encoded_len(&self.bytes[at.0..]).expect("an element begins there")
    }

    /// What the element at `at` holds.
    #[inline]
    #[must_use]
    pub fn get(self, at: At) -> Element<'a> {
        decode(&self.bytes[at.0..at.0 + self.encoded_len(at)])
    }

    /// The element number `index`, from the end if negative (-1 is the last).
    /// Complexity: O(n), from the nearer end if the number of elements is known.
    #[must_use]
    pub fn at(self, index: isize) -> Option<At> {
        if self.is_bare {
            return if index < 0 {
                self.nth_back(index.unsigned_abs() - 1)
            } else {
                self.nth(index.unsigned_abs())
            };
        }
        let len = self.len();
        let from_start =
            if index < 0 { len.checked_sub(index.unsigned_abs())? } else { index.unsigned_abs() };
        if from_start <= len / 2 {
            self.nth(from_start)
        } else {
            self.nth_back(len.checked_sub(from_start + 1)?)
        }
    }

    fn nth(self, index: usize) -> Option<At> {
        let mut at = self.first()?;
        for _ in 0..index {
            at = self.next(at)?;
        }
        Some(at)
    }

    fn nth_back(self, index: usize) -> Option<At> {
        let mut at = self.last()?;
        for _ in 0..index {
            at = self.previous(at)?;
        }
        Some(at)
    }

    /// The elements, from either end.
    #[must_use]
    pub fn iter(self) -> Iter<'a> {
        self.iter_from(At(self.head_bytes()))
    }

    /// The elements from one on.
    #[must_use]
    pub fn iter_from(self, at: At) -> Iter<'a> {
        Iter { list: self, front: at.0, back: self.end() }
    }

    /// Whether the element at `at` is `wanted`.
    #[inline]
    #[must_use]
    pub fn is(self, at: At, wanted: &Wanted<'_>) -> bool {
        wanted.encoded.begins(&self.bytes[at.0..])
    }

    /// The first element whose text is `wanted` among those from `from` on, looking at one and passing over `skip`.
    /// Complexity: O(n).
    #[must_use]
    pub fn find(self, from: Option<At>, wanted: &[u8], skip: usize) -> Option<At> {
        let wanted = Encoded::of(wanted);
        let mut at = from?;
        loop {
            if wanted.begins(&self.bytes[at.0..]) {
                return Some(at);
            }
            for _ in 0..=skip {
                at = self.next(at)?;
            }
        }
    }
}

/// A text to be looked for: compared with an element as it is stored.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    text: &'a [u8],
    encoded: Encoded<'a>,
}

impl<'a> Wanted<'a> {
    /// Looks for `text`.
    #[must_use]
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, encoded: Encoded::of(text) }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &'a [u8] {
        self.text
    }
}

impl<'a> IntoIterator for ListPack<'a> {
    type Item = Element<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The elements of a listpack.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    list: ListPack<'a>,
    /// Where the next element from the front begins.
    front: usize,
    /// Where the next element from the back ends.
    back: usize,
}

impl<'a> Iter<'a> {
    /// The bytes of the elements still to come.
    #[inline]
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.list.bytes[self.front..self.back]
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        let rest = self.list.bytes.get(self.front..self.back)?;
        if let Some((text, bytes)) = short_string(rest) {
            self.front += bytes;
            return Some(Element::Bytes(text));
        }
        if rest.is_empty() {
            return None;
        }
        let at = At(self.front);
        self.front = self.list.behind(at);
        Some(self.list.get(at))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let at = self.list.before(self.back)?;
        self.back = at.0;
        Some(self.list.get(at))
    }
}
