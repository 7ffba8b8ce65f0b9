//! A thread that frees tables and large values, so that no worker pauses to do it. It also has the account judged
//! several times a second, or once while nothing happens: it waits for no worker, whatever they do.
//!
//! A test that drives an engine alone has no such thread: what is thrown away is freed at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use kora_core::table::garbage::Garbage;

use crate::memory::{self, Account, doomed_bytes, thread_bytes};
use crate::threads::{self, Processors};

/// Items freed before the thread looks for more work, and lets others have its processor: some 0.1 ms. A scheduler may let a thread run for 3 ms otherwise
/// though a worker waits for the same processor.
const FREE_ITEMS_MAX: usize = 1000;

/// Time between two judgements of the account.
const JUDGING_PERIOD: Duration = Duration::from_millis(100);

/// The same while threads tell nothing: twice as long from time to time, up to this.
const JUDGING_PERIOD_MAX: Duration = Duration::from_secs(1);

/// What the thread that frees is given, in order.
enum Errand {
    /// Free this.
    Free(Garbage),
    /// Say that all before it is free.
    Tell(Box<dyn FnOnce() + Send>),
}

/// See the module.
#[derive(Debug)]
pub struct Reclaimer {
    /// To the thread, if there is one.
    sender: Option<Sender<Errand>>,
    account: Arc<Account>,
}

/// The thread's side.
struct Work {
    receiver: Receiver<Errand>,
    account: Arc<Account>,
    next_judgement: Instant,
    judging_period: Duration,
    /// What threads had told at the last judgement.
    told: i64,
}

impl Reclaimer {
    /// Starts the thread, on these processors; it ends when this is dropped.
    pub fn start(account: Arc<Account>, processors: Processors) -> std::io::Result<Self> {
        let (sender, receiver) = crossbeam_channel::unbounded::<Errand>();
        let (next_judgement, judging_period) = (Instant::now(), JUDGING_PERIOD);
        let work = Work { receiver, account: Arc::clone(&account), next_judgement, judging_period, told: 0 };
        let body = move || {
            processors.bind();
            work.run();
        };
        threads::spawn("kora-reclaim", body)?;
        Ok(Self { sender: Some(sender), account })
    }

    /// One without a thread.
    pub fn at_once(account: Arc<Account>) -> Self {
        Self { sender: None, account }
    }

    /// Frees `garbage` soon.
    pub fn free(&self, mut garbage: Garbage) {
        let Some(sender) = &self.sender else {
            while garbage.free_some(FREE_ITEMS_MAX) {}
            return;
        };
        self.account.doom(&garbage);
        // If the thread has died, the garbage comes back with the error and is freed here.
        let _ = sender.send(Errand::Free(garbage));
    }

    /// Calls `tell` once all that it was given so far is free.
    pub fn tell_when_free(&self, tell: impl FnOnce() + Send + 'static) {
        match &self.sender {
            // If the thread has died, whoever waits waits until the server ends.
            Some(sender) => drop(sender.send(Errand::Tell(Box::new(tell)))),
            None => tell(),
        }
    }
}

impl Work {
    fn run(mut self) {
        loop {
            match self.receiver.recv_deadline(self.next_judgement) {
                Ok(Errand::Free(garbage)) => self.reclaim(garbage),
                Ok(Errand::Tell(tell)) => tell(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.judge();
        }
    }

    fn judge(&mut self) {
        let now = Instant::now();
        if now >= self.next_judgement {
            let told = memory::told();
            let is_quiet = std::mem::replace(&mut self.told, told) == told;
            self.judging_period =
                if is_quiet { (2 * self.judging_period).min(JUDGING_PERIOD_MAX) } else { JUDGING_PERIOD };
            self.next_judgement = now + self.judging_period;
            memory::judge();
        }
    }

    /// Frees a bundle piece by piece. What is freed is taken off the account in the same step as it is no longer
    /// doomed, so that the difference, which the limit is held against, stays as it is.
    fn reclaim(&mut self, mut garbage: Garbage) {
        let objects = garbage.objects() as u64;
        let mut doomed = doomed_bytes(&garbage);
        loop {
            let before = thread_bytes();
            let is_more = garbage.free_some(FREE_ITEMS_MAX);
            let freed = before.wrapping_sub(thread_bytes()).clamp(0, doomed);
            doomed -= freed;
            self.account.undoom(freed);
            memory::tell();
            if !is_more {
                break;
            }
            self.judge();
            std::thread::yield_now();
        }
        drop(garbage);
        memory::tell();
        self.account.undoom(doomed);
        self.account.note_freed(objects);
    }
}
