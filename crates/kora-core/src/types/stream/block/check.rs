//! Whether bytes from anywhere are a block.

use super::{BLOCK_BYTES_MAX, DELETED, ENTRY_HEAD, SAME_FIELDS, StreamId};
use crate::packed::listpack::{Element, Iter, ListPack};

/// Why bytes are not a block of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("corrupt block of a stream")]
pub struct Corrupt;

/// What a checked block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockSummary {
    /// Entries that are not deleted.
    pub live: u64,
    /// The IDs of the first and the last entry, tombstones included.
    pub ids: Option<(StreamId, StreamId)>,
}

/// Reads `bytes` as the block of ID `base`, whatever they are: everything that reading and changing a block relies on.
/// Complexity: O(bytes), without memory.
///
/// # Errors
/// If they are not a block, or its IDs do not ascend from `base`.
pub(in crate::types::stream) fn check(base: StreamId, bytes: &[u8]) -> Result<BlockSummary, Corrupt> {
    if bytes.len() > BLOCK_BYTES_MAX {
        return Err(Corrupt);
    }
    let list = ListPack::check(bytes).map_err(|_| Corrupt)?;
    let mut elements = Elements(list.iter());
    let (live, deleted, field_count) = (elements.count()?, elements.count()?, elements.count()?);
    elements.pass(field_count)?;
    if elements.integer()? != 0 {
        return Err(Corrupt);
    }
    let (mut counted, mut ids) = ([0, 0], None);
    while let Some(flags) = elements.flags()? {
        let id = elements.entry(base, flags, field_count)?;
        let is_ascending = ids.map_or(id >= base, |(_, last)| id > last);
        if !is_ascending {
            return Err(Corrupt);
        }
        ids = Some((ids.map_or(id, |(first, _)| first), id));
        counted[usize::from(flags & DELETED != 0)] += 1;
    }
    if counted == [live, deleted] { Ok(BlockSummary { live, ids }) } else { Err(Corrupt) }
}

/// The elements not yet looked at.
struct Elements<'a>(Iter<'a>);

impl Elements<'_> {
    fn integer(&mut self) -> Result<i64, Corrupt> {
        match self.0.next() {
            Some(Element::Integer(value)) => Ok(value),
            _ => Err(Corrupt),
        }
    }

    fn count(&mut self) -> Result<u64, Corrupt> {
        u64::try_from(self.integer()?).map_err(|_| Corrupt)
    }

    /// Passes over elements. Their number comes from the bytes too: it ends where they do.
    fn pass(&mut self, count: u64) -> Result<(), Corrupt> {
        (0..count).try_for_each(|_| self.0.next().map(drop).ok_or(Corrupt))
    }

    /// The flags of the next entry, if there is one.
    fn flags(&mut self) -> Result<Option<i64>, Corrupt> {
        match self.0.next() {
            None => Ok(None),
            Some(Element::Integer(flags)) if flags & !(DELETED | SAME_FIELDS) == 0 => Ok(Some(flags)),
            Some(_) => Err(Corrupt),
        }
    }

    /// Passes over the rest of an entry; its ID.
    fn entry(&mut self, base: StreamId, flags: i64, field_count: u64) -> Result<StreamId, Corrupt> {
        let id = base.offset(self.integer()?, self.integer()?);
        let body = if flags & SAME_FIELDS != 0 {
            self.pass(field_count)?;
            field_count
        } else {
            let pairs = self.count()?;
            let elements = pairs.checked_mul(2).ok_or(Corrupt)?;
            self.pass(elements)?;
            // An entry without fields could not be told from the head of the block by a reader from behind.
            elements.checked_add(1).ok_or(Corrupt)?
        };
        let stored = self.count()?;
        if Some(stored) == body.checked_add(u64::from(ENTRY_HEAD)) { Ok(id) } else { Err(Corrupt) }
    }
}
