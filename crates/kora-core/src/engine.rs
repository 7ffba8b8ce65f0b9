//! The engine inside a process, without a socket: one thread per shard, parked on `std::thread::park`.
//!
//! It is the smallest driver of the shards: `crates/kora-core/examples/embedded.rs` shows it from a user's side.
//! Any number of threads may submit commands; each call is an operation of its own and blocks until it is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use kora_locks::{RankedMutex, rank};

use crate::command::spec::CommandSpec;
use crate::command::table::{CommandTable, Handler};
use crate::command::transaction;
use crate::config::CoreConfig;
use crate::error::CommandError;
use crate::reply::Value;
use crate::services::Services;
use crate::shard::claim::Abandoned;
use crate::shard::hub::{Hub, Wake};
use crate::shard::operation::{Driver, Operation, Part, Request, Setting};
use crate::shard::replies::{Replies, TreeReplies};
use crate::shard::route::place;
use crate::shard::runner::{Shard, new_shards};
use crate::shard::serve::Blocked;
use crate::shard::store::DbIndex;
use crate::shard::transaction::Transaction;
use crate::shard::watch::Watched;
use crate::slot::ShardId;
use crate::time::UnixMs;

/// Longest time a shard's thread sleeps before it looks for expired keys.
const SWEEP_PERIOD: Duration = Duration::from_millis(100);

/// Entries with a deadline that one sweep may examine.
const SWEEP_ENTRIES_MAX: usize = 10_000;

/// Items of deleted tables and large values that one round frees.
const FREE_ITEMS_MAX: usize = 10_000;

/// What an engine starts with.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// Number of shards, each with a thread; at least 1.
    pub shard_count: u16,
    /// Decides hashing and random choices. Unpredictable to whoever chooses keys, where those are not trusted.
    pub seed: u64,
    /// The clock.
    pub clock: fn() -> UnixMs,
    /// Settings of the core.
    pub config: CoreConfig,
}

/// Shards with a thread each. Dropping it ends the threads.
#[derive(Debug)]
pub struct Engine {
    hub: Arc<Hub<Embedded>>,
    table: CommandTable<()>,
    clock: fn() -> UnixMs,
    is_ending: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

/// The driver of an [`Engine`]: a call waits on a channel for the parts of its operation.
#[derive(Debug)]
struct Embedded;

impl Driver for Embedded {
    type Replies = TreeReplies;
    type Origin = Sender<Answer>;
    type Mail = ();

    fn home(_: &Self::Origin) -> Option<ShardId> {
        None
    }

    fn deliver(part: Part<Self>) {
        let origin = part.operation.origin.clone();
        // The caller waits for all parts, so the channel is open and has room.
        let _ = origin.send(Answer::Part(part));
    }

    fn blocked(blocked: Blocked<Self>) {
        let origin = blocked.operation.origin.clone();
        let _ = origin.send(Answer::Blocked(blocked));
    }
}

/// What a call is told of its operation.
#[derive(Debug)]
enum Answer {
    Part(Part<Embedded>),
    /// It has to wait for keys; its part comes when one is ready, unless its time is over first.
    Blocked(Blocked<Embedded>),
}

/// Unparks a shard's thread, once that is known.
#[derive(Clone, Debug, Default)]
struct ThreadWaker(Arc<RankedMutex<{ rank::SHARD_THREAD }, Option<Thread>>>);

impl Wake for ThreadWaker {
    fn wake(&self) {
        if let Some(thread) = &*self.0.lock() {
            thread.unpark();
        }
    }
}

impl Engine {
    /// Starts the shards' threads.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start(options: &EngineOptions) -> std::io::Result<Self> {
        Self::start_with(options, &[], Arc::default())
    }

    /// The same with further commands, and with the services that these ask for.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start_with(
        options: &EngineOptions,
        families: &[&'static [CommandSpec]],
        services: Arc<Services>,
    ) -> std::io::Result<Self> {
        let wakers: Vec<ThreadWaker> =
            (0..options.shard_count.max(1)).map(|_| ThreadWaker::default()).collect();
        let boxed = wakers.iter().map(|waker| Box::new(waker.clone()) as Box<dyn Wake>).collect();
        let shards = new_shards::<Embedded>(boxed, &options.config, options.seed);
        let mut engine = Self {
            hub: Arc::clone(shards[0].hub()),
            table: CommandTable::new(families, &[]),
            clock: options.clock,
            is_ending: Arc::default(),
            threads: Vec::new(),
        };
        for (mut shard, waker) in shards.into_iter().zip(wakers) {
            shard.set_services(Arc::clone(&services));
            let (clock, is_ending) = (options.clock, Arc::clone(&engine.is_ending));
            let body = move || {
                *waker.0.lock() = Some(std::thread::current());
                serve(shard, clock, &is_ending);
            };
            engine.threads.push(std::thread::Builder::new().name("kora-shard".to_owned()).spawn(body)?);
        }
        Ok(engine)
    }

