//! What a data directory holds, and how to go on from there.
//!
//! [`Recovery::inspect`] only reads. It chooses the newest base snapshot and the segments behind it, and looks
//! through the last of them for its end. The caller loads the base, applies the records that a [`LogReader`] gives,
//! and then calls [`Plan::prepare`], which cuts what doesn't count, makes durable what does, and tidies up. The log
//! may then be opened at [`Plan::next`].
//!
//! **Torn or damaged?** A segment that another follows was synced as a whole before the other was begun, so anything
//! wrong in it is damage. In the last one a power cut may leave holes: sectors that were never synced reach the disk
//! in any order. But each sync leaves a mark behind what it made durable. So at the first record that is not valid, the
//! rest is searched for records and marks; if one of them, or the mark in the segment's head, says that the broken
//! record was durable, that is damage. Otherwise no sync of it was completed, and the log ends before it.

mod check;
mod lives;
mod reader;
mod repair;
mod scan;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};

pub use check::{FileReport, Report, check};
pub use lives::Lives;
pub use reader::{LogReader, Record};
pub use repair::{GivenUp, Repair, repair};

use crate::disk::{Disk, DiskFile, read_full, unused_name, write_all};
use crate::error::{Context, Damage, StorageError};
use crate::format::{
    MARK_OFFSET, Named, RECORD_HEADER_LENGTH, SEGMENT_HEADER_LENGTH, SegmentHeader, base_name, name_of,
    parse_name, read_trace, segment_name,
};
use crate::format::{TRACE_LENGTH, TRACE_NAME};
use scan::{Tail, scan_tail};

/// Reading what a directory holds.
#[derive(Clone, Copy, Debug)]
pub struct Recovery;

/// A snapshot to begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base {
    /// The file.
    pub path: PathBuf,
    /// It holds the state before this record.
    pub first: u64,
}

/// A segment whose records count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The file.
    pub path: PathBuf,
    /// The head of the file.
    pub header: SegmentHeader,
}

/// Bytes at the end of the log that don't count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The segment.
    pub path: PathBuf,
    /// Where they begin.
    pub offset: u64,
    /// How many they are.
    pub bytes: u64,
    /// How many whole records are among them.
    pub records: u64,
    /// How many of these are behind a place that was not written whole: after a power cut that is as it must be, else it is damage
    /// that nothing tells from a power cut.
    pub behind: u64,
    /// What stands where a record should begin: it was not written whole before the process or the power went.
    pub what: String,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, offset, bytes, records, what, .. } = self;
        write!(
            f,
            "{}: {bytes} bytes and {records} whole records cut at offset {offset}: not written whole ({what})",
            path.display()
        )
    }
}

/// A segment whose records don't count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discarded {
    /// The file.
    pub path: PathBuf,
    /// Whether it was not even begun.
    pub is_empty: bool,
}

/// What a directory holds and what is to be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    dir: PathBuf,
    /// The snapshot to begin with. Without one, the state is empty.
    pub base: Option<Base>,
    /// The segments behind it, in order.
    pub segments: Vec<Segment>,
    /// The number of the next record to be appended.
    pub next: u64,
    /// What was not written whole at the end of the last segment.
    pub cut: Option<Cut>,
    /// What of the records counts.
    pub lives: Lives,
    /// Segments begun after a failure whose snapshot was never completed, and those that were hardly begun.
    pub discarded: Vec<Discarded>,
    /// Files older than the base.
    pub outdated: Vec<PathBuf>,
    /// Snapshots that were never completed.
    pub temporary: Vec<PathBuf>,
    /// Where the records of the last segment begin that are not known to be durable.
    undurable_from: u64,
    /// Where the last segment ends.
    end: u64,
}

/// The segments of a directory as their heads are read.
#[derive(Debug, Default)]
struct Heads {
    segments: Vec<Segment>,
    discarded: Vec<Discarded>,
}

