//! Locks with ranks: a thread takes them in the order of their ranks only, so that no two threads wait for each other.
//!
//! A rank is part of a lock's type, and [`rank`] lists all there are. Whoever takes a lock holds none of the same rank or a
//! higher one; builds with debug assertions, and those with the feature `assert`, panic otherwise, naming both locks. In other
//! builds the types are those of `parking_lot`, in size and code.
//!
//! A try to take a lock ([`RankedMutex::try_lock`]) waits for nobody, and may be made whatever is held.

mod held;
pub mod rank;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use held::Held;

/// A mutex of a rank.
#[derive(Default)]
pub struct RankedMutex<const RANK: u8, T: ?Sized>(parking_lot::Mutex<T>);

/// A locked [`RankedMutex`].
#[derive(Debug)]
pub struct RankedMutexGuard<'a, const RANK: u8, T: ?Sized> {
    guard: parking_lot::MutexGuard<'a, T>,
    _held: Held<RANK>,
}

impl<const RANK: u8, T> RankedMutex<RANK, T> {
    /// A mutex that nobody holds.
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    /// What is in it.
    #[inline]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<const RANK: u8, T: ?Sized> RankedMutex<RANK, T> {
    /// Waits until nobody holds it, and takes it.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> RankedMutexGuard<'_, RANK, T> {
        let held = Held::take();
        RankedMutexGuard { guard: self.0.lock(), _held: held }
    }

    /// Takes it if nobody holds it.
    #[inline]
    pub fn try_lock(&self) -> Option<RankedMutexGuard<'_, RANK, T>> {
        self.0.try_lock().map(|guard| RankedMutexGuard { guard, _held: Held::take_without_waiting() })
    }
}

impl<const RANK: u8, T: ?Sized + fmt::Debug> fmt::Debug for RankedMutex<RANK, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const RANK: u8, T: ?Sized> Deref for RankedMutexGuard<'_, RANK, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<const RANK: u8, T: ?Sized> DerefMut for RankedMutexGuard<'_, RANK, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// A lock of a rank that many may hold to read, or one to write.
#[derive(Default)]
pub struct RankedRwLock<const RANK: u8, T: ?Sized>(parking_lot::RwLock<T>);

/// A [`RankedRwLock`] held to read.
#[derive(Debug)]
pub struct RankedReadGuard<'a, const RANK: u8, T: ?Sized> {
    guard: parking_lot::RwLockReadGuard<'a, T>,
    _held: Held<RANK>,
}

/// A [`RankedRwLock`] held to write.
#[derive(Debug)]
pub struct RankedWriteGuard<'a, const RANK: u8, T: ?Sized> {
    guard: parking_lot::RwLockWriteGuard<'a, T>,
    _held: Held<RANK>,
}

impl<const RANK: u8, T> RankedRwLock<RANK, T> {
    /// A lock that nobody holds.
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(parking_lot::RwLock::new(value))
    }
}

impl<const RANK: u8, T: ?Sized> RankedRwLock<RANK, T> {
    /// Waits until nobody writes, and takes it to read. Not twice by one thread: one that waits to write would come between.
    #[inline]
    #[track_caller]
    pub fn read(&self) -> RankedReadGuard<'_, RANK, T> {
        let held = Held::take();
        RankedReadGuard { guard: self.0.read(), _held: held }
    }

    /// Waits until nobody reads or writes, and takes it to write.
    #[inline]
    #[track_caller]
    pub fn write(&self) -> RankedWriteGuard<'_, RANK, T> {
        let held = Held::take();
        RankedWriteGuard { guard: self.0.write(), _held: held }
    }
}

impl<const RANK: u8, T: ?Sized> RankedRwLock<RANK, T> {
    /// Takes it to write, or gives up after so long, and so waits whatever is held.
    pub fn try_write_for(&self, longest: Duration) -> Option<RankedWriteGuard<'_, RANK, T>> {
        let guard = self.0.try_write_for(longest)?;
        Some(RankedWriteGuard { guard, _held: Held::take_without_waiting() })
    }
}

