//! Writing and syncing what was appended, one step at a time.

use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::backlog::{Batch, Retry};
use super::{Cut, Failure, FsyncPolicy, Health, Log, LogOptions, NEVER, Pending};
use crate::disk::{Disk, DiskFile, read_full, write_all, write_some};
use crate::error::{Context, Damage, StorageError};
use crate::format::{
    MARK_OFFSET, RECORD_HEADER_LENGTH, RecordHeader, SEGMENT_HEADER_LENGTH, SegmentHeader, segment_name,
};

/// Memory for pending records that is kept once they are written.
const BUFFER_BYTES_KEPT: usize = 256 << 10;
const SYNC_INTERVAL_MS: u64 = 1000;
/// The mark in a segment's head is in a block of its own, which the next sync writes, too: not at every sync, then.
const HEAD_MARK_INTERVAL_MS: u64 = 1000;

/// What a step did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Bytes written.
    pub written_bytes: u64,
    /// Whether the segment was synced.
    pub synced: bool,
    /// When the next step is due even if nothing is appended.
    pub next_ms: Option<u64>,
    /// Whether the log is failed.
    pub failed: bool,
    /// Whether a write failed that is tried again at `next_ms`.
    pub stalled: bool,
}

/// Why a batch was not written, and what becomes of it.
enum Trouble {
    /// It can be tried again from where it is.
    Again(StorageError),
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
    last_sync_ms: u64,
    /// The last record that the mark in the segment's head calls durable.
    marked_at_head: u64,
    last_head_mark_ms: u64,
    /// When it was last seen that the file has a name.
    last_look_ms: u64,
    /// What a failed write left.
    backlog: Option<Batch>,
    retry: Retry,
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
            last_sync_ms: 0,
            marked_at_head: next - 1,
            last_head_mark_ms: 0,
            last_look_ms: 0,
            backlog: None,
            retry: Retry::default(),
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