impl Recovery {
    /// Finds out what a directory holds. Changes nothing.
    ///
    /// # Errors
    /// [`StorageError::Damage`] and [`StorageError::Missing`] if what was durable isn't there any more, else what the
    /// system says.
    pub fn inspect(disk: &dyn Disk, dir: &Path) -> Result<Plan, StorageError> {
        let (mut bases, mut firsts, mut temporary) = (Vec::new(), Vec::new(), Vec::new());
        for name in disk.list(dir).context("list", dir)? {
            match parse_name(&name) {
                Named::Base(first) => bases.push(first),
                Named::Segment(first) => firsts.push(first),
                Named::Temporary => temporary.push(dir.join(name)),
                Named::Other => {}
            }
        }
        let base = bases.pop().map(|first| Base { path: dir.join(base_name(first)), first });
        let begin = base.as_ref().map_or(1, |base| base.first);
        let (outdated, firsts): (Vec<u64>, Vec<u64>) = firsts.into_iter().partition(|first| *first < begin);
        let outdated = bases.into_iter().map(base_name).chain(outdated.into_iter().map(segment_name));
        let Heads { segments, discarded } = read_heads(disk, dir, &firsts, begin)?;
        let mut plan = Plan {
            dir: dir.to_owned(),
            next: begin,
            base,
            cut: None,
            lives: Lives::default(),
            discarded,
            outdated: outdated.map(|name| dir.join(name)).collect(),
            temporary,
            undurable_from: 0,
            end: 0,
            segments,
        };
        plan.check_beginning(begin)?;
        plan.check_trace(disk, begin)?;
        if let Some(last) = plan.segments.last() {
            let tail = scan_tail(disk, last)?;
            let order_cut = if tail.last < last.header.first {
                Lives::order_before(disk, &plan.segments)?
            } else {
                tail.order_cut.clone()
            };
            plan.lives = Lives::read(disk, &plan.segments, order_cut)?;
            plan.take_end(tail);
        }
        Ok(plan)
    }
}

/// Reads the heads of segments, and leaves out those that don't count.
fn read_heads(disk: &dyn Disk, dir: &Path, firsts: &[u64], begin: u64) -> Result<Heads, StorageError> {
    let mut heads = Heads::default();
    let mut not_begun: Option<Damage> = None;
    for &first in firsts {
        let path = dir.join(segment_name(first));
        let mut is_discarded = heads.discarded.iter().any(|discarded| !discarded.is_empty);
        match read_head(disk, &path)? {
            Err(damage) => {
                // No record gets into a segment before its head is durable.
                let file = disk.open_read(&path).context("open", &path)?;
                let is_empty = file.len().context("read", &path)? <= SEGMENT_HEADER_LENGTH as u64;
                if !is_empty && !is_discarded {
                    return Err(damage.into());
                }
                heads.discarded.push(Discarded { path, is_empty });
                not_begun.get_or_insert(damage);
            }
            Ok(header) if header.first != first => {
                let what = format!("its header says that it begins with record {}", header.first);
                return Err(Damage::new(&path, 0, what).into());
            }
            Ok(header) => {
                is_discarded |= header.after_failure && first != begin;
                if is_discarded {
                    heads.discarded.push(Discarded { path, is_empty: false });
                } else if let Some(damage) = not_begun {
                    // Only a segment begun after a failure may follow one that was hardly begun.
                    return Err(damage.into());
                } else {
                    heads.segments.push(Segment { path, header });
                }
            }
        }
    }
    Ok(heads)
}

fn read_head(disk: &dyn Disk, path: &Path) -> Result<Result<SegmentHeader, Damage>, StorageError> {
    let file = disk.open_read(path).context("open", path)?;
    let mut bytes = [0; SEGMENT_HEADER_LENGTH];
    let length = read_full(file.as_ref(), &mut bytes, 0).context("read", path)?;
    let header = SegmentHeader::decode(bytes.get(..length).unwrap_or_default());
    Ok(header.map_err(|what| Damage::new(path, 0, what)))
}

