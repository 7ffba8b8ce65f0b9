//! Vectors without a graph: their owner numbers them, and measures those that it wants.

#[cfg(test)]
mod tests;

use crate::config::{Config, Error, Storage};
use crate::vectors::{Encoded, Query, Vectors};

/// Vectors under numbers that their owner gives them: small ones, since all below the greatest take memory.
#[derive(Clone, Debug)]
pub struct Flat {
    storage: Storage,
    vectors: Vectors,
}

impl Flat {
    /// No vectors. What a configuration says of links counts for nothing, and there may be more elements than a graph's vectors have.
    pub fn new(config: &Config) -> Self {
        Self { storage: config.storage, vectors: Vectors::new(config) }
    }

    /// How elements are kept.
    pub fn storage(&self) -> Storage {
        self.storage
    }

    /// Makes a vector ready to be put, or to be measured from. Complexity: O(dimensions).
    ///
    /// # Errors
    /// If it has another number of elements.
    pub fn query(&self, vector: &[f32]) -> Result<Query, Error> {
        self.vectors.query(vector)
    }

    /// Puts a vector under a number: one that was given before, or the next. Complexity: O(dimensions).
    ///
    /// # Panics
    /// If the vector was made ready for others.
    pub fn put(&mut self, id: u32, vector: &Query) {
        assert!(self.vectors.fits(vector), "a vector is made ready for those that it is put among");
        self.vectors.put(id, vector);
    }

    /// A vector that was put, as it lies in memory.
    pub fn encoded(&self, id: u32) -> Encoded<'_> {
        self.vectors.encoded(id)
    }

    /// Writes the distances of vectors that were put. Complexity: O(numbers * dimensions).
    ///
    /// # Panics
    /// If there is none under a number, or the query was made ready for others.
    pub fn distances(&self, query: &Query, ids: &[u32], out: &mut Vec<f32>) {
        assert!(self.vectors.fits(query), "a query is made ready for those that it is compared with");
        self.vectors.distances(&self.vectors.probe_of(query), ids, out);
    }

    /// Bytes on the heap. Complexity: O(1).
    pub fn memory(&self) -> usize {
        self.vectors.memory()
    }
}
