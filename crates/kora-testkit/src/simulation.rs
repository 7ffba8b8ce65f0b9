//! Shards, workers, clients and their schedule in one thread, from one seed: are operations atomic, isolated and in
//! order, whatever the schedule?
//!
//! The shards and what they share are the engine's own. Around them, workers and clients take steps in an order drawn
//! from the seed: a client sends a pipeline, a worker takes the time, polls its shard, runs some of a client's commands,
//! sends replies, sweeps, goes to sleep; a submission to several shards is done step by step with others in between; a
//! client leaves while its operation is under way. In the end:
//!
//! - the history must be explained by one sequential order that respects real time: [`check`];
//! - who waited for keys must have been served in the order in which they came, and nobody else: [`waiting`];
//! - the effects, applied to an empty store in the order they were handed over, must give the same contents;
//! - everything must have been answered although nobody polls a worker that sleeps and was not woken.
//!
//! That it would notice is shown by [`Fault`]s, each of which breaks one rule of the protocol.

mod check;
mod client;
mod driver;
mod model;
pub mod random;
mod record;
mod transaction;
mod waiting;
mod worker;
mod workload;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use kora_core::command::table::CommandTable;
use kora_core::db::DbIndex;
use kora_core::journal::{Effect, effects_of};
use kora_core::shard::hub::{Hub, Submission, Wake};
use kora_core::shard::runner::new_shards;
use kora_core::slot::ShardId;
use kora_core::time::UnixMs;
use kora_stream::record::RecordBuilder;

use client::{Client, Sent};
use driver::{Bell, SimulationDriver};
use model::Model;
use random::Random;
use record::{Args, History};
use waiting::Queues;
use worker::{State, Worker};
use workload::{DATABASE_COUNT, Workload};

/// The time at which a simulation begins.
const START: UnixMs = UnixMs(1_700_000_000_000);

/// No simulation takes as many steps as this.
const STEPS_MAX: u64 = 200_000;

/// Steps after which, on average, another worker, often one that submits, is kept from acting, or none.
const STALL_STEPS: usize = 30;

/// A rule of the protocol that a simulation breaks on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A worker runs commands inline without a look at its lane.
    IgnoresLane,
    /// A worker runs a command inline although an earlier one of the same client still waits to be submitted.
    OvertakesItself,
    /// A ticket is published before its operation stands in all lanes.
    PublishesEarly,
    /// Nobody wakes worker 0.
    LosesWakeUps,
    /// A client that waits for keys leaves without a word to the shards.
    ServesWhoLeft,
    /// EXEC looks at its watch when it is sent, not with the stores of the watched keys in hand.
    ChecksWatchEarly,
    /// A client leaves, and its watched keys stay in the stores.
    KeepsWatch,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::IgnoresLane,
        Self::OvertakesItself,
        Self::PublishesEarly,
        Self::LosesWakeUps,
        Self::ServesWhoLeft,
        Self::ChecksWatchEarly,
        Self::KeepsWatch,
    ];
}

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Number of shards, each with a worker.
    pub shard_count: u16,
    /// Number of clients at a time.
    pub client_count: usize,
    /// Pipelines that each client sends.
    pub pipeline_count: usize,
    /// What is broken, if anything.
    pub fault: Option<Fault>,
}

impl Default for Options {
    fn default() -> Self {
        Self { shard_count: 4, client_count: 8, pipeline_count: 6, fault: None }
    }
}

/// What a simulation did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Operations, sweeps included.
    pub operations: usize,
    /// Commands in them.
    pub commands: usize,
    /// Steps of the schedule.
    pub steps: u64,
}

impl Tally {
    /// The sum of two.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            operations: self.operations + other.operations,
            commands: self.commands + other.commands,
            steps: self.steps + other.steps,
        }
    }
}

/// What went wrong in a simulation.
#[derive(Debug)]
pub struct Anomaly {
    /// Its seed.
    pub seed: u64,
    /// What is wrong.
    pub reason: String,
    /// What clients sent and saw.
    pub history: String,
}

impl std::error::Error for Anomaly {}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}: {}\n{}", self.seed, self.reason, self.history)
    }
}

