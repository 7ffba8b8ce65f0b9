//! The process's memory: how much is in use, and a thread that frees what the shards throw away.
//!
//! The limit needs a figure that is right at any moment and costs nothing to have. The allocator counts what each
//! thread has allocated and freed; a thread reads its own counts as plain memory. What that comes to since it last
//! said so it adds to the process's [`Account`], once it is worth an access to memory that all threads share.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use kora_core::keyspace::garbage::Garbage;
use tikv_jemalloc_ctl::thread::{ThreadLocal, allocatedp, deallocatedp};
use tikv_jemalloc_ctl::{epoch, stats};

/// Items freed before the thread looks for more work.
const FREE_ITEMS_MAX: usize = 10_000;

/// A thread's allocations come to this before it tells the account: with so many threads the account is wrong by so
/// much at most.
const TELL_BYTES: i64 = 16 * 1024;

/// Numbers of the allocator, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AllocatorBytes {
    pub(crate) allocated: u64,
    pub(crate) active: u64,
    pub(crate) resident: u64,
}

/// The allocator's numbers as they are now; zeros if it can't tell.
pub(crate) fn allocator_bytes() -> AllocatorBytes {
    let read = || {
        epoch::advance()?;
        Ok::<_, tikv_jemalloc_ctl::Error>(AllocatorBytes {
            allocated: stats::allocated::read()? as u64,
            active: stats::active::read()? as u64,
            resident: stats::resident::read()? as u64,
        })
    };
    read().unwrap_or_default()
}

/// The allocator's report on itself, in its own words.
pub(crate) fn allocator_report() -> Vec<u8> {
    let mut report = Vec::new();
    // A vector takes whatever is written.
    let _ = tikv_jemalloc_ctl::stats_print::stats_print(
        &mut report,
        tikv_jemalloc_ctl::stats_print::Options::default(),
    );
    report
}

/// Gives pages back to the system that hold nothing: an arena that may keep none for any time gives all up.
pub(crate) fn purge() -> Result<(), tikv_jemalloc_ctl::Error> {
    use tikv_jemalloc_ctl::{Access, AsName, arenas};
    for arena in 0..arenas::narenas::read()? {
        for kind in ["dirty", "muzzy"] {
            let name = format!("arena.{arena}.{kind}_decay_ms\0");
            let name = name.as_bytes().name();
            let kept: isize = match name.read() {
                Ok(kept) => kept,
                // Not every number names an arena.
                Err(_) => continue,
            };
            name.write(0isize)?;
            name.write(kept)?;
        }
    }
    Ok(())
}

/// Bytes that this thread has allocated, less those that it has freed.
#[inline]
fn thread_bytes() -> i64 {
    type Counters = Option<(ThreadLocal<u64>, ThreadLocal<u64>)>;
    fn find() -> Counters {
        Some((allocatedp::read().ok()?, deallocatedp::read().ok()?))
    }
    thread_local! {
        static COUNTERS: Cell<Counters> = Cell::new(find());
    }
    let net = |(allocated, freed): (ThreadLocal<u64>, ThreadLocal<u64>)| {
        allocated.get().wrapping_sub(freed.get()).cast_signed()
    };
    COUNTERS.get().map_or(0, net)
}

/// What the process has allocated.
#[derive(Debug)]
pub(crate) struct Account {
    used: AtomicI64,
    /// Of that, what waits to be freed: as good as free.
    doomed: AtomicI64,
    /// Bundles of garbage that wait.
    doomed_bundles: AtomicUsize,
    peak: AtomicI64,
    /// Allocated when the server had started.
    pub(crate) startup_bytes: u64,
    exceeded: Exceeded,
}

/// One thread's part of the [`Account`]: what it has told of its allocations.
#[derive(Debug, Default)]
pub(crate) struct Share {
    told: i64,
}

