use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::segment::{Segment, WIDTH_MAX, capacity, wider, width_for};
use super::{Directory, PLACE_BITS, Table};
use crate::entry::Entry;
use crate::hash::{KeyHasher, hash_key, key_hasher, splitmix64};

/// A table with the hasher of its keys.
struct Fixture {
    table: Table,
    hasher: KeyHasher,
}

impl Fixture {
    fn new(seed: u64) -> Self {
        Self { table: Table::default(), hasher: key_hasher(seed) }
    }

    fn insert(&mut self, number: u32) {
        let key = number.to_be_bytes();
        let hash = hash_key(&self.hasher, &key);
        self.table.insert(hash, Entry::new_string(&key, b"", None), &self.hasher);
    }

    fn contains(&self, number: u32) -> bool {
        let key = number.to_be_bytes();
        self.table.find(hash_key(&self.hasher, &key), &key).is_some()
    }

    fn remove(&mut self, number: u32) -> bool {
        let key = number.to_be_bytes();
        let hash = hash_key(&self.hasher, &key);
        let Some(position) = self.table.find(hash, &key) else { return false };
        assert_eq!(self.table.remove(position, hash, &self.hasher).key(), key);
        true
    }

    /// One step of a scan: what it visited and where it goes on.
    fn scan(&self, cursor: u64, count: usize) -> (Vec<u32>, u64) {
        let mut visited = Vec::new();
        let next = self.table.scan(cursor, count, &self.hasher, &mut |entry| visited.push(number_of(entry)));
        (visited, next)
    }

    fn scan_all(&self, count: usize) -> Vec<u32> {
        let (mut all, mut cursor) = (Vec::new(), 0);
        loop {
            let (visited, next) = self.scan(cursor, count);
            all.extend(visited);
            cursor = next;
            if cursor == 0 {
                return all;
            }
        }
    }
}

fn number_of(entry: &Entry) -> u32 {
    u32::from_be_bytes(entry.key().try_into().expect("keys of these tests have four bytes"))
}

/// Everything the directory promises.
fn check(directory: &Directory) {
    let buckets: usize = directory.segments.iter().map(Segment::width).sum();
    assert_eq!(directory.buckets, buckets, "the buckets are those of all segments");
    directory.slots.check(directory.segments.iter().map(|segment| (segment.prefix, segment.depth)));
    assert!(directory.segments.iter().all(|segment| segment.len() <= capacity(segment.width())));
}

#[test]
fn an_empty_table_allocates_nothing_and_a_key_little() {
    let mut fixture = Fixture::new(1);
    assert_eq!(fixture.table.memory_bytes(), 0);
    assert!(!fixture.contains(1));
    assert_eq!(fixture.scan(0, 10), (vec![], 0));
    fixture.insert(1);
    assert!(fixture.table.memory_bytes() < 256, "{}", fixture.table.memory_bytes());
    assert!(fixture.remove(1));
    assert_eq!(fixture.table.memory_bytes(), 0);
}

#[test]
fn widths_grow_by_a_half_or_a_third() {
    let mut width = 1;
    let mut widths = vec![width];
    while width < WIDTH_MAX {
        width = wider(width);
        widths.push(width);
    }
    assert_eq!(widths, [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]);
    for len in 0..2000 {
        assert!(capacity(width_for(len)) >= len);
    }
}

#[test]
fn every_size_up_and_down_keeps_all_keys() {
    const COUNT: u32 = 3000;
    let mut fixture = Fixture::new(2);
    for number in 0..COUNT {
        fixture.insert(number);
        assert_eq!(fixture.table.len(), number as usize + 1);
        assert!(fixture.contains(number) && !fixture.contains(number + 1));
        if number % 16 == 0 {
            check(&fixture.table.directory);
            assert!((0..=number).all(|number| fixture.contains(number)));
        }
    }
    let full_bytes = fixture.table.memory_bytes();
    for number in 0..COUNT {
        assert!(fixture.remove(number) && !fixture.remove(number));
        if number % 16 == 0 {
            check(&fixture.table.directory);
            assert!((number + 1..COUNT).all(|number| fixture.contains(number)));
        }
        if number == COUNT * 9 / 10 {
            assert!(fixture.table.memory_bytes() * 4 < full_bytes, "emptied by 90 %, memory comes back");
        }
    }
    assert_eq!(fixture.table.memory_bytes(), 0);
}

#[test]
fn memory_per_key_stays_small_at_any_size() {
    let mut fixture = Fixture::new(3);
    for number in 0..40_000 {
        fixture.insert(number);
        if number >= 2000 && number % 500 == 0 {
            let bytes_per_key = fixture.table.memory_bytes() / number as usize;
            assert!(bytes_per_key < 17, "{bytes_per_key} bytes per key at {number}");
        }
    }
}

#[test]
fn a_scan_visits_each_key_once_at_any_size_and_count() {
    let mut fixture = Fixture::new(4);
    for number in 0..2000 {
        fixture.insert(number);
        if number < 100 || number % 50 == 0 {
            for count in [1, 7, 10_000] {
                let mut visited = fixture.scan_all(count);
                visited.sort_unstable();
                assert!(visited.iter().copied().eq(0..=number), "{number} keys, count {count}");
            }
        }
    }
}

#[test]
fn cursors_leave_room_for_the_shard() {
    let mut fixture = Fixture::new(5);
    (0..5000).for_each(|number| fixture.insert(number));
    let (mut cursor, mut previous) = (0, 0);
    loop {
        cursor = fixture.scan(cursor, 1).1;
        assert!(cursor < 1 << PLACE_BITS);
        if cursor == 0 {
            break;
        }
        assert!(cursor > previous);
        previous = cursor;
    }
    for wild in [1 << PLACE_BITS, (1 << PLACE_BITS) + 5, u64::MAX] {
        assert_eq!(fixture.scan(wild, 10), (vec![], 0));
    }
}

