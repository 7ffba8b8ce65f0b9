use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Corrupt, EMPTY, IntSet, add, remove};

fn of(values: &[i64]) -> Vec<u8> {
    let mut bytes = EMPTY.to_vec();
    for &value in values {
        add(&mut bytes, value);
    }
    bytes
}

#[test]
fn bytes_are_those_of_the_format() {
    assert_eq!(of(&[]), [2, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(of(&[3, -1]), [2, 0, 0, 0, 2, 0, 0, 0, 0xFF, 0xFF, 3, 0]);
    assert_eq!(of(&[1, 65_536]), [4, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]);
    assert_eq!(of(&[1, i64::MIN])[8..], [0, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn the_width_stays_when_the_widest_goes() {
    let mut bytes = of(&[1, 65_536]);
    assert!(remove(&mut bytes, 65_536) && !remove(&mut bytes, 65_536));
    assert_eq!(bytes, [4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
}

#[test]
fn what_is_no_intset_is_refused() {
    let whole = of(&[1, 2, 40_000]);
    assert!(IntSet::check(&whole).is_ok());
    for len in 0..whole.len() {
        assert_eq!(IntSet::check(&whole[..len]).err(), Some(Corrupt));
    }
    let refused: [&[u8]; 6] = [
        &EMPTY,
        &[3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0],
        &[2, 1, 0, 0, 1, 0, 0, 0, 1, 0],
        &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0],
        &[2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 0],
        &[2, 0, 0, 0, 255, 255, 255, 255, 1, 0],
    ];
    for bytes in refused {
        assert_eq!(IntSet::check(bytes).err(), Some(Corrupt), "{bytes:?}");
    }
}

fn integer() -> impl Strategy<Value = i64> {
    prop_oneof![
        -40..40i64,
        any::<i16>().prop_map(i64::from),
        any::<i32>().prop_map(i64::from),
        any::<i64>(),
        prop::sample::select(vec![
            i64::MIN,
            i64::MAX,
            32_767,
            32_768,
            -32_768,
            -32_769,
            1 << 31,
            -(1 << 31) - 1
        ]),
    ]
}

proptest! {
    #[test]
    fn an_intset_is_a_set(operations in prop::collection::vec((any::<bool>(), integer()), 0..200)) {
        let mut bytes = EMPTY.to_vec();
        let mut model = BTreeSet::new();
        for (is_add, value) in operations {
            prop_assert_eq!(IntSet::new(&bytes).contains(value), model.contains(&value));
            if is_add {
                prop_assert_eq!(add(&mut bytes, value), model.insert(value));
            } else {
                prop_assert_eq!(remove(&mut bytes, value), model.remove(&value));
            }
            let set = IntSet::new(&bytes);
            prop_assert_eq!(IntSet::check(&bytes).is_ok(), !set.is_empty());
            prop_assert_eq!(set.len(), model.len());
            prop_assert_eq!((set.first(), set.last()), (model.first().copied(), model.last().copied()));
        }
        prop_assert!(IntSet::new(&bytes).iter().eq(model));
    }

    #[test]
    fn any_bytes_are_checked_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..40), width in 0..9u8) {
        let mut bytes = bytes;
        if let Some(first) = bytes.first_mut() {
            *first = width;
        }
        if let Ok(set) = IntSet::check(&bytes) {
            prop_assert_eq!(set.iter().count(), set.len());
        }
    }
}
