//! The flag by which a worker says that it is about to sleep, so that others wake it only then.
//!
//! The protocol, checked by loom (`cargo xtask loom`):
//!
//! - A worker that found its queues empty calls [`Parking::prepare`], looks at its queues once more, and sleeps only
//!   if they are still empty; else it calls [`Parking::cancel`].
//! - A sender pushes first, then asks [`Parking::must_wake`] and wakes the worker if told to.
//!
//! Both sides put a sequentially consistent fence between their write and their read, so at least one of them sees
//! the other's write: either the worker finds the message, or the sender finds the flag. A wake-up that arrives
//! before the worker sleeps must make that sleep return at once, as `mio::Waker` and `Thread::unpark` do.

#[cfg(loom)]
use loom::sync::atomic::{AtomicBool, Ordering, fence};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicBool, Ordering, fence};

/// One worker's flag.
#[derive(Debug, Default)]
pub struct Parking {
    parked: AtomicBool,
}

impl Parking {
    /// A flag that says awake.
    #[must_use]
    pub fn new() -> Self {
        Self { parked: AtomicBool::new(false) }
    }

    /// Worker: about to sleep. It must look at its queues again before it does.
    pub fn prepare(&self) {
        self.parked.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Worker: awake, or found something to do after all.
    pub fn cancel(&self) {
        self.parked.store(false, Ordering::Relaxed);
    }

    /// Sender, after its push: whether it is the one that must wake the worker.
    #[inline]
    pub fn must_wake(&self) -> bool {
        fence(Ordering::SeqCst);
        self.parked.load(Ordering::Relaxed) && self.parked.swap(false, Ordering::AcqRel)
    }
}

#[cfg(all(test, loom))]
mod tests {
    use super::Parking;
    use loom::sync::{Arc, Condvar, Mutex};
    use loom::thread;

    /// A queue and a sticky wake-up, as a channel and an eventfd are.
    #[derive(Default)]
    struct Worker {
        parking: Parking,
        queue: Mutex<Vec<u32>>,
        woken: Mutex<bool>,
        bell: Condvar,
    }

    impl Worker {
        fn send(&self, message: u32) {
            self.queue.lock().unwrap().push(message);
            if self.parking.must_wake() {
                *self.woken.lock().unwrap() = true;
                self.bell.notify_one();
            }
        }

        fn receive(&self) -> Vec<u32> {
            std::mem::take(&mut *self.queue.lock().unwrap())
        }

        fn sleep(&self) {
            let mut woken = self.woken.lock().unwrap();
            while !*woken {
                woken = self.bell.wait(woken).unwrap();
            }
            *woken = false;
        }
    }

    fn deliver_all(sender_count: u32) {
        let worker = Arc::new(Worker::default());
        let senders: Vec<_> = (0..sender_count)
            .map(|message| {
                let worker = Arc::clone(&worker);
                thread::spawn(move || worker.send(message))
            })
            .collect();
        let mut received = 0;
        while received < sender_count as usize {
            received += worker.receive().len();
            if received == sender_count as usize {
                break;
            }
            worker.parking.prepare();
            let late = worker.receive().len();
            received += late;
            if late == 0 {
                worker.sleep();
            }
            worker.parking.cancel();
        }
        for sender in senders {
            sender.join().unwrap();
        }
    }

    /// A lost wake-up would leave the worker asleep: loom reports it as a deadlock.
    #[test]
    fn no_wake_up_is_lost() {
        loom::model(|| deliver_all(1));
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| deliver_all(2));
    }
}
