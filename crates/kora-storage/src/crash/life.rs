//! One life after another of a process that logs, and what a start must find.

mod flips;
mod history;

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kora_stream::order::Stamp;
use kora_stream::record::{Item, Items, RecordBuilder, Scope};

use super::{State, Tally};
use crate::disk::{Disk, lock, read_full};
use crate::error::StorageError;
use crate::format::base_name;
use crate::log::{
    FsyncPolicy, Health, Log, LogOptions, LogWriter, NoNotify, SyncDone, SyncJob, UNSYNCED_MS_MAX,
};
use crate::recovery::{Plan, Recovery, remove_before};
use crate::simulated::{Choices, Fault, SimulatedDisk};
use crate::snapshot::SnapshotFile;
use history::{History, Unit};
use kora_format::crc64::Crc64;

/// Shards of a process, each with keys of its own.
const SHARDS: usize = 3;

/// What the shards of a process have before them.
#[derive(Debug, Default)]
struct Shards {
    /// Tickets of operations that a shard has to run a part of, each with the count of parts.
    lanes: [VecDeque<(u64, u16)>; SHARDS],
    /// Tickets taken.
    published: u64,
}

/// The disk and what is known about it from outside.
#[derive(Debug)]
pub(super) struct World {
    disk: SimulatedDisk,
    dir: PathBuf,
    choices: Choices,
    now_ms: u64,
    state: State,
    /// What was recorded since the last start.
    history: History,
    /// Records in order, and when they were acknowledged, if they were.
    times: Vec<(u64, Option<u64>)>,
    shards: Shards,
    next_value: u64,
    /// What must survive a power cut, and what a kill.
    promised: u64,
    promised_at_kill: u64,
    failed_syncs: u64,
    tally: Tally,
}

/// A process while it lives.
struct Process {
    log: Arc<Log>,
    writer: LogWriter,
    /// A sync that is not done yet, and one that is done and that the writer doesn't know of.
    sync: Option<SyncJob>,
    synced: Option<SyncDone>,
    /// The snapshot being written: its number, and what it is to hold.
    snapshot: Option<(u64, State)>,
    was_failed: bool,
}

type Checked<T = ()> = Result<T, String>;