/// Which segment had durable records, as the trace says; none if it says nothing.
fn traced(disk: &dyn Disk, dir: &Path) -> Result<Option<u64>, StorageError> {
    let path = dir.join(TRACE_NAME);
    let file = match disk.open_read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        result => result.context("open", &path)?,
    };
    let mut bytes = [0; TRACE_LENGTH];
    let length = read_full(file.as_ref(), &mut bytes, 0).context("read", &path)?;
    Ok(bytes.get(..length).and_then(read_trace))
}

/// Makes the trace say nothing, durably. To be done before the segment goes that it names.
fn clear_trace(disk: &dyn Disk, dir: &Path) -> Result<(), StorageError> {
    let path = dir.join(TRACE_NAME);
    match disk.remove(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => result.context("remove", &path),
    }?;
    disk.sync_dir(dir).context("sync", dir)
}

impl Plan {
    /// The segment with durable records that is known from the trace must be there, unless a snapshot makes it unnecessary.
    fn check_trace(&self, disk: &dyn Disk, begin: u64) -> Result<(), StorageError> {
        let Some(first) = traced(disk, &self.dir)?.filter(|first| *first >= begin) else { return Ok(()) };
        if self.segments.iter().any(|segment| segment.header.first == first) {
            return Ok(());
        }
        let path = self.dir.join(segment_name(first));
        let names = disk.list(&self.dir).context("list", &self.dir)?;
        if names.contains(&segment_name(first)) {
            let what = format!("its header is not whole, but it had durable records, as {TRACE_NAME} says");
            return Err(Damage::new(&path, 0, what).into());
        }
        Err(StorageError::Missing { path, why: format!("it had durable records, as {TRACE_NAME} says") })
    }

    fn check_beginning(&self, begin: u64) -> Result<(), StorageError> {
        let Some(segment) = self.segments.first().filter(|segment| segment.header.first != begin) else {
            return Ok(());
        };
        let why = format!(
            "{} is there, but no {} and no snapshot that makes it unnecessary",
            name_of(&segment.path),
            segment_name(begin)
        );
        Err(StorageError::Missing { path: self.dir.join(segment_name(begin)), why })
    }

    fn take_end(&mut self, tail: Tail) {
        self.next = tail.last + 1;
        self.end = tail.end;
        self.undurable_from = tail.undurable_from.min(tail.end);
        self.cut = tail.cut;
    }

    /// Whether the directory holds no data at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.next == 1
    }

    /// Reads the records that count, in order.
    #[must_use]
    pub fn reader<'a>(&'a self, disk: &'a dyn Disk) -> LogReader<'a> {
        LogReader::new(disk, self)
    }

    /// Cuts and moves aside what doesn't count, makes durable what does, and removes what was never completed and
    /// what is outdated. The directory must be locked. Returns the names under which bytes were kept that
    /// somebody may want to look at.
    ///
    /// # Errors
    /// What the system says. It may be called again.
    pub fn prepare(&self, disk: &dyn Disk) -> Result<Vec<PathBuf>, StorageError> {
        let mut kept = Vec::new();
        if let Some(last) = self.segments.last() {
            self.settle_end(disk, &last.path, &mut kept)?;
        }
        for discarded in &self.discarded {
            let path = &discarded.path;
            if discarded.is_empty {
                disk.remove(path).context("remove", path)?;
            } else {
                let name = unused_name(disk, &self.dir, name_of(path), "discarded");
                let aside = self.dir.join(name.context("list", &self.dir)?);
                disk.rename(path, &aside).context("rename", path)?;
                kept.push(aside);
            }
        }
        // The base and the segments may have names that are not durable yet.
        disk.sync_dir(&self.dir).context("sync", &self.dir)?;
        for path in self.temporary.iter().chain(&self.outdated) {
            disk.remove(path).context("remove", path)?;
        }
        disk.sync_dir(&self.dir).context("sync", &self.dir)?;
        Ok(kept)
    }

    /// Cuts the last segment, and makes the rest durable.
    fn settle_end(&self, disk: &dyn Disk, path: &Path, kept: &mut Vec<PathBuf>) -> Result<(), StorageError> {
        let mut file = disk.open_append(path).context("open", path)?;
        if let Some(cut) = &self.cut {
            if cut.records > 0 {
                kept.push(self.keep_cut_bytes(disk, file.as_ref(), cut)?);
            }
            // The head must not miss what goes.
            clear_mark(file.as_mut(), path)?;
            file.truncate(cut.offset).context("truncate", path)?;
        }
        // After a failed sync the system may take data for written that it has in memory only. Written again, it
        // gets to disk with the next sync.
        let mut offset = self.undurable_from;
        let mut chunk = vec![0; 1 << 20];
        while offset < self.end {
            let length = usize::try_from(self.end - offset).unwrap_or(usize::MAX).min(chunk.len());
            let Some(part) = chunk.get_mut(..length) else { break };
            let count = read_full(file.as_ref(), part, offset).context("read", path)?;
            if count < length {
                return Err(Damage::new(path, offset, "the file became shorter").into());
            }
            file.rewrite_at(part, offset).context("write", path)?;
            offset += length as u64;
        }
        file.sync_data().context("sync", path)
    }

    fn keep_cut_bytes(
        &self,
        disk: &dyn Disk,
        file: &dyn DiskFile,
        cut: &Cut,
    ) -> Result<PathBuf, StorageError> {
        let name = unused_name(disk, &self.dir, name_of(&cut.path), "cut").context("list", &self.dir)?;
        let path = self.dir.join(name);
        copy_range(disk, file, &cut.path, &path, cut.offset..cut.offset + cut.bytes)?;
        disk.sync_dir(&self.dir).context("sync", &self.dir)?;
        Ok(path)
    }
}

