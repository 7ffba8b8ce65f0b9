//! What all threads of a soak share: where the server is, what is provoked at the moment, the first violation, the figures.

use std::fmt::Write as _;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kora_testkit::target::tcp::{TcpConnection, TcpTarget};
use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::figures::Figures;

/// A reply that is late by so much does not come: commands that wait for others are waited for, too.
const HANG: Duration = Duration::from_secs(3);

/// What a phase provokes: outside of such times it is a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Provoked {
    /// The server is ended and started again: connections break, it says LOADING.
    Down,
    /// An endless script runs: BUSY.
    Busy,
    /// The disk is full: MISCONF, and lines of warning.
    Disk,
    /// The limit is far below what is stored, and nothing may go: OOM.
    Memory,
}

impl Provoked {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::Down, Self::Busy, Self::Disk, Self::Memory];
}

/// When something was provoked.
#[derive(Default)]
struct Window {
    is_open: bool,
    closed: Option<Instant>,
}

/// Where the server is, and which life of it that is.
#[derive(Clone, Default)]
pub(super) struct Place {
    pub(super) address: String,
    pub(super) life: u64,
}

/// The shared state.
pub(super) struct Stage {
    /// What was counted.
    pub(super) figures: Figures,
    /// A reply that takes longer is a violation.
    pub(super) reply_limit: Duration,
    place: Mutex<Place>,
    life: AtomicU64,
    windows: [Mutex<Window>; 4],
    /// Every client holds it while it waits for replies; who takes it whole has the server to itself.
    gate: RwLock<()>,
    phase: Mutex<String>,
    violation: Mutex<Option<String>>,
    is_over: AtomicBool,
}

/// Closes a window when it is dropped.
pub(super) struct Provocation<'a>(&'a Mutex<Window>);

impl Drop for Provocation<'_> {
    fn drop(&mut self) {
        *self.0.lock() = Window { is_open: false, closed: Some(Instant::now()) };
    }
}

impl Stage {
    pub(super) fn new(reply_limit: Duration) -> Self {
        Self {
            figures: Figures::default(),
            reply_limit,
            place: Mutex::default(),
            life: AtomicU64::new(0),
            windows: Default::default(),
            gate: RwLock::new(()),
            phase: Mutex::new("start".to_owned()),
            violation: Mutex::default(),
            is_over: AtomicBool::new(false),
        }
    }

    /// From here on the server is at `address`.
    pub(super) fn move_to(&self, address: String) {
        let mut place = self.place.lock();
        *place = Place { address, life: place.life + 1 };
        self.life.store(place.life, Ordering::Release);
    }

    /// A connection on which a reply fails that takes much longer than it may: nothing waits for it for ever.
    pub(super) fn open(&self, address: &str) -> io::Result<TcpConnection> {
        TcpTarget::new(address)?.open_with(self.reply_limit + HANG)
    }

    pub(super) fn place(&self) -> Place {
        self.place.lock().clone()
    }

    /// Number of the server's life.
    pub(super) fn life(&self) -> u64 {
        self.life.load(Ordering::Acquire)
    }

    /// Something is provoked until the result is dropped.
    pub(super) fn provoke(&self, what: Provoked) -> Provocation<'_> {
        let window = &self.windows[what as usize];
        window.lock().is_open = true;
        Provocation(window)
    }

    /// Whether something was provoked at any moment since then.
    pub(super) fn is_excused(&self, what: Provoked, since: Instant) -> bool {
        let window = self.windows[what as usize].lock();
        window.is_open || window.closed.is_some_and(|closed| closed >= since)
    }

    /// Held by a client for the time of a request.
    pub(super) fn turn(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read()
    }

    /// Waits for all clients to stop; they go on when the result is dropped.
    pub(super) fn quiet(&self) -> RwLockWriteGuard<'_, ()> {
        self.gate.write()
    }

    pub(super) fn enter(&self, phase: &str) {
        phase.clone_into(&mut self.phase.lock());
    }

    /// Notes a violation, if it is the first, and ends the run.
    pub(super) fn fail(&self, what: &str) {
        let mut violation = self.violation.lock();
        if violation.is_none() {
            let mut text = what.to_owned();
            write!(text, " (phase {})", self.phase.lock()).expect("a string takes whatever is written");
            *violation = Some(text);
        }
        self.end();
    }

    pub(super) fn violation(&self) -> Option<String> {
        self.violation.lock().clone()
    }

    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }
}
