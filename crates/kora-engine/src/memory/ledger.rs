//! How much the process has allocated: what threads tell, corrected by what the allocator says.
//!
//! The allocator counts what each thread has allocated and freed; a thread reads its own counts as plain memory. What
//! that comes to since it last said so it adds to the process's figure, once it is worth an access to memory that all
//! threads share. That is prompt and cheap, and wrong as soon as one thread does not tell. So the allocator's own
//! figure, which no thread is missing from, is the judge: [`judge`] compares and corrects, several times a second and
//! before anything is evicted or refused.
//!
//! A correction may hold what a thread has allocated and not told of yet. A thread that finds a correction was made
//! since it last told, and has much to tell, asks for another judgement instead of adding what was counted already.
//! What is counted twice is therefore little, and until the next judgement.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use kora_locks::{RankedMutex, rank};
use tikv_jemalloc_ctl::thread::{ThreadLocal, allocatedp, deallocatedp};

use super::allocator::{self, AllocatorBytes};

/// A thread's allocations come to this before it tells: with so many threads the figure is wrong by so much at most.
pub(super) const TELL_BYTES: i64 = 16 * 1024;

/// What a thread had not told when a correction was made may be counted twice up to here, and up to a part of the whole.
const MUCH_BYTES: i64 = 2 * TELL_BYTES;

/// That part.
const MUCH_PART: i64 = 128;

/// Attempts to correct a figure that changes meanwhile. The next judgement tries again.
const ATTEMPTS: usize = 8;

/// Judgements asked for by those who can do without take this part of time at most.
const JUDGING_PART: u64 = 100;

/// The process's figure. There is one allocator, so there is one ledger.
static LEDGER: Ledger = Ledger::new();

thread_local! {
    static SHARE: Share = Share::open();
}

struct Ledger {
    used: AtomicI64,
    peak: AtomicI64,
    /// Held by whoever compares: comparing takes microseconds, and whoever holds it waits for nobody.
    judging: RankedMutex<{ rank::ACCOUNT }, ()>,
    /// When the next judgement is due that nobody depends on.
    due_us: AtomicU64,
    /// Corrections of more than a little.
    corrections: AtomicU64,
    /// All that threads have told, corrections aside.
    told: AtomicI64,
}

/// One thread's part.
struct Share {
    counters: Option<(ThreadLocal<u64>, ThreadLocal<u64>)>,
    /// What it has told.
    told: Cell<i64>,
    /// The corrections there had been when it last told.
    seen: Cell<u64>,
}

impl Share {
    /// A share of a thread that has told of everything so far.
    fn open() -> Self {
        let find = || Some((allocatedp::read().ok()?, deallocatedp::read().ok()?));
        let share = Self { counters: find(), told: Cell::new(0), seen: Cell::new(0) };
        share.told.set(share.bytes());
        share.seen.set(LEDGER.corrections.load(Ordering::SeqCst));
        share
    }

    /// Bytes that this thread has allocated, less those that it has freed.
    #[inline]
    fn bytes(&self) -> i64 {
        self.counters
            .as_ref()
            .map_or(0, |(allocated, freed)| allocated.get().wrapping_sub(freed.get()).cast_signed())
    }

    #[inline]
    fn untold(&self) -> i64 {
        self.bytes().wrapping_sub(self.told.get())
    }

    #[cold]
    fn tell(&self) {
        let untold = self.untold();
        self.told.set(self.told.get().wrapping_add(untold));
        LEDGER.told.fetch_add(untold, Ordering::Relaxed);
        let seen = self.seen.get();
        // Not only so many bytes: threads with large values would have each other's corrections judged without end.
        let is_much = untold.abs() > MUCH_BYTES.max(LEDGER.used.load(Ordering::Relaxed) / MUCH_PART);
        if !is_much || LEDGER.corrections.load(Ordering::SeqCst) == seen {
            LEDGER.add(untold);
        }
        let corrections = LEDGER.corrections.load(Ordering::SeqCst);
        if corrections != seen {
            self.seen.set(corrections);
            if is_much {
                LEDGER.judge();
                self.seen.set(LEDGER.corrections.load(Ordering::SeqCst));
            }
        }
    }
}

