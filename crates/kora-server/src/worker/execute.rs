//! From bytes received to replies: the hot path.
//!
//! Requests are taken a batch at a time. A first pass looks their commands up and asks the processor to fetch the
//! memory of their keys; the second runs them. Commands whose keys are on this worker's shard run inline, from the
//! read buffer into the output buffer. The others are copied into an operation together with whatever follows them
//! in the batch, so that a connection's commands take effect in the order they were sent.

use std::sync::atomic::Ordering;

use kora_core::command::spec::{CoreHandler, Facts, Flags, Group, Route};
use kora_core::command::table::Handler;
use kora_core::context::Resume;
use kora_core::error::CommandError;
use kora_core::reply::Reply;
use kora_core::shard::operation::{Request, Setting};
use kora_core::shard::route::{Placement, place, place_whole};
use kora_core::shard::runner::Ran;
use kora_protocol::{Limits, Resp};
use smallvec::SmallVec;

use super::Worker;
use super::batch::Args;
use super::room::Room;
use crate::client::{add, flag};
use crate::command::pubsub::{is_allowed_in_subscribe_mode, publishes, subscribe_mode_error, subscribes};
use crate::command::{Call, FollowUp, ServerHandler};
use crate::config::Permission;
use crate::connection::{Connection, PendingParts, ReplyMode, TimedReply, Wait};
use crate::memory;
use crate::resp::RespSink;
use crate::shared::PauseMode;

/// A batch whose operation holds more bytes than this is submitted before it grows further.
const OPERATION_BYTES_MAX: usize = 1024 * 1024;

/// Keys of one batch whose memory is fetched ahead: more would push each other out of the nearest cache.
const PREFETCH_KEYS_MAX: usize = 128;

/// A request whose command is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolved {
    pub(super) facts: &'static Facts,
    pub(super) handler: Handler<ServerHandler>,
    /// Place in the command table.
    pub(super) id: u16,
}

/// Commands of one connection on their way to an operation.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) request: Request,
    pub(super) commands: SmallVec<[u16; 32]>,
    /// The request of the batch that is being looked at.
    at: usize,
}

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is done, or on its way with others.
    Next,
    /// It can't run yet: it stays in the input.
    Later,
}

impl Worker {
    /// Runs the requests at the beginning of `bytes` as far as they can run now; returns how many bytes they took.
    pub(super) fn execute(&mut self, connection: &mut Connection, bytes: &[u8]) -> usize {
        let mut used = 0;
        connection.running_bytes = bytes.len();
        self.deliver_before(connection);
        while connection.may_run() && used < bytes.len() {
            let limits = self.limits(connection);
            let mut batch = std::mem::take(&mut self.batch);
            let parsed = batch.fill(&mut connection.parser, &bytes[used..], &limits);
            self.batch = batch;
            let count = self.batch.len();
            let done = self.run_batch(connection, &bytes[used..]);
            if done > 0 {
                used += self.batch.end(done - 1);
            }
            if done < count || !connection.may_run() {
                if done < count || parsed.is_err() {
                    connection.parser.reset();
                }
                break;
            }
            if let Err(error) = parsed {
                RespSink::new(&mut connection.output, connection.session.resp).protocol_error(error);
                self.count_error("ERR");
                tracing::debug!(client = connection.client.id.0, "{error}: closing the connection");
                connection.close_after_output();
                connection.running_bytes = 0;
                return bytes.len();
            }
            if count == 0 {
                break;
            }
        }
        connection.running_bytes = 0;
        self.deliver_after(connection);
        if self.notes_replies {
            self.tidings.note(&self.shared, connection, &self.executed);
        }
        if let Some(&last) = self.executed.last() {
            connection.client.last_command.store(u32::from(last), Ordering::Relaxed);
            add(&connection.client.commands, self.executed.len() as u64);
        }
        self.account();
        used
    }

    fn limits(&self, connection: &Connection) -> Limits {
        if connection.session.is_authenticated {
            self.limits
        } else {
            Limits::unauthenticated(self.config.max_bulk.0)
        }
    }

