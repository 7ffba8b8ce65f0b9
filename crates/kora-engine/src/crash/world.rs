//! One life after another of an engine that logs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kora_core::catalog::Cataloged;
use kora_core::config::{CoreConfig, EvictionConfig, EvictionOrder, EvictionScope};
use kora_core::db::DbIndex;
use kora_core::entry::data_type::Extensions;
use kora_core::rdb::dump::dump;
use kora_core::services::Services;
use kora_core::shard::executor::Executor;
use kora_core::shard::hub::Wake;
use kora_core::store::{Keyspace, ShardStore};
use kora_core::time::UnixMs;
use kora_storage::log::{FsyncPolicy, Health, Log, UNSYNCED_MS_MAX};
use kora_storage::simulated::{Choices, Fault, SimulatedDisk};
use kora_stream::order::Cut;
use kora_stream::record::{Item, Items};
use parking_lot::Mutex;

use super::Tally;
use super::book::{Book, State, Written, keys_of, state_of};
use super::company::Company;
use super::generate::{Knowledge, command};
use super::probe::CrashProbe;
use crate::assembly::{Assembly, Options, assemble};
use crate::engine::Engine;
use crate::front::Workers;
use crate::front::probe::BYTES_PER_KEY;
use crate::front::values::ValueFront;
use crate::persistence::loader::Replay;
use crate::persistence::{Drive, LoadError, Persistence, SnapshotKind, Ticket};
use crate::settings::{PersistenceSettings, Settings};
use crate::turn::Turn;

mod recover;
mod run;

/// Databases of each engine.
pub(super) const DATABASES: u16 = 3;

/// Most shards of an engine.
const SHARDS_MAX: u16 = 4;

/// When the first life begins.
const START_MS: u64 = 1_800_000_000_000;

/// What is done in a life, at least and at most.
const ACTIONS: (u64, u64) = (25, 60);

pub(super) type Checked<T = ()> = Result<T, String>;

#[derive(Debug)]
struct NobodySleeps;

impl Wake for NobodySleeps {
    fn wake(&self) {}
}

/// The front of the crash test's engines: with each session the last record there was when its commands had run.
pub(super) type Crash = ValueFront<u64, (), CrashProbe>;

/// What an engine is made of.
pub(super) struct Process {
    pub(super) engine: Arc<Engine<Crash>>,
    pub(super) services: Arc<Services>,
    pub(super) executors: Vec<Executor<Workers<Crash>>>,
    front: Arc<Crash>,
}

/// An engine on a disk, whose log is written step by step.
fn process(
    disk: &SimulatedDisk,
    clock: &Arc<AtomicU64>,
    (worker_count, shard_count): (u16, u16),
    settings: Settings,
    (seed, company): (u64, Company),
) -> Process {
    let options = Options {
        settings,
        wakers: (0..worker_count).map(|_| Box::new(NobodySleeps) as Box<dyn Wake>).collect(),
        shard_count,
        seed,
        started: UnixMs(0),
        disk: Arc::new(disk.clone()),
        drive: Drive::Steps(Arc::clone(clock)),
        extensions: Extensions::new(company.types),
        shard_families: company.families,
        families: &[],
        script_bytes_max: None,
        script_looks: None,
    };
    let assembled = assemble(options).expect("the system has threads");
    let Assembly { engine, services, mut executors, .. } = assembled;
    let clock = Arc::clone(clock);
    let front = Arc::new(Crash::new(move || Duration::from_millis(clock.load(Ordering::Relaxed))));
    let services = Arc::new((company.services)(services).with(Arc::clone(&front)));
    executors.iter_mut().for_each(|executor| executor.set_services(Arc::clone(&services)));
    Process { engine, services, executors, front }
}

fn settings(policy: FsyncPolicy) -> Settings {
    let persistence = PersistenceSettings {
        dir: "data".into(),
        append_only: true,
        append_fsync: policy,
        ..PersistenceSettings::default()
    };
    let core = CoreConfig { database_count: DATABASES, ..CoreConfig::default() };
    Settings { core, persistence: Arc::new(persistence), ..Settings::default() }
}

