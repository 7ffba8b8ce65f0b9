//! The bytes of a snapshot as they are read, a piece at a time.

use std::path::Path;

use kora_core::rdb::Crc64;
use kora_core::rdb::file;
use kora_storage::disk::DiskFile;
use kora_storage::{Damage, StorageError};

use super::loader::{LoadError, Loading};

/// Bytes read at once.
const READ_BYTES: usize = 1024 * 1024;

/// Where bytes of a snapshot come from, and what of them is still to be cut up.
pub(super) struct Source<'a> {
    file: &'a dyn DiskFile,
    path: &'a Path,
    /// Its length; the most there can be if that is not known.
    file_len: u64,
    /// Offset in the file of what is read next.
    offset: u64,
    pub(super) buffer: Vec<u8>,
    /// What of the buffer was cut up.
    pub(super) used: usize,
    /// What of the buffer is in the checksum.
    summed: usize,
    pub(super) checksum: Crc64,
    loading: Option<&'a Loading>,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &'a dyn DiskFile, path: &'a Path, loading: Option<&'a Loading>) -> Self {
        let file_len = file.len().unwrap_or(u64::MAX);
        let (buffer, checksum) = (Vec::new(), Crc64::default());
        Self { file, path, file_len, offset: 0, buffer, used: 0, summed: 0, checksum, loading }
    }

    /// What has been read and not been cut up.
    pub(super) fn rest(&self) -> &[u8] {
        &self.buffer[self.used..]
    }

    /// Reads the header; the version of the file.
    pub(super) fn read_header(&mut self) -> Result<u16, LoadError> {
        while self.buffer.len() < file::HEADER_BYTES {
            if !self.fill(0)? {
                return Err(self.damage("the file ends too early"));
            }
        }
        let version = file::read_header(&self.buffer).map_err(|error| self.damage(error.to_string()))?;
        self.used = file::HEADER_BYTES;
        Ok(version)
    }

    /// Passes the end, of so many bytes, which tells a checksum if the file has one.
    ///
    /// # Errors
    /// If the checksum is another one.
    pub(super) fn check_end(&mut self, len: usize, checksum: Option<u64>) -> Result<(), LoadError> {
        // The checksum is of all before it, the mark of the end included.
        self.used += 1;
        self.sum_up();
        let sum = self.checksum.value();
        self.used += len - 1;
        if checksum.is_some_and(|checksum| checksum != 0 && checksum != sum) {
            return Err(self.damage("the checksum is wrong"));
        }
        Ok(())
    }

    /// Reads more; `false` at the end of the file.
    pub(super) fn fill(&mut self, wanted: usize) -> Result<bool, LoadError> {
        self.sum_up();
        self.buffer.drain(..self.used);
        self.summed -= self.used;
        self.used = 0;
        let begin = self.buffer.len();
        // What was read of a piece is looked at from its beginning each time: so twice as much is read each time, but no
        // more than there is, whatever the bytes claim.
        let left = self.file_len.saturating_sub(self.offset);
        let more = wanted.max(begin).max(READ_BYTES).min(usize::try_from(left).unwrap_or(usize::MAX).max(1));
        self.buffer.resize(begin + more, 0);
        let count = self.file.read_at(&mut self.buffer[begin..], self.offset);
        let failed = |source| StorageError::Io { action: "read", path: self.path.to_owned(), source };
        let count = count.map_err(failed);
        self.buffer.truncate(begin + *count.as_ref().unwrap_or(&0));
        let count = count?;
        self.offset += count as u64;
        if let Some(loading) = self.loading {
            loading.add_loaded(count as u64)?;
        }
        Ok(count > 0)
    }

    pub(super) fn sum_up(&mut self) {
        self.checksum.update(&self.buffer[self.summed..self.used]);
        self.summed = self.used;
    }

    /// The offset in the file of what is to be cut up next.
    pub(super) fn at(&self) -> u64 {
        self.offset - (self.buffer.len() - self.used) as u64
    }

    pub(super) fn damage(&self, what: impl Into<String>) -> LoadError {
        LoadError::Storage(Damage { path: self.path.to_owned(), offset: self.at(), what: what.into() }.into())
    }
}
