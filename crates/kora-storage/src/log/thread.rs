//! The threads of a log: one drives a [`LogWriter`], another runs the syncs that it begins.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Failure, FsyncPolicy, Log, LogWriter, Outcome, SyncDone, SyncJob, Waiting, Work};

/// How long records are gathered when nobody waits for them.
const GATHERING: Duration = Duration::from_millis(2);

/// The threads of a log. Dropping this closes the log.
#[derive(Debug)]
pub struct LogThread {
    log: Arc<Log>,
    /// The one that writes, and the one that syncs.
    threads: Option<(Started, Started)>,
}

/// Syncs on their way between the thread that writes and the one that syncs.
#[derive(Debug, Default)]
pub(super) struct SyncDesk {
    asked: Option<SyncJob>,
    is_running: bool,
    done: Option<SyncDone>,
    is_closed: bool,
}

/// What a thread does.
pub type Body = Box<dyn FnOnce() -> Result<(), Failure> + Send>;

/// A thread, once started.
pub type Started = JoinHandle<Result<(), Failure>>;

/// Starts the threads of a log: `start` starts one of a name. `now_ms` is the clock of [`Log::append`].
///
/// # Errors
/// If the system gives no threads.
pub fn spawn(
    writer: LogWriter,
    now_ms: impl Fn() -> u64 + Send + 'static,
    start: impl Fn(&str, Body) -> io::Result<Started>,
) -> io::Result<LogThread> {
    let log = Arc::clone(writer.log());
    let of_syncs = Arc::clone(&log);
    let syncs = start("kora-log-sync", Box::new(move || run_syncs(&of_syncs)))?;
    let body = Box::new(move || run(writer, now_ms));
    match start("kora-log", body) {
        Ok(writes) => Ok(LogThread { log, threads: Some((writes, syncs)) }),
        Err(error) => {
            log.close_desk();
            Err(error)
        }
    }
}

/// Runs what is asked for, one after the other.
fn run_syncs(log: &Log) -> Result<(), Failure> {
    loop {
        let mut inner = log.inner.lock();
        let job = loop {
            if let Some(job) = inner.desk.asked.take() {
                break job;
            }
            if inner.desk.is_closed {
                return Ok(());
            }
            log.wake_sync.wait(&mut inner);
        };
        inner.desk.is_running = true;
        drop(inner);
        let begun = Instant::now();
        let done = job.run();
        log.notify.took(Work::Sync, begun.elapsed());
        let mut inner = log.inner.lock();
        inner.desk.is_running = false;
        inner.desk.done = Some(done);
        inner.must_step = true;
        log.wake_writer(inner);
    }
}

impl Log {
    /// Lets the thread that syncs end.
    fn close_desk(&self) {
        self.inner.lock().desk.is_closed = true;
        self.wake_sync.notify_one();
    }

    /// Waits until no sync is asked for or under way, and gives back the last.
    fn await_sync(&self) -> Option<SyncDone> {
        let mut inner = self.inner.lock();
        inner.waiting = Waiting::Any;
        while inner.desk.is_running || inner.desk.asked.is_some() {
            self.wake.wait(&mut inner);
        }
        inner.waiting = Waiting::Nothing;
        inner.desk.done.take()
    }
}

fn run(mut writer: LogWriter, now_ms: impl Fn() -> u64) -> Result<(), Failure> {
    let log = Arc::clone(writer.log());
    loop {
        let done = log.inner.lock().desk.done.take();
        done.into_iter().for_each(|done| writer.finish_sync(done));
        let begun = Instant::now();
        let outcome = writer.step(now_ms());
        let is_synced = outcome.synced && log.policy() == FsyncPolicy::Always;
        log.notify.took(if is_synced { Work::WriteAndSync } else { Work::Write }, begun.elapsed());
        if let Some(job) = writer.take_sync() {
            log.inner.lock().desk.asked = Some(job);
            log.wake_sync.notify_one();
        }
        if log.is_closing() {
            log.await_sync().into_iter().for_each(|done| writer.finish_sync(done));
            log.close_desk();
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
        let Some((writes, syncs)) = self.threads.take() else { return Ok(()) };
        let mut inner = self.log.inner.lock();
        inner.closing = true;
        self.log.wake_writer(inner);
        let died = || Failure { cause: "the thread that writes the log has died".to_owned(), errno: None };
        let result = writes.join().unwrap_or_else(|_| Err(died()));
        self.log.close_desk();
        // It has told of its last sync already.
        let _ = syncs.join();
        result
    }
}

impl Drop for LogThread {
    fn drop(&mut self) {
        // Whoever wants to know calls `close`.
        let _ = self.end();
    }
}
