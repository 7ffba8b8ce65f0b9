//! A thread that drives a [`LogWriter`].

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Failure, FsyncPolicy, Log, LogWriter, Outcome, Waiting};

/// How long records are gathered when nobody waits for them.
const GATHERING: Duration = Duration::from_millis(2);

/// The thread that writes a log. Dropping it closes the log.
#[derive(Debug)]
pub struct LogThread {
    log: Arc<Log>,
    thread: Option<Started>,
}

/// What the thread does.
pub type Body = Box<dyn FnOnce() -> Result<(), Failure> + Send>;

/// It, once started.
pub type Started = JoinHandle<Result<(), Failure>>;

/// How the process that a log is written in deals with threads.
#[derive(Clone, Copy, Debug)]
pub struct Threads {
    /// Starts one of this name.
    pub start: fn(&str, Body) -> io::Result<Started>,
    /// Called by the thread after each step, which may have freed much.
    pub after_step: fn(),
}

/// Starts the thread that writes a log. `now_ms` is the clock of [`Log::append`].
///
/// # Errors
/// If the system gives no thread.
pub fn spawn(
    writer: LogWriter,
    now_ms: impl Fn() -> u64 + Send + 'static,
    threads: Threads,
) -> io::Result<LogThread> {
    let log = Arc::clone(writer.log());
    let thread = (threads.start)("kora-log", Box::new(move || run(writer, now_ms, threads.after_step)))?;
    Ok(LogThread { log, thread: Some(thread) })
}

fn run(mut writer: LogWriter, now_ms: impl Fn() -> u64, after_step: fn()) -> Result<(), Failure> {
    let log = Arc::clone(writer.log());
    loop {
        let outcome = writer.step(now_ms());
        after_step();
        if log.is_closing() {
            return writer.close(now_ms());
        }
        wait_for_work(&log, &outcome, Instant::now(), &now_ms);
    }
}

/// Sleeps until something is pending or a sync is due. If nobody waits for records, the step before was at least a moment
/// ago: what comes first is written at once, and what comes often in one go.
fn wait_for_work(log: &Log, outcome: &Outcome, stepped: Instant, now_ms: impl Fn() -> u64) {
    let mut inner = log.inner.lock();
    inner.waiting = Waiting::Any;
    while (outcome.stalled || inner.is_held || inner.pending.is_empty()) && !inner.closing && !inner.must_step
    {
        match outcome.next_ms {
            None => log.wake.wait(&mut inner),
            Some(next_ms) => {
                let rest = Duration::from_millis(next_ms.saturating_sub(now_ms()));
                if rest.is_zero() || log.wake.wait_for(&mut inner, rest) {
                    break;
                }
            }
        }
    }
    let is_awaited = log.policy() == FsyncPolicy::Always || inner.closing || inner.must_step;
    if !is_awaited
        && !outcome.stalled
        && inner.pending.cuts.is_empty()
        && inner.pending.bytes.len() < Log::GATHERED_BYTES
    {
        inner.waiting = Waiting::Much;
        log.wake.wait_for(&mut inner, GATHERING.saturating_sub(stepped.elapsed()));
    }
    inner.waiting = Waiting::Nothing;
}

impl LogThread {
    /// The log it writes.
    #[must_use]
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Writes and syncs what is left, and ends the thread.
    ///
    /// # Errors
    /// Why the log failed, if it did.
    pub fn close(mut self) -> Result<(), Failure> {
        self.end()
    }

    /// Ends the thread, and removes what it has written: it counts for nothing.
    pub fn abandon(mut self) {
        self.log.inner.lock().is_abandoned = true;
        // There is nothing to fail.
        let _ = self.end();
    }

    fn end(&mut self) -> Result<(), Failure> {
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let mut inner = self.log.inner.lock();
        inner.closing = true;
        self.log.wake_writer(inner);
        let died = || Failure { cause: "the thread that writes the log has died".to_owned(), errno: None };
        thread.join().unwrap_or_else(|_| Err(died()))
    }
}

impl Drop for LogThread {
    fn drop(&mut self) {
        // Whoever wants to know calls `close`.
        let _ = self.end();
    }
}
