//! A worker's part in what survives: its shard's share of snapshots, the log's effects, and replies that wait for the log.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kora_core::command::spec::{CommandSpec, Flags};
use kora_core::command::table::{Command, CommandTable, Handler};
use kora_core::keyspace::snapshot::Progress;
use kora_core::shard::operation::{Request, Setting};
use kora_core::shard::route::place;
use kora_core::shard::runner::Shard;
use kora_protocol::Resp;

use super::Worker;
use super::execute::{Gathered, Resolved};
use crate::client::ClientId;
use crate::command::{ServerHandler, persistence};
use crate::connection::{Connection, TimedReply, Wait};
use crate::driver::{Origin, ServerDriver};
use crate::persistence::Task;
use crate::shared::Shared;

/// Bytes of a snapshot that a round writes while there is other work: so little that it holds nobody up.
const SLICE_BYTES: usize = 4 * 1024;

/// The same while there is none.
const IDLE_SLICE_BYTES: usize = 32 * 1024;

/// Slices beside other work between two pauses. A worker that never sleeps is the first to be put off when there are more
/// threads than cores, and then for milliseconds.
const SLICES_IN_A_ROW: u32 = 4;

/// Work this long ago is no other work.
pub(super) const WORK_LASTS: Duration = Duration::from_millis(10);

/// How long a worker waits with the next slice when the disk does not keep up, or beside other work.
const FULL_PAUSE: Duration = Duration::from_millis(1);

/// Connections whose replies wait until a record of the log is covered.
#[derive(Debug, Default)]
pub(super) struct Held(VecDeque<(u64, usize)>);

/// A connection that WAITAOF makes wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogWait {
    origin: Origin,
    record: u64,
    /// Whether it waits for nothing else.
    is_all: bool,
}

/// Lets a shard's effects go to the log while there is one.
pub(super) fn connect(shard: &mut Shard<ServerDriver>, shared: &Arc<Shared>) {
    let persistence = Arc::clone(&shared.persistence);
    shard.journal().share_recording(Arc::clone(persistence.recording()));
    shard.set_effect_sink(Box::new(move |record| {
        persistence.record(record);
    }));
}

/// What the replies of each command may tell of.
#[derive(Debug)]
pub(super) struct Tidings(Box<[u8]>);

impl Tidings {
    /// A write of its own.
    const WRITTEN: u8 = 1;
    /// Data that somebody may have written.
    const SEEN: u8 = 2;

    /// By the commands' places in the table.
    pub(super) fn new(table: &CommandTable<ServerHandler>) -> Self {
        let of = |command: &Command<ServerHandler>| {
            let (name, flags) = (command.facts.name, command.facts.flags);
            // Messages are not in the log.
            let may_replicate = flags.has(Flags::MAY_REPLICATE) && !flags.has(Flags::PUBSUB);
            let may_write = flags.has(Flags::WRITE) || may_replicate || name == "exec";
            let may_see = matches!(command.handler, Handler::Core(_)) || name == "exec";
            (u8::from(may_write) * Self::WRITTEN) | (u8::from(may_see) * Self::SEEN)
        };
        Self(table.all().iter().map(of).collect())
    }

    /// Notes what the replies to a connection's last commands may tell of.
    #[inline]
    pub(super) fn note(&self, shared: &Shared, connection: &mut Connection, commands: &[u16]) {
        let all = commands.iter().fold(0, |all, id| all | self.0[usize::from(*id)]);
        connection.may_have_seen |= all & Self::SEEN != 0;
        if all & Self::WRITTEN != 0 {
            let persistence = &shared.persistence;
            // What began after writes were refused, and before they were taken again, has written nothing.
            let is_refused =
                connection.only_reads == Some(persistence.relents()) && persistence.refuses_writes();
            connection.may_have_written |= !is_refused;
        }
    }
}

