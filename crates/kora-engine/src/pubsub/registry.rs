//! How many subscribers each worker has of each name.

use std::sync::Arc;

use kora_core::glob;
use kora_core::hash::{Map, key_hasher};
use kora_core::slot::WorkerId;
use smallvec::{SmallVec, smallvec};

use super::{Name, Space};

/// Some workers.
pub(crate) type Workers = SmallVec<[WorkerId; 8]>;

/// Subscribers of one name, by worker.
type Audience = SmallVec<[u32; 4]>;

/// Who listens to what. A name without subscribers is not kept.
#[derive(Debug)]
pub(super) struct Registry {
    spaces: [Map<Name, Audience>; 3],
    worker_count: usize,
    /// Changes so far.
    version: u64,
}

impl Registry {
    pub(super) fn new(worker_count: u16) -> Self {
        // Names are chosen by clients: the hashes of another process tell nothing about these.
        let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), worker_count);
        let map = |space: u64| Map::with_hasher(key_hasher(seed.wrapping_add(space)));
        Self { spaces: [map(0), map(1), map(2)], worker_count: worker_count.into(), version: 0 }
    }

    /// Number of the present state.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    fn space(&self, space: Space) -> &Map<Name, Audience> {
        &self.spaces[space.index()]
    }

    /// Counts one more subscriber of each name; returns the number of the state in which they are counted.
    pub(super) fn join(&mut self, space: Space, names: &[Name], worker: WorkerId) -> u64 {
        self.version += 1;
        let count = self.worker_count;
        let map = &mut self.spaces[space.index()];
        for name in names {
            let audience = map.entry(Arc::clone(name)).or_insert_with(|| smallvec![0; count]);
            audience[worker.index()] += 1;
        }
        self.version
    }

    /// Counts one subscriber less of each name.
    pub(super) fn leave(&mut self, space: Space, names: &[Name], worker: WorkerId) {
        self.version += 1;
        let map = &mut self.spaces[space.index()];
        for name in names {
            let Some(audience) = map.get_mut(name) else { continue };
            audience[worker.index()] -= 1;
            if audience.iter().all(|&count| count == 0) {
                map.remove(name);
            }
        }
    }

    /// The audiences of a channel: its own, and those of patterns that match it.
    fn audiences<'a>(&'a self, is_sharded: bool, channel: &'a [u8]) -> impl Iterator<Item = &'a Audience> {
        let space = if is_sharded { Space::ShardChannels } else { Space::Channels };
        let is_matched =
            move |(pattern, _): &(&Name, &Audience)| !is_sharded && glob::matches(pattern, channel);
        let by_pattern = self.space(Space::Patterns).iter().filter(is_matched).map(|(_, audience)| audience);
        self.space(space).get(channel).into_iter().chain(by_pattern)
    }

    /// How many times a message to `channel` is received.
    pub(super) fn receivers(&self, is_sharded: bool, channel: &[u8]) -> usize {
        self.audiences(is_sharded, channel).map(total).sum()
    }

    /// The workers that a message to `channel` goes to.
    pub(super) fn workers(&self, is_sharded: bool, channel: &[u8]) -> Workers {
        let mut workers = Workers::new();
        for audience in self.audiences(is_sharded, channel) {
            let listening = (0..).map(WorkerId).zip(audience).filter(|(_, count)| **count > 0);
            for (worker, _) in listening {
                if !workers.contains(&worker) {
                    workers.push(worker);
                }
            }
        }
        workers
    }

    /// Names with subscribers that `is_listed`.
    pub(super) fn names(&self, space: Space, is_listed: impl Fn(&[u8]) -> bool) -> Vec<Name> {
        self.space(space).keys().filter(|name| is_listed(name)).cloned().collect()
    }

    pub(super) fn name_count(&self, space: Space) -> usize {
        self.space(space).len()
    }

    /// Subscribers of one name.
    pub(super) fn subscribers(&self, space: Space, name: &[u8]) -> usize {
        self.space(space).get(name).map_or(0, total)
    }
}

fn total(audience: &Audience) -> usize {
    audience.iter().map(|&count| count as usize).sum()
}