impl Ledger {
    const fn new() -> Self {
        Self {
            used: AtomicI64::new(0),
            peak: AtomicI64::new(0),
            judging: RankedMutex::new(()),
            due_us: AtomicU64::new(0),
            corrections: AtomicU64::new(0),
            told: AtomicI64::new(0),
        }
    }

    fn add(&self, bytes: i64) {
        let used = self.used.fetch_add(bytes, Ordering::SeqCst) + bytes;
        self.note_peak(used);
    }

    fn note_peak(&self, used: i64) {
        if used > self.peak.load(Ordering::Relaxed) {
            self.peak.fetch_max(used, Ordering::Relaxed);
        }
    }

    /// Compares the figure with the allocator's, and corrects it.
    fn judge(&self) -> Option<AllocatorBytes> {
        self.judge_by(allocator::read)
    }

    fn judge_by(&self, read: impl Fn() -> Option<AllocatorBytes>) -> Option<AllocatorBytes> {
        let _judge = self.judging.lock();
        let begun = processor_us();
        let mut bytes = None;
        for _ in 0..ATTEMPTS {
            let before = self.used.load(Ordering::SeqCst);
            let found = read()?;
            bytes = Some(found);
            let after = self.used.load(Ordering::SeqCst);
            // What was told meanwhile may be in the allocator's figure or not.
            let found = i64::try_from(found.allocated).unwrap_or(i64::MAX);
            let wrong = found - found.clamp(before.min(after), before.max(after));
            if wrong == 0 || self.correct(after, wrong) {
                break;
            }
        }
        // Not the time that passes: where others have the processor, a comparison would seem so dear that none follows for
        // seconds, and keys would go for what some thread has not told.
        let cost = processor_us().saturating_sub(begun);
        self.due_us.store(clock_us() + cost * JUDGING_PART, Ordering::Relaxed);
        bytes
    }

    /// Corrects the figure if it still is `used`.
    fn correct(&self, used: i64, wrong: i64) -> bool {
        if wrong.abs() > MUCH_BYTES {
            // First, so that whoever adds to the corrected figure finds that it was corrected.
            self.corrections.fetch_add(1, Ordering::SeqCst);
        }
        let corrected = used + wrong;
        let is_done =
            self.used.compare_exchange(used, corrected, Ordering::SeqCst, Ordering::Relaxed).is_ok();
        if is_done {
            self.note_peak(corrected);
        }
        is_done
    }
}

/// Begins this thread's share: what it has allocated before is not its to tell.
pub fn open_share() {
    SHARE.with(|share| {
        share.told.set(share.bytes());
        share.seen.set(LEDGER.corrections.load(Ordering::SeqCst));
    });
}

/// Tells all that this thread has allocated and freed.
pub fn tell() {
    SHARE.with(Share::tell);
}

/// Bytes that this thread has allocated and not freed, as far as others have not done that.
#[must_use]
pub fn own_bytes() -> u64 {
    SHARE.with(|share| u64::try_from(share.bytes()).unwrap_or(0))
}

/// The same, if it is worth it.
#[inline]
pub fn tell_if_much() {
    SHARE.with(|share| {
        if share.untold().abs() >= TELL_BYTES {
            share.tell();
        }
    });
}

/// Compares with the allocator's figure, and corrects what is wrong; the allocator's figures, if it has any.
pub fn judge() -> Option<AllocatorBytes> {
    LEDGER.judge()
}

/// The same, unless the last judgement was so recent that another would cost too much.
pub fn judge_if_due() {
    if clock_us() >= LEDGER.due_us.load(Ordering::Relaxed) {
        tell();
        LEDGER.judge();
    }
}

/// Bytes that this thread has allocated, less those that it has freed.
#[inline]
pub(crate) fn thread_bytes() -> i64 {
    SHARE.with(Share::bytes)
}

/// Bytes in use, as far as threads have told.
#[inline]
pub(super) fn used() -> i64 {
    LEDGER.used.load(Ordering::Relaxed)
}

