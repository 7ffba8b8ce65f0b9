//! The directory of extendible hashing: from the top bits of a hash, its [`Place`], to the number of the part of a table that owns them.
//!
//! What the parts are and when they divide is their table's business. Slots hold numbers, not pointers, so that this is safe code. A table
//! whose parts are full doubles the slots at most: no operation touches more than two parts, however large the table is.
//!
//! Invariant: a part of depth `d` owns all slots whose first `d` bits are its prefix, and no slot belongs to two.
//!
//! Source: Fagin et al., "Extendible hashing", 1979.

/// Most bits that a directory looks at.
const DEPTH_MAX: u32 = 31;
/// A division may double the directory only while it has fewer slots than this per part. Hashes spread evenly never come near; keys
/// chosen to collide make a part large instead of making the directory fill the memory.
const SLOTS_PER_PART: usize = 32;

/// A place in a table: the top `BITS` bits of a hash. The low bits are left for what lies within a part. A place behind the last one is
/// the end of a walk through the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place<const BITS: u32>(pub(crate) u64);

impl<const BITS: u32> Place<BITS> {
    #[inline]
    pub(crate) fn of(hash: u64) -> Self {
        Self(hash >> (u64::BITS - BITS))
    }

    /// The place at which a walk goes on that was given this cursor.
    #[inline]
    pub(crate) fn at(cursor: u64) -> Self {
        Self(cursor)
    }

    /// The top `depth` bits.
    #[inline]
    pub(crate) fn prefix(self, depth: u32) -> u64 {
        self.0 >> (BITS - depth)
    }

    /// The first place that begins with the `depth` bits of `prefix`.
    #[inline]
    pub(crate) fn first(prefix: u64, depth: u32) -> Self {
        Self(prefix << (BITS - depth))
    }

    /// Whether it is not behind the last one.
    #[inline]
    pub(crate) fn is_in_table(self) -> bool {
        self.0 >> BITS == 0
    }

    /// The cursor of a walk that goes on here: 0 at the end.
    #[inline]
    pub(crate) fn cursor(self) -> u64 {
        if self.is_in_table() { self.0 } else { 0 }
    }
}

/// Numbers of parts, by the top bits of a hash. An empty one allocates nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slots {
    numbers: Vec<u32>,
    depth: u32,
    /// How many parts need all `depth` bits.
    deepest_count: usize,
}

impl Slots {
    /// Those of as many parts as `depth` bits tell apart, by number.
    pub(crate) fn of_depth(depth: u32) -> Self {
        Self { numbers: (0..1 << depth).collect(), depth, deepest_count: 1 << depth }
    }

    /// The number of the part that owns a place; `None` while there are no parts.
    #[inline]
    pub(crate) fn locate<const BITS: u32>(&self, place: Place<BITS>) -> Option<u32> {
        #[expect(clippy::cast_possible_truncation, reason = "a prefix has at most DEPTH_MAX bits")]
        self.numbers.get(place.prefix(self.depth) as usize).copied()
    }

    /// Bytes allocated.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.numbers.capacity() * size_of::<u32>()
    }

    /// Whether a part of this depth, one of so many, may divide.
    pub(crate) fn may_split(&self, depth: u32, parts: usize) -> bool {
        let is_sparse = self.numbers.len() >= SLOTS_PER_PART * parts;
        depth < self.depth || (depth < DEPTH_MAX && !is_sparse)
    }

    /// Notes that a part has divided into two of this depth; both are to be [named](Slots::point_to).
    pub(crate) fn split(&mut self, depth: u32) {
        if depth > self.depth {
            self.numbers = self.numbers.iter().flat_map(|&number| [number, number]).collect();
            self.depth = depth;
            self.deepest_count = 0;
        }
        self.deepest_count += if depth == self.depth { 2 } else { 0 };
    }

    /// Makes the slots of a prefix of `depth` bits name a part.
    pub(crate) fn point_to(&mut self, number: u32, prefix: u32, depth: u32) {
        let shift = self.depth - depth;
        self.numbers[(prefix as usize) << shift..(prefix as usize + 1) << shift].fill(number);
    }

    /// The first part that owns hashes which differ from those of a part in the last bit of its prefix; `None` if that has no bits.
    pub(crate) fn buddy(&self, prefix: u32, depth: u32) -> Option<u32> {
        (depth > 0).then(|| self.numbers[(prefix as usize ^ 1) << (self.depth - depth)])
    }

    /// Notes that two parts have become one of this depth, which was named. Bits that no part needs are given up; `depths` are those of the
    /// parts that are left.
    pub(crate) fn merged<I: Iterator<Item = u32>>(&mut self, depth: u32, depths: impl Fn() -> I) {
        if depth + 1 < self.depth {
            return;
        }
        self.deepest_count -= 2;
        while self.deepest_count == 0 {
            self.numbers = self.numbers.iter().copied().step_by(2).collect();
            self.depth -= 1;
            self.deepest_count = depths().filter(|depth| *depth == self.depth).count();
        }
    }

    /// Everything the directory promises of parts with these prefixes and depths, by number.
    #[cfg(test)]
    pub(crate) fn check(&self, parts: impl Iterator<Item = (u32, u32)>) {
        let mut owned = vec![false; self.numbers.len()];
        let mut deepest = 0;
        for (number, (prefix, depth)) in (0..).zip(parts) {
            let shift = self.depth - depth;
            let slots = (prefix as usize) << shift..(prefix as usize + 1) << shift;
            assert!(self.numbers[slots.clone()].iter().all(|slot| *slot == number));
            let mut slots = owned[slots].iter_mut();
            assert!(slots.all(|owned| !std::mem::replace(owned, true)), "parts do not overlap");
            deepest += usize::from(depth == self.depth);
        }
        assert!(owned.into_iter().all(|owned| owned), "every place has a part");
        assert_eq!(deepest, self.deepest_count);
    }
}
