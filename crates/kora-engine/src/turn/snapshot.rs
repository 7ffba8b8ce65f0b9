//! A worker's part in snapshots: its shard's share, a little at a time, and what begins when one is due.

use std::sync::Arc;
use std::time::Duration;

use kora_core::command::spec::CommandSpec;
use kora_core::db::DbIndex;
use kora_core::shard::operation::{Request, Setting};
use kora_core::shard::route::place;
use kora_core::slot::{ShardId, WorkerId};
use kora_core::store::snapshot::Progress;
use smallvec::SmallVec;

use super::Turn;
use super::run::{Gathered, Resolved};
use crate::command::persistence;
use crate::front::{ClientId, Front, Origin};
use crate::persistence::Task;
use crate::session::{Session, Wait};

/// Bytes of a snapshot that a round writes while there is other work: so little that it holds nobody up.
const SLICE_BYTES: usize = 4 * 1024;

/// The same while there is none.
const IDLE_SLICE_BYTES: usize = 32 * 1024;

/// Slices beside other work between two pauses. A worker that never sleeps is the first to be put off when there are more
/// threads than cores, and then for milliseconds.
const SLICES_IN_A_ROW: u32 = 4;

/// Work this long ago is no other work.
const WORK_LASTS: Duration = Duration::from_millis(10);

/// How long a worker waits with the next slice when the disk does not keep up, or beside other work.
const FULL_PAUSE: Duration = Duration::from_millis(1);

/// How much is done beside what clients ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// When a round last had something to do for clients.
    worked: Duration,
    /// Slices of a snapshot since the last pause.
    slices: u32,
    /// The shard whose slice comes first, among those in a snapshot: each in its turn.
    first: usize,
    /// Whether this thread has written slices of a snapshot that may not have ended.
    has_written: bool,
}

impl Pace {
    pub(super) fn new(begun: Duration) -> Self {
        Self { worked: begun, slices: 0, first: 0, has_written: false }
    }

    /// There is something to do for clients.
    pub(super) fn note_work(&mut self, at: Duration) {
        self.worked = at;
    }

    /// Whether there has been no work for so long.
    pub(super) fn has_rested(&self, at: Duration, time: Duration) -> bool {
        at.saturating_sub(self.worked) >= time
    }

    /// Whether there is other work, or was a moment ago.
    pub(super) fn is_working(&self, at: Duration) -> bool {
        at.saturating_sub(self.worked) < WORK_LASTS
    }
}

impl<F: Front> Turn<F> {
    /// Goes on with a snapshot, if one is being taken. Returns how long the worker may sleep for it.
    pub(super) fn snapshot_some(&mut self) -> Duration {
        let hub = Arc::clone(&self.engine.hub);
        if !self.executor.kept().any(|shard| hub.is_in_snapshot(shard)) {
            if std::mem::take(&mut self.pace.has_written) {
                // Nothing of a snapshot stays in use.
                kora_core::codec::release_compression(crate::memory::tell);
            }
            return Duration::MAX;
        }
        let is_working = self.pace.is_working(self.time.begun);
        if is_working && self.pace.slices >= SLICES_IN_A_ROW {
            self.pace.slices = 0;
            return FULL_PAUSE;
        }
        self.pace.slices += 1;
        self.pace.has_written = true;
        let budget = if is_working { SLICE_BYTES } else { IDLE_SLICE_BYTES };
        let in_snapshot = self.executor.kept().filter(|&shard| hub.is_in_snapshot(shard));
        let in_snapshot: SmallVec<[ShardId; 8]> = in_snapshot.collect();
        self.pace.first = self.pace.first.wrapping_add(1);
        let (mut left, mut pause) = (budget, FULL_PAUSE);
        for at in 0..in_snapshot.len() {
            let shard = in_snapshot[(at + self.pace.first) % in_snapshot.len()];
            // One that somebody holds comes later.
            let Some(store) = self.executor.store_of(shard) else { continue };
            // The others hand over what they wrote ahead of changes: it is memory that nobody counts before.
            if store.snapshot_some(left) == Progress::More && left > 0 {
                (left, pause) = (0, Duration::ZERO);
            }
            self.executor.release();
        }
        pause
    }

    /// Has the interpreter of this worker's scripts give back what it does not need.
    pub fn rest_scripts(&self) {
        kora_script::rest(&self.engine.scripts);
    }

    /// Has what is due begun: one worker sees to that.
    pub fn begin_due(&mut self) {
        if self.id() != WorkerId(0) {
            return;
        }
        match self.engine.persistence.due() {
            None => {}
            Some(Task::Prepare) => self.engine.persistence.prepare_again(),
            Some(Task::Save | Task::Rewrite) => self.submit_for_nobody(&persistence::DUE),
        }
    }

    /// Saves if that is configured, and ends the engine: for a signal.
    pub(super) fn end_orderly(&mut self) {
        if self.engine.persistence.is_log_unfinished() {
            // A snapshot would not help: a start goes by the log that was there before.
            self.engine.ending.refuse();
            tracing::error!("the first snapshot of the log is not there yet, so the server does not end");
        } else if !self.engine.settings.get().persistence.save.is_empty() {
            self.submit_for_nobody(&persistence::END);
        } else {
            self.engine.ending.begin();
        }
    }

    pub(super) fn submit_for_nobody(&mut self, spec: &'static CommandSpec) {
        let shard_count = self.engine.hub.shard_count();
        let args: &[&[u8]] = &[spec.facts.name.as_bytes()];
        let placement = place(&spec.facts, args, shard_count);
        let mut request = Request::default();
        request.push((&spec.facts, spec.handler), args, &placement, shard_count, self.executor.home_shard());
        let origin = Origin { worker: self.id(), slot: usize::MAX, client: ClientId(0) };
        let setting = Setting {
            // It is no client's: nobody is told.
            is_again: true,
            ..Setting::plain(DbIndex(0), self.time.now, F::plain())
        };
        self.executor.submit(request, setting, origin);
    }

    /// Submits SHUTDOWN, which has to save first, for a session.
    pub(super) fn shut_down(&mut self, session: &mut Session<F>, resolved: Resolved<F>, args: &[&[u8]]) {
        let shard_count = self.engine.hub.shard_count();
        let spec = &persistence::SHUTDOWN_WITH_SAVE;
        let placement = place(&spec.facts, args, shard_count);
        let mut gathered = Gathered::default();
        gathered.request.push(
            (&spec.facts, spec.handler),
            args,
            &placement,
            shard_count,
            self.executor.home_shard(),
        );
        gathered.commands.push(resolved.id);
        let setting = session.setting(self.time.now);
        self.submit_in(session, gathered, setting);
    }

    /// Whether a session waits for SHUTDOWN.
    pub(super) fn is_shutdown(&mut self, slot: usize) -> bool {
        let shutdown = self.engine.table.find(b"shutdown").map(|command| command.id);
        let Some(session) = self.sessions.get_mut(slot) else { return false };
        let Wait::Operation(pending) = &session.wait else { return false };
        matches!(pending.commands[..], [id] if Some(usize::from(id)) == shutdown)
    }
}
