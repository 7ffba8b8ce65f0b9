//! One worker: what it does with its shard and its clients, in steps between which others run.
//!
//! It does what the server's worker does for ordinary commands: those whose keys are on its shard run inline, others
//! are gathered into an operation together with what follows them; replies are sent after effects were handed over.

use std::sync::Arc;

use kora_core::command::spec::Facts;
use kora_core::command::table::Handler;
use kora_core::context::CoreHandler;
use kora_core::db::DbIndex;
use kora_core::shard::operation::{Operation, Part, Request, Setting};
use kora_core::shard::replies::Replies as _;
use kora_core::shard::route::{Placement, place};
use kora_core::shard::runner::{Ran, Shard};
use kora_core::slot::{ShardId, Slot};
use kora_core::store::watch::Watch;
use kora_core::time::UnixMs;

use super::client::{Pending, Sent};
use super::driver::{Bell, Note, NotedReplies, Origin, SimulationDriver, Unblock, take_notes};
use super::record::{Call, CallId, OperationId, Record};
use super::transaction::{Exec, is_transactional};
use super::{Fault, Simulation};

/// What a worker is doing.
#[derive(Debug)]
pub(super) enum State {
    Awake,
    Asleep,
    /// Inside the critical section of a submission.
    Submitting,
    /// It waits until another worker leaves the critical section.
    WaitingToSubmit(Box<Gathered>),
}

/// A worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) shard: Shard<SimulationDriver>,
    pub(super) bell: Bell,
    pub(super) state: State,
    /// The time it took last.
    pub(super) now: UnixMs,
}

/// Commands of one client on their way to an operation.
#[derive(Debug)]
pub(super) struct Gathered {
    client: usize,
    request: Request,
    /// It is this transaction rather than a request.
    pub(super) exec: Option<Exec>,
    /// Who watches, if it is WATCH.
    pub(super) watch: Option<Arc<Watch>>,
    pub(super) record: Record,
    /// Shards that take part, as far as one can tell from where each command runs.
    pub(super) shards: Vec<ShardId>,
    /// The shard of each item of each command in turn.
    items: Vec<(ShardId, usize)>,
    is_spread: bool,
    pub(super) is_lend: bool,
}

impl Gathered {
    /// Whether it goes through no lanes.
    fn is_on_one_shard(&self) -> bool {
        !self.is_spread && self.shards.len() == 1
    }
}

/// A command whose place is known.
pub(super) struct Placed {
    pub(super) facts: &'static Facts,
    pub(super) handler: CoreHandler,
    pub(super) placement: Placement,
}

