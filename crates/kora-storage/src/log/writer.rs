//! Writing and syncing what was appended, one step at a time.

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::backlog::{Batch, Retry};
use super::syncing::{SyncDone, SyncJob, Syncs};
use super::trace::Trace;
use super::{Cut, Failure, FsyncPolicy, Health, Log, LogOptions, NEVER, Pending, UNSYNCED_MS_MAX};
use crate::disk::{Disk, DiskFile, read_full, write_all, write_some};
use crate::error::{Context, Damage, StorageError};
use crate::format::{
    MARK_OFFSET, RECORD_HEADER_LENGTH, RecordHeader, SEGMENT_HEADER_LENGTH, SegmentHeader, segment_name,
};

/// Memory for pending records that is kept once they are written.
const BUFFER_BYTES_KEPT: usize = 256 << 10;
/// How often it is looked whether the file still has a name.
const LOOK_INTERVAL_MS: u64 = 1000;
/// The mark in a segment's head is in a block of its own, which the next sync writes, too: not at every sync, then.
const HEAD_MARK_INTERVAL_MS: u64 = 1000;

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Bytes written.
    pub written_bytes: u64,
    /// Whether a sync of the segment was completed.
    pub synced: bool,
    /// When the next step is due even if nothing is appended.
    pub next_ms: Option<u64>,
    /// Whether the log is failed.
    pub failed: bool,
    /// Whether records are kept back: a write failed and is tried again at `next_ms`, or a sync has to end before.
    pub stalled: bool,
}

/// Why a batch was not written, and what becomes of it.
enum Trouble {
    /// It can be tried again from where it is.
    Again(StorageError),
    /// A segment can't be begun while a sync of the one before it is under way.
    Busy,
    /// What of it is in the file, nobody knows.
    Lost(StorageError),
}

/// An open segment.
#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: Box<dyn DiskFile>,
}

/// A mark on its way into the file.
#[derive(Debug)]
struct Mark {
    bytes: [u8; RECORD_HEADER_LENGTH],
    written: usize,
}

/// The one who writes the log. Its owner calls [`LogWriter::step`].
#[derive(Debug)]
pub struct LogWriter {
    log: Arc<Log>,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    /// None after a failure.
    segment: Option<Segment>,
    /// The buffer to be filled next.
    spare: Vec<u8>,
    /// The last record written.
    written: u64,
    /// The last record synced.
    synced: u64,
    syncs: Syncs,
    /// After a sync: what was appended after the first time counts as appended at the second.
    counts_anew: Option<(u64, u64)>,
    /// A sync was completed for which there is no mark among the records yet.
    owes_mark: bool,
    /// None if the system refused it.
    trace: Option<Trace>,
    /// The last record that the mark in the segment's head calls durable.
    marked_at_head: u64,
    last_head_mark_ms: u64,
    /// When it was last seen that the file has a name.
    last_look_ms: u64,
    /// What a failed write left, or what waits for a sync to end.
    backlog: Option<Batch>,
    /// It waits for a sync.
    awaits_sync: bool,
    retry: Retry,
    /// Nobody is there any more to run syncs.
    is_closing: bool,
    /// A segment that was not begun for a failure, and could not be removed.
    remnant: Option<PathBuf>,
    /// A mark among the records that is not written whole.
    mark: Option<Mark>,
}

