//! FLUSHALL and FLUSHDB are answered when the memory is free, unless ASYNC is asked for.
//!
//! The keys are gone at once, and the thread that frees them needs no store: only the client that asked waits. In a
//! transaction or a script nobody waits for that.

use std::sync::Arc;

use kora_core::command::spec::Facts;
use kora_core::reply::Reply;

use super::Worker;
use crate::client::flag;
use crate::connection::{Connection, Wait};
use crate::driver::WorkerMail;
use crate::resp::RespSink;
use kora_engine::front::Origin;

impl Worker {
    /// Whether the command is to be answered only when what it deletes is free.
    #[cold]
    pub(super) fn frees_first(&self, facts: &Facts, args: &[&[u8]]) -> bool {
        matches!(facts.name, "flushall" | "flushdb")
            && match args {
                [_] => !self.config.lazy_user_flush,
                [_, way] => way.eq_ignore_ascii_case(b"SYNC"),
                _ => false,
            }
    }

    /// Takes the reply back that begins at `begin`, until all that was deleted so far is free.
    pub(super) fn hold_until_freed(&mut self, connection: &mut Connection, begin: usize) {
        self.shard.dispose();
        let reply = connection.output.text_at(begin);
        if !self.shared.engine.account.has_doomed() || reply.starts_with(b"-") {
            return;
        }
        connection.wait = Wait::Freeing { is_told: !reply.is_empty() };
        connection.output.truncate(begin);
        connection.client.set_flag(flag::BLOCKED, true);
        let (hub, origin) = (Arc::clone(&self.shared.engine.hub), connection.origin());
        self.shared.engine.reclaimer.tell_when_free(move || {
            hub.send_driver_mail(origin.worker, WorkerMail::Freed(origin));
        });
    }

    /// The same for the connection at `slot`, whose operation has come to its end.
    pub(super) fn hold_slot_until_freed(&mut self, slot: usize, begin: usize) {
        if let Some(mut connection) = self.connections.get_mut(slot).and_then(Option::take) {
            self.hold_until_freed(&mut connection, begin);
            self.connections[slot] = Some(connection);
        }
    }

    /// Answers a client whose wait is over.
    pub(super) fn end_freeing(&mut self, origin: Origin) {
        let Some(connection) = self.connection_of(origin) else { return };
        let Wait::Freeing { is_told } = connection.wait else { return };
        connection.wait = Wait::Nothing;
        connection.client.set_flag(flag::BLOCKED, false);
        if is_told {
            RespSink::new(&mut connection.output, connection.session.resp).ok();
        }
        self.enqueue(origin.slot);
        self.note_dirty(origin.slot);
    }
}
