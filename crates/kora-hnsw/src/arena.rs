//! Rows of equal length in chunks of bounded size: a row never moves once the first chunk is full, so growth costs no pause.
//!
//! Invariant: every chunk but a first one that still grows has `rows_per_chunk` rows.

/// Bytes of a chunk about, unless a single row has more.
const CHUNK_BYTES: usize = 1 << 18;
/// Rows that the first chunk begins with.
const ROWS_FIRST: usize = 4;

/// Rows of `stride` elements.
#[derive(Clone, Debug)]
pub(crate) struct Arena<T> {
    chunks: Vec<Vec<T>>,
    stride: usize,
    /// Logarithm of the rows in a chunk.
    shift: u32,
    bytes: usize,
}

impl<T: Copy + Default> Arena<T> {
    /// No rows yet.
    pub(crate) fn new(stride: usize) -> Self {
        let row_bytes = (stride * size_of::<T>()).max(1);
        let rows = (CHUNK_BYTES / row_bytes).max(1);
        Self { chunks: Vec::new(), stride, shift: rows.ilog2(), bytes: 0 }
    }

    #[inline]
    fn place(&self, row: u32) -> (usize, usize) {
        let row = row as usize;
        (row >> self.shift, (row & ((1 << self.shift) - 1)) * self.stride)
    }

    /// Elements of a row, which there must be.
    #[inline]
    pub(crate) fn row(&self, row: u32) -> &[T] {
        let (chunk, start) = self.place(row);
        &self.chunks[chunk][start..start + self.stride]
    }

    /// Elements of a row, to change them.
    #[inline]
    pub(crate) fn row_mut(&mut self, row: u32) -> &mut [T] {
        let (chunk, start) = self.place(row);
        &mut self.chunks[chunk][start..start + self.stride]
    }

    /// Writes a row, making room for it.
    pub(crate) fn put(&mut self, row: u32, elements: &[T]) {
        self.reserve(row);
        self.row_mut(row).copy_from_slice(elements);
    }

    /// Makes room for a row: the next one or one that is there. Complexity: O(1) amortised; at most one chunk is written.
    pub(crate) fn reserve(&mut self, row: u32) {
        let (chunk, start) = self.place(row);
        let full = self.stride << self.shift;
        while self.chunks.len() <= chunk {
            let rows = if self.chunks.is_empty() { ROWS_FIRST.min(1 << self.shift) } else { 1 << self.shift };
            self.chunks.push(vec![T::default(); rows * self.stride]);
            self.bytes += rows * self.stride * size_of::<T>();
        }
        let last = &mut self.chunks[chunk];
        while last.len() < start + self.stride {
            let length = (last.len() * 2).min(full);
            let mut grown = Vec::with_capacity(length);
            grown.extend_from_slice(last);
            grown.resize(length, T::default());
            self.bytes += (length - last.len()) * size_of::<T>();
            *last = grown;
        }
    }

    /// Bytes on the heap. Complexity: O(1).
    pub(crate) fn memory(&self) -> usize {
        self.bytes + self.chunks.capacity() * size_of::<Vec<T>>()
    }

    /// Frees the last chunk; false if there is none.
    pub(crate) fn drop_chunk(&mut self) -> bool {
        let Some(chunk) = self.chunks.pop() else {
            self.chunks = Vec::new();
            return false;
        };
        self.bytes -= chunk.len() * size_of::<T>();
        true
    }
}
