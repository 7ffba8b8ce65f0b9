//! A worker's own subscribers, by what they are subscribed to.

use std::sync::Arc;

use kora_core::glob;
use std::collections::{BTreeSet, HashMap};

use super::publication::{Publication, Via};
use super::{Name, Space};

/// One subscription of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seat {
    /// The connection's place.
    slot: usize,
    /// Number of the registry's state in which it was first counted.
    since: u64,
}

/// The seats of one name, by place: found by bisection, and little memory for names with one subscriber. To add or remove
/// one moves those behind it, 16 bytes each.
type Row = Vec<Seat>;

/// A worker's subscribers.
#[derive(Debug, Default)]
pub(super) struct Seats([HashMap<Name, Row>; 3]);

impl Seats {
    pub(super) fn add(&mut self, space: Space, names: &[Name], slot: usize, since: u64) {
        let rows = &mut self.0[space.index()];
        for name in names {
            let row = rows.entry(Arc::clone(name)).or_default();
            match row.binary_search_by_key(&slot, |seat| seat.slot) {
                Ok(at) => row[at].since = since,
                Err(at) => row.insert(at, Seat { slot, since }),
            }
        }
    }

    /// Removes the seats of one place; returns the names that it had one of.
    pub(super) fn remove(&mut self, space: Space, names: &[Name], slot: usize) -> Vec<Name> {
        let rows = &mut self.0[space.index()];
        let mut removed = Vec::new();
        for name in names {
            let Some(row) = rows.get_mut(name) else { continue };
            if let Ok(at) = row.binary_search_by_key(&slot, |seat| seat.slot) {
                row.remove(at);
                removed.push(Arc::clone(name));
            }
            if row.is_empty() {
                rows.remove(name);
            }
        }
        removed
    }

    /// Removes all seats of some places that are no younger than `as_of`; returns the name of each.
    pub(super) fn remove_all(&mut self, space: Space, slots: &BTreeSet<usize>, as_of: u64) -> Vec<Name> {
        let mut removed = Vec::new();
        self.0[space.index()].retain(|name, row| {
            let count = row.len();
            row.retain(|seat| seat.since > as_of || !slots.contains(&seat.slot));
            removed.extend(std::iter::repeat_n(name, count - row.len()).cloned());
            !row.is_empty()
        });
        removed
    }

    /// Visits the places that get a publication: those of its channel, then those of patterns that match it.
    pub(super) fn each_receiver(
        &self,
        publication: &Publication,
        mut visit: impl FnMut(Via<'_>, &mut dyn Iterator<Item = usize>),
    ) {
        let mut visit_row = |row: &Row, via: Via<'_>| {
            let receiving = row.iter().filter(|seat| seat.since <= publication.as_of());
            visit(via, &mut receiving.map(|seat| seat.slot));
        };
        let channel = publication.channel();
        let space = if publication.is_sharded() { Space::ShardChannels } else { Space::Channels };
        if let Some(row) = self.0[space.index()].get(channel) {
            visit_row(row, publication.via());
        }
        if publication.is_sharded() {
            return;
        }
        for (pattern, row) in &self.0[Space::Patterns.index()] {
            if glob::matches(pattern, channel) {
                visit_row(row, Via::Pattern(pattern));
            }
        }
    }
}
