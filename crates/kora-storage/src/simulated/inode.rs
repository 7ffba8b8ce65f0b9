//! A file's contents: what the system has in memory, and what is on the platter.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Choices;

/// What reaches the platter as a whole.
const SECTOR_BYTES: usize = 512;

#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    cached: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors whose contents the system knows that it has to write.
    dirty: BTreeSet<usize>,
    /// Whether a failed sync left contents in memory that the system takes for written.
    has_lost: bool,
}

impl Inode {
    pub(super) fn durable(contents: Vec<u8>) -> Self {
        Self { durable: contents.clone(), cached: contents, ..Self::default() }
    }

    pub(super) fn cached(&self) -> &[u8] {
        &self.cached
    }

    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> usize {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.cached.get(offset..));
        let rest = rest.unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        count
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        let begin = self.cached.len();
        self.cached.extend_from_slice(bytes);
        self.mark(begin..self.cached.len());
    }

    pub(super) fn rewrite_at(&mut self, bytes: &[u8], offset: u64) {
        let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(self.cached.len());
        let end = (begin + bytes.len()).min(self.cached.len());
        self.cached[begin..end].copy_from_slice(&bytes[..end - begin]);
        self.mark(begin..end);
    }

    pub(super) fn truncate(&mut self, length: u64) {
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(self.cached.len());
        let old = self.cached.len();
        self.cached.truncate(length);
        self.mark(length..old.max(length + 1));
    }

    fn mark(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.dirty.extend(range.start / SECTOR_BYTES..=(range.end - 1) / SECTOR_BYTES);
        }
    }

    pub(super) fn sync(&mut self) {
        self.durable.resize(self.cached.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            copy_sector(&mut self.durable, &self.cached, sector, SECTOR_BYTES);
        }
    }

    /// The system wrote some sectors, and then forgets about all, or about none.
    pub(super) fn fail_to_sync(&mut self, choices: &mut Choices) {
        let forgets = choices.one_in(2);
        self.durable.resize(self.cached.len(), 0);
        for &sector in &self.dirty {
            if choices.one_in(2) {
                copy_sector(&mut self.durable, &self.cached, sector, SECTOR_BYTES);
            }
        }
        if forgets {
            self.dirty.clear();
            self.has_lost = true;
        }
    }

    /// The system may drop from memory what it takes for written.
    pub(super) fn forget_lost(&mut self, choices: &mut Choices) {
        if !self.has_lost || choices.one_in(2) {
            return;
        }
        for sector in 0..self.cached.len().div_ceil(SECTOR_BYTES) {
            if !self.dirty.contains(&sector) {
                copy_sector(&mut self.cached, &self.durable, sector, SECTOR_BYTES);
            }
        }
        self.has_lost = false;
    }

    /// Leaves what is on the platter. Some dirty sectors may have got there, the last of them maybe in part, and the
    /// length is anything between the old and the new.
    pub(super) fn lose_power(&mut self, keeps_some: bool, choices: &mut Choices) {
        let dirty = std::mem::take(&mut self.dirty);
        if keeps_some && !dirty.is_empty() {
            let (low, high) =
                (self.durable.len().min(self.cached.len()), self.durable.len().max(self.cached.len()));
            let length = match choices.below(3) {
                0 => self.durable.len(),
                1 => self.cached.len(),
                _ => low + choices.up_to(high - low),
            };
            self.durable.resize(length, 0);
            let kept: Vec<usize> = match choices.below(3) {
                // As they were written, up to some place.
                0 => dirty.iter().copied().take(choices.up_to(dirty.len())).collect(),
                _ => dirty.into_iter().filter(|_| choices.one_in(2)).collect(),
            };
            for (at, &sector) in kept.iter().enumerate() {
                let is_torn = at + 1 == kept.len() && choices.one_in(2);
                let bytes = if is_torn { choices.up_to(SECTOR_BYTES) } else { SECTOR_BYTES };
                copy_sector(&mut self.durable, &self.cached, sector, bytes);
            }
        }
        self.cached.clone_from(&self.durable);
        self.has_lost = false;
    }
}

/// Copies the first bytes of a sector, as far as both have it.
fn copy_sector(to: &mut [u8], from: &[u8], sector: usize, bytes: usize) {
    let begin = sector * SECTOR_BYTES;
    let end = (begin + bytes).min(to.len()).min(from.len());
    if begin < end {
        to[begin..end].copy_from_slice(&from[begin..end]);
    }
}
