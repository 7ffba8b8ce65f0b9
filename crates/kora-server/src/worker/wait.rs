//! Connections that wait: for keys, or until a time. When they give up, and how their wait is ended.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kora_core::reply::Reply;
use kora_core::shard::claim::Abandoned;
use kora_core::shard::serve::Blocked;
use kora_core::time::UnixMs;

use super::Worker;
use crate::client::flag;
use crate::connection::{Connection, TimedReply, Wait};
use crate::driver::{Origin, ServerDriver};
use crate::resp::RespSink;

/// What a client is told whose wait CLIENT UNBLOCK ends with an error.
const UNBLOCKED_ERROR: &str = "UNBLOCKED client unblocked via CLIENT UNBLOCK";

/// When connections give up, by place. Each that waits has at most one deadline.
#[derive(Debug, Default)]
pub(super) struct Deadlines(BTreeSet<(UnixMs, usize)>);

impl Deadlines {
    pub(super) fn add(&mut self, deadline: Option<UnixMs>, slot: usize) {
        self.0.extend(deadline.map(|deadline| (deadline, slot)));
    }

    pub(super) fn remove(&mut self, deadline: Option<UnixMs>, slot: usize) {
        if let Some(deadline) = deadline {
            self.0.remove(&(deadline, slot));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// How long it is from `now` to the first.
    pub(super) fn from(&self, now: UnixMs) -> Duration {
        let first = self.0.first().map(|(deadline, _)| deadline.0.saturating_sub(now.0));
        first.map_or(Duration::MAX, |left_ms| Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)))
    }

    /// Takes a place whose time has come.
    fn take_due(&mut self, now: UnixMs) -> Option<usize> {
        let due = self.0.first().is_some_and(|(deadline, _)| *deadline <= now);
        if due { self.0.pop_first().map(|(_, slot)| slot) } else { None }
    }
}

impl Worker {
    /// Notes that a connection's operation has to wait for keys.
    pub(super) fn take_blocked(&mut self, Blocked { operation, waiter }: Blocked<ServerDriver>) {
        let origin = operation.origin;
        let until = waiter.until();
        let Some(connection) = self.connection_of(origin) else {
            // It has left meanwhile, and ended the operation.
            self.shared.hub.forget(&waiter);
            return;
        };
        let Wait::Operation(pending) = &mut connection.wait else { return };
        pending.waiter = Some(waiter);
        if let [command] = pending.commands[..] {
            connection.client.last_command.store(u32::from(command), Ordering::Relaxed);
        }
        connection.client.set_flag(flag::BLOCKED, true);
        *connection.client.blocked.lock() = Some(operation);
        connection.is_broken |= connection.has_ended;
        self.deadlines.add(until, origin.slot);
        // Replies to what came before it need not wait.
        self.note_dirty(origin.slot);
    }

    /// Ends the waits whose time has come.
    pub(super) fn end_due_waits(&mut self) {
        while let Some(slot) = self.deadlines.take_due(self.now) {
            let Some(Some(connection)) = self.connections.get_mut(slot) else { continue };
            match &connection.wait {
                Wait::Until(_, reply) => {
                    let reply = *reply;
                    if connection.client.is_unblockable.swap(false, Ordering::AcqRel) {
                        self.end_timed_wait(slot, Ok(reply));
                    }
                }
                Wait::Operation(pending) => {
                    let Some(operation) = pending.blocking().cloned() else { continue };
                    if operation.abandon() == Abandoned::Now {
                        self.forget(slot);
                        self.take_part(operation.timed_out());
                    }
                }
                Wait::Nothing | Wait::Freeing { .. } | Wait::Pause | Wait::Watches => {}
            }
        }
    }

    /// Tells a client that CLIENT UNBLOCK has ended its wait.
    pub(super) fn unblock(&mut self, origin: Origin, with_error: bool) {
        let Some(connection) = self.connection_of(origin) else { return };
        match &connection.wait {
            Wait::Until(_, reply) => {
                let reply = *reply;
                self.end_timed_wait(origin.slot, if with_error { Err(UNBLOCKED_ERROR) } else { Ok(reply) });
            }
            Wait::Operation(pending) => {
                let Some(operation) = pending.blocking().cloned() else { return };
                self.forget(origin.slot);
                let part =
                    if with_error { operation.refused(UNBLOCKED_ERROR) } else { operation.timed_out() };
                self.take_part(part);
            }
            Wait::Nothing | Wait::Freeing { .. } | Wait::Pause | Wait::Watches => {}
        }
    }

    /// Replies to a connection that waited for a time, and lets it go on.
    pub(super) fn end_timed_wait(&mut self, slot: usize, reply: Result<TimedReply, &str>) {
        let Some(Some(connection)) = self.connections.get_mut(slot) else { return };
        self.deadlines.remove(connection.deadline(), slot);
        let is_silent = matches!(connection.wait, Wait::Until(_, TimedReply::Nothing));
        connection.wait = Wait::Nothing;
        connection.client.set_flag(flag::BLOCKED, false);
        let mut out = RespSink::new(&mut connection.output, connection.session.resp);
        match reply {
            _ if is_silent => {}
            Ok(reply) => reply.write(&mut out),
            Err(text) => out.error(text),
        }
        self.enqueue(slot);
        self.note_dirty(slot);
    }

    /// Takes what a connection waits for out of the queues of its keys.
    fn forget(&self, slot: usize) {
        let Some(Some(connection)) = self.connections.get(slot) else { return };
        if let Wait::Operation(pending) = &connection.wait
            && let Some(waiter) = &pending.waiter
        {
            self.shared.hub.forget(waiter);
        }
    }

    /// Ends the wait of a connection that is being closed, so that nothing is given to it.
    pub(super) fn leave_wait(&mut self, connection: &Connection) {
        self.deadlines.remove(connection.deadline(), connection.client.slot);
        let Wait::Operation(pending) = &connection.wait else { return };
        let Some(operation) = pending.blocking() else { return };
        // Whoever serves it takes it out of the queues. If it is over for another reason, that may still be to be done.
        if operation.abandon() != Abandoned::Later
            && let Some(waiter) = &pending.waiter
        {
            self.shared.hub.forget(waiter);
        }
    }
}
