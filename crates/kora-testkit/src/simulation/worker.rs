//! One worker: what it does with its turn, in steps between which others run.
//!
//! It does what a loop around a turn does, but for the order, which is the schedule's.

use std::cell::Cell;
use std::sync::Arc;

use kora_core::shard::hub::Wake as _;
use kora_core::shard::probe::Rule;
use kora_core::time::UnixMs;
use kora_engine::front::Output as _;
use kora_engine::turn::{Args as Slices, Commands, Turn};
use kora_script::Seat;

use super::Simulation;
use super::client::{Client, Sent};
use super::front::{
    Bell, Heard, SimulatedOperation, SimulationFront, hear, is_broken, ran_at_once, take_heard, take_kept,
};
use super::record::{OperationId, Record, is_refusal};

/// What a worker is doing.
#[derive(Debug)]
pub(super) enum State {
    Awake,
    /// Until its bell rings or, at the latest, this.
    Asleep(UnixMs),
    /// Inside the critical section of a submission.
    Submitting,
    /// About to submit this, if nobody else is in the critical section.
    AboutToSubmit(SimulatedOperation),
}

/// A worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) turn: Turn<SimulationFront>,
    pub(super) bell: Bell,
    pub(super) state: State,
    /// Its interpreter, between two of its steps.
    pub(super) seat: Seat,
}

/// Commands of one client. A turn asks for the arguments of all first, and then of each as it comes to it.
struct Batch<'a> {
    commands: &'a [Sent],
    asked: Cell<usize>,
}

impl Commands for Batch<'_> {
    fn count(&self) -> usize {
        self.commands.len()
    }

    fn args(&self, index: usize) -> Slices<'_> {
        let asked = self.asked.replace(self.asked.get() + 1);
        if asked >= self.commands.len() {
            hear(Heard::Reached(index));
        }
        self.commands[index].args.iter().map(Vec::as_slice).collect()
    }

    fn arg(&self, index: usize, at: usize) -> Option<&[u8]> {
        self.commands[index].args.get(at).map(Vec::as_slice)
    }

    fn size(&self, _: usize) -> usize {
        0
    }

    fn rest(&self, index: usize) -> (usize, usize, usize) {
        (self.commands.len() - index, 0, 0)
    }
}

