//! An engine in one thread, whose workers take a round when a test says so: by the very turns that serve clients.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use kora_core::catalog::Cataloged;
use kora_core::command::spec::CommandSpec;
use kora_core::db::DbIndex;
use kora_core::entry::data_type::{DataType, Extensions};
use kora_core::reply::Value;
use kora_core::shard::hub::Wake;
use kora_core::slot::WorkerId;
use kora_core::time::UnixMs;
use kora_engine::assembly::{self, Assembly, assemble};
use kora_engine::engine::{Engine, Handler};
use kora_engine::front::probe::Probe;
use kora_engine::front::values::{ValueClient, ValueFront};
use kora_engine::front::{ClientId, Origin, Standing};
use kora_engine::persistence::Drive;
use kora_engine::session::{Choice, Session};
use kora_engine::settings::Settings;
use kora_engine::turn::{Args, Commands, Turn};
use kora_script::Looks;
use kora_search::Pace;
use kora_storage::disk::RealDisk;

/// The data types that the core does not have.
pub(crate) const EXTENSIONS: &[&DataType] =
    &[&kora_json::JSON, &kora_search::SUGGESTIONS, &kora_vector::VECTOR_SET];

/// The commands that run on shards and the core does not have.
pub(crate) const FAMILIES: &[&[CommandSpec]] =
    &[kora_doc::COMMANDS, kora_json::COMMANDS, kora_search::COMMANDS, kora_vector::COMMANDS];

/// The time at which an engine starts: some day in 2023.
pub const START: UnixMs = UnixMs(1_700_000_000_000);

/// A front whose sessions read replies as values and keep an `L`.
pub(crate) type TestFront<L, P> = ValueFront<L, (), P>;

/// The front of a [`Stepped`] engine.
pub type SteppedFront<P = Alone> = ValueFront<Sent, (), P>;

/// Commands of a front.
type FamilyOf<F> = [CommandSpec<Handler<F>>];

/// An engine, and its workers' turns.
type Built<F> = (Arc<Engine<F>>, Vec<Turn<F>>);

/// What a test's engine is built from.
pub(crate) struct Setup<L: std::fmt::Debug + 'static, P: Probe> {
    pub(crate) settings: Settings,
    /// One for each worker.
    pub(crate) wakers: Vec<Box<dyn Wake>>,
    pub(crate) shard_count: u16,
    pub(crate) seed: u64,
    /// The time, as the front shows it.
    pub(crate) clock: Arc<AtomicI64>,
    pub(crate) families: &'static [&'static FamilyOf<TestFront<L, P>>],
    pub(crate) script_looks: Option<Looks>,
    pub(crate) pace: Pace,
    /// The clock that searches have.
    pub(crate) search_clock: Option<fn() -> Instant>,
}

/// An engine without files, and its workers' turns.
pub(crate) fn build<L: std::fmt::Debug + 'static, P: Probe>(
    Setup { settings, wakers, shard_count, seed, clock, families, script_looks, pace, search_clock }: Setup<
        L,
        P,
    >,
) -> Built<TestFront<L, P>> {
    let Assembly { engine, services, executors, .. } = assemble(assembly::Options {
        settings,
        wakers,
        shard_count,
        seed,
        started: START,
        disk: Arc::new(RealDisk),
        drive: Drive::Thread { begin: Instant::now(), entropy: || Ok(0) },
        extensions: Extensions::new(EXTENSIONS),
        shard_families: FAMILIES,
        families,
        script_bytes_max: None,
        script_looks,
    })
    .expect("an engine without files asks the system for nothing but threads");
    let front =
        Arc::new(TestFront::new(move || Duration::from_millis(clock.load(Ordering::Relaxed).unsigned_abs())));
    let services = services.with(Arc::new(kora_vector::Pacing::by_steps(pace)));
    let mut searches = kora_search::Service::new().with_pace(pace);
    if let Some(clock) = search_clock {
        searches = searches.with_clock(clock);
    }
    let (services, searches) = searches.among(services);
    let (services, collections) = kora_doc::Service::new().with_pace(pace).among(services);
    let services = services.with(Arc::new(Cataloged::new(vec![searches, collections])));
    let services = Arc::new(services.with(Arc::clone(&front)));
    let turns = executors.into_iter().map(|mut executor| {
        executor.set_services(Arc::clone(&services));
        Turn::new(executor, Arc::clone(&engine), Arc::clone(&front), START)
    });
    let turns = turns.collect();
    (engine, turns)
}