/// Has memory be short in some lives: for fewer keys than there are, mostly.
fn limit_some(settings: &mut Settings, choices: &mut Choices) {
    let orders = [EvictionOrder::Lru, EvictionOrder::Lfu, EvictionOrder::Ttl, EvictionOrder::Random];
    let order = orders[choices.up_to(orders.len() - 1)];
    let is_by_deadline = order == EvictionOrder::Ttl || choices.one_in(4);
    let scope = if is_by_deadline { EvictionScope::Volatile } else { EvictionScope::AllKeys };
    settings.core.eviction = EvictionConfig { scope, order, ..EvictionConfig::default() };
    if choices.one_in(3) {
        settings.max_memory = (8 + choices.below(20)) * BYTES_PER_KEY;
    }
}

/// Takes the stores of all shards, whoever holds them.
#[expect(clippy::vec_box, reason = "stores are lent in boxes, as everywhere")]
fn take_stores(life: &mut Life) -> Vec<Box<ShardStore>> {
    life.turns.iter_mut().for_each(|turn| turn.executor().release_all());
    life.engine.hub.take_stores()
}

/// Brings stores home that were taken.
#[expect(clippy::vec_box, reason = "stores are lent in boxes, as everywhere")]
fn bring_home(life: &mut Life, stores: Vec<Box<ShardStore>>) {
    stores.into_iter().for_each(|store| life.engine.hub.send_store(store));
    life.turns.iter_mut().for_each(Turn::read_mail);
}

/// An engine and its stores, into which data are loaded again and again.
pub(super) struct Bench {
    pub(super) engine: Arc<Engine<Crash>>,
    pub(super) services: Arc<Services>,
    #[expect(clippy::vec_box, reason = "stores are lent in boxes, as everywhere")]
    pub(super) stores: Vec<Box<ShardStore>>,
    pub(super) company: Company,
}

impl Bench {
    fn new(shard_count: u16, company: Company) -> Self {
        let disk = SimulatedDisk::new(0);
        let Process { engine, services, .. } =
            process(&disk, &Arc::default(), (1, shard_count), settings(FsyncPolicy::Always), (7, company));
        let stores = engine.hub.take_stores();
        Self { engine, services, stores, company }
    }

    /// What it holds.
    pub(super) fn state(&mut self) -> State {
        let Self { engine, services, stores, company } = self;
        let found = company.ask(stores, services, &engine.persistence.needs.effects);
        state_of(stores, engine.scripts.library_codes(), found)
    }

    /// Forgets all, and loads what is on a disk, as a start would. Returns the last record and the state.
    pub(super) fn load(&mut self, disk: &SimulatedDisk, now: UnixMs) -> Result<(u64, State), LoadError> {
        let Self { engine, services, stores, .. } = self;
        Cataloged::among(services).for_each(|catalog| catalog.clear());
        for store in stores.iter_mut() {
            store.abandon();
            store.unload(now);
            drop(store.take_garbage());
        }
        engine.scripts.flush_libraries();
        let needs = engine.persistence.needs.clone();
        let drive = Drive::Steps(Arc::default());
        let persistence = Arc::new(Persistence::new(needs, Arc::new(disk.clone()), drive, UnixMs(0)));
        persistence.restore(stores, services, now)?;
        // The last is its own: it begins a life.
        let last = persistence.appended().map_or(0, |begun| begun - 1);
        Ok((last, self.state()))
    }

    /// Applies what counts of records.
    ///
    /// # Errors
    /// The effect that was refused.
    pub(super) fn replay<'a>(
        &mut self,
        records: impl IntoIterator<Item = &'a Written>,
        cut: &Cut,
    ) -> Result<(), String> {
        let Self { engine, services, stores, .. } = self;
        let mut target = engine.persistence.target(stores, services, UnixMs(1));
        let mut replay = Replay::new(&mut target);
        let mut outcome = Ok(());
        for Written { number, bytes, .. } in records {
            for item in Items::new(bytes) {
                let Ok(Item::Effect(effect)) = item else { continue };
                if !cut.keeps(effect.scope.stamp, *number) {
                    continue;
                }
                let args: Vec<&[u8]> = effect.arguments.collect();
                if let Some(error) = replay.run(DbIndex(effect.db), &args).unwrap_or_else(Some) {
                    let name = args.first().unwrap_or(&&b""[..]).escape_ascii().to_string();
                    outcome = Err(format!("the effect {name} is refused: {error}"));
                }
            }
        }
        outcome
    }
}

/// Engines that runs use one after the other.
#[derive(Default)]
pub struct Pool {
    company: Company,
    copy: Option<Bench>,
    benches: [Option<Bench>; SHARDS_MAX as usize],
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

impl Pool {
    /// One whose engines have more than the core.
    #[must_use]
    pub fn with(company: Company) -> Self {
        Self { company, ..Self::default() }
    }

