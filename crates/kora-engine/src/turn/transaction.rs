//! Transactions on the worker: commands that wait for EXEC, EXEC itself, and WATCH.
//!
//! The commands of the core run as one operation of the shards: at once and without any message if this worker's shard is
//! the only one of their keys and free. If commands of other kinds stand among them, this worker runs them all, in order, with
//! all stores they need in hand: it is brought those of other shards. So the result is the same whatever the number of
//! workers.

use std::sync::Arc;

use kora_acl::Denial;
use kora_acl::log::{Place, Refusal};
use kora_core::command::spec::{Facts, Flags, Traits};
use kora_core::command::table::Handler;
use kora_core::command::transaction;
use kora_core::context::{Resume, Resumed};
use kora_core::db::DbIndex;
use kora_core::reply::Reply;
use kora_core::shard::driven::Driven;
use kora_core::shard::operation::{Part, Setting};
use kora_core::shard::probe::{Note, Rule};
use kora_core::shard::replies::Replies as _;
use kora_core::shard::route::{Placement, place};
use kora_core::shard::runner::Ran;
use kora_core::shard::together::InHand;
use kora_core::shard::transaction::Transaction;
use smallvec::smallvec;

use super::Turn;
use super::publish::OwnPushes;
use super::run::{Args, Gathered, Resolved};
use crate::access::refusal_of;
use crate::command::persistence;
use crate::engine::FollowUp;
use crate::front::probe::Probe as _;
use crate::front::{Collect as _, Front, Output, Style, Workers};
use crate::memory;
use crate::pubsub::subscribes as subscribes_to;
use crate::queue::{OwnCommand, Queue, Queued};
use crate::session::{PendingParts, ReplyMode, Session, Wait};

/// A queue of no more bytes than this is used again for the next MULTI.
const QUEUE_BYTES_KEPT: usize = 16 * 1024;

