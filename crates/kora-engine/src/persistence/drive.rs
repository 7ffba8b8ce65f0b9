//! Who writes the log, and by which clock: a thread, or a crash test that takes every step itself.

use std::io;
use std::time::Instant;

use kora_storage::log::{Failure, LogThread, LogWriter, Threads, spawn};
#[cfg(any(test, feature = "crash"))]
use {
    kora_locks::{RankedMutex, rank},
    std::sync::Arc,
    std::sync::atomic::{AtomicU64, Ordering},
};

/// Who is to write logs.
#[derive(Debug)]
pub enum Drive {
    /// A thread; the clock counts from here. Numbers that clients can't know come from `entropy`.
    Thread {
        /// When the clock began.
        begin: Instant,
        /// A number that nobody can know.
        entropy: fn() -> io::Result<u64>,
    },
    /// Whoever calls [`Writing::stepper`], by this clock of milliseconds.
    #[cfg(any(test, feature = "crash"))]
    Steps(Arc<AtomicU64>),
}

/// Who writes a log.
#[derive(Debug)]
pub(crate) enum Writing {
    Thread(LogThread),
    #[cfg(any(test, feature = "crash"))]
    Steps(Arc<RankedMutex<{ rank::LOG_WRITER }, LogWriter>>),
}

/// Where the log's thread comes from. It frees what workers have allocated.
const THREADS: Threads =
    Threads { start: |name, body| crate::threads::spawn(name, body), after_step: crate::memory::tell };

fn since(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Drive {
    /// The log's clock.
    pub(super) fn clock_ms(&self) -> u64 {
        match self {
            Self::Thread { begin, .. } => since(*begin),
            #[cfg(any(test, feature = "crash"))]
            Self::Steps(clock) => clock.load(Ordering::Relaxed),
        }
    }

    /// A number for a new log that clients can't know.
    pub(super) fn salt(&self) -> io::Result<u64> {
        match self {
            Self::Thread { entropy, .. } => entropy(),
            #[cfg(any(test, feature = "crash"))]
            Self::Steps(clock) => Ok(clock.load(Ordering::Relaxed)),
        }
    }

    /// Begins to write.
    pub(super) fn begin(&self, writer: LogWriter) -> io::Result<Writing> {
        match self {
            Self::Thread { begin, .. } => {
                let begin = *begin;
                spawn(writer, move || since(begin), THREADS).map(Writing::Thread)
            }
            #[cfg(any(test, feature = "crash"))]
            Self::Steps(_) => Ok(Writing::Steps(Arc::new(RankedMutex::new(writer)))),
        }
    }
}

impl Writing {
    /// Writes and syncs what is left, and ends the log.
    pub(super) fn close(self, now_ms: u64) -> Result<(), Failure> {
        match self {
            Self::Thread(thread) => {
                // It has the clock.
                let _ = now_ms;
                thread.close()
            }
            #[cfg(any(test, feature = "crash"))]
            Self::Steps(writer) => {
                let writer = Arc::into_inner(writer).expect("nobody takes a step meanwhile");
                writer.into_inner().close(now_ms)
            }
        }
    }

    /// Ends the log, and removes its file.
    pub(super) fn abandon(self) {
        match self {
            Self::Thread(thread) => thread.abandon(),
            // Its file is put aside by the next start.
            #[cfg(any(test, feature = "crash"))]
            Self::Steps(_) => {}
        }
    }

    /// Whom to ask for a step, if nobody else takes them.
    #[cfg(any(test, feature = "crash"))]
    pub(crate) fn stepper(&self) -> Option<Arc<RankedMutex<{ rank::LOG_WRITER }, LogWriter>>> {
        match self {
            Self::Thread(_) => None,
            Self::Steps(writer) => Some(Arc::clone(writer)),
        }
    }
}
