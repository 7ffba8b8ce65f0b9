//! What a database has counted of an entry's memory, so that the sum over a shard is true without a walk.
//!
//! The memory of a string or a packed collection follows from its header, or from the vector it is in: whoever changes the entry compares its
//! [`Footprint`] before and after. A large collection remembers in an [`Account`] what was counted of it, so that its removal takes just that
//! away. Most tell their memory in a moment and are measured after each change. One that has to be walked through is measured again when its
//! size has changed by a sixteenth, or after as many changes as make the walk cheap; until then the sum has what was counted before.

use super::shape::{Repr, Shape, size_class};
use super::{Entry, Object};

/// A change of size by one in so many has a collection measured again.
const SIZE_PART: u32 = 16;
/// So many changes pay for a step of measuring.
const STEPS_PER_CHANGE: usize = 8;

/// What was counted of a large collection. A copy has not been counted yet.
#[derive(Debug, Default)]
pub struct Account {
    /// Bytes that were counted.
    bytes: usize,
    /// How large the collection was then.
    size: u32,
    /// Changes until it is measured again, unless its size tells sooner.
    left: u32,
}

impl Clone for Account {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Account {
    /// A collection of this size has changed: whether it is to be measured.
    #[inline]
    pub(super) fn is_due(&mut self, size: usize) -> bool {
        if self.left == 0 || counted(size).abs_diff(self.size) > self.size / SIZE_PART {
            return true;
        }
        self.left -= 1;
        false
    }

    /// A collection of this size was measured, which took so many steps.
    #[inline]
    pub(super) fn settle(&mut self, bytes: usize, size: usize, steps: usize) {
        *self = Self { bytes, size: counted(size), left: counted(steps / STEPS_PER_CHANGE) };
    }
}

fn counted(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// What the memory of an entry depends on, but for its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Footprint {
    repr: Repr,
    has_deadline: bool,
    inline_bytes: usize,
    /// Bytes that the entry owns beside its own allocation.
    beyond: usize,
}

impl Entry {
    /// What its memory depends on, as far as it was counted.
    #[inline]
    pub(crate) fn footprint(&self) -> Footprint {
        let header = self.header();
        let repr = header.repr();
        let beyond = if matches!(repr, Repr::Inline | Repr::Integer) { 0 } else { self.beyond_counted() };
        Footprint { repr, has_deadline: self.has_expiry(), inline_bytes: header.inline_len(), beyond }
    }

    #[inline(never)]
    fn beyond_counted(&self) -> usize {
        match self.as_object() {
            Some(object) => object.account().bytes,
            None => self.long().memory_bytes(),
        }
    }

    /// Bytes by which its memory has grown since it had a footprint, which wrap around if it has become less.
    #[inline]
    pub(crate) fn growth_since(&mut self, before: Footprint) -> usize {
        if self.is_large() {
            self.measure(false);
        }
        let now = self.footprint();
        if now == before { 0 } else { self.growth(before, now) }
    }

    #[inline(never)]
    fn growth(&self, before: Footprint, now: Footprint) -> usize {
        let shape = self.shape();
        let Footprint { repr, has_deadline, inline_bytes, beyond } = before;
        let old = Shape { repr, has_deadline, inline_bytes, ..shape };
        let bytes_before = size_class(old.bytes()) + beyond;
        (size_class(shape.bytes()) + now.beyond).wrapping_sub(bytes_before)
    }

    /// Bytes of its memory as they were counted.
    pub(crate) fn counted_bytes(&self) -> usize {
        size_class(self.shape().bytes()) + self.footprint().beyond
    }

    /// Has a large collection measured; always, or if that is due.
    pub(crate) fn measure(&mut self, always: bool) {
        if let Some(object) = self.as_object_mut() {
            Object::measure(object, always);
        }
    }
}
