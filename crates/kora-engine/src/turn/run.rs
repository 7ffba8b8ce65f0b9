//! From commands to replies: the hot path.
//!
//! Commands are taken a batch at a time. A first pass looks them up and asks the processor to fetch the memory of their keys; the
//! second runs them. Commands whose keys are on this worker's shard run inline, from the caller's buffer into the session's
//! output. The others are copied into an operation together with whatever follows them in the batch, so that a session's
//! commands take effect in the order they were sent.

use std::sync::Arc;

use kora_core::command::spec::{Facts, Flags, Group, Route, Traits};
use kora_core::command::table::Handler;
use kora_core::context::errand::Aside;
use kora_core::context::{CoreHandler, Resume};
use kora_core::journal::meter::{Ended, Seen, Timing, Whose};
use kora_core::reply::Reply;
use kora_core::shard::operation::{Request, Setting};
use kora_core::shard::probe::Rule;
use kora_core::shard::route::{Placement, place, place_whole, shards_of_whole};
use kora_core::shard::runner::Ran;
use kora_core::slot::ShardId;
use smallvec::SmallVec;

use super::Turn;
use super::ahead::{Ahead, Fetched};
use super::long::TOGETHER_ARGUMENTS_MAX;
use super::shard_set::ShardSet;
use crate::counters::add;
use crate::engine::{self, Call, FollowUp};
use crate::front::probe::Probe as _;
use crate::front::{Front, Output, Style};
use crate::memory;
use crate::observe::command_log::Kind;
use crate::pubsub::subscribes;
use crate::session::{PendingParts, ReplyMode, Session, TimedReply, Wait};

/// A batch whose operation holds more bytes than this is submitted before it grows further.
const OPERATION_BYTES_MAX: usize = 1024 * 1024;

/// A command's arguments while it runs.
pub type Args<'a> = SmallVec<[&'a [u8]; 8]>;

/// Commands of one session in the order in which they were sent, where they lie.
pub trait Commands {
    /// How many there are.
    fn count(&self) -> usize;

    /// The arguments of one of them; none if it is empty.
    fn args(&self, index: usize) -> Args<'_>;

    /// One argument of one of them, if there is such, and it is at hand.
    fn arg(&self, index: usize, at: usize) -> Option<&[u8]>;

    /// How many commands, arguments and bytes there are, about, from this command on.
    fn rest(&self, index: usize) -> (usize, usize, usize);

    /// How many bytes one of them took as it was sent; 0 where commands are not sent as bytes.
    fn size(&self, index: usize) -> usize;
}

/// A command that was looked up.
pub(super) struct Resolved<F: Front> {
    pub(super) facts: &'static Facts,
    pub(super) handler: Handler<engine::Handler<F>>,
    /// Place in the command table.
    pub(super) id: u16,
    /// The shards of its keys, if they are known already.
    pub(super) shards: ShardSet,
    /// The same key by key: where that stands among what is fetched ahead.
    pub(super) keys: Fetched,
}

impl<F: Front> Clone for Resolved<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: Front> Copy for Resolved<F> {}

/// Room that is used again and again.
pub(super) struct Scratch<F: Front> {
    /// The commands of the batch.
    pub(super) resolved: Vec<Option<Resolved<F>>>,
    /// What is fetched ahead.
    pub(super) ahead: Ahead,
    /// Places in the command table of what ran since the last account.
    pub(super) executed: Vec<u16>,
    /// Some session was not told yet how many lines for MONITOR were dropped.
    pub(super) has_lagging_monitors: bool,
}

impl<F: Front> Default for Scratch<F> {
    fn default() -> Self {
        Self {
            resolved: Vec::new(),
            ahead: Ahead::default(),
            executed: Vec::new(),
            has_lagging_monitors: false,
        }
    }
}

/// Commands of one session on their way to an operation.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) request: Request,
    pub(super) commands: SmallVec<[u16; 32]>,
    /// Its command has been told to those who look on, and put itself off.
    is_again: bool,
}