#[test]
fn random_choice_is_even() {
    const COUNT: u32 = 700;
    let mut fixture = Fixture::new(6);
    (0..COUNT).for_each(|number| fixture.insert(number));
    let mut drawn = BTreeMap::<u32, u32>::new();
    let mut state = 7;
    for _ in 0..COUNT * 200 {
        let position = fixture.table.random(|| splitmix64(&mut state)).expect("the table is not empty");
        *drawn.entry(number_of(fixture.table.entry(position))).or_default() += 1;
    }
    // 200 expected, standard deviation 14: six of them on either side.
    assert_eq!(drawn.len(), COUNT as usize);
    assert!(drawn.values().all(|&count| (115..285).contains(&count)), "{drawn:?}");
}

/// Keys whose hashes agree in all bits that place them must not make the directory grow without end.
#[test]
fn colliding_keys_are_kept_and_found() {
    let mut table = Table::default();
    let hasher = key_hasher(8);
    let mut hashes = BTreeMap::new();
    let directory = &mut table.directory;
    for number in 0..3000u32 {
        let hash = 0xABCD_EF01_2340_0000 | u64::from(number);
        let place = super::Place::of(hash);
        let mut segment = directory.locate_or_create(place);
        // As in `insert`, but an enlargement would compute true hashes: widen by hand where no split may help.
        if directory.segments[segment as usize].is_full() {
            let old = directory.take(segment);
            let (prefix, depth, width) = (old.prefix, old.depth, wider(old.width()));
            let entries =
                old.into_entries(&hasher).into_iter().map(|(_, entry)| (hashes[&number_of(&entry)], entry));
            let wide = super::Segment::with_entries(prefix, depth, width, entries);
            directory.segments[segment as usize] = wide;
            segment = directory.locate_or_create(place);
        }
        hashes.insert(number, hash);
        directory.segments[segment as usize]
            .insert(hash, Entry::new_string(&number.to_be_bytes(), b"", None));
    }
    for (number, &hash) in &hashes {
        let key = number.to_be_bytes();
        let spot = directory.segments[0].find(hash, |entry| entry.key() == key).expect("it was inserted");
        assert_eq!(directory.segments[0].remove(spot, hash).key(), key);
    }
    assert_eq!(directory.segments[0].len(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    /// Adds so many keys after the last one.
    Grow(u16),
    /// Removes every key but those that stay and one in so many.
    Shrink(u8),
    /// Replaces so many keys by others.
    Churn(u8),
    /// Goes on with the scan.
    Scan(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..1500u16).prop_map(Step::Grow),
        (1..20u8).prop_map(Step::Shrink),
        any::<u8>().prop_map(Step::Churn),
        (1..60u8).prop_map(Step::Scan),
        (1..60u8).prop_map(Step::Scan),
        (1..60u8).prop_map(Step::Scan),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// SCAN's guarantee: what is present throughout is visited exactly once, whatever else happens.
    #[test]
    fn a_scan_misses_nothing_while_the_table_changes(
        steady in 0..800u32,
        steps in prop::collection::vec(step(), 0..60),
        seed: u64,
    ) {
        let mut fixture = Fixture::new(seed);
        (0..steady).for_each(|number| fixture.insert(number));
        let mut passing = BTreeSet::new();
        let mut next_number = steady;
        let mut seen = BTreeMap::<u32, u32>::new();
        let (mut cursor, mut is_done) = (0, false);
        let mut scan = |fixture: &Fixture, count: usize| {
            let (visited, next) = fixture.scan(cursor, count);
            for number in visited {
                *seen.entry(number).or_default() += 1;
            }
            cursor = next;
            next == 0
        };
        for step in steps {
            match step {
                Step::Grow(count) => for _ in 0..count {
                    fixture.insert(next_number);
                    passing.insert(next_number);
                    next_number += 1;
                },
                Step::Shrink(kept) => passing.retain(|&number| {
                    number.is_multiple_of(u32::from(kept)) || !fixture.remove(number)
                }),
                Step::Churn(count) => for _ in 0..count {
                    if let Some(number) = passing.pop_first() {
                        prop_assert!(fixture.remove(number));
                    }
                    fixture.insert(next_number);
                    passing.insert(next_number);
                    next_number += 1;
                },
                Step::Scan(count) => if !is_done {
                    is_done = scan(&fixture, usize::from(count));
                },
            }
            prop_assert_eq!(fixture.table.len(), steady as usize + passing.len());
        }
        check(&fixture.table.directory);
        while !is_done {
            is_done = scan(&fixture, 100);
        }
        for number in 0..steady {
            prop_assert_eq!(seen.get(&number), Some(&1), "key {} of {}", number, steady);
        }
        prop_assert!(seen.values().all(|&times| times == 1), "a key is never visited twice");
    }

    /// The same inserts and removals as a set.
    #[test]
    fn the_table_is_a_set(operations in prop::collection::vec((any::<bool>(), 0..600u32), 0..3000), seed: u64) {
        let mut fixture = Fixture::new(seed);
        let mut model = BTreeSet::new();
        for (is_insert, number) in operations {
            prop_assert_eq!(fixture.contains(number), model.contains(&number));
            if is_insert && model.insert(number) {
                fixture.insert(number);
            } else if !is_insert {
                prop_assert_eq!(fixture.remove(number), model.remove(&number));
            }
            prop_assert_eq!(fixture.table.len(), model.len());
        }
        let mut all = fixture.scan_all(10);
        all.sort_unstable();
        prop_assert!(all.into_iter().eq(model));
        check(&fixture.table.directory);
    }
}
