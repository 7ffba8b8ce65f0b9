//! One cache line of the table: seven entries with a byte of hash each, and a count of those that found no room.

use crate::entry::Entry;

/// Entries in a bucket.
pub(super) const SLOTS: usize = 7;
/// An overflow count that is no longer exact: it stays until the bucket is rebuilt.
const SATURATED: u8 = u8::MAX;

const LOW_BITS: u64 = 0x0001_0101_0101_0101;
const LOW_SEVEN: u64 = 0x007F_7F7F_7F7F_7F7F;
const HIGH_BITS: u64 = 0x0080_8080_8080_8080;

/// A bucket. `meta[slot]` is the entry's tag, 0 for an empty slot; `meta[7]` counts the entries whose home is this
/// bucket or one before it and that lie behind it.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    meta: [u8; SLOTS + 1],
    slots: [Option<Entry>; SLOTS],
}

const _: () = assert!(size_of::<Bucket>() == 64);

/// The byte of a hash that tells entries of a bucket apart; never 0.
#[inline]
fn tag_of(hash: u64) -> u8 {
    (hash & 0xFF).max(1).to_le_bytes()[0]
}

/// Slots found by one comparison of all tags, one bit each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slots(u64);

impl Iterator for Slots {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = self.0.trailing_zeros() as usize / 8;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

impl Bucket {
    /// Slots whose tag equals `byte`: the high bit of a byte of the sum is clear only if all its bits were.
    #[inline]
    fn equal(&self, byte: u8) -> Slots {
        let difference = u64::from_le_bytes(self.meta) ^ (LOW_BITS * u64::from(byte));
        Slots(!(((difference & LOW_SEVEN) + LOW_SEVEN) | difference) & HIGH_BITS)
    }

    /// Slots whose entry may have this hash.
    #[inline]
    pub(super) fn candidates(&self, hash: u64) -> Slots {
        self.equal(tag_of(hash))
    }

    #[inline]
    pub(super) fn slot(&self, slot: usize) -> Option<&Entry> {
        self.slots[slot].as_ref()
    }

    #[inline]
    pub(super) fn slot_mut(&mut self, slot: usize) -> Option<&mut Entry> {
        self.slots[slot].as_mut()
    }

    /// Its entries.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.slots.iter().flatten()
    }

    /// Takes all entries out.
    pub(super) fn into_entries(self) -> impl Iterator<Item = Entry> {
        self.slots.into_iter().flatten()
    }

    /// Puts `entry` into an empty slot, or gives it back.
    #[inline]
    pub(super) fn put(&mut self, hash: u64, entry: Entry) -> Result<(), Entry> {
        let Some(slot) = self.equal(0).next() else { return Err(entry) };
        self.meta[slot] = tag_of(hash);
        self.slots[slot] = Some(entry);
        Ok(())
    }

    /// Empties a slot.
    pub(super) fn take(&mut self, slot: usize) -> Option<Entry> {
        self.meta[slot] = 0;
        self.slots[slot].take()
    }

    /// Whether an entry may lie behind this bucket that passed over it.
    #[inline]
    pub(super) fn is_passed_over(&self) -> bool {
        self.meta[SLOTS] != 0
    }

    /// Counts an entry that found no room here.
    pub(super) fn pass_over(&mut self) {
        self.meta[SLOTS] = self.meta[SLOTS].saturating_add(1);
    }

    /// Takes back [`Bucket::pass_over`] when the entry goes.
    pub(super) fn undo_pass_over(&mut self) {
        if self.meta[SLOTS] != SATURATED {
            self.meta[SLOTS] -= 1;
        }
    }
}