/// What became of one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is done, or on its way with others.
    Next,
    /// It can't run yet: it stays in the input.
    Later,
}

impl<F: Front> Turn<F> {
    /// Begins to serve a session: it finds what was published before.
    pub fn begin_serving(&mut self, session: &mut Session<F>) {
        self.executor.receive();
        self.executor.journal().refresh_time();
        self.deliver_before(session);
    }

    /// Ends to serve a session, of which a number of batches were run. No shard is held any longer: what comes next may be input or
    /// output.
    pub fn end_serving(&mut self, session: &mut Session<F>) {
        self.deliver_after(session);
        self.executor.release();
        self.cover.note(&self.engine.persistence, session, &self.scratch.executed);
        if let Some(&last) = self.scratch.executed.last() {
            session.client.note_command(last);
            add(&session.client.commands, self.scratch.executed.len() as u64);
        }
        self.account();
    }

    /// Runs commands in order as far as they can run now; returns how many are done or on their way.
    pub fn run<C: Commands>(&mut self, session: &mut Session<F>, commands: &C) -> usize {
        let count = commands.count();
        self.gate.is_busy = self.engine.scripts.is_busy() && !F::Probe::breaks(Rule::BusyRefuses);
        self.gate.is_loading = self.engine.persistence.loading.is_on();
        self.gate.refuses_writes = self.engine.persistence.refuses_writes();
        session.cover.only_reads = self.gate.refuses_writes.then(|| self.engine.persistence.relents());
        self.take_up_settings();
        self.identify(session, false);
        self.look_ahead(session, commands);
        let mut gathered = Gathered::default();
        let mut done = 0;
        while done < count && session.may_run() {
            let args = commands.args(done);
            if !args.is_empty()
                && self.run_command(session, (commands, done), &args, &mut gathered) == Step::Later
            {
                break;
            }
            if session.caching.is_some() {
                self.end_given(session, done);
            }
            if commands.size(done) >= self.sizes.request {
                self.note_large_request(session, commands, done, gathered.request.is_empty());
            }
            done += 1;
        }
        self.submit(session, gathered);
        done
    }

    /// Keeps a command whose request is large, unless it was refused.
    #[cold]
    fn note_large_request<C: Commands>(
        &self,
        session: &Session<F>,
        commands: &C,
        index: usize,
        is_none_gathered: bool,
    ) {
        let Some(resolved) = self.scratch.resolved.get(index).copied().flatten() else { return };
        let has_run = self.scratch.executed.last() == Some(&resolved.id);
        if has_run || !is_none_gathered || matches!(session.wait, Wait::Operation(_)) {
            let args = commands.args(index);
            let seen = self.seen(session, resolved.facts, &args);
            self.note_large(Kind::LargeRequest, commands.size(index), resolved.facts, &seen);
        }
    }