impl World {
    pub(super) fn new(disk: SimulatedDisk, seed: u64) -> Self {
        Self {
            disk,
            dir: PathBuf::from("data"),
            choices: Choices::new(seed),
            now_ms: 1_000_000,
            state: State::new(),
            history: History::new(0, State::new()),
            times: Vec::new(),
            shards: Shards::default(),
            next_value: 1,
            promised: 0,
            promised_at_kill: 0,
            failed_syncs: 0,
            tally: Tally { runs: 1, ..Tally::default() },
        }
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// A start, some work, and an end.
    pub(super) fn live(&mut self) -> Checked {
        let mut process = self.start()?;
        let actions = 20 + self.choices.below(60);
        for _ in 0..actions {
            self.act(&mut process)?;
            if self.disk.is_dead() {
                return Ok(());
            }
            self.observe(&mut process)?;
        }
        self.end(process)
    }

    /// A last start finds what was promised.
    pub(super) fn finish(&mut self) -> Checked {
        self.start().map(drop)
    }

    fn end(&mut self, mut process: Process) -> Checked {
        match self.choices.below(4) {
            0 => self.disk.end(Fault::Kill),
            1 => self.disk.end(Fault::PowerCut { keeps_some: false }),
            2 => self.disk.end(Fault::PowerCut { keeps_some: true }),
            _ => {
                self.append_missing_parts(&process.log);
                let log = Arc::clone(&process.log);
                self.observe(&mut process)?;
                if let Some(job) = process.sync.take() {
                    process.synced = Some(job.run());
                }
                process.synced.take().into_iter().for_each(|done| process.writer.finish_sync(done));
                let result = process.writer.close(self.now_ms);
                if self.disk.is_dead() {
                    return Ok(());
                }
                if result.is_ok() != log.failure().is_none() {
                    return Err(format!("closing gave {result:?}"));
                }
                if log.health() == Health::Healthy {
                    self.promised = log.appended();
                }
                self.disk.end(Fault::PowerCut { keeps_some: true });
            }
        }
        Ok(())
    }

    // What a process does.

    fn act(&mut self, process: &mut Process) -> Checked {
        match self.choices.below(23) {
            0..=7 => self.append(&process.log),
            8 => self.begin_operation(),
            9 | 10 => self.append_some_part(&process.log),
            11..=14 => {
                process.writer.step(self.now_ms);
                // One of a segment that was given up is not waited for.
                process.sync = process.writer.take_sync().or(process.sync.take());
            }
            20 => process.synced = process.sync.take().map(SyncJob::run).or(process.synced.take()),
            21 | 22 => {
                process.synced.take().into_iter().for_each(|done| process.writer.finish_sync(done));
                process.writer.step(self.now_ms);
                process.sync = process.writer.take_sync().or(process.sync.take());
            }
            15 | 16 => self.now_ms += self.choices.below(700),
            17 if process.snapshot.is_none() => self.begin_snapshot(process),
            18 if process.snapshot.is_some() => self.complete_snapshot(process)?,
            _ if process.log.is_failed() && process.snapshot.is_none() => self.begin_snapshot(process),
            _ => {}
        }
        Ok(())
    }

    /// Changes a key of a shard.
    fn put(&mut self, shard: usize, record: &mut RecordBuilder, scope: Scope) -> Unit {
        let letter = self.choices.up_to(3) * SHARDS + shard;
        let key = vec![b'k', b'a' + u8::try_from(letter).unwrap_or(0)];
        let mut value = self.next_value.to_string().into_bytes();
        self.next_value += 1;
        let filler = if self.choices.one_in(4) { self.choices.up_to(1500) } else { self.choices.up_to(40) };
        value.extend(std::iter::repeat_n(b'.', filler));
        record.push_effect(&scope, 0, &[b"SET", &key, &value], false, false);
        self.state.insert(key.clone(), value.clone());
        Unit { stamp: scope.stamp, key, value }
    }

    fn log(&mut self, log: &Log, record: &RecordBuilder, units: Vec<Unit>) {
        let number = log.append(record.bytes(), record.parts(), self.now_ms);
        self.history.note(number, record.parts(), units);
        self.times.push((number, None));
        self.tally.records += 1;
    }

    /// What a shard does by itself, behind the operations it has before it.
    fn append(&mut self, log: &Log) {
        let shard = self.choices.up_to(SHARDS - 1);
        let scope = Scope { stamp: Stamp::of_position(self.shards.published), ..Scope::default() };
        let (mut record, mut units) = (RecordBuilder::default(), Vec::new());
        while let Some(unit) = self.run_part(shard, &mut record) {
            units.extend(unit);
        }
        for _ in 0..=self.choices.below(2) {
            units.push(self.put(shard, &mut record, scope));
        }
        self.log(log, &record, units);
    }

    /// Puts an operation into the lanes of some shards.
    fn begin_operation(&mut self) {
        let without = self.choices.up_to(SHARDS);
        let shards: Vec<usize> = (0..SHARDS).filter(|shard| *shard != without).collect();
        let part = (self.shards.published, u16::try_from(shards.len()).unwrap_or(0));
        self.shards.published += 1;
        shards.into_iter().for_each(|shard| self.shards.lanes[shard].push_back(part));
    }

    /// Runs the part that a shard has before it, which may change nothing; none if it has none.
    fn run_part(&mut self, shard: usize, record: &mut RecordBuilder) -> Option<Option<Unit>> {
        let (ticket, parts) = self.shards.lanes[shard].pop_front()?;
        let scope = Scope { stamp: Stamp::of_ticket(ticket), parts, ..Scope::default() };
        record.push_part(&scope);
        Some((!self.choices.one_in(4)).then(|| self.put(shard, record, scope)))
    }

    fn append_part(&mut self, log: &Log, shard: usize) {
        let mut record = RecordBuilder::default();
        let unit = self.run_part(shard, &mut record).flatten();
        self.log(log, &record, Vec::from_iter(unit));
    }

    fn append_some_part(&mut self, log: &Log) {
        let late: Vec<usize> = (0..SHARDS).filter(|shard| !self.shards.lanes[*shard].is_empty()).collect();
        let at = self.choices.up_to(late.len().saturating_sub(1));
        if let Some(&shard) = late.get(at) {
            self.append_part(log, shard);
        }
    }

    /// What a barrier waits for.
    fn append_missing_parts(&mut self, log: &Log) {
        for shard in 0..SHARDS {
            while !self.shards.lanes[shard].is_empty() {
                self.append_part(log, shard);
            }
        }
    }

    fn begin_snapshot(&mut self, process: &mut Process) {
        self.append_missing_parts(&process.log);
        let first = process.log.restart_at_barrier();
        self.history.note_barrier(first - 1);
        process.snapshot = Some((first, self.state.clone()));
    }

    fn complete_snapshot(&mut self, process: &mut Process) -> Checked {
        let Some((first, state)) = process.snapshot.take() else { return Ok(()) };
        let mut may_be_there = false;
        if self.write_base(first, &state, &mut may_be_there).is_err() {
            process.log.base_failed(first, may_be_there);
            return Ok(());
        }
        let kept = process.log.kept_segment(first);
        process.log.base_is_durable(first);
        self.tally.snapshots += 1;
        if !process.log.is_failed() {
            self.promised = self.promised.max(first - 1);
            if process.log.covered() < first - 1 {
                return Err(format!("base {first} is durable, but only {} covered", process.log.covered()));
            }
        }
        drop(remove_before(&self.disk, &self.dir, first, kept));
        Ok(())
    }

    fn write_base(&self, first: u64, state: &State, may_be_there: &mut bool) -> Result<(), StorageError> {
        let mut file = SnapshotFile::create(Arc::new(self.disk.clone()), &self.dir, first, true)?;
        for (key, value) in state {
            file.append(key)?;
            file.append(b" ")?;
            file.append(value)?;
            file.append(b"\n")?;
        }
        file.seal()?;
        *may_be_there = true;
        file.commit(&base_name(first)).map(drop)
    }

    // What it is promised.

    fn observe(&mut self, process: &mut Process) -> Checked {
        let log = &process.log;
        self.tally.failures += u64::from(log.is_failed() && !process.was_failed);
        self.tally.healed += u64::from(!log.is_failed() && process.was_failed);
        process.was_failed = log.is_failed();
        let covered = log.covered();
        if covered > log.appended() {
            return Err(format!("{covered} covered of {} appended", log.appended()));
        }
        let end = log.appended();
        if covered > self.history.covered(end) {
            return Err(format!("{covered} covered, but not all of that counts if the log ends with {end}"));
        }
        self.promised_at_kill = self.promised_at_kill.max(covered);
        match log.policy() {
            FsyncPolicy::Always => self.promised = self.promised.max(covered),
            FsyncPolicy::EverySecond if !log.must_wait(self.now_ms) && log.health() == Health::Healthy => {
                for time in self.times.iter_mut().rev().take_while(|time| time.1.is_none()) {
                    time.1 = Some(self.now_ms);
                }
                let is_old = |at: u64| at + UNSYNCED_MS_MAX < self.now_ms;
                let old = self.times.iter().take_while(|time| time.1.is_some_and(is_old));
                let last = old.last().map_or(0, |time| time.0);
                self.promised = self.promised.max(self.history.covered(last));
            }
            FsyncPolicy::EverySecond | FsyncPolicy::No => {}
        }
        Ok(())
    }

    // A start.

    fn start(&mut self) -> Checked<Process> {
        if self.disk.ended_by().is_some_and(|fault| fault != Fault::Kill) {
            self.promised_at_kill = self.promised;
        }
        for _ in 0..50 {
            self.disk.restart();
            if let Some(process) = self.try_start()? {
                return Ok(process);
            }
            self.tally.retried += 1;
            if self.disk.ended_by().is_some_and(|fault| fault != Fault::Kill) {
                self.promised_at_kill = self.promised;
            }
        }
        Err("the log can't be opened although nothing fails any more".to_owned())
    }

    /// None if the system refused something.
    fn try_start(&mut self) -> Checked<Option<Process>> {
        match self.recover() {
            Ok(process) => Ok(Some(process)),
            Err(Trouble::Storage(StorageError::Io { .. })) => Ok(None),
            Err(Trouble::Storage(error)) => Err(error.to_string()),
            Err(Trouble::Anomaly(what)) => Err(what),
        }
    }

    fn recover(&mut self) -> Result<Process, Trouble> {
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        disk.create_dir(&self.dir).map_err(|error| io_error(&self.dir, error))?;
        let _lock = lock(disk.as_ref(), &self.dir)?;
        let plan = Recovery::inspect(disk.as_ref(), &self.dir)?;
        let state = load(disk.as_ref(), &plan)?;
        self.judge(&plan, &state)?;
        plan.prepare(disk.as_ref())?;
        let last = plan.next - 1;
        self.state.clone_from(&state);
        self.history = History::new(last, state);
        self.times.clear();
        self.shards = Shards::default();
        self.promised = last;
        self.promised_at_kill = last;
        let policies = [FsyncPolicy::Always, FsyncPolicy::EverySecond, FsyncPolicy::No];
        let policy = policies[self.choices.up_to(2)];
        let (salt, notify) = (self.choices.number(), Arc::new(NoNotify));
        // Now and then as if the log began while there are data: what is found does not count for it.
        let is_behind_snapshot = self.choices.one_in(6);
        let next = plan.next + u64::from(is_behind_snapshot);
        let options = LogOptions { policy, salt, notify, is_behind_snapshot };
        let (log, writer) = Log::open(disk, &self.dir, next, options)?;
        self.history.note_barrier(next - 1);
        let begun = log.begin_life(plan.lives.last_cut(), self.now_ms);
        self.history.note(begun, &[], Vec::new());
        let snapshot = is_behind_snapshot.then(|| (next, self.state.clone()));
        self.failed_syncs = self.disk.failed_syncs();
        self.count(&plan);
        Ok(Process { log, writer, sync: None, synced: None, snapshot, was_failed: false })
    }

    /// Compares what a start found with what was appended.
    fn judge(&self, plan: &Plan, state: &State) -> Result<(), Trouble> {
        let last = plan.next - 1;
        // What the system took for written after a failed sync, it may have dropped.
        let may_have_dropped = self.disk.failed_syncs() > self.failed_syncs;
        let promised =
            if may_have_dropped { self.promised } else { self.promised_at_kill.max(self.promised) };
        if last < promised {
            return Err(Trouble::Anomaly(format!(
                "record {promised} was promised, but the log ends with {last}"
            )));
        }
        let Some(expected) = self.history.state_at(last) else {
            return Err(Trouble::Anomaly(format!("the log ends with {last}, which was never appended")));
        };
        if expected != *state {
            let what = format!("the state after record {last} is {state:?}, not {expected:?}");
            return Err(Trouble::Anomaly(what));
        }
        match self.history.first_lost(last).filter(|lost| *lost <= promised) {
            None => Ok(()),
            Some(lost) => Err(Trouble::Anomaly(format!(
                "record {promised} was promised, but at {last} {lost} does not count"
            ))),
        }
    }

    fn count(&mut self, plan: &Plan) {
        self.tally.starts += u64::from(!plan.is_empty());
        self.tally.torn += u64::from(plan.cut.is_some());
        self.tally.incomplete += u64::from(!plan.lives.last_cut().is_empty());
        self.tally.discarded += u64::from(plan.discarded.iter().any(|discarded| !discarded.is_empty));
    }
}

/// Why a start failed.
enum Trouble {
    Storage(StorageError),
    Anomaly(String),
}

impl From<StorageError> for Trouble {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

fn io_error(path: &Path, source: io::Error) -> StorageError {
    StorageError::Io { action: "use", path: path.to_owned(), source }
}

/// Loads the base and applies the log.
fn load(disk: &dyn Disk, plan: &Plan) -> Result<State, Trouble> {
    let mut state = match &plan.base {
        Some(base) => load_base(disk, &base.path)?,
        None => State::new(),
    };
    let mut reader = plan.reader(disk);
    while let Some(record) = reader.next()? {
        for item in Items::new(record.payload) {
            match item {
                Ok(Item::Effect(effect)) if !record.cut.keeps(effect.scope.stamp, record.sequence) => {}
                Ok(Item::Effect(mut effect)) => {
                    let (name, key, value) =
                        (effect.arguments.next(), effect.arguments.next(), effect.arguments.next());
                    let (Some(b"SET"), Some(key), Some(value)) = (name, key, value) else {
                        return Err(Trouble::Anomaly("an effect that nobody appended".to_owned()));
                    };
                    state.insert(key.to_vec(), value.to_vec());
                }
                Ok(Item::Part(_) | Item::Life | Item::Step(_)) => {}
                Err(malformed) => return Err(Trouble::Anomaly(malformed.to_string())),
            }
        }
    }
    Ok(state)
}

fn load_base(disk: &dyn Disk, path: &Path) -> Result<State, Trouble> {
    let file = disk.open_read(path).map_err(|error| io_error(path, error))?;
    let length = file.len().map_err(|error| io_error(path, error))?;
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    read_full(file.as_ref(), &mut bytes, 0).map_err(|error| io_error(path, error))?;
    let Some((contents, sum)) = bytes.split_last_chunk::<8>().map(|(contents, sum)| (contents, *sum)) else {
        return Err(Trouble::Anomaly(format!("{} is cut off", path.display())));
    };
    let mut crc = Crc64::default();
    crc.update(contents);
    if crc.value() != u64::from_le_bytes(sum) {
        return Err(Trouble::Anomaly(format!("{} is damaged", path.display())));
    }
    let lines = contents.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let pairs = lines.map(|line| {
        let at = line.iter().position(|byte| *byte == b' ').unwrap_or(0);
        (line[..at].to_vec(), line[at + 1..].to_vec())
    });
    Ok(pairs.collect())
}
