//! Who writes the log, and by which clock: a thread, or a crash test that takes every step itself.

use std::io;
use std::time::Instant;

use kora_storage::log::{Body, Failure, LogThread, LogWriter, spawn};
#[cfg(any(test, feature = "crash"))]
use kora_storage::log::{SyncDone, SyncJob};
#[cfg(any(test, feature = "crash"))]
use {
    kora_locks::{RankedMutex, rank},
    std::sync::Arc,
    std::sync::atomic::{AtomicU64, Ordering},
};

use crate::threads::{self, Processors};

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
    Steps(Arc<RankedMutex<{ rank::LOG_WRITER }, Steps>>),
}

/// A writer, and the sync that it has begun.
#[cfg(any(test, feature = "crash"))]
#[derive(Debug)]
pub(crate) struct Steps {
    writer: LogWriter,
    begun: Option<SyncJob>,
    done: Option<SyncDone>,
}

#[cfg(any(test, feature = "crash"))]
impl Steps {
    /// A step of the writer. A sync that it begins is run before the next step, and brought back before the one after that: the
    /// log is written while it is under way.
    pub(crate) fn step(&mut self, now_ms: u64) {
        self.done.take().into_iter().for_each(|done| self.writer.finish_sync(done));
        self.done = self.begun.take().map(SyncJob::run);
        self.writer.step(now_ms);
        self.begun = self.writer.take_sync();
    }

    fn close(mut self, now_ms: u64) -> Result<(), Failure> {
        let done = self.done.take().or_else(|| self.begun.take().map(SyncJob::run));
        done.into_iter().for_each(|done| self.writer.finish_sync(done));
        self.writer.close(now_ms)
    }
}

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
    pub(super) fn begin(&self, writer: LogWriter, processors: &Processors) -> io::Result<Writing> {
        match self {
            Self::Thread { begin, .. } => {
                let begin = *begin;
                let start = |name: &str, body: Body| {
                    let processors = processors.clone();
                    threads::spawn(name, move || {
                        processors.bind();
                        body()
                    })
                };
                spawn(writer, move || since(begin), start).map(Writing::Thread)
            }
            #[cfg(any(test, feature = "crash"))]
            Self::Steps(_) => {
                let steps = Steps { writer, begun: None, done: None };
                Ok(Writing::Steps(Arc::new(RankedMutex::new(steps))))
            }
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
            Self::Steps(steps) => {
                let steps = Arc::into_inner(steps).expect("nobody takes a step meanwhile");
                steps.into_inner().close(now_ms)
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
    pub(crate) fn stepper(&self) -> Option<Arc<RankedMutex<{ rank::LOG_WRITER }, Steps>>> {
        match self {
            Self::Thread(_) => None,
            Self::Steps(steps) => Some(Arc::clone(steps)),
        }
    }
}
