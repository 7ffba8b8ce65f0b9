//! Decodes a block.
//!
//! In one that is not split, what its head does not tell stands behind each head. In one that is, heads are read alone, and the rest is read up to an entry
//! when it is asked for. Mostly that is a position for each entry and nothing else: such are passed over without a look at their heads.

use super::{BLOCK_NUMBERS, Bytes, Entry, FLAG_BITS, IS_SIMPLE, Layout, SAME_FIELDS};
use crate::varint::{self, Reader};

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entries<'a> {
    /// What is left of the entries; of the heads of a split block.
    reader: Reader<'a>,
    layout: Layout,
    document: u32,
    fields: u128,
    unread: Option<Unread<'a>>,
}

/// What the heads of a split block do not tell.
#[derive(Clone, Copy, Debug)]
struct Unread<'a> {
    details: Reader<'a>,
    /// Heads of the entries whose details come next,
    heads: Reader<'a>,
    /// how many of them there are up to where the entries stand, that one included,
    count: usize,
    /// and the flags that all of these have.
    flags: u64,
}

/// Frequency and positions of an entry.
type Occurrences<'a> = (u32, &'a [u8]);

/// What is kept of an entry besides its number and fields.
pub(super) struct Detail {
    frequency: u32,
    /// Bytes of positions; none: it is one position.
    length: Option<usize>,
    is_simple: bool,
}

impl Detail {
    /// Reads what stands before the positions.
    #[inline]
    pub(super) fn read_front(reader: &mut Reader<'_>, layout: Layout, head: u64) -> Self {
        let is_simple = head & IS_SIMPLE != 0;
        let frequency = if layout.frequencies && !is_simple { reader.read32() } else { 1 };
        let length = if layout.positions && !is_simple { Some(reader.read_length()) } else { None };
        Self { frequency, length, is_simple }
    }

    /// Writes it with the positions, which come next in `reader`.
    pub(super) fn write(&self, bytes: &mut Bytes, reader: &mut Reader<'_>, layout: Layout) {
        if layout.frequencies && !self.is_simple {
            varint::write(bytes, self.frequency.into());
        }
        if let Some(length) = self.length {
            varint::write(bytes, length as u128);
        }
        bytes.extend_from_slice(self.positions(reader, layout));
    }

    #[inline]
    fn positions<'a>(&self, reader: &mut Reader<'a>, layout: Layout) -> &'a [u8] {
        match self.length {
            Some(length) => reader.take(length),
            None if layout.positions => reader.take_one(),
            None => &[],
        }
    }
}

impl<'a> Entries<'a> {
    /// Entries behind this number, of which the first has these fields if it has those of the one before it.
    pub(super) fn new(
        bytes: &'a [u8],
        details: Option<&'a [u8]>,
        layout: Layout,
        (document, fields): (u32, u128),
    ) -> Self {
        let reader = Reader::new(bytes);
        let unread = details.map(|details| Unread {
            details: Reader::new(details),
            heads: reader,
            count: 0,
            flags: IS_SIMPLE,
        });
        Self { reader, layout, document, fields, unread }
    }

    /// The next entry, whole.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Entry<'a>> {
        let (document, read) = self.next_from(0, u128::MAX)?;
        let (frequency, positions) = read.unwrap_or_else(|| self.detail());
        Some(Entry { document, frequency, fields: self.fields, positions })
    }

    /// Goes on to the first entry from `target` on in one of the fields. Its frequency and positions are given where they are read on the way, else
    /// [`Entries::detail`] has them.
    #[inline]
    pub(super) fn next_from(&mut self, target: u32, wanted: u128) -> Option<(u32, Option<Occurrences<'a>>)> {
        if self.unread.is_some() {
            return self.next_head(target, wanted).map(|document| (document, None));
        }
        let (layout, mut reader, mut document) = (self.layout, self.reader, self.document);
        let mut found = None;
        if layout == Layout::BARE {
            while !reader.is_done() {
                document = document.wrapping_add(u32::try_from(reader.read_even()).unwrap_or(0));
                if document >= target {
                    found = Some((document, Some((1, &[][..]))));
                    break;
                }
            }
        } else {
            while !reader.is_done() {
                let head = reader.read_even();
                document = document.wrapping_add(u32::try_from(head >> FLAG_BITS).unwrap_or(0));
                let detail = Detail::read_front(&mut reader, layout, head);
                if head & SAME_FIELDS == 0 {
                    self.fields = reader.read_wide();
                }
                let positions = detail.positions(&mut reader, layout);
                if document >= target && self.fields & wanted != 0 {
                    found = Some((document, Some((detail.frequency, positions))));
                    break;
                }
            }
        }
        (self.reader, self.document) = (reader, document);
        found
    }

    #[inline]
    fn next_head(&mut self, target: u32, wanted: u128) -> Option<u32> {
        let unread = self.unread.as_mut()?;
        let (mut reader, mut document) = (self.reader, self.document);
        let (mut count, mut flags) = (unread.count, unread.flags);
        let mut found = None;
        while !reader.is_done() {
            let head = reader.read_even();
            document = document.wrapping_add(u32::try_from(head >> FLAG_BITS).unwrap_or(0));
            count += 1;
            flags &= head;
            if head & SAME_FIELDS == 0 {
                self.fields = reader.read_wide();
            }
            if document >= target && self.fields & wanted != 0 {
                found = Some(document);
                break;
            }
        }
        (unread.count, unread.flags) = (count, flags);
        (self.reader, self.document) = (reader, document);
        found
    }

    /// The numbers from `target` on that stand in one of the fields; returns how many there are.
    pub(super) fn numbers(&mut self, target: u32, wanted: u128, numbers: &mut [u32; BLOCK_NUMBERS]) -> usize {
        let mut count = 0;
        if self.unread.is_none() {
            while let Some((document, _)) = self.next_from(target, wanted)
                && let Some(number) = numbers.get_mut(count)
            {
                *number = document;
                count += 1;
            }
            return count;
        }
        let (mut reader, mut document) = (self.reader, self.document);
        while !reader.is_done() {
            let head = reader.read_even();
            document = document.wrapping_add(u32::try_from(head >> FLAG_BITS).unwrap_or(0));
            if head & SAME_FIELDS == 0 {
                self.fields = reader.read_wide();
            }
            let Some(number) = numbers.get_mut(count) else { break };
            *number = document;
            count += usize::from(document >= target && self.fields & wanted != 0);
        }
        (self.reader, self.document) = (reader, document);
        count
    }

    /// The frequency and positions of the entry of a split block at which [`Entries::next_from`] has stopped. It tells them once.
    /// Complexity: O(entries since the last one that was asked for).
    pub(super) fn detail(&mut self) -> Occurrences<'a> {
        let (layout, reader) = (self.layout, self.reader);
        let Some(unread) = self.unread.as_mut() else { return (1, &[]) };
        let mut detail = (1, &[][..]);
        if unread.flags & IS_SIMPLE != 0 {
            if layout.positions {
                unread.details.skip(unread.count.saturating_sub(1));
                detail.1 = unread.details.take_one();
            }
        } else {
            for _ in 0..unread.count {
                let head = unread.heads.read();
                if head & SAME_FIELDS == 0 {
                    unread.heads.read_wide();
                }
                let read = Detail::read_front(&mut unread.details, layout, head);
                detail = (read.frequency, read.positions(&mut unread.details, layout));
            }
        }
        (unread.heads, unread.count, unread.flags) = (reader, 0, IS_SIMPLE);
        detail
    }
}
