use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{Corrupt, EMPTY, IntSet, Layout, add, from_redis, remove};

fn of(values: &[i64]) -> Vec<u8> {
    let mut bytes = EMPTY.to_vec();
    for &value in values {
        add(&mut bytes, value);
    }
    bytes
}

fn check_redis(bytes: &[u8], redis: &[u8]) {
    assert_eq!(IntSet::new(bytes).to_redis(), redis);
    let read = from_redis(redis).expect("it is one");
    assert!(IntSet::new(&read).iter().eq(IntSet::new(bytes).iter()));
    assert_eq!(IntSet::new(&read).to_redis(), redis);
}

#[test]
fn bytes_are_those_of_the_format() {
    assert_eq!(of(&[]), [0b01_00, 0, 0]);
    assert_eq!(of(&[3, 255]), [0b01_00, 0, 0, 3, 255]);
    assert_eq!(of(&[-3, 4, 250]), [0b01_00, 0xFD, 0xFF, 0, 7, 253]);
    assert_eq!(of(&[-3, 4, 253]), [0b01_01, 0xFD, 0xFF, 4, 0, 253, 0]);
    assert_eq!(of(&[40_000, 40_001]), [0b10_00, 0x40, 0x9C, 0, 0, 0, 1]);
    assert_eq!(of(&[0, 40_000]), [0b10_01, 0, 0, 0, 0, 0, 0, 0x40, 0x9C]);
    assert_eq!(of(&[0, i64::MAX])[..9], [0b11_11, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn the_bytes_of_files_are_those_of_redis() {
    check_redis(&of(&[3, -1]), &[2, 0, 0, 0, 2, 0, 0, 0, 0xFF, 0xFF, 3, 0]);
    check_redis(&of(&[1, 65_536]), &[4, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0]);
    let extremes = of(&[1, i64::MIN]);
    check_redis(&extremes, &IntSet::new(&extremes).to_redis());
    assert_eq!(IntSet::new(&extremes).to_redis()[8..], [0, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn the_width_stays_when_the_widest_goes() {
    let mut bytes = of(&[1, 65_536]);
    assert!(remove(&mut bytes, 65_536) && !remove(&mut bytes, 65_536));
    assert_eq!(IntSet::new(&bytes).to_redis(), [4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
}

#[test]
fn a_base_moves_seldom_where_members_descend() {
    let mut bytes = of(&[30_000]);
    let mut moves = 0;
    for value in (-30_000..30_000).rev() {
        let before = Layout::read(&bytes);
        assert!(add(&mut bytes, value));
        moves += usize::from(Layout::read(&bytes) != before);
    }
    assert!(moves < 4, "{moves}");
    assert_eq!(IntSet::new(&bytes).len(), 60_001);
}

#[test]
fn what_is_no_intset_is_refused() {
    let whole = IntSet::new(&of(&[1, 2, 40_000])).to_redis();
    assert!(from_redis(&whole).is_ok());
    for len in 0..whole.len() {
        assert_eq!(from_redis(&whole[..len]).err(), Some(Corrupt));
    }
    let refused: [&[u8]; 6] = [
        &[2, 0, 0, 0, 0, 0, 0, 0],
        &[3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0],
        &[2, 1, 0, 0, 1, 0, 0, 0, 1, 0],
        &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0],
        &[2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 0],
        &[2, 0, 0, 0, 255, 255, 255, 255, 1, 0],
    ];
    for bytes in refused {
        assert_eq!(from_redis(bytes).err(), Some(Corrupt), "{bytes:?}");
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
            prop_assert_eq!(from_redis(&set.to_redis()).is_ok(), !set.is_empty());
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
        if let Ok(packed) = from_redis(&bytes) {
            prop_assert_eq!(IntSet::new(&packed).to_redis(), bytes);
        }
    }
}
