//! Reading a listpack.

use super::encode::{Encoded, back_len, back_len_bytes, decode, encoded_len};
use super::{At, COUNT_UNKNOWN, END, Element, HEAD_BYTES};

/// Why bytes are not a listpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("corrupt listpack")]
pub struct Corrupt;

/// A listpack, for reading. The bytes are whole.
#[derive(Clone, Copy, Debug)]
pub struct ListPack<'a>(&'a [u8]);

impl<'a> ListPack<'a> {
    /// A view of bytes that are a whole listpack.
    ///
    /// Reading one that is not may panic, and does nothing worse.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        debug_assert!(bytes.len() > HEAD_BYTES && bytes.last() == Some(&END));
        Self(bytes)
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
        let list = Self(bytes);
        let is_counted = list.stored_len() == COUNT_UNKNOWN || usize::from(list.stored_len()) == count;
        if bytes[end] == END && is_counted { Ok(list) } else { Err(Corrupt) }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    fn stored_len(self) -> u16 {
        u16::from_le_bytes([self.0[4], self.0[5]])
    }

    /// Number of elements.
    /// Complexity: O(1), O(n) from 65535 elements on.
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
        self.0[HEAD_BYTES] == END
    }

    /// Where the last element ends.
    fn end(self) -> usize {
        self.0.len() - 1
    }

    fn place(self, at: usize) -> Option<At> {
        (at < self.end()).then_some(At(at))
    }

    /// The first element.
    #[inline]
    #[must_use]
    pub fn first(self) -> Option<At> {
        self.place(HEAD_BYTES)
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

    fn before(self, end: usize) -> Option<At> {
        if end == HEAD_BYTES {
            return None;
        }
        let (len, tail) = back_len(self.0, end).expect("elements of a whole listpack end in their length");
        Some(At(end - tail - len))
    }

    /// Where the element at `at` ends.
    #[inline]
    pub(super) fn behind(self, at: At) -> usize {
        let len = self.encoded_len(at);
        at.0 + len + back_len_bytes(len)
    }

    #[inline]
    fn encoded_len(self, at: At) -> usize {
        encoded_len(&self.0[at.0..]).expect("an element begins there")
    }

    /// What the element at `at` holds.
    #[inline]
    #[must_use]
    pub fn get(self, at: At) -> Element<'a> {
        decode(&self.0[at.0..at.0 + self.encoded_len(at)])
    }

    /// The element number `index`, from the end if negative (-1 is the last).
    /// Complexity: O(n), from the nearer end.
    #[must_use]
    pub fn at(self, index: isize) -> Option<At> {
        let len = self.len();
        let from_start =
            if index < 0 { len.checked_sub(index.unsigned_abs())? } else { index.unsigned_abs() };
        if from_start >= len {
            return None;
        }
        if from_start <= len / 2 {
            let mut at = self.first()?;
            for _ in 0..from_start {
                at = self.next(at)?;
            }
            Some(at)
        } else {
            let mut at = self.last()?;
            for _ in from_start..len - 1 {
                at = self.previous(at)?;
            }
            Some(at)
        }
    }

    /// The elements, from either end.
    #[must_use]
    pub fn iter(self) -> Iter<'a> {
        self.iter_from(At(HEAD_BYTES))
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
        wanted.encoded.begins(&self.0[at.0..])
    }

    /// The first element whose text is `wanted` among those from `from` on, looking at one and passing over `skip`.
    /// Complexity: O(n).
    #[must_use]
    pub fn find(self, from: Option<At>, wanted: &[u8], skip: usize) -> Option<At> {
        let wanted = Encoded::of(wanted);
        let mut at = from?;
        loop {
            if wanted.begins(&self.0[at.0..]) {
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

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        if self.front >= self.back {
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
