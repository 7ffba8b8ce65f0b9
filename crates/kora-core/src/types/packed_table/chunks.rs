//! A vector that grows without moving what it holds, beyond a first chunk.

/// Items of a chunk.
const CHUNK_LEN: usize = 1 << 10;

/// A vector in chunks of [`CHUNK_LEN`]. All but the last are full, and only the first is ever moved as it grows.
#[derive(Clone, Debug)]
pub(super) struct Chunks<T> {
    chunks: Vec<Vec<T>>,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T> Chunks<T> {
    pub(super) fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK_LEN + last.len())
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> &T {
        &self.chunks[index as usize / CHUNK_LEN][index as usize % CHUNK_LEN]
    }

    #[inline]
    pub(super) fn get_mut(&mut self, index: u32) -> &mut T {
        &mut self.chunks[index as usize / CHUNK_LEN][index as usize % CHUNK_LEN]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }

    pub(super) fn push(&mut self, item: T) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK_LEN => last.push(item),
            // A table of one block is common: its vector should not begin with room for four.
            None => self.chunks.push(vec![item]),
            Some(_) => {
                let mut chunk = Vec::with_capacity(CHUNK_LEN);
                chunk.push(item);
                self.chunks.push(chunk);
            }
        }
    }

    pub(super) fn pop(&mut self) -> Option<T> {
        let is_only = self.chunks.len() == 1;
        let last = self.chunks.last_mut()?;
        let item = last.pop();
        if last.is_empty() {
            self.chunks.pop();
        } else if is_only && last.capacity() > 4 * last.len() {
            last.shrink_to(2 * last.len());
        }
        item
    }

    /// Takes an item out; the last one takes its index.
    pub(super) fn swap_remove(&mut self, index: u32) -> Option<T> {
        let last = self.pop()?;
        if index as usize == self.len() {
            return Some(last);
        }
        Some(std::mem::replace(self.get_mut(index), last))
    }

    /// Bytes allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        let items: usize = match self.chunks.as_slice() {
            [] => 0,
            [first, .., _] => first.capacity() + (self.chunks.len() - 1) * CHUNK_LEN,
            [only] => only.capacity(),
        };
        items * size_of::<T>() + self.chunks.capacity() * size_of::<Vec<T>>()
    }
}
