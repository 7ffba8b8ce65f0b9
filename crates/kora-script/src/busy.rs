//! Scripts that have run for longer than `busy-reply-threshold`: everyone is told that the server is busy, and may ask for
//! their end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kora_core::error::CommandError;
use kora_locks::{RankedMutex, rank};

/// What a client asks to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Running {
    /// A script.
    Script,
    /// A function.
    Function,
}

/// A script or function that takes long.
#[derive(Debug)]
pub struct BusyRun {
    /// Which of both it is.
    pub kind: Running,
    /// Digest of the script, or name of the function.
    pub name: String,
    /// The command that runs it.
    pub command: Box<[Box<[u8]>]>,
    /// When it began.
    pub since: Instant,
    fate: AtomicU8,
}

/// It may write, or be killed.
const UNDECIDED: u8 = 0;

/// It has written or is about to: it runs to its end.
const WRITES: u8 = 1;

/// It comes to its end, and has written nothing.
const KILLED: u8 = 2;

impl BusyRun {
    /// What has run for so long.
    pub(crate) fn new(kind: Running, name: String, command: Box<[Box<[u8]>]>, ran: Duration) -> Self {
        let now = Instant::now();
        let since = now.checked_sub(ran).unwrap_or(now);
        Self { kind, name, command, since, fate: AtomicU8::new(UNDECIDED) }
    }

    fn decide(&self, fate: u8) -> bool {
        let decided = self.fate.compare_exchange(UNDECIDED, fate, Ordering::AcqRel, Ordering::Acquire);
        decided.map_or_else(|decided| decided == fate, |_| true)
    }

    /// It is about to write; `false` if it was killed.
    pub(crate) fn begin_to_write(&self) -> bool {
        self.decide(WRITES)
    }

    /// Kills it; `false` if it has written.
    fn kill(&self) -> bool {
        self.decide(KILLED)
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.fate.load(Ordering::Acquire) == KILLED
    }

    fn has_written(&self) -> bool {
        self.fate.load(Ordering::Acquire) == WRITES
    }
}

/// What takes long at present, on all workers.
#[derive(Debug)]
pub(crate) struct Busy {
    threshold_ms: AtomicU64,
    count: AtomicUsize,
    /// How many have been in `runs` so far.
    entered: AtomicU64,
    /// What has run for so long that Lua's hook has seen it.
    seen: AtomicUsize,
    runs: RankedMutex<{ rank::BUSY_SCRIPTS }, Vec<Arc<BusyRun>>>,
    /// The server is ending: everything is to come to its end.
    is_ending: AtomicBool,
}

impl Default for Busy {
    fn default() -> Self {
        Self {
            threshold_ms: AtomicU64::new(5000),
            count: AtomicUsize::new(0),
            entered: AtomicU64::new(0),
            seen: AtomicUsize::new(0),
            runs: RankedMutex::default(),
            is_ending: AtomicBool::new(false),
        }
    }
}

impl Busy {
    /// How long a script runs before the server is busy; `None`: for ever.
    pub(crate) fn threshold(&self) -> Option<Duration> {
        let ms = self.threshold_ms.load(Ordering::Relaxed);
        (ms > 0).then(|| Duration::from_millis(ms))
    }

    pub(crate) fn set_threshold_ms(&self, ms: u64) {
        self.threshold_ms.store(ms, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn is_any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// What has taken longest.
    pub(crate) fn first(&self) -> Option<Arc<BusyRun>> {
        self.runs.lock().first().cloned()
    }

    pub(crate) fn enter(&self, run: &Arc<BusyRun>) {
        let mut runs = self.runs.lock();
        runs.push(Arc::clone(run));
        self.entered.fetch_add(1, Ordering::Release);
        self.count.store(runs.len(), Ordering::Release);
    }

    pub(crate) fn entered(&self) -> u64 {
        self.entered.load(Ordering::Acquire)
    }

    pub(crate) fn note_seen(&self) {
        self.seen.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn forget_seen(&self) {
        self.seen.fetch_sub(1, Ordering::Release);
    }

    pub(crate) fn has_seen(&self) -> bool {
        self.seen.load(Ordering::Acquire) > 0
    }

    pub(crate) fn leave(&self, run: &Arc<BusyRun>) {
        let mut runs = self.runs.lock();
        runs.retain(|other| !Arc::ptr_eq(other, run));
        self.count.store(runs.len(), Ordering::Release);
    }

    pub(crate) fn end(&self) {
        self.is_ending.store(true, Ordering::Release);
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::Acquire)
    }

    /// Asks for the end of what takes long and is of that kind.
    pub(crate) fn kill(&self, kind: Running) -> Result<(), CommandError> {
        let runs = self.runs.lock();
        let Some(first) = runs.first() else {
            return Err(CommandError::text("NOTBUSY No scripts in execution right now."));
        };
        let mut of_kind = runs.iter().filter(|run| run.kind == kind).peekable();
        if of_kind.peek().is_none() && !first.has_written() {
            return Err(first.kind.refusal());
        }
        // Each of them.
        if of_kind.filter(|run| run.kill()).count() == 0 {
            return Err(CommandError::text(
                "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the \
                 script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
            ));
        }
        Ok(())
    }
}

impl Running {
    /// What a client is told while this runs.
    pub(crate) fn refusal(self) -> CommandError {
        CommandError::text(match self {
            Self::Script => {
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
            }
            Self::Function => {
                "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."
            }
        })
    }
}
