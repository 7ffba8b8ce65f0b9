//! What is kept of each document of a chunk, one behind the other in one run of bytes: its key, its sort values, its payload, and what it has in the index, so that it can be
//! taken out.
//!
//! A record is appended and never changes. What was taken out stays until it is the greater part of the run, which then is written anew. Long ones are kept
//! by themselves, so the run stays short.

use super::chunk::SLOTS;
use crate::varint::{self, Reader};

/// Bytes of a record in the run at most.
const SHORT_BYTES: usize = 4096;
/// The place of a record that is kept by itself.
const BY_ITSELF: u32 = u32::MAX;

/// A packed record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Packed(Vec<u8>);

impl Packed {
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
        Self(bytes)
    }

    pub(crate) fn record(&self) -> Record<'_> {
        Record(&self.0)
    }
}

/// A record, read in place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Record<'a>(&'a [u8]);

impl<'a> Record<'a> {
    /// The same under another key.
    pub(super) fn with_key(self, key: &[u8]) -> Packed {
        let mut bytes = Vec::with_capacity(self.0.len() + key.len());
        varint::push(&mut bytes, key.len() as u64);
        bytes.extend_from_slice(key);
        bytes.extend_from_slice(self.after_key().rest);
        Packed(bytes)
    }

    pub(crate) fn key(self) -> &'a [u8] {
        let mut reader = Reader::new(self.0);
        let length = reader.read_length();
        reader.take(length)
    }

    fn after_key(self) -> Reader<'a> {
        let mut reader = Reader::new(self.0);
        let length = reader.read_length();
        reader.take(length);
        reader
    }

    /// Its packed sort values.
    pub(crate) fn sorts(self) -> &'a [u8] {
        let mut reader = self.after_key();
        let length = reader.read_length();
        reader.take(length)
    }

    fn after_sorts(self) -> Reader<'a> {
        let mut reader = self.after_key();
        let length = reader.read_length();
        reader.take(length);
        reader
    }

    pub(crate) fn payload(self) -> Option<&'a [u8]> {
        let mut reader = self.after_sorts();
        let length = reader.read_length().checked_sub(1)?;
        Some(reader.take(length))
    }

    /// What it has in the index, packed.
    pub(crate) fn contents(self) -> &'a [u8] {
        let mut reader = self.after_sorts();
        let length = reader.read_length().saturating_sub(1);
        reader.take(length);
        reader.rest
    }
}

/// The records of a chunk.
#[derive(Clone, Debug)]
pub(super) struct Records {
    /// One more than where each record begins in the run; 0 for none.
    places: [u32; SLOTS],
    /// Each record behind its length.
    run: Vec<u8>,
    /// Bytes of the run that nobody needs.
    wasted: usize,
    by_itself: Vec<(usize, Box<[u8]>)>,
}

impl Default for Records {
    fn default() -> Self {
        Self { places: [0; SLOTS], run: Vec::new(), wasted: 0, by_itself: Vec::new() }
    }
}

impl Records {
    /// Adds a record at a place that has none. Complexity: O(length), amortised.
    pub(super) fn insert(&mut self, at: usize, Packed(bytes): &Packed) {
        if bytes.len() > SHORT_BYTES {
            self.places[at] = BY_ITSELF;
            self.by_itself.push((at, (&**bytes).into()));
        } else {
            self.places[at] = u32::try_from(self.run.len() + 1).expect("short records and as much waste");
            varint::push(&mut self.run, bytes.len() as u64);
            self.run.extend_from_slice(bytes);
        }
        // Numbers ascend, so nothing comes behind the last one but what takes the place of another.
        if at + 1 == SLOTS {
            self.run.shrink_to_fit();
        }
    }

    /// A record. Complexity: O(1), and O(records by themselves) for one of those.
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<Record<'_>> {
        match self.places[at] {
            0 => None,
            BY_ITSELF => {
                let found = self.by_itself.iter().find(|(place, _)| *place == at);
                found.map(|(_, bytes)| Record(bytes))
            }
            place => {
                let mut reader = Reader::new(&self.run[place as usize - 1..]);
                let length = reader.read_length();
                Some(Record(reader.take(length)))
            }
        }
    }

    /// Takes a record out, and says whether it was there. Complexity: O(length), amortised.
    pub(super) fn remove(&mut self, at: usize) -> bool {
        match std::mem::take(&mut self.places[at]) {
            0 => return false,
            BY_ITSELF => {
                self.by_itself.retain(|(place, _)| *place != at);
                if self.by_itself.is_empty() {
                    self.by_itself = Vec::new();
                }
            }
            place => {
                let start = place as usize - 1;
                let mut reader = Reader::new(&self.run[start..]);
                let length = reader.read_length();
                reader.take(length);
                self.wasted += self.run.len() - start - reader.rest.len();
                if self.wasted > self.run.len() / 2 {
                    self.write_anew();
                }
            }
        }
        true
    }

    fn write_anew(&mut self) {
        let old = std::mem::take(&mut self.run);
        self.run.reserve_exact(old.len() - self.wasted);
        self.wasted = 0;
        for place in self.places.iter_mut().filter(|place| **place != 0 && **place != BY_ITSELF) {
            let mut reader = Reader::new(&old[*place as usize - 1..]);
            let length = reader.read_length();
            *place = u32::try_from(self.run.len() + 1).expect("it is shorter than before");
            varint::push(&mut self.run, length as u64);
            self.run.extend_from_slice(reader.take(length));
        }
    }

    /// Bytes on the heap. Complexity: O(records by themselves).
    pub(super) fn memory_bytes(&self) -> usize {
        let by_itself: usize = self.by_itself.iter().map(|(_, bytes)| bytes.len()).sum();
        self.run.capacity() + by_itself + self.by_itself.capacity() * size_of::<(usize, Box<[u8]>)>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_gives_back_what_was_packed() {
        let packed = Packed::new(b"key", b"sorts", Some(b""), b"contents").record().with_key(b"other");
        let record = packed.record();
        assert_eq!(
            (record.key(), record.sorts(), record.payload(), record.contents()),
            (&b"other"[..], &b"sorts"[..], Some(&b""[..]), &b"contents"[..])
        );
        assert_eq!(Packed::new(b"", b"", None, b"").record().payload(), None);
    }

    proptest! {
        /// Records stay what they are, whatever comes and goes around them, and what nobody needs is bounded.
        #[test]
        fn records_come_and_go(steps in prop::collection::vec((0..SLOTS, prop::option::of(0..6000_usize)), 1..300)) {
            let mut records = Records::default();
            let mut model: std::collections::BTreeMap<usize, Packed> = std::collections::BTreeMap::new();
            for (at, length) in steps {
                let at = at % 40 + if at % 3 == 0 { SLOTS - 40 } else { 0 };
                prop_assert_eq!(records.remove(at), model.remove(&at).is_some());
                if let Some(length) = length {
                    let length = if length % 4 == 0 { length } else { length % 90 };
                    let packed = Packed::new(&at.to_le_bytes(), &vec![7; length], None, b"c");
                    records.insert(at, &packed);
                    model.insert(at, packed);
                }
                for (at, packed) in &model {
                    prop_assert_eq!(records.get(*at), Some(packed.record()));
                }
                prop_assert!(records.wasted <= records.run.len() / 2);
            }
            prop_assert_eq!((0..SLOTS).filter(|at| records.get(*at).is_some()).count(), model.len());
            for at in model.keys() {
                records.remove(*at);
            }
            prop_assert_eq!(records.memory_bytes(), 0);
        }
    }
}
