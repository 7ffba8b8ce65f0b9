//! What a thread holds, as far as it is asserted.

#[cfg(any(debug_assertions, feature = "assert"))]
pub(crate) use asserted::Held;
#[cfg(not(any(debug_assertions, feature = "assert")))]
pub(crate) use free::Held;

#[cfg(any(debug_assertions, feature = "assert"))]
mod asserted {
    use std::cell::Cell;

    use crate::rank::name;

    thread_local! {
        /// A bit for each rank of which this thread holds a lock.
        static HELD: Cell<u64> = const { Cell::new(0) };
    }

    /// A lock of this rank is held, as long as this lives.
    #[derive(Debug)]
    pub(crate) struct Held<const RANK: u8>(());

    impl<const RANK: u8> Held<RANK> {
        const BIT: u64 = 1 << RANK;

        #[track_caller]
        pub(crate) fn take() -> Self {
            let held = HELD.get();
            assert!(
                held < Self::BIT,
                "`{}` is taken while `{}` is held: its rank is not higher",
                name(RANK),
                name(u8::try_from(held.checked_ilog2().unwrap_or(0)).unwrap_or(u8::MAX))
            );
            HELD.set(held | Self::BIT);
            Self(())
        }

        pub(crate) fn take_without_waiting() -> Self {
            HELD.set(HELD.get() | Self::BIT);
            Self(())
        }
    }

    impl<const RANK: u8> Drop for Held<RANK> {
        fn drop(&mut self) {
            HELD.set(HELD.get() & !Self::BIT);
        }
    }
}

#[cfg(not(any(debug_assertions, feature = "assert")))]
mod free {
    #[derive(Debug)]
    pub(crate) struct Held<const RANK: u8>;

    impl<const RANK: u8> Held<RANK> {
        #[inline(always)]
        pub(crate) fn take() -> Self {
            Self
        }

        #[inline(always)]
        pub(crate) fn take_without_waiting() -> Self {
            Self
        }
    }
}
