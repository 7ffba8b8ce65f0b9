//! Transactions on the worker: commands that wait for EXEC, EXEC itself, and WATCH.
//!
//! The commands of the core run as one operation of the shards: at once and without any message if this worker's shard is
//! the only one of their keys and free. If commands of the server's own stand among them, this worker runs them all, in
//! order, with all stores they need in hand: it is brought those of other shards. So the result is the same whatever the
//! number of workers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::command::spec::{Flags, Route};
use kora_core::command::table::Handler;
use kora_core::command::transaction;
use kora_core::context::{Resume, Resumed};
use kora_core::reply::Reply;
use kora_core::shard::driven::Driven;
use kora_core::shard::operation::{Part, Setting};
use kora_core::shard::replies::Replies as _;
use kora_core::shard::route::{Placement, place};
use kora_core::shard::runner::Ran;
use kora_core::shard::transaction::Transaction;
use kora_protocol::Resp;
use smallvec::smallvec;

use super::Worker;
use super::batch::Args;
use super::execute::{Gathered, Resolved, Step};
use super::publish::OwnPushes;
use super::room::Room;
use crate::command::pubsub::subscribes as subscribes_to;
use crate::command::{Call, FollowUp, persistence};
use crate::connection::{Connection, PendingParts, ReplyMode, Wait};
use crate::driver::ServerDriver;
use crate::output::Output;
use crate::resp::{RespReplies, RespSink};
use crate::transaction::{OwnCommand, Queue, Queued};

/// A queue of no more bytes than this is used again for the next MULTI.
const QUEUE_BYTES_KEPT: usize = 16 * 1024;