/// Makes the head of a segment say nothing of what is durable, durably. To be done before records go from it.
fn clear_mark(file: &mut dyn DiskFile, path: &Path) -> Result<(), StorageError> {
    file.rewrite_at(&[0; RECORD_HEADER_LENGTH], MARK_OFFSET as u64).context("write", path)?;
    file.sync_data().context("sync", path)
}

/// Copies bytes of a file into a new one, durably but for its name.
fn copy_range(
    disk: &dyn Disk,
    file: &dyn DiskFile,
    from: &Path,
    to: &Path,
    range: std::ops::Range<u64>,
) -> Result<(), StorageError> {
    let mut copy = disk.create_new(to).context("create", to)?;
    let mut chunk = vec![0; 1 << 20];
    let mut offset = range.start;
    while offset < range.end {
        let length = usize::try_from(range.end - offset).unwrap_or(usize::MAX).min(chunk.len());
        let part = chunk.get_mut(..length).unwrap_or_default();
        let count = read_full(file, part, offset).context("read", from)?;
        let part = part.get(..count).filter(|part| !part.is_empty());
        let part = part.ok_or_else(|| Damage::new(from, offset, "the file became shorter"))?;
        write_all(copy.as_mut(), part).context("write", to)?;
        offset += count as u64;
    }
    copy.sync_data().context("sync", to)
}

/// Removes snapshots and segments wholly before a record, once the snapshot of the state before it is there: does nothing
/// while it is not. The segment that begins with the record may be missing, as where there is no room for it before these
/// go. Segments from `kept` on stay ([`Log::kept_segment`](crate::log::Log::kept_segment)). Returns how many files went.
///
/// # Errors
/// What the system says.
pub fn remove_before(disk: &dyn Disk, dir: &Path, first: u64, kept: u64) -> Result<usize, StorageError> {
    let names = disk.list(dir).context("list", dir)?;
    if !names.contains(&base_name(first)) {
        return Ok(0);
    }
    // The name that makes the others unnecessary must be durable before those go.
    disk.sync_dir(dir).context("sync", dir)?;
    let is_old = |name: &&String| match parse_name(name) {
        Named::Base(found) => found < first,
        Named::Segment(found) => found < first.min(kept),
        Named::Temporary | Named::Other => false,
    };
    let mut count = 0;
    for name in names.iter().filter(is_old) {
        let path = dir.join(name);
        disk.remove(&path).context("remove", &path)?;
        count += 1;
    }
    disk.sync_dir(dir).context("sync", dir)?;
    Ok(count)
}
