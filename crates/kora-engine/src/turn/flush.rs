//! FLUSHALL and FLUSHDB are answered when the memory is free, unless ASYNC is asked for.
//!
//! The keys are gone at once, and the thread that frees them needs no store: only the client that asked waits. In a
//! transaction or a script nobody waits for that.

use std::sync::Arc;

use kora_core::command::spec::{Facts, Traits};
use kora_core::reply::Reply;

use super::Turn;
use crate::front::{Front, Mail, Origin, Output};
use crate::session::{Session, Wait};

impl<F: Front> Turn<F> {
    /// Whether the command is to be answered only when what it deletes is free.
    #[cold]
    pub(super) fn frees_first(&self, facts: &Facts, args: &[&[u8]]) -> bool {
        facts.traits.has(Traits::FREES_FIRST)
            && match args {
                [_] => !self.settings.lazy_user_flush,
                [_, way] => way.eq_ignore_ascii_case(b"SYNC"),
                _ => false,
            }
    }

    /// Takes the reply back that begins at `begin`, until all that was deleted so far is free.
    pub(super) fn hold_until_freed(&mut self, session: &mut Session<F>, begin: usize) {
        self.executor.dispose();
        if !self.engine.account.has_doomed() || session.output.error_at(begin).is_some() {
            return;
        }
        session.wait = Wait::Freeing { is_told: session.output.end() > begin };
        session.output.truncate(begin);
        session.client.set_blocked(true);
        let (hub, origin) = (Arc::clone(&self.engine.hub), session.origin());
        self.engine.reclaimer.tell_when_free(move || {
            hub.send_driver_mail(origin.worker, Mail::Freed(origin));
        });
    }

    /// The same for the session at `slot`, whose operation has come to its end.
    pub(super) fn hold_slot_until_freed(&mut self, slot: usize, begin: usize) {
        if let Some(mut session) = self.sessions.take(slot) {
            self.hold_until_freed(&mut session, begin);
            self.sessions.put(session);
        }
    }

    /// Answers a client whose wait is over.
    pub(super) fn end_freeing(&mut self, origin: Origin) {
        let Some(session) = self.sessions.of(origin) else { return };
        let Wait::Freeing { is_told } = session.wait else { return };
        session.wait = Wait::Nothing;
        session.client.set_blocked(false);
        if is_told {
            session.reply().ok();
        }
        self.sessions.enqueue(origin.slot);
        self.sessions.note_dirty(origin.slot);
    }
}