    /// A command of a session as those see it who look on.
    pub(super) fn seen<'a>(
        &self,
        session: &Session<F>,
        facts: &'static Facts,
        args: &'a [&'a [u8]],
    ) -> Seen<'a> {
        let (client, db) = (session.client.id.0, session.choice.db);
        let whose = Whose { client, db, now: self.time.now, is_again: false };
        Seen { name: facts.name, args, whose }
    }

    /// Keeps a command whose reply is large. That begins at `begin`.
    #[inline]
    fn note_reply(&self, session: &Session<F>, facts: &'static Facts, args: &[&[u8]], begin: usize) {
        let bytes = session.output.end().saturating_sub(begin);
        if bytes >= self.reply_limit() {
            self.look_at_reply(bytes, facts, &self.seen(session, facts, args));
        }
    }

    /// CLIENT CACHING holds for the command that follows, or for all until EXEC; other words of CLIENT may stand between.
    #[cold]
    fn end_given(&self, session: &mut Session<F>, index: usize) {
        let resolved = self.scratch.resolved.get(index).and_then(Option::as_ref);
        let keeps = resolved.is_some_and(|resolved| resolved.facts.traits.has(Traits::KEEPS_CACHING));
        if let Some(caching) = session.caching.as_mut().filter(|_| !keeps && session.queue.is_none()) {
            caching.is_given = false;
        }
    }

    /// First pass: finds the commands and starts to fetch the memory of their keys.
    fn look_ahead<C: Commands>(&mut self, session: &Session<F>, commands: &C) {
        self.scratch.resolved.clear();
        for index in 0..commands.count() {
            let args = commands.args(index);
            let resolved = if args.is_empty() { None } else { self.resolve(&args) };
            self.scratch.resolved.push(resolved);
        }
        self.fetch_ahead(session, commands);
    }

    #[inline]
    fn resolve(&self, args: &[&[u8]]) -> Option<Resolved<F>> {
        let command = self.engine.table.resolve(args).ok()?;
        let id = u16::try_from(command.id).expect("there are fewer than 65536 commands");
        let (shards, keys) = (ShardSet::default(), Fetched::default());
        Some(Resolved { facts: command.facts, handler: command.handler, id, shards, keys })
    }

    fn run_command<C: Commands>(
        &mut self,
        session: &mut Session<F>,
        (commands, index): (&C, usize),
        args: &Args<'_>,
        gathered: &mut Gathered,
    ) -> Step {
        let Some(resolved) = self.scratch.resolved[index] else {
            return self.refuse_unresolved(session, args, gathered);
        };
        if self.must_ask(session, resolved.facts)
            && let Some(step) = self.admit(session, resolved, args, gathered)
        {
            return step;
        }
        match resolved.handler {
            Handler::Core(handler) => {
                self.run_core(session, (resolved, handler), (commands, index, args), gathered)
            }
            Handler::Driver(handler) => {
                if !gathered.request.is_empty() {
                    return Step::Later;
                }
                self.run_own_command(session, (resolved, handler), args);
                Step::Next
            }
        }
    }

    #[inline]
    fn run_core<C: Commands>(
        &mut self,
        session: &mut Session<F>,
        (resolved, handler): (Resolved<F>, CoreHandler),
        (commands, index, args): (&C, usize, &Args<'_>),
        gathered: &mut Gathered,
    ) -> Step {
        let shard_count = self.engine.hub.shard_count();
        let mut placement = resolved
            .shards
            .placement(resolved.facts, args)
            .unwrap_or_else(|| place(resolved.facts, args, shard_count));
        if matches!(placement, Placement::Spread(_))
            && resolved.facts.flags.has(Flags::WRITE)
            && self.engine.scripts.may_get_busy()
        {
            // In parts it could not be refused any more when the first has run, and would wait for the script.
            placement = place_whole(resolved.facts, args, shard_count);
        }
        if session.caching.is_some() && matches!(resolved.facts.route, Route::Split(_)) {
            // It is one moment at which it reads all its keys.
            placement = place_whole(resolved.facts, args, shard_count);
        }
        let is_next = gathered.request.is_empty() || F::Probe::breaks(Rule::OwnOrder);
        if is_next {
            match self.run_inline(session, (resolved, handler), args, &placement) {
                Some(Ran::Replied) => return Step::Next,
                Some(Ran::Paused(resume)) => {
                    self.hold(session, (resolved, handler), args, &placement, resume);
                    return Step::Next;
                }
                Some(Ran::Aside(aside)) => {
                    self.hold_aside(session, (resolved, handler), args, &placement, aside);
                    return Step::Next;
                }
                Some(Ran::Deferred) => gathered.is_again = true,
                None => {}
            }
        }
        let frees_first = resolved.facts.route == Route::LendAll && self.frees_first(resolved.facts, args);
        let is_alone =
            placement.is_alone(resolved.facts) || session.choice.reply_mode != ReplyMode::On || frees_first;
        let is_alone = is_alone || session.caching.is_some();
        let is_full = is_alone || gathered.request.byte_count() > OPERATION_BYTES_MAX;
        if is_full && !gathered.request.is_empty() {
            return Step::Later;
        }
        if gathered.request.is_empty() {
            let (count, arguments, mut bytes) = commands.rest(index);
            if let Some(given) = self.executor.journal().given_argument() {
                bytes = bytes.saturating_sub(given.len());
                gathered.request.keep(Arc::clone(given));
            }
            gathered.request.reserve(count, arguments, bytes.min(OPERATION_BYTES_MAX));
        }
        gathered.request.push(
            (resolved.facts, handler),
            args,
            &placement,
            shard_count,
            self.executor.home_shard(),
        );
        gathered.commands.push(resolved.id);
        if is_alone {
            self.submit(session, std::mem::take(gathered));
        }
        if let Wait::Operation(pending) = &mut session.wait {
            pending.frees_first = frees_first;
        }
        Step::Next
    }

    /// Runs a command where it stands, if its shards can be had and are free.
    #[inline]
    fn run_inline(
        &mut self,
        session: &mut Session<F>,
        (resolved, handler): (Resolved<F>, CoreHandler),
        args: &Args<'_>,
        placement: &Placement,
    ) -> Option<Ran> {
        if resolved.facts.may_pause() && self.executor.has_paused() {
            return None;
        }
        let shard = match placement {
            Placement::One(shard) => *shard,
            Placement::Anywhere => self.executor.home_shard(),
            Placement::Spread(_) | Placement::Together(_) => {
                return self.run_together(session, (resolved, handler), args, placement);
            }
        };
        self.run_on(session, (resolved, handler), args, &[shard])
    }

    /// Runs a command on several shards where it stands, if it is one that may run so, and they can be had and are free.
    fn run_together(
        &mut self,
        session: &mut Session<F>,
        (resolved, handler): (Resolved<F>, CoreHandler),
        args: &Args<'_>,
        placement: &Placement,
    ) -> Option<Ran> {
        let whole;
        let shards = match placement {
            Placement::Together(shards) => shards,
            // What all shards do apart may take long.
            _ if matches!(resolved.facts.route, Route::AllShards(_)) => return None,
            _ if args.len() > TOGETHER_ARGUMENTS_MAX => {
                // While it is copied, others may have the shards.
                self.executor.release();
                return None;
            }
            _ => {
                whole = if resolved.shards.is_empty() {
                    shards_of_whole(resolved.facts, args, self.engine.hub.shard_count())
                } else {
                    resolved.shards.iter().collect()
                };
                &whole
            }
        };
        self.run_on(session, (resolved, handler), args, shards)
    }

    /// Takes shards, and tells whether something may run on them here and now. If somebody else holds one, he gets time once to put
    /// it back.
    #[inline]
    pub(super) fn get(&mut self, shards: &[ShardId]) -> bool {
        (self.executor.hold_all(shards) || self.get_again(shards)) && self.executor.are_free(shards)
    }

    #[cold]
    fn get_again(&mut self, shards: &[ShardId]) -> bool {
        // Nobody waits for anybody while he has something that others want.
        self.executor.release();
        std::thread::yield_now();
        self.executor.hold_all(shards)
    }

    /// Runs a command on these shards, if they can be had and are free.
    #[inline]
    fn run_on(
        &mut self,
        session: &mut Session<F>,
        (resolved, handler): (Resolved<F>, CoreHandler),
        args: &Args<'_>,
        shards: &[ShardId],
    ) -> Option<Ran> {
        if !self.get(shards) {
            return None;
        }
        self.notify_before(session);
        self.keep_only(resolved.facts, session.choice.db, args, shards);
        let begin = session.output.end();
        let mut setting = session.setting(self.time.now);
        let run = (resolved.facts, handler);
        if F::Probe::breaks(Rule::ReadsNotedFirst) {
            self.note_later(run, args, &mut setting, shards);
        }
        let ran = {
            let mut out = session.output.sink(session.choice.style);
            match *shards {
                [shard] => self.executor.run(shard, run, args, &setting, &mut out),
                _ => {
                    let known = self.scratch.ahead.known_keys(resolved.facts, args, resolved.keys);
                    self.executor.run_together(shards, run, (args, known), &setting, &mut out)
                }
            }
        };
        if matches!(ran, Ran::Replied) {
            self.note_reply(session, resolved.facts, args, begin);
            self.finish_command(session, resolved, begin);
            if resolved.facts.route == Route::LendAll && self.frees_first(resolved.facts, args) {
                self.hold_until_freed(session, begin);
                self.notify_in_front(session, begin);
            }
            self.deliver_own(session);
            if resolved.facts.may_pause() {
                self.catch_up();
            }
        }
        Some(ran)
    }

    /// Runs a command of the engine or its front, and returns what it leaves to the turn.
    pub(super) fn call(
        &self,
        session: &mut Session<F>,
        handler: engine::Handler<F>,
        args: &[&[u8]],
    ) -> Option<FollowUp<F>> {
        let mut call = Call {
            engine: &self.engine,
            front: &self.front,
            session,
            worker: self.id(),
            now: self.time.now,
            follow_up: None,
        };
        if let Err(error) = handler.run(&mut call, args) {
            call.reply().refuse(&error);
        }
        call.follow_up
    }

    fn run_own_command(
        &mut self,
        session: &mut Session<F>,
        (resolved, handler): (Resolved<F>, engine::Handler<F>),
        args: &Args<'_>,
    ) {
        self.notify_before(session);
        let begin = session.output.end();
        // It may wait, or read and write files.
        self.executor.release();
        if resolved.facts.group != Group::Transactions {
            // It may ask for what this worker knows.
            memory::tell();
            self.publish_counters();
        }
        if resolved.facts.flags.has(Flags::BLOCKING) {
            self.cover.note(&self.engine.persistence, session, &self.scratch.executed);
            self.mark_writes(session, false);
        }
        session.client.note_command(resolved.id);
        let timing = self.executor.journal().begin_command(resolved.facts.name, true);
        let follow_up = self.call(session, handler, args);
        self.catch_up();
        // What has changed who runs it, or where, is told as it is now.
        let seen = self.seen(session, resolved.facts, args);
        match follow_up {
            Some(FollowUp::Multi) => self.multi(session),
            Some(FollowUp::Exec(queue)) => {
                self.exec(session, (resolved, args[0]), queue);
                self.catch_up();
                if matches!(session.wait, Wait::Nothing) {
                    // Those who look on were told where its commands ran.
                    self.executor.journal().end_command(|| seen, timing, Ended::Over);
                }
                return;
            }
            Some(FollowUp::Watch) => return self.watch(session, resolved, args),
            Some(FollowUp::Unwatch(watched)) => self.executor.unwatch(*watched),
            Some(FollowUp::WaitForLog) => self.note_log_wait(session),
            Some(FollowUp::ResetStats) => self.reset_all_stats(),
            Some(FollowUp::ShutDown) => return self.shut_down(session, resolved, args),
            None => {}
        }
        if let Wait::Until(_, reply) = &mut session.wait
            && matches!(session.choice.reply_mode, ReplyMode::Off | ReplyMode::Skip)
        {
            *reply = TimedReply::Nothing;
        }
        self.end_own(&seen, timing);
        self.note_reply(session, resolved.facts, args, begin);
        self.finish_command(session, resolved, begin);
        self.take_up_settings();
        self.identify(session, true);
        self.deadlines.add(session.deadline(), session.client.slot());
    }

    /// A command of the engine or its front has ended.
    pub(super) fn end_own(&mut self, seen: &Seen<'_>, timing: Option<Timing>) {
        let journal = self.executor.journal();
        journal.end_command(|| *seen, timing, Ended::Over);
        journal.tell(|| *seen);
    }

    #[inline]
    pub(super) fn finish_command(&mut self, session: &mut Session<F>, resolved: Resolved<F>, begin: usize) {
        self.scratch.executed.push(resolved.id);
        if let Some(text) = session.output.error_at(begin) {
            self.count_failure(resolved.id, text);
        }
        if session.choice.reply_mode != ReplyMode::On {
            // What confirms a subscription is a message, not a reply.
            let begin = if subscribes(resolved.facts) { session.output.end() } else { begin };
            self.finish_reply(session, begin);
        }
    }

    /// Makes an operation of a command that has paused; the session waits for it.
    #[cold]
    fn hold(
        &mut self,
        session: &mut Session<F>,
        command: (Resolved<F>, CoreHandler),
        args: &Args<'_>,
        placement: &Placement,
        resume: Resume,
    ) {
        let request = self.request_of(session, command, args, placement);
        let setting = session.setting(self.time.now);
        let operation = self.executor.keep_paused(request, setting, session.origin(), resume);
        operation.note_moment(self.engine.broker.sent(self.id()));
        if let Wait::Operation(pending) = &mut session.wait {
            pending.submitted = Some(operation);
        }
    }

    /// Makes an operation of a command that goes on as an errand; the session waits for it.
    #[cold]
    fn hold_aside(
        &mut self,
        session: &mut Session<F>,
        command: (Resolved<F>, CoreHandler),
        args: &Args<'_>,
        placement: &Placement,
        aside: Aside,
    ) {
        let request = self.request_of(session, command, args, placement);
        let setting = session.setting(self.time.now);
        let sent = self.engine.broker.sent(self.id());
        let operation = self.executor.keep_aside(request, setting, session.origin(), aside);
        operation.note_moment(sent);
        if let Wait::Operation(pending) = &mut session.wait {
            pending.submitted = Some(operation);
            pending.is_aside = true;
        }
        // Its client may have left already.
        session.is_broken |= session.has_ended;
    }

    /// The request of a command that has begun; the session waits for its reply.
    fn request_of(
        &mut self,
        session: &mut Session<F>,
        (resolved, handler): (Resolved<F>, CoreHandler),
        args: &Args<'_>,
        placement: &Placement,
    ) -> Request {
        let mut request = Request::default();
        let (shard_count, home) = (self.engine.hub.shard_count(), self.executor.home_shard());
        request.push((resolved.facts, handler), args, placement, shard_count, home);
        self.await_parts(session, SmallVec::from_slice(&[resolved.id]), request.byte_count());
        request
    }

    /// Submits what was gathered; the session waits for it.
    fn submit(&mut self, session: &mut Session<F>, gathered: Gathered) {
        if !gathered.request.is_empty() {
            let mut setting = session.setting(self.time.now);
            setting.is_again = gathered.is_again;
            if let [command] = gathered.commands[..]
                && self.engine.table.get(usize::from(command)).facts.flags.has(Flags::BLOCKING)
            {
                setting.guard = session.guard_of_waiter((&self.engine.access, &self.front));
            }
            self.submit_in(session, gathered, setting);
        }
    }

    pub(super) fn submit_in(
        &mut self,
        session: &mut Session<F>,
        gathered: Gathered,
        setting: Setting<Style<F>>,
    ) {
        self.await_parts(session, gathered.commands, gathered.request.byte_count());
        let operation = self.executor.submit(gathered.request, setting, session.origin());
        if let Wait::Operation(pending) = &mut session.wait {
            pending.may_block = operation.may_block();
            pending.submitted = Some(operation);
        }
    }

    /// Makes the session wait for the parts of an operation of these commands.
    fn await_parts(
        &mut self,
        session: &mut Session<F>,
        commands: SmallVec<[u16; 32]>,
        argument_bytes: usize,
    ) {
        session.wait = Wait::Operation(Box::new(PendingParts {
            keeps_reply: session.choice.reply_mode == ReplyMode::On,
            commands,
            argument_bytes,
            ..PendingParts::default()
        }));
        if session.choice.reply_mode == ReplyMode::Skip {
            session.choice.reply_mode = ReplyMode::On;
        }
    }
}
