//! The limit of memory as scripts see it, whichever worker they run on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_core::config::EvictionScope;

use crate::counters::{Counters, ShardCounters};
use crate::memory::Account;
use crate::persistence::Persistence;
use crate::settings::SettingsInForce;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct MemoryLimit {
    pub(crate) settings: Arc<SettingsInForce>,
    pub(crate) account: Arc<Account>,
    pub(crate) persistence: Arc<Persistence>,
    pub(crate) counters: Arc<Counters>,
    /// Whether there is a limit.
    pub(crate) is_set: Arc<AtomicBool>,
}

impl MemoryLimit {
    /// Whether it is exceeded, and nothing may be evicted or is being freed.
    pub(crate) fn is_exceeded_for_good(&self) -> bool {
        if !self.is_set.load(Ordering::Relaxed) {
            return false;
        }
        let settings = self.settings.get();
        let limit = settings.max_memory;
        let may_evict = settings.core.eviction.scope != EvictionScope::Nothing
            && self.counters.shards().any(ShardCounters::may_evict);
        limit > 0
            && self.account.used().saturating_sub(self.persistence.exempt_bytes()) > limit
            && !may_evict
            && !self.account.has_doomed()
    }
}
