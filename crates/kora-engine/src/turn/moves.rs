//! Sessions that go from one worker to another.
//!
//! Only a session at rest goes: it waits for nothing, has begun nothing, and its output is sent. Nothing but the clients' own registry
//! knows where such a session is, so nothing is to be told that it went. Whoever has read its place before sends to the worker that
//! it left, where it is not found any more.

use kora_core::slot::WorkerId;

use super::Turn;
use crate::client::SessionPlace;
use crate::front::{Front, Output};
use crate::session::{Session, Wait};

impl<F: Front> Session<F> {
    /// Whether it could go to another worker.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        let waits = !matches!(self.wait, Wait::Nothing)
            || !self.watching.is_empty()
            || self.cover.held_for > 0
            || self.cover.log_wait.is_some();
        let has_begun =
            self.queue.is_some() || self.watched.is_some() || self.is_listener() || self.monitor.is_some();
        let has_begun = has_begun || self.client.hears_for_others();
        let is_ending = self.is_closing || self.is_broken || self.has_ended;
        let has_work = self.is_queued || self.is_dirty || self.has_pushes || self.output.unsent() > 0;
        !(waits || has_begun || is_ending || has_work || self.is_executing)
    }
}

impl<F: Front> Turn<F> {
    /// Takes a session at rest out, so that `worker` serves it from now on: it is to be brought to [`Turn::take_over`] there. What it
    /// wrote is handed over before. `None` if it is not at rest.
    pub fn give_away(&mut self, slot: usize, worker: WorkerId) -> Option<Box<Session<F>>> {
        if !self.sessions.get(slot)?.is_at_rest() || self.has_halted_exec(slot) {
            return None;
        }
        let mut session = self.sessions.remove(slot)?;
        self.mark_writes(&mut session, false);
        // The rounds of another worker have other numbers. The first was over long ago.
        session.cover.wrote_in = session.cover.wrote_in.min(1);
        session.client.leave_for(worker);
        Some(session)
    }

    /// Serves a session from now on that another worker gave away.
    pub fn take_over(&mut self, session: Box<Session<F>>) {
        let slot = self.sessions.next_slot();
        session.client.arrive_at(SessionPlace { worker: self.id(), slot });
        self.sessions.insert(session);
    }
}
