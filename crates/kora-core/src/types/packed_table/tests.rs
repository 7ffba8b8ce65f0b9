use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::block::{Block, RECORDS_MAX};
use super::{PackedTable, Record};
use crate::hash::splitmix64;
use crate::time::UnixMs;

fn add(table: &mut PackedTable, number: u32) -> bool {
    table.add(&Record::key(&number.to_be_bytes()))
}

fn remove(table: &mut PackedTable, number: u32) -> bool {
    table.remove(&number.to_be_bytes())
}

fn contains(table: &PackedTable, number: u32) -> bool {
    table.contains(&number.to_be_bytes())
}

fn number_of(record: Record<'_>) -> u32 {
    u32::from_be_bytes(record.key.try_into().expect("keys of these tests have four bytes"))
}

fn check(table: &PackedTable) {
    table.directory.check(&table.hasher);
    assert_eq!(table.iter().count(), table.len());
}

fn scan_all(table: &PackedTable, count: usize) -> Vec<u32> {
    let (mut all, mut cursor) = (Vec::new(), 0);
    loop {
        cursor = table.scan(cursor, count, |record| all.push(number_of(record)));
        if cursor == 0 {
            return all;
        }
    }
}

#[test]
fn an_empty_table_allocates_nothing_and_a_record_little() {
    let mut table = PackedTable::new(1);
    assert_eq!(table.memory_bytes(), 0);
    assert!(!contains(&table, 1) && !remove(&mut table, 1));
    assert_eq!(scan_all(&table, 10), []);
    assert!(add(&mut table, 1) && !add(&mut table, 1));
    assert!(table.memory_bytes() < 160, "{}", table.memory_bytes());
    assert!(remove(&mut table, 1));
    assert_eq!(table.memory_bytes(), 0);
}

#[test]
fn every_size_up_and_down_keeps_all_records() {
    const COUNT: u32 = 4000;
    let mut table = PackedTable::new(2);
    for number in 0..COUNT {
        assert!(add(&mut table, number));
        assert_eq!(table.len(), number as usize + 1);
        assert!(contains(&table, number) && !contains(&table, number + 1));
        if number % 32 == 0 {
            check(&table);
            assert!((0..=number).all(|number| contains(&table, number)));
        }
    }
    let full_bytes = table.memory_bytes();
    for number in 0..COUNT {
        assert!(remove(&mut table, number) && !remove(&mut table, number));
        if number % 32 == 0 {
            check(&table);
            assert!((number + 1..COUNT).all(|number| contains(&table, number)));
        }
        if number == COUNT * 9 / 10 {
            assert!(table.memory_bytes() * 4 < full_bytes, "emptied by 90 %, memory comes back");
        }
    }
    assert_eq!(table.memory_bytes(), 0);
}

#[test]
fn a_million_members_of_16_bytes_take_less_than_28_bytes_each() {
    let mut table = PackedTable::new(3);
    for number in 0..1_000_000u32 {
        let member = format!("member:{number:09}");
        table.add(&Record::key(member.as_bytes()));
        if number > 10_000 && number % 100_000 == 99_999 {
            let bytes_per_member = table.memory_bytes() as f64 / f64::from(number);
            assert!(bytes_per_member < 28.0, "{bytes_per_member} at {number}");
        }
    }
    assert_eq!(table.len(), 1_000_000);
    let mut freed = 0;
    loop {
        let step = table.free_some(1000);
        freed += step;
        if step < 1000 {
            break;
        }
        assert!(step < 1100);
    }
    assert!(freed > 1_000_000 / RECORDS_MAX);
}

#[test]
fn a_thousand_fields_of_16_and_20_bytes_take_less_than_55_bytes_each() {
    let mut bytes = 0;
    for seed in 0..20 {
        let mut table = PackedTable::new(seed);
        for number in 0..1000 {
            let (key, value) = (format!("field:{number:010}"), format!("value:{number:014}"));
            table.insert(&Record { key: key.as_bytes(), value: value.as_bytes(), deadline: None });
        }
        bytes += table.memory_bytes();
    }
    assert!(bytes / 20_000 < 55, "{} bytes per field", bytes / 20_000);
}

#[test]
fn a_scan_visits_each_record_once_at_any_size_and_count() {
    let mut table = PackedTable::new(4);
    for number in 0..3000 {
        add(&mut table, number);
        if number < 100 || number % 50 == 0 {
            for count in [1, 7, 10_000] {
                let mut visited = scan_all(&table, count);
                visited.sort_unstable();
                assert!(visited.iter().copied().eq(0..=number), "{number} records, count {count}");
            }
        }
    }
    for wild in [1 << 48, u64::MAX] {
        assert_eq!(table.scan(wild, 10, |_| panic!("nothing is there")), 0);
    }
}

#[test]
fn random_choice_is_even() {
    const COUNT: u32 = 700;
    let mut table = PackedTable::new(6);
    (0..COUNT).for_each(|number| assert!(add(&mut table, number)));
    let mut drawn = BTreeMap::<u32, u32>::new();
    let mut state = 7;
    for _ in 0..COUNT * 200 {
        let position = table.random(|| splitmix64(&mut state)).expect("the table is not empty");
        *drawn.entry(number_of(table.record(position))).or_default() += 1;
    }
    // 200 expected, standard deviation 14: six of them on either side.
    assert_eq!(drawn.len(), COUNT as usize);
    assert!(drawn.values().all(|&count| (115..285).contains(&count)), "{drawn:?}");
}

