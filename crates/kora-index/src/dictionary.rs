//! The distinct words of an index, or values of one of its tag fields, each with what is kept of it.
//!
//! A hash table finds a text exactly; the numbers of the texts in the order of their bytes, in runs of bounded length, find those that begin with
//! a prefix, and serve patterns and fuzzy words (see [`patterns`]) as a trie would: whoever walks them skips to the next text that can still match.
//! A text's number stays the same while it is there, so documents can list theirs.
//!
//! Invariant: each number in `order` has a text, each text is there once, and no run is empty.

mod fuzzy;
mod patterns;
mod suffixes;
#[cfg(test)]
mod tests;

use ahash::RandomState;

pub(crate) use fuzzy::EDITS_MAX;
pub(crate) use patterns::Compiled;
use suffixes::Suffixes;

use crate::hashed::Hashed;
use crate::slab::Slab;

/// Texts in a run at most.
const RUN_LENGTH_MAX: usize = 256;

/// Texts in the order of their bytes, each with a value.
#[derive(Clone, Debug)]
pub(crate) struct Dictionary<V> {
    slots: Slab<Slot<V>>,
    table: Hashed,
    order: Vec<Vec<u32>>,
    suffixes: Option<Suffixes>,
    hasher: RandomState,
    text_bytes: usize,
    run_bytes: usize,
}

#[derive(Clone, Debug)]
struct Slot<V> {
    text: Box<str>,
    value: V,
}

/// A place in the order of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    run: usize,
    at: usize,
}

impl<V: Default> Dictionary<V> {
    /// One without texts, that finds ends and inner parts of them fast if `with_suffixes`.
    pub(crate) fn new(with_suffixes: bool, hasher: RandomState) -> Self {
        Self {
            slots: Slab::new(),
            table: Hashed::default(),
            order: Vec::new(),
            suffixes: with_suffixes.then(Suffixes::default),
            hasher,
            text_bytes: 0,
            run_bytes: 0,
        }
    }

    /// Finds ends and inner parts of texts fast from now on. Complexity: O(characters of all texts x log).
    pub(crate) fn add_suffixes(&mut self) {
        if self.suffixes.is_none() {
            let mut suffixes = Suffixes::default();
            for number in self.table.iter() {
                suffixes.insert(self.text(number), number);
            }
            self.suffixes = Some(suffixes);
        }
    }

    /// How many texts there are.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// A text's number. Complexity: O(1).
    pub(crate) fn find(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        self.table.find(hash, |number| self.text(*number) == text)
    }

    /// The text of a number that is in use.
    pub(crate) fn text(&self, number: u32) -> &str {
        self.slots.get(number).map_or("", |slot| &slot.text)
    }

    /// What is kept of it.
    pub(crate) fn value(&self, number: u32) -> Option<&V> {
        self.slots.get(number).map(|slot| &slot.value)
    }

    /// What is kept of it, to change.
    pub(crate) fn value_mut(&mut self, number: u32) -> Option<&mut V> {
        self.slots.get_mut(number).map(|slot| &mut slot.value)
    }

    /// A text's number; it is added if it was not there. Complexity: O(1) if it was, else O(log texts + texts / run length).
    ///
    /// # Panics
    /// Past 2^32 texts.
    pub(crate) fn insert(&mut self, text: &str) -> u32 {
        let hash = self.hasher.hash_one(text);
        if let Some(number) = self.table.find(hash, |number| self.text(*number) == text) {
            return number;
        }
        let number = self.slots.insert(Slot { text: text.into(), value: V::default() });
        self.text_bytes += text.len();
        let (slots, hasher) = (&self.slots, &self.hasher);
        self.table
            .insert(hash, number, |other| hasher.hash_one(slots.get(other).map_or("", |slot| &*slot.text)));
        self.insert_in_order(number);
        if let Some(suffixes) = &mut self.suffixes {
            suffixes.insert(text, number);
        }
        number
    }

    fn insert_in_order(&mut self, number: u32) {
        let place = self.place(|text| text < self.text(number));
        if self.order.is_empty() {
            self.order.push(Vec::new());
        }
        let is_last = place.run == self.order.len();
        let index = place.run.min(self.order.len() - 1);
        let run = &mut self.order[index];
        let before = run.capacity();
        run.insert(if is_last { run.len() } else { place.at }, number);
        if run.len() > RUN_LENGTH_MAX {
            let upper = run.split_off(RUN_LENGTH_MAX / 2);
            run.shrink_to_fit();
            self.run_bytes += upper.capacity() * 4;
            self.order.insert(index + 1, upper);
        }
        self.run_bytes = self.run_bytes + self.order[index].capacity() * 4 - before * 4;
    }

    /// Takes a text out. Complexity: as for a new text.
    pub(crate) fn remove(&mut self, number: u32) {
        let Some(text) = self.slots.get(number).map(|slot| slot.text.clone()) else { return };
        let place = self.place(|other| other < &*text);
        self.order[place.run].remove(place.at);
        if self.order[place.run].is_empty() {
            self.run_bytes -= self.order[place.run].capacity() * 4;
            self.order.remove(place.run);
        }
        let hash = self.hasher.hash_one(&*text);
        self.table.remove(hash, number);
        if let Some(suffixes) = &mut self.suffixes {
            suffixes.remove(&text, number);
        }
        self.text_bytes -= text.len();
        self.slots.remove(number);
        self.shrink();
    }

    /// Gives memory back once nothing is left.
    fn shrink(&mut self) {
        if self.table.is_empty() {
            self.order = Vec::new();
            self.run_bytes = 0;
        }
    }

    /// The first place whose text is not before something.
    fn place(&self, is_before: impl Fn(&str) -> bool) -> Place {
        let run =
            self.order.partition_point(|run| run.last().is_some_and(|last| is_before(self.text(*last))));
        let at =
            self.order.get(run).map_or(0, |run| run.partition_point(|number| is_before(self.text(*number))));
        Place { run, at }
    }

    /// The number at a place, if it is not the end.
    fn at(&self, place: Place) -> Option<u32> {
        self.order.get(place.run)?.get(place.at).copied()
    }

    fn following(&self, place: Place) -> Place {
        if place.at + 1 < self.order.get(place.run).map_or(0, Vec::len) {
            Place { run: place.run, at: place.at + 1 }
        } else {
            Place { run: place.run + 1, at: 0 }
        }
    }

    /// Texts in order, from the first that is not less than `from`.
    pub(crate) fn iter_from<'a>(
        &'a self,
        from: &[u8],
    ) -> impl Iterator<Item = (u32, &'a str, &'a V)> + use<'a, V> {
        let mut place = self.place(|text| text.as_bytes() < from);
        std::iter::from_fn(move || {
            let number = self.at(place)?;
            place = self.following(place);
            let slot = self.slots.get(number)?;
            Some((number, &*slot.text, &slot.value))
        })
    }

    /// Bytes of the structure, without what values have on the heap. Complexity: O(1).
    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.memory_bytes()
            + self.text_bytes
            + self.table.memory_bytes()
            + self.order.capacity() * size_of::<Vec<u32>>()
            + self.run_bytes
            + self.suffixes.as_ref().map_or(0, Suffixes::memory_bytes)
    }

    /// Bytes of the part that finds suffixes.
    pub(crate) fn suffix_bytes(&self) -> usize {
        self.suffixes.as_ref().map_or(0, Suffixes::memory_bytes)
    }
}
