//! A thread that frees tables and large values, so that no worker pauses to do it. It also has the account judged
//! several times a second: it waits for no worker, whatever they do.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use kora_core::keyspace::garbage::Garbage;

use super::account::{Account, doomed_bytes};
use super::ledger;

/// Items freed before the thread looks for more work.
const FREE_ITEMS_MAX: usize = 10_000;

/// Time between two judgements of the account.
const JUDGING_PERIOD: Duration = Duration::from_millis(100);

/// See the module.
#[derive(Debug)]
pub(crate) struct Reclaimer {
    sender: Sender<Garbage>,
    account: Arc<Account>,
}

/// The thread's side.
struct Work {
    receiver: Receiver<Garbage>,
    account: Arc<Account>,
    next_judgement: Instant,
}

impl Reclaimer {
    /// Starts the thread; it ends when this is dropped.
    pub(crate) fn start(account: Arc<Account>) -> std::io::Result<Self> {
        let (sender, receiver) = crossbeam_channel::unbounded::<Garbage>();
        let work = Work { receiver, account: Arc::clone(&account), next_judgement: Instant::now() };
        crate::threads::spawn("kora-reclaim", move || work.run())?;
        Ok(Self { sender, account })
    }

    /// Frees `garbage` soon.
    pub(crate) fn free(&self, garbage: Garbage) {
        self.account.doom(&garbage);
        // If the thread has died, the garbage comes back with the error and is freed here.
        let _ = self.sender.send(garbage);
    }
}

impl Work {
    fn run(mut self) {
        loop {
            match self.receiver.recv_deadline(self.next_judgement) {
                Ok(garbage) => self.reclaim(garbage),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.judge();
        }
    }

    fn judge(&mut self) {
        let now = Instant::now();
        if now >= self.next_judgement {
            self.next_judgement = now + JUDGING_PERIOD;
            ledger::judge();
        }
    }

    /// Frees a bundle piece by piece. What is freed is taken off the account in the same step as it is no longer
    /// doomed, so that the difference, which the limit is held against, stays as it is.
    fn reclaim(&mut self, mut garbage: Garbage) {
        let objects = garbage.objects() as u64;
        let mut doomed = doomed_bytes(&garbage);
        loop {
            let before = ledger::thread_bytes();
            let is_more = garbage.free_some(FREE_ITEMS_MAX);
            let freed = before.wrapping_sub(ledger::thread_bytes()).clamp(0, doomed);
            doomed -= freed;
            self.account.undoom(freed);
            ledger::tell();
            if !is_more {
                break;
            }
            self.judge();
        }
        drop(garbage);
        ledger::tell();
        self.account.undoom(doomed);
        self.account.note_freed(objects);
    }
}
