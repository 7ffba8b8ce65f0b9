//! What a start finds, and how it goes on from there.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use kora_core::catalog::Cataloged;
use kora_core::context::{Ctx, Stores};
use kora_core::db::DbIndex;
use kora_core::journal::Journal;
use kora_core::services::Services;
use kora_core::store::ShardStore;
use kora_core::time::UnixMs;
use kora_script::Scripts;
use kora_storage::StorageError;
use kora_storage::disk::DiskFile;
use kora_storage::recovery::{Plan, Recovery};
use kora_stream::order::Cut;

use super::loader::{LoadError, Replay, Target, load_snapshot};
use super::{Persistence, SnapshotKind};
use crate::settings::PersistenceSettings;

/// The number of the first record of a log.
const FIRST: u64 = 1;

impl Persistence {
    /// Whether a start has anything to read or to lock.
    #[must_use]
    pub fn has_something_to_restore(&self) -> bool {
        let settings = self.settings();
        Self::is_wanted(&settings) || self.open(&self.dump_path(&settings)).is_ok_and(|file| file.is_some())
    }

    /// Whether data are to be kept.
    fn is_wanted(settings: &PersistenceSettings) -> bool {
        settings.append_only || !settings.save.is_empty()
    }

    /// Loads what is there into stores that nobody else has yet, and begins the log.
    pub fn restore(
        self: &Arc<Self>,
        stores: &mut [Box<ShardStore>],
        services: &Arc<Services>,
        now: UnixMs,
    ) -> Result<(), LoadError> {
        let settings = self.settings();
        if Self::is_wanted(&settings) {
            self.lock_dir().map_err(|error| LoadError::Other(error.to_string()))?;
            self.remove_temporary(&self.dir)?;
        }
        let begun = Instant::now();
        let is_found = if settings.append_only {
            self.restore_log(&settings, stores, services, now)?
        } else {
            self.restore_dump(&settings, (stores, services, now), false)?
        };
        if is_found {
            let keys: usize = stores.iter().map(|store| store.key_count()).sum();
            let from = if settings.append_only { "append only file" } else { "disk" };
            tracing::info!("{keys} keys loaded");
            // Who waits for this line knows it from Redis.
            tracing::info!("DB loaded from {from}: {:.3} seconds", begun.elapsed().as_secs_f64());
        }
        Ok(())
    }

    /// Loads the snapshot that `dbfilename` names; `false` if there is none. `keeps_expired`: the log goes on, and must tell what
    /// expires.
    fn restore_dump(
        &self,
        settings: &PersistenceSettings,
        (stores, services, now): (&mut [Box<ShardStore>], &Arc<Services>, UnixMs),
        keeps_expired: bool,
    ) -> Result<bool, LoadError> {
        let path = self.dump_path(settings);
        let Some(file) = self.open(&path)? else { return Ok(false) };
        self.loading.add_total(file.len().unwrap_or(0));
        tracing::info!("loading {}", path.display());
        load_snapshot(&mut self.target(stores, services, now), (&*file, &path), keeps_expired)?;
        Ok(true)
    }

    /// Loads the log, or what there is in its stead, and begins to write it.
    fn restore_log(
        self: &Arc<Self>,
        settings: &PersistenceSettings,
        stores: &mut [Box<ShardStore>],
        services: &Arc<Services>,
        now: UnixMs,
    ) -> Result<bool, LoadError> {
        let dir = self.log_dir(settings);
        self.disk.create_dir(&dir).map_err(|source| io_error("make", &dir, source))?;
        let plan = Recovery::inspect(&*self.disk, &dir)?;
        if !plan.is_empty() {
            let mut target = self.target(stores, services, now);
            self.replay(&mut target, &plan)?;
            self.settle(settings, &plan)?;
            self.open_log(settings, plan.next, plan.lives.last_cut())?;
            return Ok(true);
        }
        self.settle(settings, &plan)?;
        let is_found = self.import(settings, (&mut *stores, services, now))?
            || self.restore_dump(settings, (&mut *stores, services, now), false)?;
        if is_found {
            // From now on the log has everything, beginning with this.
            self.write_first_base(stores, services, now)?;
        }
        self.open_log(settings, FIRST, &Cut::default())?;
        Ok(is_found)
    }

    /// Loads the log's snapshot and runs its records.
    fn replay(&self, target: &mut Target<'_>, plan: &Plan) -> Result<(), LoadError> {
        for path in
            plan.base.iter().map(|base| &base.path).chain(plan.segments.iter().map(|segment| &segment.path))
        {
            let file = self.open(path)?;
            self.loading.add_total(file.and_then(|file| file.len().ok()).unwrap_or(0));
        }
        let mut base_bytes = 0;
        if let Some(base) = &plan.base {
            tracing::info!("loading {}", base.path.display());
            let Some(file) = self.open(&base.path)? else {
                return Err(LoadError::Other(format!("{} is gone", base.path.display())));
            };
            base_bytes = load_snapshot(target, (&*file, &base.path), true)?.bytes;
        }
        let mut replay = Replay::new(target);
        let records = replay.run_log(&*self.disk, plan)?;
        tracing::info!("{records} records of the log replayed, up to record {}", plan.next - 1);
        let mut state = self.state.lock();
        state.base_bytes = base_bytes;
        state.bytes_before = 0;
        Ok(())
    }

