//! The vectors of a field, by document, and their distances from another one, found exactly.
//!
//! Vectors lie one behind the other in blocks of bounded size, so that none of them moves when there are more, and what documents leave is used
//! again. A page table gives the first slot of a document; its other vectors, if an array of JSON gave several, are linked. Vectors of a field by cosine
//! are kept with length 1, as RediSearch keeps them.
//!
//! Invariant: a slot is of one document or free; a document is in `pages` if and only if it has a slot.

mod distance;
mod pages;
#[cfg(test)]
mod tests;

use half::{bf16, f16};

use crate::schema::{Element, Metric, VectorKind};
use distance::Measured;
use pages::Pages;

/// Bytes of a block's vectors about, unless a single vector has more.
const BLOCK_BYTES: usize = 1 << 16;
/// No slot.
const NONE: u32 = u32::MAX;

/// Bytes of one vector of a field.
pub(crate) fn blob_bytes(kind: &VectorKind) -> usize {
    kind.dimensions.saturating_mul(kind.element.bytes())
}

/// Vectors of a field.
#[derive(Clone, Debug)]
pub(crate) struct Vectors {
    dimensions: usize,
    metric: Metric,
    data: Data,
    pages: Pages,
    /// The next slot of the same document, for each slot.
    next: Vec<u32>,
    free: Vec<u32>,
}

/// Elements, of the type that they are given in.
#[derive(Clone, Debug)]
enum Data {
    Float32(Blocks<f32>),
    Float64(Blocks<f64>),
    Float16(Blocks<f16>),
    BFloat16(Blocks<bf16>),
}

/// Vectors in blocks.
#[derive(Clone, Debug)]
struct Blocks<T> {
    blocks: Vec<Vec<T>>,
    dimensions: usize,
    vectors_per_block: usize,
}

/// A vector that distances are from, made ready for a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    Single(Vec<f32>),
    Double(Vec<f64>),
}

impl<T: Measured> Blocks<T> {
    fn new(dimensions: usize) -> Self {
        let bytes = dimensions.saturating_mul(size_of::<T>()).max(1);
        Self { blocks: Vec::new(), dimensions, vectors_per_block: (BLOCK_BYTES / bytes).max(1) }
    }

    fn get(&self, slot: u32) -> &[T] {
        let (block, at) = (slot as usize / self.vectors_per_block, slot as usize % self.vectors_per_block);
        &self.blocks[block][at * self.dimensions..(at + 1) * self.dimensions]
    }

    /// Puts a vector at a slot that is there, or at the one behind the last.
    fn put(&mut self, slot: u32, vector: impl Iterator<Item = T>) {
        let (block, at) = (slot as usize / self.vectors_per_block, slot as usize % self.vectors_per_block);
        if self.blocks.len() <= block {
            self.blocks.push(Vec::new());
        }
        let block = &mut self.blocks[block];
        let start = at * self.dimensions;
        if block.len() == start {
            block.extend(vector);
        } else {
            block[start..start + self.dimensions].iter_mut().zip(vector).for_each(|(old, new)| *old = new);
        }
    }

    fn memory_bytes(&self) -> usize {
        let elements: usize = self.blocks.iter().map(Vec::capacity).sum();
        elements * size_of::<T>() + self.blocks.capacity() * size_of::<Vec<T>>()
    }
}

impl Vectors {
    /// No vectors yet.
    pub(crate) fn new(kind: &VectorKind) -> Self {
        let data = match kind.element {
            Element::Float32 => Data::Float32(Blocks::new(kind.dimensions)),
            Element::Float64 => Data::Float64(Blocks::new(kind.dimensions)),
            Element::Float16 => Data::Float16(Blocks::new(kind.dimensions)),
            Element::BFloat16 => Data::BFloat16(Blocks::new(kind.dimensions)),
        };
        let (dimensions, metric) = (kind.dimensions, kind.metric);
        Self { dimensions, metric, data, pages: Pages::default(), next: Vec::new(), free: Vec::new() }
    }

    /// Number of elements of a vector.
    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Adds a vector of a document; one of another length is left out. Complexity: O(dimensions).
    pub(crate) fn insert(&mut self, document: u32, blob: &[u8]) {
        let Some(target) = self.target(blob) else { return };
        let fresh = u32::try_from(self.next.len()).unwrap_or(NONE);
        let slot = self.free.pop().unwrap_or(fresh);
        if slot == NONE {
            return;
        }
        match (&mut self.data, &target) {
            (Data::Float32(blocks), Target::Single(vector)) => blocks.put(slot, vector.iter().copied()),
            (Data::Float64(blocks), Target::Double(vector)) => blocks.put(slot, vector.iter().copied()),
            (Data::Float16(blocks), Target::Single(vector)) => {
                blocks.put(slot, vector.iter().map(|one| f16::from_f32(*one)));
            }
            (Data::BFloat16(blocks), Target::Single(vector)) => {
                blocks.put(slot, vector.iter().map(|one| bf16::from_f32(*one)));
            }
            _ => unreachable!("a target is of its field's type"),
        }
        let before = self.pages.set(document, slot);
        match self.next.get_mut(slot as usize) {
            Some(next) => *next = before,
            None => self.next.push(before),
        }
    }