/// What this thread has not told.
pub(super) fn untold() -> i64 {
    SHARE.with(Share::untold)
}

/// The same once it has told what is worth it: less than [`TELL_BYTES`].
#[inline]
pub(super) fn little_untold() -> i64 {
    SHARE.with(|share| {
        let untold = share.untold();
        if untold.abs() < TELL_BYTES {
            return untold;
        }
        share.tell();
        0
    })
}

/// Most bytes that were ever in use, or since [`forget_peak`].
pub(super) fn peak() -> i64 {
    LEDGER.peak.load(Ordering::Relaxed)
}

/// The peak begins anew.
pub(super) fn forget_peak() {
    LEDGER.peak.store(used(), Ordering::Relaxed);
}

/// All that threads have told, and what was there before them.
pub fn told() -> i64 {
    LEDGER.told.load(Ordering::Relaxed)
}

/// What is in use is what threads have told so far.
pub(super) fn begin() -> u64 {
    open_share();
    let allocated = judge().unwrap_or_default().allocated;
    LEDGER.told.store(allocated.cast_signed(), Ordering::Relaxed);
    allocated
}

/// Microseconds of a clock that never goes back, from 1.
pub(super) fn clock_us() -> u64 {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let elapsed = BEGAN.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX).saturating_add(1)
}

/// Microseconds for which this thread has had a processor.
fn processor_us() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let us = time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1000);
    u64::try_from(us).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn says(allocated: u64) -> impl Fn() -> Option<AllocatorBytes> {
        move || Some(AllocatorBytes { allocated, ..AllocatorBytes::default() })
    }

    #[test]
    fn the_figure_is_what_threads_tell_and_the_allocator_corrects() {
        let ledger = Ledger::new();
        ledger.add(1_000_000);
        ledger.add(-400_000);
        assert_eq!(ledger.used.load(Ordering::Relaxed), 600_000);
        assert_eq!(ledger.peak.load(Ordering::Relaxed), 1_000_000);
        // Some thread has freed and not told.
        ledger.judge_by(says(250_000));
        assert_eq!(ledger.used.load(Ordering::Relaxed), 250_000);
        assert_eq!(ledger.corrections.load(Ordering::Relaxed), 1);
        ledger.judge_by(says(250_000));
        assert_eq!(ledger.corrections.load(Ordering::Relaxed), 1);
        // Some thread has allocated and not told: that may have been the most at any time.
        ledger.judge_by(says(3_000_000));
        assert_eq!(ledger.peak.load(Ordering::Relaxed), 3_000_000);
    }

    #[test]
    fn what_is_told_while_the_allocator_counts_is_no_error() {
        let ledger = Ledger::new();
        ledger.add(100_000);
        for counted in [100_000, 130_000, 150_000] {
            let before = ledger.used.load(Ordering::Relaxed);
            ledger.judge_by(|| {
                ledger.add(50_000);
                says(counted)()
            });
            assert_eq!(ledger.used.load(Ordering::Relaxed), before + 50_000);
            ledger.add(-50_000);
        }
        assert_eq!(ledger.corrections.load(Ordering::Relaxed), 0);
        // Beyond that it is.
        ledger.judge_by(|| {
            ledger.add(50_000);
            says(170_000)()
        });
        assert_eq!(ledger.used.load(Ordering::Relaxed), 170_000);
    }

    #[test]
    fn a_comparison_costs_what_the_thread_computes() {
        let ledger = Ledger::new();
        let begun = clock_us();
        ledger.judge_by(|| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            says(1)()
        });
        let due_us = ledger.due_us.load(Ordering::Relaxed);
        // Else the next would be due after five seconds.
        assert!(due_us - begun < 2_000_000, "{due_us} after {begun}");
    }

    #[test]
    fn an_allocator_that_says_nothing_corrects_nothing() {
        let ledger = Ledger::new();
        ledger.add(5);
        let asked = Cell::new(0);
        ledger.judge_by(|| {
            asked.set(asked.get() + 1);
            None
        });
        assert_eq!((ledger.used.load(Ordering::Relaxed), asked.get()), (5, 1));
    }
}
