//! When a session that keeps copies of what it reads is told what has become void.
//!
//! What such a session receives is a story: each notice stands where the change that it tells of took place among the commands that were
//! answered. It stands behind the reply of every command that found the key as it was before, since a copy that came later than its
//! notice would stay for ever. And it stands before the reply of every command that ran when the change was known: whoever has read what
//! was written later must not find an older copy.
//!
//! A command that runs here has its shards in hand when the inbox is emptied, and runs behind that: what others changed before them is
//! known, and what they change later is not. One that was submitted has its *moment*, which the shard noted that ran it: how many parcels
//! this worker had been sent. While a session waits for it notices are held; when its reply is there, those up to the moment go in front of it,
//! and the others behind. A session that keeps copies submits one command at a time, and one that reads several keys whole: so there is one
//! moment for all of them. What a command changed itself is told behind its reply.

use std::sync::Arc;

use kora_core::command::Run;
use kora_core::command::spec::Flags;
use kora_core::db::DbIndex;
use kora_core::reader::Reader;
use kora_core::reply::Reply;
use kora_core::shard::operation::Setting;
use kora_core::shard::probe::Rule;
use kora_core::slot::ShardId;

use super::Turn;
use crate::caching::{Content, Held, Notice, Recipient};
use crate::client::Origin;
use crate::front::probe::Probe as _;
use crate::front::{Front, Output, Style};
use crate::session::{Session, Wait};

/// The channel of notices to clients that can't tell messages from replies.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// Notices of sessions on this worker that wait for something.
#[derive(Debug, Default)]
pub(super) struct Holding {
    /// Places of sessions that hold notices; some may have let go of them.
    slots: Vec<usize>,
    /// Notices to clients that were not found where they should be.
    astray: Vec<Arc<Notice>>,
    /// What a test has noted too late.
    late: Vec<Late>,
}

/// A command that has read and was not noted.
#[derive(Debug)]
struct Late {
    run: Run,
    args: Vec<Box<[u8]>>,
    db: DbIndex,
    reader: Reader,
    shard: ShardId,
}

impl<F: Front> Session<F> {
    /// Whether a notice that comes now may belong behind a reply that is still to come.
    fn holds_notices(&self) -> bool {
        let Wait::Operation(pending) = &self.wait else { return false };
        // One that waits for keys has read nothing so far; when it is served, that is known before anybody can change what it reads.
        let waits_untouched =
            pending.waiter.is_some() && pending.blocking().is_some_and(|operation| operation.is_untouched());
        self.caching.is_some() && !waits_untouched
    }
}

impl<F: Front> Turn<F> {
    /// Tells a session of all that is known to have changed, with the shards of its next command in hand.
    #[inline]
    pub(super) fn notify_before(&mut self, session: &mut Session<F>) {
        if session.caching.is_some() {
            self.notify_now(session);
        }
    }

    #[cold]
    fn notify_now(&mut self, session: &mut Session<F>) {
        if self.executor.journal().has_announcements() {
            self.executor.hand_over();
        }
        if !F::Probe::breaks(Rule::NoticesFirst) {
            self.deliver(Some(session));
        }
        self.release_notices(session);
    }

    /// Tells a session of what its own command has done in front of the reply, which begins at `begin`: a flush that frees first.
    #[cold]
    pub(super) fn notify_in_front(&mut self, session: &mut Session<F>, begin: usize) {
        if session.caching.is_some() {
            let reply_len = session.output.end().saturating_sub(begin);
            let reply = session.output.split_off(session.output.unsent() - reply_len);
            self.deliver_own(session);
            session.output.append(reply);
        }
    }