/// Where the commands of the core run.
enum Source<'a, F: Front> {
    /// Here and now, on shards in hand.
    Here(&'a Transaction<Style<F>>, &'a mut InHand),
    /// Here and now, on stores that were brought.
    Driven(&'a mut Driven<Workers<F>>),
    /// They have run.
    Part(&'a mut Part<Workers<F>>),
}

/// How far an EXEC has come.
#[derive(Debug)]
struct ExecPlace {
    /// The command that comes next.
    next: usize,
    /// The command of the core that comes next, among those.
    next_of_core: usize,
}

/// What a session was like when a command of its EXEC began.
struct Reached {
    /// Where the command's reply begins.
    begin: usize,
    /// CLIENT KILL of itself: the rest runs, and nobody is told.
    is_ended: bool,
}

impl Reached {
    fn of<F: Front>(session: &Session<F>) -> Self {
        Self { begin: session.output.end(), is_ended: session.is_closing }
    }
}

/// An EXEC one of whose commands has paused. It has its stores in hand; its session waits.
pub(super) struct HaltedExec<F: Front> {
    driven: Driven<Workers<F>>,
    /// Goes on with the command.
    resume: Resume,
    commands: Vec<Queued>,
    place: ExecPlace,
    pushes: Option<OwnPushes<F>>,
    pending: Box<PendingParts<F>>,
    /// The reply so far.
    output: F::Output,
}

impl<F: Front> Turn<F> {
    /// Queues a command of a session between MULTI and EXEC.
    pub(super) fn queue(&mut self, session: &mut Session<F>, resolved: Resolved<F>, args: &Args<'_>) {
        let has_failed = session.has_failed_watch();
        // What will not run need not be kept.
        if let Some(queue) = session.queue.as_mut().filter(|queue| !queue.is_aborted && !has_failed) {
            match resolved.handler {
                Handler::Core(handler) => {
                    let shard_count = self.engine.hub.shard_count();
                    // No snapshot may be taken in the midst of a transaction.
                    let handler = persistence::in_transaction(resolved.facts.name).unwrap_or(handler);
                    queue.push(resolved.id, (resolved.facts, handler), args, shard_count);
                }
                Handler::Driver(_) => queue.push_own(resolved.id, resolved.facts, args),
            }
        }
        session.client.note_command(resolved.id);
        let begin = session.output.end();
        session.output.sink(session.choice.style).simple("QUEUED");
        self.finish_reply(session, begin);
    }

    /// Notes that a command was refused, so that EXEC will be. Returns the text of the refusal: one of EXEC itself ends
    /// the transaction.
    pub(super) fn abort_transaction(
        &mut self,
        session: &mut Session<F>,
        facts: Option<&Facts>,
        text: &str,
    ) -> Option<String> {
        if !facts.is_some_and(|facts| facts.traits.has(Traits::RUNS_QUEUE)) {
            if let Some(queue) = &mut session.queue {
                queue.is_aborted = true;
            }
            return None;
        }
        session.queue = None;
        if let Some(watched) = session.take_watched() {
            self.executor.unwatch(*watched);
        }
        let cause = text.strip_prefix("ERR ").unwrap_or(text);
        Some(format!("EXECABORT Transaction discarded because of: {cause}"))
    }

    /// MULTI, after the session's part: begins to queue.
    pub(super) fn multi(&mut self, session: &mut Session<F>) {
        let setting = session.setting(self.time.now);
        session.queue = Some(match self.spare_queue.take() {
            Some(mut queue) => {
                queue.reset(setting);
                queue
            }
            None => Box::new(Queue::new(setting)),
        });
    }

    /// EXEC: runs what was queued, at once if it can, else as an operation.
    pub(super) fn exec(
        &mut self,
        session: &mut Session<F>,
        (resolved, sent): (Resolved<F>, &[u8]),
        mut queue: Box<Queue<F>>,
    ) {
        let mut watched = session.take_watched().map(|watched| *watched);
        if F::Probe::breaks(Rule::WatchInHand)
            && let Some(watched) = watched.take_if(|watched| !watched.watch().is_dirty())
        {
            self.executor.unwatch(watched);
        }
        queue.transaction.set_guard(session.identity.guard());
        if self.denies_any(session, &queue) {
            // What it may not is refused in its place.
            queue.transaction.be_driven();
        }
        queue.transaction.begin(watched, self.time.now, self.executor.home_shard());
        if self.executor.journal().tells_each() {
            queue.transaction.be_told_as(resolved.facts.name, sent);
        }
        if self.may_run_at_once(&queue) && self.get(queue.transaction.shards()) {
            self.notify_before(session);
            let mut pushes = self.begin_own_pushes(session, queue.subscribes());
            let Queue { transaction, commands, .. } = &*queue;
            let (mut in_hand, has_run) = self.executor.begin_transaction(transaction);
            let reply_at = session.output.unsent();
            let mut place = self.begin_exec(session, commands, has_run);
            let source = &mut Source::Here(transaction, &mut in_hand);
            if let Some(resume) = self.run_exec(session, commands, &mut place, source, &mut pushes) {
                let Queue { transaction, commands, .. } = *queue;
                let driven = self.executor.hold_transaction(transaction, in_hand, session.origin());
                let pending = pending_exec(resolved.id, None);
                let rest = HaltedExec {
                    driven,
                    resume,
                    commands,
                    place,
                    pushes,
                    pending,
                    output: F::Output::default(),
                };
                return self.halt_exec(session, reply_at, rest);
            }
            self.end_own_pushes(session, pushes);
            self.executor.end_transaction(&queue.transaction, in_hand, self.time.now);
            self.scratch.executed.push(resolved.id);
            if queue.byte_count() <= QUEUE_BYTES_KEPT {
                queue.reset(session.setting(self.time.now));
                self.spare_queue = Some(queue);
            }
            self.deliver_own(session);
            return;
        }
        let Queue { transaction, commands, .. } = *queue;
        self.driven_to_come += usize::from(transaction.is_driven());
        session.wait = Wait::Operation(pending_exec(resolved.id, Some(commands)));
        let operation = self.executor.submit_transaction(transaction, session.origin());
        if let Wait::Operation(pending) = &mut session.wait {
            pending.submitted = Some(operation);
        }
    }

    /// Whether what was queued may run where EXEC stands, and need not be submitted.
    fn may_run_at_once(&self, queue: &Queue<F>) -> bool {
        let may_pause = queue.transaction.may_pause();
        !may_pause || queue.transaction.shards().len() == 1 && !self.executor.has_paused()
    }

    /// Runs a transaction whose stores were brought here. If its client has left meanwhile, or was told that the server is
    /// busy, it is as if EXEC had never come.
    pub(super) fn run_driven(&mut self, mut driven: Driven<Workers<F>>) {
        self.driven_to_come -= 1;
        let origin = *driven.origin();
        let is_wanted = driven.begin();
        let waits = self.sessions.of(origin).is_some_and(|session| {
            is_wanted
                && !session.is_broken
                && matches!(&session.wait, Wait::Operation(pending) if pending.exec.is_some())
        });
        let session = Some(()).filter(|()| waits).and_then(|()| self.sessions.take(origin.slot));
        let Some(mut session) = session else {
            return self.executor.give_up_driven(driven);
        };
        let Wait::Operation(mut pending) = std::mem::take(&mut session.wait) else { return };
        let commands = pending.exec.take().unwrap_or_default();
        self.notify_before(&mut session);
        self.prepare(&mut session);
        let subscribes = commands.iter().filter_map(|command| command.own.as_ref());
        let subscribes = subscribes.map(|own| own.facts).any(subscribes_to);
        let mut pushes = self.begin_own_pushes(&mut session, subscribes);
        let has_run = self.executor.begin_driven(&mut driven);
        let reply_at = session.output.unsent();
        let mut place = self.begin_exec(&mut session, &commands, has_run);
        let source = &mut Source::Driven(&mut driven);
        if let Some(resume) = self.run_exec(&mut session, &commands, &mut place, source, &mut pushes) {
            let rest =
                HaltedExec { driven, resume, commands, place, pushes, pending, output: F::Output::default() };
            self.halt_exec(&mut session, reply_at, rest);
            self.sessions.put(session);
            return;
        }
        self.end_own_pushes(&mut session, pushes);
        self.executor.end_driven(driven);
        self.end_exec(origin.slot, session, &pending);
    }

    /// Keeps an EXEC one of whose commands has paused. Its reply so far, which begins at `reply_at` of what is unsent, is kept
    /// apart, so that nothing else is sent in the midst of it.
    #[cold]
    fn halt_exec(&mut self, session: &mut Session<F>, reply_at: usize, mut halted: HaltedExec<F>) {
        halted.output = session.output.split_off(reply_at);
        // It waits, for nothing that arrives.
        session.wait = Wait::Operation(Box::default());
        self.halted_exec = Some(Box::new(halted));
    }

    /// Goes on for a while with the EXEC one of whose commands has paused, if there is one.
    #[inline]
    pub(super) fn go_on_with_exec(&mut self) {
        if let Some(halted) = self.halted_exec.take() {
            self.resume_exec(halted);
        }
    }

    #[cold]
    fn resume_exec(&mut self, mut halted: Box<HaltedExec<F>>) {
        let slot = halted.driven.origin().slot;
        let Some(mut session) = self.sessions.take(slot) else { return };
        std::mem::swap(&mut session.output, &mut halted.output);
        let is_over = self.run_halted(&mut session, &mut halted);
        std::mem::swap(&mut session.output, &mut halted.output);
        if !is_over {
            self.sessions.put(session);
            self.halted_exec = Some(halted);
            return;
        }
        let HaltedExec { driven, output, pushes, pending, .. } = *halted;
        self.prepare(&mut session);
        session.output.append(output);
        session.wait = Wait::Nothing;
        self.end_own_pushes(&mut session, pushes);
        self.executor.end_driven(driven);
        self.end_exec(slot, session, &pending);
    }

    /// Goes on with the command that has paused, and with those behind it; whether all have come to their end.
    fn run_halted(&mut self, session: &mut Session<F>, halted: &mut HaltedExec<F>) -> bool {
        let HaltedExec { driven, resume, commands, place, pushes, .. } = halted;
        let setting = Setting { now: driven.now(), ..session.setting(self.time.now) };
        let begun = Reached::of(session);
        let resumed = {
            let mut out = session.output.sink(session.choice.style);
            self.executor.resume_driven(driven, *resume, &setting, &mut out)
        };
        match resumed {
            Resumed::Paused | Resumed::Waiting => return false,
            Resumed::NeedsAll => {
                session.reply().error("ERR a script in a transaction has all stores from the start");
            }
            Resumed::Done(Ok(())) => self.executor.end_paused_of(driven, place.next_of_core - 1),
            Resumed::Done(Err(error)) => {
                self.executor.end_paused_of(driven, place.next_of_core - 1);
                let record = self.executor.journal().record();
                F::Probe::note(Note::Fails(driven.origin(), place.next - 1, &error, record));
                session.reply().refuse(&error);
            }
        }
        self.end_queued(session, &commands[place.next - 1], begun);
        let next = self.run_exec(session, commands, place, &mut Source::Driven(driven), pushes);
        if let Some(next) = next {
            *resume = next;
        }
        next.is_none()
    }

    /// Whether the EXEC of the session at a place has come to a halt: it is needed until that has ended.
    pub(super) fn has_halted_exec(&self, slot: usize) -> bool {
        self.halted_exec.as_ref().is_some_and(|halted| halted.driven.origin().slot == slot)
    }

    /// Lets the session of an EXEC that was an operation go on.
    fn end_exec(&mut self, slot: usize, mut session: Box<Session<F>>, pending: &PendingParts<F>) {
        self.cover.note(&self.engine.persistence, &mut session, &pending.commands);
        self.scratch.executed.extend_from_slice(&pending.commands);
        self.account();
        F::show(&session.client, &session.link, &session.output, session.figures(), self.time.now);
        self.sessions.put(session);
        self.sessions.enqueue(slot);
        self.sessions.note_dirty(slot);
    }

    /// Replies to an EXEC whose operation has run.
    pub(super) fn finish_exec(&mut self, slot: usize, mut pending: PendingParts<F>, commands: &[Queued]) {
        let Some(mut session) = self.sessions.take(slot) else { return };
        self.prepare(&mut session);
        if let Some(part) = pending.parts.first_mut() {
            let has_run = part.take_verdict();
            let mut place = self.begin_exec(&mut session, commands, has_run);
            let paused =
                self.run_exec(&mut session, commands, &mut place, &mut Source::Part(part), &mut None);
            debug_assert!(paused.is_none(), "what has run does not pause");
        }
        self.end_exec(slot, session, &pending);
    }

    /// Begins the reply to EXEC.
    fn begin_exec(&mut self, session: &mut Session<F>, commands: &[Queued], has_run: bool) -> ExecPlace {
        let begin = session.output.end();
        if has_run {
            session.reply().array(commands.len());
        } else {
            session.reply().null_array();
        }
        drop_if_silent(session, begin);
        ExecPlace { next: if has_run { 0 } else { commands.len() }, next_of_core: 0 }
    }

    /// Writes the replies to EXEC's commands from `place` on, running those that are still to be run. If one pauses, the
    /// answer is how to go on with it.
    fn run_exec(
        &mut self,
        session: &mut Session<F>,
        commands: &[Queued],
        place: &mut ExecPlace,
        source: &mut Source<'_, F>,
        pushes: &mut Option<OwnPushes<F>>,
    ) -> Option<Resume> {
        while let Some(queued) = commands.get(place.next) {
            place.next += 1;
            let reached = Reached::of(session);
            if let Some(denial) = self.denial_of_queued(session, queued, (source, place.next_of_core)) {
                place.next_of_core += usize::from(queued.own.is_none());
                self.refuse_queued(session, denial);
            } else if let Some(own) = &queued.own {
                if own.facts.flags.has(Flags::BLOCKING) {
                    self.mark_exec_writes(session, &commands[..place.next]);
                }
                self.run_own(session, (queued.id, own), source, pushes);
            } else {
                let paused = self.run_next_of_core(session, source, place.next_of_core);
                place.next_of_core += 1;
                if paused.is_some() {
                    return paused;
                }
            }
            if session.output.end().saturating_sub(reached.begin) >= self.reply_limit() {
                self.note_large_of_exec(session, queued, (source, place.next_of_core), reached.begin);
            }
            self.end_queued(session, queued, reached);
        }
        let mode = &mut session.choice.reply_mode;
        *mode = match *mode {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip => ReplyMode::On,
            mode => mode,
        };
        None
    }

    /// Keeps a command of EXEC whose reply is large, that begins at `begin`; `next_of_core` is the one of the core behind it.
    #[cold]
    fn note_large_of_exec(
        &self,
        session: &Session<F>,
        queued: &Queued,
        (source, next_of_core): (&Source<'_, F>, usize),
        begin: usize,
    ) {
        let facts = self.engine.table.get(usize::from(queued.id)).facts;
        let args = match (&queued.own, source, next_of_core.checked_sub(1)) {
            (Some(own), ..) => own.args.iter().map(|arg| &arg[..]).collect(),
            (None, Source::Here(transaction, _), Some(index)) => transaction.args(index),
            (None, Source::Driven(driven), Some(index)) => driven.args(index),
            (None, Source::Part(part), Some(index)) => part.operation.args(index),
            (None, _, None) => return,
        };
        let seen = self.seen(session, facts, &args);
        self.look_at_reply(session.output.end() - begin, facts, &seen);
    }

    /// Whether a session's user may not run all that it has queued.
    fn denies_any(&self, session: &Session<F>, queue: &Queue<F>) -> bool {
        let mut next_of_core = 0;
        session.identity.limited().is_some()
            && queue.commands.iter().any(|queued| {
                let place = next_of_core;
                next_of_core += usize::from(queued.own.is_none());
                self.denied(session, queued, || queue.transaction.args(place)).is_some()
            })
    }

    /// What a session's user may not of a command of EXEC that is about to run, and is told and noted then.
    fn denial_of_queued(
        &self,
        session: &Session<F>,
        queued: &Queued,
        (source, index): (&Source<'_, F>, usize),
    ) -> Option<(Refusal, &'static str)> {
        match source {
            Source::Here(transaction, _) => self.denied(session, queued, || transaction.args(index)),
            Source::Driven(driven) => self.denied(session, queued, || driven.args(index)),
            // It has run, since all was allowed.
            Source::Part(_) => None,
        }
    }

    fn denied<'a>(
        &self,
        session: &Session<F>,
        queued: &'a Queued,
        core_args: impl FnOnce() -> Args<'a>,
    ) -> Option<(Refusal, &'static str)> {
        let user = session.identity.limited()?;
        let args = match &queued.own {
            Some(own) => own.args.iter().map(|arg| &arg[..]).collect(),
            None => core_args(),
        };
        let facts = self.engine.table.get(usize::from(queued.id)).facts;
        let denial = self.engine.access.judge(user, (usize::from(queued.id), facts), &args).err()?;
        let reason = match denial {
            Denial::Command => "no permission to execute the command or subcommand",
            Denial::Key(_) => "no permission to touch the specified keys",
            Denial::Channel(_) => "no permission to access one of the channels used as arguments",
        };
        Some((refusal_of(denial, (user, facts), &args, Place::Multi), reason))
    }

    /// Refuses a command of EXEC that its user may not run any more.
    #[cold]
    fn refuse_queued(&self, session: &mut Session<F>, (refusal, reason): (Refusal, &'static str)) {
        self.note_refusal(session, refusal);
        session.reply().error(&format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This \
             command is no longer allowed for the following reason: {reason}"
        ));
    }

    /// Before WAITAOF within EXEC: finds out what its session has written, these commands of EXEC included.
    fn mark_exec_writes(&mut self, session: &mut Session<F>, commands: &[Queued]) {
        for queued in commands {
            self.cover.note(&self.engine.persistence, session, &[queued.id]);
        }
        self.mark_writes(session, true);
    }

    /// Counts a command of EXEC that has come to its end, and takes its reply back if it is not to be told.
    fn end_queued(&mut self, session: &mut Session<F>, Queued { id, own }: &Queued, reached: Reached) {
        let Reached { begin, is_ended } = reached;
        self.scratch.executed.push(*id);
        if let Some(text) = session.output.error_at(begin) {
            self.count_failure(*id, text);
        }
        if is_ended {
            session.output.truncate(begin);
        } else if !own.as_ref().is_some_and(|own| subscribes_to(own.facts)) {
            // What confirms a subscription is a message, not a reply.
            drop_if_silent(session, begin);
        }
    }

    /// Writes the reply to the next command of the core, running it if it has not run. If it pauses, the answer is how to go
    /// on with it.
    fn run_next_of_core(
        &mut self,
        session: &mut Session<F>,
        source: &mut Source<'_, F>,
        index: usize,
    ) -> Option<Resume> {
        let mut setting = session.setting(self.time.now);
        if F::Probe::breaks(Rule::ChoiceInOrder) {
            setting.db = DbIndex(0);
        }
        match source {
            Source::Here(transaction, in_hand) => {
                let mut out = session.output.sink(session.choice.style);
                self.executor.run_queued(transaction, in_hand, index, &setting, &mut out)
            }
            Source::Driven(driven) => {
                let setting = Setting { now: driven.now(), ..setting };
                let mut out = session.output.sink(session.choice.style);
                self.executor.run_driven(driven, index, &setting, &mut out)
            }
            Source::Part(part) => {
                let output = std::mem::take(&mut session.output);
                let mut replies = F::Replies::over(output, session.choice.style);
                part.replies.move_item(&mut replies);
                session.output = replies.into_output();
                None
            }
        }
    }

    /// Runs a command of the server's own as part of EXEC.
    fn run_own(
        &mut self,
        session: &mut Session<F>,
        (id, command): (u16, &OwnCommand),
        source: &mut Source<'_, F>,
        pushes: &mut Option<OwnPushes<F>>,
    ) {
        if subscribes_to(command.facts) {
            self.collect_own_pushes(session, pushes);
        }
        // It may ask for what this worker and its stores know.
        memory::tell();
        self.publish_counters();
        match source {
            Source::Here(_, in_hand) => {
                in_hand.iter_mut().for_each(|store| self.executor.show_store(store));
            }
            Source::Driven(driven) => driven.stores().for_each(|store| self.executor.show_store(store)),
            Source::Part(_) => {}
        }
        let args: Args<'_> = command.args.iter().map(|arg| &arg[..]).collect();
        session.is_executing = true;
        let timing = self.executor.journal().begin_command(command.facts.name, true);
        let Handler::Driver(handler) = self.engine.table.all()[usize::from(id)].handler else {
            unreachable!("it was queued as the engine's own");
        };
        let follow_up = self.call(session, handler, &args);
        let seen = self.seen(session, command.facts, &args);
        self.end_own(&seen, timing);
        match follow_up {
            None => {}
            Some(FollowUp::ResetStats) => {
                self.reset_all_stats();
                match source {
                    Source::Here(_, in_hand) => {
                        in_hand.iter_mut().for_each(|store| self.engine.reset_store(store))
                    }
                    Source::Driven(driven) => {
                        driven.stores().for_each(|store| self.engine.reset_store(store))
                    }
                    Source::Part(_) => {}
                }
            }
            Some(FollowUp::Unwatch(watched)) => self.executor.unwatch(*watched),
            Some(other) => debug_assert!(false, "{other:?} is not for a transaction"),
        }
        session.is_executing = false;
        self.take_up_settings();
        self.identify(session, true);
    }

    /// WATCH, after the session's part: adds the keys to those watched and tells their shards.
    pub(super) fn watch(&mut self, session: &mut Session<F>, resolved: Resolved<F>, args: &[&[u8]]) {
        let shard_count = self.engine.hub.shard_count();
        let db = session.choice.db;
        let watched = session.watched.get_or_insert_default();
        args[1..].iter().for_each(|key| watched.add(db, key, shard_count));
        let watch = Arc::clone(watched.watch());
        *session.client.watch.lock() = Some(Arc::clone(&watch));
        let setting = Setting { watch: Some(watch), ..session.setting(self.time.now) };
        let run = transaction::RUN;
        let placement = place(run.0, args, shard_count);
        if let Placement::One(shard) = placement
            && self.get(&[shard])
        {
            let begin = session.output.end();
            let ran = {
                let mut out = session.output.sink(session.choice.style);
                self.executor.run(shard, run, args, &setting, &mut out)
            };
            debug_assert!(matches!(ran, Ran::Replied), "WATCH never waits");
            self.finish_command(session, resolved, begin);
            return;
        }
        let mut gathered = Gathered::default();
        gathered.request.push(run, args, &placement, shard_count, self.executor.home_shard());
        gathered.commands.push(resolved.id);
        self.submit_in(session, gathered, setting);
        if self.gate.is_busy {
            self.answer_watch(session);
        }
    }
}

/// What a session waits for that has sent EXEC.
fn pending_exec<F: Front>(id: u16, exec: Option<Vec<Queued>>) -> Box<PendingParts<F>> {
    Box::new(PendingParts { keeps_reply: true, commands: smallvec![id], exec, ..PendingParts::default() })
}

/// Takes back what was written from `begin` on, if CLIENT REPLY says so.
fn drop_if_silent<F: Front>(session: &mut Session<F>, begin: usize) {
    if matches!(session.choice.reply_mode, ReplyMode::Off | ReplyMode::Skip) {
        session.output.truncate(begin);
    }
}