/// Nobody else works for the engine.
#[derive(Debug)]
pub struct Alone;

impl Probe for Alone {
    const IS_ALONE: bool = true;
}

/// Nobody sleeps here.
#[derive(Debug)]
struct NoBell;

impl Wake for NoBell {
    fn wake(&self) {}
}

/// What is kept with a session: what it has sent and did not run yet.
#[derive(Debug, Default)]
pub struct Sent(VecDeque<Vec<Vec<u8>>>);

impl FromIterator<Vec<Vec<u8>>> for Sent {
    fn from_iter<I: IntoIterator<Item = Vec<Vec<u8>>>>(commands: I) -> Self {
        Self(commands.into_iter().collect())
    }
}

impl Commands for Sent {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn args(&self, index: usize) -> Args<'_> {
        self.0[index].iter().map(Vec::as_slice).collect()
    }

    fn arg(&self, index: usize, at: usize) -> Option<&[u8]> {
        self.0[index].get(at).map(Vec::as_slice)
    }

    fn size(&self, _: usize) -> usize {
        0
    }

    fn rest(&self, index: usize) -> (usize, usize, usize) {
        let rest = self.0.range(index..);
        (rest.len(), rest.clone().map(Vec::len).sum(), rest.flatten().map(Vec::len).sum())
    }
}

/// What a stepped engine goes by.
#[derive(Debug, Default)]
pub struct Choices {
    /// Its settings.
    pub settings: Settings,
    /// How scripts are looked at that may take long.
    pub script_looks: Option<Looks>,
    /// How searches go on.
    pub pace: Pace,
    /// The clock that searches have; none: they count steps, and none takes too long.
    pub search_clock: Option<fn() -> Instant>,
}

/// See the module.
#[derive(Debug)]
pub struct Stepped<P: Probe = Alone> {
    /// What the workers share.
    pub engine: Arc<Engine<SteppedFront<P>>>,
    /// The workers.
    pub turns: Vec<Turn<SteppedFront<P>>>,
    now: UnixMs,
    clock: Arc<AtomicI64>,
    client_count: u64,
    /// What clients were answered and nobody took.
    answers: Vec<(ClientId, Value)>,
    probe: PhantomData<P>,
}

impl<P: Probe> Stepped<P> {
    /// An empty engine with so many workers and shards; `seed` decides hashing and random choices.
    #[must_use]
    pub fn new(worker_count: u16, shard_count: u16, seed: u64) -> Self {
        Self::at_pace(worker_count, shard_count, seed, Pace::default())
    }

    /// The same whose searches go at this pace.
    #[must_use]
    pub fn at_pace(worker_count: u16, shard_count: u16, seed: u64, pace: Pace) -> Self {
        Self::with(worker_count, shard_count, seed, Choices { pace, ..Choices::default() })
    }

