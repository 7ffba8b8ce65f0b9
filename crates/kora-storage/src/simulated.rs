//! A disk in memory, with faults drawn from a seed.
//!
//! It keeps what a real one keeps apart: what the system has in memory and what is on the platter, for the contents
//! of files in sectors, and for names. Every call has a number; a plan says what goes wrong at which. After a kill or
//! a power cut all calls fail until [`SimulatedDisk::restart`], and files opened before stay dead.
//!
//! Directories themselves are durable at once; the names in them are not.

mod inode;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::disk::{DirLock, Disk, DiskFile, SyncHandle};
use inode::Inode;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed. What the system has in memory stays.
    Kill,
    /// The power goes. What was not synced is gone, or some of it is, in any order.
    PowerCut {
        /// Whether some of it may have reached the platter.
        keeps_some: bool,
    },
    /// The next write takes only some bytes.
    ShortWrite,
    /// The call fails with EIO.
    IoError,
    /// The disk is full for so many calls: writes take some bytes or fail, and files can't be made.
    NoSpace {
        /// How many calls; `u64::MAX` until the next restart.
        calls: u64,
    },
    /// The next sync fails. The system may then forget that the data was not written.
    FailedSync,
}

/// A number generator good enough for choices (splitmix64), so that a seed says everything.
#[derive(Clone, Debug)]
pub struct Choices(u64);

impl Choices {
    /// Choices that follow from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound; 0 if that is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.number().checked_rem(bound).unwrap_or(0)
    }

    /// A length up to a bound.
    pub fn up_to(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64 + 1)).unwrap_or(bound)
    }

    /// True in one of so many cases.
    pub fn one_in(&mut self, cases: u64) -> bool {
        self.below(cases) == 0
    }
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Read,
    Write,
    Sync,
    Name,
}

/// How a call goes.
#[derive(Debug)]
enum Course {
    Well,
    Short,
    Full,
    Dies(Fault),
    Fails(io::Error),
    FailsToSync,
}

/// A change of names that is not durable yet.
#[derive(Clone, Debug)]
enum NameChange {
    Set(PathBuf, usize),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf, usize),
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(path, inode) => drop(names.insert(path.clone(), *inode)),
            Self::Remove(path) => drop(names.remove(path)),
            Self::Rename(from, to, inode) => {
                names.remove(from);
                names.insert(to.clone(), *inode);
            }
        }
    }
}

/// A copy of a disk on which the process ended during a call.
#[derive(Debug)]
pub struct Crash {
    /// The call.
    pub call: u64,
    /// What ended it.
    pub fault: Fault,
    /// The copy, to be restarted.
    pub disk: SimulatedDisk,
}

#[derive(Clone, Debug)]
struct State {
    choices: Choices,
    calls: u64,
    faults: BTreeMap<u64, Vec<Fault>>,
    /// Faults that wait for a call they fit.
    armed: Vec<Fault>,
    full_until: u64,
    /// What ended the process, until the next one begins.
    ended_by: Option<Fault>,
    /// Counts processes.
    generation: u64,
    inodes: Vec<Inode>,
    dirs: BTreeSet<PathBuf>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    /// In order, each with its directory.
    changes: Vec<(PathBuf, NameChange)>,
    locks: BTreeSet<PathBuf>,
    failed_syncs: u64,
    /// What ends the copies that are made at each call.
    watched: Vec<Fault>,
}

/// A disk in memory; a copy is the same disk.
#[derive(Clone, Debug)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
    crashes: Arc<Mutex<Vec<Crash>>>,
}

