//! The order of what several shards recorded: stamps, and where a stream that lacks its end is to be cut.
//!
//! An operation on several shards has a *ticket*; tickets are taken one after the other. Anything else happens on one shard,
//! which has a *position*: how many tickets were published when it last received work, all of which it had run before it
//! went on. Both are stamps, and one order covers them: an operation with ticket `t` stands behind everything with a
//! position up to `t`, and before everything with a higher one.
//!
//! Why that is the order in which clients saw things: docs/adr/0031-order-stamps.md.

use std::collections::BTreeMap;

/// A place in the order of one life of the process. Equal stamps are ordered by the numbers of their records, and by their places in
/// those.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(u64);

impl Stamp {
    /// The stamp of what a shard did by itself that had run all tickets below `position`.
    #[must_use]
    pub const fn of_position(position: u64) -> Self {
        Self(position << 1)
    }

    /// The stamp of the operation with this ticket.
    #[must_use]
    pub const fn of_ticket(ticket: u64) -> Self {
        Self(ticket << 1 | 1)
    }

    /// The ticket, if it is an operation's.
    #[must_use]
    pub const fn ticket(self) -> Option<u64> {
        if self.0 & 1 == 1 { Some(self.0 >> 1) } else { None }
    }

    /// The position, if it is not an operation's.
    #[must_use]
    pub const fn position(self) -> Option<u64> {
        if self.0 & 1 == 0 { Some(self.0 >> 1) } else { None }
    }
}

/// Which operations are torn: some of their parts were recorded, and others were not.
///
/// What is recorded before the first torn operation in the order of stamps can be kept, whatever stands between in the
/// file: what it depends on has a smaller record number and no greater stamp.
#[derive(Clone, Debug, Default)]
pub struct TornOperations {
    /// How many parts are missing, by ticket.
    missing: BTreeMap<u64, u16>,
}

impl TornOperations {
    /// Notes that a record holds one of an operation's `parts` parts.
    pub fn note(&mut self, ticket: u64, parts: u16) {
        if parts <= 1 {
            return;
        }
        let missing = self.missing.entry(ticket).or_insert(parts);
        *missing -= 1;
        if *missing == 0 {
            self.missing.remove(&ticket);
        }
    }

    /// The first operation that lacks parts, as a stamp: whatever has a smaller one counts, and nothing else does.
    #[must_use]
    pub fn first(&self) -> Option<Stamp> {
        self.missing.first_key_value().map(|(&ticket, _)| Stamp::of_ticket(ticket))
    }

    /// Whether no operation lacks parts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.missing.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_stands_behind_what_had_not_seen_it() {
        assert!(Stamp::of_position(7) < Stamp::of_ticket(7), "it was not drained yet");
        assert!(Stamp::of_ticket(7) < Stamp::of_position(8));
        assert!(Stamp::of_ticket(6) < Stamp::of_ticket(7));
        assert_eq!((Stamp::of_ticket(7).ticket(), Stamp::of_ticket(7).position()), (Some(7), None));
        assert_eq!((Stamp::of_position(7).ticket(), Stamp::of_position(7).position()), (None, Some(7)));
        assert_eq!(Stamp::default(), Stamp::of_position(0));
    }

    #[test]
    fn an_operation_is_torn_until_all_its_parts_are_there() {
        let mut torn = TornOperations::default();
        torn.note(5, 3);
        torn.note(4, 2);
        torn.note(9, 1);
        assert_eq!(torn.first(), Some(Stamp::of_ticket(4)));
        torn.note(4, 2);
        assert_eq!(torn.first(), Some(Stamp::of_ticket(5)));
        torn.note(5, 3);
        assert!(!torn.is_empty());
        torn.note(5, 3);
        assert_eq!((torn.first(), torn.is_empty()), (None, true));
    }
}