    /// Number of shards.
    #[must_use]
    pub fn shard_count(&self) -> u16 {
        self.hub.shard_count()
    }

    /// Runs one command on database 0 and waits for its reply; errors are replies too. A blocking command blocks the
    /// calling thread.
    pub fn command(&self, args: &[&[u8]]) -> Value {
        self.pipeline(DbIndex(0), &[args]).pop().expect("one command has one reply")
    }

    /// Runs commands on database `db`, in order and as one operation wherever their keys are independent, and waits
    /// for their replies.
    ///
    /// # Panics
    /// If `db` is not one of the databases configured.
    pub fn pipeline(&self, db: DbIndex, commands: &[&[&[u8]]]) -> Vec<Value> {
        let mut replies = Vec::with_capacity(commands.len());
        let mut request = Request::default();
        for args in commands {
            let command = match self.resolve(args) {
                Ok(command) => command,
                Err(error) => {
                    self.run(db, &mut request, &mut replies);
                    replies.push(Value::Error(error.to_string()));
                    continue;
                }
            };
            let placement = place(command.0, args, self.shard_count());
            let is_alone = placement.is_alone(command.0);
            if is_alone {
                self.run(db, &mut request, &mut replies);
            }
            request.push(command, args, &placement, self.shard_count(), ShardId(0));
            if is_alone {
                self.run(db, &mut request, &mut replies);
            }
        }
        self.run(db, &mut request, &mut replies);
        replies
    }

    /// Runs commands on database `db` as a unit: nobody sees some of them done and others not. None of them waits for keys.
    ///
    /// # Errors
    /// If one of them does not exist or has too few or too many arguments. Then none has run. What is wrong with one
    /// that runs is its reply, and the others run nevertheless.
    ///
    /// # Panics
    /// If `db` is not one of the databases configured.
    pub fn transaction(&self, db: DbIndex, commands: &[&[&[u8]]]) -> Result<Vec<Value>, CommandError> {
        let replies = self.run_transaction(db, commands, None)?;
        Ok(replies.expect("a transaction that depends on nothing runs"))
    }

