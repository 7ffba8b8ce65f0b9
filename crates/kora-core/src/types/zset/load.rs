//! A sorted set that is being loaded, its entries in any order.

use super::index::Index;
use super::{PACKED_BYTES_MAX, Policy, packed};
use crate::entry::{Entry, Kind, Packing};
use crate::packed::listpack::Element;
use crate::time::UnixMs;

/// Puts entries in order; whether the set is packed is decided in the end.
#[derive(Debug)]
pub(crate) struct ZSetLoader {
    index: Index,
    longest_member: usize,
    member_bytes: usize,
}

impl ZSetLoader {
    /// An empty one; `seed` decides the hashes of members.
    pub(crate) fn new(seed: u64) -> Self {
        Self { index: Index::new(seed), longest_member: 0, member_bytes: 0 }
    }

    /// Adds a member; `false` if it is there already. The score must not be NaN.
    /// Complexity: O(log n).
    pub(crate) fn add(&mut self, member: &[u8], score: f64) -> bool {
        let before = self.index.len();
        self.index.set(member, score);
        self.longest_member = self.longest_member.max(member.len());
        self.member_bytes += member.len();
        self.index.len() > before
    }

    /// The entry of the set; `None` if it has no members.
    pub(crate) fn into_entry(self, policy: &Policy, key: &[u8], expiry: Option<UnixMs>) -> Option<Entry> {
        if self.index.len() == 0 {
            return None;
        }
        if !policy.takes(self.index.len(), self.longest_member) || self.member_bytes > PACKED_BYTES_MAX {
            return Some(Entry::new_object(key, Box::new(self.index), expiry));
        }
        let mut entries = Vec::new();
        self.index.walk(0, usize::MAX, false, |member, score| {
            if let Element::Bytes(member) = member {
                entries.push((member, score));
            }
            true
        });
        Some(Entry::new_packed(key, (Kind::SortedSet, Packing::Pairs), &packed::pack(&entries), expiry))
    }
}