    /// Has what a command reads on one shard noted at the end of the round, for a test that breaks this rule.
    #[cold]
    pub(super) fn note_later(
        &mut self,
        run: Run,
        args: &[&[u8]],
        setting: &mut Setting<Style<F>>,
        shards: &[ShardId],
    ) {
        let (Some(reader), [shard]) = (&mut setting.reader, shards) else { return };
        if run.0.flags.has(Flags::READONLY) {
            let args = args.iter().map(|arg| Box::from(*arg)).collect();
            self.holding.late.push(Late { run, args, db: setting.db, reader: *reader, shard: *shard });
            reader.is_noted = false;
        }
    }

    /// Notes what was to be noted later.
    #[inline]
    pub(super) fn note_late(&mut self) {
        if F::Probe::breaks(Rule::ReadsNotedFirst) {
            for Late { run, args, db, reader, shard } in std::mem::take(&mut self.holding.late) {
                let args: Vec<&[u8]> = args.iter().map(|arg| &**arg).collect();
                let setting =
                    Setting { reader: Some(reader), ..Setting::plain(db, self.time.now, F::plain()) };
                let mut output = F::Output::default();
                if self.get(&[shard]) {
                    let _ = self.executor.run(shard, run, &args, &setting, &mut output.sink(F::plain()));
                }
            }
        }
    }

    /// Delivers a notice to those of its recipients that are served here.
    #[cold]
    pub(super) fn deliver_notice(
        &mut self,
        number: u64,
        notice: &Arc<Notice>,
        mut served: Option<&mut Session<F>>,
    ) {
        let here = self.id();
        for (index, recipient) in notice.recipients.iter().enumerate() {
            let place = recipient.located.place();
            if let Some(session) =
                served.as_deref_mut().filter(|session| session.client.id == recipient.client)
            {
                self.notify(session, number, (notice, index));
            } else if place.worker == here {
                let origin = Origin { worker: here, slot: place.slot, client: recipient.client };
                if self.sessions.of(origin).is_some()
                    && let Some(mut session) = self.sessions.take(place.slot)
                {
                    self.notify(&mut session, number, (notice, index));
                    self.sessions.put(session);
                    self.sessions.note_dirty(place.slot);
                } else if !recipient.located.has_left() {
                    // It is on its way here, or from here to somewhere else.
                    self.holding.astray.push(Arc::new(notice.for_one(index)));
                }
            }
        }
    }

    /// Sends once more what did not find its client.
    pub(super) fn send_after(&mut self) {
        for notice in std::mem::take(&mut self.holding.astray) {
            let workers = self.engine.broker.send_after(notice);
            workers.into_iter().for_each(|worker| self.engine.hub.wake(worker));
        }
    }

    fn notify(&mut self, session: &mut Session<F>, number: u64, (notice, index): (&Arc<Notice>, usize)) {
        if !session.holds_notices() || F::Probe::breaks(Rule::NoticesHeld) {
            return self.write_notice(session, &notice.content, &notice.recipients[index]);
        }
        if let Some(caching) = &mut session.caching {
            caching.held.push(Held { number, notice: Arc::clone(notice), recipient: index });
            self.holding.slots.push(session.client.slot());
        }
    }

    fn write_notice(&mut self, session: &mut Session<F>, content: &Content, recipient: &Recipient) {
        if session.caching.is_none() && !recipient.is_redirected || session.is_closing {
            return;
        }
        let style = session.choice.style;
        let tells_apart = F::tells_messages_apart(style);
        // There is nothing else that such a client could take for a message.
        if !(tells_apart || recipient.is_redirected && session.is_subscriber()) {
            return;
        }
        F::prepare(&mut self.buffers, &mut session.output, true);
        let mut out = session.output.sink(style);
        match content {
            Content::Broken(_) if !tells_apart => return,
            Content::Broken(client) => {
                out.push(2);
                out.bulk(b"tracking-redir-broken");
                out.integer(i64::try_from(client.0).unwrap_or(i64::MAX));
            }
            Content::Keys(_) | Content::All if tells_apart => {
                out.push(2);
                out.bulk(b"invalidate");
            }
            Content::Keys(_) | Content::All => {
                out.push(3);
                out.bulk(b"message");
                out.bulk(CHANNEL);
            }
        }
        match content {
            Content::Keys(keys) => {
                out.array(keys.len());
                keys.iter().for_each(|key| out.bulk(key));
            }
            // In the form that the client reads which has read the keys, as Redis does.
            Content::All => {
                drop(out);
                session.output.sink(F::style_of(recipient.tells_apart)).null();
            }
            Content::Broken(_) => {}
        }
        session.has_pushes = true;
        session.cover.may_have_seen = true;
    }

