//! The stores an operation has in hand, and which of them is a shard's.

use smallvec::{SmallVec, smallvec};

use crate::slot::{ShardId, Slot};
use crate::store::ShardStore;

/// Which shards some stores are of. In engines with more shards than it has bits it knows nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeldShards(u64);

impl HeldShards {
    /// Of these shards, in an engine with so many.
    pub(crate) fn of(shards: impl Iterator<Item = ShardId>, shard_count: u16) -> Self {
        let is_known = u32::from(shard_count) <= u64::BITS;
        Self(if is_known { shards.fold(0, |held, shard| held | 1 << shard.0) } else { 0 })
    }

    /// The place of a shard's store among them in ascending order of shards: whether it is there; none if that is not known.
    #[inline]
    fn place(self, shard: ShardId) -> Option<Option<usize>> {
        if self.0 == 0 {
            return None;
        }
        let is_there = self.0 >> shard.0 & 1 == 1;
        let before = self.0 & ((1 << shard.0) - 1);
        Some(is_there.then_some(before.count_ones() as usize))
    }
}

/// Keys of a command whose shards were found before it runs. Its handler mostly asks for the store of each in turn.
#[derive(Clone, Copy, Debug, Default)]
pub struct KnownKeys<'a> {
    /// The command's arguments from the next of these keys on, and after how many comes the one behind it.
    args: &'a [&'a [u8]],
    step: usize,
    /// Shards of the keys, and what else was found.
    found: &'a [(ShardId, u64)],
}

impl<'a> KnownKeys<'a> {
    /// Those among `args` at `first` and after each `step`, of which this was found, in order: perhaps not of the last ones.
    #[must_use]
    pub fn new(args: &'a [&'a [u8]], (first, step): (usize, usize), found: &'a [(ShardId, u64)]) -> Self {
        Self { args: args.get(first..).unwrap_or_default(), step, found }
    }

    /// The shard of `key`, if that is the next of them.
    #[inline]
    fn shard_of(&mut self, key: &[u8]) -> Option<ShardId> {
        let (&(shard, _), found) = self.found.split_first()?;
        if !self.args.first().is_some_and(|arg| std::ptr::eq(*arg, key)) {
            return None;
        }
        self.found = found;
        self.args = self.args.get(self.step..).unwrap_or_default();
        Some(shard)
    }
}

/// Stores of several shards, in ascending order.
#[derive(Debug)]
pub struct LentStores<'a> {
    stores: &'a mut [Box<ShardStore>],
    shard_count: u16,
    held: HeldShards,
    known: KnownKeys<'a>,
}

impl LentStores<'_> {
    /// Number of shards in the engine.
    #[inline]
    pub(crate) fn shard_count(&self) -> u16 {
        self.shard_count
    }

    /// Whether the stores of all shards are there.
    pub(crate) fn are_all(&self) -> bool {
        self.stores.len() == usize::from(self.shard_count)
    }

    /// The stores.
    pub fn as_mut_slice(&mut self) -> &mut [Box<ShardStore>] {
        self.stores
    }

    /// Exchanges the stores, and what is known of them, for as many others.
    pub(super) fn exchange(&mut self, others: &mut [Box<ShardStore>], held: &mut HeldShards) {
        self.stores.swap_with_slice(others);
        std::mem::swap(&mut self.held, held);
    }

    /// The first of them.
    pub(crate) fn first(&self) -> &ShardStore {
        &self.stores[0]
    }

    pub(crate) fn first_mut(&mut self) -> &mut ShardStore {
        &mut self.stores[0]
    }

    /// The store of a key, if it is there.
    #[inline]
    pub(super) fn of_key(&mut self, key: &[u8]) -> Option<&mut ShardStore> {
        let shard = self.known.shard_of(key).unwrap_or_else(|| Slot::of(key).shard(self.shard_count));
        self.of_shard(shard)
    }

    /// The store of `shard`, if it is there. No other store's memory is looked at: somebody else may have written it last.
    #[inline]
    pub(crate) fn of_shard(&mut self, shard: ShardId) -> Option<&mut ShardStore> {
        let place = match self.held.place(shard) {
            Some(place) => place,
            None => self.stores.iter().position(|store| store.id() == shard),
        };
        place.map(|at| &mut *self.stores[at])
    }
}

