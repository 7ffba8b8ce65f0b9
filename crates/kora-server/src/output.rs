//! What is to be sent on a connection, as a chain of chunks.
//!
//! A reply may have many millions of bytes. One buffer for it would double whenever it is full: copied again and
//! again, and twice the size in the end. So a chunk that is nearly full is closed and a new one begun; closed chunks
//! are sent from where they are, passed on whole from one worker to another, and freed one by one as the client reads.
//! What others hold as well is a chunk that refers to it: a large value, a message to all subscribers of a channel. All chunks go
//! to the system together.
//!
//! Invariants: closed chunks are not empty; `chunk_bytes` is the sum of their lengths, `shared_bytes` of those that are shared; `sent` is less than the length
//! of the first chunk, or of the open one if there is no other, unless that is empty.

pub(crate) mod buffers;
mod chunk;

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::ops::{Deref, Range};
use std::sync::Arc;

use chunk::Chunk;

/// Room of a chunk. One longer piece has a chunk of its own.
const CHUNK_BYTES: usize = 64 * 1024;

/// A chunk with less room left than this is closed: what is written at once is seldom longer.
const ROOM_BYTES: usize = 4096;

/// Bytes written around a payload at most.
const FRAME_BYTES: usize = 64;

/// Slices given to the system at once.
const SLICES_MAX: usize = 64;

/// Bytes of a text that tells what it is.
const TEXT_BYTES_MAX: usize = 64;

/// Shared bytes from this length on are not copied: a chunk of its own costs about as much as copying so many.
pub(crate) const SHARED_BYTES_MIN: usize = 1024;

/// Room for so many chunks is kept when all is sent.
const CHUNKS_KEPT: usize = 64;

/// Bytes on their way out.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// Closed chunks, oldest first.
    chunks: VecDeque<Chunk>,
    chunk_bytes: usize,
    /// What of them others hold as well.
    shared_bytes: usize,
    /// The chunk that is written to.
    open: Vec<u8>,
    /// Bytes of the first chunk that are gone.
    sent: usize,
    /// With more bytes than this, what is written more is dropped; 0 for no limit.
    limit: usize,
    is_overfull: bool,
}

