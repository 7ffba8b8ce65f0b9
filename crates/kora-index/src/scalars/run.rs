//! A run of values with their documents, packed: for each value its length, its bytes, the number of its documents and these, ascending, as distances.

use crate::varint::{self, Reader};

/// Bytes of the numbers around a value and its document at most.
const HEADS_BYTES: usize = 24;
/// Bytes that a run grows by at least.
const ROOM_BYTES: usize = 64;

/// Values in order, each with some documents. It is not empty.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    pub(super) bytes: Vec<u8>,
    /// Pairs of value and document.
    pub(super) pairs: u32,
}

/// A value in a run, with its documents.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<'a> {
    /// Where it begins.
    start: usize,
    pub(super) value: &'a [u8],
    pub(super) count: u64,
    /// Where its number of documents stands.
    count_at: usize,
    /// Where its documents begin.
    documents_at: usize,
    /// All from its documents on.
    rest: &'a [u8],
}

impl<'a> Group<'a> {
    fn read(bytes: &'a [u8], start: usize) -> Option<Self> {
        let mut reader = Reader::new(bytes.get(start..)?);
        if reader.is_done() {
            return None;
        }
        let length = reader.read_length();
        let value = reader.take(length);
        let count_at = bytes.len() - reader.rest.len();
        let count = reader.read();
        Some(Self {
            start,
            value,
            count,
            count_at,
            documents_at: bytes.len() - reader.rest.len(),
            rest: reader.rest,
        })
    }

    /// Its documents, each with where it ends, from where the documents begin.
    fn places(self) -> impl Iterator<Item = (u32, usize)> + use<'a> {
        let (mut reader, mut document) = (Reader::new(self.rest), 0_u32);
        (0..self.count).map(move |_| {
            document = document.saturating_add(reader.read32());
            (document, self.rest.len() - reader.rest.len())
        })
    }

    /// Its documents, ascending.
    pub(super) fn documents(self) -> impl Iterator<Item = u32> + use<'a> {
        self.places().map(|(document, _)| document)
    }

    /// Where it ends.
    fn end(self) -> usize {
        self.documents_at + self.places().last().map_or(0, |(_, end)| end)
    }
}

/// What an insertion or removal came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// Nothing: the pair was there, or was not.
    Nothing,
    /// The value has one document more or less.
    Pair,
    /// The value came into the run or left it; whether it was its first.
    Value { is_first: bool },
}

impl Run {
    /// Its values, in order.
    pub(super) fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let group = Group::read(&self.bytes, at)?;
            at = group.end();
            Some(group)
        })
    }

    /// Its first pair.
    pub(super) fn first(&self) -> (&[u8], u32) {
        let group = Group::read(&self.bytes, 0);
        group.map_or((&[], 0), |group| (group.value, group.documents().next().unwrap_or(0)))
    }

    /// Adds a pair.
    pub(super) fn insert(&mut self, value: &[u8], document: u32) -> Edit {
        let most = value.len() + HEADS_BYTES;
        if self.bytes.capacity() - self.bytes.len() < most {
            // A run is short: room for a few pairs is all that it needs.
            self.bytes.reserve_exact(most.max(ROOM_BYTES));
        }
        let mut at = 0;
        while let Some(group) = Group::read(&self.bytes, at) {
            if group.value == value {
                let edit = insert_document(&mut self.bytes, at, document);
                self.pairs += u32::from(edit != Edit::Nothing);
                return edit;
            }
            if group.value > value {
                break;
            }
            at = group.end();
        }
        let mut bytes = Vec::with_capacity(value.len() + 12);
        push_group(&mut bytes, value, &[document]);
        self.bytes.splice(at..at, bytes);
        self.pairs += 1;
        Edit::Value { is_first: at == 0 }
    }

    /// Takes a pair out.
    pub(super) fn remove(&mut self, value: &[u8], document: u32) -> Edit {
        let mut at = 0;
        while let Some(group) = Group::read(&self.bytes, at) {
            if group.value == value {
                let edit = remove_document(&mut self.bytes, at, document);
                self.pairs -= u32::from(edit != Edit::Nothing);
                return edit;
            }
            if group.value > value {
                break;
            }
            at = group.end();
        }
        Edit::Nothing
    }

    /// Splits it near its middle, if it has two pairs at least. Returns the upper part.
    pub(super) fn split(&mut self) -> Option<Self> {
        let middle = self.bytes.len() / 2;
        let (mut lower, mut upper) = (Self::default(), Self::default());
        for group in self.groups() {
            let all: Vec<u32> = group.documents().collect();
            let end = group.documents_at;
            let below = group
                .places()
                .take_while(|(_, place)| end + place <= middle)
                .count()
                .max(usize::from(group.start == 0))
                .min(all.len());
            // What is left of a value is worth its head only if that is long.
            let below = if group.start > 0 && group.documents_at > middle { 0 } else { below };
            for (run, documents) in [(&mut lower, &all[..below]), (&mut upper, &all[below..])] {
                if !documents.is_empty() {
                    push_group(&mut run.bytes, group.value, documents);
                    run.pairs += u32::try_from(documents.len()).unwrap_or(u32::MAX);
                }
            }
        }
        if upper.bytes.is_empty() {
            return None;
        }
        *self = lower;
        self.bytes.shrink_to_fit();
        upper.bytes.shrink_to_fit();
        Some(upper)
    }

    /// Adds all that another one has, whose pairs lie behind its own.
    pub(super) fn join(&mut self, other: &Self) {
        let last = self.groups().last().map(|group| (group.start, group.value.to_vec()));
        for group in other.groups() {
            let documents: Vec<u32> = group.documents().collect();
            match &last {
                Some((start, value)) if **value == *group.value => {
                    let all: Vec<u32> = Group::read(&self.bytes, *start)
                        .into_iter()
                        .flat_map(Group::documents)
                        .chain(documents)
                        .collect();
                    self.bytes.truncate(*start);
                    push_group(&mut self.bytes, group.value, &all);
                }
                _ => push_group(&mut self.bytes, group.value, &documents),
            }
        }
        self.pairs += other.pairs;
    }
}

