//! The shards of a command's keys, found while the memory of these is fetched ahead, so that no key is hashed twice to a slot.

use kora_core::command::spec::{Facts, Route};
use kora_core::shard::route::Placement;
use kora_core::slot::ShardId;

/// A set of shards, in an engine that has no more than [`ShardSet::MOST`]. An empty one says that nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ShardSet(u64);

impl ShardSet {
    /// Number of shards that can be in a set.
    const MOST: u16 = 64;

    /// Whether the shards of an engine with so many of them can be in a set. With one there is nothing to be known.
    #[inline]
    pub(super) fn is_for(shard_count: u16) -> bool {
        (2..=Self::MOST).contains(&shard_count)
    }

    #[inline]
    pub(super) fn add(&mut self, shard: ShardId) {
        self.0 |= 1 << (shard.0 % Self::MOST);
    }

    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The shards, ascending.
    pub(super) fn iter(self) -> impl Iterator<Item = ShardId> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let first = (rest != 0).then(|| first_of(rest));
            rest &= rest.wrapping_sub(1);
            first
        })
    }

    /// Where the command `args` runs all of whose keys are on these shards, as [`place`](kora_core::shard::route::place) says; none if
    /// that is still to be found out.
    #[inline]
    pub(super) fn placement(self, facts: &Facts, args: &[&[u8]]) -> Option<Placement> {
        if self.is_empty() {
            return None;
        }
        let is_one = self.0.is_power_of_two();
        let one = || Placement::One(first_of(self.0));
        if facts.only_key().is_some() {
            return (is_one && facts.route == Route::Keys).then(one);
        }
        let (first, step) = facts.keys_to_end()?;
        if !args.get(first..).is_some_and(|keys| keys.len().is_multiple_of(step)) {
            return None;
        }
        match facts.route {
            Route::Keys | Route::Split(_) if is_one => Some(one()),
            Route::Split(merge) => Some(Placement::Spread(merge)),
            Route::Keys => Some(Placement::Together(self.iter().collect())),
            _ => None,
        }
    }
}

/// The least shard of some.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "bits are numbered below 64")]
fn first_of(shards: u64) -> ShardId {
    ShardId(shards.trailing_zeros() as u16)
}

#[cfg(test)]
mod tests {
    use kora_core::command::table::CommandTable;
    use kora_core::shard::route::place;
    use kora_core::slot::Slot;

    use super::*;

    /// What is found by the way is what is found when it is looked for.
    #[test]
    fn a_known_placement_is_the_one_that_place_says() {
        let table = CommandTable::<()>::new(&[], &[]);
        let words: [&[u8]; 6] = [b"a", b"b", b"{a}c", b"d", b"1", b"e"];
        let mut known = 0;
        for command in table.all() {
            for length in 0..=words.len() {
                let args: Vec<&[u8]> = std::iter::once(command.facts.name.as_bytes())
                    .chain(words[..length].iter().copied())
                    .collect();
                let only = command.facts.only_key().map(|key| (key, usize::MAX));
                let Some((first, step)) = only.or_else(|| command.facts.keys_to_end()) else { continue };
                for shard_count in [2, 7, 64] {
                    let mut set = ShardSet::default();
                    let keys = args.iter().skip(first).step_by(step);
                    keys.for_each(|key| set.add(Slot::of(key).shard(shard_count)));
                    if let Some(placement) = set.placement(command.facts, &args) {
                        known += 1;
                        assert_eq!(placement, place(command.facts, &args, shard_count), "{args:?}");
                    }
                }
            }
        }
        assert!(known > 1000);
    }
}