impl Log {
    /// Opens the log of a directory whose next record has a number, as recovery found it.
    ///
    /// # Errors
    /// What the system says, or that the segment of this number is there and holds records.
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        next: u64,
        options: LogOptions,
    ) -> Result<(Arc<Self>, LogWriter), StorageError> {
        let path = dir.join(segment_name(next));
        let is_there = disk.list(dir).context("list", dir)?.contains(&segment_name(next));
        let header =
            SegmentHeader { first: next, salt: options.salt, after_failure: options.is_behind_snapshot };
        // Its name gets durable with that of the segment.
        let trace = Trace::open(disk.as_ref(), dir);
        let (segment, salt) = if is_there {
            reopen(disk.as_ref(), dir, path, next)?
        } else {
            (create(disk.as_ref(), dir, path, &header)?, options.salt)
        };
        let log = Arc::new(Self::new(next, salt, SEGMENT_HEADER_LENGTH as u64, options));
        let writer = LogWriter {
            log: Arc::clone(&log),
            disk,
            dir: dir.to_owned(),
            segment: Some(segment),
            spare: Vec::new(),
            written: next - 1,
            synced: next - 1,
            syncs: Syncs::default(),
            counts_anew: None,
            owes_mark: false,
            trace,
            marked_at_head: next - 1,
            last_head_mark_ms: 0,
            last_look_ms: 0,
            backlog: None,
            awaits_sync: false,
            retry: Retry::default(),
            is_closing: false,
            remnant: None,
            mark: None,
        };
        Ok((log, writer))
    }
}

/// Makes a segment durable, header and name, before any record gets into it. If that fails it does not stay.
fn create(
    disk: &dyn Disk,
    dir: &Path,
    path: PathBuf,
    header: &SegmentHeader,
) -> Result<Segment, StorageError> {
    let file = disk.create_new(&path).context("create", &path)?;
    let begun = begin(disk, dir, &path, (file, header));
    if begun.is_err() {
        // One that stays is begun and has no record, or is known to be hardly begun: a start copes with both.
        let _ = disk.remove(&path);
    }
    Ok(Segment { file: begun?, path })
}

fn begin(
    disk: &dyn Disk,
    dir: &Path,
    path: &Path,
    (mut file, header): (Box<dyn DiskFile>, &SegmentHeader),
) -> Result<Box<dyn DiskFile>, StorageError> {
    write_all(file.as_mut(), &header.encode()).context("write", path)?;
    file.sync_data().context("sync", path)?;
    disk.sync_dir(dir).context("sync", dir)?;
    Ok(file)
}

/// Opens a segment that was begun and got no record.
fn reopen(disk: &dyn Disk, dir: &Path, path: PathBuf, first: u64) -> Result<(Segment, u64), StorageError> {
    let mut file = disk.open_append(&path).context("open", &path)?;
    let mut bytes = [0; SEGMENT_HEADER_LENGTH + 1];
    let length = read_full(file.as_ref(), &mut bytes, 0).context("read", &path)?;
    let header = SegmentHeader::decode(bytes.get(..length).unwrap_or_default());
    let header = header.map_err(|what| Damage::new(&path, 0, what))?;
    if length != SEGMENT_HEADER_LENGTH || header.first != first {
        return Err(Damage::new(&path, 0, "the segment should have no records yet").into());
    }
    file.rewrite_at(bytes.get(..length).unwrap_or_default(), 0).context("write", &path)?;
    file.sync_data().context("sync", &path)?;
    disk.sync_dir(dir).context("sync", dir)?;
    Ok((Segment { path, file }, header.salt))
}

/// Whether a time has passed, by a clock that may be set back.
fn has_passed(since_ms: u64, interval_ms: u64, now_ms: u64) -> bool {
    now_ms < since_ms || now_ms - since_ms >= interval_ms
}

impl LogWriter {
    /// The log it writes.
    #[must_use]
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// The sync that the last step has begun, to be run and brought back to [`Self::finish_sync`]. Steps may be taken
    /// meanwhile.
    pub fn take_sync(&mut self) -> Option<SyncJob> {
        self.syncs.take_job()
    }

    /// Takes a sync back. The next step makes known what it achieved.
    pub fn finish_sync(&mut self, done: SyncDone) {
        self.syncs.bring_back(done);
    }

