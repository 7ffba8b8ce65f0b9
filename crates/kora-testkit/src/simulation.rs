//! Workers, clients and their schedule in one thread, from one seed: are operations atomic, isolated and in order, whatever the
//! schedule?
//!
//! The engine is the one that serves clients: each worker drives a [`Turn`]. Workers and clients take steps in an order drawn
//! from the seed: a client sends a pipeline, a worker takes the time, reads its mail, runs some of a client's commands,
//! transactions and scripts, sends replies, sweeps, goes to sleep; memory is short and keys are evicted; a submission to several
//! shards is done step by step with others in between; a client leaves while its operation is under way. In the end:
//!
//! - the history must be explained by one sequential order that respects real time: [`check`];
//! - who waited for keys must have been served in the order in which they came, and nobody else: [`waiting`];
//! - the effects, applied to an empty store in the order they were handed over, must give the same contents, and so must they in
//!   the order of their stamps;
//! - everything must have been answered although nobody polls a worker that sleeps and was not woken.
//!
//! In half of the simulations scripts take long: [`pausing`]. In a fifth of them clients use indexes: [`documents`].
//!
//! What shards ran in which order is heard by a probe ([`front`]), which also breaks one [`Rule`] of the engine on purpose, to
//! show that the simulation would notice.

mod build;
mod check;
mod client;
mod documents;
mod front;
mod hearing;
mod model;
mod pausing;
pub mod random;
mod record;
mod replica;
mod transaction;
mod waiting;
mod worker;
mod workload;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use kora_core::command::table::CommandTable;
use kora_core::db::DbIndex;
use kora_core::journal::Effect;
use kora_core::shard::hub::{Hub, Submission, Wake as _};
pub use kora_core::shard::probe::Rule;
use kora_core::time::UnixMs;
use kora_engine::engine::Engine;
use kora_engine::front::values::ValueClient;
use kora_engine::front::{ClientId, Origin, Standing, Workers};
use kora_engine::session::{Choice, Session};

use crate::stepped::START;
use build::build;
use client::{Client, Sent};
use documents::{Documents, has_documents};
use front::{SimulationFront, set_broken};
use pausing::{Pausing, has_long_scripts};
use random::Random;
use record::{Args, History, OperationId};
use waiting::Queues;
use worker::{State, Worker};
use workload::Workload;

/// No simulation takes as many steps as this.
const STEPS_MAX: u64 = 200_000;

/// Steps after which, on average, another worker, often one that submits, is kept from acting, or none.
const STALL_STEPS: usize = 30;

/// What is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Number of workers.
    pub worker_count: u16,
    /// Number of shards, no fewer than that.
    pub shard_count: u16,
    /// Number of clients at a time.
    pub client_count: usize,
    /// Pipelines that each client sends.
    pub pipeline_count: usize,
    /// The rule that is broken, if one is.
    pub broken: Option<Rule>,
}

