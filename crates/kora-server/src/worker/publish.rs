//! How what is announced reaches this worker's connections.
//!
//! A message is delivered after the reply of the command that caused it, and before anything that a connection sent later
//! is run: a subscriber that asks something after it has heard of a message finds the message in front of the answer.

use std::sync::Arc;

use kora_core::shard::runner::Shard;

use super::Worker;
use crate::connection::Connection;
use crate::driver::ServerDriver;
use crate::push::{Head, tail};
use crate::shared::Shared;
use kora_engine::pubsub::{Place, Publication};

/// Lets a shard's announcements go to the broker, and collect the events that it wants.
pub(super) fn connect(shard: &mut Shard<ServerDriver>, shared: &Arc<Shared>) {
    shard.journal().share_event_mask(Arc::clone(shared.engine.broker.event_mask()));
    let (owner, here) = (Arc::clone(&shared.engine), shard.id());
    shard.set_announcement_sink(Box::new(move |announcements| {
        let wake_other = |worker| {
            if worker != here {
                owner.hub.wake(worker);
            }
        };
        owner.broker.announce(here, announcements, wake_other);
    }));
}

/// What a connection is to get of what its own transaction announces, while that changes what it is subscribed to: it
/// is settled at the time of the announcement, and comes behind the reply to EXEC.
#[derive(Debug, Default)]
pub(super) struct OwnPushes {
    /// Announcements looked at.
    seen: usize,
    /// Encoded messages.
    bytes: Vec<u8>,
}

impl Worker {
    /// Begins to collect what a transaction of `connection` tells it itself, if it changes its subscriptions.
    pub(super) fn begin_own_pushes(
        &mut self,
        connection: &mut Connection,
        subscribes: bool,
    ) -> Option<OwnPushes> {
        if !subscribes {
            return None;
        }
        self.shard.hand_over();
        self.deliver(Some(connection));
        Some(OwnPushes::default())
    }

    /// Collects what was announced since it was last asked and concerns what `connection` is subscribed to now.
    pub(super) fn collect_own_pushes(&mut self, connection: &Connection, pushes: &mut Option<OwnPushes>) {
        let Some(OwnPushes { seen, bytes }) = pushes else { return };
        let announcements = self.shard.journal().announcements();
        for announcement in &announcements[*seen..] {
            for publication in self.shared.engine.broker.publications(announcement) {
                publication.each_way(&connection.subscriptions, |via| {
                    Head::with(via, |head| bytes.extend_from_slice(head.of(connection.session.resp)));
                    bytes.extend_from_slice(publication.encoded(tail));
                });
            }
        }
        *seen = announcements.len();
    }

    /// Writes what was collected behind the reply to EXEC. When the rest of the world hears of it, this connection does not
    /// once more.
    pub(super) fn end_own_pushes(&mut self, connection: &mut Connection, mut pushes: Option<OwnPushes>) {
        self.collect_own_pushes(connection, &mut pushes);
        let Some(OwnPushes { seen, bytes }) = pushes else { return };
        if seen == 0 {
            return;
        }
        self.shared.engine.broker.pass_by(connection.place(), seen);
        if !bytes.is_empty() && !connection.is_closing {
            connection.output.make_room(bytes.len());
            connection.output.open().extend_from_slice(&bytes);
            connection.output.close_full();
            connection.has_pushes = true;
            connection.may_have_seen = true;
        }
    }

    /// Whether there is anything to deliver.
    #[inline]
    pub(super) fn has_publications(&self) -> bool {
        self.shared.engine.broker.has_mail(self.shard.id())
    }

    /// Delivers what was published before what `connection` sends now: what it has heard of it is to find.
    #[inline]
    pub(super) fn deliver_before(&mut self, connection: &mut Connection) {
        if connection.is_subscriber() {
            self.deliver(Some(connection));
        }
    }

    /// Delivers what a command of `connection` announced, if it may be meant itself: before its next command.
    #[inline]
    pub(super) fn deliver_own(&mut self, connection: &mut Connection) {
        if connection.is_subscriber() && self.shard.journal().has_announcements() {
            self.shard.hand_over();
            self.deliver(Some(connection));
        }
    }

    /// Delivers what the commands of `connection` announced: together, since nobody has seen their replies yet.
    #[inline]
    pub(super) fn deliver_after(&mut self, connection: &mut Connection) {
        if self.shard.journal().has_announcements() {
            self.shard.hand_over();
            self.deliver(Some(connection));
        }
    }

    /// Empties the inbox into the outputs of connections. One that is being served is not in its place: it is `served`.
    #[inline]
    pub(super) fn deliver(&mut self, served: Option<&mut Connection>) {
        if self.has_publications() {
            self.deliver_all(served);
        }
    }

    #[cold]
    fn deliver_all(&mut self, mut served: Option<&mut Connection>) {
        let shared = Arc::clone(&self.shared);
        let here = self.shard.id();
        let was_congested = shared.engine.broker.is_congested();
        while let Some(publication) = shared.engine.broker.take(here) {
            shared.engine.broker.each_receiver(here, &publication, |via, slots| {
                Head::with(via, |head| {
                    let slots = slots.filter(|&slot| !publication.passes_by(Place { worker: here, slot }));
                    for slot in slots {
                        match served.as_deref_mut().filter(|served| served.client.slot == slot) {
                            Some(connection) => self.push_to(connection, &publication, head),
                            None => self.push_to_slot(slot, &publication, head),
                        }
                    }
                });
            });
        }
        if was_congested && !shared.engine.broker.is_congested() {
            shared.engine.hub.bells().ring_all();
        }
    }

    /// Looks whether those who publish have to wait, and lets them go on when they need not any more.
    #[inline]
    pub(super) fn hold_publishers(&mut self) {
        let is_congested = self.shared.engine.broker.is_congested();
        if std::mem::replace(&mut self.holds_publishers, is_congested) && !is_congested {
            self.resume_paused();
        }
    }

    fn push_to_slot(&mut self, slot: usize, publication: &Publication, head: &Head) {
        let Some(mut connection) = self.connections.get_mut(slot).and_then(Option::take) else { return };
        self.push_to(&mut connection, publication, head);
        self.connections[slot] = Some(connection);
        self.note_dirty(slot);
    }

    fn push_to(&mut self, connection: &mut Connection, publication: &Publication, head: &Head) {
        let output = &mut connection.output;
        output.set_limit(self.config.output_limits.pubsub.hard_bytes);
        if !output.has_buffer()
            && let Some(buffer) = self.spare_buffers.pop()
        {
            output.set_buffer(buffer);
        }
        output.add_shared(head.of(connection.session.resp), publication.encoded(tail));
        connection.has_pushes = true;
        connection.may_have_seen = true;
    }

    /// Ends the subscriptions of a connection that is being closed.
    pub(super) fn end_subscriptions(&self, connection: &Connection) {
        if connection.is_subscriber() {
            crate::command::subscription::end_subscriptions(&self.shared.engine.broker, connection);
        }
    }
}