    /// Writes all that is pending, and syncs or begins a sync as the policy asks. `now_ms` is the clock of [`Log::append`].
    pub fn step(&mut self, now_ms: u64) -> Outcome {
        let Some(mut batch) = self.take(now_ms) else { return self.wait(now_ms) };
        let written_before = batch.written;
        let mut outcome = Outcome::default();
        let mut result = Ok(());
        if self.segment.is_some() || !batch.pending.cuts.is_empty() {
            result = self.write_and_sync(&mut batch, now_ms, &mut outcome);
        }
        outcome.written_bytes = batch.written.saturating_sub(written_before) as u64;
        match result {
            Ok(()) => {
                self.retry = Retry::default();
                self.log.note_written();
                self.publish();
                self.give_back(batch.pending.bytes);
            }
            Err(Trouble::Again(error)) => self.stall(batch, error, now_ms),
            Err(Trouble::Busy) => {
                self.backlog = Some(batch);
                self.awaits_sync = true;
            }
            Err(Trouble::Lost(error)) => {
                self.fail(error);
                self.give_back(batch.pending.bytes);
            }
        }
        outcome.failed = matches!(self.log.health(), Health::Failed | Health::Stalled);
        outcome.stalled = self.backlog.is_some();
        outcome.next_ms = self.next_ms();
        outcome
    }

    /// When the next step is due even if nothing is appended.
    fn next_ms(&self) -> Option<u64> {
        let retry = (self.backlog.is_some() && !self.awaits_sync).then(|| self.retry.due_ms());
        let has_segment = self.segment.is_some();
        let awaits_sync = has_segment && self.synced < self.written;
        let awaits_sync = awaits_sync && self.log.policy() == FsyncPolicy::EverySecond;
        let sync = awaits_sync.then(|| self.syncs.due_ms()).flatten();
        let awaits_mark = has_segment && self.backlog.is_none() && self.marked_at_head < self.synced;
        let mark = awaits_mark.then(|| self.last_head_mark_ms.saturating_add(HEAD_MARK_INTERVAL_MS));
        retry.into_iter().chain(sync).chain(mark).min()
    }

    /// What was written before is synced when that is due. No mark can stand in the middle of a record, so nobody is told.
    fn wait(&mut self, now_ms: u64) -> Outcome {
        let mut outcome = Outcome { stalled: true, ..Outcome::default() };
        let mut result = self.take_result(now_ms, &mut outcome);
        if result.is_ok() && self.written > self.synced && self.is_sync_due(now_ms) {
            result = self.begin_sync(now_ms, &mut outcome);
        }
        if let Err(error) = result {
            self.fail(error);
            self.backlog = None;
            return Outcome { failed: true, ..Outcome::default() };
        }
        outcome.failed = self.log.health() == Health::Stalled;
        outcome.next_ms = self.next_ms();
        outcome
    }

    /// What is to be written now; `None` if what comes first has to wait.
    fn take(&mut self, now_ms: u64) -> Option<Batch> {
        let log = Arc::clone(&self.log);
        let mut inner = log.inner.lock();
        inner.must_step = false;
        let untold = inner.untold.take();
        if log.health() == Health::Failed || inner.is_held {
            self.give_up_segment();
            self.backlog = None;
        }
        if let Some(first) = inner.skip_to.take() {
            self.skip(first, &mut inner.pending);
        }
        let batch = match self.backlog.take() {
            Some(backlog) if self.must_keep_back(now_ms) => {
                self.backlog = Some(backlog);
                None
            }
            Some(backlog) => {
                self.awaits_sync = false;
                Some(backlog)
            }
            None if inner.is_held => Some(Batch { last: inner.appended, ..Batch::default() }),
            None => {
                let spare = Pending { bytes: mem::take(&mut self.spare), ..Pending::default() };
                let pending = mem::replace(&mut inner.pending, spare);
                inner.in_flight_bytes = pending.bytes.len() as u64;
                inner.in_flight_room = pending.bytes.capacity() as u64;
                if let Some(cut) = pending.cuts.last() {
                    inner.taken_segment = cut.first;
                }
                Some(Batch { pending, last: inner.appended, ..Batch::default() })
            }
        };
        drop(inner);
        if let Some(failure) = untold {
            log.notify.failed(&failure);
        }
        batch
    }

    fn must_keep_back(&self, now_ms: u64) -> bool {
        if self.awaits_sync { self.syncs.is_awaited() } else { !self.retry.is_due(now_ms) }
    }

    /// What was written to the segment is of no use any more, or lost.
    fn give_up_segment(&mut self) {
        self.segment = None;
        self.mark = None;
        self.owes_mark = false;
        self.counts_anew = None;
        self.syncs.forget();
    }

