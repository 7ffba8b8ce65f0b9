//! Clients that watch keys and send transactions.
//!
//! In the history a transaction is one command, `EXEC`, whose arguments are the commands in it, each behind the number of
//! its words: it runs as a unit or not at all, and the sequential model must agree on which.

use std::sync::Arc;

use kora_core::command::table::Handler;
use kora_core::command::transaction::RUN;
use kora_core::db::DbIndex;
use kora_core::reply::Value;
use kora_core::shard::replies::Replies as _;
use kora_core::shard::route::{Placement, place};
use kora_core::shard::transaction::Transaction;
use kora_core::store::watch::Watched;
use kora_core::time::UnixMs;

use super::client::Sent;
use super::driver::NotedReplies;
use super::record::{Args, Call, OperationId, Record};
use super::worker::{Placed, Worker, record, setting};
use super::{Fault, Simulation};

/// A transaction on its way to an operation.
#[derive(Debug)]
pub(super) struct Exec {
    commands: Vec<Args>,
    watched: Option<Watched>,
    /// The worker runs it with all stores brought to it, as the server's does with commands of its own.
    is_driven: bool,
}

/// A transaction as one command.
pub(super) fn encode(commands: &[Args]) -> Args {
    let mut args = vec![b"EXEC".to_vec()];
    for command in commands {
        args.push(command.len().to_string().into_bytes());
        args.extend_from_slice(command);
    }
    args
}

/// The commands in a transaction.
pub(super) fn decode<T: AsRef<[u8]>>(args: &[T]) -> Vec<&[T]> {
    let mut commands = Vec::new();
    let mut rest = &args[1..];
    while let [count, words @ ..] = rest {
        let count = std::str::from_utf8(count.as_ref()).ok().and_then(|count| count.parse().ok());
        let (command, behind) = words.split_at(count.expect("a count stands before each command"));
        commands.push(command);
        rest = behind;
    }
    commands
}

/// Whether a command is one of those here.
pub(super) fn is_transactional(args: &Args) -> bool {
    matches!(args[0].as_slice(), b"WATCH" | b"UNWATCH" | b"EXEC")
}

