//! The end of an engine: who asked for it, and how far it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_channel::Sender;
use kora_core::shard::hub::Bells;
use kora_script::Scripts;

use crate::persistence::Persistence;

/// See the module.
#[derive(Debug)]
pub struct Ending {
    /// The workers are to finish what runs and end.
    is_on: AtomicBool,
    /// It was asked for, and the last snapshot is not there yet.
    is_asked: AtomicBool,
    /// Workers that submit nothing any more.
    finishing: AtomicUsize,
    /// Told when it begins.
    sender: Sender<()>,
    scripts: Arc<Scripts>,
    persistence: Arc<Persistence>,
    bells: Arc<Bells>,
}

impl Ending {
    pub(crate) fn new(
        sender: Sender<()>,
        scripts: Arc<Scripts>,
        persistence: Arc<Persistence>,
        bells: Arc<Bells>,
    ) -> Self {
        Self {
            is_on: AtomicBool::new(false),
            is_asked: AtomicBool::new(false),
            finishing: AtomicUsize::new(0),
            sender,
            scripts,
            persistence,
            bells,
        }
    }

    /// Makes the workers finish what runs and end.
    pub fn begin(&self) {
        if !self.is_on.swap(true, Ordering::AcqRel) {
            self.scripts.end();
            self.persistence.loading.stop();
            // The receiver may be gone already, which is the same as told.
            let _ = self.sender.send(());
            self.bells.ring_all();
        }
    }

    /// Whether it has begun.
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Acquire)
    }

    /// Somebody asks for it; `false` if somebody did before.
    #[must_use]
    pub fn ask(&self) -> bool {
        !self.is_asked.swap(true, Ordering::AcqRel)
    }

    /// Whether it has begun, or is about to once the last snapshot is there.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::Acquire) || self.is_on()
    }

    /// The engine goes on, although somebody asked for its end.
    pub fn refuse(&self) {
        self.is_asked.store(false, Ordering::Release);
    }

    /// A worker submits nothing any more.
    pub fn note_finishing(&self) {
        self.finishing.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether no worker submits anything any more: whatever there will be is in inboxes and lanes by now.
    #[must_use]
    pub fn are_all_finishing(&self) -> bool {
        self.finishing.load(Ordering::Acquire) >= self.bells.count()
    }
}
