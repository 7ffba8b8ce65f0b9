//! Transactions on the worker: commands that wait for EXEC, EXEC itself, and WATCH.
//!
//! The commands of the core run as one operation of the shards: at once and without any message if this worker's shard is
//! the only one of their keys and free. The server's own commands among them run on the connection's worker, in their
//! place in the order: between those of the core in the first case, while the replies are put together in the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::command::spec::{Flags, Route};
use kora_core::command::table::Handler;
use kora_core::command::transaction;
use kora_core::reply::Reply;
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
use super::room::Room;
use crate::command::{Call, persistence, setting_change};
use crate::connection::{Connection, PendingParts, ReplyMode, Wait};
use crate::driver::ServerDriver;
use crate::resp::{RespReplies, RespSink};
use crate::transaction::{OwnCommand, Queue, Queued};

/// A queue of no more bytes than this is used again for the next MULTI.
const QUEUE_BYTES_KEPT: usize = 16 * 1024;

/// Where the replies of the core's commands come from.
enum Source<'a> {
    /// They run here and now.
    Here(&'a Transaction<Resp>),
    /// They have run.
    Part(&'a mut Part<ServerDriver>),
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
                    let change = setting_change(resolved.facts.name, args, &self.config);
                    queue.push_own(resolved.id, (resolved.facts.flags, handler), args, change);
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
            let Queue { transaction, commands, .. } = &*queue;
            let has_run = self.shard.begin_transaction(transaction);
            self.write_exec(connection, commands, has_run, &mut Source::Here(transaction));
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
        connection.wait = Wait::Operation(Box::new(PendingParts {
            keeps_reply: true,
            commands: smallvec![resolved.id],
            begun: self.begin_account(),
            exec: Some(commands),
            ..PendingParts::default()
        }));
        self.shard.submit_transaction(transaction, connection.origin());
    }

    /// Replies to an EXEC whose operation has run.
    pub(super) fn finish_exec(&mut self, slot: usize, mut pending: PendingParts, commands: &[Queued]) {
        let Some(mut connection) = self.connections.get_mut(slot).and_then(Option::take) else { return };
        if !connection.output.has_buffer() {
            connection.output.set_buffer(self.spare_buffers.pop().unwrap_or_default());
        }
        if let Some(part) = pending.parts.first_mut() {
            let has_run = part.take_verdict();
            self.write_exec(&mut connection, commands, has_run, &mut Source::Part(part));
        }
        self.executed.extend_from_slice(&pending.commands);
        self.account(pending.begun);
        connection.publish(self.now);
        self.connections[slot] = Some(connection);
        self.enqueue(slot);
        self.note_dirty(slot);
    }

    /// Writes the reply to EXEC, running what is still to be run.
    fn write_exec(
        &mut self,
        connection: &mut Connection,
        commands: &[Queued],
        has_run: bool,
        source: &mut Source<'_>,
    ) {
        let begin = connection.output.end();
        let mut out = RespSink::new(&mut connection.output, connection.session.resp);
        if has_run {
            out.array(commands.len());
        } else {
            out.null_array();
        }
        drop_if_silent(connection, begin);
        let mut core_count = 0;
        for Queued { id, own } in commands.iter().filter(|_| has_run) {
            let begin = connection.output.end();
            match (own, &mut *source) {
                (Some(own), _) => self.run_own(connection, own),
                (None, Source::Here(transaction)) => {
                    let mut out = RespSink::new(&mut connection.output, connection.session.resp);
                    self.shard.run_queued(transaction, core_count, &mut out);
                    core_count += 1;
                }
                (None, Source::Part(part)) => {
                    let output = std::mem::take(&mut connection.output);
                    let mut replies = RespReplies::over(output, connection.session.resp);
                    part.replies.move_item(&mut replies);
                    connection.output = replies.into_output();
                }
            }
            self.executed.push(*id);
            if let [b'-', text @ ..] = connection.output.text_at(begin) {
                self.count_failure(*id, text);
            }
            drop_if_silent(connection, begin);
        }
        let mode = &mut connection.session.reply_mode;
        *mode = match *mode {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip => ReplyMode::On,
            mode => mode,
        };
    }

    /// Runs a command of the server's own as part of EXEC.
    fn run_own(&mut self, connection: &mut Connection, command: &OwnCommand) {
        crate::memory::tell();
        self.publish_counters();
        let args: Args<'_> = command.args.iter().map(|arg| &arg[..]).collect();
        connection.session.is_executing = true;
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
        debug_assert!(call.follow_up.is_none(), "what needs shards is not run inside EXEC");
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
            let ran = self.shard.run(false, run.1, args, &setting, &mut out);
            debug_assert!(matches!(ran, Ran::Replied), "WATCH never waits");
            self.finish_command(connection, resolved, begin);
            return;
        }
        let mut gathered = Gathered::default();
        gathered.request.push(run, args, &placement, shard_count, self.shard.id());
        gathered.commands.push(resolved.id);
        self.submit_in(connection, gathered, setting);
    }
}

/// Takes back what was written from `begin` on, if CLIENT REPLY says so.
fn drop_if_silent(connection: &mut Connection, begin: usize) {
    if matches!(connection.session.reply_mode, ReplyMode::Off | ReplyMode::Skip) {
        connection.output.truncate(begin);
    }
}
