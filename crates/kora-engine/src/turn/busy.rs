//! What waits behind a script that takes long: it is refused once `busy-reply-threshold` has passed, as what comes later is.
//!
//! A command may have reached the script's shard, or another that lends its store to an operation with that one, before
//! anyone could know. What no shard has begun is refused then. What has begun ends soon, but for parts of one command that
//! writes, if it was sent in the first moment of the script (`run_core` in `run.rs`).

use kora_core::command::spec::{Flags, Traits};
use kora_core::reply::Reply as _;

use super::Turn;
use crate::front::Front;
use crate::session::{Session, Wait};

impl<F: Front> Turn<F> {
    /// Looks whether a script has come to take long, and tells those who wait.
    #[inline]
    pub fn note_busy(&mut self) {
        let number = self.engine.scripts.busy_number();
        if number != self.gate.busy_number {
            self.gate.busy_number = number;
            self.refuse_waiting();
        }
    }

    /// Refuses what waits and has not begun, while a script takes long.
    #[cold]
    pub fn refuse_waiting(&mut self) {
        if !self.engine.scripts.is_busy() {
            return;
        }
        let text = self.engine.scripts.busy_error().to_string();
        for slot in 0..self.sessions.slot_count() {
            if !self.sessions.get(slot).is_some_and(waits) {
                continue;
            }
            let Some(mut session) = self.sessions.take(slot) else { continue };
            let is_watch = self.has_sent(&session, Traits::WATCHES);
            if is_watch {
                self.answer_watch(&mut session);
            } else if self.has_sent(&session, Traits::RUNS_QUEUE) {
                self.refuse_exec(&mut session, &text);
            }
            let has_changed = matches!(session.wait, Wait::Nothing);
            self.sessions.put(session);
            if has_changed {
                self.sessions.enqueue(slot);
                self.sessions.note_dirty(slot);
            } else {
                self.refuse_commands(slot, &text);
            }
        }
        self.account();
    }

    /// Whether what a session waits for is the command that has this trait.
    fn has_sent(&self, session: &Session<F>, its: Traits) -> bool {
        let Wait::Operation(pending) = &session.wait else { return false };
        matches!(pending.commands[..], [id] if self.engine.table.all()[usize::from(id)].facts.traits.has(its))
    }

    /// Refuses those commands of a session that have not begun.
    fn refuse_commands(&mut self, slot: usize, text: &str) {
        let Some(session) = self.sessions.get_mut(slot) else { return };
        let Wait::Operation(pending) = &mut session.wait else { return };
        let table = self.engine.table.all();
        let is_allowed = |id: &u16| table[usize::from(*id)].facts.flags.has(Flags::ALLOW_BUSY);
        let Some(operation) = pending.submitted.clone() else { return };
        if pending.exec.is_some() || pending.commands.iter().any(is_allowed) {
            return;
        }
        let refused = operation.give_up();
        pending.is_refused |= !refused.is_empty();
        for shard in refused {
            self.take_part(operation.refused_share(shard, text));
        }
    }

    /// Refuses an EXEC that has not begun.
    fn refuse_exec(&mut self, session: &mut Session<F>, text: &str) {
        let Wait::Operation(pending) = &session.wait else { return };
        let (Some(operation), [id]) = (&pending.submitted, &pending.commands[..]) else { return };
        if operation.give_up().is_empty() {
            return;
        }
        let (id, text) = (*id, format!("EXECABORT Transaction discarded because of: {text}"));
        let keeps_reply = pending.keeps_reply;
        session.wait = Wait::Nothing;
        self.count_rejection(id, text.as_bytes());
        if keeps_reply {
            self.prepare(session);
            session.reply().error(&text);
        }
    }

    /// Answers a WATCH that waits for a script: it takes place behind the script, before anything else of its client.
    #[cold]
    pub(super) fn answer_watch(&mut self, session: &mut Session<F>) {
        let Wait::Operation(pending) = std::mem::take(&mut session.wait) else { return };
        let Some(operation) = pending.submitted.clone() else { return };
        let parts_to_come = operation.part_count() - pending.parts.len();
        session.watching.push((operation, parts_to_come));
        self.scratch.executed.extend_from_slice(&pending.commands);
        if pending.keeps_reply {
            self.prepare(session);
            session.reply().ok();
        }
    }
}

/// Whether a session waits for an operation that may be refused.
fn waits<F: Front>(session: &Session<F>) -> bool {
    matches!(&session.wait, Wait::Operation(pending) if pending.submitted.is_some() && pending.waiter.is_none())
}
