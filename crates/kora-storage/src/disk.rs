//! What this crate asks of a disk, so that a simulated one can stand in for it.
//!
//! Durability is the caller's business: data is durable after [`DiskFile::sync_data`], and a name that was
//! made, changed or removed after [`Disk::sync_dir`]. Neither implies the other.

mod real;

use std::fmt::Debug;
use std::io;
use std::path::Path;

pub use real::RealDisk;

use crate::error::{Context, StorageError};

/// The file whose lock says that a process uses a directory.
pub const LOCK_FILE: &str = "kora.lock";

/// A directory is ours while this lives.
pub trait DirLock: Debug + Send + Sync {
    /// Whether the file that is locked is still in the directory: if not, another process can lock a new one.
    fn has_name(&self) -> bool;
}

/// Directories and names.
pub trait Disk: Debug + Send + Sync {
    /// Makes a file that must not be there yet, readable and writable by its owner only.
    ///
    /// # Errors
    /// What the system says; `AlreadyExists` if it is there.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// What the system says.
    fn open_read(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for reading and writing; [`DiskFile::write`] adds to its end.
    ///
    /// # Errors
    /// What the system says.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name, in place of whatever has that name.
    ///
    /// # Errors
    /// What the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Names in a directory, sorted. Those that are not UTF-8 are left out: none of ours is.
    ///
    /// # Errors
    /// What the system says.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Makes a directory, which may be there already.
    ///
    /// # Errors
    /// What the system says.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// What the system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Locks a directory through its [`LOCK_FILE`], until the result is dropped or the process ends.
    ///
    /// # Errors
    /// `WouldBlock` if another has it, else what the system says.
    fn lock_dir(&self, dir: &Path) -> io::Result<Box<dyn DirLock>>;
}

/// An open file.
#[allow(clippy::len_without_is_empty, reason = "asking the system for a length can fail")]
pub trait DiskFile: Debug + Send + Sync {
    /// Reads at an offset; fewer bytes than asked for are no sign of the end, none are.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Adds bytes to the end; maybe only some of them, whose count is returned.
    ///
    /// # Errors
    /// What the system says.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Writes all bytes again at a place where they already are, so that the next sync writes them.
    ///
    /// # Errors
    /// What the system says.
    fn rewrite_at(&mut self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes the contents durable.
    ///
    /// # Errors
    /// What the system says. After an error the contents may be lost, whatever a later call says.
    fn sync_data(&mut self) -> io::Result<()>;

    /// Another way to the same open file, to sync it while it is being written.
    fn sync_handle(&self) -> Box<dyn SyncHandle>;

    /// Whether the file still has a name: what is in one without is gone once it is closed.
    ///
    /// # Errors
    /// What the system says.
    fn has_name(&self) -> io::Result<bool>;

    /// Cuts the file to a length.
    ///
    /// # Errors
    /// What the system says.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// The length in bytes.
    ///
    /// # Errors
    /// What the system says.
    fn len(&self) -> io::Result<u64>;
}

/// Makes an open file's contents durable, whoever writes to it meanwhile.
pub trait SyncHandle: Debug + Send + Sync {
    /// Makes durable what was written before the call.
    ///
    /// # Errors
    /// As of [`DiskFile::sync_data`]. The system tells of an error once: two syncs at a time would share it.
    fn sync_data(&self) -> io::Result<()>;
}

/// Takes a data directory for this process.
///
/// # Errors
/// [`StorageError::Locked`] if another process has it, else what the system says.
pub fn lock(disk: &dyn Disk, dir: &Path) -> Result<Box<dyn DirLock>, StorageError> {
    match disk.lock_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(StorageError::Locked { path: dir.to_owned() })
        }
        result => result.context("lock", dir),
    }
}

/// Makes a directory, if it is not there, and its name durable.
///
/// # Errors
/// What the system says.
pub fn make_dir(disk: &dyn Disk, dir: &Path) -> Result<(), StorageError> {
    disk.create_dir(dir).context("create", dir)?;
    let parent = dir.parent().unwrap_or(dir);
    disk.sync_dir(parent).context("sync", parent)
}

/// Writes all bytes to the end. A write that takes only some of them is continued.
pub(crate) fn write_all(file: &mut dyn DiskFile, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = write_some(file, bytes)?;
        bytes = bytes.get(count..).unwrap_or_default();
    }
    Ok(())
}

/// Writes bytes to the end, one at least; returns how many.
pub(crate) fn write_some(file: &mut dyn DiskFile, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Reads until the buffer is full or the file ends; returns how many bytes there were.
pub(crate) fn read_full(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The first of `<name>.<word>-1`, `<name>.<word>-2` ... that is not in the directory.
pub(crate) fn unused_name(disk: &dyn Disk, dir: &Path, name: &str, word: &str) -> io::Result<String> {
    let names = disk.list(dir)?;
    let candidates = (1..).map(|number: u64| format!("{name}.{word}-{number}"));
    let unused = candidates.into_iter().find(|candidate| !names.contains(candidate));
    Ok(unused.expect("there are more numbers than files"))
}