/// Simulates `seed`.
///
/// # Errors
/// If the engine broke a promise.
pub fn simulate(seed: u64, options: &Options) -> Result<Tally, Box<Anomaly>> {
    let table = CommandTable::new(&[], &[]);
    let effects = Arc::new(Mutex::new(Vec::new()));
    let bells: Vec<_> = (0..options.shard_count)
        .map(|shard| Bell::new(shard == 0 && options.fault == Some(Fault::LosesWakeUps)))
        .collect();
    let wakers = bells.iter().map(|bell| Box::new(bell.clone()) as Box<dyn Wake>).collect();
    let mut shards = new_shards::<SimulationDriver>(wakers, &model::config(), seed);
    for shard in &mut shards {
        let effects = Arc::clone(&effects);
        let sink = move |record: &RecordBuilder| {
            effects.lock().expect("one thread").extend(effects_of(record.bytes()));
        };
        shard.journal().set_recording(true);
        shard.set_effect_sink(Box::new(sink));
    }
    let hub = Arc::clone(shards[0].hub());
    let workers = shards
        .into_iter()
        .zip(bells)
        .map(|(shard, bell)| Worker { shard, bell, state: State::Awake, now: START })
        .collect();
    let mut simulation = Simulation {
        table: &table,
        hub: &hub,
        workers,
        clients: Vec::new(),
        sweepers: Vec::new(),
        submission: None,
        history: History::new(options.shard_count),
        queues: Queues::default(),
        lent: HashMap::new(),
        items: HashMap::new(),
        items_run: HashMap::new(),
        effects,
        workload: Workload::new(options.shard_count, if seed.is_multiple_of(2) { 1 } else { 2 }),
        random: Random::new(seed),
        clock: START,
        sent_count: 0,
        step: 0,
        fault: options.fault,
        stalled: None,
        sweeps: true,
    };
    match simulation.run(options) {
        Ok(()) => Ok(simulation.tally()),
        Err(reason) => Err(Box::new(Anomaly { seed, reason, history: simulation.history.to_string() })),
    }
}

/// A submission to several shards, between two of its steps.
#[derive(Debug)]
struct SubmissionUnderWay<'a> {
    worker: usize,
    steps: Submission<'a, SimulationDriver>,
    is_pushed: bool,
    is_published: bool,
}

/// A simulation under way.
struct Simulation<'a> {
    table: &'a CommandTable<()>,
    hub: &'a Hub<SimulationDriver>,
    workers: Vec<Worker>,
    clients: Vec<Client>,
    /// Each worker's process in the history for what its sweeps delete.
    sweepers: Vec<usize>,
    submission: Option<SubmissionUnderWay<'a>>,
    history: History,
    queues: Queues,
    /// The shards of operations that run with several stores, or wait and may run anywhere, by operation.
    lent: HashMap<usize, Vec<ShardId>>,
    /// By operation and worker, the command that each item on that shard belongs to.
    items: HashMap<(usize, usize), Vec<usize>>,
    /// Number of these that have run.
    items_run: HashMap<(usize, usize), usize>,
    /// What the shards have handed over.
    effects: Arc<Mutex<Vec<Effect>>>,
    workload: Workload,
    random: Random,
    clock: UnixMs,
    /// Number of commands that clients have sent.
    sent_count: u64,
    /// Number of the present step.
    step: u64,
    fault: Option<Fault>,
    /// The worker that can't act at present, although it could.
    stalled: Option<usize>,
    /// Whether the workers still look for expired keys.
    sweeps: bool,
}

/// What a worker that is awake may do next.
#[derive(Clone, Copy)]
enum Action {
    TakeTime,
    Poll,
    Serve,
    Flush,
    Sweep,
    EndWaits,
    Unblock,
    Sleep,
}

