//! The names of elements: from a number to the name, and back.

use kora_core::hash::{KeyHasher, hash_key, key_hasher};
use kora_index::hashed::Hashed;

/// Names in a chunk: chunks never move, so that no insertion pays for all.
const CHUNK: usize = 1024;

/// Names of elements by number.
///
/// Invariant: `numbers` has just the numbers that have a name.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    chunks: Vec<Vec<Option<Box<[u8]>>>>,
    numbers: Hashed,
    hasher: KeyHasher,
    bytes: usize,
}

fn place(number: u32) -> (usize, usize) {
    let number = number as usize;
    (number / CHUNK, number % CHUNK)
}

impl Names {
    /// No names, with a secret seed for the table.
    pub(crate) fn new(seed: u64) -> Self {
        Self { chunks: Vec::new(), numbers: Hashed::default(), hasher: key_hasher(seed), bytes: 0 }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The name of a number. Complexity: O(1).
    pub(crate) fn name(&self, number: u32) -> Option<&[u8]> {
        let (chunk, at) = place(number);
        self.chunks.get(chunk)?.get(at)?.as_deref()
    }

    /// The number of a name. Complexity: O(1).
    pub(crate) fn number(&self, name: &[u8]) -> Option<u32> {
        let hash = hash_key(&self.hasher, name);
        self.numbers.find(hash, |number| self.name(*number) == Some(name))
    }

    /// Gives a number a name; neither may be there. Complexity: O(1).
    pub(crate) fn add(&mut self, number: u32, name: &[u8]) {
        let (chunk, at) = place(number);
        while self.chunks.len() <= chunk {
            self.chunks.push(Vec::with_capacity(if self.chunks.is_empty() { 0 } else { CHUNK }));
        }
        let slots = &mut self.chunks[chunk];
        while slots.len() <= at {
            slots.push(None);
        }
        slots[at] = Some(name.into());
        self.bytes += name.len();
        let (hasher, chunks) = (&self.hasher, &self.chunks);
        let name_of = |number: u32| {
            let (chunk, at) = place(number);
            chunks[chunk][at].as_deref().expect("numbers of the table have names")
        };
        self.numbers.insert(hash_key(hasher, name), number, |other| hash_key(hasher, name_of(other)));
    }

    /// Takes a number's name away. Complexity: O(1).
    pub(crate) fn remove(&mut self, number: u32) {
        let (chunk, at) = place(number);
        let Some(slot) = self.chunks.get_mut(chunk).and_then(|slots| slots.get_mut(at)) else { return };
        if let Some(name) = slot.take() {
            self.bytes -= name.len();
            self.numbers.remove(hash_key(&self.hasher, &name), number);
        }
    }

    /// Numbers and names, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        let slots = self.chunks.iter().flatten();
        (0..).zip(slots).filter_map(|(number, name)| Some((number, name.as_deref()?)))
    }

    /// Frees up to about `budget` names of what is not used any more, and says how many.
    pub(crate) fn free_some(&mut self, budget: usize) -> usize {
        let mut freed = 0;
        self.numbers = Hashed::default();
        while freed < budget {
            let Some(chunk) = self.chunks.pop() else { break };
            freed += chunk.len();
        }
        freed
    }

    /// Bytes on the heap. Complexity: O(chunks).
    pub(crate) fn memory_bytes(&self) -> usize {
        let slots: usize = self.chunks.iter().map(Vec::capacity).sum();
        slots * size_of::<Option<Box<[u8]>>>() + self.bytes + self.numbers.memory_bytes()
    }
}