fn push_group(bytes: &mut Vec<u8>, value: &[u8], documents: &[u32]) {
    varint::push(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
    varint::push(bytes, documents.len() as u64);
    let mut before = 0;
    for document in documents {
        varint::push(bytes, u64::from(document - before));
        before = *document;
    }
}

/// Distances, packed.
fn distances(all: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    all.iter().for_each(|distance| varint::push(&mut bytes, u64::from(*distance)));
    bytes
}

fn insert_document(bytes: &mut Vec<u8>, at: usize, document: u32) -> Edit {
    let Some(group) = Group::read(bytes, at) else { return Edit::Nothing };
    let (mut before, mut place) = (0, 0);
    let mut found = None;
    for (other, end) in group.places() {
        if other == document {
            return Edit::Nothing;
        }
        if other > document {
            found = Some((place..end, distances(&[document - before, other - document])));
            break;
        }
        (before, place) = (other, end);
    }
    let (range, with) = found.unwrap_or_else(|| (place..place, distances(&[document - before])));
    let (count, count_at, from) = (group.count + 1, group.count_at, group.documents_at);
    bytes.splice(from + range.start..from + range.end, with);
    set_count(bytes, count_at..from, count);
    Edit::Pair
}

fn remove_document(bytes: &mut Vec<u8>, at: usize, document: u32) -> Edit {
    let Some(group) = Group::read(bytes, at) else { return Edit::Nothing };
    let (mut before, mut place) = (0, 0);
    let mut places = group.places();
    let (range, with) = loop {
        match places.next() {
            Some((other, end)) if other == document => {
                break match places.next() {
                    Some((next, next_end)) => (place..next_end, distances(&[next - before])),
                    None => (place..end, Vec::new()),
                };
            }
            Some((other, end)) if other < document => (before, place) = (other, end),
            _ => return Edit::Nothing,
        }
    };
    drop(places);
    let (count, count_at, from) = (group.count - 1, group.count_at, group.documents_at);
    if count == 0 {
        bytes.drain(at..from + range.end);
        return Edit::Value { is_first: at == 0 };
    }
    bytes.splice(from + range.start..from + range.end, with);
    set_count(bytes, count_at..from, count);
    Edit::Pair
}

fn set_count(bytes: &mut Vec<u8>, range: std::ops::Range<usize>, count: u64) {
    let mut packed = Vec::new();
    varint::push(&mut packed, count);
    bytes.splice(range, packed);
}
