//! What one connection is subscribed to.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Name, Space};

/// Bytes of a subscription beside its name: in the connection's set, its worker's seats and the registry.
const SUBSCRIPTION_BYTES: usize = 160;

/// A connection's subscriptions.
#[derive(Debug, Default)]
pub struct Subscriptions {
    names: [BTreeSet<Name>; 3],
    count: usize,
    bytes: usize,
}

impl Subscriptions {
    /// How many there are.
    #[inline]
    pub fn count(&self) -> usize {
        self.count
    }

    /// How many there are in one space.
    pub fn count_in(&self, space: Space) -> usize {
        self.names[space.index()].len()
    }

    /// The number that confirms a change in `space`: channels and patterns are counted together.
    pub fn confirmed_count(&self, space: Space) -> usize {
        match space {
            Space::Channels | Space::Patterns => {
                self.count_in(Space::Channels) + self.count_in(Space::Patterns)
            }
            Space::ShardChannels => self.count_in(space),
        }
    }

    /// Bytes they take, those shared with others included.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds one; `None` if it is there already.
    pub fn add(&mut self, space: Space, name: &[u8]) -> Option<Name> {
        let names = &mut self.names[space.index()];
        if names.contains(name) {
            return None;
        }
        let name: Name = name.into();
        names.insert(Arc::clone(&name));
        self.count += 1;
        self.bytes += SUBSCRIPTION_BYTES + name.len();
        Some(name)
    }

    /// Removes one, if it is there.
    pub fn remove(&mut self, space: Space, name: &[u8]) -> Option<Name> {
        let name = self.names[space.index()].take(name)?;
        self.count -= 1;
        self.bytes -= SUBSCRIPTION_BYTES + name.len();
        Some(name)
    }

    /// Whether there is one to this name.
    pub fn contains(&self, space: Space, name: &[u8]) -> bool {
        self.names[space.index()].contains(name)
    }

    /// The names in one space, in place.
    pub fn iter(&self, space: Space) -> impl Iterator<Item = &Name> {
        self.names[space.index()].iter()
    }

    /// The names in one space.
    pub fn names(&self, space: Space) -> Vec<Name> {
        self.names[space.index()].iter().cloned().collect()
    }
}