impl Worker {
    /// Goes on with a snapshot, if one is being taken. Returns how long the worker may sleep for it.
    pub(super) fn snapshot_some(&mut self) -> Duration {
        let Some(store) = self.shard.store() else { return Duration::MAX };
        if !store.is_in_snapshot() {
            return Duration::MAX;
        }
        let is_working = self.round_begun.saturating_duration_since(self.worked) < WORK_LASTS;
        if is_working && self.slices >= SLICES_IN_A_ROW {
            self.slices = 0;
            return FULL_PAUSE;
        }
        self.slices += 1;
        let budget = if is_working { SLICE_BYTES } else { IDLE_SLICE_BYTES };
        match store.snapshot_some(budget) {
            Progress::None | Progress::Done => Duration::MAX,
            Progress::More => Duration::ZERO,
            Progress::Full => FULL_PAUSE,
        }
    }

    /// Sends what this round's commands replied, or holds it back until the log covers what they did and saw.
    pub(super) fn send_covered(&mut self) {
        match self.shared.persistence.must_cover() {
            None => self.send_all(),
            Some(record) => self.hold_back(record),
        }
    }

    #[cold]
    fn hold_back(&mut self, record: u64) {
        let refusal = self.log_refusal();
        let is_always = self.shared.persistence.holds_replies();
        for slot in std::mem::take(&mut self.dirty) {
            let Some(Some(connection)) = self.connections.get_mut(slot) else { continue };
            let waits = connection.held_for > 0;
            // Under `everysec` only those wait who might be told of more than may be lost.
            let need_wait = if is_always { connection.may_have_seen } else { connection.may_have_written };
            if self.notes_replies && !waits && !need_wait {
                self.send(slot);
                continue;
            }
            match &refusal {
                // The next round releases it.
                Some(_) if waits => connection.is_dirty = false,
                Some(refusal) => {
                    if is_always && connection.may_have_written {
                        connection.refuse_unsent(refusal);
                    }
                    self.send(slot);
                }
                None => {
                    connection.is_dirty = false;
                    connection.held_for = record;
                    self.held.0.push_back((record, slot));
                }
            }
        }
        self.note_holding();
    }

    /// What those are told whose replies will not be covered, since the log can't be written.
    fn log_refusal(&self) -> Option<String> {
        let persistence = &self.shared.persistence;
        let refusal = if persistence.has_log_failed() { persistence.log_refusal() } else { None };
        refusal.map(|refusal| refusal.text_afterwards())
    }

    /// Shows whether this worker waits for the log.
    fn note_holding(&self) {
        let holds = !self.held.0.is_empty() || !self.log_waits.is_empty();
        self.counters().holds_replies.store(holds, Ordering::SeqCst);
    }

    /// Whether replies that were held back may be sent.
    pub(super) fn may_release(&self) -> bool {
        let persistence = &self.shared.persistence;
        let is_over = |record| {
            persistence.holds_replies() && record <= persistence.covered()
                || persistence.has_log_failed()
                || persistence.must_cover().is_none()
        };
        self.held.0.front().is_some_and(|&(record, _)| is_over(record))
    }

    /// Lets the connections go on whose replies are covered.
    pub(super) fn release(&mut self) {
        if self.held.0.is_empty() {
            return;
        }
        let covered = self.shared.persistence.covered();
        let refusal = self.log_refusal();
        let is_always = self.shared.persistence.holds_replies();
        // Under `everysec` nobody waits any more once the disk keeps up, although an operation may lack parts for long.
        let need_not_wait = self.shared.persistence.must_cover().is_none();
        let is_over = |record| is_always && record <= covered || refusal.is_some() || need_not_wait;
        while let Some(&(record, slot)) = self.held.0.front().filter(|(record, _)| is_over(*record)) {
            self.held.0.pop_front();
            let Some(Some(connection)) = self.connections.get_mut(slot) else { continue };
            if connection.held_for != record {
                // It waits for more by now, or it is another connection's place.
                continue;
            }
            connection.held_for = 0;
            if let Some(refusal) = &refusal {
                if is_always && record > covered && connection.may_have_written {
                    connection.refuse_unsent(refusal);
                }
                connection.note_released();
            }
            let has_work = connection.is_readable || !connection.input.is_empty();
            self.note_dirty(slot);
            if has_work {
                self.enqueue(slot);
            }
        }
        self.note_holding();
    }