impl Output {
    /// Bytes not sent yet.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.end() - self.sent
    }

    /// Whether all is sent.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes allocated for it; those it shares with others count in full.
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.chunk_bytes + self.open.capacity()
    }

    /// Bytes of these that others hold as well.
    #[inline]
    pub(crate) fn shared_bytes(&self) -> usize {
        self.shared_bytes
    }

    /// Position of the next byte written: stays what it is until something is sent.
    #[inline]
    pub(crate) fn end(&self) -> usize {
        self.chunk_bytes + self.open.len()
    }

    /// The chunk to write to. What is to be longer than a few words needs [`Output::make_room`] first, and after each
    /// piece comes [`Output::close_full`].
    #[inline]
    pub(crate) fn open(&mut self) -> &mut Vec<u8> {
        &mut self.open
    }

    /// Makes room for a payload of so many bytes and what is around it.
    #[inline]
    pub(crate) fn make_room(&mut self, bytes: usize) {
        if bytes > ROOM_BYTES / 2 {
            self.make_much_room(bytes);
        }
    }

    #[cold]
    fn make_much_room(&mut self, bytes: usize) {
        let needed = bytes.saturating_add(FRAME_BYTES);
        // A chunk with little in it is rather moved to a larger one.
        let is_short = self.open.len() < ROOM_BYTES;
        if !is_short && self.open.len() + needed > self.open.capacity().max(CHUNK_BYTES) {
            self.close();
            self.open.reserve_exact(needed.max(CHUNK_BYTES));
        }
    }

    /// Closes the chunk if it is nearly full.
    #[inline]
    pub(crate) fn close_full(&mut self) {
        if self.open.len() > CHUNK_BYTES - ROOM_BYTES {
            self.close_now();
        }
    }

    #[cold]
    fn close_now(&mut self) {
        if self.limit > 0 && self.len() > self.limit {
            self.is_overfull = true;
            // One byte more than the limit shows that it is exceeded; the rest nobody will read.
            let excess = (self.len() - self.limit - 1).min(self.open.len() - 1);
            self.open.truncate(self.open.len() - excess);
            return;
        }
        self.close();
        self.open.reserve_exact(CHUNK_BYTES);
    }

    /// Makes a chunk of what is in the open one. If that is little, it is copied, and the buffer stays for what comes.
    fn close(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let chunk = if let Some(short) = Chunk::short(&self.open) {
            self.open.clear();
            short
        } else if self.open.len() < ROOM_BYTES {
            let bytes = self.open.as_slice().to_vec();
            self.open.clear();
            Chunk::Own(bytes)
        } else {
            let mut bytes = std::mem::take(&mut self.open);
            if bytes.capacity() - bytes.len() > bytes.len() / 8 {
                bytes.shrink_to_fit();
            }
            Chunk::Own(bytes)
        };
        self.push(chunk);
    }

    /// Adds a chunk behind the others; the open one must be empty.
    #[inline]
    fn push(&mut self, chunk: Chunk) {
        self.chunk_bytes += chunk.len();
        self.shared_bytes += chunk.shared_len();
        self.chunks.push_back(chunk);
    }

    /// Takes the first chunk.
    fn pop_front(&mut self) -> Option<Chunk> {
        let chunk = self.chunks.pop_front()?;
        self.chunk_bytes -= chunk.len();
        self.shared_bytes -= chunk.shared_len();
        Some(chunk)
    }

    /// Adds a part of what others hold, without a copy. With more than the limit unsent it is dropped as a whole.
    pub(crate) fn share(&mut self, bytes: &Arc<Vec<u8>>, part: Range<usize>) {
        if self.limit > 0 && self.len() > self.limit {
            self.is_overfull = true;
            return;
        }
        self.close();
        self.push(Chunk::shared(bytes, part));
    }

    /// Adds what others are sent too: `head` and, shared with them if it is long, `tail`. Beyond the limit it is dropped as
    /// a whole.
    pub(crate) fn add_shared(&mut self, head: &[u8], tail: &Arc<Vec<u8>>) {
        if self.limit > 0 && self.len() + head.len() + tail.len() > self.limit {
            self.is_overfull = true;
            return;
        }
        self.open.extend_from_slice(head);
        if tail.len() < SHARED_BYTES_MIN {
            self.open.extend_from_slice(tail);
            self.close_full();
        } else {
            self.close();
            self.push(Chunk::shared(tail, 0..tail.len()));
        }
    }

    /// From so many bytes on, what is written is dropped: 0 for no limit.
    #[inline]
    pub(crate) fn set_limit(&mut self, bytes: u64) {
        self.limit = usize::try_from(bytes).unwrap_or(0);
    }

    /// The number of bytes from which on what is written is dropped.
    pub(crate) fn limit(&self) -> u64 {
        self.limit as u64
    }

    /// Adds what was written to another output. If something was dropped there, something is dropped here.
    pub(crate) fn take_in(&mut self, mut other: Self) {
        let bytes = other.len();
        other.move_front(bytes, self);
    }

    /// Whether something was dropped: what is left is not sent.
    pub(crate) fn is_overfull(&self) -> bool {
        self.is_overfull
    }

    /// Takes back all from `position` on.
    pub(crate) fn truncate(&mut self, position: usize) {
        while position < self.chunk_bytes {
            let Some(chunk) = self.chunks.pop_back() else { break };
            self.chunk_bytes -= chunk.len();
            self.shared_bytes -= chunk.shared_len();
            let kept = position.saturating_sub(self.chunk_bytes);
            match chunk {
                Chunk::Own(bytes) if kept > 0 => self.open = bytes,
                chunk => {
                    self.open.clear();
                    self.open.extend_from_slice(&chunk[..kept]);
                }
            }
        }
        self.open.truncate(position.saturating_sub(self.chunk_bytes));
    }

    /// Takes back all but the first `kept` unsent bytes.
    pub(crate) fn take_from(&mut self, kept: usize) -> Vec<u8> {
        let begin = self.sent + kept;
        let mut taken = Vec::with_capacity(self.end().saturating_sub(begin));
        let mut at = 0;
        for piece in self.chunks.iter().map(Deref::deref).chain(std::iter::once(&self.open[..])) {
            taken.extend_from_slice(piece.get(begin.saturating_sub(at)..).unwrap_or_default());
            at += piece.len();
        }
        self.truncate(begin);
        taken
    }

    /// Adds bytes.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.open.extend_from_slice(bytes);
        self.close_full();
    }

    /// The bytes at `position`: as many as lie together, up to 64; none at the end.
    #[inline]
    pub(crate) fn text_at(&self, position: usize) -> &[u8] {
        let text = match position.checked_sub(self.chunk_bytes) {
            Some(at) => self.open.get(at..).unwrap_or_default(),
            None => self.closed_at(position),
        };
        &text[..text.len().min(TEXT_BYTES_MAX)]
    }

    fn closed_at(&self, position: usize) -> &[u8] {
        let mut end = self.chunk_bytes;
        // It is asked for what was just written: near the end.
        for chunk in self.chunks.iter().rev() {
            let begin = end - chunk.len();
            if position >= begin {
                return &chunk[position - begin..];
            }
            end = begin;
        }
        &[]
    }

    /// Writes as much as the system takes at once; returns how many bytes. Once something was dropped, nothing goes out any more, as what is
    /// behind the gap would be taken for what was dropped.
    pub(crate) fn write_to(&mut self, stream: &mut impl Write) -> io::Result<usize> {
        if self.is_overfull {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = if self.chunks.is_empty() {
            stream.write(&self.open[self.sent..])?
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let pieces = self.chunks.iter().map(Deref::deref).chain(std::iter::once(&self.open[..]));
            let mut count = 0;
            for (slice, piece) in slices.iter_mut().zip(pieces) {
                *slice = IoSlice::new(if count == 0 { &piece[self.sent..] } else { piece });
                count += 1;
            }
            stream.write_vectored(&slices[..count])?
        };
        self.advance(count);
        Ok(count)
    }

    /// Passes over the first `count` bytes, which must be there.
    fn advance(&mut self, count: usize) {
        self.sent += count;
        if !self.chunks.is_empty() {
            self.drop_sent();
        }
        if self.chunks.is_empty() && self.sent == self.open.len() {
            self.open.clear();
            self.sent = 0;
        }
    }

    /// Drops chunks that are sent.
    fn drop_sent(&mut self) {
        while let Some(first) = self.chunks.front()
            && self.sent >= first.len()
        {
            self.sent -= first.len();
            self.pop_front();
        }
        if self.chunks.is_empty() && self.chunks.capacity() > CHUNKS_KEPT {
            self.chunks = VecDeque::new();
        }
    }

    /// Moves the first `count` bytes, which must be there, to the end of `into`: long chunks as they are.
    pub(crate) fn move_front(&mut self, count: usize, into: &mut Self) {
        into.is_overfull |= self.is_overfull;
        let mut left = count;
        while left > 0 {
            if self.chunks.is_empty() && left >= ROOM_BYTES {
                self.close();
            }
            let is_whole = |chunk: &Chunk| self.sent == 0 && (ROOM_BYTES..=left).contains(&chunk.len());
            if self.chunks.front().is_some_and(is_whole)
                && let Some(chunk) = self.pop_front()
            {
                left -= chunk.len();
                into.close();
                into.push(chunk);
            } else {
                left -= self.copy_front(left, into);
            }
        }
    }

    /// Copies up to `most` of the bytes that lie together in front, and passes over them.
    fn copy_front(&mut self, most: usize, into: &mut Self) -> usize {
        let piece = &self.chunks.front().map_or(&self.open[..], Deref::deref)[self.sent..];
        let count = piece.len().min(most);
        into.make_room(count);
        into.open.extend_from_slice(&piece[..count]);
        into.close_full();
        self.advance(count);
        count
    }

    /// Passes over the first `count` bytes, which must be there: they will not be sent.
    pub(crate) fn skip_front(&mut self, count: usize) {
        self.advance(count);
    }

    /// Closed chunks.
    #[inline]
    pub(crate) fn chunk_count(&self) -> usize {
        self.chunks.len()
    }

    /// Bytes of closed chunks not sent yet.
    pub(crate) fn unsent_chunk_bytes(&self) -> usize {
        self.chunk_bytes.saturating_sub(self.sent)
    }

    /// Room of the chunk that is written to.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.open.capacity()
    }

    /// Whether it has a buffer to write to.
    #[inline]
    pub(crate) fn has_buffer(&self) -> bool {
        self.open.capacity() > 0
    }

    /// Gives it an empty buffer to write to; it must have none.
    pub(crate) fn set_buffer(&mut self, buffer: Vec<u8>) {
        debug_assert!(!self.has_buffer() && buffer.is_empty(), "a buffer in use stays");
        self.open = buffer;
    }

    /// Takes the buffer of an output of which all is sent.
    pub(crate) fn take_buffer(&mut self) -> Vec<u8> {
        debug_assert!(self.is_empty(), "what is not sent stays");
        std::mem::take(&mut self.open)
    }
}

#[cfg(test)]
mod tests;
