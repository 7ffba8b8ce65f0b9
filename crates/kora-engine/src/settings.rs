//! What the engine goes by, apart from where that is written: whoever drives it makes these of files, command lines and
//! CONFIG SET, and hands new ones over whenever something changes.

mod persistence;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kora_core::config::CoreConfig;
use kora_locks::{RankedRwLock, rank};

use crate::events::EventFlags;
use crate::observe::ObserveSettings;
use crate::threads::Processors;
pub use persistence::{PersistenceSettings, SaveRule};

/// Who may do something that is dangerous: nobody, everybody, or clients on this machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Permission {
    /// Nobody.
    #[default]
    No,
    /// Everybody.
    Yes,
    /// Clients on this machine.
    Local,
}

/// What the engine goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the core goes by.
    pub core: CoreConfig,
    /// Bytes in use from which on keys are evicted or writes refused; 0 for no limit.
    pub max_memory: u64,
    /// 0 to 100: how long keys are evicted at a time.
    pub eviction_tenacity: u32,
    /// 1 to 10: the share of the time that the sweep for expired keys may take.
    pub active_expire_effort: u8,
    /// FLUSHALL, FLUSHDB and the like are answered before the memory is free.
    pub lazy_user_flush: bool,
    /// Milliseconds that a script runs before others are told; 0: for ever.
    pub busy_reply_threshold_ms: i64,
    /// Whether it is counted how long commands take.
    pub tracks_latency: bool,
    /// What an operator looks for.
    pub observe: ObserveSettings,
    /// Which events of keys are published.
    pub event_flags: EventFlags,
    /// Who may use DEBUG.
    pub debug_command: Permission,
    /// What clients call commands, in place of their names; looked at when the engine is built.
    pub renamed_commands: Arc<[RenamedCommand]>,
    /// Files.
    pub persistence: Arc<PersistenceSettings>,
    /// Where threads run.
    pub processors: Arc<ProcessorLists>,
}

/// A command that clients call by another name, or by none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenamedCommand {
    /// The name it had.
    pub from: Vec<u8>,
    /// The name it gets; empty for none.
    pub to: Vec<u8>,
}

/// Which processors threads run on that the engine starts, by what they do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessorLists {
    /// Free memory, write and sync the log.
    pub background: Processors,
    /// Write snapshots.
    pub snapshots: Processors,
    /// Write snapshots that the log goes on from.
    pub rewrites: Processors,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            core: CoreConfig::default(),
            max_memory: 0,
            eviction_tenacity: 10,
            active_expire_effort: 1,
            lazy_user_flush: false,
            busy_reply_threshold_ms: 5000,
            tracks_latency: true,
            observe: ObserveSettings::default(),
            event_flags: EventFlags::default(),
            debug_command: Permission::No,
            renamed_commands: Arc::from([]),
            persistence: Arc::default(),
            processors: Arc::default(),
        }
    }
}

/// The settings in force.
#[derive(Debug)]
pub struct SettingsInForce {
    settings: RankedRwLock<{ rank::CONFIG }, Arc<Settings>>,
    version: AtomicU64,
}

impl SettingsInForce {
    /// These are in force from the beginning.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings: RankedRwLock::new(Arc::new(settings)), version: AtomicU64::new(0) }
    }

    /// The settings in force.
    #[must_use]
    pub fn get(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read())
    }

    /// Changes with every [`SettingsInForce::set`].
    #[inline]
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Puts others in force.
    pub(crate) fn set(&self, settings: Settings) {
        *self.settings.write() = Arc::new(settings);
        self.version.fetch_add(1, Ordering::Release);
    }
}
