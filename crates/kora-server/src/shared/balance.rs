//! Which workers serve connections, as all workers know it: what each tells of its last window, and how many serve.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kora_core::slot::WorkerId;
use kora_locks::{RankedMutex, rank};

use crate::spread::{Load, Spread, WINDOW_MS};

/// A worker that told nothing for so long, and is in no round, has nothing to do.
const STALE_MS: u64 = 3 * WINDOW_MS;

/// What one worker tells. Only it writes.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Board {
    busy: AtomicU32,
    waited: AtomicU32,
    rate: AtomicU64,
    had_long: AtomicBool,
    /// When it told that.
    told_ms: AtomicU64,
    /// When its round began; 0 between two.
    round_since_ms: AtomicU64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Balance {
    began: Instant,
    boards: Box<[Board]>,
    serving: AtomicUsize,
    /// Whether connections gather at few workers at all.
    gathers: AtomicBool,
    next_look_ms: AtomicU64,
    spread: RankedMutex<{ rank::SPREAD }, Spread>,
}

impl Balance {
    pub(crate) fn new(workers: usize, gathers: bool) -> Self {
        Self {
            // So that no moment is 0.
            began: Instant::now().checked_sub(Duration::from_millis(1)).unwrap_or_else(Instant::now),
            boards: (0..workers).map(|_| Board::default()).collect(),
            serving: AtomicUsize::new(if gathers { 1 } else { workers }),
            gathers: AtomicBool::new(gathers),
            next_look_ms: AtomicU64::new(0),
            spread: RankedMutex::new(Spread::new(workers)),
        }
    }

    /// `gather-connections`: whether connections gather at few workers.
    pub(crate) fn set_gathers(&self, gathers: bool) {
        if self.gathers.swap(gathers, Ordering::Relaxed) != gathers {
            let workers = self.boards.len();
            *self.spread.lock() = Spread::new(workers);
            self.serving.store(if gathers { 1 } else { workers }, Ordering::Relaxed);
        }
    }

    /// How many workers serve connections: those with the lowest numbers.
    #[inline]
    pub(crate) fn serving(&self) -> usize {
        self.serving.load(Ordering::Relaxed)
    }

    /// Whether a worker serves connections.
    #[inline]
    pub(crate) fn serves(&self, worker: WorkerId) -> bool {
        worker.index() < self.serving()
    }

    /// Milliseconds at a moment.
    #[inline]
    pub(crate) fn ms(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.began).as_millis()).unwrap_or(u64::MAX)
    }

    /// A round of a worker begins.
    #[inline]
    pub(crate) fn begin_round(&self, worker: WorkerId, now_ms: u64) {
        self.boards[worker.index()].round_since_ms.store(now_ms, Ordering::Relaxed);
    }

    /// It has ended.
    #[inline]
    pub(crate) fn end_round(&self, worker: WorkerId) {
        self.boards[worker.index()].round_since_ms.store(0, Ordering::Relaxed);
    }

    /// A worker tells of its last window.
    pub(crate) fn tell(&self, worker: WorkerId, now_ms: u64, load: Load) {
        let board = &self.boards[worker.index()];
        board.busy.store(load.busy, Ordering::Relaxed);
        board.waited.store(load.waited, Ordering::Relaxed);
        board.rate.store(load.rate, Ordering::Relaxed);
        board.had_long.store(load.had_long, Ordering::Relaxed);
        board.told_ms.store(now_ms, Ordering::Relaxed);
        self.look(now_ms);
    }

    /// What a worker did of late.
    pub(crate) fn load(&self, worker: WorkerId, now_ms: u64) -> Load {
        let board = &self.boards[worker.index()];
        let since = |moment: &AtomicU64| now_ms.saturating_sub(moment.load(Ordering::Relaxed));
        let is_in_round = board.round_since_ms.load(Ordering::Relaxed) > 0;
        let mut load = Load {
            busy: board.busy.load(Ordering::Relaxed),
            waited: board.waited.load(Ordering::Relaxed),
            rate: board.rate.load(Ordering::Relaxed),
            had_long: board.had_long.load(Ordering::Relaxed),
        };
        if since(&board.told_ms) > STALE_MS {
            load = Load::default();
            if is_in_round && since(&board.round_since_ms) > STALE_MS {
                load.busy = 1000;
            }
        }
        load
    }

    /// Finds out how many workers are to serve, if that is due and nobody else does.
    fn look(&self, now_ms: u64) {
        if now_ms < self.next_look_ms.load(Ordering::Relaxed) || !self.gathers.load(Ordering::Relaxed) {
            return;
        }
        let Some(mut spread) = self.spread.try_lock() else { return };
        self.next_look_ms.store(now_ms + WINDOW_MS, Ordering::Relaxed);
        let ids = (0..self.boards.len()).map(|at| WorkerId(u16::try_from(at).unwrap_or(u16::MAX)));
        let loads: Vec<Load> = ids.map(|worker| self.load(worker, now_ms)).collect();
        let count = spread.look(now_ms, &loads);
        if count != self.serving() {
            tracing::debug!("{count} of {} workers serve connections", loads.len());
            self.serving.store(count, Ordering::Relaxed);
        }
    }
}
