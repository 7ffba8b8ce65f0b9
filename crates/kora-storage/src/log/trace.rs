//! A trace of the newest segment, in a file of its own: a segment that is gone can't say that it was there.

use std::path::{Path, PathBuf};

use crate::disk::{Disk, DiskFile, SyncHandle, write_all};
use crate::format::{TRACE_LENGTH, TRACE_NAME, trace};

/// The file, open while the log is.
#[derive(Debug)]
pub(super) struct Trace {
    file: Box<dyn DiskFile>,
    /// The segment that it names, as far as this process has written it.
    told: u64,
    is_unsynced: bool,
}

impl Trace {
    /// Opens it, or makes one that says nothing; its name is durable when the directory is next synced. None if the system
    /// refuses: without it less is noticed, and no more.
    pub(super) fn open(disk: &dyn Disk, dir: &Path) -> Option<Self> {
        let path: PathBuf = dir.join(TRACE_NAME);
        let mut file = disk.create_new(&path).or_else(|_| disk.open_append(&path)).ok()?;
        let missing = TRACE_LENGTH.saturating_sub(usize::try_from(file.len().ok()?).ok()?);
        write_all(file.as_mut(), [0; TRACE_LENGTH].get(..missing)?).ok()?;
        Some(Self { file, told: 0, is_unsynced: false })
    }

    /// Says that a segment has records that were durable, and whatever is before it is whole. Tried again if that fails.
    pub(super) fn tell(&mut self, first: u64) {
        if self.told < first && self.file.rewrite_at(&trace(first), 0).is_ok() {
            self.told = first;
            self.is_unsynced = true;
        }
    }

    /// What is to be synced with the segment, if anything.
    pub(super) fn take_unsynced(&mut self) -> Option<Box<dyn SyncHandle>> {
        std::mem::take(&mut self.is_unsynced).then(|| self.file.sync_handle())
    }
}