    pub(super) fn bench(&mut self, shard_count: u16) -> &mut Bench {
        let place = &mut self.benches[usize::from(shard_count) - 1];
        place.get_or_insert_with(|| Bench::new(shard_count, self.company))
    }
}

/// The disk and what is known about it from outside.
pub(super) struct World<'p> {
    pub(super) pool: &'p mut Pool,
    disk: SimulatedDisk,
    choices: Choices,
    clock: Arc<AtomicU64>,
    pub(super) book: Arc<Mutex<Book>>,
    /// What must survive a power cut, and what a kill.
    promised: u64,
    promised_at_kill: u64,
    failed_syncs: u64,
    /// Whether the process before was killed, and the system went on.
    was_kill: bool,
    /// The last record that a reply let go told of, under `appendfsync always`.
    acknowledged: u64,
    /// Clients so far.
    clients: u64,
    /// The last commands, for reports.
    trace: Vec<String>,
    tally: Tally,
}

/// A process while it lives.
pub(super) struct Life {
    pub(super) engine: Arc<Engine<Crash>>,
    pub(super) services: Arc<Services>,
    pub(super) turns: Vec<Turn<Crash>>,
    pub(super) log: Arc<Log>,
    pub(super) snapshot: Option<Ticket>,
    was_failed: bool,
    /// The last record that was covered when the policy changed.
    covered_before: u64,
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        self.pool.copy = self.book.lock().copy.take();
    }
}

impl<'p> World<'p> {
    pub(super) fn new(pool: &'p mut Pool, disk: SimulatedDisk, seed: u64) -> Self {
        let copy = pool.copy.take().unwrap_or_else(|| Bench::new(1, pool.company));
        let book = Book { copy: Some(copy), now_ms: START_MS, ..Book::default() };
        Self {
            pool,
            disk,
            choices: Choices::new(seed),
            clock: Arc::new(AtomicU64::new(START_MS)),
            book: Arc::new(Mutex::new(book)),
            promised: 0,
            promised_at_kill: 0,
            failed_syncs: 0,
            was_kill: true,
            acknowledged: 0,
            clients: 0,
            trace: Vec::new(),
            tally: Tally { runs: 1, ..Tally::default() },
        }
    }

    pub(super) fn tally(&self) -> Tally {
        Tally { records: self.book.lock().records, ..self.tally.clone() }
    }

