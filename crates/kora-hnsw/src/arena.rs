//! Rows of equal length in chunks of bounded size: a row never moves once the first chunk is full, so growth costs no pause.
//!
//! A copy shares the chunks, each until either side changes it: so it costs a step for each chunk, and a copy of what a writer touches meanwhile.
//!
//! Invariant: every chunk but a first one that still grows has `rows` rows, behind a head that makes the rows begin where a cache line does.

#[cfg(test)]
mod tests;

use std::sync::Arc;

/// Bytes of a chunk, unless a single row has more.
const CHUNK_BYTES: usize = 1 << 16;
/// What stands before the rows: counts of those who share the chunk, and elements that are not used. A cache line together.
const HEAD_BYTES: usize = 64;
const COUNT_BYTES: usize = 16;
/// Rows that the first chunk begins with.
const ROWS_FIRST: usize = 4;

/// Rows of `stride` elements.
#[derive(Clone, Debug)]
pub(crate) struct Arena<T> {
    chunks: Vec<Arc<[T]>>,
    stride: usize,
    /// Rows in a chunk.
    rows: Divisor,
    bytes: usize,
}

/// Elements that are not used before the rows of a chunk.
const fn head<T>() -> usize {
    (HEAD_BYTES - COUNT_BYTES) / size_of::<T>()
}

/// A number that others are divided by, by a multiplication (Granlund and Montgomery, 1994).
#[derive(Clone, Copy, Debug)]
struct Divisor {
    number: u32,
    factor: u64,
    shift: u32,
}

impl Divisor {
    /// Of a number above 0.
    fn new(number: u32) -> Self {
        let bits = u32::BITS - (number - 1).leading_zeros();
        let shift = 31 + bits;
        Self { number, factor: (1_u64 << shift).div_ceil(u64::from(number)), shift }
    }

    /// Quotient and remainder of a number below 2^31.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "both are at most the number, which has 31 bits")]
    fn divide(self, number: u32) -> (usize, usize) {
        let quotient = (u64::from(number) * self.factor) >> self.shift;
        let rest = u64::from(number) - quotient * u64::from(self.number);
        (quotient as usize, rest as usize)
    }
}

impl<T: Copy + Default> Arena<T> {
    /// No rows yet.
    pub(crate) fn new(stride: usize) -> Self {
        let row_bytes = (stride * size_of::<T>()).max(1);
        let rows = ((CHUNK_BYTES - HEAD_BYTES) / row_bytes).max(1);
        let rows = Divisor::new(u32::try_from(rows).unwrap_or(1));
        Self { chunks: Vec::new(), stride, rows, bytes: 0 }
    }

    #[inline]
    fn place(&self, row: u32) -> (usize, usize) {
        let (chunk, at) = self.rows.divide(row);
        (chunk, head::<T>() + at * self.stride)
    }

    /// Elements of a row, which there must be.
    #[inline]
    pub(crate) fn row(&self, row: u32) -> &[T] {
        let (chunk, start) = self.place(row);
        &self.chunks[chunk][start..start + self.stride]
    }

    /// Elements of a row, to change them. Complexity: O(1), and O(chunk) if a copy shares it.
    #[inline]
    pub(crate) fn row_mut(&mut self, row: u32) -> &mut [T] {
        let (chunk, start) = self.place(row);
        &mut Arc::make_mut(&mut self.chunks[chunk])[start..start + self.stride]
    }

    /// Writes a row, making room for it.
    pub(crate) fn put(&mut self, row: u32, elements: &[T]) {
        self.reserve(row);
        self.row_mut(row).copy_from_slice(elements);
    }

    fn chunk_of(&mut self, rows: usize) -> Arc<[T]> {
        let length = head::<T>() + rows * self.stride;
        self.bytes += COUNT_BYTES + length * size_of::<T>();
        std::iter::repeat_n(T::default(), length).collect()
    }

    /// Makes room for a row: the next one or one that is there. Complexity: O(1) amortised; at most one chunk is written.
    pub(crate) fn reserve(&mut self, row: u32) {
        let (chunk, start) = self.place(row);
        let full = self.rows.number as usize;
        while self.chunks.len() <= chunk {
            let rows = if self.chunks.is_empty() { ROWS_FIRST.min(full) } else { full };
            let added = self.chunk_of(rows);
            self.chunks.push(added);
        }
        while self.chunks[chunk].len() < start + self.stride {
            let length = self.chunks[chunk].len();
            let rows = (length - head::<T>()) / self.stride.max(1);
            let mut grown = self.chunk_of((rows * 2).min(full));
            Arc::make_mut(&mut grown)[..length].copy_from_slice(&self.chunks[chunk]);
            self.bytes -= COUNT_BYTES + length * size_of::<T>();
            self.chunks[chunk] = grown;
        }
    }

    /// Bytes on the heap; of chunks that are shared, too. Complexity: O(1).
    pub(crate) fn memory(&self) -> usize {
        self.bytes + self.chunks.capacity() * size_of::<Arc<[T]>>()
    }

    /// Gives up the last chunk; false if there is none.
    pub(crate) fn drop_chunk(&mut self) -> bool {
        let Some(chunk) = self.chunks.pop() else {
            self.chunks = Vec::new();
            return false;
        };
        self.bytes -= COUNT_BYTES + size_of_val(&*chunk);
        true
    }
}
