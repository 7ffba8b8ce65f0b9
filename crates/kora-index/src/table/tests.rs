use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn put(table: &mut Table, key: &[u8], length: u32) {
    if let Some(old) = table.find(key)
        && table.retire(old)
    {
        table.forget(old);
    }
    let facts = Facts { length, ..Facts::default() };
    table.insert(facts, &[], &Packed::new(key, b"", None, b"")).unwrap();
}

fn seen(table: &Table, snapshot: &Snapshot) -> BTreeMap<Vec<u8>, u32> {
    let mut found = BTreeMap::new();
    let mut number = table.next_seen(snapshot, 0);
    while number != u32::MAX {
        assert!(table.sees(snapshot, number) && !table.is_forgotten(number));
        found.insert(table.key(snapshot, number).to_vec(), table.facts(number).unwrap().length);
        number = table.next_seen(snapshot, number + 1);
    }
    found
}

proptest! {
    /// Each snapshot sees what was there when it was taken, whatever happens later; once none is left, nothing of the dead is left.
    #[test]
    fn snapshots_see_their_moment(steps in prop::collection::vec((0_u8..6, 0_u8..12, 0_u8..12), 1..400)) {
        let mut table = Table::new(RandomState::with_seeds(1, 2, 3, 4));
        let mut model: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        let mut snapshots = Vec::new();
        for (at, (what, one, other)) in (0_u32..).zip(steps) {
            let (key, to) = (vec![b'k', one], vec![b'k', other]);
            match what {
                0 | 1 => {
                    put(&mut table, &key, at);
                    model.insert(key, at);
                }
                2 => if let Some(number) = table.find(&key) {
                    if table.retire(number) { table.forget(number); }
                    prop_assert!(model.remove(&key).is_some());
                },
                3 => if one != other && let Some(number) = table.find(&key) {
                    if let Some(old) = table.find(&to) && table.retire(old) { table.forget(old); }
                    table.rename(number, &to);
                    let value = model.remove(&key).unwrap();
                    model.insert(to, value);
                },
                4 => snapshots.push((table.snapshot(), model.clone())),
                _ => if !snapshots.is_empty() { snapshots.swap_remove(usize::from(one) % snapshots.len()); },
            }
            while let Some(number) = table.next_reclaimable() { table.forget(number); }
            for (snapshot, then) in &snapshots {
                prop_assert_eq!(&seen(&table, snapshot), then);
            }
            prop_assert_eq!(table.len(), model.len());
            prop_assert_eq!(table.length_total(), model.values().map(|length| u64::from(*length)).sum::<u64>());
        }
        snapshots.clear();
        for key in model.keys() {
            let number = table.find(key).unwrap();
            if table.retire(number) { table.forget(number); }
        }
        while let Some(number) = table.next_reclaimable() { table.forget(number); }
        prop_assert_eq!((table.record_bytes(), table.chunk_bytes(), table.key_table_bytes()), (0, 0, 0));
    }
}

proptest! {
    /// What is known of a document does not depend on how many bytes its neighbours need.
    #[test]
    fn facts_are_kept_however_large_they_are(
        all in prop::collection::vec((0_u32..90_000, 0_u32..90_000, prop_oneof![0_u64..1000, any::<u64>()]), 1..600),
        is_ascending: bool,
    ) {
        let mut table = Table::new(RandomState::with_seeds(1, 2, 3, 4));
        let mut expected = Vec::new();
        for (at, (length, frequency_max, order)) in (0_u32..).zip(all) {
            let small = if at % 300 < 200 { 100 } else { u32::MAX };
            let order = if is_ascending { u64::from(at) << 20 } else { order };
            let facts = Facts { length: length % small, frequency_max: frequency_max % small, score: 1.0, order };
            let number = table.insert(facts, &[], &Packed::new(&at.to_le_bytes(), b"", None, b"")).unwrap();
            expected.push((number, facts));
        }
        for (number, facts) in expected {
            prop_assert_eq!(table.facts(number), Some(facts));
        }
    }
}