    /// Drops what a durable snapshot of the state before a record makes unnecessary.
    fn skip(&mut self, first: u64, pending: &mut Pending) {
        let is_in_backlog = self.backlog.as_mut().is_some_and(|backlog| backlog.skip_to(first));
        if !is_in_backlog {
            if !pending.skip_to(first, 0) {
                return;
            }
            self.backlog = None;
        }
        self.give_up_segment();
        self.retry.hurry();
    }

    /// Keeps what was not written.
    fn stall(&mut self, batch: Batch, error: StorageError, now_ms: u64) {
        self.retry.note_failed(now_ms);
        if self.log.note_stalled(error) {
            self.backlog = Some(batch);
        } else {
            self.give_up_segment();
            self.give_back(batch.pending.bytes);
        }
    }

    fn give_back(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        buffer.shrink_to(BUFFER_BYTES_KEPT);
        let room = buffer.capacity() as u64;
        self.spare = buffer;
        self.log.notify.freed();
        let mut inner = self.log.inner.lock();
        inner.in_flight_bytes = 0;
        inner.in_flight_room = room;
        self.log.count_pending(&inner);
    }

    fn write_and_sync(
        &mut self,
        batch: &mut Batch,
        now_ms: u64,
        outcome: &mut Outcome,
    ) -> Result<(), Trouble> {
        self.take_result(now_ms, outcome).map_err(Trouble::Lost)?;
        while let Some(cut) = batch.next_cut() {
            self.write(batch, cut.at)?;
            if self.syncs.is_running() && !cut.after_failure {
                return Err(Trouble::Busy);
            }
            self.begin_segment(cut, now_ms)?;
            batch.begun += 1;
        }
        let end = batch.pending.bytes.len();
        self.write(batch, end)?;
        if !batch.pending.is_empty() {
            self.written = batch.last;
            self.syncs.note_written(batch.pending.since_ms.take());
        }
        self.write_mark()?;
        if self.written > self.synced && self.is_sync_due(now_ms) {
            // It may take long, and what is written counts for much.
            self.publish();
            self.begin_sync(now_ms, outcome).map_err(Trouble::Lost)?;
            self.write_mark()?;
        }
        self.mark_at_head(now_ms)?;
        // While the log does not count, neither does its segment.
        if self.log.health() == Health::Healthy
            && self.synced >= self.log.segment()
            && let Some(trace) = &mut self.trace
        {
            trace.tell(self.log.segment());
        }
        self.look(now_ms).map_err(Trouble::Lost)
    }

    /// Takes up the result of a sync that was brought back.
    fn take_result(&mut self, now_ms: u64, outcome: &mut Outcome) -> Result<(), StorageError> {
        let Some(result) = self.syncs.finish(now_ms) else { return Ok(()) };
        self.synced = self.synced.max(result?);
        self.owes_mark = true;
        outcome.synced = true;
        let oldest = self.log.oldest_unsynced_ms.load(Ordering::Acquire);
        if oldest != NEVER {
            let waiting_since = oldest.saturating_add(UNSYNCED_MS_MAX);
            self.syncs.begin_anew(waiting_since, now_ms);
            self.counts_anew = Some((waiting_since, now_ms));
        }
        Ok(())
    }

    /// Has what was written synced by whoever runs syncs: nobody waits for it, so the log goes on. Under [`FsyncPolicy::Always`]
    /// all wait, and nothing is gained.
    fn begin_sync(&mut self, now_ms: u64, outcome: &mut Outcome) -> Result<(), StorageError> {
        let Some(segment) = self.segment.as_mut() else { return Ok(()) };
        if self.log.policy() == FsyncPolicy::EverySecond && !self.is_closing {
            let (path, file) = (segment.path.clone(), segment.file.sync_handle());
            let trace = self.trace.as_mut().and_then(Trace::take_unsynced);
            self.syncs.begin(|number| SyncJob { number, path, file, trace }, self.written, now_ms);
            return Ok(());
        }
        segment.file.sync_data().context("sync", &segment.path)?;
        let trace = self.trace.as_mut().and_then(Trace::take_unsynced);
        // One that gets lost is missed by nobody.
        let _ = trace.map(|trace| trace.sync_data());
        self.synced = self.written;
        self.syncs.note_own(now_ms);
        self.owes_mark = true;
        outcome.synced = true;
        Ok(())
    }

