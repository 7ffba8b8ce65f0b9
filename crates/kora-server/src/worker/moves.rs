//! Connections that go from one worker to another, so that few workers serve them, and none more than it can.
//!
//! At the end of a window a worker that is not to serve gives away all connections that it has served; one that is much busier than
//! another gives away some of them; and one that runs long commands gives away all connections but those that send them. Connections
//! that nothing came from stay where they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kora_core::slot::WorkerId;
use kora_engine::counters::add;
use kora_engine::front::Mail;

use super::load::{Closed, Counts, thousandths};
use super::{Worker, note_memory};
use crate::shared::client::Client;
use crate::shared::connection::Session;
use crate::shared::mail::WorkerMail;
use crate::spread::Load;

/// A worker gives connections away if it is this busy, in thousandths, ...
const BUSY: u32 = 500;

/// ... and by so much busier than another.
const UNEVEN: u32 = 250;

/// How long a connection stays where it is at least, unless its worker is not to serve.
const STAY_MS: u64 = 200;

/// A connection that caused more than this part of a worker's work is what made its rounds long.
const HEAVY_PART: u64 = 4;

/// A connection that could go, and what it cost in the last window.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    slot: usize,
    ns: u64,
}

/// A worker that may be given connections.
#[derive(Clone, Copy, Debug)]
struct Target {
    worker: WorkerId,
    load: Load,
}

impl Worker {
    /// Notes that a round has ended.
    #[inline]
    pub(super) fn note_round(&mut self, ns: u64) {
        if self.shared.traffic.len() > 1 {
            let counts = self.counts();
            self.window.note_round(ns, counts);
            self.shared.balance.end_round(self.turn.id());
        }
    }

    fn counts(&self) -> Counts {
        let counters = self.turn.counters();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts { commands: read(&counters.commands_processed), long_commands: read(&counters.long_commands) }
    }

    /// A round begins.
    #[inline]
    pub(super) fn begin_window(&mut self) {
        if self.shared.traffic.len() > 1 {
            let balance = &self.shared.balance;
            balance.begin_round(self.turn.id(), balance.ms(self.round_begun));
            self.window.begin_serving(balance.serving() > 1);
        }
    }

    /// Ends the window if it was long enough, and gives away what others should serve. What runs is over, and what was replied is sent.
    #[inline]
    pub(super) fn balance(&mut self) {
        if self.shared.traffic.len() > 1 && self.window.is_over(self.round_begun) {
            self.end_window();
        }
    }

    fn end_window(&mut self) {
        let (counts, here) = (self.counts(), self.turn.id());
        let closed = self.window.close(self.round_begun, counts);
        let balance = &self.shared.balance;
        let now_ms = balance.ms(self.round_begun);
        balance.tell(here, now_ms, closed.load);
        let others = self.shared.engine.hub.workers().filter(|worker| *worker != here);
        let mut targets: Vec<Target> = others
            .filter(|worker| balance.serves(*worker))
            .map(|worker| Target { worker, load: balance.load(worker, now_ms) })
            .collect();
        let serves = balance.serves(here);
        if targets.is_empty() {
            return;
        }
        let candidates = self.candidates(&closed, now_ms, !serves);
        let given = if !serves {
            candidates
        } else if closed.load.had_long {
            // Who waits for another's long commands waits less where there are none.
            targets.retain(|target| !target.load.had_long);
            let heavy_ns = closed.length_ns / HEAVY_PART;
            candidates.into_iter().filter(|candidate| candidate.ns < heavy_ns).collect()
        } else {
            surplus(candidates, &closed, &targets)
        };
        for candidate in given {
            self.give(candidate, &mut targets, closed.length_ns, now_ms);
        }
    }

    /// The connections served in a window that could go.
    fn candidates(&mut self, closed: &Closed, now_ms: u64, must_go: bool) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for &slot in &closed.served {
            let Some(session) = self.turn.sessions.get_mut(slot).filter(|session| session.is_at_rest())
            else {
                continue;
            };
            let stays = !must_go && now_ms.saturating_sub(session.link.moved_ms) < STAY_MS;
            if let Some(ns) = closed.cost(session).filter(|_| !stays) {
                candidates.push(Candidate { slot, ns });
            }
        }
        candidates
    }

    /// Gives a connection to the target that does least.
    fn give(&mut self, candidate: Candidate, targets: &mut [Target], length_ns: u64, now_ms: u64) {
        let Some(target) = targets.iter_mut().min_by_key(|target| target.load.busy) else { return };
        let Some(mut session) = self.turn.give_away(candidate.slot, target.worker) else { return };
        target.load.busy += thousandths(candidate.ns, length_ns).max(1);
        if let Err(error) = self.poller.remove(&mut session.link.transport) {
            tracing::warn!("the poller lost a connection: {error}");
            session.is_broken = true;
        }
        session.link.moved_ms = now_ms;
        add(&self.traffic().moved, 1);
        self.forget_memory(&session);
        let connections = |worker: WorkerId| &self.shared.traffic[worker.index()].connections;
        connections(self.turn.id()).fetch_sub(1, Ordering::Relaxed);
        connections(target.worker).fetch_add(1, Ordering::Relaxed);
        let mail = Mail::Front(WorkerMail::TakeOver(session));
        self.shared.engine.hub.send_driver_mail(target.worker, mail);
    }

    /// Serves a connection from now on that another worker gave away.
    pub(super) fn take_over(&mut self, mut session: Box<Session>) {
        let slot = self.turn.sessions.next_slot();
        let is_added = self.poller.add(&mut session.link.transport, slot);
        if let Err(error) = &is_added {
            tracing::warn!("a connection could not go to another worker: {error}");
        }
        // What came on its way is told of by nobody.
        session.link.transport.look();
        self.turn.take_over(session);
        let traffic = &self.shared.traffic[self.turn.id().index()];
        if let Some(session) = self.turn.sessions.get_mut(slot) {
            session.is_broken |= is_added.is_err();
            note_memory(session, traffic);
        }
        self.turn.sessions.enqueue(slot);
    }

    /// Sends something for a client that is not here to the worker that serves it, unless it has ended. While it is on its way there, that
    /// may be this one.
    pub(super) fn forward(&self, client: Arc<Client>, mail: fn(Arc<Client>) -> WorkerMail) {
        let worker = client.worker();
        if worker != self.turn.id() || client.is_on_its_way() {
            self.shared.engine.hub.send_driver_mail(worker, Mail::Front(mail(client)));
        }
    }
}

/// Those of the candidates that bring this worker and the one that does least to the same load.
fn surplus(candidates: Vec<Candidate>, closed: &Closed, targets: &[Target]) -> Vec<Candidate> {
    let least = targets.iter().map(|target| target.load.busy).min().unwrap_or(u32::MAX);
    let uneven = closed.load.busy.saturating_sub(least);
    if closed.load.busy < BUSY || uneven < UNEVEN {
        return Vec::new();
    }
    let mut surplus_ns = closed.length_ns / 1000 * u64::from(uneven / 2);
    let mut given = Vec::new();
    for candidate in candidates {
        if candidate.ns <= surplus_ns {
            surplus_ns -= candidate.ns;
            given.push(candidate);
        }
    }
    given
}
