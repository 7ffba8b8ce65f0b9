//! The names of elements: from a number to the name, and back.

use kora_core::hash::{KeyHasher, hash_key, key_hasher};
use kora_index::hashed::Hashed;

use crate::texts::Texts;

/// Names of elements by number.
///
/// Invariant: `numbers` has just the numbers that have a name.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    texts: Texts,
    numbers: Hashed,
    hasher: KeyHasher,
}

impl Names {
    /// No names, with a secret seed for the table.
    pub(crate) fn new(seed: u64) -> Self {
        Self { texts: Texts::default(), numbers: Hashed::default(), hasher: key_hasher(seed) }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    /// The name of a number. Complexity: O(1).
    pub(crate) fn name(&self, number: u32) -> Option<&[u8]> {
        self.texts.get(number)
    }

    /// The number of a name. Complexity: O(1).
    pub(crate) fn number(&self, name: &[u8]) -> Option<u32> {
        let hash = hash_key(&self.hasher, name);
        self.numbers.find(hash, |number| self.name(*number) == Some(name))
    }

    /// Gives a number a name; neither may be there. Complexity: O(1).
    pub(crate) fn add(&mut self, number: u32, name: &[u8]) {
        self.texts.set(number, name.into());
        let (hasher, texts) = (&self.hasher, &self.texts);
        let name_of = |number| texts.get(number).expect("numbers of the table have names");
        self.numbers.insert(hash_key(hasher, name), number, |other| hash_key(hasher, name_of(other)));
    }

    /// Takes a number's name away. Complexity: O(1).
    pub(crate) fn remove(&mut self, number: u32) {
        if let Some(name) = self.texts.take(number) {
            self.numbers.remove(hash_key(&self.hasher, &name), number);
        }
    }

    /// Numbers and names, by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &[u8])> {
        self.texts.iter()
    }

    /// Frees about `budget` names of what is not used any more, and says how many.
    pub(crate) fn free_some(&mut self, budget: usize) -> usize {
        self.numbers = Hashed::default();
        self.texts.free_some(budget)
    }

    /// Bytes on the heap. Complexity: O(1).
    pub(crate) fn memory_bytes(&self) -> usize {
        self.texts.memory_bytes() + self.numbers.memory_bytes()
    }
}
