//! The engine inside a process, without a socket: one thread per shard, parked on `std::thread::park`.
//!
//! It is the smallest driver of a [`Turn`]: `crates/kora-engine/examples/embedded.rs` shows it from a user's side. Any number of
//! threads may call; each call goes to one worker as a session of its own, and blocks until it is answered.

mod worker;

use std::io;
use std::sync::Arc;
use std::thread::{JoinHandle, Thread};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, bounded};
use kora_core::command::spec::CommandSpec;
use kora_core::db::DbIndex;
use kora_core::entry::data_type::Extensions;
use kora_core::error::CommandError;
use kora_core::reply::Value;
use kora_core::shard::hub::Wake;
use kora_core::shard::route::{Placement, place};
use kora_core::shard::runner::Shard;
use kora_core::slot::ShardId;
use kora_core::time::UnixMs;
use kora_locks::{RankedMutex, rank};
use kora_script::Scripts;
use kora_storage::disk::RealDisk;

use crate::assembly::{self, Assembly, assemble};
use crate::engine::Engine;
use crate::entropy;
use crate::front::values::ValueFront;
use crate::front::{Mail, Origin};
use crate::persistence::Drive;
use crate::settings::Settings;
use crate::stream::Stream;
use crate::threads;
use crate::turn::Turn;
use worker::{Call, Errand, Owned};

/// The front of an embedded engine.
type Front = ValueFront<Call, Errand>;

/// What an embedded engine starts with.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// Number of shards, each with a thread; at least 1.
    pub shard_count: u16,
    /// Decides hashing and random choices. Unpredictable to whoever chooses keys, where those are not trusted.
    pub seed: u64,
    /// The clock.
    pub clock: fn() -> UnixMs,
    /// What it goes by. By default nothing is kept on disk.
    pub settings: Settings,
    /// Data types that are not built in.
    pub extensions: Extensions,
    /// Their commands, and others that run on shards.
    pub commands: &'static [&'static [CommandSpec]],
    /// Most bytes that scripts take on each worker; 1 GiB if it is not said.
    pub script_bytes_max: Option<usize>,
}

impl EmbeddedOptions {
    /// So many shards, and what is usual else.
    #[must_use]
    pub fn new(shard_count: u16, seed: u64, clock: fn() -> UnixMs) -> Self {
        Self {
            shard_count,
            seed,
            clock,
            settings: Settings::default(),
            extensions: Extensions::default(),
            commands: &[],
            script_bytes_max: None,
        }
    }
}

/// An engine with a thread per shard. Dropping it ends the threads.
#[derive(Debug)]
pub struct Embedded {
    engine: Arc<Engine<Front>>,
    threads: Vec<JoinHandle<()>>,
}

/// Unparks a worker's thread, once that is known.
#[derive(Clone, Debug, Default)]
struct ThreadWaker(Arc<RankedMutex<{ rank::SHARD_THREAD }, Option<Thread>>>);

impl Wake for ThreadWaker {
    fn wake(&self) {
        if let Some(thread) = &*self.0.lock() {
            thread.unpark();
        }
    }
}

/// What a call is answered with: its replies, and the session it ran in if that stays.
#[derive(Debug)]
struct Answer {
    replies: Vec<Value>,
    origin: Origin,
}

