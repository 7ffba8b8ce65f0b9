//! Verifying every file of a directory.

use std::path::{Path, PathBuf};

use super::scan::{Found, SegmentReader};
use super::{Cut, Discarded, Recovery, read_head};
use crate::disk::{Disk, read_full};
use crate::error::{Context, Damage, StorageError};
use crate::format::{MARK_OFFSET, Named, SEGMENT_HEADER_LENGTH, is_mark_damaged, parse_name};
use kora_format::crc64::Crc64;

/// What was found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// Its length in bytes.
    pub bytes: u64,
    /// How many whole records it holds up to its first damage.
    pub records: u64,
}

/// What was found in a directory.
#[derive(Debug, Default)]
pub struct Report {
    /// Its snapshots and segments, in order.
    pub files: Vec<FileReport>,
    /// Each damaged file, with the first damage in it.
    pub damage: Vec<Damage>,
    /// Why the log can't be read, if it can't. [`super::repair`] may help.
    pub refused: Option<StorageError>,
    /// The number of the next record, if the log can be read.
    pub next: Option<u64>,
    /// What a start would cut at the end of the log.
    pub cut: Option<Cut>,
    /// Segments that a start would move aside.
    pub discarded: Vec<Discarded>,
}

impl Report {
    /// Whether a server would start on the directory, with all that was durable.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty() && self.refused.is_none()
    }

    /// Whether a start would give up whole records because a place before them is not whole.
    #[must_use]
    pub fn gives_up_records(&self) -> bool {
        self.cut.as_ref().is_some_and(|cut| cut.behind > 0)
    }
}

/// Verifies everything in a directory; changes nothing.
///
/// # Errors
/// What the system says. Damage is no error here, but part of the report.
pub fn check(disk: &dyn Disk, dir: &Path) -> Result<Report, StorageError> {
    let mut report = Report::default();
    let mut counted = Vec::new();
    match read_all(disk, dir, &mut report, &mut counted) {
        Err(error @ (StorageError::Damage(_) | StorageError::Missing { .. })) => {
            if let StorageError::Damage(damage) = &error {
                report.damage.push(damage.clone());
            }
            report.refused = Some(error);
        }
        result => result?,
    }
    for name in disk.list(dir).context("list", dir)? {
        let path = dir.join(&name);
        match parse_name(&name) {
            Named::Base(_) => check_base(disk, path, &mut report)?,
            Named::Segment(_) => check_segment(disk, path, &counted, &mut report)?,
            Named::Temporary | Named::Other => {}
        }
    }
    Ok(report)
}

/// Reads the log as a start would.
fn read_all(
    disk: &dyn Disk,
    dir: &Path,
    report: &mut Report,
    counted: &mut Vec<PathBuf>,
) -> Result<(), StorageError> {
    let plan = Recovery::inspect(disk, dir)?;
    report.cut.clone_from(&plan.cut);
    report.discarded.clone_from(&plan.discarded);
    counted.extend(plan.segments.iter().map(|segment| segment.path.clone()));
    let mut reader = plan.reader(disk);
    while reader.next()?.is_some() {}
    report.next = Some(plan.next);
    Ok(())
}

fn check_segment(
    disk: &dyn Disk,
    path: PathBuf,
    counted: &[PathBuf],
    report: &mut Report,
) -> Result<(), StorageError> {
    // What is torn at the end of the last segment is no damage.
    let may_be_torn =
        counted.last() == Some(&path) || report.discarded.iter().any(|discarded| discarded.path == path);
    let header = match read_head(disk, &path)? {
        Ok(header) => header,
        Err(damage) => {
            let bytes = disk.open_read(&path).and_then(|file| file.len()).context("read", &path)?;
            note(report, damage, may_be_torn);
            report.files.push(FileReport { path, bytes, records: 0 });
            return Ok(());
        }
    };
    // Before another that counts was begun, it was synced as a whole.
    let is_whole = counted.contains(&path) && counted.last() != Some(&path);
    let mut head = [0; SEGMENT_HEADER_LENGTH];
    read_full(disk.open_read(&path).context("open", &path)?.as_ref(), &mut head, 0).context("read", &path)?;
    if is_mark_damaged(&head, header.salt, is_whole) {
        let what = "the mark in the segment's head is damaged; no record is lacking for it";
        note(report, Damage::new(&path, MARK_OFFSET as u64, what), false);
    }
    let mut reader = SegmentReader::open(disk, &path, &header)?;
    let mut records = 0;
    loop {
        match reader.next_record().context("read", &path)? {
            Found::Record(..) => records += 1,
            Found::End => break,
            Found::Broken(what) => {
                note(report, Damage::new(&path, reader.offset(), what), may_be_torn);
                break;
            }
        }
    }
    report.files.push(FileReport { bytes: reader.length(), path, records });
    Ok(())
}

fn note(report: &mut Report, damage: Damage, may_be_torn: bool) {
    let is_known =
        report.damage.iter().any(|known| known.path == damage.path && known.offset == damage.offset);
    if !may_be_torn && !is_known {
        report.damage.push(damage);
    }
}

/// Snapshots end with a checksum over all before it; zero says that there is none.
fn check_base(disk: &dyn Disk, path: PathBuf, report: &mut Report) -> Result<(), StorageError> {
    const SUM_BYTES: u64 = 8;
    let file = disk.open_read(&path).context("open", &path)?;
    let bytes = file.len().context("read", &path)?;
    let mut crc = Crc64::default();
    let mut chunk = vec![0; 1 << 20];
    let end = bytes.saturating_sub(SUM_BYTES);
    let mut offset = 0;
    while offset < end {
        let length = usize::try_from(end - offset).unwrap_or(usize::MAX).min(chunk.len());
        let part = chunk.get_mut(..length).unwrap_or_default();
        if read_full(file.as_ref(), part, offset).context("read", &path)? < length {
            return Err(Damage::new(&path, offset, "the file became shorter").into());
        }
        crc.update(part);
        offset += length as u64;
    }
    let mut sum = [0; 8];
    let count = read_full(file.as_ref(), &mut sum, end).context("read", &path)?;
    let stored = u64::from_le_bytes(sum);
    if count < sum.len() || (stored != 0 && stored != crc.value()) {
        let what = "the snapshot's checksum is wrong";
        report.damage.push(Damage::new(&path, end, what));
    }
    report.files.push(FileReport { path, bytes, records: 0 });
    Ok(())
}