    /// Marks what the last sync made durable, behind a whole record. Nobody is told of it before the file says so.
    fn write_mark(&mut self) -> Result<(), Trouble> {
        if std::mem::take(&mut self.owes_mark) {
            self.mark =
                Some(Mark { bytes: RecordHeader::mark(self.synced).encode(self.log.salt), written: 0 });
        }
        self.finish_mark()
    }

    /// Writes what is left of a mark: nothing may come between its bytes.
    fn finish_mark(&mut self) -> Result<(), Trouble> {
        let (Some(segment), Some(mark)) = (self.segment.as_mut(), self.mark.as_mut()) else { return Ok(()) };
        while let Some(bytes) = mark.bytes.get(mark.written..).filter(|bytes| !bytes.is_empty()) {
            let count = write_some(segment.file.as_mut(), bytes).context("write", &segment.path);
            let count = count.map_err(Trouble::Again)?;
            mark.written += count;
            self.log.segment_bytes.fetch_add(count as u64, Ordering::Relaxed);
        }
        self.mark = None;
        Ok(())
    }

    /// Among the records marks go where the end goes: the head says what the end must be.
    fn mark_at_head(&mut self, now_ms: u64) -> Result<(), Trouble> {
        let is_due = has_passed(self.last_head_mark_ms, HEAD_MARK_INTERVAL_MS, now_ms);
        if let Some(segment) = self.segment.as_mut().filter(|_| is_due && self.marked_at_head < self.synced) {
            let mark = RecordHeader::mark(self.synced).encode(self.log.salt);
            let rewritten =
                segment.file.rewrite_at(&mark, MARK_OFFSET as u64).context("write", &segment.path);
            rewritten.map_err(Trouble::Again)?;
            self.marked_at_head = self.synced;
            self.last_head_mark_ms = now_ms;
        }
        Ok(())
    }

    fn is_sync_due(&self, now_ms: u64) -> bool {
        match self.log.policy() {
            FsyncPolicy::Always => !self.syncs.is_running(),
            FsyncPolicy::EverySecond => self.syncs.is_due(now_ms),
            FsyncPolicy::No => false,
        }
    }