    /// Runs the batch's requests in order; returns how many are done or on their way.
    fn run_batch(&mut self, connection: &mut Connection, bytes: &[u8]) -> usize {
        let count = self.batch.len();
        self.is_busy = self.shared.scripts.is_busy();
        self.is_loading = self.shared.persistence.loading.is_on();
        self.refuses_writes = self.shared.persistence.refuses_writes();
        connection.only_reads = self.refuses_writes.then(|| self.shared.persistence.relents());
        self.take_up_config();
        self.look_ahead(connection, bytes);
        let mut gathered = Gathered::default();
        let mut done = 0;
        // Unquoted words of an inline request live in the parser while the connection is worked on.
        let parser = std::mem::take(&mut connection.parser);
        while done < count && connection.may_run() {
            let args = self.batch.args(done, bytes, &parser);
            gathered.at = done;
            if !args.is_empty() && self.run_request(connection, done, &args, &mut gathered) == Step::Later {
                break;
            }
            done += 1;
        }
        connection.parser = parser;
        self.submit(connection, gathered);
        done
    }

    /// First pass: finds the commands and starts to fetch the memory of their keys.
    fn look_ahead(&mut self, connection: &Connection, bytes: &[u8]) {
        self.resolved.clear();
        for index in 0..self.batch.len() {
            let args = self.batch.args(index, bytes, &connection.parser);
            let resolved = if args.is_empty() { None } else { self.resolve(&args) };
            self.resolved.push(resolved);
        }
        self.prefetch(connection, bytes);
    }

    /// Starts to fetch the table's and then the entries' memory for the batch's keys, so that the waits overlap.
    ///
    /// With several shards most batches become operations, whose shards do this for their own keys.
    fn prefetch(&mut self, connection: &Connection, bytes: &[u8]) {
        if self.shared.hub.shard_count() > 1 {
            return;
        }
        let Some(store) = self.shard.store() else { return };
        let db = connection.session.db;
        self.hashes.clear();
        for (index, resolved) in self.resolved.iter().enumerate() {
            let Some(facts) = resolved.map(|resolved| resolved.facts) else { continue };
            let keys = match facts.route {
                // The first key of a script, or, if it has none, an argument: which does no harm.
                Route::Script => Some((3, usize::MAX)),
                _ => facts.only_key().map(|key| (key, usize::MAX)).or_else(|| facts.keys_to_end()),
            };
            let Some((mut at, step)) = keys else { continue };
            while let Some(key) = self.batch.arg(index, at, bytes)
                && self.hashes.len() < PREFETCH_KEYS_MAX
            {
                self.hashes.push(store.prefetch_bucket(db, key));
                at = at.saturating_add(step);
            }
        }
        // A single key has nothing to overlap with.
        for &hash in self.hashes.iter().filter(|_| self.hashes.len() > 1) {
            store.prefetch_entry(db, hash);
        }
    }

    #[inline]
    fn resolve(&self, args: &[&[u8]]) -> Option<Resolved> {
        let command = self.shared.table.resolve(args).ok()?;
        let id = u16::try_from(command.id).expect("there are fewer than 65536 commands");
        Some(Resolved { facts: command.facts, handler: command.handler, id })
    }

    fn run_request(
        &mut self,
        connection: &mut Connection,
        index: usize,
        args: &Args<'_>,
        gathered: &mut Gathered,
    ) -> Step {
        let Some(resolved) = self.resolved[index] else {
            return self.refuse_unresolved(connection, args, gathered);
        };
        if self.has_gate(connection)
            && let Some(step) = self.pass_gate(connection, resolved, args, gathered)
        {
            return step;
        }
        if resolved.facts.flags.has(Flags::ADMIN) && !self.may_administer(connection, resolved) {
            return if gathered.request.is_empty() {
                self.refuse_debug(connection, resolved)
            } else {
                Step::Later
            };
        }
        let may_grow = resolved.facts.flags.has(Flags::DENYOOM);
        let wants_room = may_grow || resolved.facts.route == Route::Script;
        let is_full = wants_room && self.is_over_limit() && self.make_room() == Room::Nowhere;
        if is_full && (may_grow || self.is_script_in_need(connection, resolved, args)) {
            return self.refuse_memory(connection, resolved, gathered);
        }
        match resolved.handler {
            Handler::Core(handler) => self.run_core(connection, (resolved, handler), args, gathered),
            Handler::Driver(handler) => {
                if !gathered.request.is_empty() {
                    return Step::Later;
                }
                self.run_server(connection, (resolved, handler), args);
                Step::Next
            }
        }
    }

    /// Whether a script declares that it is not to run when memory is short.
    #[cold]
    fn is_script_in_need(&self, connection: &Connection, resolved: Resolved, args: &Args<'_>) -> bool {
        self.effective_flags(connection, resolved, args).has(Flags::DENYOOM)
    }

