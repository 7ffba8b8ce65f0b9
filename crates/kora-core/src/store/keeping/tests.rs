use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use super::Keep;
use crate::command::testing::BareShard;
use crate::db::DbIndex;
use crate::entry::{Entry, Kind};
use crate::hash::splitmix64;
use crate::store::ShardStore;
use crate::store::companion::{Changed, Companion};

const DB: DbIndex = DbIndex(0);

/// Follows, and keeps no book.
#[derive(Debug)]
struct Follower;

impl Companion for Follower {
    fn catch_up(&mut self, _: &mut ShardStore, _: Changed) {}
}

#[derive(Debug)]
struct Kept {
    sizes: BTreeMap<Vec<u8>, usize>,
    is_wanted: &'static AtomicBool,
}

impl Keep for Kept {
    fn before_change(&mut self, entry: &Entry) {
        self.sizes.entry(entry.key().to_vec()).or_insert_with(|| entry.size());
    }

    fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed)
    }
}

fn followed() -> BareShard {
    let mut shard = BareShard::new();
    let follows: fn(Kind) -> bool = |kind| kind == Kind::Hash;
    shard.store.accompany(Box::new(Follower), DB, (follows, Arc::default()));
    shard
}

fn keep(is_wanted: &'static AtomicBool) -> Box<Kept> {
    Box::new(Kept { sizes: BTreeMap::new(), is_wanted })
}

fn sizes(shard: &BareShard) -> BTreeMap<Vec<u8>, usize> {
    let (mut sizes, mut cursor) = (BTreeMap::new(), 0);
    loop {
        cursor = shard.store.show_entries(DB, cursor, 10, &mut |entry| {
            if entry.kind() == Kind::Hash {
                sizes.insert(entry.key().to_vec(), entry.size());
            }
        });
        if cursor == 0 {
            return sizes;
        }
    }
}

/// Whatever happens to keys, what was kept and what has not changed is what there was.
#[test]
fn what_is_kept_is_of_the_moment() {
    static WANTED: AtomicBool = AtomicBool::new(true);
    let mut state = 1;
    let mut random = |limit: u64| splitmix64(&mut state) % limit;
    for _ in 0..200 {
        let mut shard = followed();
        let mut change = |shard: &mut BareShard| {
            let (key, other, field) = (random(6), random(6), random(4));
            let line = match random(9) {
                0 => format!("DEL {key}"),
                1 => format!("HDEL {key} {field}"),
                2 => format!("RENAME {key} {other}"),
                3 => format!("COPY {key} {other} REPLACE"),
                4 => format!("SET {key} text"),
                5 => "SWAPDB 1 2".to_owned(),
                6 => format!("HPEXPIRE {key} 0 FIELDS 1 {field}"),
                _ => format!("HSET {key} {field} {}", "v".repeat(1 + usize::try_from(field).unwrap())),
            };
            shard.run(&line);
        };
        (0..20).for_each(|_| change(&mut shard));
        let before = sizes(&shard);
        let id = shard.store.begin_keeping(DB, keep(&WANTED)).unwrap();
        (0..20).for_each(|_| change(&mut shard));
        let now = sizes(&shard);
        let kept = &shard.store.kept::<Kept>(DB, id).unwrap().sizes;
        for (key, size) in &before {
            assert_eq!(kept.get(key).or(now.get(key)), Some(size));
        }
        shard.store.end_keeping(DB, id);
        assert_eq!(shard.store.keep_count(DB), 0);
    }
}

#[test]
fn nothing_is_kept_of_keys_that_were_all_replaced() {
    static WANTED: AtomicBool = AtomicBool::new(true);
    for line in ["FLUSHDB", "FLUSHALL", "SWAPDB 0 1"] {
        let mut shard = followed();
        shard.run("HSET key field value");
        let id = shard.store.begin_keeping(DB, keep(&WANTED)).unwrap();
        shard.run("DEL key");
        assert!(shard.store.kept::<Kept>(DB, id).is_some());
        shard.run("HSET key field value");
        shard.run(line);
        assert!(shard.store.kept::<Kept>(DB, id).is_none(), "{line}");
    }
}

#[test]
fn nothing_is_kept_that_nobody_wants() {
    static WANTED: LazyLock<AtomicBool> = LazyLock::new(|| AtomicBool::new(true));
    let mut shard = followed();
    shard.run("HSET key field value");
    shard.store.begin_keeping(DB, keep(&WANTED)).unwrap();
    assert!(BareShard::new().store.begin_keeping(DB, keep(&WANTED)).is_none(), "nobody follows");
    WANTED.store(false, Ordering::Relaxed);
    shard.run("HSET key field other");
    assert_eq!(shard.store.keep_count(DB), 0);
}
