//! Writing a file that is there as a whole or not at all.
//!
//! A snapshot is written to `temp-<number>.rdb`, synced, and renamed. It is synced a slice at a time while it is
//! written, so that the last sync has little to do and the log's own syncs don't wait behind it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kora_format::crc64::Crc64;

use crate::disk::{Disk, DiskFile, write_all};
use crate::error::{Context, StorageError};
use crate::format::{Named, parse_name};

/// How much is written between syncs.
const SLICE_BYTES: u64 = 32 << 20;
/// Bytes of memory that a snapshot takes while it is written.
pub const BUFFER_BYTES: usize = 256 << 10;

/// A snapshot being written. If it is dropped before [`SnapshotFile::commit`], nothing remains.
#[derive(Debug)]
pub struct SnapshotFile {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    path: PathBuf,
    file: Box<dyn DiskFile>,
    buffer: Vec<u8>,
    /// None if the file is to have no checksum.
    crc: Option<Crc64>,
    written_bytes: u64,
    unsynced_bytes: u64,
    /// Once something failed, nothing more is tried.
    has_failed: bool,
    /// Nothing is to be added.
    is_sealed: bool,
    is_committed: bool,
}

impl SnapshotFile {
    /// Begins a snapshot in a directory, under a temporary name with a number that no other one has.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(
        disk: Arc<dyn Disk>,
        dir: &Path,
        number: u64,
        with_checksum: bool,
    ) -> Result<Self, StorageError> {
        let path = dir.join(format!("temp-{number}.rdb"));
        let file = disk.create_new(&path).context("create", &path)?;
        Ok(Self {
            disk,
            dir: dir.to_owned(),
            path,
            file,
            buffer: Vec::with_capacity(BUFFER_BYTES),
            crc: with_checksum.then(Crc64::default),
            written_bytes: 0,
            unsynced_bytes: 0,
            has_failed: false,
            is_sealed: false,
            is_committed: false,
        })
    }

    /// Bytes so far.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// Adds bytes.
    ///
    /// # Errors
    /// What the system says. Nothing more can be added then.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        if let Some(crc) = &mut self.crc {
            crc.update(bytes);
        }
        self.put(bytes)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.written_bytes += bytes.len() as u64;
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush_buffer()?;
        }
        if bytes.len() >= BUFFER_BYTES {
            return self.write_through(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn flush_buffer(&mut self) -> Result<(), StorageError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let result = self.write_through(&buffer);
        buffer.clear();
        self.buffer = buffer;
        result
    }

    fn write_through(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        if self.has_failed {
            return Err(io::Error::other("an earlier write failed")).context("write", &self.path);
        }
        let result = write_all(self.file.as_mut(), bytes).context("write", &self.path);
        self.has_failed = result.is_err();
        result?;
        self.unsynced_bytes += bytes.len() as u64;
        if self.unsynced_bytes >= SLICE_BYTES { self.sync() } else { Ok(()) }
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        self.unsynced_bytes = 0;
        let result = self.file.sync_data().context("sync", &self.path);
        self.has_failed |= result.is_err();
        result
    }

    /// Adds the checksum in Redis's form, eight bytes, zero if the file has none, and makes the contents durable. If this
    /// fails, no file will be there.
    ///
    /// # Errors
    /// What the system says.
    pub fn seal(&mut self) -> Result<(), StorageError> {
        if !std::mem::replace(&mut self.is_sealed, true) {
            let sum = self.crc.as_ref().map_or(0, Crc64::value);
            self.put(&sum.to_le_bytes())?;
            self.flush_buffer()?;
            self.sync()?;
        }
        Ok(())
    }

    /// Seals the file, and makes it durable under its name, in place of one that may have that name. Returns its length in
    /// bytes.
    ///
    /// # Errors
    /// What the system says. If it was sealed, the file may be there or not.
    pub fn commit(mut self, name: &str) -> Result<u64, StorageError> {
        self.seal()?;
        self.publish(name)
    }

    /// Like [`Self::commit`], for contents that end as they are.
    ///
    /// # Errors
    /// What the system says. If only the last sync failed, the file may be there or not.
    pub fn commit_without_trailer(mut self, name: &str) -> Result<u64, StorageError> {
        self.flush_buffer()?;
        self.sync()?;
        self.publish(name)
    }

    fn publish(mut self, name: &str) -> Result<u64, StorageError> {
        let to = self.dir.join(name);
        self.disk.rename(&self.path, &to).context("rename", &self.path)?;
        self.is_committed = true;
        self.disk.sync_dir(&self.dir).context("sync", &self.dir)?;
        Ok(self.written_bytes)
    }
}

impl io::Write for SnapshotFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SnapshotFile {
    fn drop(&mut self) {
        if !self.is_committed {
            // What remains is removed at the next start.
            let _ = self.disk.remove(&self.path);
        }
    }
}

/// Removes snapshots that were never completed. Returns how many.
///
/// # Errors
/// What the system says.
pub fn remove_temporary(disk: &dyn Disk, dir: &Path) -> Result<usize, StorageError> {
    let names = disk.list(dir).context("list", dir)?;
    let mut count = 0;
    for name in names.iter().filter(|name| parse_name(name) == Named::Temporary) {
        let path = dir.join(name);
        disk.remove(&path).context("remove", &path)?;
        count += 1;
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn a_snapshot_is_there_once_committed_and_ends_with_its_checksum() {
        let dir = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let mut file = SnapshotFile::create(Arc::clone(&disk), dir.path(), 1, true).unwrap();
        // The check value of the algorithm.
        file.append(b"1234").unwrap();
        file.append(b"56789").unwrap();
        assert_eq!(disk.list(dir.path()).unwrap(), ["temp-1.rdb"]);
        assert_eq!(file.commit("base.rdb").unwrap(), 17);
        let path = dir.path().join("base.rdb");
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes, [&b"123456789"[..], &0xe9c6_d914_c4b8_d9ca_u64.to_le_bytes()].concat());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(disk.list(dir.path()).unwrap(), ["base.rdb"]);
    }

    #[test]
    fn a_dropped_snapshot_leaves_nothing_and_a_stale_one_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let mut file = SnapshotFile::create(Arc::clone(&disk), dir.path(), 1, false).unwrap();
        file.append(&vec![1; 3 * BUFFER_BYTES]).unwrap();
        drop(file);
        assert!(disk.list(dir.path()).unwrap().is_empty());
        disk.create_new(&dir.path().join("temp-5.rdb")).unwrap();
        disk.create_new(&dir.path().join("other.rdb")).unwrap();
        assert_eq!(remove_temporary(disk.as_ref(), dir.path()).unwrap(), 1);
        assert_eq!(disk.list(dir.path()).unwrap(), ["other.rdb"]);
    }

    #[test]
    fn large_and_small_writes_keep_their_order() {
        let dir = tempfile::tempdir().unwrap();
        let mut file = SnapshotFile::create(Arc::new(RealDisk), dir.path(), 1, false).unwrap();
        let mut expected = Vec::new();
        for (value, length) in
            [(1, 10), (2, BUFFER_BYTES), (3, BUFFER_BYTES - 1), (4, 2), (5, 3 * BUFFER_BYTES)]
        {
            file.append(&vec![value; length]).unwrap();
            expected.extend(vec![value; length]);
        }
        file.commit_without_trailer("x").unwrap();
        assert!(std::fs::read(dir.path().join("x")).unwrap() == expected);
    }
}