/// The stores an operation has in hand.
#[derive(Debug)]
pub enum Stores<'a> {
    /// The shard's own: all keys of the command live here. In its box, to be exchanged as such.
    One(&'a mut Box<ShardStore>),
    /// Those lent for this operation.
    Lent(LentStores<'a>),
}

impl<'a> Stores<'a> {
    /// Stores of an engine with so many shards, in ascending order of shard.
    #[must_use]
    pub fn of(stores: &'a mut [Box<ShardStore>], shard_count: u16) -> Self {
        match stores {
            [store] => Self::One(store),
            stores => Self::lent(stores, shard_count),
        }
    }

    /// The same as lent stores even if it is one.
    #[must_use]
    pub fn lent(stores: &'a mut [Box<ShardStore>], shard_count: u16) -> Self {
        let held = HeldShards::of(stores.iter().map(|store| store.id()), shard_count);
        Self::held(stores, shard_count, held)
    }

    /// The same of which it is known what shards they are of.
    #[inline]
    pub(crate) fn held(stores: &'a mut [Box<ShardStore>], shard_count: u16, held: HeldShards) -> Self {
        Self::Lent(LentStores { stores, shard_count, held, known: KnownKeys::default() })
    }

    /// The same for a command of which some keys are known.
    #[inline]
    pub(crate) fn knowing(mut self, known: KnownKeys<'a>) -> Self {
        if let Self::Lent(lent) = &mut self {
            lent.known = known;
        }
        self
    }
}

impl Stores<'_> {
    /// Lends these stores for a shorter time.
    pub(crate) fn reborrow(&mut self) -> Stores<'_> {
        match self {
            Self::One(store) => Stores::One(store),
            Self::Lent(LentStores { stores, shard_count, held, .. }) => {
                Stores::held(stores, *shard_count, *held)
            }
        }
    }

    /// The store of `shard`, if it is in hand.
    pub(crate) fn of_shard(&mut self, shard: ShardId) -> Option<&mut ShardStore> {
        match self {
            Self::One(store) => (store.id() == shard).then_some(&mut ***store),
            Self::Lent(lent) => lent.of_shard(shard),
        }
    }

    /// The stores in hand, ascending.
    #[inline]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [Box<ShardStore>] {
        match self {
            Self::One(store) => std::slice::from_mut(*store),
            Self::Lent(lent) => lent.stores,
        }
    }

    /// The shards whose stores are in hand.
    pub(crate) fn shards(&self) -> SmallVec<[ShardId; 8]> {
        match self {
            Self::One(store) => smallvec![store.id()],
            Self::Lent(lent) => lent.stores.iter().map(|store| store.id()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::CoreConfig;

    #[test]
    fn a_store_is_found_by_its_shard() {
        for shard_count in [3_u16, 64, 65, 300] {
            let ids: Vec<u16> = (0..shard_count).filter(|id| id % 3 != 1).collect();
            let config = || CoreConfig { database_count: 1, ..CoreConfig::default() };
            let mut boxed: Vec<_> =
                ids.iter().map(|&id| Box::new(ShardStore::new(ShardId(id), config(), 1))).collect();
            let mut stores = Stores::lent(&mut boxed, shard_count);
            for id in 0..shard_count {
                let found = stores.of_shard(ShardId(id)).map(|store| store.id());
                assert_eq!(found, ids.contains(&id).then_some(ShardId(id)));
            }
            assert_eq!(stores.reborrow().shards().len(), ids.len());
        }
    }

    /// Whichever keys are known, and in whatever order they are asked for, each has the store that it has without.
    #[test]
    fn a_key_has_the_same_store_if_its_shard_is_known() {
        let shard_count = 5;
        let names: Vec<String> = (0..40).map(|number| format!("key {number}")).collect();
        let args: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
        let mut boxed: Vec<_> = (0..shard_count)
            .map(|id| Box::new(ShardStore::new(ShardId(id), CoreConfig::default(), 1)))
            .collect();
        for (first, step) in [(0, 1), (1, 2), (3, 7), (40, 1), (50, 1)] {
            let named: Vec<&[u8]> = args.iter().skip(first).step_by(step).copied().collect();
            let shard_of = |key: &[u8]| Slot::of(key).shard(shard_count);
            let found: Vec<_> = named.iter().map(|key| (shard_of(key), 0)).collect();
            let copies: Vec<Vec<u8>> = named.iter().map(|key| key.to_vec()).collect();
            for found in [&found[..], &found[..found.len() / 2], &[]] {
                let in_turn = named.iter().copied().chain(named.iter().copied());
                let others = args.iter().copied().chain(copies.iter().map(|copy| &copy[..]));
                let mixed = args.iter().zip(&copies).flat_map(|(arg, copy)| [*arg, &copy[..]]);
                for keys in [in_turn.collect::<Vec<_>>(), others.collect(), mixed.collect()] {
                    let known = KnownKeys::new(&args, (first, step), found);
                    let Stores::Lent(mut lent) = Stores::lent(&mut boxed, shard_count).knowing(known) else {
                        unreachable!("they are several");
                    };
                    for key in keys {
                        assert_eq!(lent.of_key(key).unwrap().id(), shard_of(key));
                    }
                }
            }
        }
    }
}
