//! Bytes per key, processor time per operation and longest pause of the keyspace, under the allocator of the server.
//!
//! `cargo run --release -p kora-benches --example keyspace_figures -- memory|time|pause`
#![expect(clippy::print_stdout, reason = "a table of figures is what it is for")]

use std::time::Duration;

use kora_core::config::CoreConfig;
use kora_core::db::DbIndex;
use kora_core::entry::Ttl;
use kora_core::journal::Journal;
use kora_core::slot::ShardId;
use kora_core::store::{Keyspace, ShardStore};
use kora_core::time::UnixMs;
use rustix::time::{ClockId, clock_gettime};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const DB: DbIndex = DbIndex(0);
const NOW: UnixMs = UnixMs(1_000_000);

/// One shard with its journal.
struct Shard {
    store: ShardStore,
    journal: Journal,
}

impl Shard {
    fn new() -> Self {
        Self { store: ShardStore::new(ShardId(0), CoreConfig::default(), 1), journal: Journal::default() }
    }

    fn keyspace(&mut self) -> Keyspace<'_> {
        Keyspace::new(&mut self.store, &mut self.journal, DB, NOW, false)
    }

    fn set(&mut self, number: u64, value: &[u8]) {
        self.keyspace().set_string(&key(number), value, Ttl::Clear);
    }

    fn has(&mut self, number: u64) -> bool {
        self.keyspace().read(&key(number)).is_some()
    }
}

/// Processor time of this thread: what other processes do meanwhile does not count.
#[derive(Clone, Copy)]
struct CpuTime(Duration);

impl CpuTime {
    fn now() -> Self {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        Self(Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0)))
    }

    fn elapsed(self) -> Duration {
        Self::now().0 - self.0
    }
}

/// The 16 bytes of key number `number`.
fn key(number: u64) -> [u8; 16] {
    let mut key = *b"key:000000000000";
    let mut rest = number;
    for digit in key[4..].iter_mut().rev() {
        *digit = b'0' + (rest % 10).to_le_bytes()[0];
        rest /= 10;
    }
    key
}

/// Resident memory of this process in bytes.
fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}

fn memory() {
    let shapes: [(&str, u64, &[u8], Ttl); 5] = [
        ("16 + 16", 1_000_000, b"0123456789abcdef", Ttl::Clear),
        ("16 + integer", 1_000_000, b"12345678", Ttl::Clear),
        ("16 + 64", 1_000_000, &[b'v'; 64], Ttl::Clear),
        ("16 + 1024", 300_000, &[b'v'; 1024], Ttl::Clear),
        ("16 + 16 + deadline", 1_000_000, b"0123456789abcdef", Ttl::At(UnixMs(1 << 50))),
    ];
    let only = std::env::args().nth(2);
    for (name, count, value, ttl) in shapes {
        if only.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let before = resident_bytes();
        let mut shard = Shard::new();
        for number in 0..count {
            shard.keyspace().set_string(&key(number), value, ttl);
        }
        let count = usize::try_from(count).unwrap_or(1);
        let resident = (resident_bytes() - before).div_ceil(count);
        let table = shard.store.database(DB).table_bytes().div_ceil(count);
        println!("{name:20} {resident:5} bytes per key resident, {table:3} of them the table");
        std::mem::forget(shard);
    }
}

/// `number`, below `count`, in an order that caches can't follow.
fn shuffle(number: u64, count: u64) -> u64 {
    number.wrapping_mul(0x9E37_79B1) % count
}

/// Looks all keys up in batches as a server does: buckets first, then entries, then the commands.
fn get_batched(shard: &mut Shard, count: u64) -> usize {
    const BATCH: u64 = 16;
    const BATCH_LEN: usize = 16;
    let mut found = 0;
    let mut hashes = [0; BATCH_LEN];
    for first in (0..count).step_by(BATCH_LEN) {
        let numbers = || (first..count.min(first + BATCH)).map(|number| shuffle(number, count));
        for (hash, number) in hashes.iter_mut().zip(numbers()) {
            *hash = shard.store.prefetch_bucket(DB, &key(number));
        }
        for (hash, _) in hashes.iter().zip(numbers()) {
            shard.store.prefetch_entry(DB, *hash);
        }
        found += numbers().filter(|&number| shard.keyspace().read(&key(number)).is_some()).count();
    }
    found
}

/// Nanoseconds per key of `round`, which handles `count` keys, over a few million of them.
fn measured(count: u64, mut round: impl FnMut()) -> f64 {
    let rounds = (4_000_000 / count).max(1);
    let start = CpuTime::now();
    (0..rounds).for_each(|_| round());
    start.elapsed().as_secs_f64() * 1e9 / (count * rounds) as f64
}

fn time() {
    for count in [1_000, 100_000, 1_000_000, 4_000_000] {
        let insert = measured(count, || {
            let mut shard = Shard::new();
            (0..count).for_each(|number| shard.set(number, b"0123456789abcdef"));
            std::mem::forget(shard);
        });
        let mut shard = Shard::new();
        (0..count).for_each(|number| shard.set(number, b"0123456789abcdef"));
        let keys = |shard: &mut Shard, present: u64| {
            let numbers = (0..count).map(|number| shuffle(number, count));
            assert_eq!(numbers.filter(|number| shard.has(number + count - present)).count() as u64, present);
        };
        let get = measured(count, || keys(&mut shard, count));
        let miss = measured(count, || keys(&mut shard, 0));
        let batched = measured(count, || assert_eq!(get_batched(&mut shard, count) as u64, count));
        let set = measured(count, || {
            (0..count).for_each(|number| shard.set(shuffle(number, count), b"fedcba9876543210"));
        });
        println!(
            "{count:9} keys: insert {insert:6.1}, get {get:6.1}, prefetched {batched:6.1}, miss {miss:6.1}, set {set:6.1} ns"
        );
        std::mem::forget(shard);
    }
}

fn pause() {
    let mut shard = Shard::new();
    let mut longest = Vec::new();
    for number in 0..20_000_000 {
        let key = key(number);
        let start = CpuTime::now();
        shard.keyspace().set_string(&key, b"v", Ttl::Clear);
        let elapsed = start.elapsed();
        if elapsed > Duration::from_micros(200) {
            longest.push((elapsed, number));
        }
    }
    longest.sort_unstable();
    longest.reverse();
    longest.truncate(10);
    println!("longest inserts while growing to 20 M keys: {longest:?}");
    let start = CpuTime::now();
    let count = shard.keyspace().clear();
    println!("clearing {count} keys: {:?}", start.elapsed());
    let mut slowest = Duration::ZERO;
    loop {
        let start = CpuTime::now();
        let is_left = shard.store.free_some(200);
        slowest = slowest.max(start.elapsed());
        if !is_left {
            break;
        }
    }
    println!("longest round of freeing 200 entries: {slowest:?}");
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("memory") => memory(),
        Some("time") => time(),
        Some("pause") => pause(),
        _ => println!("usage: keyspace_figures memory [SHAPE] | time | pause"),
    }
}
