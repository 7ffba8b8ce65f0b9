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
        // Who comes too late writes nothing: a second `false` would say something about the worker that nobody knows.
        self.parked.load(Ordering::Relaxed)
            && self.parked.compare_exchange(true, false, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

#[cfg(all(test, loom))]
mod tests {
    use super::{Ordering, Parking};
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicU32;
    use loom::thread::{self, Thread};

    /// A worker's queue, which orders nothing but its own messages: the fences must do the rest.
    #[derive(Default)]
    struct Worker {
        parking: Parking,
        /// Number of messages ever sent.
        sent: AtomicU32,
    }

    impl Worker {
        fn send(&self, thread: &Thread) {
            self.sent.fetch_add(1, Ordering::Release);
            if self.parking.must_wake() {
                thread.unpark();
            }
        }
    }

    /// A lost wake-up leaves the worker asleep: loom reports it as a deadlock.
    fn deliver_all(sender_count: u32) {
        let worker = Arc::new(Worker::default());
        for _ in 0..sender_count {
            let (worker, thread) = (Arc::clone(&worker), thread::current());
            thread::spawn(move || worker.send(&thread));
        }
        let mut received = 0;
        while received < sender_count {
            worker.parking.prepare();
            let sent = worker.sent.load(Ordering::Acquire);
            if sent == received {
                thread::park();
            }
            worker.parking.cancel();
            received = sent;
        }
    }

    #[test]
    fn no_wake_up_is_lost() {
        loom::model(|| deliver_all(1));
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| deliver_all(2));
    }
}
