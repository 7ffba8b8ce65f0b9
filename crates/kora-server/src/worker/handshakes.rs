//! What encrypted connections do before they are served: handshakes, so many steps a round, and no longer than a time.
//!
//! A step costs as much as hundreds of commands. Those who are served already wait for a few of them at most in each round, however
//! many others come; those wait for one another, in the order in which they came.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kora_engine::front::Origin;

use super::Worker;
use super::accept::PROTECTED_MODE_ERROR;
use crate::config::tls::ClientUser;
use crate::shared::Shared;
use crate::shared::connection::{Session, become_user, close_after_output};

/// Longest time from a connection to the end of its handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Most failures of which a worker warns within a second: strangers are not to fill a disk.
const WARNINGS_MAX: u32 = 10;

/// The connections of a worker whose handshakes are not done.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    /// Those that can go on. Some may be gone.
    due: VecDeque<Origin>,
    /// Until when each must be done, the first first. Most are done.
    deadlines: VecDeque<(Instant, Origin)>,
    /// Since when failures are counted, and how many there were since.
    told: Option<(Instant, u32)>,
}

impl Handshakes {
    /// One begins.
    pub(super) fn begin(&mut self, origin: Origin, now: Instant) {
        self.deadlines.push_back((now + HANDSHAKE_MAX, origin));
    }

    /// Tells the log of a failure: as a warning, or, of more than a few within a second, to those who want to read much.
    fn tell(&mut self, now: Instant, text: &str) {
        let (since, count) =
            self.told.filter(|(since, _)| now - *since < Duration::from_secs(1)).unwrap_or((now, 0));
        self.told = Some((since, count + 1));
        if count < WARNINGS_MAX { tracing::warn!("{text}") } else { tracing::debug!("{text}") }
    }

    /// One can go on.
    pub(super) fn enqueue(&mut self, origin: Origin) {
        self.due.push_back(origin);
    }

    /// Whether one can go on.
    #[inline]
    pub(super) fn are_due(&self) -> bool {
        !self.due.is_empty()
    }
}

impl Worker {
    /// Goes on with some handshakes.
    #[inline]
    pub(super) fn shake_hands(&mut self) {
        let mut steps = self.config.tls.handshakes_per_round;
        while steps > 0 && self.handshakes.are_due() {
            self.shake_next();
            steps -= 1;
        }
    }

    fn shake_next(&mut self) {
        while let Some(origin) = self.handshakes.due.pop_front() {
            let Some(session) = self.turn.sessions.of(origin) else { continue };
            session.link.is_shaking = false;
            let transport = &mut session.link.transport;
            match transport.establish() {
                Ok(true) => self.welcome(origin),
                Ok(false) if transport.can_receive() => self.turn.sessions.enqueue(origin.slot),
                Ok(false) => {}
                Err(error) => {
                    let (from, to) = (&session.client.address, &session.client.local_address);
                    let text =
                        format!("Error accepting a client connection: {error} (addr={from} laddr={to})");
                    self.handshakes.tell(self.round_begun, &text);
                    self.close(origin.slot);
                }
            }
            return;
        }
    }

    /// A handshake is done: the connection is served from now on.
    fn welcome(&mut self, origin: Origin) {
        let Some(is_local) = self.turn.sessions.of(origin).map(|session| session.choice.is_local) else {
            return;
        };
        let is_refused = self.protects_from(is_local);
        let Some(session) = self.turn.sessions.of(origin) else { return };
        if self.config.tls.auth_clients_user == ClientUser::CommonName {
            log_in_by_certificate(session, &self.shared);
        }
        if is_refused {
            session.output.add(PROTECTED_MODE_ERROR.as_bytes());
            close_after_output(session);
            kora_engine::counters::add(&self.traffic().connections_rejected, 1);
            self.turn.sessions.note_dirty(origin.slot);
        } else {
            self.turn.sessions.enqueue(origin.slot);
        }
    }

    /// Drops connections whose handshakes take too long.
    pub(super) fn drop_slow_handshakes(&mut self) {
        while let Some((_, origin)) =
            self.handshakes.deadlines.pop_front_if(|(until, _)| *until <= self.round_begun)
        {
            let is_done =
                self.turn.sessions.of(origin).is_none_or(|session| session.link.transport.is_established());
            if !is_done {
                tracing::debug!(
                    client = origin.client.0,
                    "a TLS handshake takes too long: closing the connection"
                );
                self.close(origin.slot);
            }
        }
    }
}

/// Makes a session that of the user whom its client's certificate names. Without such a user, or with one who is off, it stays who it is.
fn log_in_by_certificate(session: &mut Session, shared: &Arc<Shared>) {
    let Some(name) = session.link.transport.peer_name() else { return };
    let access = &shared.engine.access;
    let user = access.read(|users| users.get(name.as_bytes()).filter(|user| user.is_on()).cloned());
    let Some(user) = user else {
        tracing::info!(client = session.client.id.0, "its certificate names no user who may connect");
        return;
    };
    become_user(session, shared, user, true);
}
