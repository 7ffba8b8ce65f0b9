//! Numbers that no file of a directory has or covers.

use std::path::Path;

use crate::disk::Disk;
use crate::error::{Context, StorageError};
use crate::format::{Named, RECORD_HEADER_LENGTH, parse_name};

/// The number of a record beyond all that the files of a directory may hold. Only names and lengths are looked at: a segment
/// has no more records than their headers have room in it.
///
/// # Errors
/// What the system says.
pub fn unused_number(disk: &dyn Disk, dir: &Path) -> Result<u64, StorageError> {
    // The first record of a log that begins with nothing is 1: a segment of that number needs no snapshot.
    let mut unused = 2;
    for name in disk.list(dir).context("list", dir)? {
        let beyond = match parse_name(&name) {
            Named::Base(first) => first + 1,
            Named::Segment(first) => {
                let path = dir.join(&name);
                let file = disk.open_read(&path).context("open", &path)?;
                let length = file.len().context("read", &path)?;
                first + length / RECORD_HEADER_LENGTH as u64 + 1
            }
            Named::Temporary | Named::Other => continue,
        };
        unused = unused.max(beyond);
    }
    Ok(unused)
}
