use std::collections::HashSet;

use super::pool::{Candidate, POOL_LEN, Pool};
use super::{Eviction, EvictionOrder, EvictionScope};
use crate::config::{CoreConfig, EvictionConfig, Tracking};
use crate::db::DbIndex;
use crate::entry::Ttl;
use crate::journal::Journal;
use crate::slot::ShardId;
use crate::store::{Keyspace, ShardStore};
use crate::time::UnixMs;

/// A store under one policy.
struct Fixture {
    store: ShardStore,
    journal: Journal,
    now: UnixMs,
}

impl Fixture {
    fn new(scope: EvictionScope, order: EvictionOrder) -> Self {
        let tracking = if order == EvictionOrder::Lfu { Tracking::Lfu } else { Tracking::Lru };
        let eviction = EvictionConfig { scope, order, samples: 5 };
        let config = CoreConfig { eviction, tracking, ..CoreConfig::default() };
        let mut journal = Journal::default();
        journal.set_recording(true);
        journal.set_event_mask(u32::MAX);
        Self { store: ShardStore::new(ShardId(0), config, 7), journal, now: UnixMs(1_000_000_000) }
    }

    fn keyspace(&mut self, db: u16) -> Keyspace<'_> {
        Keyspace::new(&mut self.store, &mut self.journal, DbIndex(db), self.now, false)
    }

    /// Sets a key that lives for so long, or for ever.
    fn set(&mut self, db: u16, key: u32, ttl_ms: Option<i64>) {
        let ttl = ttl_ms.map_or(Ttl::Clear, |ttl_ms| Ttl::At(UnixMs(self.now.0 + ttl_ms)));
        self.keyspace(db).set_string(&key.to_be_bytes(), b"value", ttl);
    }

    fn read(&mut self, key: u32) {
        assert!(self.keyspace(0).read(&key.to_be_bytes()).is_some());
    }

    fn pass(&mut self, ms: i64) {
        self.now.0 += ms;
    }

    /// Evicts so many keys, and tells those that went.
    fn evict(&mut self, count: usize) -> Vec<u32> {
        self.journal.take_effects();
        for _ in 0..count {
            while self.store.evict(&mut self.journal, self.now) == Eviction::Pending {}
        }
        let effects = self.journal.take_effects();
        let key = |arg: &[u8]| u32::from_be_bytes(arg.try_into().expect("keys are of four bytes"));
        effects
            .iter()
            .map(|effect| {
                assert_eq!(&*effect.args[0], b"DEL");
                key(&effect.args[1])
            })
            .collect()
    }
}

/// How many of `keys` are in a range.
fn share(keys: &[u32], range: std::ops::Range<u32>) -> f64 {
    let count = keys.iter().filter(|key| range.contains(key)).count();
    f64::from(u32::try_from(count).unwrap()) / f64::from(u32::try_from(keys.len()).unwrap())
}

#[test]
fn the_least_recently_used_go_first() {
    let mut fixture = Fixture::new(EvictionScope::AllKeys, EvictionOrder::Lru);
    for key in 0..10_000 {
        fixture.set(0, key, None);
        fixture.pass(10);
    }
    (0..1000).for_each(|key| fixture.read(key));
    let gone = fixture.evict(3000);
    assert!(share(&gone, 0..1000) < 0.001, "keys that were read again went");
    let oldest = share(&gone, 1000..5000);
    assert!(oldest > 0.95, "only {oldest} of the evicted are of the 4000 least recently used");
}

#[test]
fn the_least_frequently_used_go_first() {
    let mut fixture = Fixture::new(EvictionScope::AllKeys, EvictionOrder::Lfu);
    (0..10_000).for_each(|key| fixture.set(0, key, None));
    for _ in 0..50 {
        (0..5000).for_each(|key| fixture.read(key));
    }
    let gone = fixture.evict(4000);
    assert!(share(&gone, 5000..10_000) > 0.999);
}

#[test]
fn the_nearest_deadlines_go_first() {
    let mut fixture = Fixture::new(EvictionScope::Volatile, EvictionOrder::Ttl);
    for key in 0..10_000 {
        fixture.set(0, key, (key % 2 == 0).then(|| 100_000 + i64::from(key)));
    }
    let gone = fixture.evict(1000);
    assert!(gone.iter().all(|key| key % 2 == 0), "a key without a deadline went");
    assert!(share(&gone, 0..4000) > 0.95);
}