    /// Whether anything stands in the way of an ordinary command.
    #[inline]
    fn has_gate(&self, connection: &Connection) -> bool {
        !connection.session.is_authenticated
            || connection.is_in_subscribe_mode()
            || connection.session.reply_mode != ReplyMode::On
            || connection.session.queue.is_some()
            || self.pause.is_some()
            || self.is_busy
            || self.is_loading
            || self.refuses_writes
            || self.holds_publishers
            || !connection.watching.is_empty()
    }

    /// The exceptional states of a connection or of the server.
    #[cold]
    fn pass_gate(
        &mut self,
        connection: &mut Connection,
        resolved: Resolved,
        args: &Args<'_>,
        gathered: &mut Gathered,
    ) -> Option<Step> {
        let flags = self.effective_flags(connection, resolved, args);
        if !gathered.request.is_empty() {
            // Whatever the gate decides, it decides after what was sent before.
            return Some(Step::Later);
        }
        if !connection.session.is_authenticated && !flags.has(Flags::NO_AUTH) {
            self.reject(connection, resolved, "NOAUTH Authentication required.");
            return Some(Step::Next);
        }
        if connection.is_in_subscribe_mode() && !is_allowed_in_subscribe_mode(resolved.facts) {
            let text = subscribe_mode_error(resolved.facts);
            self.reject(connection, resolved, &text);
            return Some(Step::Next);
        }
        if self.is_unkeepable(resolved.facts.name, flags)
            && let Some(refusal) = self.shared.persistence.refusal()
        {
            self.reject(connection, resolved, &refusal.text());
            return Some(Step::Next);
        }
        if self.is_loading && !flags.has(Flags::LOADING) {
            self.reject(connection, resolved, "LOADING Redis is loading the dataset in memory");
            return Some(Step::Next);
        }
        if self.is_busy && !flags.has(Flags::ALLOW_BUSY) {
            self.reject(connection, resolved, &self.shared.scripts.busy_error().to_string());
            return Some(Step::Next);
        }
        if !self.is_busy && !connection.watching.is_empty() {
            connection.wait = Wait::Watches;
            return Some(Step::Later);
        }
        let waits = match self.pause {
            None => false,
            Some(PauseMode::All) => true,
            Some(PauseMode::Write) => flags.has(Flags::WRITE) || flags.has(Flags::MAY_REPLICATE),
        };
        if waits || self.holds_publishers && publishes(resolved.facts) {
            connection.wait = Wait::Pause;
            connection.client.set_flag(flag::BLOCKED, true);
            self.paused.push(connection.client.slot);
            return Some(Step::Later);
        }
        if connection.session.queue.is_some() { self.pass_queue(connection, resolved, args) } else { None }
    }

    /// Whether `enable-debug-command` allows the command.
    pub(super) fn may_administer(&self, connection: &Connection, resolved: Resolved) -> bool {
        let is_debug = resolved.facts.name == "debug" || resolved.facts.name.starts_with("debug|");
        !is_debug
            || match self.config.debug_command {
                Permission::Yes => true,
                Permission::Local => connection.session.is_local,
                Permission::No => false,
            }
    }

    #[cold]
    pub(super) fn refuse_debug(&mut self, connection: &mut Connection, resolved: Resolved) -> Step {
        self.reject(
            connection,
            resolved,
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it \
             from a local connection, otherwise you need to set this option in the configuration file, and then \
             restart the server.",
        );
        Step::Next
    }

    #[cold]
    pub(super) fn refuse_memory(
        &mut self,
        connection: &mut Connection,
        resolved: Resolved,
        gathered: &Gathered,
    ) -> Step {
        if !gathered.request.is_empty() {
            return Step::Later;
        }
        self.reject(connection, resolved, &CommandError::OutOfMemory.to_string());
        Step::Next
    }

    pub(super) fn reject(&mut self, connection: &mut Connection, resolved: Resolved, text: &str) {
        add(&self.counters().commands[usize::from(resolved.id)].rejected, 1);
        let abort = self.abort_transaction(connection, resolved.facts.name, text);
        self.reply_error(connection, abort.as_deref().unwrap_or(text));
    }

    fn reply_error(&mut self, connection: &mut Connection, text: &str) {
        let begin = connection.output.end();
        RespSink::new(&mut connection.output, connection.session.resp).error(text);
        self.finish_reply(connection, begin);
        self.count_error_text(text.as_bytes());
    }

    /// Applies CLIENT REPLY to the reply that begins at `begin`.
    pub(super) fn finish_reply(&mut self, connection: &mut Connection, begin: usize) {
        let mode = connection.session.reply_mode;
        if mode == ReplyMode::On {
            return;
        }
        if mode == ReplyMode::SkipNext {
            // CLIENT REPLY SKIP itself: it wrote nothing, and the next command is the one without a reply.
            connection.session.reply_mode = ReplyMode::Skip;
            return;
        }
        connection.output.truncate(begin);
        if mode == ReplyMode::Skip {
            connection.session.reply_mode = ReplyMode::On;
        }
    }

