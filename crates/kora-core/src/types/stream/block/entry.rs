//! Entries read in place, from either end of their block.

use super::{DELETED, ENTRY_HEAD, Head, SAME_FIELDS, integer, next, skip};
use crate::packed::listpack::{At, Element, ListPack};
use crate::types::stream::id::StreamId;

/// An entry of a stream, read in place.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its ID.
    pub id: StreamId,
    list: ListPack<'a>,
    flags: i64,
    /// Where its flags stand.
    at: At,
    pair_count: usize,
    /// Where the fields of its block begin, if it has the same.
    shared_fields: Option<At>,
    /// Where its values begin, or its fields and values.
    body: At,
}

impl<'a> Entry<'a> {
    fn read(list: ListPack<'a>, head: Head, base: StreamId, at: At) -> Self {
        let flags = integer(list.get(at));
        let ms_at = next(list, at);
        let seq_at = next(list, ms_at);
        let id = base.offset(integer(list.get(ms_at)), integer(list.get(seq_at)));
        let behind = next(list, seq_at);
        let (pair_count, shared_fields, body) = if flags & SAME_FIELDS == 0 {
            let pair_count = usize::try_from(integer(list.get(behind))).expect("counts are positive");
            (pair_count, None, next(list, behind))
        } else {
            (head.field_count, Some(head.fields), behind)
        };
        Self { id, list, flags, at, pair_count, shared_fields, body }
    }

    /// Number of fields.
    #[must_use]
    pub fn pair_count(&self) -> usize {
        self.pair_count
    }

    /// Fields and their values, in the order they were given.
    pub fn pairs(&self) -> impl Iterator<Item = (Element<'a>, Element<'a>)> + use<'a> {
        let mut fields = self.shared_fields.map(|at| self.list.iter_from(at));
        let mut body = self.list.iter_from(self.body);
        let pair = move || {
            let field = fields.as_mut().unwrap_or(&mut body).next()?;
            Some((field, body.next()?))
        };
        std::iter::from_fn(pair).take(self.pair_count)
    }

    pub(in crate::types::stream) fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    pub(super) fn flags(&self) -> i64 {
        self.flags
    }

    /// Where it begins.
    pub(super) fn place(&self) -> At {
        self.at
    }

    /// Elements of its body: values, or fields and values.
    fn body_elements(&self) -> usize {
        if self.shared_fields.is_some() { self.pair_count } else { 2 * self.pair_count }
    }

    /// The element that tells how many there are.
    fn count_at(&self) -> At {
        skip(self.list, self.body, self.body_elements())
    }

    /// All its elements.
    pub(super) fn elements(&self) -> usize {
        let own_count = usize::from(self.shared_fields.is_none());
        usize::from(ENTRY_HEAD) + own_count + self.body_elements() + 1
    }

    /// All its bytes.
    pub(super) fn bytes(&self) -> &'a [u8] {
        &self.list.bytes()[self.at.0..self.list.behind(self.count_at())]
    }
}

/// The entries of a block, tombstones included, from either end.
#[derive(Clone, Debug)]
pub(in crate::types::stream) struct Walk<'a> {
    list: ListPack<'a>,
    head: Head,
    base: StreamId,
    /// Where the next entry from the front begins and the next from the back ends, in bytes.
    front: usize,
    back: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(list: ListPack<'a>, base: StreamId) -> Self {
        let head = Head::of(list);
        Self { list, head, base, front: head.end, back: list.bytes().len() - 1 }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        if self.front >= self.back {
            return None;
        }
        let entry = Entry::read(self.list, self.head, self.base, At(self.front));
        self.front = self.list.behind(entry.count_at());
        Some(entry)
    }
}

impl DoubleEndedIterator for Walk<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        let count_at = self.list.before(self.back).expect("an entry ends in its count");
        let mut at = count_at;
        for _ in 0..integer(self.list.get(count_at)) {
            at = self.list.previous(at).expect("a block is whole");
        }
        self.back = at.0;
        Some(Entry::read(self.list, self.head, self.base, at))
    }
}