    /// Writes the bytes of a batch up to a place, from where it is.
    fn write(&mut self, batch: &mut Batch, end: usize) -> Result<(), Trouble> {
        self.finish_mark()?;
        let Some(segment) = self.segment.as_mut() else {
            batch.written = end;
            return Ok(());
        };
        while let Some(bytes) = batch.pending.bytes.get(batch.written..end).filter(|bytes| !bytes.is_empty())
        {
            let count = write_some(segment.file.as_mut(), bytes).context("write", &segment.path);
            let count = count.map_err(Trouble::Again)?;
            batch.written += count;
            self.log.segment_bytes.fetch_add(count as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        match &mut self.segment {
            Some(segment) => segment.file.sync_data().context("sync", &segment.path),
            None => Ok(()),
        }
    }

    /// Looks now and then whether the file still has a name: what is in one that was removed is gone with the process.
    fn look(&mut self, now_ms: u64) -> Result<(), StorageError> {
        let Some(segment) = &self.segment else { return Ok(()) };
        let is_due = now_ms < self.last_look_ms || now_ms - self.last_look_ms >= LOOK_INTERVAL_MS;
        if !is_due && self.log.policy() != FsyncPolicy::Always {
            return Ok(());
        }
        self.last_look_ms = now_ms;
        if segment.file.has_name().context("look at", &segment.path)? {
            return Ok(());
        }
        Err(io::Error::from(rustix::io::Errno::NOENT)).context("find", &segment.path)
    }

    /// A segment may be followed by another only once it is durable as a whole: readers rely on it. One that was
    /// begun after a failure says that this does not hold.
    fn begin_segment(&mut self, cut: Cut, now_ms: u64) -> Result<(), Trouble> {
        if !cut.after_failure {
            self.sync().map_err(Trouble::Lost)?;
        }
        let header =
            SegmentHeader { first: cut.first, salt: self.log.salt, after_failure: cut.after_failure };
        let path = self.dir.join(segment_name(cut.first));
        if self.remnant.as_ref() == Some(&path) {
            // Unless it went after all.
            let _ = self.disk.remove(&path);
        }
        let begun = create(self.disk.as_ref(), &self.dir, path.clone(), &header);
        self.remnant = begun.is_err().then_some(path);
        self.segment = Some(begun.map_err(Trouble::Again)?);
        self.written = cut.first - 1;
        self.synced = cut.first - 1;
        self.marked_at_head = cut.first - 1;
        self.owes_mark = false;
        self.syncs.note_own(now_ms);
        self.log.segment.store(cut.first, Ordering::Release);
        self.log.segment_bytes.fetch_add(SEGMENT_HEADER_LENGTH as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Makes known what a step achieved. While the log recovers that stays unknown: it does not count yet.
    fn publish(&mut self) {
        let log = Arc::clone(&self.log);
        let mut inner = log.inner.lock();
        if let (Some((waiting_since, now_ms)), Some(since_ms)) =
            (self.counts_anew.take(), inner.pending.since_ms.as_mut())
            && *since_ms > waiting_since
        {
            *since_ms = now_ms.max(*since_ms);
        }
        let unsynced = self.syncs.oldest_ms().into_iter().chain(inner.pending.since_ms).min();
        let oldest = unsynced.unwrap_or(NEVER);
        log.oldest_unsynced_ms.store(oldest, Ordering::Release);
        if log.health() == Health::Healthy {
            log.written.fetch_max(self.written, Ordering::AcqRel);
            let is_news = log.durable.fetch_max(self.synced, Ordering::AcqRel) < self.synced;
            let covered = log.coverable(&mut inner);
            log.publish(inner, covered, is_news);
        }
    }

    fn fail(&mut self, error: StorageError) {
        self.give_up_segment();
        self.log.fail(&error.into());
    }

    /// Writes and syncs the rest, and begins an empty segment: it says that all before it is whole. Nothing may be
    /// appended any more, and what [`Self::take_sync`] gave must be back.
    ///
    /// # Errors
    /// Why the log failed, now or before.
    pub fn close(mut self, now_ms: u64) -> Result<(), Failure> {
        if self.log.inner.lock().is_abandoned {
            self.remove();
            return Ok(());
        }
        self.retry.hurry();
        self.is_closing = true;
        if self.syncs.is_awaited() {
            self.syncs.forget();
        }
        // What a failed write left goes first, then what was appended since.
        self.step(now_ms);
        self.step(now_ms);
        let first = self.log.appended() + 1;
        let is_whole = !self.log.inner.lock().operations.has_incomplete();
        if self.segment.is_some() && self.log.health() == Health::Healthy {
            let result = match self.sync() {
                Ok(()) if is_whole && self.log.segment() < first => {
                    self.begin_segment(Cut { at: 0, first, after_failure: false }, now_ms)
                }
                Ok(()) => {
                    self.owes_mark = self.synced < self.written;
                    self.synced = self.written;
                    self.syncs.note_own(now_ms);
                    self.write_mark()
                }
                result => result.map_err(Trouble::Lost),
            };
            match result {
                Ok(()) => {
                    self.synced = self.written;
                    self.publish();
                }
                Err(Trouble::Busy) => {}
                Err(Trouble::Again(error) | Trouble::Lost(error)) => self.fail(error),
            }
        }
        self.log.failure().map_or(Ok(()), Err)
    }

    /// Removes the segment, which counts for nothing.
    fn remove(&mut self) {
        if let Some(Segment { path, file }) = self.segment.take() {
            drop(file);
            // A start puts aside what stays.
            let _ = self.disk.remove(&path);
            let _ = self.disk.sync_dir(&self.dir);
        }
    }
}
