//! Writing and syncing what was appended, one step at a time.

use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Cut, Failure, FsyncPolicy, Health, Log, LogOptions, NEVER, Pending};
use crate::disk::{Disk, DiskFile, read_full, write_all};
use crate::error::{Context, Damage, StorageError};
use crate::format::{MARK_OFFSET, RecordHeader, SEGMENT_HEADER_LENGTH, SegmentHeader, segment_name};

/// Memory for pending records that is kept once they are written.
const BUFFER_BYTES_KEPT: usize = 4 << 20;
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
}

/// An open segment.
#[derive(Debug)]
struct Segment {
    path: PathBuf,
    file: Box<dyn DiskFile>,
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
        let header = SegmentHeader { first: next, salt: options.salt, after_failure: false };
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
        };
        Ok((log, writer))
    }
}

/// Makes a segment durable, header and name, before any record gets into it.
fn create(
    disk: &dyn Disk,
    dir: &Path,
    path: PathBuf,
    header: &SegmentHeader,
) -> Result<Segment, StorageError> {
    let mut file = disk.create_new(&path).context("create", &path)?;
    write_all(file.as_mut(), &header.encode()).context("write", &path)?;
    file.sync_data().context("sync", &path)?;
    disk.sync_dir(dir).context("sync", dir)?;
    Ok(Segment { path, file })
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

/// Records taken to be written.
#[derive(Debug)]
struct Batch {
    pending: Pending,
    /// The number of the last of them.
    last: u64,
}

impl LogWriter {
    /// The log it writes.
    #[must_use]
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// Writes all that is pending and syncs as the policy asks. `now_ms` is the clock of [`Log::append`].
    pub fn step(&mut self, now_ms: u64) -> Outcome {
        let batch = self.take();
        let mut outcome = Outcome { written_bytes: batch.pending.bytes.len() as u64, ..Outcome::default() };
        if self.segment.is_some() || !batch.pending.cuts.is_empty() {
            match self.write_and_sync(&batch, now_ms, &mut outcome) {
                Ok(()) => self.publish(&batch),
                Err(error) => self.fail(error),
            }
        }
        self.give_back(batch.pending.bytes);
        outcome.failed = self.log.health() == Health::Failed;
        outcome.next_ms = self.next_ms();
        outcome
    }

    /// When the next step is due even if nothing is appended.
    fn next_ms(&self) -> Option<u64> {
        self.segment.as_ref()?;
        let awaits_sync = self.synced < self.written && self.log.policy() == FsyncPolicy::EverySecond;
        let sync = awaits_sync.then(|| self.last_sync_ms.saturating_add(SYNC_INTERVAL_MS));
        let awaits_mark = self.marked_at_head < self.synced;
        let mark = awaits_mark.then(|| self.last_head_mark_ms.saturating_add(HEAD_MARK_INTERVAL_MS));
        sync.into_iter().chain(mark).min()
    }

    fn take(&mut self) -> Batch {
        let mut inner = self.log.inner.lock();
        inner.must_step = false;
        if self.log.health() == Health::Failed {
            self.segment = None;
        }
        let spare = Pending { bytes: mem::take(&mut self.spare), ..Pending::default() };
        let pending = mem::replace(&mut inner.pending, spare);
        inner.in_flight_bytes = pending.bytes.len() as u64;
        Batch { pending, last: inner.appended }
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
        batch: &Batch,
        now_ms: u64,
        outcome: &mut Outcome,
    ) -> Result<(), StorageError> {
        let mut from = 0;
        for cut in &batch.pending.cuts {
            self.write(batch.pending.bytes.get(from..cut.at).unwrap_or_default())?;
            self.begin_segment(*cut)?;
            from = cut.at;
        }
        self.write(batch.pending.bytes.get(from..).unwrap_or_default())?;
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
        self.mark_at_head(now_ms)
    }

    /// Nobody is told that records are durable before the file says so.
    fn sync_and_mark(&mut self) -> Result<(), StorageError> {
        self.sync()?;
        self.synced = self.written;
        self.write(&RecordHeader::mark(self.synced).encode(self.log.salt))
    }

    /// Among the records marks go where the end goes: the head says what the end must be.
    fn mark_at_head(&mut self, now_ms: u64) -> Result<(), StorageError> {
        let is_due = has_passed(self.last_head_mark_ms, HEAD_MARK_INTERVAL_MS, now_ms);
        if let Some(segment) = self.segment.as_mut().filter(|_| is_due && self.marked_at_head < self.synced) {
            let mark = RecordHeader::mark(self.synced).encode(self.log.salt);
            segment.file.rewrite_at(&mark, MARK_OFFSET as u64).context("write", &segment.path)?;
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

    fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        if let Some(segment) = self.segment.as_mut().filter(|_| !bytes.is_empty()) {
            write_all(segment.file.as_mut(), bytes).context("write", &segment.path)?;
            self.log.segment_bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        match &mut self.segment {
            Some(segment) => segment.file.sync_data().context("sync", &segment.path),
            None => Ok(()),
        }
    }

    /// A segment may be followed by another only once it is durable as a whole: readers rely on it. One that was
    /// begun after a failure says that this does not hold.
    fn begin_segment(&mut self, cut: Cut) -> Result<(), StorageError> {
        if !cut.after_failure {
            self.sync()?;
        }
        let header =
            SegmentHeader { first: cut.first, salt: self.log.salt, after_failure: cut.after_failure };
        let path = self.dir.join(segment_name(cut.first));
        self.segment = Some(create(self.disk.as_ref(), &self.dir, path, &header)?);
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
        self.log.fail(self.log.inner.lock(), error.into());
    }

    /// Writes and syncs the rest, and begins an empty segment: it says that all before it is whole. Nothing may be
    /// appended any more.
    ///
    /// # Errors
    /// Why the log failed, now or before.
    pub fn close(mut self, now_ms: u64) -> Result<(), Failure> {
        self.step(now_ms);
        let first = self.log.appended() + 1;
        let is_whole = !self.log.inner.lock().operations.has_incomplete();
        if self.segment.is_some() && self.log.health() == Health::Healthy {
            let result = match self.sync() {
                Ok(()) if is_whole && self.log.segment() < first => {
                    self.begin_segment(Cut { at: 0, first, after_failure: false })
                }
                Ok(()) if self.synced < self.written => self.sync_and_mark(),
                result => result,
            };
            match result {
                Ok(()) => {
                    self.synced = self.written;
                    let nothing = Batch { pending: Pending::default(), last: self.written };
                    self.publish(&nothing);
                }
                Err(error) => self.fail(error),
            }
        }
        self.log.failure().map_or(Ok(()), Err)
    }
}