impl Account {
    /// An account that begins with what is allocated now.
    pub(crate) fn open() -> Self {
        let startup_bytes = allocator_bytes().allocated;
        let used = i64::try_from(startup_bytes).unwrap_or(i64::MAX);
        Self {
            used: AtomicI64::new(used),
            doomed: AtomicI64::new(0),
            doomed_bundles: AtomicUsize::new(0),
            peak: AtomicI64::new(used),
            startup_bytes,
            exceeded: Exceeded::default(),
        }
    }

    /// Bytes in use, as far as threads have told.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed).max(0).unsigned_abs()
    }

    /// Most bytes that were ever in use, or since [`Account::forget_peak`].
    pub(crate) fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed).max(0).unsigned_abs()
    }

    /// The peak begins anew.
    pub(crate) fn forget_peak(&self) {
        self.peak.store(self.used.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Whether something waits to be freed.
    pub(crate) fn has_doomed(&self) -> bool {
        self.doomed_bundles.load(Ordering::Relaxed) > 0
    }

    /// Bundles of garbage that wait to be freed.
    pub(crate) fn doomed_bundles(&self) -> usize {
        self.doomed_bundles.load(Ordering::Relaxed)
    }

    /// Bytes in use that will stay, with `more` that this thread has not told of.
    #[inline]
    fn staying(&self, more: i64) -> u64 {
        let used = self.used.load(Ordering::Relaxed) + more - self.doomed.load(Ordering::Relaxed);
        used.max(0).unsigned_abs()
    }

    #[cold]
    fn add(&self, bytes: i64) {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if used > self.peak.load(Ordering::Relaxed) {
            self.peak.fetch_max(used, Ordering::Relaxed);
        }
    }

    /// For how long the limit has been exceeded.
    pub(crate) fn exceeded(&self) -> &Exceeded {
        &self.exceeded
    }
}

impl Share {
    /// Bytes in use that will stay, as this thread knows it.
    #[inline]
    pub(crate) fn used(&mut self, account: &Account) -> u64 {
        let untold = thread_bytes().wrapping_sub(self.told);
        if untold.abs() < TELL_BYTES {
            return account.staying(untold);
        }
        self.tell(account);
        account.staying(0)
    }

    /// Tells the account of all that this thread has allocated and freed.
    pub(crate) fn tell(&mut self, account: &Account) {
        let now = thread_bytes();
        account.add(now.wrapping_sub(self.told));
        self.told = now;
    }
}

/// For how long the memory limit was exceeded.
#[derive(Debug, Default)]
pub(crate) struct Exceeded {
    /// Microseconds from the first call to the moment it was exceeded; 0 if it is not.
    since_us: AtomicU64,
    total_us: AtomicU64,
}

impl Exceeded {
    /// Notes whether it is exceeded now.
    pub(crate) fn note(&self, is_exceeded: bool) {
        if is_exceeded {
            let _ = self.since_us.compare_exchange(0, clock_us(), Ordering::Relaxed, Ordering::Relaxed);
        } else if self.since_us.load(Ordering::Relaxed) != 0 {
            let since = self.since_us.swap(0, Ordering::Relaxed);
            if since != 0 {
                self.total_us.fetch_add(clock_us().saturating_sub(since), Ordering::Relaxed);
            }
        }
    }

    /// Milliseconds in all, and those of the time that lasts.
    pub(crate) fn milliseconds(&self) -> (u64, u64) {
        let since = self.since_us.load(Ordering::Relaxed);
        let present = if since == 0 { 0 } else { clock_us().saturating_sub(since) };
        ((self.total_us.load(Ordering::Relaxed) + present) / 1000, present / 1000)
    }

    /// Begins anew, as CONFIG RESETSTAT does.
    pub(crate) fn reset(&self) {
        self.since_us.store(0, Ordering::Relaxed);
        self.total_us.store(0, Ordering::Relaxed);
    }
}

/// Microseconds of a clock that never goes back, from 1.
fn clock_us() -> u64 {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let elapsed = BEGAN.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX).saturating_add(1)
}

