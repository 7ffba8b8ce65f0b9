//! Streams: entries in the order of their IDs, and the groups of consumers that read them.
//!
//! A stream is a [`Log`] of packed blocks, and its [`Group`]s. It never knows the time or how IDs are made: commands
//! give it both.

mod block;
mod data_type;
mod group;
mod id;
mod log;
mod progress;
mod radix;
mod range;
mod rdb;
#[cfg(test)]
mod tests;
mod trim;

use std::any::Any;
use std::collections::BTreeMap;
use std::ops::Bound;

use crate::entry::data_type::DataType;
use crate::entry::object::Object;
use crate::entry::{self, Account, Encoding};
pub use block::{BlockLimits, BlockSummary, Corrupt, Entry};
pub(crate) use data_type::DATA_TYPE;
pub use group::{Consumer, ConsumerId, Group, Pending};
pub use id::{IdText, StreamId};
pub use log::Log;
pub use range::Range;
pub use trim::{Deletion, References, Threshold, Trim};

/// Groups by name.
type Groups = BTreeMap<Box<[u8]>, Group>;

/// Bytes of a group beside what it holds: its place in a B-tree whose nodes are two thirds full.
const GROUP_PLACE_BYTES: usize = (size_of::<Box<[u8]>>() + size_of::<Group>()) * 3 / 2;

/// A stream.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    log: Log,
    groups: Groups,
    account: Account,
}

impl Stream {
    /// The stream that an entry holds, if it holds one.
    #[must_use]
    pub fn of(entry: &entry::Entry) -> Option<&Self> {
        entry.as_object()?.as_any().downcast_ref()
    }

    /// Its entries.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Its entries, to add some. To delete some see [`Stream::delete`] and [`Stream::trim`].
    pub fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }

    /// Its groups, by name.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&**name, group))
    }

    /// The groups whose names come behind `last`, all if there is none, by name.
    pub(crate) fn groups_behind<'a>(
        &'a self,
        last: Option<&'a [u8]>,
    ) -> impl Iterator<Item = (&'a [u8], &'a Group)> {
        let start = last.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.groups.range::<[u8], _>((start, Bound::Unbounded));
        range.map(|(name, group)| (&**name, group))
    }

    /// A group.
    #[must_use]
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    /// A group that reads, and what it reads.
    pub fn group_mut(&mut self, name: &[u8]) -> Option<(&Log, &mut Group)> {
        Some((&self.log, self.groups.get_mut(name)?))
    }

    /// Adds a group, unless there is one of that name; whether it was added.
    pub fn add_group(&mut self, name: &[u8], group: Group) -> bool {
        let is_new = !self.groups.contains_key(name);
        if is_new {
            self.groups.insert(name.into(), group);
        }
        is_new
    }

    /// Takes a group out: a stream that has nothing else, for the caller to drop now or later.
    pub fn remove_group(&mut self, name: &[u8]) -> Option<Box<Self>> {
        let (name, group) = self.groups.remove_entry(name)?;
        Some(Box::new(Self { groups: Groups::from([(name, group)]), ..Self::default() }))
    }

    /// Number of blocks.
    #[must_use]
    pub fn block_count(&self) -> usize {
        self.log.blocks.len()
    }

    /// Number of nodes in a radix tree of the blocks, as Redis has it.
    /// Complexity: O(blocks).
    #[must_use]
    pub fn radix_node_count(&self) -> u64 {
        radix::node_count(self.log.blocks.keys().copied())
    }
}

impl Object for Stream {
    fn data_type(&self) -> &'static DataType {
        &DATA_TYPE
    }

    fn encoding(&self) -> Encoding {
        Encoding::Stream
    }

    fn size(&self) -> usize {
        usize::try_from(self.log.len()).expect("there are no more than memory has bytes")
    }

    fn memory_bytes(&self) -> usize {
        let group = |(name, group): (&[u8], &Group)| name.len() + GROUP_PLACE_BYTES + group.memory_bytes();
        size_of::<Self>() + self.log.memory_bytes() + self.groups().map(group).sum::<usize>()
    }

    fn account(&self) -> &Account {
        &self.account
    }

    fn account_mut(&mut self) -> &mut Account {
        &mut self.account
    }

    fn measuring_steps(&self) -> usize {
        self.log.blocks.len() + 2 * self.groups.len()
    }

    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }

    fn free_effort(&self) -> usize {
        let group = |group: &Group| 1 + group.consumers().len() + group.pending().len() / 4;
        1 + self.log.blocks.len() + self.groups.values().map(group).sum::<usize>()
    }

    fn free_some(&mut self, budget: usize) -> usize {
        let mut freed = self.log.free_some(budget);
        while freed < budget
            && let Some(mut group) = self.groups.first_entry()
        {
            freed += group.get_mut().free_some(budget - freed);
            if freed < budget {
                group.remove();
            }
        }
        freed
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