impl Embedded {
    /// Starts the workers' threads. What is to be kept on disk is loaded before.
    ///
    /// # Errors
    /// If the system refuses a thread or random bytes, or the data can't be loaded.
    pub fn start(options: EmbeddedOptions) -> io::Result<Self> {
        let EmbeddedOptions { shard_count, seed, clock, settings, extensions, commands, script_bytes_max } =
            options;
        let is_kept = settings.persistence.append_only || !settings.persistence.save.is_empty();
        let wakers: Vec<ThreadWaker> = (0..shard_count.max(1)).map(|_| ThreadWaker::default()).collect();
        let begun = Instant::now();
        let Assembly { engine, services, mut shards, .. } = assemble(assembly::Options::<Front> {
            settings,
            wakers: wakers.iter().map(|waker| Box::new(waker.clone()) as Box<dyn Wake>).collect(),
            seed,
            started: clock(),
            disk: Arc::new(RealDisk),
            drive: Drive::Thread { begin: begun, entropy: entropy::number },
            extensions,
            shard_families: commands,
            families: &[],
            script_bytes_max,
            script_looks: None,
        })?;
        let front = Arc::new(Front::new(move || begun.elapsed()));
        let services = Arc::new(services.with(Arc::clone(&front)));
        shards.iter_mut().for_each(|shard| shard.set_services(Arc::clone(&services)));
        if is_kept {
            let mut stores: Vec<_> = shards.iter_mut().filter_map(Shard::take_store).collect();
            let restored = engine.persistence.restore(&mut stores, &services, clock());
            restored.map_err(|error| io::Error::other(format!("can't load the data: {error}")))?;
            stores.into_iter().for_each(|store| engine.hub.send_store(store));
        }
        let mut embedded = Self { engine: Arc::clone(&engine), threads: Vec::new() };
        for (shard, waker) in shards.into_iter().zip(wakers) {
            let turn = Turn::new(shard, Arc::clone(&engine), Arc::clone(&front), clock());
            let ending = Arc::clone(&engine.ending);
            let body = move || {
                *waker.0.lock() = Some(std::thread::current());
                worker::serve(turn, clock, &ending);
            };
            embedded.threads.push(threads::spawn("kora-shard", body)?);
        }
        Ok(embedded)
    }

    /// Number of shards.
    #[must_use]
    pub fn shard_count(&self) -> u16 {
        self.engine.hub.shard_count()
    }

    /// Its scripts.
    #[must_use]
    pub fn scripts(&self) -> &Arc<Scripts> {
        &self.engine.scripts
    }

    /// The stream of what its commands change.
    #[must_use]
    pub fn stream(&self) -> &Arc<Stream> {
        &self.engine.stream
    }

    /// Runs one command on database 0 and waits for its reply; errors are replies too. A blocking command blocks the
    /// calling thread. Each call is a connection of its own: WAITAOF waits for what its own call wrote.
    ///
    /// # Panics
    /// If a worker did.
    pub fn command(&self, args: &[&[u8]]) -> Value {
        self.pipeline(DbIndex(0), &[args]).pop().expect("one command has one reply")
    }

    /// Runs commands on database `db`, in order and as one operation wherever their keys are independent, and waits
    /// for their replies.
    ///
    /// # Panics
    /// If `db` is not one of the databases configured.
    pub fn pipeline(&self, db: DbIndex, commands: &[&[&[u8]]]) -> Vec<Value> {
        if commands.is_empty() {
            return Vec::new();
        }
        self.begin(db, commands, false).replies
    }

    /// Runs commands on database `db` as a unit: nobody sees some of them done and others not. None of them waits for keys.
    ///
    /// # Errors
    /// If one of them does not exist, has too few or too many arguments, or can't be part of a transaction. Then none has run.
    /// What is wrong with one that runs is its reply, and the others run nevertheless.
    ///
    /// # Panics
    /// If `db` is not one of the databases configured.
    pub fn transaction(&self, db: DbIndex, commands: &[&[&[u8]]]) -> Result<Vec<Value>, CommandError> {
        self.check(commands)?;
        let answer = self.begin(db, &in_exec(commands), false);
        Ok(result_of_exec(answer)?.expect("a transaction that depends on nothing runs"))
    }

