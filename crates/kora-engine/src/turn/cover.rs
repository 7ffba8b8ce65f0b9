//! Replies that wait for the log: under `appendfsync always` they are held back until it covers what they tell of.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::command::spec::{Flags, Traits};
use kora_core::command::table::{Command, CommandTable, Handler};
use kora_core::shard::executor::Executor;

use super::Turn;
use crate::command::wait::NO_LOG_TO_WAIT_FOR;
use crate::engine::Engine;
use crate::front::{Front, Workers};
use crate::persistence::{Notes, Persistence};
use crate::session::{Session, TimedReply, Wait};

/// A worker's sessions that wait for the log.
#[derive(Debug)]
pub(super) struct Cover {
    /// What the commands of sessions are noted for.
    pub(super) notes: Notes,
    /// The number of the round.
    pub(super) round: u64,
    tidings: Tidings,
    /// Sessions whose replies wait until a record of the log is covered.
    held: VecDeque<(u64, usize)>,
    /// Those that WAITAOF makes wait, and some that it does no more.
    log_waits: Vec<usize>,
}

/// Lets an executor publish its effects while anybody follows the stream.
pub(super) fn connect<F: Front>(executor: &mut Executor<Workers<F>>, engine: &Engine<F>) {
    let (stream, persistence) = (Arc::clone(&engine.stream), Arc::clone(&engine.persistence));
    executor.set_up_journals(|journal| journal.share_recording(Arc::clone(stream.recording())));
    executor.set_effect_sink(Box::new(move |record| stream.publish(record, persistence.clock_ms())));
}

/// What the replies of each command may tell of.
#[derive(Debug)]
struct Tidings(Box<[u8]>);

impl Tidings {
    /// A write of its own.
    const WRITTEN: u8 = 1;
    /// Data that somebody may have written.
    const SEEN: u8 = 2;

    /// By the commands' places in the table.
    fn new<H: Copy>(table: &CommandTable<H>) -> Self {
        let of = |command: &Command<H>| {
            let (flags, is_exec) = (command.facts.flags, command.facts.traits.has(Traits::RUNS_QUEUE));
            // Messages are not in the log.
            let may_replicate = flags.has(Flags::MAY_REPLICATE) && !flags.has(Flags::PUBSUB);
            let may_write = flags.has(Flags::WRITE) || may_replicate || is_exec;
            let may_see = matches!(command.handler, Handler::Core(_)) || is_exec;
            (u8::from(may_write) * Self::WRITTEN) | (u8::from(may_see) * Self::SEEN)
        };
        Self(table.all().iter().map(of).collect())
    }
}

impl Cover {
    pub(super) fn new<H: Copy>(table: &CommandTable<H>) -> Self {
        Self {
            notes: Notes::default(),
            round: 0,
            tidings: Tidings::new(table),
            held: VecDeque::new(),
            log_waits: Vec::new(),
        }
    }

    /// Notes what the replies to a session's last commands may tell of, if they may have to wait for the log.
    #[inline]
    pub(super) fn note<F: Front>(
        &self,
        persistence: &Persistence,
        session: &mut Session<F>,
        commands: &[u16],
    ) {
        if !self.notes.writes {
            return;
        }
        let all = commands.iter().fold(0, |all, id| all | self.tidings.0[usize::from(*id)]);
        if all & Tidings::WRITTEN != 0 {
            session.cover.wrote_in = self.round;
        }
        if !self.notes.replies {
            return;
        }
        session.cover.may_have_seen |= all & Tidings::SEEN != 0;
        if all & Tidings::WRITTEN != 0 {
            // What began after writes were refused, and before they were taken again, has written nothing.
            let is_refused =
                session.cover.only_reads == Some(persistence.relents()) && persistence.refuses_writes();
            session.cover.may_have_written |= !is_refused;
        }
    }
}

impl<F: Front> Turn<F> {
    /// Takes the places of the sessions whose outputs may be sent. Others are held back until the log covers what they tell of.
    pub fn take_sendable(&mut self) -> Vec<usize> {
        match self.engine.persistence.must_cover() {
            None => self.sessions.take_dirty(),
            Some(record) => self.hold_back(record),
        }
    }

    #[cold]
    fn hold_back(&mut self, record: u64) -> Vec<usize> {
        let refusal = self.log_refusal();
        let is_always = self.engine.persistence.holds_replies();
        let mut sendable = self.sessions.take_dirty();
        sendable.retain(|&slot| {
            let Some(session) = self.sessions.get_mut(slot) else { return false };
            let waits = session.cover.held_for > 0;
            // Under `everysec` only those wait who might be told of more than may be lost.
            let need_wait =
                if is_always { session.cover.may_have_seen } else { session.cover.may_have_written };
            if self.cover.notes.replies && !waits && !need_wait {
                return true;
            }
            match &refusal {
                // The next round releases it.
                Some(_) if waits => session.is_dirty = false,
                Some(refusal) => {
                    if is_always && session.cover.may_have_written {
                        session.refuse_unsent(refusal);
                    }
                    return true;
                }
                None => {
                    session.is_dirty = false;
                    session.cover.held_for = record;
                    self.cover.held.push_back((record, slot));
                }
            }
            false
        });
        self.note_holding();
        sendable
    }