    /// Takes all vectors of a document out. Complexity: O(their number).
    pub(crate) fn remove(&mut self, document: u32) {
        let mut slot = self.pages.remove(document);
        while slot != NONE {
            self.free.push(slot);
            slot = std::mem::replace(&mut self.next[slot as usize], NONE);
        }
        if self.free.len() == self.next.len() {
            let (data, dimensions) = (&mut self.data, self.dimensions);
            match data {
                Data::Float32(blocks) => *blocks = Blocks::new(dimensions),
                Data::Float64(blocks) => *blocks = Blocks::new(dimensions),
                Data::Float16(blocks) => *blocks = Blocks::new(dimensions),
                Data::BFloat16(blocks) => *blocks = Blocks::new(dimensions),
            }
            (self.next, self.free) = (Vec::new(), Vec::new());
        }
    }

    /// Makes a vector ready to be measured from; none if it has another length. Complexity: O(dimensions).
    pub(crate) fn target(&self, blob: &[u8]) -> Option<Target> {
        let is_cosine = self.metric == Metric::Cosine;
        // Kept with fewer bits, it is rounded after it is normalised.
        let single = |mut vector: Vec<f32>| {
            if is_cosine {
                distance::normalise(&mut vector);
            }
            vector
        };
        Some(match &self.data {
            Data::Float32(_) => Target::Single(single(read(blob, self.dimensions, f32::from_le_bytes)?)),
            Data::Float16(_) => {
                let vector = single(read(blob, self.dimensions, |bytes| f16::from_le_bytes(bytes).to_f32())?);
                Target::Single(vector.into_iter().map(|one| f16::from_f32(one).to_f32()).collect())
            }
            Data::BFloat16(_) => {
                let vector =
                    single(read(blob, self.dimensions, |bytes| bf16::from_le_bytes(bytes).to_f32())?);
                Target::Single(vector.into_iter().map(|one| bf16::from_f32(one).to_f32()).collect())
            }
            Data::Float64(_) => {
                let mut vector = read(blob, self.dimensions, f64::from_le_bytes)?;
                if is_cosine {
                    distance::normalise_double(&mut vector);
                }
                Target::Double(vector)
            }
        })
    }

    /// The distance of a document, which is the least of its vectors'; none if it has none. Complexity: O(its elements).
    pub(crate) fn distance(&self, document: u32, target: &Target) -> Option<f64> {
        let mut slot = self.pages.get(document);
        let mut least = None;
        while slot != NONE {
            let one = self.distance_of(slot, target);
            least =
                Some(least.map_or(one, |least: f64| if one < least || least.is_nan() { one } else { least }));
            slot = self.next[slot as usize];
        }
        least
    }

    fn distance_of(&self, slot: u32, target: &Target) -> f64 {
        match (&self.data, target) {
            (Data::Float32(blocks), Target::Single(target)) => {
                distance::single(self.metric, blocks.get(slot), target)
            }
            (Data::Float16(blocks), Target::Single(target)) => {
                distance::single(self.metric, blocks.get(slot), target)
            }
            (Data::BFloat16(blocks), Target::Single(target)) => {
                distance::single(self.metric, blocks.get(slot), target)
            }
            (Data::Float64(blocks), Target::Double(target)) => {
                distance::double(self.metric, blocks.get(slot), target)
            }
            _ => f64::NAN,
        }
    }

    /// Bytes of all vectors, and of what finds them. Complexity: O(blocks).
    pub(crate) fn memory_bytes(&self) -> usize {
        let data = match &self.data {
            Data::Float32(blocks) => blocks.memory_bytes(),
            Data::Float64(blocks) => blocks.memory_bytes(),
            Data::Float16(blocks) => blocks.memory_bytes(),
            Data::BFloat16(blocks) => blocks.memory_bytes(),
        };
        data + self.pages.memory_bytes() + (self.next.capacity() + self.free.capacity()) * size_of::<u32>()
    }
}

/// Elements of a vector; none if there are fewer or more.
fn read<const BYTES: usize, T>(
    blob: &[u8],
    dimensions: usize,
    of: impl Fn([u8; BYTES]) -> T,
) -> Option<Vec<T>> {
    let (elements, rest) = blob.as_chunks();
    (elements.len() == dimensions && rest.is_empty())
        .then(|| elements.iter().map(|bytes| of(*bytes)).collect())
}