impl<const RANK: u8, T: ?Sized + fmt::Debug> fmt::Debug for RankedRwLock<RANK, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const RANK: u8, T: ?Sized> Deref for RankedReadGuard<'_, RANK, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<const RANK: u8, T: ?Sized> Deref for RankedWriteGuard<'_, RANK, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<const RANK: u8, T: ?Sized> DerefMut for RankedWriteGuard<'_, RANK, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// Wakes those who wait for a change of what a mutex holds.
#[derive(Debug, Default)]
pub struct RankedCondvar(parking_lot::Condvar);

impl RankedCondvar {
    /// One for which nobody waits.
    #[must_use]
    pub const fn new() -> Self {
        Self(parking_lot::Condvar::new())
    }

    /// Lets go of the mutex and waits until woken; then takes it again.
    pub fn wait<const RANK: u8, T: ?Sized>(&self, guard: &mut RankedMutexGuard<'_, RANK, T>) {
        self.0.wait(&mut guard.guard);
    }

    /// The same, for so long at most. `true` if nobody woke it.
    pub fn wait_for<const RANK: u8, T: ?Sized>(
        &self,
        guard: &mut RankedMutexGuard<'_, RANK, T>,
        longest: Duration,
    ) -> bool {
        self.0.wait_for(&mut guard.guard, longest).timed_out()
    }

    /// Wakes one who waits.
    pub fn notify_one(&self) {
        self.0.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_taken_in_order_and_given_back_in_any() {
        let (first, second) = (RankedMutex::<1, _>::new(1), RankedRwLock::<2, _>::new(2));
        let one = first.lock();
        let two = second.read();
        drop(one);
        // What is held is of a higher rank, but it does not wait.
        assert!(first.try_lock().is_some());
        assert_eq!(*two, 2);
        drop(two);
        *second.write() = 3;
        let one = first.lock();
        assert_eq!((*one, *second.read()), (1, 3));
        assert!(first.try_lock().is_none());
    }

    #[test]
    fn a_condition_is_waited_for() {
        let (mutex, condvar) = (RankedMutex::<1, _>::new(false), RankedCondvar::new());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                *mutex.lock() = true;
                condvar.notify_one();
            });
            let mut guard = mutex.lock();
            while !*guard {
                condvar.wait(&mut guard);
            }
        });
        assert!(condvar.wait_for(&mut mutex.lock(), Duration::from_millis(1)));
    }

    #[cfg(any(debug_assertions, feature = "assert"))]
    mod asserted {
        use super::*;

        #[test]
        #[should_panic(expected = "is taken while")]
        fn a_lock_of_a_lower_rank_is_refused() {
            let (lower, higher) = (RankedMutex::<5, _>::new(()), RankedMutex::<6, _>::new(()));
            let _higher = higher.lock();
            drop(lower.lock());
        }

        #[test]
        #[should_panic(expected = "is taken while")]
        fn a_lock_of_the_same_rank_is_refused_even_to_read() {
            let lock = RankedRwLock::<7, _>::new(());
            let _first = lock.read();
            drop(lock.read());
        }

        #[test]
        fn another_thread_holds_nothing() {
            let (lower, higher) = (RankedMutex::<5, _>::new(()), RankedMutex::<6, _>::new(()));
            let _higher = higher.lock();
            std::thread::scope(|scope| {
                scope.spawn(|| drop(lower.lock()));
            });
        }
    }

    #[cfg(not(any(debug_assertions, feature = "assert")))]
    #[test]
    fn ranks_cost_nothing() {
        assert_eq!(size_of::<RankedMutex<3, u64>>(), size_of::<parking_lot::Mutex<u64>>());
        assert_eq!(size_of::<RankedRwLock<3, u64>>(), size_of::<parking_lot::RwLock<u64>>());
        assert_eq!(size_of::<RankedMutexGuard<'_, 3, u64>>(), size_of::<parking_lot::MutexGuard<'_, u64>>());
    }
}