    /// Writes what a session holds, if it waits for no reply that may come before.
    pub(super) fn release_notices(&mut self, session: &mut Session<F>) {
        if !session.holds_notices() {
            self.write_held(session, |_| true);
        }
    }

    /// Writes those of the notices held that are `due`.
    fn write_held(&mut self, session: &mut Session<F>, due: impl Fn(&Held) -> bool) {
        let Some(caching) = session.caching.as_mut().filter(|caching| !caching.held.is_empty()) else {
            return;
        };
        let (due, held) = std::mem::take(&mut caching.held).into_iter().partition(due);
        caching.held = held;
        let due: Vec<Held> = due;
        for Held { notice, recipient, .. } in due {
            self.write_notice(session, &notice.content, &notice.recipients[recipient]);
        }
    }

    /// Before the replies to an operation are written for which the session at a place has waited: writes what was known when it ran. The
    /// rest is to be written behind, by [`Turn::notify_behind`].
    pub(super) fn notify_before_replies(&mut self, slot: usize) {
        if self.sessions.get(slot).is_some_and(|session| session.caching.is_some()) {
            self.notify_before_replies_now(slot);
        }
    }

    #[cold]
    fn notify_before_replies_now(&mut self, slot: usize) {
        self.executor.hand_over();
        self.deliver(None);
        let Some(mut session) = self.sessions.take(slot) else { return };
        if let Wait::Operation(pending) = &session.wait {
            let moment = pending.parts.iter().map(|part| part.operation.moment()).max().unwrap_or(0);
            let frees_first = pending.frees_first;
            self.write_held(&mut session, |held| {
                let is_own = held.notice.recipients[held.recipient].is_own;
                // What the others are told of a flush its client is told before it hears that the memory is free.
                let is_flush = frees_first && held.notice.content == Content::All;
                is_flush || held.number <= moment && !is_own
            });
        }
        self.sessions.put(session);
    }

    /// Writes what is held for the session at a place, if it waits for nothing that may come before.
    pub(super) fn notify_behind(&mut self, slot: usize) {
        if self.sessions.get(slot).is_some_and(|session| session.caching.is_some())
            && let Some(mut session) = self.sessions.take(slot)
        {
            self.release_notices(&mut session);
            self.sessions.put(session);
            self.sessions.note_dirty(slot);
        }
    }

    /// Writes what sessions hold that have come to wait for nothing that may come before.
    #[inline]
    pub(super) fn release_held(&mut self) {
        if !self.holding.slots.is_empty() {
            self.release_all_held();
        }
    }

    #[cold]
    fn release_all_held(&mut self) {
        let mut slots = std::mem::take(&mut self.holding.slots);
        slots.sort_unstable();
        slots.dedup();
        slots.iter().for_each(|&slot| self.notify_behind(slot));
        let holds = |slot: &usize| {
            let caching = self.sessions.get(*slot).and_then(|session| session.caching.as_ref());
            caching.is_some_and(|caching| !caching.held.is_empty())
        };
        slots.retain(holds);
        self.holding.slots = slots;
    }

    /// Whether a session that waits for keys holds notices: somebody tries to serve it. If that fails nobody says so.
    pub(super) fn holds_for_a_moment(&self) -> bool {
        self.holding.slots.iter().any(|&slot| {
            let session = self.sessions.get(slot);
            session.is_some_and(
                |session| matches!(&session.wait, Wait::Operation(pending) if pending.waiter.is_some()),
            )
        })
    }
}