impl Simulation<'_> {
    /// Receives and runs what has arrived.
    pub(super) fn poll(&mut self, worker: usize) {
        let turn = &mut self.workers[worker].turn;
        turn.read_mail();
        turn.note_busy();
        self.take_in(&[]);
        self.take_replies(worker);
    }

    /// Runs some of the commands that a client has sent, as far as they can run now.
    pub(super) fn serve(&mut self, worker: usize, client: usize) {
        if self.clients[client].is_leaving {
            return self.close(worker, client);
        }
        let is_busy = self.engine.scripts.is_busy();
        let most = 1 + self.random.below(2 * self.clients[client].input.len());
        let Self { workers, clients, .. } = self;
        let (turn, client_now) = (&mut workers[worker].turn, &mut clients[client]);
        let count = most.min(client_now.input.len());
        let mut sent: Vec<Sent> = client_now.input.drain(..count).collect();
        let slot = client_now.origin.slot;
        let Some(mut session) = turn.sessions.take_to_serve(slot) else { return };
        turn.begin_serving(&mut session);
        let db = session.choice.db;
        let done = turn.run(&mut session, &Batch { commands: &sent, asked: Cell::new(0) });
        turn.end_serving(&mut session);
        client_now.is_runnable = session.may_run() && done > 0;
        let values = session.output.take();
        turn.sessions.put(session);
        turn.sessions.note_dirty(slot);
        for command in sent.drain(done..).rev() {
            client_now.input.push_front(command);
        }
        let places = self.note_batch(client, sent, values, db);
        self.check_refused(&places, is_busy);
        self.take_in(&places);
        if let Some(operation) = take_kept() {
            self.workers[worker].state = State::AboutToSubmit(operation);
        }
    }

    /// Checks that nothing of a batch has run at once that a busy script must have been in the way of.
    fn check_refused(&mut self, places: &[Option<OperationId>], is_busy: bool) {
        let has_run = |(at, operation): (usize, &Option<OperationId>)| {
            let record = self.history.get((*operation)?);
            let may_run = matches!(record.calls[0].args[0].as_slice(), b"EXEC" | b"WATCH");
            (!may_run && ran_at_once(at).is_some()).then_some(operation.map(|id| id.0))
        };
        if is_busy && let Some(id) = places.iter().enumerate().find_map(has_run) {
            self.wrong.get_or_insert(format!("{id:?} ran at once while a script was busy"));
        }
    }

    /// Takes the replies that have come to those who waited, and notes who can go on.
    fn take_replies(&mut self, worker: usize) {
        let mut refused = Vec::new();
        let Self { workers, clients, history, .. } = self;
        let sessions = &mut workers[worker].turn.sessions;
        let runnable = sessions.take_runnable();
        for client in clients.iter_mut().filter(|client| client.worker() == worker && !client.has_left) {
            let Some(session) = sessions.of(client.origin) else { continue };
            client.is_runnable |= runnable.contains(&client.origin.slot);
            if session.output.end() == 0 {
                continue;
            }
            let values = session.output.take();
            let outcome = match client.pending.take() {
                Some(pending) => {
                    client.answered.push(pending);
                    if values.iter().any(is_refusal) {
                        refused.push(history.get(pending).invoked);
                    }
                    history.reply(pending, values)
                }
                None => Err(format!("nobody asked for {values:?}")),
            };
            if let Err(reason) = outcome {
                self.wrong.get_or_insert(reason);
            }
        }
        refused.into_iter().for_each(|invoked| self.note_refusal(invoked));
    }

    /// Takes a shard, and is put off with it in its hands: until its round ends, or it has served somebody.
    pub(super) fn hold_one(&mut self, worker: usize) {
        let shards: Vec<_> = self.hub.shards().collect();
        let shard = *self.random.choose(&shards);
        self.workers[worker].turn.executor().hold(shard);
    }

    /// Ends a round, and sends what was replied.
    pub(super) fn flush(&mut self, worker: usize) {
        self.workers[worker].turn.finish_round();
        self.take_in(&[]);
        self.take_replies(worker);
        let Self { workers, clients, history, step, .. } = self;
        let turn = &mut workers[worker].turn;
        if !turn.executor().journal().record().is_empty() {
            self.wrong.get_or_insert("effects were not handed over before replies are sent".to_owned());
        }
        for slot in turn.take_sendable() {
            let Some(session) = turn.sessions.get_mut(slot) else { continue };
            session.is_dirty = false;
            session.note_released();
            let origin = session.origin();
            let mut clients = clients.iter_mut().filter(|client| client.origin == origin);
            for operation in clients.by_ref().flat_map(|client| client.answered.drain(..)) {
                history.records[operation.0].responded = Some(*step);
            }
        }
    }

    /// Ends a round, and gives one of the sessions that are at rest to another worker.
    pub(super) fn move_one(&mut self, worker: usize) {
        self.flush(worker);
        let to = self.random.below(self.workers.len());
        let is_here = |client: &&mut Client| client.worker() == worker && !client.has_left;
        let mut clients: Vec<_> = self.clients.iter_mut().filter(is_here).collect();
        if to == worker || clients.is_empty() {
            return;
        }
        let client = clients.swap_remove(self.random.below(clients.len()));
        let there = self.workers[to].turn.id();
        let Some(session) = self.workers[worker].turn.give_away(client.origin.slot, there) else { return };
        let standing = Arc::clone(&session.client);
        self.workers[to].turn.take_over(session);
        client.origin = standing.origin();
        self.workers[to].bell.wake();
        self.moves += 1;
    }

    /// Goes to sleep, if there is nothing to do.
    pub(super) fn sleep(&mut self, worker: usize) {
        self.flush(worker);
        if !self.ready_clients(worker).is_empty() {
            return;
        }
        let Worker { turn, state, .. } = &mut self.workers[worker];
        let sleep = turn.park();
        if sleep.is_zero() {
            turn.unpark();
        } else {
            let ms = i64::try_from(sleep.as_millis()).unwrap_or(i64::MAX);
            *state = State::Asleep(UnixMs(turn.now().0.saturating_add(ms)));
        }
    }

    /// Ends the session of a client that has left.
    fn close(&mut self, worker: usize, client: usize) {
        let client = &mut self.clients[client];
        let turn = &mut self.workers[worker].turn;
        let is_blocked = turn.sessions.of(client.origin).is_some_and(|session| session.is_blocked());
        if is_broken(Rule::LeaveEndsWait)
            && let Some(pending) = client.pending.filter(|_| is_blocked)
        {
            self.queues.note_ended(pending);
        }
        drop(turn.close(client.origin.slot));
        client.has_left = true;
        client.pending = None;
        self.take_in(&[]);
    }

    /// Submits what a worker has to submit, at once or step by step.
    pub(super) fn begin_submission(&mut self, worker: usize) {
        if self.submission.is_some() {
            return;
        }
        let state = std::mem::replace(&mut self.workers[worker].state, State::Awake);
        let State::AboutToSubmit(operation) = state else { return };
        if self.random.one_in(3) {
            self.hub.submit(Arc::clone(&operation));
            self.workers[worker].turn.executor().look_at(&operation);
        } else {
            self.submission = Some((worker, self.hub.begin_submission(operation)));
            self.workers[worker].state = State::Submitting;
        }
    }

    /// One step of the submission that is under way.
    pub(super) fn step_submission(&mut self) {
        let Some((worker, mut submission)) = self.submission.take() else { return };
        if submission.step() {
            if self.random.one_in(4) {
                self.stalled = Some(worker);
            }
            self.submission = Some((worker, submission));
        } else {
            let operation = submission.finish();
            self.workers[worker].turn.executor().look_at(&operation);
            self.workers[worker].state = State::Awake;
        }
    }

    /// Deletes keys whose time has come.
    pub(super) fn sweep(&mut self, worker: usize) {
        // What has arrived runs first, and is none of the sweep.
        self.poll(worker);
        let turn = &mut self.workers[worker].turn;
        turn.sweep_expired();
        turn.executor().hand_over();
        turn.executor().release();
        self.take_in(&[]);
    }

    /// A record of commands of a client that begin to run now.
    pub(super) fn new_record(&self, client: usize, db: kora_core::db::DbIndex) -> Record {
        let client = &self.clients[client];
        let now = self.workers[client.worker()].turn.now();
        Record {
            process: client.process,
            db,
            now,
            calls: Vec::new(),
            killed: Vec::new(),
            invoked: 0,
            responded: None,
        }
    }

    /// Whatever was heard before is forgotten: it belongs to another simulation of this thread.
    pub(super) fn begin_to_hear() {
        drop((take_heard(), take_kept()));
    }
}