    #[cold]
    fn refuse_unresolved(
        &mut self,
        connection: &mut Connection,
        args: &Args<'_>,
        gathered: &Gathered,
    ) -> Step {
        if !gathered.request.is_empty() {
            return Step::Later;
        }
        if is_stray_http(args[0]) {
            tracing::warn!(
                client = connection.client.id.0,
                "possible attack: an HTTP request came from {}; closing the connection",
                connection.client.address
            );
            connection.is_broken = true;
            return Step::Next;
        }
        let Err(error) = self.shared.table.resolve(args) else { return Step::Later };
        let mut name = "";
        if let Some(command) = self.shared.table.find(args[0]) {
            add(&self.counters().commands[command.id].rejected, 1);
            name = command.facts.name;
        }
        let text = error.to_string();
        let abort = self.abort_transaction(connection, name, text.strip_prefix("ERR ").unwrap_or(&text));
        self.reply_error(connection, abort.as_deref().unwrap_or(&text));
        Step::Next
    }

    #[inline]
    fn run_core(
        &mut self,
        connection: &mut Connection,
        (resolved, handler): (Resolved, CoreHandler),
        args: &Args<'_>,
        gathered: &mut Gathered,
    ) -> Step {
        let shard_count = self.shared.hub.shard_count();
        let mut placement = place(resolved.facts, args, shard_count);
        if matches!(placement, Placement::Spread(_))
            && resolved.facts.flags.has(Flags::WRITE)
            && self.shared.scripts.may_get_busy()
        {
            // In parts it could not be refused any more when the first has run, and would wait for the script.
            placement = place_whole(resolved.facts, args, shard_count);
        }
        let is_here = match placement {
            Placement::Anywhere => true,
            Placement::One(shard) => shard == self.shard.id(),
            Placement::Spread(_) | Placement::Together(_) => false,
        };
        if is_here && gathered.request.is_empty() && self.shard.is_free() {
            match self.run_inline(connection, (resolved, handler), args) {
                Ran::Replied => return Step::Next,
                Ran::Paused(resume) => {
                    self.hold(connection, (resolved, handler), args, resume);
                    return Step::Next;
                }
                Ran::Deferred => {}
            }
        }
        let frees_first = resolved.facts.route == Route::LendAll && self.frees_first(resolved.facts, args);
        let is_alone = placement.is_alone(resolved.facts)
            || connection.session.reply_mode != ReplyMode::On
            || frees_first;
        let is_full = is_alone || gathered.request.byte_count() > OPERATION_BYTES_MAX;
        if is_full && !gathered.request.is_empty() {
            return Step::Later;
        }
        if gathered.request.is_empty() {
            let (commands, arguments, bytes) = self.batch.rest(gathered.at);
            gathered.request.reserve(commands, arguments, bytes.min(OPERATION_BYTES_MAX));
        }
        gathered.request.push((resolved.facts, handler), args, &placement, shard_count, self.shard.id());
        gathered.commands.push(resolved.id);
        if is_alone {
            self.submit(connection, std::mem::take(gathered));
        }
        if let Wait::Operation(pending) = &mut connection.wait {
            pending.frees_first = frees_first;
        }
        Step::Next
    }

    #[inline]
    fn run_inline(
        &mut self,
        connection: &mut Connection,
        (resolved, handler): (Resolved, CoreHandler),
        args: &Args<'_>,
    ) -> Ran {
        let begin = connection.output.end();
        let setting = self.setting(connection);
        let mut out = RespSink::new(&mut connection.output, connection.session.resp);
        let ran = self.shard.run((resolved.facts, handler), args, &setting, &mut out);
        if matches!(ran, Ran::Replied) {
            self.finish_command(connection, resolved, begin);
            self.deliver_own(connection);
            if resolved.facts.route == Route::LendAll && self.frees_first(resolved.facts, args) {
                self.hold_until_freed(connection, begin);
            }
        }
        ran
    }