impl SimulatedDisk {
    /// An empty disk, whose accidents follow from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State {
            choices: Choices::new(seed),
            calls: 0,
            faults: BTreeMap::new(),
            armed: Vec::new(),
            full_until: 0,
            ended_by: None,
            generation: 0,
            inodes: Vec::new(),
            dirs: BTreeSet::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            changes: Vec::new(),
            locks: BTreeSet::new(),
            failed_syncs: 0,
            watched: Vec::new(),
        };
        Self::of(state)
    }

    fn of(state: State) -> Self {
        Self { state: Arc::new(Mutex::new(state)), crashes: Arc::default() }
    }

    /// From now on, for each of `faults` ([`Fault::Kill`], [`Fault::PowerCut`]), makes a copy at each call that changes
    /// something, on which the process ends during the call. Here it goes on.
    pub fn keep_crashes(&self, faults: &[Fault]) {
        self.state.lock().watched = faults.to_vec();
    }

    /// The copies made since the last time.
    #[must_use]
    pub fn take_crashes(&self) -> Vec<Crash> {
        std::mem::take(&mut *self.crashes.lock())
    }

    /// Makes the copies for a call that `act` makes on them.
    fn copy_for(&self, act: impl Fn(&Self)) {
        let state = self.state.lock();
        if state.watched.is_empty() || state.ended_by.is_some() {
            return;
        }
        for (index, &fault) in (0..).zip(&state.watched) {
            let mut copy = state.clone();
            copy.choices = Choices::new(copy.choices.number().wrapping_add(index));
            copy.watched.clear();
            copy.faults.clear();
            copy.armed = vec![fault];
            let disk = Self::of(copy);
            act(&disk);
            self.crashes.lock().push(Crash { call: state.calls, fault, disk });
        }
    }

    /// Plans a fault for a call. Calls are counted from 0; one that doesn't fit waits for the next call it fits.
    pub fn inject(&self, at: u64, fault: Fault) {
        self.state.lock().faults.entry(at).or_default().push(fault);
    }

    /// Makes room on a full disk.
    pub fn restore_space(&self) {
        self.state.lock().full_until = 0;
    }

    /// How many calls there were.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    /// How many syncs failed.
    #[must_use]
    pub fn failed_syncs(&self) -> u64 {
        self.state.lock().failed_syncs
    }

    /// Whether the process is gone.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.state.lock().ended_by.is_some()
    }

    /// What ended the process, if it is gone.
    #[must_use]
    pub fn ended_by(&self) -> Option<Fault> {
        self.state.lock().ended_by
    }

    /// Ends the process now, by [`Fault::Kill`] or [`Fault::PowerCut`].
    pub fn end(&self, fault: Fault) {
        let mut state = self.state.lock();
        if state.ended_by.is_none() {
            state.die(fault);
        }
    }

    /// The disk as the next process finds it.
    pub fn restart(&self) {
        let mut state = self.state.lock();
        if state.ended_by.is_none() {
            state.die(Fault::Kill);
        }
        state.ended_by = None;
        state.armed.clear();
        state.full_until = 0;
    }

    /// A file's contents, as the process would read them.
    #[must_use]
    pub fn contents(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.state.lock();
        let inode = state.inodes.get(*state.names.get(path)?)?;
        Some(inode.cached().to_vec())
    }

    /// Puts a file there, or other contents into one, durably and without a call.
    pub fn put(&self, path: &Path, contents: &[u8]) {
        let mut state = self.state.lock();
        let inode = Inode::durable(contents.to_vec());
        if let Some(&number) = state.names.get(path)
            && let Some(old) = state.inodes.get_mut(number)
        {
            *old = inode;
            state.durable_names.insert(path.to_owned(), number);
            return;
        }
        let number = state.inodes.len();
        state.inodes.push(inode);
        state.names.insert(path.to_owned(), number);
        state.durable_names.insert(path.to_owned(), number);
        state.dirs.extend(path.parent().map(Path::to_owned));
    }

    /// A disk with the same durable contents and nothing else.
    #[must_use]
    pub fn fork(&self, seed: u64) -> Self {
        let state = self.state.lock();
        let copy = Self::new(seed);
        for (path, inode) in &state.names {
            if let Some(inode) = state.inodes.get(*inode) {
                copy.put(path, inode.cached());
            }
        }
        copy
    }
}

fn gone() -> io::Error {
    io::Error::other("the process is gone")
}

impl State {
    /// Counts a call and decides how it goes.
    fn enter(&mut self, call: Call, generation: Option<u64>) -> io::Result<Course> {
        if self.ended_by.is_some() || generation.is_some_and(|generation| generation != self.generation) {
            return Err(gone());
        }
        let due = self.faults.remove(&self.calls).unwrap_or_default();
        self.armed.extend(due);
        self.calls += 1;
        let fits = |fault: &Fault| match fault {
            Fault::Kill | Fault::PowerCut { .. } | Fault::IoError | Fault::NoSpace { .. } => true,
            Fault::ShortWrite => call == Call::Write,
            Fault::FailedSync => call == Call::Sync,
        };
        let fault = self.armed.iter().position(fits).map(|at| self.armed.remove(at));
        Ok(match fault {
            Some(fault @ (Fault::Kill | Fault::PowerCut { .. })) => Course::Dies(fault),
            Some(Fault::IoError) if call == Call::Sync => Course::FailsToSync,
            Some(Fault::IoError) => Course::Fails(io::Error::from_raw_os_error(EIO)),
            Some(Fault::ShortWrite) => Course::Short,
            Some(Fault::FailedSync) => Course::FailsToSync,
            Some(Fault::NoSpace { calls }) => {
                self.full_until = self.calls.saturating_add(calls).saturating_sub(1);
                self.full_course(call)
            }
            None => self.full_course(call),
        })
    }

