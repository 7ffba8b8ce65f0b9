//! Who the sessions of this worker are, and what is refused to them.

use std::sync::Arc;

use kora_acl::Denial;
use kora_acl::log::{Place, Refusal};
use kora_core::command::spec::Facts;

use super::Turn;
use super::run::{Args, Resolved};
use crate::access::{Access, refusal_of, refusal_text};
use crate::front::Front;
use crate::pubsub::Space;
use crate::session::Session;

impl<F: Front> Turn<F> {
    /// Looks who all sessions are, if the users have changed since.
    #[inline]
    pub(super) fn take_up_users(&mut self) {
        let version = self.engine.access.version();
        if version != self.versions.users {
            self.versions.users = version;
            self.look_at_users();
        }
    }

    #[cold]
    fn look_at_users(&mut self) {
        for slot in 0..self.sessions.slot_count() {
            let Some(session) = self.sessions.get_mut(slot) else { continue };
            if !may_stay(session, (&self.engine.access, &self.front)) {
                session.is_broken = true;
                self.sessions.note_dirty(slot);
            }
        }
    }

    /// Looks who a session is that is not in its place; if it may not stay, it ends. `is_asking`: it has changed the users
    /// itself, and is told so first.
    #[inline]
    pub(super) fn identify(&mut self, session: &mut Session<F>, is_asking: bool) {
        if !session.identity.is_of(self.engine.access.version()) {
            let stays = may_stay(session, (&self.engine.access, &self.front));
            session.is_closing |= !stays && is_asking;
            session.is_broken |= !stays && !is_asking;
        }
    }

    /// What the user of a session may not of a command.
    pub(super) fn denial(
        &self,
        session: &Session<F>,
        resolved: Resolved<F>,
        args: &Args<'_>,
    ) -> Option<Denial> {
        let user = session.identity.limited()?;
        self.engine.access.judge(user, (usize::from(resolved.id), resolved.facts), args).err()
    }

    /// Notes that something was refused to a session's user; returns why, as that is told.
    pub(super) fn note_denial(
        &self,
        session: &Session<F>,
        denial: Option<Denial>,
        facts: &Facts,
        (args, place): (&[&[u8]], Place),
    ) -> String {
        let (Some(user), Some(denial)) = (session.identity.user(), denial) else { return String::new() };
        self.note_refusal(session, refusal_of(denial, (user, facts), args, place));
        refusal_text(denial, (user, facts), args, false)
    }

    /// Notes that something was refused to a session.
    pub(super) fn note_refusal(&self, session: &Session<F>, mut refusal: Refusal) {
        refusal.at_ms = self.time.now.0;
        refusal.client = self.front.client_line(&session.client, self.time.now);
        self.engine.access.note(refusal);
    }
}

/// Looks who a session is now; whether it may stay: its user is there, and may hear all that it is subscribed to.
fn may_stay<F: Front>(session: &mut Session<F>, parts: (&Arc<Access>, &Arc<F>)) -> bool {
    if !session.look_at_users(parts) {
        return false;
    }
    let Some(user) = session.identity.limited().filter(|_| session.is_subscriber()) else { return true };
    [Space::Channels, Space::Patterns, Space::ShardChannels].into_iter().all(|space| {
        session.subscriptions.iter(space).all(|name| user.may_hear(name, space == Space::Patterns))
    })
}
