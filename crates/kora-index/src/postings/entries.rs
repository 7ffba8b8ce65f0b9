//! Decodes a block.
//!
//! In one that still takes entries, all of an entry stands together. Of a full one ([`super::full`]) numbers are read alone, and the rest is read up to an
//! entry when it is asked for.

use super::full::{self, Full};
use super::window::mark;
use super::{Entry, Layout, Marks, Occurrences};
use crate::varint::Reader;

/// See the module. It stands between two entries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entries<'a> {
    layout: Layout,
    /// Number of the last entry that was passed.
    document: u32,
    fields: u128,
    form: Form<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Form<'a> {
    Open(Reader<'a>),
    Full(Full<'a>),
}

impl<'a> Entries<'a> {
    /// Entries of a block that is not full, behind this number, of which the first has these fields if it has those of the one before it.
    pub(super) fn open(bytes: &'a [u8], layout: Layout, (document, fields): (u32, u128)) -> Self {
        Self { layout, document, fields, form: Form::Open(Reader::new(bytes)) }
    }

    /// The same of a full block.
    pub(super) fn full(full: Full<'a>, layout: Layout, (document, fields): (u32, u128)) -> Self {
        Self { layout, document, fields, form: Form::Full(full) }
    }

    /// The next entry, whole.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Entry<'a>> {
        let (document, read) = self.next_in(0, |_| true)?;
        let (frequency, positions) = read.unwrap_or_else(|| self.occurrences());
        Some(Entry { document, frequency, fields: self.fields, positions })
    }

    /// Goes on to the first entry from `target` on in one of the fields. Its frequency and positions are given where they are read on the way, else
    /// [`Entries::occurrences`] has them.
    #[inline]
    pub(super) fn next_from(&mut self, target: u32, wanted: u128) -> Option<(u32, Option<Occurrences<'a>>)> {
        if wanted == u128::MAX
            && let Form::Full(full) = &mut self.form
        {
            self.document = full.seek(self.document, target)?;
            return Some((self.document, None));
        }
        self.next_in(target, |fields| fields & wanted != 0)
    }

    #[inline]
    fn next_in(
        &mut self,
        target: u32,
        is_wanted: impl Fn(u128) -> bool,
    ) -> Option<(u32, Option<Occurrences<'a>>)> {
        let Self { layout, document, fields, form } = self;
        match form {
            Form::Open(reader) => {
                while !reader.is_done() {
                    let (distance, _, own_fields, occurrences) = full::read_open(reader, *layout);
                    *document = document.wrapping_add(distance);
                    *fields = own_fields.unwrap_or(*fields);
                    if *document >= target && is_wanted(*fields) {
                        return Some((*document, Some(occurrences)));
                    }
                }
            }
            Form::Full(full) => {
                while let Some(distance) = full.next() {
                    *document = document.wrapping_add(distance);
                    *fields = full.changed_fields().unwrap_or(*fields);
                    if *document >= target && is_wanted(*fields) {
                        return Some((*document, None));
                    }
                }
            }
        }
        None
    }

    /// Marks the entries in one of the fields that are in a window, and passes those before it. Those behind it are still to come. Returns how many entries it
    /// passed.
    pub(super) fn mark(&mut self, wanted: u128, window: &mut impl Marks) -> usize {
        let (layout, base, end) = (self.layout, window.base(), window.end());
        match &mut self.form {
            Form::Full(full) => {
                let before = full.passed();
                if wanted == u128::MAX {
                    self.document = full.mark(self.document, window);
                    return full.passed() - before;
                }
                while let Some(distance) = full.peek()
                    && let document = self.document.wrapping_add(distance)
                    && document < end
                {
                    full.next();
                    self.document = document;
                    self.fields = full.changed_fields().unwrap_or(self.fields);
                    if document >= base && self.fields & wanted != 0 {
                        mark(window, document, full.is_simple());
                    }
                }
                full.passed() - before
            }
            Form::Open(reader) => {
                let mut passed = 0;
                if wanted == u128::MAX {
                    while let Some((document, is_simple, ahead)) =
                        full::next_number(*reader, layout, self.document)
                        && document < end
                    {
                        (*reader, self.document) = (ahead, document);
                        passed += 1;
                        if document >= base {
                            mark(window, document, is_simple);
                        }
                    }
                    return passed;
                }
                while !reader.is_done() {
                    let mut ahead = *reader;
                    let (distance, is_simple, fields, _) = full::read_open(&mut ahead, layout);
                    let document = self.document.wrapping_add(distance);
                    if document >= end {
                        break;
                    }
                    (*reader, self.document, self.fields) = (ahead, document, fields.unwrap_or(self.fields));
                    passed += 1;
                    if document >= base && self.fields & wanted != 0 {
                        mark(window, document, is_simple);
                    }
                }
                passed
            }
        }
    }

    /// Whether all entries are passed.
    pub(super) fn is_done(&self) -> bool {
        match &self.form {
            Form::Open(reader) => reader.is_done(),
            Form::Full(full) => full.peek().is_none(),
        }
    }

    /// Whether the entry of a full block that was passed is a single occurrence.
    #[inline]
    pub(super) fn is_simple(&self) -> bool {
        matches!(&self.form, Form::Full(full) if full.is_simple())
    }

    /// The frequency and positions of the entry of a full block that was passed. It tells them once.
    /// Complexity: O(entries since the last one that was asked for).
    pub(super) fn occurrences(&mut self) -> Occurrences<'a> {
        match &mut self.form {
            Form::Open(_) => (1, &[]),
            Form::Full(full) => full.occurrences(self.layout),
        }
    }
}