#[test]
fn any_key_is_as_likely_to_go() {
    for scope in [EvictionScope::AllKeys, EvictionScope::Volatile] {
        let mut fixture = Fixture::new(scope, EvictionOrder::Random);
        (0..10_000).for_each(|key| fixture.set(0, key, Some(100_000)));
        let gone = fixture.evict(5000);
        assert!((0.47..0.53).contains(&share(&gone, 0..5000)));
    }
}

#[test]
fn what_was_used_since_it_was_found_stays() {
    let mut fixture = Fixture::new(EvictionScope::AllKeys, EvictionOrder::Lru);
    (0..5).for_each(|key| fixture.set(0, key, None));
    fixture.pass(60_000);
    // This try leaves the other four in the pool.
    let gone = fixture.evict(1);
    let kept: Vec<u32> = (0..5).filter(|key| !gone.contains(key)).collect();
    fixture.pass(60_000);
    fixture.read(kept[3]);
    let gone: HashSet<u32> = fixture.evict(3).into_iter().collect();
    assert_eq!(gone, kept[..3].iter().copied().collect());
}

#[test]
fn all_databases_are_emptied_and_each_key_is_reported() {
    for order in [EvictionOrder::Lru, EvictionOrder::Lfu, EvictionOrder::Random] {
        let mut fixture = Fixture::new(EvictionScope::AllKeys, order);
        for key in 0..300 {
            fixture.set(u16::try_from(key % 3).unwrap() * 7, key, None);
        }
        fixture.journal.take_events();
        let changes = fixture.journal.changes();
        let mut gone = fixture.evict(300);
        gone.sort_unstable();
        assert_eq!(gone, (0..300).collect::<Vec<_>>());
        assert_eq!(fixture.store.evict(&mut fixture.journal, fixture.now), Eviction::Nothing);
        assert_eq!((fixture.store.stats().evicted, fixture.store.evictable()), (300, 0));
        assert_eq!(fixture.journal.changes() - changes, 300);
        let events = fixture.journal.take_events();
        assert!(events.len() == 300 && events.iter().all(|event| event.name == "evicted"));
    }
}

#[test]
fn a_few_keys_with_a_deadline_are_found_among_many() {
    for order in [EvictionOrder::Lru, EvictionOrder::Ttl, EvictionOrder::Random] {
        let mut fixture = Fixture::new(EvictionScope::Volatile, order);
        (0..50_000).for_each(|key| fixture.set(0, key, None));
        (50_000..50_003).for_each(|key| fixture.set(0, key, Some(100_000)));
        let mut gone = fixture.evict(3);
        gone.sort_unstable();
        assert_eq!(gone, [50_000, 50_001, 50_002]);
        assert_eq!(fixture.store.evict(&mut fixture.journal, fixture.now), Eviction::Nothing);
    }
}

#[test]
fn an_expired_key_goes_as_expired() {
    let mut fixture = Fixture::new(EvictionScope::AllKeys, EvictionOrder::Lfu);
    fixture.set(0, 1, Some(10));
    fixture.set(0, 2, None);
    fixture.pass(11);
    assert_eq!(fixture.evict(1), [1]);
    let stats = fixture.store.stats();
    assert_eq!((stats.expired, stats.evicted), (1, 0));
}

#[test]
fn no_policy_no_eviction() {
    let mut fixture = Fixture::new(EvictionScope::Nothing, EvictionOrder::Lru);
    fixture.set(0, 1, Some(1000));
    assert_eq!(fixture.store.evict(&mut fixture.journal, fixture.now), Eviction::Nothing);
}

#[test]
fn the_pool_keeps_the_best_in_order_and_each_once() {
    let candidate = |score, hash| Candidate { score, hash, db: DbIndex(0) };
    let mut pool = Pool::default();
    for number in 0..40 {
        pool.offer(candidate(number * 7 % 40, number));
    }
    assert!(!pool.takes(24) && pool.takes(25));
    // The one with score 39 is worth more now.
    let best = *pool.best_first().next().unwrap();
    pool.offer(candidate(30, best.hash));
    let scores: Vec<u64> = std::iter::from_fn(|| pool.take_best()).map(|kept| kept.score).collect();
    assert_eq!(scores.len(), POOL_LEN);
    assert_eq!(scores, [38, 37, 36, 35, 34, 33, 32, 31, 30, 30, 29, 28, 27, 26, 25, 24]);
}
