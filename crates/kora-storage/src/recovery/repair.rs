//! Making a damaged log readable, by giving up what lies behind the damage.

use std::path::{Path, PathBuf};

use super::scan::{Found, SegmentReader};
use super::{Recovery, clear_mark, clear_trace, copy_range, read_head};
use crate::disk::{Disk, unused_name};
use crate::error::{Context, StorageError};
use crate::format::{Named, SEGMENT_HEADER_LENGTH, name_of, parse_name};

/// What was done to make a log readable.
#[derive(Debug, Default)]
pub struct Repair {
    /// What was wrong; none if nothing was.
    pub problem: Option<StorageError>,
    /// Files under their old names and the new ones, under which their contents are kept.
    pub kept: Vec<(PathBuf, PathBuf)>,
    /// The segment that now ends before the damage, and its length in bytes.
    pub shortened: Option<(PathBuf, u64)>,
    /// What the log lacks from now on.
    pub given_up: GivenUp,
}

/// What lies at and behind damage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GivenUp {
    /// Bytes of segments, without their headers.
    pub bytes: u64,
    /// How many whole records are among them.
    pub records: u64,
}

impl GivenUp {
    /// Counts what a segment holds from an offset on.
    fn add(&mut self, disk: &dyn Disk, path: &Path, offset: u64) -> Result<(), StorageError> {
        let Ok(header) = read_head(disk, path)? else {
            self.bytes += disk.open_read(path).and_then(|file| file.len()).context("read", path)?;
            return Ok(());
        };
        let mut reader = SegmentReader::open(disk, path, &header)?;
        self.bytes += reader.length().saturating_sub(offset.max(SEGMENT_HEADER_LENGTH as u64));
        loop {
            match reader.next_record().context("read", path)? {
                Found::Record(_, at) => self.records += u64::from(at >= offset),
                Found::End => return Ok(()),
                Found::Broken(_) => break,
            }
        }
        self.records += reader.search().context("read", path)?.records;
        Ok(())
    }
}

/// Makes the log of a directory readable up to the first damage: the damaged segment is kept as
/// `<name>.damaged-<n>` and replaced by one with the records before the damage; later segments are kept likewise.
/// Snapshots are not touched. The directory must be locked.
///
/// # Errors
/// What the system says. It may be called again.
pub fn repair(disk: &dyn Disk, dir: &Path) -> Result<Repair, StorageError> {
    let mut repair = Repair::default();
    let (path, offset) = match find_problem(disk, dir) {
        Ok(()) => return Ok(repair),
        Err(StorageError::Damage(damage)) => {
            let place = (damage.path.clone(), damage.offset);
            repair.problem = Some(damage.into());
            place
        }
        Err(StorageError::Missing { path, why }) => {
            repair.problem = Some(StorageError::Missing { path: path.clone(), why });
            (path, 0)
        }
        Err(error) => return Err(error),
    };
    let Named::Segment(first) = parse_name(name_of(&path)) else { return Ok(repair) };
    clear_trace(disk, dir)?;
    // Later segments go first: with the damaged one shortened, they would not follow it any more.
    for name in disk.list(dir).context("list", dir)? {
        if matches!(parse_name(&name), Named::Segment(later) if later > first) {
            move_aside(disk, dir, &name, &mut repair)?;
        }
    }
    let names = disk.list(dir).context("list", dir)?;
    if names.iter().any(|name| name == name_of(&path)) {
        match read_head(disk, &path)? {
            Ok(header) if header.first == first && offset > 0 => {
                shorten(disk, dir, &path, offset, &mut repair)?;
            }
            _ => move_aside(disk, dir, name_of(&path), &mut repair)?,
        }
    }
    disk.sync_dir(dir).context("sync", dir)?;
    Ok(repair)
}

fn find_problem(disk: &dyn Disk, dir: &Path) -> Result<(), StorageError> {
    let plan = Recovery::inspect(disk, dir)?;
    let mut reader = plan.reader(disk);
    while reader.next()?.is_some() {}
    Ok(())
}

fn move_aside(disk: &dyn Disk, dir: &Path, name: &str, repair: &mut Repair) -> Result<(), StorageError> {
    let from = dir.join(name);
    let to = dir.join(unused_name(disk, dir, name, "damaged").context("list", dir)?);
    repair.given_up.add(disk, &from, 0)?;
    disk.rename(&from, &to).context("rename", &from)?;
    repair.kept.push((from, to));
    Ok(())
}

/// Copies the file aside, then puts one with its first bytes in its place: at no moment is neither there.
fn shorten(
    disk: &dyn Disk,
    dir: &Path,
    path: &Path,
    length: u64,
    repair: &mut Repair,
) -> Result<(), StorageError> {
    let file = disk.open_read(path).context("open", path)?;
    let whole = file.len().context("read", path)?;
    repair.given_up.add(disk, path, length)?;
    repair.shortened = Some((path.to_owned(), length));
    if whole <= length {
        // Its end is gone already.
        return clear_mark(disk.open_append(path).context("open", path)?.as_mut(), path);
    }
    let aside = dir.join(unused_name(disk, dir, name_of(path), "damaged").context("list", dir)?);
    copy_range(disk, file.as_ref(), path, &aside, 0..whole)?;
    let sound = dir.join(unused_name(disk, dir, name_of(path), "repaired").context("list", dir)?);
    copy_range(disk, file.as_ref(), path, &sound, 0..length)?;
    clear_mark(disk.open_append(&sound).context("open", &sound)?.as_mut(), &sound)?;
    disk.sync_dir(dir).context("sync", dir)?;
    disk.rename(&sound, path).context("rename", &sound)?;
    repair.kept.push((path.to_owned(), aside));
    Ok(())
}