    /// Notes what a connection waits for.
    pub(super) fn note_log_wait(&mut self, connection: &Connection, record: u64, is_all: bool) {
        self.log_waits.push(LogWait { origin: connection.origin(), record, is_all });
        self.note_holding();
    }

    /// Ends the waits of those whose record is durable.
    pub(super) fn end_log_waits(&mut self) {
        let persistence = Arc::clone(&self.shared.persistence);
        let is_over = |wait: &mut LogWait| persistence.is_durable(wait.record);
        let over: Vec<_> = self.log_waits.extract_if(.., is_over).collect();
        self.note_holding();
        for LogWait { origin, is_all, .. } in over {
            let Some(connection) = self.connection_of(origin) else { continue };
            let Wait::Until(_, reply) = &mut connection.wait else { continue };
            if *reply != TimedReply::Nothing {
                *reply = TimedReply::Pair(1, 0);
            }
            if is_all && connection.client.is_unblockable.swap(false, Ordering::AcqRel) {
                self.end_timed_wait(origin.slot, Ok(TimedReply::Pair(1, 0)));
            }
        }
    }

    /// Has what is due begun: one worker sees to that.
    pub(super) fn begin_due(&mut self) {
        if self.shard.id().index() != 0 {
            return;
        }
        match self.shared.persistence.due(&self.shared) {
            None => {}
            Some(Task::Prepare) => self.shared.persistence.prepare_again(),
            Some(Task::Save | Task::Rewrite) => self.submit_for_nobody(&persistence::DUE),
        }
    }

    /// Saves if that is configured, and ends the server: for a signal.
    pub(super) fn end_orderly(&mut self) {
        let config = self.shared.config();
        if !config.persistence.save.rules().is_empty() {
            self.submit_for_nobody(&persistence::END);
        } else if self.shared.persistence.is_log_unfinished(&config) {
            self.shared.persistence.refuse_end();
            tracing::error!("the first snapshot of the log is not there yet, so the server does not end");
        } else {
            self.shared.end();
        }
    }

    fn submit_for_nobody(&mut self, spec: &'static CommandSpec) {
        let shard_count = self.shared.hub.shard_count();
        let args: &[&[u8]] = &[spec.facts.name.as_bytes()];
        let placement = place(&spec.facts, args, shard_count);
        let mut request = Request::default();
        request.push((&spec.facts, spec.handler), args, &placement, shard_count, self.shard.id());
        let origin = Origin { worker: self.shard.id(), slot: usize::MAX, client: ClientId(0) };
        let db = kora_core::shard::store::DbIndex(0);
        let setting = Setting { db, now: self.now, no_touch: false, style: Resp::V2, watch: None };
        self.shard.submit(request, setting, origin);
    }

    /// Submits SHUTDOWN, which has to save first, for a connection.
    pub(super) fn shut_down(&mut self, connection: &mut Connection, resolved: Resolved, args: &[&[u8]]) {
        let shard_count = self.shared.hub.shard_count();
        let spec = &persistence::SHUTDOWN_WITH_SAVE;
        let placement = place(&spec.facts, args, shard_count);
        let mut gathered = Gathered::default();
        gathered.request.push((&spec.facts, spec.handler), args, &placement, shard_count, self.shard.id());
        gathered.commands.push(resolved.id);
        let setting = self.setting(connection);
        self.submit_in(connection, gathered, setting);
    }

    /// Whether a connection waits for SHUTDOWN.
    pub(super) fn is_shutdown(&self, slot: usize) -> bool {
        let shutdown = self.shared.table.find(b"shutdown").map(|command| command.id);
        let Some(Some(connection)) = self.connections.get(slot) else { return false };
        let Wait::Operation(pending) = &connection.wait else { return false };
        matches!(pending.commands[..], [id] if Some(usize::from(id)) == shutdown)
    }

    /// Whether a command of these flags is refused because what it would do can't be kept.
    pub(super) fn is_unkeepable(&self, name: &str, flags: Flags) -> bool {
        self.refuses_writes && (flags.has(Flags::WRITE) || name == "ping")
    }
}