    /// Cuts and moves aside what does not count.
    fn settle(&self, settings: &PersistenceSettings, plan: &Plan) -> Result<(), LoadError> {
        if let Some(cut) = &plan.cut {
            if !settings.load_truncated {
                return Err(LoadError::Other(format!("{cut}; 'aof-load-truncated no' does not allow that")));
            }
            tracing::warn!("{cut}");
        }
        if let Some(step) = plan.lives.last_cut().steps().first() {
            tracing::warn!(
                "operation {} was not written on all its shards: what depends on it, from record {} on, does not count",
                step.ticket,
                step.record
            );
        }
        for discarded in &plan.discarded {
            tracing::warn!("{} does not count: its snapshot was never completed", discarded.path.display());
        }
        for kept in plan.prepare(&*self.disk)? {
            tracing::warn!("what did not count was kept as {}", kept.display());
        }
        Ok(())
    }

    fn write_first_base(
        self: &Arc<Self>,
        stores: &mut [Box<ShardStore>],
        services: &Arc<Services>,
        now: UnixMs,
    ) -> Result<(), LoadError> {
        let mut journal = Journal::default();
        let mut ctx = ctx(stores, &mut journal, services, now);
        let saved = self.save_at(&mut ctx, SnapshotKind::Base, Some(FIRST));
        saved.map_err(|error| LoadError::Other(error.to_string()))
    }

    /// DEBUG RELOAD, with all stores in hand.
    pub fn reload_dump(&self, ctx: &mut Ctx<'_>, flushes: bool) -> Result<(), String> {
        let settings = self.settings();
        let services = Arc::clone(ctx.services);
        let now = ctx.now;
        self.with_stores(ctx, flushes, |stores| {
            let found = self.restore_dump(&settings, (stores, &services, now), true);
            match found.map_err(|error| error.to_string())? {
                true => Ok(()),
                false => Err("there is no file".to_owned()),
            }
        })
    }

    /// DEBUG LOADAOF, with all stores in hand. The log goes on.
    pub fn reload_log(&self, ctx: &mut Ctx<'_>) -> Result<(), String> {
        let settings = self.settings();
        let services = Arc::clone(ctx.services);
        let now = ctx.now;
        self.flush_log()?;
        self.with_stores(ctx, true, |stores| {
            let mut reload = || {
                let plan = Recovery::inspect(&*self.disk, &self.log_dir(&settings))?;
                self.replay(&mut self.target(stores, &services, now), &plan)
            };
            reload().map_err(|error| error.to_string())
        })
    }

    /// Runs `body` with the stores of a command, emptied before if `flushes`.
    fn with_stores(
        &self,
        ctx: &mut Ctx<'_>,
        flushes: bool,
        body: impl FnOnce(&mut [Box<ShardStore>]) -> Result<(), String>,
    ) -> Result<(), String> {
        if flushes {
            let now = ctx.now;
            ctx.each_store(|store, _| {
                store.abandon();
                store.unload(now);
            });
            ctx.note_flush();
            Cataloged::among(ctx.services).for_each(|catalog| catalog.clear());
            let scripts: &Scripts = ctx.services.get().expect("an engine offers its scripts");
            scripts.flush_libraries();
        }
        match &mut ctx.stores {
            Stores::Lent(lent) => body(lent.as_mut_slice()),
            Stores::One(store) => body(std::slice::from_mut(store)),
        }
    }

    pub(crate) fn target<'a>(
        &'a self,
        stores: &'a mut [Box<ShardStore>],
        services: &'a Arc<Services>,
        now: UnixMs,
    ) -> Target<'a> {
        let scripts = services.get().expect("an engine offers its scripts");
        let table = &*self.needs.effects;
        Target { stores, table, services, scripts, loading: &self.loading, now }
    }

    /// Opens a file; none if there is none.
    pub(super) fn open(&self, path: &Path) -> Result<Option<Box<dyn DiskFile>>, StorageError> {
        match self.disk.open_read(path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(io_error("open", path, source)),
        }
    }

    fn remove_temporary(&self, dir: &Path) -> Result<(), StorageError> {
        let count = kora_storage::snapshot::remove_temporary(&*self.disk, dir)?;
        if count > 0 {
            tracing::info!("{count} snapshots that were never completed were removed");
        }
        Ok(())
    }
}

/// The context of what is done with all stores before they have a home.
pub(crate) fn ctx<'a>(
    stores: &'a mut [Box<ShardStore>],
    journal: &'a mut Journal,
    services: &'a Arc<Services>,
    now: UnixMs,
) -> Ctx<'a> {
    let shard_count = u16::try_from(stores.len()).expect("shards are numbered by u16");
    let stores = Stores::of(stores, shard_count);
    Ctx { services, ..Ctx::bare(stores, journal, DbIndex(0), now) }
}

pub(super) fn io_error(action: &'static str, path: &Path, source: io::Error) -> StorageError {
    StorageError::Io { action, path: path.to_owned(), source }
}
