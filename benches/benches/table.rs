//! The keyspace's table against segments of `hashbrown::HashTable`: the same entries, hasher and allocator.
//!
//! `cargo bench -p kora-benches --bench table`. The alternative divides keys by bits of their hash into as many
//! tables as keep each within a few hundred entries, so that it too never re-places more at once.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hashbrown::HashTable;
use kora_core::config::CoreConfig;
use kora_core::db::DbIndex;
use kora_core::entry::{Entry, Ttl};
use kora_core::hash::{KeyHasher, hash_key, key_hasher};
use kora_core::journal::Journal;
use kora_core::slot::ShardId;
use kora_core::store::{Keyspace, ShardStore};
use kora_core::time::UnixMs;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const VALUE: &[u8] = b"0123456789abcdef";
const COUNTS: [u64; 2] = [10_000, 1_000_000];
/// Entries of an alternative segment, on average, once all keys are there.
const SEGMENT_LEN: u64 = 400;

/// What both tables do.
trait Keys: Default {
    const NAME: &str;
    /// An empty table; one that can't grow well makes room for `count` keys.
    fn for_count(count: u64) -> Self;
    fn insert(&mut self, key: &[u8]);
    fn contains(&mut self, key: &[u8]) -> bool;
}

struct Kora {
    store: ShardStore,
    journal: Journal,
}

impl Default for Kora {
    fn default() -> Self {
        Self { store: ShardStore::new(ShardId(0), CoreConfig::default(), 1), journal: Journal::default() }
    }
}

impl Kora {
    fn keyspace(&mut self) -> Keyspace<'_> {
        Keyspace::new(&mut self.store, &mut self.journal, DbIndex(0), UnixMs(1_000_000), true)
    }
}

impl Keys for Kora {
    const NAME: &str = "kora";
    fn for_count(_: u64) -> Self {
        Self::default()
    }
    fn insert(&mut self, key: &[u8]) {
        self.keyspace().set_string(key, VALUE, Ttl::Clear);
    }
    fn contains(&mut self, key: &[u8]) -> bool {
        self.keyspace().peek(key).is_some()
    }
}

struct Hashbrown {
    segments: Vec<HashTable<Entry>>,
    hasher: KeyHasher,
}

impl Default for Hashbrown {
    fn default() -> Self {
        Self { segments: vec![HashTable::new()], hasher: key_hasher(1) }
    }
}

impl Hashbrown {
    fn locate(&mut self, key: &[u8]) -> (u64, &mut HashTable<Entry>, &KeyHasher) {
        let hash = hash_key(&self.hasher, key);
        // `HashTable` tags by the highest bits and places by the lowest: those in between divide the keys.
        let at = (u128::from(hash.rotate_left(32)) * self.segments.len() as u128) >> 64;
        (hash, &mut self.segments[usize::try_from(at).unwrap_or(0)], &self.hasher)
    }
}

impl Keys for Hashbrown {
    const NAME: &str = "hashbrown";
    fn for_count(count: u64) -> Self {
        let segments = (0..count.div_ceil(SEGMENT_LEN)).map(|_| HashTable::new()).collect();
        Self { segments, ..Self::default() }
    }
    fn insert(&mut self, key: &[u8]) {
        let (hash, table, hasher) = self.locate(key);
        if table.find(hash, |entry| entry.key() == key).is_none() {
            let entry = Entry::new_string(key, VALUE, None);
            table.insert_unique(hash, entry, |entry| hash_key(hasher, entry.key()));
        }
    }
    fn contains(&mut self, key: &[u8]) -> bool {
        let (hash, table, _) = self.locate(key);
        table.find(hash, |entry| entry.key() == key).is_some_and(|entry| !entry.is_expired(UnixMs(0)))
    }
}

/// 16 bytes for key number `number`, in an order that caches can't follow.
fn key(number: u64, count: u64) -> [u8; 16] {
    let mut key = *b"key:....:.......";
    key[4..12].copy_from_slice(&(number.wrapping_mul(0x9E37_79B1) % count).to_be_bytes());
    key
}

fn compare<K: Keys>(criterion: &mut Criterion) {
    for count in COUNTS {
        let mut group = criterion.benchmark_group("table");
        group.sample_size(10).throughput(Throughput::Elements(count));
        let fill = || {
            let mut keys = K::for_count(count);
            (0..count).for_each(|number| keys.insert(&key(number, count)));
            keys
        };
        group.bench_function(BenchmarkId::new(format!("insert/{}", K::NAME), count), |bencher| {
            bencher.iter_with_large_drop(fill);
        });
        let mut keys = fill();
        group.bench_function(BenchmarkId::new(format!("get/{}", K::NAME), count), |bencher| {
            bencher
                .iter(|| (0..count).filter(|&number| black_box(keys.contains(&key(number, count)))).count());
        });
        group.bench_function(BenchmarkId::new(format!("miss/{}", K::NAME), count), |bencher| {
            bencher.iter(|| (0..count).filter(|&n| black_box(keys.contains(&key(n, count)[1..]))).count());
        });
    }
}

criterion_group!(benches, compare::<Kora>, compare::<Hashbrown>);
criterion_main!(benches);