    fn full_course(&mut self, call: Call) -> Course {
        let is_full = self.calls <= self.full_until && call == Call::Write;
        if is_full { Course::Full } else { Course::Well }
    }

    fn is_full(&self) -> bool {
        self.calls <= self.full_until
    }

    fn die(&mut self, fault: Fault) {
        self.ended_by = Some(fault);
        self.generation += 1;
        self.locks.clear();
        let Fault::PowerCut { keeps_some } = fault else {
            for inode in &mut self.inodes {
                inode.forget_lost(&mut self.choices);
            }
            return;
        };
        for inode in &mut self.inodes {
            inode.lose_power(keeps_some, &mut self.choices);
        }
        for (_, change) in std::mem::take(&mut self.changes) {
            if keeps_some && self.choices.one_in(2) {
                change.apply(&mut self.durable_names);
            }
        }
        self.names.clone_from(&self.durable_names);
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        let (NameChange::Set(path, _) | NameChange::Remove(path) | NameChange::Rename(path, ..)) = &change;
        let dir = path.parent().map(Path::to_owned).unwrap_or_default();
        self.changes.push((dir, change));
    }

    /// Makes the first changes in a directory durable.
    fn settle_names(&mut self, dir: &Path, count: usize) {
        let mut left = count;
        let changes = std::mem::take(&mut self.changes);
        for (place, change) in changes {
            if place == dir && left > 0 {
                left -= 1;
                change.apply(&mut self.durable_names);
            } else {
                self.changes.push((place, change));
            }
        }
    }
}

impl SimulatedDisk {
    /// Runs a call that changes names or fails as a whole.
    fn run<T>(&self, call: Call, act: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.state.lock();
        match state.enter(call, None)? {
            Course::Well | Course::Short | Course::Full => act(&mut state),
            Course::Dies(fault) => {
                // The call may have taken effect before. Its result takes the lock when it goes.
                let result = state.choices.one_in(2).then(|| act(&mut state));
                state.die(fault);
                drop(state);
                drop(result);
                Err(gone())
            }
            Course::Fails(error) => Err(error),
            Course::FailsToSync => Err(io::Error::from_raw_os_error(EIO)),
        }
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.run(Call::Read, |state| {
            let inode = *state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
            Ok(self.handle(state, inode))
        })
    }

    fn handle(&self, state: &State, inode: usize) -> Box<dyn DiskFile> {
        Box::new(SimulatedFile { disk: self.clone(), inode, generation: state.generation })
    }
}