    /// Begins to watch keys of database `db` on behalf of a transaction that shall run only if none of them changes until
    /// then.
    ///
    /// # Panics
    /// If `db` is not one of the databases configured.
    #[must_use]
    pub fn watch(&self, db: DbIndex, keys: &[&[u8]]) -> Watching<'_> {
        let watch: Vec<&[u8]> = std::iter::once(&b"WATCH"[..]).chain(keys.iter().copied()).collect();
        let watch: &[&[u8]] = if keys.is_empty() { &[b"UNWATCH"] } else { &watch };
        Watching { embedded: self, origin: self.begin(db, &[watch], true).origin }
    }

    /// What is wrong with commands whatever the data.
    fn check(&self, commands: &[&[&[u8]]]) -> Result<(), CommandError> {
        commands.iter().try_for_each(|args| self.engine.table.resolve(args).map(drop))
    }

    /// Runs commands in a new session, which ends with them unless it `stays`.
    fn begin(&self, db: DbIndex, commands: &[&[&[u8]]], stays: bool) -> Answer {
        assert!(db.0 < self.engine.settings.get().core.database_count, "there is no such database");
        let (sender, receiver) = bounded(1);
        let errand = Errand::Begin { db, commands: Owned::of(commands), sender, stays };
        self.ask(self.home_of(commands), errand, &receiver)
    }

    fn ask(&self, worker: ShardId, errand: Errand, receiver: &Receiver<Answer>) -> Answer {
        self.engine.hub.send_driver_mail(worker, Mail::Front(errand));
        receiver.recv().expect("a worker answers every call before it ends")
    }

    /// The worker at which a call runs with the fewest steps: the one that has its first key.
    fn home_of(&self, commands: &[&[&[u8]]]) -> ShardId {
        let shard_of = |args: &&[&[u8]]| {
            let command = self.engine.table.resolve(args).ok()?;
            match place(command.facts, args, self.shard_count()) {
                Placement::One(shard) => Some(shard),
                Placement::Anywhere | Placement::Spread(_) | Placement::Together(_) => None,
            }
        };
        commands.iter().find_map(shard_of).unwrap_or_default()
    }
}

fn in_exec<'a>(commands: &[&'a [&'a [u8]]]) -> Vec<&'a [&'a [u8]]> {
    const MULTI: &[&[u8]] = &[b"MULTI"];
    const EXEC: &[&[u8]] = &[b"EXEC"];
    std::iter::once(MULTI).chain(commands.iter().copied()).chain(std::iter::once(EXEC)).collect()
}

/// The replies to what EXEC ran; none if a watched key had changed.
fn result_of_exec(mut answer: Answer) -> Result<Option<Vec<Value>>, CommandError> {
    match answer.replies.pop() {
        Some(Value::Array(replies)) => Ok(Some(replies)),
        Some(Value::Error(text)) => Err(CommandError::Other(text.to_string().into())),
        _ => Ok(None),
    }
}

/// Keys that are watched, from [`Embedded::watch`] until a transaction has run or this is dropped.
#[derive(Debug)]
pub struct Watching<'a> {
    embedded: &'a Embedded,
    origin: Origin,
}

impl Watching<'_> {
    /// Runs commands as [`Embedded::transaction`] does, unless one of the keys has changed: then none, and the answer is
    /// `None`.
    ///
    /// # Errors
    /// As for [`Embedded::transaction`].
    ///
    /// # Panics
    /// If `db` is not one of the databases configured.
    pub fn transaction(self, db: DbIndex, commands: &[&[&[u8]]]) -> Result<Option<Vec<Value>>, CommandError> {
        self.embedded.check(commands)?;
        assert!(db.0 < self.embedded.engine.settings.get().core.database_count, "there is no such database");
        let (sender, receiver): (Sender<Answer>, _) = bounded(1);
        let commands = Owned::of(&in_exec(commands));
        let errand = Errand::GoOn { origin: self.origin, db, commands, sender };
        result_of_exec(self.embedded.ask(self.origin.worker, errand, &receiver))
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let mail = Mail::Front(Errand::End(self.origin));
        self.embedded.engine.hub.send_driver_mail(self.origin.worker, mail);
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.engine.ending.begin();
        for thread in self.threads.drain(..) {
            // A worker's panic has been reported by its thread; there is nothing left to undo here.
            let _ = thread.join();
        }
        if let Err(error) = self.engine.persistence.close() {
            tracing::error!("{error}");
        }
    }
}
