use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn hash_of(number: u32) -> u64 {
    let mixed = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn as_a_set(changes in prop::collection::vec((0_u32..6000, 0_u8..4), 1..20_000)) {
        let (mut hashed, mut model) = (Hashed::default(), BTreeSet::new());
        for (number, change) in changes {
            if change == 0 {
                hashed.remove(hash_of(number), number);
                model.remove(&number);
            } else if model.insert(number) {
                hashed.insert(hash_of(number), number, hash_of);
            }
        }
        prop_assert_eq!(hashed.len(), model.len());
        prop_assert_eq!(hashed.iter().collect::<BTreeSet<_>>(), model.clone());
        let segments: usize = hashed.segments.iter().map(|segment| segment.allocation_size()).sum();
        prop_assert_eq!(hashed.segment_bytes, segments);
        for number in 0..6000 {
            let found = hashed.find(hash_of(number), |other| *other == number);
            prop_assert_eq!(found, model.contains(&number).then_some(number));
        }
        for number in model {
            hashed.remove(hash_of(number), number);
        }
        prop_assert!(hashed.is_empty() && hashed.memory_bytes() == 0);
    }
}

#[test]
fn segments_stay_small() {
    let mut hashed = Hashed::default();
    (0..100_000).for_each(|number| hashed.insert(hash_of(number), number, hash_of));
    let largest = hashed.segments.iter().map(|segment| segment.len()).max().unwrap();
    assert!(largest < 1200, "{largest}");
    assert!(hashed.memory_bytes() < 100_000 * 11, "{}", hashed.memory_bytes());
}