impl Disk for SimulatedDisk {
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.copy_for(|copy| drop(copy.create_new(path)));
        self.run(Call::Name, |state| {
            if state.names.contains_key(path) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            if state.is_full() {
                return Err(io::Error::from_raw_os_error(ENOSPC));
            }
            let inode = state.inodes.len();
            state.inodes.push(Inode::default());
            state.change_name(NameChange::Set(path.to_owned(), inode));
            Ok(self.handle(state, inode))
        })
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.open(path)
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.copy_for(|copy| drop(copy.rename(from, to)));
        self.run(Call::Name, |state| {
            let inode = *state.names.get(from).ok_or(io::ErrorKind::NotFound)?;
            state.change_name(NameChange::Rename(from.to_owned(), to.to_owned(), inode));
            Ok(())
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.copy_for(|copy| drop(copy.remove(path)));
        self.run(Call::Name, |state| {
            state.names.get(path).ok_or(io::ErrorKind::NotFound)?;
            state.change_name(NameChange::Remove(path.to_owned()));
            Ok(())
        })
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.run(Call::Read, |state| {
            let within = state.names.keys().filter(|path| path.parent() == Some(dir));
            Ok(within.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
        })
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.run(Call::Name, |state| {
            state.dirs.insert(dir.to_owned());
            Ok(())
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.copy_for(|copy| drop(copy.sync_dir(dir)));
        let mut state = self.state.lock();
        match state.enter(Call::Sync, None)? {
            Course::Well | Course::Short | Course::Full => {
                state.settle_names(dir, usize::MAX);
                Ok(())
            }
            Course::Dies(fault) => {
                state.die(fault);
                Err(gone())
            }
            Course::Fails(error) => Err(error),
            Course::FailsToSync => {
                let pending = state.changes.len();
                let settled = state.choices.up_to(pending);
                state.settle_names(dir, settled);
                state.failed_syncs += 1;
                Err(io::Error::from_raw_os_error(EIO))
            }
        }
    }

    fn lock_dir(&self, dir: &Path) -> io::Result<Box<dyn DirLock>> {
        self.run(Call::Name, |state| {
            if state.locks.insert(dir.to_owned()) {
                let generation = state.generation;
                Ok(Box::new(SimulatedLock { disk: self.clone(), dir: dir.to_owned(), generation })
                    as Box<dyn DirLock>)
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            }
        })
    }
}

#[derive(Debug)]
struct SimulatedLock {
    disk: SimulatedDisk,
    dir: PathBuf,
    generation: u64,
}

impl DirLock for SimulatedLock {
    fn has_name(&self) -> bool {
        true
    }
}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        let mut state = self.disk.state.lock();
        if state.generation == self.generation {
            state.locks.remove(&self.dir);
        }
    }
}

#[derive(Debug)]
struct SimulatedFile {
    disk: SimulatedDisk,
    inode: usize,
    generation: u64,
}

impl SimulatedFile {
    /// Runs a call that takes effect as a whole or fails.
    fn run<T>(&self, call: Call, act: impl FnOnce(&mut Inode) -> T) -> io::Result<T> {
        let mut guard = self.disk.state.lock();
        let state = &mut *guard;
        let course = state.enter(call, Some(self.generation))?;
        let inode = state.inodes.get_mut(self.inode).ok_or_else(gone)?;
        match course {
            Course::Well | Course::Short | Course::Full => Ok(act(inode)),
            Course::Dies(fault) => {
                if state.choices.one_in(2) {
                    act(inode);
                }
                state.die(fault);
                Err(gone())
            }
            Course::Fails(error) => Err(error),
            Course::FailsToSync => {
                inode.fail_to_sync(&mut state.choices);
                state.failed_syncs += 1;
                Err(io::Error::from_raw_os_error(EIO))
            }
        }
    }

    /// The same file on a copy of the disk.
    fn on(&self, disk: &SimulatedDisk) -> Self {
        Self { disk: disk.clone(), inode: self.inode, generation: self.generation }
    }

    fn add(state: &mut MutexGuard<'_, State>, inode: usize, bytes: &[u8]) {
        if let Some(inode) = state.inodes.get_mut(inode) {
            inode.append(bytes);
        }
    }
}

impl SyncHandle for SimulatedFile {
    fn sync_data(&self) -> io::Result<()> {
        self.disk.copy_for(|copy| drop(SyncHandle::sync_data(&self.on(copy))));
        self.run(Call::Sync, Inode::sync)
    }
}

impl DiskFile for SimulatedFile {
    fn has_name(&self) -> io::Result<bool> {
        Ok(true)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.run(Call::Read, |inode| inode.read_at(buffer, offset))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.copy_for(|copy| drop(self.on(copy).write(bytes)));
        let mut state = self.disk.state.lock();
        let course = state.enter(Call::Write, Some(self.generation))?;
        let some = state.choices.up_to(bytes.len().saturating_sub(1));
        let part = bytes.get(..some).unwrap_or_default();
        match course {
            Course::Well | Course::FailsToSync => {
                Self::add(&mut state, self.inode, bytes);
                Ok(bytes.len())
            }
            Course::Short => {
                let part = if part.is_empty() { bytes } else { part };
                Self::add(&mut state, self.inode, part);
                Ok(part.len())
            }
            Course::Full if part.is_empty() || state.choices.one_in(2) => {
                Err(io::Error::from_raw_os_error(ENOSPC))
            }
            Course::Full => {
                Self::add(&mut state, self.inode, part);
                Ok(part.len())
            }
            Course::Dies(fault) => {
                Self::add(&mut state, self.inode, part);
                state.die(fault);
                Err(gone())
            }
            Course::Fails(error) => Err(error),
        }
    }

    fn rewrite_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.disk.copy_for(|copy| drop(self.on(copy).rewrite_at(bytes, offset)));
        self.run(Call::Write, |inode| inode.rewrite_at(bytes, offset))
    }

    fn sync_data(&mut self) -> io::Result<()> {
        SyncHandle::sync_data(self)
    }

    fn sync_handle(&self) -> Box<dyn SyncHandle> {
        Box::new(self.on(&self.disk))
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.disk.copy_for(|copy| drop(self.on(copy).truncate(length)));
        self.run(Call::Write, |inode| inode.truncate(length))
    }

    fn len(&self) -> io::Result<u64> {
        self.run(Call::Read, |inode| inode.cached().len() as u64)
    }
}