    /// Begins to watch keys of database `db` on behalf of a transaction that shall run only if none of them changes until
    /// then.
    ///
    /// # Panics
    /// If `db` is not one of the databases configured.
    pub fn watch(&self, db: DbIndex, keys: &[&[u8]]) -> Watching<'_> {
        let mut watched = Watched::default();
        keys.iter().for_each(|key| watched.add(db, key, self.shard_count()));
        if !keys.is_empty() {
            let args: Vec<&[u8]> = std::iter::once(&b"WATCH"[..]).chain(keys.iter().copied()).collect();
            let run = transaction::RUN;
            let placement = place(run.0, &args, self.shard_count());
            let mut request = Request::default();
            request.push(run, &args, &placement, self.shard_count(), ShardId(0));
            let setting = Setting { watch: Some(Arc::clone(watched.watch())), ..self.setting(db) };
            let (sender, receiver) = self.channel();
            self.call(Operation::new(request, setting, sender), &receiver);
        }
        Watching { engine: self, watched }
    }

    fn run_transaction(
        &self,
        db: DbIndex,
        commands: &[&[&[u8]]],
        watched: Option<Watched>,
    ) -> Result<Option<Vec<Value>>, CommandError> {
        let mut transaction = Transaction::new(self.setting(db));
        for args in commands {
            transaction.queue(self.resolve(args)?, args, self.shard_count());
        }
        transaction.begin(watched, (self.clock)(), ShardId(0));
        let (sender, receiver) = self.channel();
        let replies = self.call(Operation::of_transaction(transaction, sender), &receiver);
        match replies.into_values().pop() {
            Some(Value::Array(replies)) => Ok(Some(replies)),
            _ => Ok(None),
        }
    }

    fn resolve(&self, args: &[&[u8]]) -> Result<crate::command::Run, CommandError> {
        let command = self.table.resolve(args)?;
        match command.handler {
            Handler::Core(handler) => Ok((command.facts, handler)),
            Handler::Driver(()) => unreachable!("the engine has no commands of its own"),
        }
    }

    fn run(&self, db: DbIndex, request: &mut Request, replies: &mut Vec<Value>) {
        if request.is_empty() {
            return;
        }
        let request = std::mem::take(request);
        let (sender, receiver) = self.channel();
        let operation = Operation::<Embedded>::new(request, self.setting(db), sender);
        let parts = self.call(operation, &receiver);
        replies.extend(parts.into_values());
    }

    fn setting(&self, db: DbIndex) -> Setting<bool> {
        Setting { db, now: (self.clock)(), no_touch: false, style: true, watch: None }
    }

    /// On which an operation is answered: one message for each shard, and one that it has to wait.
    fn channel(&self) -> (Sender<Answer>, Receiver<Answer>) {
        bounded(usize::from(self.shard_count()) + 1)
    }

    fn call(&self, operation: Operation<Embedded>, receiver: &Receiver<Answer>) -> TreeReplies {
        let operation = Arc::new(operation);
        self.hub.submit(Arc::clone(&operation));
        let mut parts = Vec::with_capacity(operation.part_count());
        while parts.len() < operation.part_count() {
            match receiver.recv().expect("the operation holds a sender while this waits") {
                Answer::Part(part) => parts.push(part),
                Answer::Blocked(blocked) => parts.push(self.await_key(&blocked, receiver)),
            }
        }
        let mut whole = TreeReplies::new(true);
        operation.assemble(&mut parts, &mut whole);
        whole
    }

    /// Waits until a blocking command is served or its time is over.
    fn await_key(
        &self,
        Blocked { operation, waiter }: &Blocked<Embedded>,
        receiver: &Receiver<Answer>,
    ) -> Part<Embedded> {
        loop {
            // The clock has whole milliseconds: only when the last of them is over, all of the time is.
            let left_ms =
                waiter.until().map(|until| until.0.saturating_add(1).saturating_sub((self.clock)().0));
            let answer = match left_ms.map(u64::try_from) {
                None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(left_ms) => receiver.recv_timeout(Duration::from_millis(left_ms.unwrap_or(0))),
            };
            match answer {
                Ok(Answer::Part(part)) => return part,
                Err(RecvTimeoutError::Timeout) if waiter.until() < Some((self.clock)()) => {
                    if operation.abandon() == Abandoned::Now {
                        self.hub.forget(waiter);
                        return operation.timed_out();
                    }
                }
                // Woken too early; or told twice, which does not happen.
                Ok(Answer::Blocked(_)) | Err(_) => {}
            }
        }
    }
}

/// Keys that are watched, from [`Engine::watch`] until a transaction has run or this is dropped.
#[derive(Debug)]
pub struct Watching<'a> {
    engine: &'a Engine,
    watched: Watched,
}

impl Watching<'_> {
    /// Runs commands as [`Engine::transaction`] does, unless one of the keys has changed: then none, and the answer is
    /// `None`.
    ///
    /// # Errors
    /// As for [`Engine::transaction`].
    ///
    /// # Panics
    /// If `db` is not one of the databases configured.
    pub fn transaction(
        mut self,
        db: DbIndex,
        commands: &[&[&[u8]]],
    ) -> Result<Option<Vec<Value>>, CommandError> {
        // What is wrong with a command is found before the keys are given away: dropping this forgets them.
        for args in commands {
            self.engine.resolve(args)?;
        }
        let watched = std::mem::take(&mut self.watched);
        self.engine.run_transaction(db, commands, Some(watched))
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.engine.hub.unwatch(std::mem::take(&mut self.watched));
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.is_ending.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            // A shard's panic has been reported by its thread; there is nothing left to undo here.
            let _ = thread.join();
        }
    }
}

fn serve(mut shard: Shard<Embedded>, clock: fn() -> UnixMs, is_ending: &AtomicBool) {
    while !is_ending.load(Ordering::Acquire) {
        while shard.poll() {}
        let now = clock();
        let swept = shard.sweep(now, SWEEP_ENTRIES_MAX);
        if let Some(store) = shard.store() {
            store.free_some(FREE_ITEMS_MAX);
        }
        if !swept.is_cut_short && shard.park() {
            std::thread::park_timeout(until_sweep(&mut shard, now));
            shard.unpark();
        }
    }
}

/// How long a shard's thread may sleep.
fn until_sweep(shard: &mut Shard<Embedded>, now: UnixMs) -> Duration {
    let due = shard.store().and_then(|store| store.next_due());
    let until = due.map_or(SWEEP_PERIOD, |due| {
        Duration::from_millis(u64::try_from(due.0.saturating_sub(now.0)).unwrap_or(0))
    });
    // What is due has just been swept, but for what was done meanwhile.
    until.clamp(Duration::from_millis(1), SWEEP_PERIOD)
}
