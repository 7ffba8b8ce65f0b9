//! A deadline as an entry holds it: the time, and the stamp of the reminder that looks after it.
//!
//! Times below 2^50 milliseconds (35,000 years) leave room for a stamp beside them. All others stand alone.

use crate::time::UnixMs;

/// What becomes of a key's deadline when its value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// The key lives until it is deleted.
    Clear,
    /// The deadline stays.
    Keep,
    /// The key lives until then.
    At(UnixMs),
}

/// Bits of a time in milliseconds that a calendar can note; later ones have no stamp.
pub(crate) const TIME_BITS: u32 = 50;
/// Bits of a stamp.
pub(crate) const STAMP_BITS: u32 = 12;
/// The two highest bits of a deadline with a stamp. No time has them but those before [`EARLIEST`].
const STAMPED: u64 = 0b10;
const STAMPED_SHIFT: u32 = u64::BITS - 2;
const TIME_MASK: i64 = (1 << TIME_BITS) - 1;
/// Times before this one are taken for it.
const EARLIEST: i64 = -(1 << STAMPED_SHIFT);

const _: () = assert!(TIME_BITS + STAMP_BITS == STAMPED_SHIFT);

/// A deadline with or without a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline(i64);

impl Deadline {
    /// A deadline without a stamp.
    #[inline]
    pub(crate) fn at(at: UnixMs) -> Self {
        Self(at.0.max(EARLIEST))
    }

    /// A deadline with a stamp, unless it is too far away. All times before 1970 are as one.
    #[inline]
    pub(crate) fn stamped(at: UnixMs, stamp: u16) -> Option<Self> {
        let time = at.0.max(0);
        debug_assert!(stamp >> STAMP_BITS == 0);
        let bits = (STAMPED << STAMPED_SHIFT | u64::from(stamp) << TIME_BITS).cast_signed();
        (time <= TIME_MASK).then_some(Self(bits | time))
    }

    #[inline]
    fn is_stamped(self) -> bool {
        self.0.cast_unsigned() >> STAMPED_SHIFT == STAMPED
    }

    /// The time.
    #[inline]
    pub(crate) fn time(self) -> UnixMs {
        UnixMs(if self.is_stamped() { self.0 & TIME_MASK } else { self.0 })
    }

    /// The stamp.
    #[inline]
    pub(crate) fn stamp(self) -> Option<u16> {
        let stamp = (self.0.cast_unsigned() >> TIME_BITS) as u16 & ((1 << STAMP_BITS) - 1);
        self.is_stamped().then_some(stamp)
    }

    #[inline]
    pub(super) fn to_bits(self) -> i64 {
        self.0
    }

    #[inline]
    pub(super) fn from_bits(bits: i64) -> Self {
        Self(bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_stamps_stand_beside_each_other() {
        for at in [0, 1, 1_790_000_000_000, TIME_MASK] {
            for stamp in [0, 1, 77, (1 << STAMP_BITS) - 1] {
                let deadline = Deadline::stamped(UnixMs(at), stamp).expect("near enough");
                assert_eq!((deadline.time(), deadline.stamp()), (UnixMs(at), Some(stamp)));
                assert_eq!(Deadline::from_bits(deadline.to_bits()), deadline);
            }
            assert_eq!(
                (Deadline::at(UnixMs(at)).time(), Deadline::at(UnixMs(at)).stamp()),
                (UnixMs(at), None)
            );
        }
        for at in [TIME_MASK + 1, i64::MAX, -1, EARLIEST] {
            assert_eq!(
                (Deadline::at(UnixMs(at)).time(), Deadline::at(UnixMs(at)).stamp()),
                (UnixMs(at), None)
            );
        }
        assert_eq!(Deadline::stamped(UnixMs(TIME_MASK + 1), 0), None);
        assert_eq!(Deadline::stamped(UnixMs(-5), 3).map(Deadline::time), Some(UnixMs(0)));
        assert_eq!(Deadline::at(UnixMs(i64::MIN)).time(), UnixMs(EARLIEST));
    }
}