    fn run_server(
        &mut self,
        connection: &mut Connection,
        (resolved, handler): (Resolved, ServerHandler),
        args: &Args<'_>,
    ) {
        let begin = connection.output.end();
        if resolved.facts.group != Group::Transactions {
            // It may ask for what this worker knows.
            memory::tell();
            self.publish_counters();
        }
        connection.client.last_command.store(u32::from(resolved.id), Ordering::Relaxed);
        let timing = self.shard.journal().begin_command(resolved.facts);
        let mut call = Call {
            shared: &self.shared,
            connection,
            worker: self.shard.id(),
            now: self.now,
            follow_up: None,
        };
        if let Err(error) = handler(&mut call, args) {
            call.reply().refuse(&error);
        }
        match call.follow_up.take() {
            Some(FollowUp::Multi) => self.multi(connection),
            Some(FollowUp::Exec(queue)) => {
                self.exec(connection, resolved, queue);
                return self.shard.journal().end_command(resolved.facts, timing);
            }
            Some(FollowUp::Watch) => return self.watch(connection, resolved, args),
            Some(FollowUp::Unwatch(watched)) => self.shard.unwatch(*watched),
            Some(FollowUp::WaitForLog { record, is_all }) => self.note_log_wait(connection, record, is_all),
            Some(FollowUp::ResetStats) => self.reset_all_stats(),
            Some(FollowUp::ShutDown) => return self.shut_down(connection, resolved, args),
            None => {}
        }
        if let Wait::Until(_, reply) = &mut connection.wait
            && matches!(connection.session.reply_mode, ReplyMode::Off | ReplyMode::Skip)
        {
            *reply = TimedReply::Nothing;
        }
        self.shard.journal().end_command(resolved.facts, timing);
        self.finish_command(connection, resolved, begin);
        self.take_up_config();
        self.deadlines.add(connection.deadline(), connection.client.slot);
    }

    #[inline]
    pub(super) fn finish_command(&mut self, connection: &mut Connection, resolved: Resolved, begin: usize) {
        self.executed.push(resolved.id);
        if let [b'-', text @ ..] = connection.output.text_at(begin) {
            self.count_failure(resolved.id, text);
        }
        if connection.session.reply_mode != ReplyMode::On {
            // What confirms a subscription is a message, not a reply.
            let begin = if subscribes(resolved.facts) { connection.output.end() } else { begin };
            self.finish_reply(connection, begin);
        }
    }

    #[inline]
    pub(super) fn setting(&self, connection: &Connection) -> Setting<Resp> {
        let session = &connection.session;
        Setting {
            db: session.db,
            now: self.now,
            no_touch: session.no_touch,
            style: session.resp,
            watch: None,
        }
    }

    /// Makes an operation of a command that has paused; the connection waits for it.
    #[cold]
    fn hold(
        &mut self,
        connection: &mut Connection,
        (resolved, handler): (Resolved, CoreHandler),
        args: &Args<'_>,
        resume: Resume,
    ) {
        let mut gathered = Gathered::default();
        let (here, shard_count) = (self.shard.id(), self.shared.hub.shard_count());
        gathered.request.push((resolved.facts, handler), args, &Placement::One(here), shard_count, here);
        gathered.commands.push(resolved.id);
        self.await_parts(connection, gathered.commands, gathered.request.byte_count());
        let setting = self.setting(connection);
        let operation = self.shard.hold(gathered.request, setting, connection.origin(), resume);
        if let Wait::Operation(pending) = &mut connection.wait {
            pending.submitted = Some(operation);
        }
    }

    /// Submits what was gathered; the connection waits for it.
    fn submit(&mut self, connection: &mut Connection, gathered: Gathered) {
        if !gathered.request.is_empty() {
            let setting = self.setting(connection);
            self.submit_in(connection, gathered, setting);
        }
    }

    pub(super) fn submit_in(
        &mut self,
        connection: &mut Connection,
        gathered: Gathered,
        setting: Setting<Resp>,
    ) {
        self.await_parts(connection, gathered.commands, gathered.request.byte_count());
        let operation = self.shard.submit(gathered.request, setting, connection.origin());
        if let Wait::Operation(pending) = &mut connection.wait {
            pending.may_block = operation.may_block();
            pending.submitted = Some(operation);
        }
    }

    /// Makes the connection wait for the parts of an operation of these commands.
    fn await_parts(
        &mut self,
        connection: &mut Connection,
        commands: SmallVec<[u16; 32]>,
        argument_bytes: usize,
    ) {
        connection.wait = Wait::Operation(Box::new(PendingParts {
            keeps_reply: connection.session.reply_mode == ReplyMode::On,
            commands,
            argument_bytes,
            ..PendingParts::default()
        }));
        if connection.session.reply_mode == ReplyMode::Skip {
            connection.session.reply_mode = ReplyMode::On;
        }
    }
}

/// Whether a browser was made to send this: requests that another site forged reach a local port as HTTP.
fn is_stray_http(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}
