//! Vectors that are kept element by element as they were given, in blocks of bounded size, so that none of them moves when there are more.

/// Bytes of a block's vectors about, unless a single vector has more.
const BLOCK_BYTES: usize = 1 << 16;

/// Vectors in blocks.
#[derive(Clone, Debug)]
pub(super) struct Blocks<T> {
    blocks: Vec<Vec<T>>,
    dimensions: usize,
    vectors_per_block: usize,
}

impl<T: Copy> Blocks<T> {
    pub(super) fn new(dimensions: usize) -> Self {
        let bytes = dimensions.saturating_mul(size_of::<T>()).max(1);
        Self { blocks: Vec::new(), dimensions, vectors_per_block: (BLOCK_BYTES / bytes).max(1) }
    }

    pub(super) fn get(&self, slot: u32) -> &[T] {
        let (block, at) = (slot as usize / self.vectors_per_block, slot as usize % self.vectors_per_block);
        &self.blocks[block][at * self.dimensions..(at + 1) * self.dimensions]
    }

    /// Puts a vector at a slot that is there, or at the one behind the last.
    pub(super) fn put(&mut self, slot: u32, vector: &[T]) {
        let (block, at) = (slot as usize / self.vectors_per_block, slot as usize % self.vectors_per_block);
        if self.blocks.len() <= block {
            self.blocks.push(Vec::new());
        }
        let block = &mut self.blocks[block];
        let start = at * self.dimensions;
        if block.len() == start {
            block.extend_from_slice(vector);
        } else {
            block[start..start + self.dimensions].copy_from_slice(vector);
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let elements: usize = self.blocks.iter().map(Vec::capacity).sum();
        elements * size_of::<T>() + self.blocks.capacity() * size_of::<Vec<T>>()
    }
}
