//! Each database keeps a count of its entries' memory, so that nobody has to walk through a shard for the sum.
//!
//! The memory of a string or a packed collection follows from its header, or from the vector it is in: whoever changes the entry compares its
//! [`Footprint`] before and after. A large collection remembers in an [`Account`] what was counted of it, so that its removal takes just that
//! away. Most tell their memory in a moment and are measured after each change. One that has to be walked through is measured again when its
//! size has changed by a sixteenth, or after as many changes as make the walk cheap; until then the sum has what was counted before.

use super::shape::{Repr, Shape, size_class};
use super::{Entry, Header, Heap, INLINE_LEN_MASK, Object};

/// A change of size by one in so many has a collection measured again.
const SIZE_PART: u32 = 16;
/// So many changes pay for a step of measuring.
const CHANGES_PER_STEP: usize = 2;
/// So few steps are taken after each change.
const STEPS_FREE: usize = 4;

/// A large collection's record of how much of it is in the count. A copy is not in the count yet.
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
    /// Returns how many more bytes are counted now, which wrap around if there are less.
    #[inline]
    pub(super) fn settle(&mut self, bytes: usize, size: usize, steps: usize) -> usize {
        let grown = bytes.wrapping_sub(self.bytes);
        let left = if steps <= STEPS_FREE { 0 } else { steps.saturating_mul(CHANGES_PER_STEP) };
        *self = Self { bytes, size: counted(size), left: counted(left) };
        grown
    }
}

fn counted(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// Two equal footprints mean the same memory, apart from the key and from large collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Footprint {
    /// The bits of [`Repr`], whether there is a deadline, and the length of an inline value: its shape follows from these.
    shape: u32,
    /// Bytes of a value in memory of its own.
    external: usize,
}

/// Set in [`Footprint::shape`] if there is a deadline.
const DEADLINE: u32 = 1 << 31;

impl Entry {
    /// Its footprint as it is now.
    #[inline]
    pub(crate) fn footprint(&self) -> Footprint {
        let header = self.header();
        let inline_bytes = u32::from(header.sizes & INLINE_LEN_MASK);
        let deadline = if self.has_expiry() { DEADLINE } else { 0 };
        let external = if header.repr() == Repr::External { self.long().memory_bytes() } else { 0 };
        Footprint { shape: u32::from(header.tag & 3) | inline_bytes << 2 | deadline, external }
    }

    /// Bytes by which its memory has grown since it had a footprint, which wrap around if it has become less. A large collection that has
    /// left it meanwhile is not taken off: see [`Heap::leave_account`].
    #[inline]
    pub(crate) fn growth_since(&mut self, before: Footprint) -> usize {
        let collection = if self.is_large() { self.measure(false) } else { 0 };
        let now = self.footprint();
        if now == before { collection } else { collection.wrapping_add(self.growth(before, now)) }
    }

    #[inline(never)]
    fn growth(&self, before: Footprint, now: Footprint) -> usize {
        let shape = self.shape();
        let old = Shape {
            repr: Header { tag: before.shape.to_le_bytes()[0], ..self.header() }.repr(),
            has_deadline: before.shape & DEADLINE != 0,
            inline_bytes: ((before.shape & !DEADLINE) >> 2) as usize,
            ..shape
        };
        let bytes_before = size_class(old.bytes()) + before.external;
        (size_class(shape.bytes()) + now.external).wrapping_sub(bytes_before)
    }

    /// Bytes of its memory as they were counted.
    pub(crate) fn counted_bytes(&self) -> usize {
        let collection = self.as_object().map_or(0, |object| object.account().bytes);
        size_class(self.shape().bytes()) + self.footprint().external + collection
    }

    /// Has a large collection measured, always or if that is due, and tells by how many bytes more it is counted now: they wrap around if
    /// there are less.
    pub(crate) fn measure(&mut self, always: bool) -> usize {
        self.as_object_mut().map_or(0, |object| Object::measure(object, always))
    }
}

impl Heap {
    /// Tells how many bytes of a large collection are counted, which has left its entry: they count no more.
    pub(crate) fn leave_account(&mut self) -> usize {
        match self {
            Self::Bytes(_) => 0,
            Self::Object(object) => std::mem::take(object.account_mut()).bytes,
        }
    }
}
