use proptest::prelude::*;

use super::*;
use crate::query::Bound;

fn bound() -> impl Strategy<Value = Bound> {
    (
        prop_oneof![Just(f64::NEG_INFINITY), Just(f64::INFINITY), (-20_i32..20).prop_map(f64::from)],
        any::<bool>(),
    )
        .prop_map(|(value, is_exclusive)| Bound { value, is_exclusive })
}

fn holds(range: &Range, value: f64) -> bool {
    let above = value > range.from.value || (value == range.from.value && !range.from.is_exclusive);
    let below = value < range.to.value || (value == range.to.value && !range.to.is_exclusive);
    above && below
}

proptest! {
    #[test]
    fn as_a_sorted_list(
        changes in prop::collection::vec((-20_i32..20, 0_u32..300, 0_u8..3), 1..3000),
        ranges in prop::collection::vec((bound(), bound()), 1..10),
        budget in 1_usize..60,
    ) {
        let mut numbers = Numbers::default();
        let mut model: Vec<(f64, u32)> = Vec::new();
        for (value, document, change) in changes {
            let pair = (f64::from(value), document);
            let found = model.iter().position(|other| *other == pair);
            if change == 0 {
                numbers.remove(pair.0, pair.1);
                if let Some(at) = found { model.remove(at); }
            } else {
                numbers.insert(pair.0, pair.1);
                if found.is_none() { model.push(pair); }
            }
        }
        model.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        prop_assert_eq!(numbers.len(), model.len());
        for (from, to) in ranges {
            let range = Range { from, to };
            let expected: Vec<(f64, u32)> = model.iter().copied().filter(|pair| holds(&range, pair.0)).collect();
            prop_assert_eq!(numbers.count_in(&range), expected.len());
            let (mut found, mut visited) = (Vec::new(), None);
            while !numbers.visit(&range, &mut visited, &mut { budget }, |values, documents| {
                found.extend(values.iter().copied().zip(documents.iter().copied()));
            }) {}
            prop_assert_eq!(found, expected);
        }
        for pair in model {
            numbers.remove(pair.0, pair.1);
        }
        prop_assert_eq!((numbers.len(), numbers.memory_bytes()), (0, 0));
    }
}

#[test]
fn a_field_that_grows_fills_its_runs() {
    let mut numbers = Numbers::default();
    for document in 0..100_000_u32 {
        numbers.insert(f64::from(document), document);
    }
    assert!(numbers.memory_bytes() < 14 * 100_000, "{}", numbers.memory_bytes());
}

#[test]
fn zero_has_no_sign_and_what_is_no_number_is_left_out() {
    let mut numbers = Numbers::default();
    numbers.insert(-0.0, 1);
    numbers.insert(0.0, 1);
    numbers.insert(f64::NAN, 2);
    assert_eq!(numbers.len(), 1);
    numbers.remove(0.0, 1);
    assert_eq!(numbers.len(), 0);
}