    fn now_ms(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    pub(super) fn now(&self) -> UnixMs {
        UnixMs(i64::try_from(self.now_ms()).expect("no run lasts for ages"))
    }

    /// A start, some work, and an end.
    pub(super) fn live(&mut self) -> Checked {
        let mut life = self.start()?;
        if self.tally.commands == 0 {
            self.run_beginning(&mut life);
        }
        let actions = ACTIONS.0 + self.choices.below(ACTIONS.1 - ACTIONS.0);
        for _ in 0..actions {
            self.act(&mut life)?;
            self.judge_crashes()?;
            if self.disk.is_dead() {
                break;
            }
            self.compare(&mut life)?;
            self.observe(&mut life)?;
        }
        let result = self.end(life);
        self.judge_crashes()?;
        result
    }

    /// A last start finds what was promised.
    pub(super) fn finish(&mut self) -> Checked {
        let life = self.start()?;
        self.disk.end(Fault::Kill);
        self.bury(life);
        self.judge_crashes()
    }

    fn end(&mut self, mut life: Life) -> Checked {
        let stores = take_stores(&mut life);
        self.tally.evicted += stores.iter().map(|store| store.stats().evicted).sum::<u64>();
        bring_home(&mut life, stores);
        if self.disk.is_dead() {
            self.bury(life);
            return Ok(());
        }
        match self.choices.below(4) {
            0 => self.disk.end(Fault::Kill),
            1 => self.disk.end(Fault::PowerCut { keeps_some: false }),
            2 => self.disk.end(Fault::PowerCut { keeps_some: true }),
            _ => return self.close(life),
        }
        self.bury(life);
        Ok(())
    }

    /// An orderly end.
    fn close(&mut self, life: Life) -> Checked {
        let log = Arc::clone(&life.log);
        // What became of it shows in what is found.
        let _ = life.engine.persistence.close_log();
        self.judge_crashes()?;
        if !self.disk.is_dead() && log.health() == Health::Healthy {
            self.promised = log.appended();
        }
        self.disk.end(Fault::PowerCut { keeps_some: true });
        self.bury(life);
        Ok(())
    }

    /// Lets go of a process that is dead, and waits for its last thread.
    pub(super) fn bury(&mut self, Life { engine, turns, snapshot, .. }: Life) {
        drop(turns);
        engine.hub.drop_shards();
        if let Some(ticket) = snapshot {
            // It was given up.
            let _ = ticket.wait();
        }
    }

    /// What is done next.
    fn act(&mut self, life: &mut Life) -> Checked {
        match self.choices.below(24) {
            0..=12 => self.run_some(life),
            13..=16 => self.step_log(life),
            17 => self.pass_time(life),
            18 if life.snapshot.is_none() => self.begin_snapshot(life),
            19 | 20 if life.snapshot.is_some() => self.go_on_with_snapshot(life, 400),
            21 if life.snapshot.is_some() => self.go_on_with_snapshot(life, 1 << 20),
            22 => self.change_policy(life),
            _ if life.log.is_failed() && life.snapshot.is_none() => self.begin_snapshot(life),
            _ => {}
        }
        let failure = self.book.lock().failure.take();
        failure.map_or(Ok(()), |failure| Err(self.explain(&failure)))
    }

    fn explain(&self, what: &str) -> String {
        let trace = self.trace.iter().rev().take(12).rev().cloned().collect::<Vec<_>>().join("\n  ");
        format!("{what}; after\n  {trace}")
    }

    pub(super) fn step_log(&self, life: &Life) {
        let place = life.engine.persistence.log.read();
        let stepper = place.as_ref().and_then(|open| open.writing().stepper());
        drop(place);
        if let Some(stepper) = stepper {
            stepper.lock().step(self.now_ms());
        }
    }

    fn change_policy(&mut self, life: &mut Life) {
        if self.choices.one_in(4) {
            life.covered_before = life.log.covered();
            let policies = [FsyncPolicy::Always, FsyncPolicy::EverySecond, FsyncPolicy::No];
            life.engine.persistence.set_policy(policies[self.choices.up_to(2)]);
        }
    }

    fn pass_time(&mut self, life: &mut Life) {
        self.advance(self.choices.clone().below(1500));
        let _ = self.choices.number();
        let now = self.now();
        for turn in &mut life.turns {
            turn.begin_round(now, false);
            turn.read_mail();
            turn.finish_round();
            if self.choices.one_in(2) {
                turn.sweep_expired();
            }
        }
    }

    pub(super) fn advance(&mut self, by_ms: u64) {
        self.clock.fetch_add(by_ms, Ordering::Relaxed);
        self.book.lock().now_ms = self.now_ms();
    }

    /// Takes all stores in hand, as a command does that needs them all.
    fn with_all_stores<T>(
        life: &mut Life,
        body: impl FnOnce(&Arc<Persistence>, &mut [Box<ShardStore>], &Arc<Services>) -> T,
    ) -> T {
        let mut stores = take_stores(life);
        let result = body(&life.engine.persistence, &mut stores, &life.services);
        bring_home(life, stores);
        result
    }

    /// Begins a snapshot as BGREWRITEAOF does.
    pub(super) fn begin_snapshot(&mut self, life: &mut Life) {
        let (now, calls) = (self.now(), self.disk.calls());
        let kind = SnapshotKind::Base;
        let ticket = Self::with_all_stores(life, |persistence, stores, services| {
            let mut journal = kora_core::journal::Journal::default();
            let mut ctx = crate::persistence::restore::ctx(stores, &mut journal, services, now);
            persistence.begin(&mut ctx, kind)
        });
        let Ok(ticket) = ticket else { return };
        // The number that was left out has no record, and the state that is.
        let mut book = self.book.lock();
        let (appended, state) = (life.log.appended(), book.last.clone());
        book.history.insert(appended, state);
        drop(book);
        // Its thread makes the file first, and then waits for us.
        while self.disk.calls() == calls
            && !self.disk.is_dead()
            && life.engine.persistence.running().is_some()
        {
            std::thread::yield_now();
        }
        life.snapshot = Some(ticket);
        self.trace.push("(snapshot begun)".to_owned());
    }

    pub(super) fn go_on_with_snapshot(&mut self, life: &mut Life, budget: usize) {
        let mut stores = take_stores(life);
        for store in &mut stores {
            let _ = store.snapshot_some(budget);
        }
        let is_under_way = stores.iter().any(|store| store.is_in_snapshot());
        bring_home(life, stores);
        if is_under_way {
            return;
        }
        let was_failed = life.log.is_failed();
        if let Some(ticket) = life.snapshot.take()
            && ticket.wait().is_ok()
        {
            self.trace.push("(snapshot finished)".to_owned());
            self.tally.snapshots += 1;
            self.tally.healed += u64::from(was_failed && !life.log.is_failed());
        }
    }

    /// The data must equal what their effects made of the copy.
    pub(super) fn compare(&mut self, life: &mut Life) -> Checked {
        let libraries = life.engine.scripts.library_codes();
        let mut taken = take_stores(life);
        if taken.len() != usize::from(life.engine.hub.shard_count()) {
            return Err("a store did not come home".to_owned());
        }
        let company = self.pool.company;
        let found = company.ask(&mut taken, &life.services, &life.engine.persistence.needs.effects);
        let state = state_of(&mut taken, libraries, found);
        let live = keys_of(&mut taken);
        bring_home(life, taken);
        let mut book = self.book.lock();
        let heard = std::mem::take(&mut book.heard);
        if state == book.last {
            return Ok(());
        }
        let Some(copy) = &mut book.copy else { return Ok(()) };
        let copied = keys_of(&mut copy.stores);
        let differ = live.keys().chain(copied.keys()).filter(|key| live.get(*key) != copied.get(*key));
        let mut differ: Vec<String> = differ
            .map(|key| {
                let name = key.1.escape_ascii();
                format!("{}/{name}: {:?}, by its effects {:?}", key.0, live.get(key), copied.get(key))
            })
            .collect();
        differ.extend(state.found.differences(&book.last.found, &company));
        drop(book);
        let what = format!("effects do not reproduce it: {differ:#?}; effects {heard:#?}");
        Err(self.explain(&what))
    }

    /// Notes what is promised.
    fn observe(&mut self, life: &mut Life) -> Checked {
        let log = &life.log;
        self.tally.failures += u64::from(log.is_failed() && !life.was_failed);
        life.was_failed = log.is_failed();
        let covered = log.covered();
        let mut book = self.book.lock();
        if covered > book.covered(log.appended()) {
            return Err(format!("{covered} covered, but not all of that counts"));
        }
        self.promised_at_kill = self.promised_at_kill.max(covered);
        // Copies of the disk that were made before are judged by now.
        self.promised = self.promised.max(self.acknowledged);
        match log.policy() {
            // What was covered before that was the policy is only written, maybe.
            FsyncPolicy::Always if covered > life.covered_before => {
                self.promised = self.promised.max(covered);
            }
            FsyncPolicy::EverySecond
                if !log.must_wait(self.clock.load(Ordering::Relaxed)) && log.health() == Health::Healthy =>
            {
                let now_ms = self.clock.load(Ordering::Relaxed);
                for time in book.times.iter_mut().rev().take_while(|time| time.1.is_none()) {
                    time.1 = Some(now_ms);
                }
                let is_old = |at: u64| at + UNSYNCED_MS_MAX < now_ms;
                let old = book.times.iter().take_while(|time| time.1.is_some_and(is_old));
                let last = old.last().map_or(0, |time| time.0);
                self.promised = self.promised.max(book.covered(last));
            }
            FsyncPolicy::Always | FsyncPolicy::EverySecond | FsyncPolicy::No => {}
        }
        Ok(())
    }

    /// What the generator has to know.
    fn knowledge(&mut self, life: &mut Life) -> Knowledge {
        let names = ["string0", "list0", "set0", "hash0", "zset0", "stream0", "geo0", "hll0", "{t}hash1"];
        let name = names[self.choices.up_to(names.len() - 1)].as_bytes();
        let mut journal = kora_core::journal::Journal::default();
        let mut found = None;
        let mut stores = take_stores(life);
        for store in &mut stores {
            let mut keyspace = Keyspace::new(store, &mut journal, DbIndex(0), UnixMs(0), true);
            found = found.or(keyspace.peek(name).map(|entry| dump(entry, true)));
        }
        bring_home(life, stores);
        Knowledge {
            now_ms: self.now().0,
            company: self.pool.company,
            dump: found.unwrap_or_default(),
            library_dump: life.engine.scripts.dump_libraries(),
        }
    }
}
