//! What all workers share of scripts: which are known, and what happened to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use kora_core::error::CommandError;
use kora_locks::{RankedMutex, rank};

use crate::busy::{Busy, BusyRun, Running};
use crate::commons::{Commons, MemoryLimit};
use crate::host::Host;
use crate::library::Libraries;
use crate::looks::Looks;
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
    /// Libraries of functions.
    pub libraries: usize,
    /// Their functions.
    pub functions: usize,
    /// Bytes of the libraries' texts.
    pub libraries_bytes: usize,
    /// Bytes that Lua has allocated for scripts, on all workers.
    pub vm_scripts_bytes: usize,
    /// Bytes that Lua has allocated for functions, on all workers.
    pub vm_functions_bytes: usize,
    /// Runs that needed the stores of all shards.
    pub runs_on_all: u64,
}

/// Bytes that Lua has allocated on one worker, as it last said.
#[derive(Debug, Default)]
pub(crate) struct VmUsage {
    pub(crate) scripts: AtomicUsize,
    pub(crate) functions: AtomicUsize,
}

/// What all workers of an engine share of scripts.
pub struct Scripts {
    /// Tells the services of different engines apart, where one thread serves several.
    id: u64,
    host: Arc<dyn Host>,
    cache: RankedMutex<{ rank::SCRIPTS }, Cache>,
    pub(crate) busy: Arc<Busy>,
    usages: RankedMutex<{ rank::SCRIPT_USAGE }, Vec<Arc<VmUsage>>>,
    commons: Commons,
    libraries: RankedMutex<{ rank::LIBRARIES }, Arc<Libraries>>,
    flushes: AtomicU64,
    /// Changes with the libraries.
    libraries_version: AtomicU64,
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
        Self {
            id,
            host,
            cache: RankedMutex::default(),
            busy: Arc::default(),
            usages: RankedMutex::default(),
            commons: Commons::default(),
            libraries: RankedMutex::default(),
            flushes: AtomicU64::new(0),
            libraries_version: AtomicU64::new(1),
            runs_on_all: AtomicU64::new(0),
        }
    }

    /// The same with another limit than 1 GiB for the memory of each worker's scripts, and of its functions.
    #[must_use]
    pub fn limited_to(mut self, bytes: usize) -> Self {
        self.commons.limit = MemoryLimit(bytes);
        self
    }

    /// The same, where scripts that run are looked at in another way.
    #[must_use]
    pub fn looked_at(mut self, looks: Looks) -> Self {
        self.commons.looks = looks;
        self
    }

    /// A place where one more interpreter says what it uses.
    pub(crate) fn add_usage(&self) -> Arc<VmUsage> {
        let usage = Arc::<VmUsage>::default();
        let mut usages = self.usages.lock();
        // Those of interpreters that are gone say nothing.
        usages.retain(|usage| Arc::strong_count(usage) > 1);
        usages.push(Arc::clone(&usage));
        usage
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn commons(&self) -> &Commons {
        &self.commons
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

    /// Whether the script of this digest, in hexadecimal, is known.
    #[must_use]
    pub fn is_known(&self, sha: &[u8]) -> bool {
        Sha::parse(sha).is_some_and(|sha| self.find(&sha).is_some())
    }

    /// Forgets all scripts.
    pub fn flush(&self) {
        self.cache.lock().clear();
        self.flushes.fetch_add(1, Ordering::Relaxed);
    }

    /// How often scripts or functions were flushed: what is compiled of them is of no use any more.
    pub(crate) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Relaxed)
    }

    /// The text of the script of this digest, in hexadecimal.
    #[must_use]
    pub fn text(&self, sha: &[u8]) -> Option<Box<[u8]>> {
        Some(self.find(&Sha::parse(sha)?)?.body.clone())
    }

    /// All libraries.
    pub(crate) fn libraries(&self) -> Arc<Libraries> {
        Arc::clone(&self.libraries.lock())
    }

    /// Changes with the libraries. Read before them: a reader that is too late reads them again.
    pub(crate) fn libraries_version(&self) -> u64 {
        self.libraries_version.load(Ordering::Acquire)
    }

    /// FUNCTION DELETE; `false` if there is no such library.
    pub(crate) fn delete_library(&self, name: &[u8]) -> bool {
        self.change(|libraries| if libraries.remove(name) { Ok(()) } else { Err(()) }).is_ok()
    }

    /// FUNCTION FLUSH.
    pub fn flush_libraries(&self) {
        *self.libraries.lock() = Arc::default();
        self.flushes.fetch_add(1, Ordering::Relaxed);
        self.libraries_version.fetch_add(1, Ordering::Release);
    }

    /// The texts of all libraries.
    #[must_use]
    pub fn library_codes(&self) -> Vec<Box<[u8]>> {
        self.libraries().iter().map(|library| Box::from(&*library.code)).collect()
    }

    /// FUNCTION DUMP.
    #[must_use]
    pub fn dump_libraries(&self) -> Vec<u8> {
        crate::dump::dump(self.libraries().iter().map(|library| &*library.code))
    }

    /// Puts changed libraries in place of the present ones, unless `body` fails.
    pub(crate) fn change<E>(&self, body: impl FnOnce(&mut Libraries) -> Result<(), E>) -> Result<(), E> {
        let mut place = self.libraries.lock();
        let mut libraries = Libraries::clone(&place);
        body(&mut libraries)?;
        *place = Arc::new(libraries);
        self.libraries_version.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// Ends what runs for longer than `busy-reply-threshold`.
    ///
    /// # Errors
    /// If there is none, or it has written.
    pub fn kill(&self, kind: Running) -> Result<(), CommandError> {
        self.busy.kill(kind)
    }

    /// Whether something runs for longer than `busy-reply-threshold`.
    #[inline]
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.busy.is_any()
    }

    /// What runs for longer than that.
    #[must_use]
    pub fn busy_run(&self) -> Option<Arc<BusyRun>> {
        self.busy.first()
    }

    /// What clients are told meanwhile.
    #[must_use]
    pub fn busy_error(&self) -> CommandError {
        self.busy_run().map_or(Running::Script, |run| run.kind).refusal()
    }

    /// How many runs have taken longer than `busy-reply-threshold` so far, if one does now.
    #[inline]
    #[must_use]
    pub fn busy_number(&self) -> Option<u64> {
        self.busy.is_any().then(|| self.busy.entered())
    }

    /// Whether something runs that may come to take long.
    #[must_use]
    pub fn may_get_busy(&self) -> bool {
        self.busy.has_seen()
    }

    /// `busy-reply-threshold`, in milliseconds; 0: never.
    pub fn set_busy_threshold(&self, ms: i64) {
        self.busy.set_threshold_ms(ms.max(0).unsigned_abs());
    }

    /// Ends whatever runs, as the server is ending.
    pub fn end(&self) {
        self.busy.end();
    }

    /// Figures about scripts.
    #[must_use]
    pub fn figures(&self) -> ScriptFigures {
        let libraries = self.libraries();
        let cache = self.cache.lock();
        let usages = self.usages.lock();
        let sum = |bytes: fn(&VmUsage) -> &AtomicUsize| {
            let live = usages.iter().filter(|usage| Arc::strong_count(usage) > 1);
            live.map(|usage| bytes(usage).load(Ordering::Relaxed)).sum()
        };
        ScriptFigures {
            vm_scripts_bytes: sum(|usage| &usage.scripts),
            vm_functions_bytes: sum(|usage| &usage.functions),
            libraries: libraries.len(),
            functions: libraries.function_count(),
            libraries_bytes: libraries.iter().map(|library| library.code.len()).sum(),
            cached: cache.len(),
            cached_bytes: cache.bytes(),
            evicted: cache.evicted,
            runs_on_all: self.runs_on_all.load(Ordering::Relaxed),
        }
    }
}