/// Keys whose hashes agree in all bits that place them fill the side list of one block.
#[test]
fn colliding_keys_are_kept_and_found() {
    let mut block = Block::new(0, 0);
    for number in 0..500u32 {
        let slot = block.insert(42, &Record::key(&number.to_be_bytes()));
        assert_eq!(number_of(block.record(slot)), number);
    }
    assert_eq!(block.len(), 500);
    for number in 0..500u32 {
        let slot = block.find(42, &number.to_be_bytes()).expect("it was inserted");
        block.remove(slot);
        assert_eq!(block.find(42, &number.to_be_bytes()), None);
    }
    assert_eq!((block.len(), block.heap_bytes()), (0, 0));
}

#[test]
fn reserving_changes_nothing_but_the_growth() {
    for len in [0, 1, 40, 5000] {
        let mut table = PackedTable::new(9);
        table.reserve(len);
        for number in 0..3000 {
            assert!(add(&mut table, number));
        }
        check(&table);
        for number in 0..3000 {
            assert!(remove(&mut table, number));
        }
        assert_eq!(table.memory_bytes(), 0);
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Adds so many records after the last one.
    Grow(u16),
    /// Removes every record but those that stay and one in so many.
    Shrink(u8),
    /// Goes on with the scan.
    Scan(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..1500u16).prop_map(Step::Grow),
        (1..20u8).prop_map(Step::Shrink),
        (1..60u8).prop_map(Step::Scan),
        (1..60u8).prop_map(Step::Scan),
    ]
}

/// A record of any shape: lengths around each boundary of the encoding and of what lies in a block.
fn value() -> impl Strategy<Value = (Vec<u8>, Option<UnixMs>)> {
    let len = prop_oneof![0..40usize, 120..135usize, 200..300usize, 2000..2100usize, Just(20_000)];
    let bytes = (len, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]);
    (bytes, prop::option::of(any::<i64>().prop_map(UnixMs)))
}

fn key(number: u16) -> Vec<u8> {
    let len = match number % 16 {
        0 => 70,
        1 => 300,
        2 => 2,
        _ => 10,
    };
    let mut key = number.to_be_bytes().to_vec();
    key.resize(len, b'.');
    key
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The same operations on a map.
    #[test]
    fn the_table_is_a_map(
        operations in prop::collection::vec((0..4u8, 0..500u16, value()), 0..1500),
        seed: u64,
    ) {
        let mut table = PackedTable::new(seed);
        let mut model = BTreeMap::new();
        for (operation, number, (value, deadline)) in operations {
            let key = key(number);
            let record = Record { key: &key, value: &value, deadline };
            let found = table.get(&key).map(|record| (record.value.to_vec(), record.deadline));
            prop_assert_eq!(&found, &model.get(&key).cloned());
            match operation {
                0 => prop_assert_eq!(table.remove(&key), model.remove(&key).is_some()),
                1 => {
                    prop_assert_eq!(table.add(&record), found.is_none());
                    model.entry(key).or_insert((value, deadline));
                }
                _ => {
                    prop_assert_eq!(table.insert(&record), found.is_none());
                    model.insert(key, (value, deadline));
                }
            }
            prop_assert_eq!(table.len(), model.len());
        }
        check(&table);
        let all: BTreeMap<_, _> =
            table.iter().map(|record| (record.key.to_vec(), (record.value.to_vec(), record.deadline))).collect();
        prop_assert_eq!(all, model);
    }

    /// What is present throughout a scan is visited exactly once, whatever else happens.
    #[test]
    fn a_scan_misses_nothing_while_the_table_changes(
        steady in 0..800u32,
        steps in prop::collection::vec(step(), 0..40),
        seed: u64,
    ) {
        let mut table = PackedTable::new(seed);
        (0..steady).for_each(|number| assert!(add(&mut table, number)));
        let mut passing = BTreeSet::new();
        let mut next_number = steady;
        let mut seen = BTreeMap::<u32, u32>::new();
        let (mut cursor, mut is_done) = (0, false);
        for step in steps.into_iter().chain(std::iter::repeat_n(Step::Scan(60), 300)) {
            match step {
                Step::Grow(count) => for _ in 0..count {
                    add(&mut table, next_number);
                    passing.insert(next_number);
                    next_number += 1;
                },
                Step::Shrink(kept) => passing.retain(|&number| {
                    number.is_multiple_of(u32::from(kept)) || !remove(&mut table, number)
                }),
                Step::Scan(count) => if !is_done {
                    cursor = table.scan(cursor, usize::from(count), |record| {
                        *seen.entry(number_of(record)).or_default() += 1;
                    });
                    is_done = cursor == 0;
                },
            }
            prop_assert_eq!(table.len(), steady as usize + passing.len());
        }
        check(&table);
        while !is_done {
            cursor = table.scan(cursor, 100, |record| *seen.entry(number_of(record)).or_default() += 1);
            is_done = cursor == 0;
        }
        for number in 0..steady {
            prop_assert_eq!(seen.get(&number), Some(&1), "record {} of {}", number, steady);
        }
        prop_assert!(seen.values().all(|&times| times == 1), "a record is never visited twice");
    }
}
