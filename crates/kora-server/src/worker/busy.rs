//! What waits behind a script that takes long: it is refused once `busy-reply-threshold` has passed, as what comes later is.
//!
//! A command may have reached the script's shard, or another that lends its store to an operation with that one, before
//! anyone could know. What no shard has begun is refused then. What has begun ends soon, but for parts of one command that
//! writes, if it was sent in the first moment of the script (`run_core` in `execute.rs`).

use kora_core::command::spec::Flags;
use kora_core::reply::Reply as _;

use super::Worker;
use crate::connection::{Connection, Wait};
use crate::resp::RespSink;

impl Worker {
    /// Looks whether a script has come to take long, and tells those who wait.
    #[inline]
    pub(super) fn note_busy(&mut self) {
        let number = self.shared.scripts.busy_number();
        if number != self.busy_number {
            self.busy_number = number;
            self.refuse_waiting();
        }
    }

    /// Refuses what waits and has not begun, while a script takes long.
    #[cold]
    pub(super) fn refuse_waiting(&mut self) {
        if !self.shared.scripts.is_busy() {
            return;
        }
        let text = self.shared.scripts.busy_error().to_string();
        for slot in 0..self.connections.len() {
            let Some(mut connection) = self.connections[slot].take_if(|connection| waits(connection)) else {
                continue;
            };
            let is_watch = self.has_sent(&connection, "watch");
            if is_watch {
                self.answer_watch(&mut connection);
            } else if self.has_sent(&connection, "exec") {
                self.refuse_exec(&mut connection, &text);
            }
            let has_changed = matches!(connection.wait, Wait::Nothing);
            self.connections[slot] = Some(connection);
            if has_changed {
                self.enqueue(slot);
                self.note_dirty(slot);
            } else {
                self.refuse_commands(slot, &text);
            }
        }
        self.account();
    }

    /// Whether what a connection waits for is this command.
    fn has_sent(&self, connection: &Connection, name: &str) -> bool {
        let Wait::Operation(pending) = &connection.wait else { return false };
        matches!(pending.commands[..], [id] if self.shared.table.all()[usize::from(id)].facts.name == name)
    }

    /// Refuses those commands of a connection that have not begun.
    fn refuse_commands(&mut self, slot: usize, text: &str) {
        let Some(Some(connection)) = self.connections.get_mut(slot) else { return };
        let Wait::Operation(pending) = &mut connection.wait else { return };
        let table = self.shared.table.all();
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
    fn refuse_exec(&mut self, connection: &mut Connection, text: &str) {
        let Wait::Operation(pending) = &connection.wait else { return };
        let (Some(operation), [id]) = (&pending.submitted, &pending.commands[..]) else { return };
        if operation.give_up().is_empty() {
            return;
        }
        let (id, text) = (*id, format!("EXECABORT Transaction discarded because of: {text}"));
        let keeps_reply = pending.keeps_reply;
        connection.wait = Wait::Nothing;
        self.count_rejection(id, text.as_bytes());
        if keeps_reply {
            self.give_buffer(connection);
            RespSink::new(&mut connection.output, connection.session.resp).error(&text);
        }
    }

    /// Answers a WATCH that waits for a script: it takes place behind the script, before anything else of its client.
    #[cold]
    pub(super) fn answer_watch(&mut self, connection: &mut Connection) {
        let Wait::Operation(pending) = std::mem::take(&mut connection.wait) else { return };
        let Some(operation) = pending.submitted.clone() else { return };
        let parts_to_come = operation.part_count() - pending.parts.len();
        connection.watching.push((operation, parts_to_come));
        self.executed.extend_from_slice(&pending.commands);
        if pending.keeps_reply {
            self.give_buffer(connection);
            RespSink::new(&mut connection.output, connection.session.resp).ok();
        }
    }
}

/// Whether a connection waits for an operation that may be refused.
fn waits(connection: &Connection) -> bool {
    matches!(&connection.wait, Wait::Operation(pending) if pending.submitted.is_some() && pending.waiter.is_none())
}
