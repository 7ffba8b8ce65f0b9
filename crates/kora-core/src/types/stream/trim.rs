//! Taking the oldest entries away.
//!
//! Whole blocks go first. Approximate trimming stops at the first block that would not go as a whole; exact trimming
//! makes tombstones in it. What becomes of references to an entry that goes is for the caller to choose.

use std::ops::Bound;

use super::id::StreamId;
use super::{Groups, Stream};

/// Which entries go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// The oldest, until there are no more than so many.
    Length(u64),
    /// Those with lower IDs.
    Id(StreamId),
}

/// What is done about groups that refer to an entry that is to be deleted: one where it is pending or yet to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum References {
    /// Pending entries stay pending although they are gone.
    #[default]
    Keep,
    /// They are pending no more.
    Delete,
    /// The entry stays while any group needs it.
    Respect,
}

/// How to trim.
#[derive(Clone, Copy, Debug)]
pub struct Trim {
    /// Which entries go.
    pub threshold: Threshold,
    /// Whether only whole blocks go.
    pub is_approximate: bool,
    /// Most entries that go; 0 for no limit.
    pub limit: u64,
    /// What is done about references.
    pub references: References,
}

impl Stream {
    /// Trims, and says how many entries went.
    /// Complexity: O(blocks that go * log n), and O(entries of a block) where it does not go as a whole.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let mut from = Bound::Unbounded;
        let mut deleted = 0;
        while let Some((base, live, is_whole)) = self.next_trimmed(from, trim.threshold)
            && (trim.limit == 0 || deleted + live <= trim.limit)
        {
            if is_whole && (trim.references == References::Keep || self.groups.is_empty()) {
                self.log.blocks.remove(&base);
                self.log.length -= live;
                deleted += live;
            } else if is_whole || !trim.is_approximate {
                deleted += self.trim_block(base, trim);
                from = Bound::Excluded(base);
            }
            if !is_whole {
                break;
            }
        }
        deleted
    }

    /// The next block that holds entries beyond the threshold: its ID, how many entries, and whether all of them are
    /// beyond it.
    fn next_trimmed(&self, from: Bound<StreamId>, threshold: Threshold) -> Option<(StreamId, u64, bool)> {
        let (&base, block) = self.log.blocks.range((from, Bound::Unbounded)).next()?;
        let live = block.live();
        match threshold {
            Threshold::Length(length) if self.log.length <= length => None,
            Threshold::Length(length) => Some((base, live, self.log.length - live >= length)),
            Threshold::Id(id) => Some((base, live, block.last_id(base) < id)),
        }
    }

    /// Trims entries of one block one by one.
    fn trim_block(&mut self, base: StreamId, trim: &Trim) -> u64 {
        let groups = &mut self.groups;
        let block = self.log.blocks.get_mut(&base).expect("the caller has found it");
        let (length, mut gone) = (self.log.length, Vec::new());
        let deleted = block.delete_where(base, |id| {
            let is_kept = match trim.threshold {
                Threshold::Length(kept) => length - gone.len() as u64 <= kept,
                Threshold::Id(least) => id >= least,
            };
            if is_kept {
                return None;
            }
            let is_free = trim.references != References::Respect || !is_needed(groups, id);
            if is_free {
                gone.push(id);
            }
            Some(is_free)
        });
        let is_empty = block.live() == 0;
        if trim.references == References::Delete {
            gone.iter().for_each(|&id| release_all(groups, id));
        }
        self.log.length -= deleted;
        // The last block says where the next entry goes even without entries.
        if is_empty && self.log.blocks.last_key_value().is_some_and(|(&last, _)| last != base) {
            self.log.blocks.remove(&base);
        }
        deleted
    }

    /// Deletes the entry `id`, unless a group needs it and references are to be respected.
    pub fn delete(&mut self, id: StreamId, references: References) -> Deletion {
        let is_there = self.log.get(id).is_some();
        if is_there && references == References::Respect && is_needed(&self.groups, id) {
            return Deletion::Needed;
        }
        if references == References::Delete {
            release_all(&mut self.groups, id);
        }
        if self.log.delete(id) { Deletion::Done } else { Deletion::Missing }
    }
}

/// What became of an entry that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// It was deleted.
    Done,
    /// It was not there.
    Missing,
    /// A group needs it.
    Needed,
}

fn is_needed(groups: &Groups, id: StreamId) -> bool {
    groups.values().any(|group| group.needs(id))
}

fn release_all(groups: &mut Groups, id: StreamId) {
    for group in groups.values_mut() {
        group.release(id);
    }
}