    /// What those are told whose replies will not be covered, since the log can't be written.
    fn log_refusal(&self) -> Option<String> {
        let persistence = &self.engine.persistence;
        let refusal = if persistence.has_log_failed() { persistence.log_refusal() } else { None };
        refusal.map(|refusal| refusal.text_afterwards())
    }

    /// Shows whether this worker waits for the log.
    fn note_holding(&self) {
        let holds = !self.cover.held.is_empty() || !self.cover.log_waits.is_empty();
        self.counters().holds_replies.store(holds, Ordering::SeqCst);
    }

    /// Whether replies that were held back may be sent.
    pub(super) fn may_release(&self) -> bool {
        let persistence = &self.engine.persistence;
        let is_over = |record| {
            persistence.holds_replies() && record <= persistence.covered()
                || persistence.has_log_failed()
                || persistence.must_cover().is_none()
        };
        self.cover.held.front().is_some_and(|&(record, _)| is_over(record))
    }

    /// Lets the connections go on whose replies are covered.
    pub(super) fn release(&mut self) {
        if self.cover.held.is_empty() {
            return;
        }
        let covered = self.engine.persistence.covered();
        let refusal = self.log_refusal();
        let is_always = self.engine.persistence.holds_replies();
        // Under `everysec` nobody waits any more once the disk keeps up, although an operation may lack parts for long.
        let need_not_wait = self.engine.persistence.must_cover().is_none();
        let is_over = |record| is_always && record <= covered || refusal.is_some() || need_not_wait;
        while let Some(&(record, slot)) = self.cover.held.front().filter(|(record, _)| is_over(*record)) {
            self.cover.held.pop_front();
            let Some(session) = self.sessions.get_mut(slot) else { continue };
            if session.cover.held_for != record {
                // It waits for more by now, or it is another session's place.
                continue;
            }
            session.cover.held_for = 0;
            if let Some(refusal) = &refusal {
                if is_always && record > covered && session.cover.may_have_written {
                    session.refuse_unsent(refusal);
                }
                session.note_released();
            }
            let has_work = F::has_input(&session.link);
            self.sessions.note_dirty(slot);
            if has_work {
                self.sessions.enqueue(slot);
            }
        }
        self.note_holding();
    }

    /// Finds out how far the log has to be for what a session wrote, as WAITAOF is about to ask. What it wrote within `EXEC` can't be
    /// handed over before that ends.
    pub(super) fn mark_writes(&mut self, session: &mut Session<F>, is_exec: bool) {
        let has_written_now = session.cover.wrote_in == self.cover.round;
        if session.cover.wrote_in == 0 || is_exec && has_written_now {
            return;
        }
        if has_written_now {
            self.executor.hand_over();
        }
        if let Some(end) = self.engine.persistence.log_end() {
            session.cover.wrote_in = 0;
            session.cover.written = Some(end);
        }
    }

    /// Notes that a session waits for the log.
    pub(super) fn note_log_wait(&mut self, session: &Session<F>) {
        self.cover.log_waits.push(session.client.slot());
        self.note_holding();
    }

    /// Ends the waits of those whose writes are durable, and of those who wait for a log that is not wanted any more.
    pub(super) fn end_log_waits(&mut self) {
        if self.cover.log_waits.is_empty() {
            return;
        }
        let is_log_wanted = self.settings.persistence.append_only;
        let mut waits = std::mem::take(&mut self.cover.log_waits);
        waits.retain(|&slot| self.go_on_waiting(slot, is_log_wanted));
        self.cover.log_waits = waits;
        self.note_holding();
    }

    /// Whether the session at a place still waits for the log.
    fn go_on_waiting(&mut self, slot: usize, is_log_wanted: bool) -> bool {
        let Some(session) = self.sessions.get_mut(slot) else { return false };
        let Some(wait) = session.cover.log_wait.as_deref_mut() else { return false };
        if wait.is_wanted && !is_log_wanted {
            if session.client.is_unblockable.swap(false, Ordering::AcqRel) {
                self.end_timed_wait(slot, Err(NO_LOG_TO_WAIT_FOR));
            }
            return false;
        }
        let persistence = &self.engine.persistence;
        wait.position = wait.position.or_else(|| persistence.log_end());
        let (is_wanted, is_all) = (wait.is_wanted, wait.is_all);
        let is_durable = wait.position.is_some_and(|position| persistence.is_durable(position));
        if let Wait::Until(_, reply) = &mut session.wait
            && *reply != TimedReply::Nothing
        {
            *reply = TimedReply::Pair(is_durable.into(), 0);
        }
        let is_over = is_durable && is_wanted && is_all;
        if is_over && session.client.is_unblockable.swap(false, Ordering::AcqRel) {
            self.end_timed_wait(slot, Ok(TimedReply::Pair(1, 0)));
        }
        // Who waits for replicas, too, is still to hear if there is no log any more.
        !is_over
    }
}
