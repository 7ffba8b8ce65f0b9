//! Where a shard lies while nobody works on it: *at rest*. Whoever takes it out of there is its only holder until it is put back.
//!
//! Work reaches a shard through its inbox and its lane, whoever holds it. So that none is left lying, both sides look twice, which
//! loom checks (`cargo xtask loom`):
//!
//! - A sender pushes first, then tries to take the shard, and runs what it finds. If somebody else holds the shard, that is all.
//! - A holder puts the shard back first, and then looks whether work has come that it has not seen. If so, it tries to take the
//!   shard once more.
//!
//! Both put a sequentially consistent fence between the two steps, so at least one of them sees what the other did.

use crossbeam_utils::CachePadded;
use crossbeam_utils::atomic::AtomicCell;

/// The place of one thing that has one holder at a time.
pub(super) struct Rest<T>(CachePadded<AtomicCell<Option<Box<T>>>>);

impl<T> Rest<T> {
    const _IS_ONE_EXCHANGE: () = assert!(AtomicCell::<Option<Box<T>>>::is_lock_free());

    /// One that is empty.
    pub(super) fn empty() -> Self {
        let () = Self::_IS_ONE_EXCHANGE;
        Self(CachePadded::new(AtomicCell::new(None)))
    }

    /// Takes what lies here; none if somebody holds it.
    #[inline]
    pub(super) fn take(&self) -> Option<Box<T>> {
        self.0.take()
    }

    /// Puts it back.
    #[inline]
    pub(super) fn put(&self, thing: Box<T>) {
        let before = self.0.swap(Some(thing));
        debug_assert!(before.is_none(), "what has one holder is put back by that one");
    }
}

/// Between a sender's push and its look at the shard, or between a holder's putting back and its look at what came.
#[inline]
pub(super) fn fence() {
    #[cfg(loom)]
    loom::sync::atomic::fence(loom::sync::atomic::Ordering::SeqCst);
    #[cfg(not(loom))]
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

#[cfg(all(test, loom))]
mod tests {
    use super::fence;
    use loom::sync::Arc;
    use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use loom::thread;

    /// A shard that is at rest or not, and its inbox, which orders nothing but its own messages: the fences must do the rest.
    #[derive(Default)]
    struct Shard {
        is_out: AtomicBool,
        sent: AtomicU32,
        /// Written by the holder alone.
        run: AtomicU32,
    }

    impl Shard {
        fn take(&self) -> bool {
            !self.is_out.swap(true, Ordering::AcqRel)
        }

        fn put(&self) {
            self.is_out.swap(false, Ordering::AcqRel);
        }

        /// Runs what has come, as long as some comes behind the holder's back.
        fn visit(&self) {
            while self.take() {
                let sent = self.sent.load(Ordering::Acquire);
                self.run.store(sent, Ordering::Relaxed);
                self.put();
                fence();
                if self.sent.load(Ordering::Acquire) == sent {
                    return;
                }
            }
        }

        fn send(&self) {
            self.sent.fetch_add(1, Ordering::Release);
            fence();
            self.visit();
        }
    }

    fn all_is_run(senders: u32) {
        let shard = Arc::new(Shard::default());
        let threads: Vec<_> = (0..senders)
            .map(|_| {
                let shard = Arc::clone(&shard);
                thread::spawn(move || shard.send())
            })
            .collect();
        // A holder that does not come for a message.
        if shard.take() {
            let sent = shard.sent.load(Ordering::Acquire);
            shard.run.store(sent, Ordering::Relaxed);
            shard.put();
            fence();
            if shard.sent.load(Ordering::Acquire) != sent {
                shard.visit();
            }
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(shard.run.load(Ordering::Relaxed), senders);
    }

    #[test]
    fn what_was_sent_is_run() {
        loom::model(|| all_is_run(1));
        let mut model = loom::model::Builder::new();
        model.preemption_bound = Some(3);
        model.check(|| all_is_run(2));
    }
}
