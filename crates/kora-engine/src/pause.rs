//! CLIENT PAUSE: until when, and whether only writes wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use kora_core::time::UnixMs;

/// See the module.
#[derive(Debug, Default)]
pub struct Pause {
    /// Shared with the stores: meanwhile nothing expires by being looked at.
    until_ms: Arc<AtomicI64>,
    writes_only: AtomicBool,
}

/// What a pause holds back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseMode {
    /// Commands that may change data.
    Write,
    /// All commands.
    All,
}

impl Pause {
    /// Whether commands wait at `now`: writes, and others too?
    #[inline]
    #[must_use]
    pub fn at(&self, now: UnixMs) -> Option<PauseMode> {
        if now.0 >= self.until_ms.load(Ordering::Acquire) {
            return None;
        }
        Some(if self.writes_only.load(Ordering::Relaxed) { PauseMode::Write } else { PauseMode::All })
    }

    /// What stores go by: when it ends, in milliseconds.
    pub(crate) fn shared_until(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.until_ms)
    }

    /// When it ends.
    #[must_use]
    pub fn until(&self) -> UnixMs {
        UnixMs(self.until_ms.load(Ordering::Acquire))
    }

    /// Begins or prolongs a pause. As in Redis, a second pause never ends the first one sooner nor makes it milder.
    pub fn begin(&self, until: UnixMs, mode: PauseMode, now: UnixMs) {
        let current = self.at(now);
        let writes_only = mode == PauseMode::Write && current != Some(PauseMode::All);
        let until_ms = if current.is_some() { until.0.max(self.until().0) } else { until.0 };
        self.writes_only.store(writes_only, Ordering::Relaxed);
        self.until_ms.store(until_ms, Ordering::Release);
    }

    /// Ends the pause.
    pub fn end(&self) {
        self.until_ms.store(0, Ordering::Release);
    }
}