impl Simulation<'_> {
    /// Runs WATCH, UNWATCH or EXEC, at once if it can; `false` if it was submitted, and the client has to wait.
    pub(super) fn serve_transactional(&mut self, worker: usize, client: usize, sent: Sent) -> bool {
        match sent.args[0].as_slice() {
            b"WATCH" => self.watch(worker, client, sent),
            b"UNWATCH" => {
                if let Some(watched) = self.clients[client].watched.take() {
                    self.workers[worker].shard.unwatch(watched);
                }
                self.note_answer(worker, client, &sent, Value::Simple("OK".to_owned()));
                true
            }
            _ => self.exec(worker, client, sent),
        }
    }

    fn watch(&mut self, worker: usize, client: usize, sent: Sent) -> bool {
        let shard_count = self.hub.shard_count();
        let watched = self.clients[client].watched.get_or_insert_default();
        sent.args[1..].iter().for_each(|key| watched.add(sent.db, key, shard_count));
        let watch = Arc::clone(watched.watch());
        let args: Vec<&[u8]> = sent.args.iter().map(Vec::as_slice).collect();
        let placed = Placed { facts: RUN.0, handler: RUN.1, placement: place(RUN.0, &args, shard_count) };
        let is_here = matches!(placed.placement, Placement::One(_));
        if is_here && self.may_run_inline(worker, &placed, false) {
            let Worker { shard, now, .. } = &mut self.workers[worker];
            let setting =
                kora_core::shard::operation::Setting { watch: Some(watch), ..setting(sent.db, *now, None) };
            let mut replies = NotedReplies::new(None);
            let _ = shard.run((placed.facts, placed.handler), &args, &setting, &mut replies);
            self.note_answer(worker, client, &sent, Value::Simple("OK".to_owned()));
            return true;
        }
        let mut gathered = self.gather(worker, client, &sent);
        gathered.watch = Some(watch);
        self.add(worker, &mut gathered, &placed, sent);
        self.submit(worker, Box::new(gathered));
        false
    }

    fn exec(&mut self, worker: usize, client: usize, sent: Sent) -> bool {
        let mut watched = self.clients[client].watched.take();
        if self.fault == Some(Fault::ChecksWatchEarly)
            && let Some(watched) = watched.take_if(|watched| !watched.watch().is_dirty())
        {
            self.hub.unwatch(watched);
        }
        let commands: Vec<Args> = decode(&sent.args).into_iter().map(<[_]>::to_vec).collect();
        let now = self.workers[worker].now;
        let mut gathered = self.gather(worker, client, &sent);
        let is_driven = self.random.one_in(2);
        let exec = Exec { commands: commands.clone(), watched, is_driven };
        let transaction = self.transaction(worker, exec, (sent.db, now), None);
        let home = self.workers[worker].shard.id();
        let placed = Placed { facts: RUN.0, handler: RUN.1, placement: Placement::One(home) };
        if transaction.is_on(home) && self.may_run_inline(worker, &placed, false) {
            let reply = self.run_transaction(worker, &transaction, now);
            self.note_answer(worker, client, &sent, reply);
            return true;
        }
        gathered.shards = transaction.shards().to_vec();
        gathered.is_lend = gathered.shards.len() > 1 || is_driven;
        gathered.exec = Some(Exec { commands, watched: transaction.into_watched(), is_driven });
        gathered.record.calls.push(Call { args: sent.args, sequence: sent.sequence, reply: None });
        self.submit(worker, Box::new(gathered));
        false
    }

    /// Makes a transaction that is ready to run.
    pub(super) fn transaction(
        &self,
        worker: usize,
        exec: Exec,
        (db, now): (DbIndex, UnixMs),
        operation: Option<OperationId>,
    ) -> Transaction<Option<OperationId>> {
        let mut transaction = Transaction::new(setting(db, now, operation));
        for args in &exec.commands {
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            let command = self.table.resolve(&args).expect("the workload sends well-formed commands");
            let Handler::Core(handler) = command.handler else {
                unreachable!("there are no others in this table")
            };
            transaction.queue((command.facts, handler), &args, self.hub.shard_count());
        }
        if exec.is_driven {
            transaction.be_driven();
        }
        transaction.begin(exec.watched, now, self.workers[worker].shard.id());
        transaction
    }

    fn run_transaction(
        &mut self,
        worker: usize,
        transaction: &Transaction<Option<OperationId>>,
        now: UnixMs,
    ) -> Value {
        let shard = &mut self.workers[worker].shard;
        let has_run = shard.begin_transaction(transaction);
        let mut values = Vec::new();
        for index in (0..transaction.len()).filter(|_| has_run) {
            let mut replies = NotedReplies::new(None);
            let paused = shard.run_queued(transaction, index, transaction.setting(), &mut replies);
            debug_assert!(paused.is_none(), "there are no scripts here");
            replies.end_item();
            values.extend(replies.into_values());
        }
        shard.end_transaction(now);
        if has_run { Value::Array(values) } else { Value::Null }
    }

    /// Runs the transactions whose stores were brought to a worker. One whose client has left is as if it had never come.
    pub(super) fn run_driven(&mut self, worker: usize) {
        while let Some(mut driven) = self.workers[worker].shard.take_driven() {
            let client = driven.origin().client;
            let Some(pending) = self.clients[client].pending.take() else {
                self.workers[worker].shard.give_up_driven(driven);
                self.note_started(worker);
                continue;
            };
            let has_run = self.workers[worker].shard.begin_driven(&mut driven);
            let setting = driven.setting().clone();
            // Made here, so that its place in the order is noted here.
            let mut replies = NotedReplies::new(setting.style);
            for index in (0..driven.len()).filter(|_| has_run) {
                let shard = &mut self.workers[worker].shard;
                let paused = shard.run_driven(&mut driven, index, &setting, &mut replies);
                debug_assert!(paused.is_none(), "there are no scripts here");
                replies.end_item();
            }
            self.note_started(worker);
            let values = replies.into_values();
            let reply = if has_run { Value::Array(values) } else { Value::Null };
            self.history.reply(pending.operation, vec![reply]);
            self.clients[client].answered.push(pending.operation);
            self.workers[worker].shard.end_driven(driven);
            self.note_started(worker);
        }
    }

    /// Notes the answer to a command that has run at once.
    fn note_answer(&mut self, worker: usize, client: usize, sent: &Sent, reply: Value) {
        let record = record(self.clients[client].process, sent, self.workers[worker].now);
        let calls = vec![Call { args: sent.args.clone(), sequence: sent.sequence, reply: None }];
        let operation = self.history.add(Record { calls, ..record });
        self.history.reply(operation, vec![reply]);
        if !self.history.get(operation).is_unwatch() {
            self.history.chains[worker].push((operation, 0));
        }
        self.queues.note_ran(operation);
        self.clients[client].answered.push(operation);
        // Whom it has served come right behind it.
        self.note_started(worker);
    }

    /// All clients forget what they watch.
    pub(super) fn unwatch_all(&mut self) {
        for watched in self.clients.iter_mut().filter_map(|client| client.watched.take()) {
            self.hub.unwatch(watched);
        }
    }
}