/// Where the commands of the core run.
enum Source<'a> {
    /// Here and now, on this worker's store.
    Here(&'a Transaction<Resp>),
    /// Here and now, on stores that were brought.
    Driven(&'a mut Driven<ServerDriver>),
    /// They have run.
    Part(&'a mut Part<ServerDriver>),
}

/// How far an EXEC has come.
#[derive(Debug)]
struct ExecPlace {
    /// The command that comes next.
    next: usize,
    /// The command of the core that comes next, among those.
    next_of_core: usize,
}

/// What a connection was like when a command of its EXEC began.
struct Reached {
    /// Where the command's reply begins.
    begin: usize,
    /// CLIENT KILL of itself: the rest runs, and nobody is told.
    is_ended: bool,
}

impl Reached {
    fn of(connection: &Connection) -> Self {
        Self { begin: connection.output.end(), is_ended: connection.is_closing }
    }
}

/// An EXEC one of whose commands has paused. It has its stores in hand; its connection waits.
pub(super) struct HaltedExec {
    driven: Driven<ServerDriver>,
    /// Goes on with the command.
    resume: Resume,
    commands: Vec<Queued>,
    place: ExecPlace,
    pushes: Option<OwnPushes>,
    pending: Box<PendingParts>,
    /// The reply so far.
    output: Output,
}

impl Worker {
    /// Queues a command of a connection between MULTI and EXEC, or refuses it; `None` if it is one that runs at once.
    pub(super) fn pass_queue(
        &mut self,
        connection: &mut Connection,
        resolved: Resolved,
        args: &Args<'_>,
    ) -> Option<Step> {
        let facts = resolved.facts;
        if !self.may_administer(connection, resolved) {
            return Some(self.refuse_debug(connection, resolved));
        }
        if facts.flags.has(Flags::NO_MULTI) {
            self.reject(connection, resolved, "ERR Command not allowed inside a transaction");
            return Some(Step::Next);
        }
        let needs_room = self.effective_flags(connection, resolved, args).has(Flags::DENYOOM);
        if needs_room && self.is_over_limit() && self.make_room() == Room::Nowhere {
            return Some(self.refuse_memory(connection, resolved, &Gathered::default()));
        }
        if matches!(facts.name, "discard" | "exec" | "multi" | "quit" | "reset" | "watch") {
            return None;
        }
        self.queue(connection, resolved, args);
        Some(Step::Next)
    }

    fn queue(&mut self, connection: &mut Connection, resolved: Resolved, args: &Args<'_>) {
        let session = &mut connection.session;
        let has_failed = session.has_failed_watch();
        // What will not run need not be kept.
        if let Some(queue) = session.queue.as_mut().filter(|queue| !queue.is_aborted && !has_failed) {
            match resolved.handler {
                Handler::Core(handler) => {
                    let shard_count = self.shared.hub.shard_count();
                    // No snapshot may be taken in the midst of a transaction.
                    let handler = persistence::in_transaction(resolved.facts.name).unwrap_or(handler);
                    queue.push(resolved.id, (resolved.facts, handler), args, shard_count);
                }
                Handler::Driver(handler) => {
                    queue.push_own(resolved.id, (resolved.facts, handler), args);
                }
            }
        }
        connection.client.last_command.store(u32::from(resolved.id), Ordering::Relaxed);
        let begin = connection.output.end();
        RespSink::new(&mut connection.output, connection.session.resp).simple("QUEUED");
        self.finish_reply(connection, begin);
    }

    /// A command's flags; for EXEC those of what it runs, too, and of a script those it declares.
    pub(super) fn effective_flags(
        &self,
        connection: &Connection,
        resolved: Resolved,
        args: &Args<'_>,
    ) -> Flags {
        let flags = resolved.facts.flags;
        if resolved.facts.route == Route::Script {
            return self.shared.scripts.effective_flags(resolved.facts, args);
        }
        match &connection.session.queue {
            Some(queue) if resolved.facts.name == "exec" => flags.with(queue.flags),
            _ => flags,
        }
    }

    /// Notes that a command was refused, so that EXEC will be. Returns the text of the refusal: one of EXEC itself ends
    /// the transaction.
    pub(super) fn abort_transaction(
        &mut self,
        connection: &mut Connection,
        name: &str,
        text: &str,
    ) -> Option<String> {
        if name != "exec" {
            if let Some(queue) = &mut connection.session.queue {
                queue.is_aborted = true;
            }
            return None;
        }
        connection.session.queue = None;
        if let Some(watched) = connection.take_watched() {
            self.shard.unwatch(*watched);
        }
        Some(format!("EXECABORT Transaction discarded because of: {text}"))
    }

    /// MULTI, after the connection's part: begins to queue.
    pub(super) fn multi(&mut self, connection: &mut Connection) {
        let setting = self.setting(connection);
        connection.session.queue = Some(match self.spare_queue.take() {
            Some(mut queue) => {
                queue.reset(setting);
                queue
            }
            None => Box::new(Queue::new(setting)),
        });
    }

    /// EXEC: runs what was queued, at once if it can, else as an operation.
    pub(super) fn exec(&mut self, connection: &mut Connection, resolved: Resolved, mut queue: Box<Queue>) {
        let watched = connection.take_watched().map(|watched| *watched);
        let here = self.shard.id();
        queue.transaction.begin(watched, self.now, here);
        if queue.transaction.is_on(here) && self.shard.is_free() {
            let mut pushes = self.begin_own_pushes(connection, queue.subscribes());
            let Queue { transaction, commands, .. } = &*queue;
            let has_run = self.shard.begin_transaction(transaction);
            let reply_at = connection.output.len();
            let mut place = self.begin_exec(connection, commands, has_run);
            let source = &mut Source::Here(transaction);
            if let Some(resume) = self.run_exec(connection, commands, &mut place, source, &mut pushes) {
                let Queue { transaction, commands, .. } = *queue;
                let driven = self.shard.hold_transaction(transaction, connection.origin());
                let pending = pending_exec(resolved.id, None);
                let rest = HaltedExec {
                    driven,
                    resume,
                    commands,
                    place,
                    pushes,
                    pending,
                    output: Output::default(),
                };
                return self.halt_exec(connection, reply_at, rest);
            }
            self.end_own_pushes(connection, pushes);
            self.shard.end_transaction(self.now);
            self.executed.push(resolved.id);
            if queue.byte_count() <= QUEUE_BYTES_KEPT {
                queue.reset(self.setting(connection));
                self.spare_queue = Some(queue);
            }
            self.deliver_own(connection);
            return;
        }
        let Queue { transaction, commands, .. } = *queue;
        self.driven_to_come += usize::from(commands.iter().any(|command| command.own.is_some()));
        connection.wait = Wait::Operation(pending_exec(resolved.id, Some(commands)));
        let operation = self.shard.submit_transaction(transaction, connection.origin());
        if let Wait::Operation(pending) = &mut connection.wait {
            pending.submitted = Some(operation);
        }
    }

    /// Runs a transaction whose stores were brought here. If its client has left meanwhile, or was told that the server is
    /// busy, it is as if EXEC had never come.
    pub(super) fn run_driven(&mut self, mut driven: Driven<ServerDriver>) {
        self.driven_to_come -= 1;
        let origin = *driven.origin();
        let is_wanted = driven.begin();
        let waits = self.connection_of(origin).is_some_and(|connection| {
            is_wanted
                && !connection.is_broken
                && matches!(&connection.wait, Wait::Operation(pending) if pending.exec.is_some())
        });
        let connection = self.connections.get_mut(origin.slot).filter(|_| waits).and_then(Option::take);
        let Some(mut connection) = connection else {
            let _ = self.shard.begin_driven(&mut driven);
            return self.shard.end_driven(driven);
        };
        let Wait::Operation(mut pending) = std::mem::take(&mut connection.wait) else { return };
        let commands = pending.exec.take().unwrap_or_default();
        self.give_buffer(&mut connection);
        let subscribes = commands.iter().filter_map(|command| command.own.as_ref());
        let subscribes = subscribes.map(|own| own.facts).any(subscribes_to);
        let mut pushes = self.begin_own_pushes(&mut connection, subscribes);
        let has_run = self.shard.begin_driven(&mut driven);
        let reply_at = connection.output.len();
        let mut place = self.begin_exec(&mut connection, &commands, has_run);
        let source = &mut Source::Driven(&mut driven);
        if let Some(resume) = self.run_exec(&mut connection, &commands, &mut place, source, &mut pushes) {
            let rest =
                HaltedExec { driven, resume, commands, place, pushes, pending, output: Output::default() };
            self.halt_exec(&mut connection, reply_at, rest);
            self.connections[origin.slot] = Some(connection);
            return;
        }
        self.end_own_pushes(&mut connection, pushes);
        self.shard.end_driven(driven);
        self.end_exec(origin.slot, connection, &pending);
    }

    /// Keeps an EXEC one of whose commands has paused. Its reply so far, which begins at `reply_at` of what is unsent, is kept
    /// apart, so that nothing else is sent in the midst of it.
    #[cold]
    fn halt_exec(&mut self, connection: &mut Connection, reply_at: usize, mut halted: HaltedExec) {
        let mut before = Output::default();
        connection.output.move_front(reply_at, &mut before);
        halted.output = std::mem::replace(&mut connection.output, before);
        // It waits, for nothing that arrives.
        connection.wait = Wait::Operation(Box::default());
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
    fn resume_exec(&mut self, mut halted: Box<HaltedExec>) {
        let slot = halted.driven.origin().slot;
        let Some(mut connection) = self.connections.get_mut(slot).and_then(Option::take) else { return };
        std::mem::swap(&mut connection.output, &mut halted.output);
        let is_over = self.run_halted(&mut connection, &mut halted);
        std::mem::swap(&mut connection.output, &mut halted.output);
        if !is_over {
            self.connections[slot] = Some(connection);
            self.halted_exec = Some(halted);
            return;
        }
        let HaltedExec { driven, mut output, pushes, pending, .. } = *halted;
        self.give_buffer(&mut connection);
        output.move_front(output.len(), &mut connection.output);
        connection.wait = Wait::Nothing;
        self.end_own_pushes(&mut connection, pushes);
        self.shard.end_driven(driven);
        self.end_exec(slot, connection, &pending);
    }

    /// Goes on with the command that has paused, and with those behind it; whether all have come to their end.
    fn run_halted(&mut self, connection: &mut Connection, halted: &mut HaltedExec) -> bool {
        let HaltedExec { driven, resume, commands, place, pushes, .. } = halted;
        let setting = Setting { now: driven.now(), ..self.setting(connection) };
        let begun = Reached::of(connection);
        let mut out = RespSink::new(&mut connection.output, connection.session.resp);
        match self.shard.resume_driven(driven, *resume, &setting, &mut out) {
            Resumed::Paused => return false,
            Resumed::NeedsAll => out.error("ERR a script in a transaction has all stores from the start"),
            Resumed::Done(Ok(())) => {}
            Resumed::Done(Err(error)) => out.refuse(&error),
        }
        self.end_queued(connection, &commands[place.next - 1], begun);
        let next = self.run_exec(connection, commands, place, &mut Source::Driven(driven), pushes);
        if let Some(next) = next {
            *resume = next;
        }
        next.is_none()
    }

    /// Whether the EXEC of the connection at a place has come to a halt: it is needed until that has ended.
    pub(super) fn has_halted_exec(&self, slot: usize) -> bool {
        self.halted_exec.as_ref().is_some_and(|halted| halted.driven.origin().slot == slot)
    }

    pub(super) fn give_buffer(&mut self, connection: &mut Connection) {
        if !connection.output.has_buffer() {
            connection.output.set_buffer(self.spare_buffers.pop().unwrap_or_default());
        }
    }

    /// Lets the connection of an EXEC that was an operation go on.
    fn end_exec(&mut self, slot: usize, mut connection: Box<Connection>, pending: &PendingParts) {
        if self.notes_replies {
            self.tidings.note(&self.shared, &mut connection, &pending.commands);
        }
        self.executed.extend_from_slice(&pending.commands);
        self.account();
        connection.publish(self.now);
        self.connections[slot] = Some(connection);
        self.enqueue(slot);
        self.note_dirty(slot);
    }

    /// Replies to an EXEC whose operation has run.
    pub(super) fn finish_exec(&mut self, slot: usize, mut pending: PendingParts, commands: &[Queued]) {
        let Some(mut connection) = self.connections.get_mut(slot).and_then(Option::take) else { return };
        self.give_buffer(&mut connection);
        if let Some(part) = pending.parts.first_mut() {
            let has_run = part.take_verdict();
            let mut place = self.begin_exec(&mut connection, commands, has_run);
            let paused =
                self.run_exec(&mut connection, commands, &mut place, &mut Source::Part(part), &mut None);
            debug_assert!(paused.is_none(), "what has run does not pause");
        }
        self.end_exec(slot, connection, &pending);
    }

    /// Begins the reply to EXEC.
    fn begin_exec(&mut self, connection: &mut Connection, commands: &[Queued], has_run: bool) -> ExecPlace {
        let begin = connection.output.end();
        let mut out = RespSink::new(&mut connection.output, connection.session.resp);
        if has_run {
            out.array(commands.len());
        } else {
            out.null_array();
        }
        drop_if_silent(connection, begin);
        ExecPlace { next: if has_run { 0 } else { commands.len() }, next_of_core: 0 }
    }

    /// Writes the replies to EXEC's commands from `place` on, running those that are still to be run. If one pauses, the
    /// answer is how to go on with it.
    fn run_exec(
        &mut self,
        connection: &mut Connection,
        commands: &[Queued],
        place: &mut ExecPlace,
        source: &mut Source<'_>,
        pushes: &mut Option<OwnPushes>,
    ) -> Option<Resume> {
        while let Some(queued) = commands.get(place.next) {
            place.next += 1;
            let reached = Reached::of(connection);
            if let Some(own) = &queued.own {
                self.run_own(connection, own, source, pushes);
            } else {
                let paused = self.run_next_of_core(connection, source, place.next_of_core);
                place.next_of_core += 1;
                if paused.is_some() {
                    return paused;
                }
            }
            self.end_queued(connection, queued, reached);
        }
        let mode = &mut connection.session.reply_mode;
        *mode = match *mode {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip => ReplyMode::On,
            mode => mode,
        };
        None
    }

    /// Counts a command of EXEC that has come to its end, and takes its reply back if it is not to be told.
    fn end_queued(&mut self, connection: &mut Connection, Queued { id, own }: &Queued, reached: Reached) {
        let Reached { begin, is_ended } = reached;
        self.executed.push(*id);
        if let [b'-', text @ ..] = connection.output.text_at(begin) {
            self.count_failure(*id, text);
        }
        if is_ended {
            connection.output.truncate(begin);
        } else if !own.as_ref().is_some_and(|own| subscribes_to(own.facts)) {
            // What confirms a subscription is a message, not a reply.
            drop_if_silent(connection, begin);
        }
    }

    /// Writes the reply to the next command of the core, running it if it has not run. If it pauses, the answer is how to go
    /// on with it.
    fn run_next_of_core(
        &mut self,
        connection: &mut Connection,
        source: &mut Source<'_>,
        index: usize,
    ) -> Option<Resume> {
        let setting = self.setting(connection);
        match source {
            Source::Here(transaction) => {
                let mut out = RespSink::new(&mut connection.output, connection.session.resp);
                self.shard.run_queued(transaction, index, &setting, &mut out)
            }
            Source::Driven(driven) => {
                let setting = Setting { now: driven.now(), ..setting };
                let mut out = RespSink::new(&mut connection.output, connection.session.resp);
                self.shard.run_driven(driven, index, &setting, &mut out)
            }
            Source::Part(part) => {
                let output = std::mem::take(&mut connection.output);
                let mut replies = RespReplies::over(output, connection.session.resp);
                part.replies.move_item(&mut replies);
                connection.output = replies.into_output();
                None
            }
        }
    }

    /// Runs a command of the server's own as part of EXEC.
    fn run_own(
        &mut self,
        connection: &mut Connection,
        command: &OwnCommand,
        source: &mut Source<'_>,
        pushes: &mut Option<OwnPushes>,
    ) {
        if subscribes_to(command.facts) {
            self.collect_own_pushes(connection, pushes);
        }
        // It may ask for what this worker and its stores know.
        crate::memory::tell();
        self.publish_counters();
        if let Source::Driven(driven) = source {
            self.shard.publish_driven(driven);
            driven.stores().for_each(|store| self.shared.counters[store.id().index()].show(store));
        }
        let args: Args<'_> = command.args.iter().map(|arg| &arg[..]).collect();
        connection.session.is_executing = true;
        let timing = self.shard.journal().begin_command(command.facts);
        let mut call = Call {
            shared: &self.shared,
            connection,
            worker: self.shard.id(),
            now: self.now,
            follow_up: None,
        };
        if let Err(error) = (command.handler)(&mut call, &args) {
            call.reply().refuse(&error);
        }
        let follow_up = call.follow_up.take();
        self.shard.journal().end_command(command.facts, timing);
        match follow_up {
            None => {}
            Some(FollowUp::ResetStats) => {
                self.reset_all_stats();
                if let Source::Driven(driven) = source {
                    driven.stores().for_each(|store| self.shared.reset_store(store));
                }
            }
            Some(FollowUp::Unwatch(watched)) => self.shard.unwatch(*watched),
            Some(other) => debug_assert!(false, "{other:?} is not for a transaction"),
        }
        connection.session.is_executing = false;
        self.take_up_config();
    }

    /// WATCH, after the connection's part: adds the keys to those watched and tells their shards.
    pub(super) fn watch(&mut self, connection: &mut Connection, resolved: Resolved, args: &[&[u8]]) {
        let shard_count = self.shared.hub.shard_count();
        let db = connection.session.db;
        let watched = connection.session.watched.get_or_insert_default();
        args[1..].iter().for_each(|key| watched.add(db, key, shard_count));
        let watch = Arc::clone(watched.watch());
        *connection.client.watch.lock() = Some(Arc::clone(&watch));
        let setting = Setting { watch: Some(watch), ..self.setting(connection) };
        let run = transaction::RUN;
        let placement = place(run.0, args, shard_count);
        if placement == Placement::One(self.shard.id()) && self.shard.is_free() {
            let begin = connection.output.end();
            let mut out = RespSink::new(&mut connection.output, connection.session.resp);
            let ran = self.shard.run(run, args, &setting, &mut out);
            debug_assert!(matches!(ran, Ran::Replied), "WATCH never waits");
            self.finish_command(connection, resolved, begin);
            return;
        }
        let mut gathered = Gathered::default();
        gathered.request.push(run, args, &placement, shard_count, self.shard.id());
        gathered.commands.push(resolved.id);
        self.submit_in(connection, gathered, setting);
        if self.is_busy {
            self.answer_watch(connection);
        }
    }
}

/// What a connection waits for that has sent EXEC.
fn pending_exec(id: u16, exec: Option<Vec<Queued>>) -> Box<PendingParts> {
    Box::new(PendingParts { keeps_reply: true, commands: smallvec![id], exec, ..PendingParts::default() })
}

/// Takes back what was written from `begin` on, if CLIENT REPLY says so.
fn drop_if_silent(connection: &mut Connection, begin: usize) {
    if matches!(connection.session.reply_mode, ReplyMode::Off | ReplyMode::Skip) {
        connection.output.truncate(begin);
    }
}