/// What the thread that frees is given, in order.
enum Errand {
    /// Free this.
    Free(Garbage),
    /// Say that all before it is free.
    Tell(Box<dyn FnOnce() + Send>),
}

/// A thread that frees tables and large values, so that no worker pauses to do it.
#[derive(Debug)]
pub(crate) struct Reclaimer {
    sender: crossbeam_channel::Sender<Errand>,
    account: Arc<Account>,
}

impl Reclaimer {
    /// Starts the thread; it ends when this is dropped.
    pub(crate) fn start(account: Arc<Account>) -> std::io::Result<Self> {
        let (sender, receiver) = crossbeam_channel::unbounded::<Errand>();
        let reclaimer = Self { sender, account: Arc::clone(&account) };
        std::thread::Builder::new().name("kora-reclaim".to_owned()).spawn(move || {
            let mut share = Share::default();
            for errand in receiver {
                match errand {
                    Errand::Free(garbage) => reclaim(garbage, &account, &mut share),
                    Errand::Tell(tell) => tell(),
                }
            }
        })?;
        Ok(reclaimer)
    }

    /// Frees `garbage` soon.
    pub(crate) fn free(&self, garbage: Garbage) {
        self.account.doomed.fetch_add(doomed_bytes(&garbage), Ordering::Relaxed);
        self.account.doomed_bundles.fetch_add(1, Ordering::Relaxed);
        // If the thread has died, the garbage comes back with the error and is freed here.
        let _ = self.sender.send(Errand::Free(garbage));
    }

    /// Calls `tell` once all that it was given so far is free.
    pub(crate) fn tell_when_free(&self, tell: impl FnOnce() + Send + 'static) {
        // If the thread has died, whoever waits waits until the server ends.
        let _ = self.sender.send(Errand::Tell(Box::new(tell)));
    }
}

fn doomed_bytes(garbage: &Garbage) -> i64 {
    i64::try_from(garbage.bytes()).unwrap_or(i64::MAX)
}

/// Frees a bundle piece by piece. What is freed is taken off the account in the same step as it is no longer doomed,
/// so that the difference, which the limit is held against, stays as it is.
fn reclaim(mut garbage: Garbage, account: &Account, share: &mut Share) {
    let mut doomed = doomed_bytes(&garbage);
    loop {
        let before = thread_bytes();
        let is_more = garbage.free_some(FREE_ITEMS_MAX);
        let freed = before.wrapping_sub(thread_bytes()).clamp(0, doomed);
        doomed -= freed;
        account.doomed.fetch_sub(freed, Ordering::Relaxed);
        share.tell(account);
        if !is_more {
            break;
        }
    }
    drop(garbage);
    share.tell(account);
    account.doomed.fetch_sub(doomed, Ordering::Relaxed);
    account.doomed_bundles.fetch_sub(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_the_sum_of_what_threads_tell() {
        let account = Account::open();
        let before = account.used();
        account.add(1_000_000);
        account.add(-400_000);
        assert_eq!(account.used() - before, 600_000);
        assert_eq!(account.peak() - before, 1_000_000);
        account.forget_peak();
        assert_eq!(account.peak() - before, 600_000);
    }

    #[test]
    fn what_waits_to_be_freed_does_not_count_against_the_limit() {
        let account = Account::open();
        let before = account.staying(0);
        account.add(1000);
        account.doomed.fetch_add(700, Ordering::Relaxed);
        assert_eq!(account.staying(5) - before, 305);
    }

    #[test]
    fn time_over_the_limit_adds_up() {
        let exceeded = Exceeded::default();
        exceeded.note(true);
        std::thread::sleep(std::time::Duration::from_millis(3));
        assert!(exceeded.milliseconds().1 >= 3);
        exceeded.note(false);
        let (total, present) = exceeded.milliseconds();
        assert!(total >= 3 && present == 0);
        exceeded.reset();
        assert_eq!(exceeded.milliseconds(), (0, 0));
    }
}
