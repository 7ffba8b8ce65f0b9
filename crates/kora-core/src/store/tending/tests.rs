use std::any::Any;

use super::*;
use crate::config::CoreConfig;
use crate::entry::data_type::DataType;
use crate::entry::object::Object;
use crate::entry::{Account, Encoding};
use crate::journal::Journal;
use crate::slot::ShardId;

/// Wants so many slices, of which each is due when the value was not used for 10 milliseconds.
#[derive(Clone, Debug)]
struct Needy(usize, Account);

impl Object for Needy {
    fn data_type(&self) -> &'static DataType {
        &crate::types::list::DATA_TYPE
    }
    fn encoding(&self) -> Encoding {
        Encoding::Raw
    }
    fn size(&self) -> usize {
        1
    }
    fn memory_bytes(&self) -> usize {
        0
    }
    fn account(&self) -> &Account {
        &self.1
    }
    fn account_mut(&mut self) -> &mut Account {
        &mut self.1
    }
    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }
    fn free_effort(&self) -> usize {
        1
    }
    fn free_some(&mut self, _: usize) -> usize {
        0
    }
    fn tend(&mut self, quiet_ms: i64) -> Option<i64> {
        if quiet_ms < 10 {
            return Some(10 - quiet_ms);
        }
        self.0 -= 1;
        (self.0 > 0).then_some(0)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

struct World {
    store: ShardStore,
    journal: Journal,
}

impl World {
    fn name(&mut self, key: &[u8], now: i64) {
        Keyspace::new(&mut self.store, &mut self.journal, DbIndex(0), UnixMs(now), false).tend_later(key);
    }

    fn sweep(&mut self, now: i64) -> usize {
        self.store.sweep(&mut self.journal, UnixMs(now), 100).examined
    }

    fn left(&self, key: &[u8]) -> usize {
        let object = self.store.peek(DbIndex(0), key).and_then(|entry| entry.as_object());
        object.and_then(|object| object.as_any().downcast_ref::<Needy>()).map_or(0, |needy| needy.0)
    }
}

#[test]
fn values_are_looked_after_while_they_want_it_and_are_at_rest() {
    let store = ShardStore::new(ShardId(0), CoreConfig::default(), 1);
    let mut world = World { store, journal: Journal::default() };
    for (key, slices) in [(b"a", 3), (b"b", 1)] {
        let mut keyspace = Keyspace::new(&mut world.store, &mut world.journal, DbIndex(0), UnixMs(0), false);
        keyspace.add_object(key, Box::new(Needy(slices, Account::default())));
        keyspace.tend_later(key);
    }
    world.name(b"gone", 0);
    assert_eq!(world.store.next_due(), Some(UnixMs(0)));
    // Each says when; what is not there is forgotten.
    (0..3).for_each(|_| assert_eq!(world.sweep(0), 1));
    assert_eq!((world.sweep(0), world.store.next_due()), (0, Some(UnixMs(10))));
    world.name(b"a", 8);
    for _ in 0..3 {
        world.sweep(10);
    }
    assert_eq!((world.left(b"a"), world.left(b"b")), (3, 0), "one was used again");
    for now in 18..21 {
        assert_eq!(world.sweep(now), 1);
    }
    assert_eq!((world.left(b"a"), world.store.next_due()), (0, None));
}

#[test]
fn no_more_keys_are_remembered_than_may_be() {
    let mut world =
        World { store: ShardStore::new(ShardId(0), CoreConfig::default(), 1), journal: Journal::default() };
    (0..1000_u32).for_each(|number| world.name(&number.to_le_bytes(), 0));
    assert_eq!(world.store.tending.0.len(), KEYS_MAX);
}