impl Default for Options {
    fn default() -> Self {
        Self { worker_count: 4, shard_count: 6, client_count: 8, pipeline_count: 6, broken: None }
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
    /// Scripts that took so long that others were told.
    pub long_scripts: u64,
    /// Scripts that were killed.
    pub kills: usize,
    /// Commands and batches that were refused meanwhile.
    pub refusals: usize,
    /// Clients that went from one worker to another.
    pub moves: u64,
}

impl Tally {
    /// The sum of two.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            operations: self.operations + other.operations,
            commands: self.commands + other.commands,
            steps: self.steps + other.steps,
            long_scripts: self.long_scripts + other.long_scripts,
            kills: self.kills + other.kills,
            refusals: self.refusals + other.refusals,
            moves: self.moves + other.moves,
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
    Simulation::begin_to_hear();
    set_broken(options.broken);
    let table = CommandTable::new(&[], &[]);
    let clock = Arc::new(AtomicI64::new(START.0));
    let effects = Arc::default();
    let (engine, workers) = build(seed, (options.worker_count, options.shard_count), &clock, &effects);
    let hub = Arc::clone(&engine.hub);
    let mut simulation = Simulation {
        table: &table,
        hub: &hub,
        engine,
        workers,
        clients: Vec::new(),
        sweepers: Vec::new(),
        submission: None,
        history: History::new(options.shard_count),
        queues: Queues::default(),
        operations: HashMap::new(),
        effects,
        workload: Workload::new(
            options.shard_count,
            if seed.is_multiple_of(2) { 1 } else { 2 },
            has_long_scripts(seed),
            has_documents(seed).then(|| Documents::new(options.shard_count)),
        ),
        has_documents: has_documents(seed),
        pausing: Pausing::default(),
        random: Random::new(seed),
        clock: START,
        shown_clock: clock,
        sent_count: 0,
        step: 0,
        moves: 0,
        stalled: None,
        is_over: false,
        wrong: None,
    };
    let outcome = simulation.run(options);
    set_broken(None);
    match outcome {
        Ok(()) => Ok(simulation.tally()),
        Err(reason) => Err(Box::new(Anomaly { seed, reason, history: simulation.history.to_string() })),
    }
}

// Many fields: it is the whole world of those who act in it.
/// A simulation under way.
struct Simulation<'a> {
    table: &'a CommandTable<()>,
    hub: &'a Hub<Workers<SimulationFront>>,
    engine: Arc<Engine<SimulationFront>>,
    workers: Vec<Worker>,
    clients: Vec<Client>,
    /// Each shard's process in the history for keys that go by themselves.
    sweepers: Vec<usize>,
    /// A submission to several shards, between two of its steps, and its worker.
    submission: Option<(usize, Submission<'a, Workers<SimulationFront>>)>,
    history: History,
    queues: Queues,
    pausing: Pausing,
    /// The last operation that each client waited for.
    operations: HashMap<ClientId, OperationId>,
    /// What the shards have handed over.
    effects: Arc<Mutex<Vec<Effect>>>,
    workload: Workload,
    has_documents: bool,
    random: Random,
    clock: UnixMs,
    /// The clock as the front shows it to the worker whose step it is: the time that this took last.
    shown_clock: Arc<AtomicI64>,
    /// Number of commands that clients have sent.
    sent_count: u64,
    /// Number of the present step.
    step: u64,
    /// Number of clients that went from one worker to another.
    moves: u64,
    /// The worker that can't act at present, although it could.
    stalled: Option<usize>,
    /// The last client reads: time stands still, and nothing goes by itself.
    is_over: bool,
    /// What no client must be told, if one was.
    wrong: Option<String>,
}

/// What a worker that is awake may do next.
#[derive(Clone, Copy)]
enum Action {
    TakeTime,
    Poll,
    Serve,
    Flush,
    Sweep,
    Hold,
    Unblock,
    Move,
    Sleep,
}

impl Simulation<'_> {
    fn run(&mut self, options: &Options) -> Result<(), String> {
        self.sweepers = self.hub.shards().map(|_| self.history.add_process()).collect();
        for _ in 0..options.client_count {
            self.add_client(options.pipeline_count);
        }
        self.run_until_quiet()?;
        self.check_endless_waits()?;
        self.end_all();
        self.run_until_quiet()?;
        self.check_forgotten()?;
        self.queues.settle(&mut self.history);
        self.queues.check(&self.history)?;
        self.check_kills()?;
        let replica = self.replay()?;
        let reader = self.read_all()?;
        check::explain(&self.history, self.table).map_err(|reason| reason.to_string())?;
        self.compare(replica, reader)
    }

    fn tally(&self) -> Tally {
        let commands = self.history.records.iter().map(|record| record.calls.len()).sum();
        let operations = self.history.records.len();
        let mut tally =
            Tally { operations, commands, steps: self.step, moves: self.moves, ..Tally::default() };
        self.count_long_scripts(&mut tally);
        tally
    }

    fn add_client(&mut self, pipelines_left: usize) {
        let at = self.random.below(self.workers.len());
        let turn = &mut self.workers[at].turn;
        let id = ClientId(self.clients.len() as u64 + 1);
        let origin = Origin { worker: turn.id(), slot: turn.sessions.next_slot(), client: id };
        let standing = Arc::new(ValueClient(Standing::new(origin)));
        let choice = Choice::of_program(DbIndex(0));
        // What searches find is compared as RESP2 has it.
        let choice = if self.has_documents { Choice { style: false, ..choice } } else { choice };
        turn.sessions.insert(Box::new(Session::new(standing, (), choice)));
        let process = self.history.add_process();
        self.clients.push(Client::new(origin, process, pipelines_left));
    }

    /// Takes steps until nobody can take one any more, and checks that nothing is left undone.
    fn run_until_quiet(&mut self) -> Result<(), String> {
        while self.take_step() {
            if let Some(wrong) = self.wrong.take() {
                return Err(wrong);
            }
            if self.step > STEPS_MAX {
                return Err(format!("no end after {STEPS_MAX} steps"));
            }
        }
        let Self { clients, workers, .. } = self;
        let waits_in_vain = |client: &&Client| {
            let session = workers[client.worker()].turn.sessions.of(client.origin);
            !client.is_quiet() && !session.is_some_and(|session| session.is_blocked())
        };
        match clients.iter().find(waits_in_vain) {
            None => Ok(()),
            Some(client) => Err(format!("all workers sleep, and a client waits: {client:?}")),
        }
    }

    /// Takes one step; `false` if there is none to take.
    fn take_step(&mut self) -> bool {
        self.step += 1;
        let senders: Vec<_> =
            (0..self.clients.len()).filter(|&client| self.clients[client].pipelines_left > 0).collect();
        let mut actors: Vec<_> = (0..self.workers.len()).filter(|&worker| self.can_act(worker)).collect();
        if actors.is_empty() && senders.is_empty() {
            return !self.is_over && self.skip_to_deadline();
        }
        self.stall(&mut actors);
        if self.random.one_in(20) && !self.is_over {
            let by_ms = 1 + i64::from(self.random.one_in(3)) * 20;
            self.clock.0 += by_ms;
        }
        if !senders.is_empty() && (actors.is_empty() || self.random.one_in(12)) {
            let client = *self.random.choose(&senders);
            self.step_client(client);
        } else {
            let worker = *self.random.choose(&actors);
            self.workers[worker].seat.exchange();
            self.step_worker(worker);
            self.workers[worker].seat.exchange();
            self.end_step();
        }
        true
    }