impl Simulation<'_> {
    /// Receives and runs what has arrived.
    pub(super) fn poll(&mut self, worker: usize) {
        self.workers[worker].shard.poll();
        self.note_started(worker);
        self.run_driven(worker);
        for blocked in self.workers[worker].shard.take_blocked() {
            self.take_blocked(blocked);
        }
        for part in self.workers[worker].shard.take_finished() {
            self.take_part(part);
        }
        for Unblock(operation) in self.workers[worker].shard.take_driver_mail() {
            if let Some(waiter) = self.clients[operation.origin.client].waiter() {
                self.hub.forget(waiter);
            }
            self.take_part(operation.timed_out());
        }
        // A reply that says that a wait is over is nothing that ran.
        take_notes();
    }

    pub(super) fn take_part(&mut self, part: Part<SimulationDriver>) {
        let client = part.operation.origin.client;
        let part_count = part.operation.part_count();
        let Some(pending) = &mut self.clients[client].pending else {
            // Its client has left, and nobody receives it.
            if part.operation.may_block() {
                self.queues.note_unreceived(part.replies);
            }
            return;
        };
        pending.parts.push(part);
        if pending.parts.len() == part_count {
            self.finish_operation(client);
        }
    }

    fn finish_operation(&mut self, client: usize) {
        let Some(Pending { operation, mut parts, .. }) = self.clients[client].pending.take() else { return };
        let mut whole = NotedReplies::new(None);
        let shared = Arc::clone(&parts[0].operation);
        shared.assemble(&mut parts, &mut whole);
        self.history.reply(operation, whole.into_values());
        self.clients[client].answered.push(operation);
    }

    /// Runs up to `command_count` of the commands that a client has sent, as far as they can run now.
    pub(super) fn serve(&mut self, worker: usize, client: usize, command_count: usize) {
        let mut gathered: Option<Gathered> = None;
        for _ in 0..command_count {
            let Some(sent) = self.clients[client].input.pop_front() else { break };
            if is_transactional(&sent.args) {
                if gathered.is_some() {
                    self.clients[client].input.push_front(sent);
                    break;
                }
                if self.serve_transactional(worker, client, sent) {
                    continue;
                }
                return;
            }
            let has_other_db = gathered.as_ref().is_some_and(|gathered| gathered.record.db != sent.db);
            let placed = self.place(&sent);
            let is_alone = placed.placement.is_alone(placed.facts);
            if self.may_run_inline(worker, &placed, gathered.is_some())
                && self.run_inline(worker, client, &placed, &sent)
            {
                continue;
            }
            if gathered.is_some() && (is_alone || has_other_db) {
                self.clients[client].input.push_front(sent);
                break;
            }
            let gathered = gathered.get_or_insert_with(|| self.gather(worker, client, &sent));
            self.add(worker, gathered, &placed, sent);
            if is_alone {
                break;
            }
        }
        if let Some(gathered) = gathered {
            self.submit(worker, Box::new(gathered));
        }
    }

    fn place(&self, sent: &Sent) -> Placed {
        let args: Vec<&[u8]> = sent.args.iter().map(Vec::as_slice).collect();
        let command = self.table.resolve(&args).expect("the workload sends well-formed commands");
        let Handler::Core(handler) = command.handler else {
            unreachable!("there are no others in this table")
        };
        let placement = place(command.facts, &args, self.hub.shard_count());
        Placed { facts: command.facts, handler, placement }
    }

    pub(super) fn may_run_inline(&mut self, worker: usize, placed: &Placed, has_gathered: bool) -> bool {
        let shard = &mut self.workers[worker].shard;
        let is_here = match placed.placement {
            Placement::Anywhere => true,
            Placement::One(place) => place == shard.id(),
            Placement::Spread(_) | Placement::Together(_) => false,
        };
        let is_next = !has_gathered || self.fault == Some(Fault::OvertakesItself);
        let may_run = is_here
            && is_next
            && match self.fault {
                Some(Fault::IgnoresLane) => shard.store().is_some(),
                _ => {
                    shard.receive();
                    shard.is_free()
                }
            };
        self.note_started(worker);
        may_run
    }

    fn run_inline(&mut self, worker: usize, client: usize, placed: &Placed, sent: &Sent) -> bool {
        let process = self.clients[client].process;
        let Worker { shard, now, .. } = &mut self.workers[worker];
        let args: Vec<&[u8]> = sent.args.iter().map(Vec::as_slice).collect();
        let mut replies = NotedReplies::new(None);
        let run = (placed.facts, placed.handler);
        let ran = shard.run(run, &args, &setting(sent.db, *now, None), &mut replies);
        if matches!(ran, Ran::Deferred) {
            return false;
        }
        replies.end_item();
        let record = record(process, sent, *now);
        let calls = vec![Call { args: sent.args.clone(), sequence: sent.sequence, reply: None }];
        let operation = self.history.add(Record { calls, ..record });
        self.history.reply(operation, replies.into_values());
        self.history.chains[worker].push((operation, 0));
        self.queues.note_ran(operation);
        self.clients[client].answered.push(operation);
        // Whom it has served come right behind it.
        self.note_started(worker);
        true
    }

    pub(super) fn gather(&self, worker: usize, client: usize, first: &Sent) -> Gathered {
        Gathered {
            client,
            request: Request::default(),
            exec: None,
            watch: None,
            record: record(self.clients[client].process, first, self.workers[worker].now),
            shards: Vec::new(),
            items: Vec::new(),
            is_spread: false,
            is_lend: false,
        }
    }

    pub(super) fn add(&self, worker: usize, gathered: &mut Gathered, placed: &Placed, sent: Sent) {
        let args: Vec<&[u8]> = sent.args.iter().map(Vec::as_slice).collect();
        let home = self.workers[worker].shard.id();
        let command = (placed.facts, placed.handler);
        gathered.request.push(command, &args, &placed.placement, self.hub.shard_count(), home);
        let call = gathered.record.calls.len();
        let items = item_shards(placed, &args, self.hub.shard_count(), home);
        gathered.items.extend(items.into_iter().map(|shard| (shard, call)));
        match &placed.placement {
            Placement::Anywhere => gathered.shards.push(home),
            Placement::One(shard) => gathered.shards.push(*shard),
            Placement::Spread(_) => gathered.is_spread = true,
            Placement::Together(shards) => {
                gathered.is_lend = true;
                gathered.shards.extend(shards);
            }
        }
        gathered.shards.sort_unstable();
        gathered.shards.dedup();
        // Commands sent at different steps make one record: the last was sent before any of them ran.
        gathered.record.invoked = gathered.record.invoked.max(sent.invoked);
        gathered.record.calls.push(Call { args: sent.args, sequence: sent.sequence, reply: None });
    }

    /// Submits an operation at once or, if it involves several shards, perhaps step by step.
    pub(super) fn submit(&mut self, worker: usize, gathered: Box<Gathered>) {
        let is_stepwise = !gathered.is_on_one_shard() && !self.random.one_in(3);
        if self.submission.is_some() && !gathered.is_on_one_shard() {
            self.workers[worker].state = State::WaitingToSubmit(gathered);
            return;
        }
        let Gathered { client, request, exec, watch, record, shards, items, is_lend, .. } = *gathered;
        let (db, now) = (record.db, record.now);
        let operation = self.history.add(record);
        for (shard, call) in items {
            self.items.entry((operation.0, shard.index())).or_default().push(call);
        }
        if is_lend || request.may_block() {
            self.lent.insert(operation.0, shards);
        }
        let transaction = exec.map(|exec| self.transaction(worker, exec, (db, now), Some(operation)));
        let Worker { shard, state, .. } = &mut self.workers[worker];
        let origin = Origin { worker: shard.id(), client };
        let setting = Setting { watch, ..setting(db, now, Some(operation)) };
        let shared = if is_stepwise {
            shard.hand_over();
            let shared = Arc::new(match transaction {
                Some(transaction) => Operation::of_transaction(transaction, origin),
                None => Operation::new(request, setting, origin),
            });
            self.submission = Some(super::SubmissionUnderWay {
                worker,
                steps: self.hub.begin_submission(Arc::clone(&shared)),
                is_pushed: false,
                is_published: false,
            });
            *state = State::Submitting;
            shared
        } else {
            let shared = match transaction {
                Some(transaction) => shard.submit_transaction(transaction, origin),
                None => shard.submit(request, setting, origin),
            };
            self.note_started(worker);
            shared
        };
        self.clients[client].pending = Some(Pending { operation, parts: Vec::new(), shared, waiter: None });
    }

    /// Goes on after another worker left the critical section.
    pub(super) fn submit_at_last(&mut self, worker: usize) {
        let state = std::mem::replace(&mut self.workers[worker].state, State::Awake);
        match state {
            State::WaitingToSubmit(gathered) => self.submit(worker, gathered),
            other => self.workers[worker].state = other,
        }
    }

    /// Deletes keys whose time has come. In the history that is a command of the shard's own, at a time at which
    /// nothing has expired yet: it finds what it deletes. Nobody waits for it, so real time does not bind it.
    pub(super) fn sweep(&mut self, worker: usize) {
        // What has arrived runs first, and is none of the sweep.
        self.poll(worker);
        let Worker { shard, now, .. } = &mut self.workers[worker];
        shard.hand_over();
        let before = self.effects.lock().expect("one thread").len();
        shard.sweep(*now, usize::MAX);
        shard.hand_over();
        let mut deleted = Vec::new();
        for effect in &self.effects.lock().expect("one thread")[before..] {
            let args = effect.args.iter().map(|arg| arg.to_vec()).collect();
            let reply = Some(kora_core::reply::Value::Integer(1));
            deleted.push(Record {
                process: self.sweepers[worker],
                db: effect.db,
                now: UnixMs(0),
                calls: vec![Call { args, sequence: 0, reply }],
                invoked: 0,
                responded: None,
            });
        }
        for record in deleted {
            let operation = self.history.add(record);
            self.history.chains[worker].push((operation, 0));
        }
    }

    /// Sends what was replied, after the effects were handed over.
    pub(super) fn flush(&mut self, worker: usize) {
        self.workers[worker].shard.hand_over();
        for client in self.clients.iter_mut().filter(|client| client.worker == worker && !client.has_left) {
            for operation in client.answered.drain(..) {
                self.history.records[operation.0].responded = Some(self.step);
            }
        }
    }

    /// Notes where in the shards' orders the commands stand that have just run on `worker`. One that waits begins to run
    /// whenever it is to be served; one of those places is its own: see [`super::waiting`].
    pub(super) fn note_started(&mut self, worker: usize) {
        for note in take_notes() {
            match note {
                Note::Began(operation) => {
                    self.queues.note_ran(operation);
                    self.items_run.remove(&(operation.0, worker));
                    let record = self.history.get(operation);
                    if record.is_waiting_command() || record.is_transaction() {
                        self.note_ran(worker, (operation, 0));
                    }
                }
                Note::RanItem(operation) => {
                    self.queues.note_replied(operation);
                    if self.history.get(operation).is_transaction() {
                        continue;
                    }
                    let count = self.items_run.entry((operation.0, worker)).or_default();
                    let items = self.items.get(&(operation.0, worker)).map_or(&[][..], Vec::as_slice);
                    let call = items.get(*count).copied().unwrap_or(0);
                    *count += 1;
                    if items.get(*count) != Some(&call) {
                        self.note_ran(worker, (operation, call));
                    }
                }
            }
        }
    }

    fn note_ran(&mut self, worker: usize, call: CallId) {
        match self.lent.get(&call.0.0) {
            Some(shards) => shards.iter().for_each(|shard| self.history.chains[shard.index()].push(call)),
            None => self.history.chains[worker].push(call),
        }
    }
}

/// The shards of a command's items, in order.
fn item_shards(placed: &Placed, args: &[&[u8]], shard_count: u16, home: ShardId) -> Vec<ShardId> {
    match &placed.placement {
        Placement::Anywhere => vec![home],
        Placement::One(shard) => vec![*shard],
        // One item, wherever it runs.
        Placement::Together(_) => Vec::new(),
        Placement::Spread(_) => match placed.facts.keys_to_end() {
            Some((first, step)) => {
                args[first..].iter().step_by(step).map(|key| Slot::of(key).shard(shard_count)).collect()
            }
            None => (0..shard_count).map(ShardId).collect(),
        },
    }
}

pub(super) fn record(process: usize, sent: &Sent, now: UnixMs) -> Record {
    Record { process, db: sent.db, now, calls: Vec::new(), invoked: sent.invoked, responded: None }
}

pub(super) fn setting(
    db: DbIndex,
    now: UnixMs,
    operation: Option<OperationId>,
) -> Setting<Option<OperationId>> {
    Setting { db, now, no_touch: false, style: operation, watch: None }
}