impl Simulation<'_> {
    fn run(&mut self, options: &Options) -> Result<(), String> {
        self.sweepers = (0..self.workers.len()).map(|_| self.history.add_process()).collect();
        for _ in 0..options.client_count {
            self.add_client(options.pipeline_count);
        }
        self.run_until_quiet()?;
        self.end_endless_waits()?;
        self.unwatch_all();
        self.run_until_quiet()?;
        self.check_forgotten()?;
        self.queues.settle(&mut self.history);
        self.queues.check(&self.history)?;
        let replica = self.replay();
        let reader = self.read_all()?;
        check::explain(&self.history, self.table).map_err(|reason| reason.to_string())?;
        self.compare(replica, reader)
    }

    fn tally(&self) -> Tally {
        let commands = self.history.records.iter().map(|record| record.calls.len()).sum();
        Tally { operations: self.history.records.len(), commands, steps: self.step }
    }

    fn add_client(&mut self, pipelines_left: usize) {
        let worker = self.random.below(self.workers.len());
        let process = self.history.add_process();
        self.clients.push(Client::new(worker, process, pipelines_left));
    }

    /// Takes steps until nobody can take one any more, and checks that nothing is left undone.
    fn run_until_quiet(&mut self) -> Result<(), String> {
        while self.take_step() {
            if self.step > STEPS_MAX {
                return Err(format!("no end after {STEPS_MAX} steps"));
            }
        }
        match self.clients.iter().position(|client| !client.is_quiet() && client.waiter().is_none()) {
            None => Ok(()),
            Some(client) => {
                Err(format!("all workers sleep, and client {client} waits: {:?}", self.clients[client]))
            }
        }
    }

    /// Takes one step; `false` if there is none to take.
    fn take_step(&mut self) -> bool {
        self.step += 1;
        let senders: Vec<_> =
            (0..self.clients.len()).filter(|&client| self.clients[client].pipelines_left > 0).collect();
        let mut actors: Vec<_> = (0..self.workers.len()).filter(|&worker| self.can_act(worker)).collect();
        if actors.is_empty() && senders.is_empty() {
            return self.skip_to_deadline();
        }
        self.stall(&mut actors);
        if self.random.one_in(20) {
            self.clock.0 += 1 + i64::from(self.random.one_in(3)) * 20;
        }
        if !senders.is_empty() && (actors.is_empty() || self.random.one_in(12)) {
            let client = *self.random.choose(&senders);
            self.step_client(client);
        } else {
            let worker = *self.random.choose(&actors);
            self.step_worker(worker);
        }
        true
    }

    /// Lets the time pass that somebody waits for; `false` if nobody does.
    fn skip_to_deadline(&mut self) -> bool {
        let deadline = self.clients.iter().filter_map(Client::deadline).min();
        self.clock = deadline.unwrap_or(self.clock).max(self.clock);
        deadline.is_some()
    }

    /// Keeps one worker from acting for a while, so that the others get far ahead of it.
    fn stall(&mut self, actors: &mut Vec<usize>) {
        if self.random.one_in(STALL_STEPS) {
            let submitter = self.submission.as_ref().map(|submission| submission.worker);
            self.stalled = match self.random.below(3) {
                0 => None,
                1 => Some(self.random.below(self.workers.len())),
                _ => submitter,
            };
        }
        if actors.len() > 1 {
            actors.retain(|&worker| self.stalled != Some(worker));
        }
    }

    fn can_act(&self, worker: usize) -> bool {
        let is_due = |client: &Client| {
            client.worker == worker && client.deadline().is_some_and(|deadline| deadline <= self.clock)
        };
        match self.workers[worker].state {
            State::Awake | State::Submitting => true,
            State::Asleep => self.workers[worker].bell.is_rung() || self.clients.iter().any(is_due),
            State::WaitingToSubmit(_) => self.submission.is_none(),
        }
    }

    /// A client sends a pipeline or, seldom, leaves; another one comes in its place.
    fn step_client(&mut self, at: usize) {
        if self.random.one_in(25) {
            self.leave(at);
            let pipelines_left = std::mem::take(&mut self.clients[at].pipelines_left);
            self.add_client(pipelines_left);
            return;
        }
        // Mostly a client waits for its replies; sometimes it does not.
        if !self.clients[at].is_quiet() && !self.random.one_in(10) {
            return;
        }
        let others = if self.random.one_in(4) { DATABASE_COUNT } else { 1 };
        let db = DbIndex(u16::try_from(self.random.below(usize::from(others))).expect("below a u16"));
        self.clients[at].pipelines_left -= 1;
        let pipeline = self.workload.pipeline(&mut self.random);
        self.send(at, db, pipeline);
    }

    fn send(&mut self, client: usize, db: DbIndex, pipeline: Vec<Args>) {
        let invoked = self.step;
        let client = &mut self.clients[client];
        for args in pipeline {
            self.sent_count += 1;
            client.input.push_back(Sent { args, db, invoked, sequence: self.sent_count });
        }
        self.workers[client.worker].bell.ring();
    }

    fn step_worker(&mut self, worker: usize) {
        match self.workers[worker].state {
            State::Submitting => self.step_submission(),
            State::WaitingToSubmit(_) => self.submit_at_last(worker),
            State::Asleep => {
                let worker = &mut self.workers[worker];
                worker.shard.unpark();
                worker.bell.silence();
                worker.now = self.clock;
                worker.state = State::Awake;
            }
            State::Awake => {
                let action = self.random.weighted(&[
                    (2, Action::TakeTime),
                    (8, Action::Poll),
                    (8, Action::Serve),
                    (6, Action::Flush),
                    (1, Action::Sweep),
                    (2, Action::EndWaits),
                    (1, Action::Unblock),
                    (5, Action::Sleep),
                ]);
                self.act(worker, action);
            }
        }
    }

    fn act(&mut self, worker: usize, action: Action) {
        match action {
            Action::TakeTime => self.workers[worker].now = self.clock,
            Action::Poll => self.poll(worker),
            Action::Flush => self.flush(worker),
            Action::Sweep if self.sweeps => self.sweep(worker),
            Action::Sweep => {}
            Action::EndWaits => self.end_due_waits(worker),
            Action::Unblock => self.unblock(),
            Action::Serve => {
                let ready = self.ready_clients(worker);
                if !ready.is_empty() {
                    let client = *self.random.choose(&ready);
                    let command_count = 1 + self.random.below(2 * self.clients[client].input.len());
                    self.serve(worker, client, command_count);
                }
            }
            Action::Sleep => {
                self.end_due_waits(worker);
                self.flush(worker);
                if self.ready_clients(worker).is_empty() && self.workers[worker].shard.park() {
                    self.workers[worker].state = State::Asleep;
                }
            }
        }
    }

    fn ready_clients(&self, worker: usize) -> Vec<usize> {
        let is_ready = |client: &Client| client.worker == worker && client.is_ready();
        (0..self.clients.len()).filter(|&client| is_ready(&self.clients[client])).collect()
    }

    /// One step of the submission that is under way.
    fn step_submission(&mut self) {
        let Some(mut submission) = self.submission.take() else { return };
        let publishes = submission.is_pushed || self.fault == Some(Fault::PublishesEarly);
        if publishes && !submission.is_published {
            submission.steps.publish();
            submission.is_published = true;
        } else if !submission.is_pushed {
            submission.is_pushed = !submission.steps.push_next();
            if self.random.one_in(4) {
                self.stalled = Some(submission.worker);
            }
        } else {
            submission.steps.finish();
            self.workers[submission.worker].state = State::Awake;
            return;
        }
        self.submission = Some(submission);
    }

    /// A last client reads everything, so that the order to be found must explain what is left. Returns its process.
    fn read_all(&mut self) -> Result<usize, String> {
        self.sweeps = false;
        self.add_client(0);
        let client = self.clients.len() - 1;
        for db in (0..DATABASE_COUNT).map(DbIndex) {
            self.send(client, db, self.workload.reading_all());
        }
        self.run_until_quiet()?;
        Ok(self.clients[client].process)
    }

    /// Checks that the replica answers what the last client received.
    fn compare(&self, mut replica: Model<'_>, reader: usize) -> Result<(), String> {
        for &operation in &self.history.processes[reader] {
            let record = self.history.get(operation);
            for call in &record.calls {
                let expected = check::run_args(&mut replica, &call.args, record);
                if call.reply.as_ref() != Some(&expected) {
                    let effects: Vec<_> = self.effects.lock().expect("one thread").iter().map(line).collect();
                    return Err(format!(
                        "#{}: the effects give {expected:?}:\n{}",
                        operation.0,
                        effects.join("\n")
                    ));
                }
            }
        }
        Ok(())
    }
}

/// An effect as text.
fn line(effect: &Effect) -> String {
    let args: Vec<_> = effect.args.iter().map(|arg| String::from_utf8_lossy(arg)).collect();
    format!("{:?}, db {}: {}", effect.scope.stamp, effect.db.0, args.join(" "))
}

impl<'a> Simulation<'a> {
    /// The effects so far, applied to an empty store. Nothing expires meanwhile: expiry is an effect too.
    fn replay(&self) -> Model<'a> {
        let mut replica = Model::new(self.table);
        for effect in self.effects.lock().expect("one thread").iter() {
            let args: Vec<&[u8]> = effect.args.iter().map(|arg| &arg[..]).collect();
            replica.run(&args, effect.db, UnixMs(0), 0);
        }
        replica
    }
}