    /// The same that goes by `choices`.
    #[must_use]
    pub fn with(worker_count: u16, shard_count: u16, seed: u64, choices: Choices) -> Self {
        let Choices { settings, script_looks, pace, search_clock } = choices;
        let clock = Arc::new(AtomicI64::new(START.0));
        let (engine, turns) = build(Setup {
            settings,
            wakers: (0..worker_count).map(|_| Box::new(NoBell) as Box<dyn Wake>).collect(),
            shard_count,
            seed,
            clock: Arc::clone(&clock),
            families: &[],
            script_looks,
            pace,
            search_clock,
        });
        Self { engine, turns, now: START, clock, client_count: 0, answers: Vec::new(), probe: PhantomData }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> UnixMs {
        self.now
    }

    /// Lets time pass.
    pub fn pass(&mut self, time: Duration) {
        self.now.0 += i64::try_from(time.as_millis()).expect("a test waits for less than an age");
        self.clock.store(self.now.0, Ordering::Relaxed);
    }

    /// A new client of a worker, which begins with `choice`.
    pub fn connect(&mut self, worker: WorkerId, choice: Choice<bool>) -> Origin {
        self.client_count += 1;
        let turn = &mut self.turns[worker.index()];
        let client = ClientId(self.client_count);
        let origin = Origin { worker, slot: turn.sessions.next_slot(), client };
        let standing = Arc::new(ValueClient(Standing::new(origin)));
        turn.sessions.insert(Box::new(Session::new(standing, Sent::default(), choice)));
        origin
    }

    /// A new client of a worker, as a program begins.
    pub fn connect_program(&mut self, worker: WorkerId) -> Origin {
        self.connect(worker, Choice::of_program(DbIndex(0)))
    }

    /// A client leaves.
    pub fn leave(&mut self, origin: Origin) {
        drop(self.turns[origin.worker.index()].close(origin.slot));
    }

    /// A client sends commands, and its worker runs them as far as they can run now; what they have changed is handed over.
    /// Nothing else happens.
    pub fn send(&mut self, origin: Origin, commands: impl IntoIterator<Item = Vec<Vec<u8>>>) {
        let turn = &mut self.turns[origin.worker.index()];
        turn.begin_round(self.now, true);
        if let Some(session) = turn.sessions.of(origin) {
            session.link.0.extend(commands);
        }
        self.serve(origin.worker.index(), origin.slot);
        self.turns[origin.worker.index()].executor().hand_over();
        self.take_answers(origin.worker.index());
    }

    /// Runs what a session has sent, as far as it can run now.
    fn serve(&mut self, worker: usize, slot: usize) {
        let turn = &mut self.turns[worker];
        let Some(mut session) = turn.sessions.take_to_serve(slot) else { return };
        let mut sent = std::mem::take(&mut session.link);
        turn.begin_serving(&mut session);
        while session.may_run() && !sent.0.is_empty() {
            let done = turn.run(&mut session, &sent);
            sent.0.drain(..done);
            if done == 0 {
                break;
            }
        }
        turn.end_serving(&mut session);
        session.link = sent;
        turn.sessions.put(session);
        turn.sessions.note_dirty(slot);
    }

    /// A worker does what there is to do for it.
    pub fn round(&mut self, worker: usize) {
        let turn = &mut self.turns[worker];
        turn.begin_round(self.now, false);
        turn.read_mail();
        turn.note_busy();
        for slot in turn.sessions.take_runnable() {
            self.serve(worker, slot);
        }
        self.turns[worker].finish_round();
        self.take_answers(worker);
    }

    /// Lets all workers run until there is nothing to do.
    pub fn settle(&mut self) {
        let mut has_work = true;
        while has_work {
            (0..self.turns.len()).for_each(|worker| self.round(worker));
            has_work = self.turns.iter().any(Turn::has_mail);
        }
    }

    fn take_answers(&mut self, worker: usize) {
        let turn = &mut self.turns[worker];
        for slot in turn.take_sendable() {
            let Some(session) = turn.sessions.get_mut(slot) else { continue };
            session.is_dirty = false;
            session.note_released();
            let client = session.origin().client;
            self.answers.extend(session.output.take().into_iter().map(|value| (client, value)));
        }
    }

    /// Takes what clients were answered.
    pub fn answers(&mut self) -> Vec<(ClientId, Value)> {
        std::mem::take(&mut self.answers)
    }
}
