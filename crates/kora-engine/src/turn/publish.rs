//! How what is announced reaches this worker's sessions.
//!
//! A message is delivered after the reply of the command that caused it, and before anything that a session sent later is run: a
//! subscriber that asks something after it has heard of a message finds the message in front of the answer.

use std::sync::Arc;

use kora_core::shard::executor::Executor;
use kora_core::shard::probe::Rule;

use super::Turn;
use crate::client::SessionPlace;
use crate::command::subscription::end_subscriptions;
use crate::engine::Engine;
use crate::front::probe::Probe as _;
use crate::front::{Front, Output, Workers};
use crate::pubsub::{Parcel, Publication};
use crate::session::Session;

/// Lets an executor's announcements go to the broker, and collect the events that it wants.
pub(super) fn connect<F: Front>(executor: &mut Executor<Workers<F>>, engine: &Arc<Engine<F>>) {
    executor.set_up_journals(|journal| journal.share_event_mask(Arc::clone(engine.broker.event_mask())));
    let broker = Arc::clone(&engine.broker);
    executor.set_sent_source(Box::new(move |worker| broker.sent(worker)));
    let (engine, here) = (Arc::clone(engine), executor.worker());
    executor.set_announcement_sink(Box::new(move |announcements| {
        let wake_other = |worker| {
            if worker != here {
                engine.hub.wake(worker);
            }
        };
        engine.broker.announce(here, announcements, wake_other);
    }));
}

/// What a session is to get of what its own transaction announces, while that changes what it is subscribed to: it is settled at
/// the time of the announcement, and comes behind the reply to EXEC.
pub(super) struct OwnPushes<F: Front> {
    /// Announcements looked at.
    seen: usize,
    /// Messages.
    output: F::Output,
}

impl<F: Front> Turn<F> {
    /// Begins to collect what a transaction of `session` tells it itself, if it changes its subscriptions.
    pub(super) fn begin_own_pushes(
        &mut self,
        session: &mut Session<F>,
        subscribes: bool,
    ) -> Option<OwnPushes<F>> {
        if !subscribes {
            return None;
        }
        self.executor.hand_over();
        self.deliver(Some(session));
        Some(OwnPushes { seen: 0, output: F::Output::default() })
    }

    /// Collects what was announced since it was last asked and concerns what `session` is subscribed to now.
    pub(super) fn collect_own_pushes(&mut self, session: &Session<F>, pushes: &mut Option<OwnPushes<F>>) {
        let Some(OwnPushes { seen, output }) = pushes else { return };
        let announcements = self.executor.journal().announcements();
        for announcement in &announcements[*seen..] {
            for publication in self.engine.broker.publications(announcement) {
                publication.each_way(&session.subscriptions, |via| {
                    F::with_head(via, |head| F::push(output, session.choice.style, head, &publication));
                });
            }
        }
        *seen = announcements.len();
    }

    /// Writes what was collected behind the reply to EXEC. When the rest of the world hears of it, this session does not
    /// once more.
    pub(super) fn end_own_pushes(&mut self, session: &mut Session<F>, mut pushes: Option<OwnPushes<F>>) {
        self.collect_own_pushes(session, &mut pushes);
        let Some(OwnPushes { seen, output }) = pushes else { return };
        if seen == 0 {
            return;
        }
        self.engine.broker.pass_by(session.place(), seen);
        if output.unsent() > 0 && !session.is_closing {
            session.output.append(output);
            session.has_pushes = true;
            session.cover.may_have_seen = true;
        }
    }

    /// Whether there is anything to deliver.
    #[inline]
    pub(super) fn has_publications(&self) -> bool {
        self.engine.broker.has_mail(self.executor.worker())
    }

    /// Delivers what was published before what `session` sends now: what it has heard of it is to find.
    #[inline]
    pub(super) fn deliver_before(&mut self, session: &mut Session<F>) {
        if session.is_listener() && !F::Probe::breaks(Rule::NoticesFirst) {
            self.deliver(Some(session));
            self.release_notices(session);
        }
    }

    /// Delivers what a command of `session` announced, if it may be meant itself: before its next command.
    #[inline]
    pub(super) fn deliver_own(&mut self, session: &mut Session<F>) {
        if session.is_listener() && self.executor.journal().has_announcements() {
            self.executor.hand_over();
            self.deliver(Some(session));
        }
    }

    /// Delivers what the commands of `session` announced: together, since nobody has seen their replies yet.
    #[inline]
    pub(super) fn deliver_after(&mut self, session: &mut Session<F>) {
        if self.executor.journal().has_announcements() {
            self.executor.hand_over();
            self.deliver(Some(session));
        }
    }

    /// Empties the inbox into the outputs of connections. One that is being served is not in its place: it is `served`.
    #[inline]
    pub(super) fn deliver(&mut self, served: Option<&mut Session<F>>) {
        if self.has_publications() {
            self.deliver_all(served);
        }
    }

    #[cold]
    fn deliver_all(&mut self, mut served: Option<&mut Session<F>>) {
        let broker = Arc::clone(&self.engine.broker);
        let here = self.executor.worker();
        let was_congested = broker.is_congested();
        while let Some((number, parcel)) = broker.take(here) {
            let publication = match parcel {
                Parcel::Publication(publication) => publication,
                Parcel::Notice(notice) => {
                    self.deliver_notice(number, &notice, served.as_deref_mut());
                    continue;
                }
            };
            broker.each_receiver(here, &publication, |via, slots| {
                F::with_head(via, |head| {
                    let slots =
                        slots.filter(|&slot| !publication.passes_by(SessionPlace { worker: here, slot }));
                    for slot in slots {
                        match served.as_deref_mut().filter(|served| served.client.slot() == slot) {
                            Some(session) => self.push_to(session, &publication, head),
                            None => self.push_to_slot(slot, &publication, head),
                        }
                    }
                });
            });
        }
        self.send_after();
        if was_congested && !broker.is_congested() {
            self.engine.hub.bells().ring_all();
        }
    }

    /// Looks whether those who publish have to wait, and lets them go on when they need not any more.
    #[inline]
    pub(super) fn hold_publishers(&mut self) {
        let is_congested = self.engine.broker.is_congested();
        if std::mem::replace(&mut self.gate.holds_publishers, is_congested) && !is_congested {
            self.resume_paused();
        }
    }

    fn push_to_slot(&mut self, slot: usize, publication: &Publication, head: &F::Head) {
        let Some(mut session) = self.sessions.take(slot) else { return };
        self.push_to(&mut session, publication, head);
        self.sessions.put(session);
        self.sessions.note_dirty(slot);
    }

    fn push_to(&mut self, session: &mut Session<F>, publication: &Publication, head: &F::Head) {
        F::prepare(&mut self.buffers, &mut session.output, true);
        F::push(&mut session.output, session.choice.style, head, publication);
        session.has_pushes = true;
        session.cover.may_have_seen = true;
    }

    /// Ends the subscriptions of a session that is being closed.
    pub(super) fn end_subscriptions(&self, session: &Session<F>) {
        if session.is_subscriber() {
            end_subscriptions(&self.engine.broker, session);
        }
    }
}
