//! Sessions that wait: for keys, or until a time. When they give up, and how their wait is ended.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kora_core::reply::Reply;
use kora_core::shard::claim::Abandoned;
use kora_core::shard::operation::Operation;
use kora_core::shard::serve::Blocked;
use kora_core::time::UnixMs;

use super::Turn;
use crate::front::{Front, Origin, Workers};
use crate::session::{Session, TimedReply, Wait};

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

impl<F: Front> Turn<F> {
    /// Notes that a session's operation has to wait for keys.
    pub(super) fn take_blocked(&mut self, Blocked { operation, waiter }: Blocked<Workers<F>>) {
        let origin = operation.origin;
        let until = waiter.until();
        let Some(session) = self.sessions.of(origin) else {
            // It has left meanwhile, and ended the operation.
            self.executor.forget_everywhere(&waiter);
            return;
        };
        let Wait::Operation(pending) = &mut session.wait else { return };
        pending.waiter = Some(waiter);
        if let [command] = pending.commands[..] {
            session.client.note_command(command);
        }
        session.client.set_blocked(true);
        *session.client.blocked.lock() = Some(operation);
        session.is_broken |= session.has_ended;
        self.deadlines.add(until, origin.slot);
        // Replies to what came before it need not wait.
        self.sessions.note_dirty(origin.slot);
        self.notify_behind(origin.slot);
    }

    /// Ends the waits whose time has come.
    pub(super) fn end_due_waits(&mut self) {
        while let Some(slot) = self.deadlines.take_due(self.time.now) {
            let Some(session) = self.sessions.get_mut(slot) else { continue };
            match &session.wait {
                Wait::Until(_, reply) => {
                    let reply = *reply;
                    if session.client.is_unblockable.swap(false, Ordering::AcqRel) {
                        self.end_timed_wait(slot, Ok(reply));
                    }
                }
                Wait::Operation(pending) => {
                    let Some(operation) = pending.blocking().cloned() else { continue };
                    if operation.abandon() == Abandoned::Now {
                        self.forget(slot);
                        self.tell_end(&operation);
                        self.take_part(operation.timed_out());
                    }
                }
                Wait::Nothing | Wait::Freeing { .. } | Wait::Pause | Wait::Watches => {}
            }
        }
    }

    /// Tells a client that CLIENT UNBLOCK has ended its wait.
    pub(super) fn unblock(&mut self, origin: Origin, with_error: bool) {
        let Some(session) = self.sessions.of(origin) else { return };
        match &session.wait {
            Wait::Until(_, reply) => {
                let reply = *reply;
                self.end_timed_wait(origin.slot, if with_error { Err(UNBLOCKED_ERROR) } else { Ok(reply) });
            }
            Wait::Operation(pending) => {
                let Some(operation) = pending.blocking().cloned() else { return };
                self.forget(origin.slot);
                self.tell_end(&operation);
                let part =
                    if with_error { operation.refused(UNBLOCKED_ERROR) } else { operation.timed_out() };
                self.take_part(part);
            }
            Wait::Nothing | Wait::Freeing { .. } | Wait::Pause | Wait::Watches => {}
        }
    }

    /// Tells those who look on that a command has waited in vain: that took no time, and is a call.
    fn tell_end(&mut self, operation: &Operation<Workers<F>>) {
        let journal = self.executor.journal();
        operation.with_command(0, |seen| journal.end_summed(seen, 0));
    }

    /// Replies to a session that waited for a time, and lets it go on.
    pub(super) fn end_timed_wait(&mut self, slot: usize, reply: Result<TimedReply, &str>) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        self.deadlines.remove(session.deadline(), slot);
        let is_silent = matches!(session.wait, Wait::Until(_, TimedReply::Nothing));
        let command = session.client.last_command.load(Ordering::Relaxed);
        session.wait = Wait::Nothing;
        session.cover.log_wait = None;
        session.client.set_blocked(false);
        match reply {
            _ if is_silent => {}
            Ok(reply) => reply.write(&mut session.reply()),
            Err(text) => session.reply().error(text),
        }
        if let (Err(text), Ok(id)) = (reply, u16::try_from(command)) {
            self.count_failure(id, text.as_bytes());
        }
        self.sessions.enqueue(slot);
        self.sessions.note_dirty(slot);
    }

    /// Takes what a session waits for out of the queues of its keys.
    fn forget(&mut self, slot: usize) {
        let Some(session) = self.sessions.get(slot) else { return };
        if let Wait::Operation(pending) = &session.wait
            && let Some(waiter) = &pending.waiter
        {
            self.executor.forget_everywhere(waiter);
        }
    }

    /// Ends the wait of a session that is being closed, so that nothing is given to it.
    pub(super) fn leave_wait(&mut self, session: &Session<F>) {
        self.deadlines.remove(session.deadline(), session.client.slot());
        let Wait::Operation(pending) = &session.wait else { return };
        if let Some(operation) = &pending.submitted {
            operation.leave();
        }
        let Some(operation) = pending.blocking() else { return };
        // Whoever serves it takes it out of the queues. If it is over for another reason, that may still be to be done.
        if operation.abandon() != Abandoned::Later
            && let Some(waiter) = &pending.waiter
        {
            self.executor.forget_everywhere(waiter);
        }
    }
}
