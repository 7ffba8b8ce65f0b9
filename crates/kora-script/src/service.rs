//! What all workers share of scripts: which are known, and what happened to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kora_core::error::CommandError;
use parking_lot::Mutex;

use crate::host::Host;
use crate::script::{Cache, Script, Sha};

/// How a script became known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// EVAL: it may make way for others.
    Evaluated,
    /// SCRIPT LOAD: it stays.
    Loaded,
}

/// Figures about scripts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptFigures {
    /// Scripts known.
    pub cached: usize,
    /// Bytes of their texts.
    pub cached_bytes: usize,
    /// Scripts that made way for others.
    pub evicted: u64,
    /// Runs that needed the stores of all shards.
    pub runs_on_all: u64,
}

/// What all workers of an engine share of scripts.
pub struct Scripts {
    /// Tells the services of different engines apart, where one thread serves several.
    id: u64,
    host: Arc<dyn Host>,
    cache: Mutex<Cache>,
    /// Runs that needed the stores of all shards.
    pub(crate) runs_on_all: AtomicU64,
}

impl std::fmt::Debug for Scripts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scripts").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Scripts {
    /// No scripts yet. What they call is run by `host`.
    #[must_use]
    pub fn new(host: Arc<dyn Host>) -> Self {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Self { id, host, cache: Mutex::default(), runs_on_all: AtomicU64::new(0) }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn host(&self) -> &Arc<dyn Host> {
        &self.host
    }

    /// The known script of this digest.
    pub(crate) fn find(&self, sha: &Sha) -> Option<Arc<Script>> {
        self.cache.lock().get(sha)
    }

    /// Makes a script known, whose text has been found to be well-formed.
    pub(crate) fn add(&self, script: &Arc<Script>, origin: Origin) {
        self.cache.lock().add(Arc::clone(script), origin == Origin::Loaded);
    }

    /// SCRIPT LOAD: makes a script known after it was compiled.
    ///
    /// # Errors
    /// If its text is not well-formed.
    pub fn load(&self, body: &[u8]) -> Result<Sha, CommandError> {
        crate::interpreter::with(self, |interpreter| interpreter.load(self, body))
    }

    /// Whether the script of this digest, in hexadecimal, is known.
    #[must_use]
    pub fn is_known(&self, sha: &[u8]) -> bool {
        Sha::parse(sha).is_some_and(|sha| self.find(&sha).is_some())
    }

    /// Forgets all scripts.
    pub fn flush(&self) {
        self.cache.lock().clear();
    }

    /// The text of the script of this digest, in hexadecimal.
    #[must_use]
    pub fn text(&self, sha: &[u8]) -> Option<Box<[u8]>> {
        Some(self.find(&Sha::parse(sha)?)?.body.clone())
    }

    /// Figures about scripts.
    #[must_use]
    pub fn figures(&self) -> ScriptFigures {
        let cache = self.cache.lock();
        ScriptFigures {
            cached: cache.len(),
            cached_bytes: cache.bytes(),
            evicted: cache.evicted,
            runs_on_all: self.runs_on_all.load(Ordering::Relaxed),
        }
    }
}