    /// Writes all that is pending and syncs as the policy asks. `now_ms` is the clock of [`Log::append`].
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
                self.publish(&batch);
                self.give_back(batch.pending.bytes);
            }
            Err(Trouble::Again(error)) => self.stall(batch, error, now_ms),
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
        let retry = self.backlog.is_some().then(|| self.retry.due_ms());
        let has_segment = self.segment.is_some();
        let awaits_sync = has_segment && self.synced < self.written;
        let awaits_sync = awaits_sync && self.log.policy() == FsyncPolicy::EverySecond;
        let sync = awaits_sync.then(|| self.last_sync_ms.saturating_add(SYNC_INTERVAL_MS));
        let awaits_mark = has_segment && self.backlog.is_none() && self.marked_at_head < self.synced;
        let mark = awaits_mark.then(|| self.last_head_mark_ms.saturating_add(HEAD_MARK_INTERVAL_MS));
        retry.into_iter().chain(sync).chain(mark).min()
    }

    /// What was written before a write failed is synced when that is due.
    fn wait(&mut self, now_ms: u64) -> Outcome {
        let mut outcome = Outcome { failed: true, stalled: true, ..Outcome::default() };
        if self.written > self.synced && self.is_sync_due(now_ms) {
            match self.sync() {
                Ok(()) => {
                    self.synced = self.written;
                    self.last_sync_ms = now_ms;
                    outcome.synced = true;
                }
                Err(error) => {
                    self.fail(error);
                    self.backlog = None;
                    return Outcome { failed: true, ..Outcome::default() };
                }
            }
        }
        outcome.next_ms = self.next_ms();
        outcome
    }

    /// What is to be written now; `None` if a write failed, and it is not time to try again.
    fn take(&mut self, now_ms: u64) -> Option<Batch> {
        let log = Arc::clone(&self.log);
        let mut inner = log.inner.lock();
        inner.must_step = false;
        let untold = inner.untold.take();
        if log.health() == Health::Failed || inner.is_held {
            self.segment = None;
            self.backlog = None;
            self.mark = None;
        }
        if let Some(first) = inner.skip_to.take() {
            self.skip(first, &mut inner.pending);
        }
        let batch = match self.backlog.take() {
            Some(backlog) if !self.retry.is_due(now_ms) => {
                self.backlog = Some(backlog);
                None
            }
            Some(backlog) => Some(backlog),
            None if inner.is_held => Some(Batch { last: inner.appended, ..Batch::default() }),
            None => {
                let spare = Pending { bytes: mem::take(&mut self.spare), ..Pending::default() };
                let pending = mem::replace(&mut inner.pending, spare);
                inner.in_flight_bytes = pending.bytes.len() as u64;
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

    /// Drops what a durable snapshot of the state before a record makes unnecessary.
    fn skip(&mut self, first: u64, pending: &mut Pending) {
        let is_in_backlog = self.backlog.as_mut().is_some_and(|backlog| backlog.skip_to(first));
        if !is_in_backlog {
            if !pending.skip_to(first, 0) {
                return;
            }
            self.backlog = None;
        }
        self.segment = None;
        self.mark = None;
        self.retry.hurry();
    }

    /// Keeps what was not written.
    fn stall(&mut self, batch: Batch, error: StorageError, now_ms: u64) {
        self.retry.note_failed(now_ms);
        if self.log.note_stalled(error) {
            self.backlog = Some(batch);
        } else {
            self.segment = None;
            self.give_back(batch.pending.bytes);
        }
    }

    fn give_back(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        buffer.shrink_to(BUFFER_BYTES_KEPT);
        self.spare = buffer;
        let mut inner = self.log.inner.lock();
        inner.in_flight_bytes = 0;
        self.log.count_pending(&inner);
    }

    fn write_and_sync(
        &mut self,
        batch: &mut Batch,
        now_ms: u64,
        outcome: &mut Outcome,
    ) -> Result<(), Trouble> {
        while let Some(cut) = batch.next_cut() {
            self.write(batch, cut.at)?;
            self.begin_segment(cut)?;
            batch.begun += 1;
        }
        let end = batch.pending.bytes.len();
        self.write(batch, end)?;
        if !batch.pending.is_empty() {
            self.written = batch.last;
        }
        if self.written > self.synced && self.is_sync_due(now_ms) {
            // A sync may take long, and only under `Always` does it matter to those who wait.
            self.publish(batch);
            self.sync_and_mark()?;
            self.last_sync_ms = now_ms;
            outcome.synced = true;
        }
        self.mark_at_head(now_ms)?;
        self.look(now_ms).map_err(Trouble::Lost)
    }

    /// Nobody is told that records are durable before the file says so.
    fn sync_and_mark(&mut self) -> Result<(), Trouble> {
        self.sync().map_err(Trouble::Lost)?;
        self.synced = self.written;
        self.mark = Some(Mark { bytes: RecordHeader::mark(self.synced).encode(self.log.salt), written: 0 });
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
            FsyncPolicy::Always => true,
            FsyncPolicy::EverySecond => has_passed(self.last_sync_ms, SYNC_INTERVAL_MS, now_ms),
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
        let is_due = now_ms < self.last_look_ms || now_ms - self.last_look_ms >= SYNC_INTERVAL_MS;
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
    fn begin_segment(&mut self, cut: Cut) -> Result<(), Trouble> {
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
        self.log.segment.store(cut.first, Ordering::Release);
        self.log.segment_bytes.fetch_add(SEGMENT_HEADER_LENGTH as u64, Ordering::Relaxed);
        Ok(())
    }

    /// Makes known what a step achieved. While the log recovers that stays unknown: it does not count yet.
    fn publish(&self, batch: &Batch) {
        let log = &self.log;
        let mut inner = log.inner.lock();
        let known = log.oldest_unsynced_ms.load(Ordering::Relaxed);
        let oldest = match inner.pending.since_ms {
            since_ms if self.synced >= self.written => since_ms.unwrap_or(NEVER),
            _ => known.min(batch.pending.since_ms.unwrap_or(NEVER)),
        };
        log.oldest_unsynced_ms.store(oldest, Ordering::Release);
        if log.health() == Health::Healthy {
            log.written.fetch_max(self.written, Ordering::AcqRel);
            log.durable.fetch_max(self.synced, Ordering::AcqRel);
            let covered = log.coverable(&mut inner);
            log.publish(inner, covered);
        }
    }

    fn fail(&mut self, error: StorageError) {
        self.segment = None;
        self.log.fail(&error.into());
    }

    /// Writes and syncs the rest, and begins an empty segment: it says that all before it is whole. Nothing may be
    /// appended any more.
    ///
    /// # Errors
    /// Why the log failed, now or before.
    pub fn close(mut self, now_ms: u64) -> Result<(), Failure> {
        if self.log.inner.lock().is_abandoned {
            self.remove();
            return Ok(());
        }
        self.retry.hurry();
        // What a failed write left goes first, then what was appended since.
        self.step(now_ms);
        self.step(now_ms);
        let first = self.log.appended() + 1;
        let is_whole = !self.log.inner.lock().operations.has_incomplete();
        if self.segment.is_some() && self.log.health() == Health::Healthy {
            let result = match self.sync() {
                Ok(()) if is_whole && self.log.segment() < first => {
                    self.begin_segment(Cut { at: 0, first, after_failure: false })
                }
                Ok(()) if self.synced < self.written => self.sync_and_mark(),
                result => result.map_err(Trouble::Lost),
            };
            match result {
                Ok(()) => {
                    self.synced = self.written;
                    let nothing = Batch { last: self.written, ..Batch::default() };
                    self.publish(&nothing);
                }
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
