//! A run of bytes with room at either end: changes move the shorter side.
//!
//! A list's end node is pushed to and popped from at its first or last element. In a vector, a push at the front moves
//! all that follows; here it moves the few bytes before, the listpack's head. The bytes stay one slice, so that every
//! reader of listpacks reads them.
//!
//! Room is made by allocation classes, which grow by a quarter or less: pushes cost O(1) amortised, and no run has much more
//! than it needs. Room that lies at the wrong end is used before new is made, if it is an eighth or more of the bytes.

use crate::entry::size_class;
use crate::packed::listpack::Buffer;

/// Bytes with room at either end.
#[derive(Debug, Default)]
pub(super) struct Run {
    /// The room in front and the bytes; the vector's spare capacity is the room behind.
    buffer: Vec<u8>,
    /// Where the bytes begin.
    start: usize,
}

impl Run {
    pub(super) fn len(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Bytes allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        size_class(self.buffer.capacity())
    }

    /// Gives room back, as far as allocation classes let it.
    pub(super) fn settle(&mut self) {
        if size_class(self.len()) < size_class(self.buffer.capacity()) {
            *self = Self::from(self.bytes());
        }
    }

    /// Room for `count` more bytes in front.
    fn reserve_front(&mut self, count: usize) {
        if self.start >= count {
            return;
        }
        let len = self.len();
        let room = self.buffer.capacity() - len;
        if room >= count && room >= len / 8 {
            self.buffer.resize(self.buffer.capacity(), 0);
            self.buffer.copy_within(self.start..self.start + len, room);
            self.start = room;
        } else {
            let mut buffer = Vec::with_capacity(size_class(len + count));
            let start = buffer.capacity() - len;
            buffer.resize(start, 0);
            buffer.extend_from_slice(self.bytes());
            *self = Self { buffer, start };
        }
    }

    /// Room for `count` more bytes behind.
    fn reserve_back(&mut self, count: usize) {
        if self.buffer.capacity() - self.buffer.len() >= count {
            return;
        }
        let len = self.len();
        let room = self.buffer.capacity() - len;
        if self.start > 0 {
            self.buffer.copy_within(self.start.., 0);
            self.buffer.truncate(len);
            self.start = 0;
        }
        if room < count || room < len / 8 {
            self.buffer.reserve_exact(size_class(len + count) - len);
        }
    }

    /// Replaces bytes by moving those before them.
    fn splice_front(&mut self, at: usize, removed: usize, inserted: &[u8]) {
        self.reserve_front(inserted.len().saturating_sub(removed));
        let start = self.start + removed - inserted.len();
        self.buffer.copy_within(self.start..self.start + at, start);
        self.start = start;
        self.bytes_mut()[at..at + inserted.len()].copy_from_slice(inserted);
    }

    /// Replaces bytes by moving those behind them.
    fn splice_back(&mut self, at: usize, removed: usize, inserted: &[u8]) {
        self.reserve_back(inserted.len().saturating_sub(removed));
        let at = self.start + at;
        let (tail, new_tail, len) = (at + removed, at + inserted.len(), self.buffer.len());
        if new_tail > tail {
            self.buffer.resize(len + new_tail - tail, 0);
        }
        self.buffer.copy_within(tail..len, new_tail);
        self.buffer.truncate(len + new_tail - tail);
        self.buffer[at..new_tail].copy_from_slice(inserted);
    }
}

impl From<&[u8]> for Run {
    fn from(bytes: &[u8]) -> Self {
        Self { buffer: bytes.to_vec(), start: 0 }
    }
}

impl Clone for Run {
    fn clone(&self) -> Self {
        Self::from(self.bytes())
    }
}

impl Buffer for Run {
    #[inline]
    fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.start..]
    }

    fn splice(&mut self, at: usize, removed: usize, inserted: &[u8]) {
        let len = self.len();
        assert!(at + removed <= len, "a range of the bytes");
        if at < len - at - removed {
            self.splice_front(at, removed, inserted);
        } else {
            self.splice_back(at, removed, inserted);
        }
        if inserted.len() < removed && self.len() < self.buffer.capacity() / 2 {
            self.settle();
        }
    }
}