    /// Lets the time pass that some worker sleeps for; `false` if all sleep for ever.
    fn skip_to_deadline(&mut self) -> bool {
        let until = |worker: &Worker| match worker.state {
            State::Asleep(until) if until.0 < i64::MAX => Some(until),
            _ => None,
        };
        let first = self.workers.iter().filter_map(until).min();
        self.clock = first.unwrap_or(self.clock).max(self.clock);
        first.is_some()
    }

    /// Keeps one worker from acting for a while, so that the others get far ahead of it.
    fn stall(&mut self, actors: &mut Vec<usize>) {
        if self.random.one_in(STALL_STEPS) {
            let submitter = self.submission.as_ref().map(|(worker, _)| *worker);
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

    fn can_act(&mut self, worker: usize) -> bool {
        let Worker { turn, bell, state, .. } = &mut self.workers[worker];
        match state {
            State::Awake | State::Submitting => true,
            // One that sleeps until a shard is free wakes though time stands still.
            State::Asleep(_) if self.is_over => bell.is_rung() || turn.executor().awaits_slices(),
            State::Asleep(until) => bell.is_rung() || *until <= self.clock,
            State::AboutToSubmit(_) => self.submission.is_none(),
        }
    }

    /// A client sends a pipeline or, seldom, leaves; another one comes in its place.
    fn step_client(&mut self, at: usize) {
        if self.random.one_in(25) {
            let pipelines_left = std::mem::take(&mut self.clients[at].pipelines_left);
            self.leave(at);
            self.add_client(pipelines_left);
            return;
        }
        // Mostly a client waits for its replies; sometimes it does not.
        if !self.clients[at].is_quiet() && !self.random.one_in(10) {
            return;
        }
        self.clients[at].pipelines_left -= 1;
        let pipeline = self.workload.pipeline(&mut self.random);
        self.send(at, pipeline);
    }

    /// A client closes its connection.
    fn leave(&mut self, at: usize) {
        let client = &mut self.clients[at];
        client.is_leaving = true;
        self.workers[client.worker()].bell.wake();
    }

    /// All clients leave.
    fn end_all(&mut self) {
        let staying = |client: &usize| !self.clients[*client].has_left;
        let staying: Vec<_> = (0..self.clients.len()).filter(staying).collect();
        staying.into_iter().for_each(|client| self.leave(client));
    }

    fn send(&mut self, client: usize, pipeline: Vec<Args>) {
        let invoked = self.step;
        let client = &mut self.clients[client];
        for args in pipeline {
            self.sent_count += 1;
            client.input.push_back(Sent { args, invoked, sequence: self.sent_count });
        }
        client.is_runnable = true;
        self.workers[client.worker()].bell.wake();
    }

    /// A worker takes the time.
    fn begin_round(&mut self, worker: usize) {
        self.shown_clock.store(self.clock.0, Ordering::Relaxed);
        self.workers[worker].turn.begin_round(self.clock, false);
    }

    fn step_worker(&mut self, worker: usize) {
        self.shown_clock.store(self.workers[worker].turn.now().0, Ordering::Relaxed);
        match self.workers[worker].state {
            State::Submitting => self.step_submission(),
            State::AboutToSubmit(_) => self.begin_submission(worker),
            State::Asleep(_) => {
                let (at, worker) = (worker, &mut self.workers[worker]);
                worker.turn.unpark();
                worker.bell.silence();
                worker.state = State::Awake;
                self.begin_round(at);
            }
            State::Awake => {
                let action = self.random.weighted(&[
                    (2, Action::TakeTime),
                    (8, Action::Poll),
                    (8, Action::Serve),
                    (8, Action::Flush),
                    (1, Action::Sweep),
                    (3, Action::Hold),
                    (1, Action::Unblock),
                    (2, Action::Move),
                    (5, Action::Sleep),
                ]);
                self.act(worker, action);
            }
        }
    }

    fn act(&mut self, worker: usize, action: Action) {
        match action {
            Action::TakeTime => self.begin_round(worker),
            Action::Poll => self.poll(worker),
            Action::Flush => self.flush(worker),
            Action::Sweep if !self.is_over => self.sweep(worker),
            Action::Sweep => {}
            Action::Hold => self.hold_one(worker),
            Action::Unblock => self.unblock(),
            Action::Move => self.move_one(worker),
            Action::Serve => {
                let ready = self.ready_clients(worker);
                if !ready.is_empty() {
                    let client = *self.random.choose(&ready);
                    self.serve(worker, client);
                }
            }
            Action::Sleep => self.sleep(worker),
        }
    }

    fn ready_clients(&self, worker: usize) -> Vec<usize> {
        let is_ready = |client: &Client| client.worker() == worker && client.is_ready();
        (0..self.clients.len()).filter(|&client| is_ready(&self.clients[client])).collect()
    }
}
