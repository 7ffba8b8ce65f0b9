use std::collections::BTreeSet;
use std::ops::Bound;

use proptest::prelude::*;

use super::Scalars;
use crate::scalar::ScalarRange;
use crate::search::{Direction, Flow};

type Model = BTreeSet<(Vec<u8>, u32)>;

#[derive(Clone, Debug)]
enum Step {
    Insert(Vec<u8>, u32),
    Remove(Vec<u8>, u32),
    RemoveAll(u8),
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0..6_u8).prop_map(|number| vec![number]),
        4 => prop::collection::vec(any::<u8>(), 0..6),
        1 => (0..3_u8, 0..1200_usize).prop_map(|(byte, length)| vec![byte; length]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let document = || prop_oneof![1..40_u32, 1..4000_u32, 1..u32::MAX];
    prop_oneof![
        20 => (value(), document()).prop_map(|(value, document)| Step::Insert(value, document)),
        12 => (value(), document()).prop_map(|(value, document)| Step::Remove(value, document)),
        1 => any::<u8>().prop_map(Step::RemoveAll),
    ]
}

fn range() -> impl Strategy<Value = ScalarRange> {
    let bound = || {
        prop_oneof![
            Just(Bound::Unbounded),
            value().prop_map(|value| Bound::Included(value.into())),
            value().prop_map(|value| Bound::Excluded(value.into())),
        ]
    };
    (bound(), bound()).prop_map(|(from, to)| ScalarRange { from, to })
}

fn check(scalars: &Scalars, model: &Model, range: &ScalarRange, slice: usize) {
    let expected: Vec<(Vec<u8>, u32)> =
        model.iter().filter(|(value, _)| range.contains(value)).cloned().collect();
    assert_eq!(scalars.count_in(range), expected.len() as u64);
    let mut found = Vec::new();
    let mut visited = None;
    loop {
        let mut steps = slice;
        if scalars
            .visit(range, &mut visited, &mut steps, |value, document| found.push((value.to_vec(), document)))
        {
            break;
        }
    }
    assert_eq!(found, expected);
    for direction in [Direction::Ascending, Direction::Descending] {
        let mut walked: Vec<(Vec<u8>, u32)> = Vec::new();
        loop {
            let last = walked.last().cloned();
            let after = last.as_ref().map(|(value, document)| (value.as_slice(), *document));
            let mut left = slice;
            let is_through = scalars.walk(range, direction, after, &mut |value, document| {
                walked.push((value.to_vec(), document));
                left -= 1;
                if left == 0 { Flow::Rest } else { Flow::Continue }
            });
            if is_through {
                break;
            }
        }
        if direction == Direction::Descending {
            walked.reverse();
        }
        assert_eq!(walked, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]
    #[test]
    fn as_a_sorted_set(steps in prop::collection::vec(step(), 1..400), ranges in prop::collection::vec(range(), 6), slice in 1..50_usize) {
        let (mut scalars, mut model) = (Scalars::default(), Model::new());
        for step in steps {
            match step {
                Step::Insert(value, document) => {
                    scalars.insert(&value, document);
                    model.insert((value, document));
                }
                Step::Remove(value, document) => {
                    scalars.remove(&value, document);
                    model.remove(&(value, document));
                }
                Step::RemoveAll(byte) => {
                    let gone: Vec<_> = model.iter().filter(|(value, _)| value.first() == Some(&byte)).cloned().collect();
                    for (value, document) in gone {
                        scalars.remove(&value, document);
                        model.remove(&(value, document));
                    }
                }
            }
            prop_assert_eq!(scalars.pairs(), model.len() as u64);
        }
        let values: BTreeSet<&Vec<u8>> = model.iter().map(|(value, _)| value).collect();
        prop_assert_eq!(scalars.values(), values.len() as u64);
        ranges.iter().for_each(|range| check(&scalars, &model, range, slice));
        let bytes: usize = scalars.runs.iter().map(|run| run.bytes.capacity()).sum();
        prop_assert_eq!(scalars.run_bytes, bytes);
        for (value, document) in &model {
            scalars.remove(value, *document);
        }
        prop_assert_eq!((scalars.pairs(), scalars.values(), scalars.memory_bytes()), (0, 0, 0));
    }
}

/// A value that many documents have takes little more than a byte for each, whatever the order in which they come.
#[test]
fn common_values_are_small() {
    let mut scalars = Scalars::default();
    for document in 1..20_000_u32 {
        scalars.insert(format!("value {}", document * 7919 % 10).as_bytes(), document);
    }
    assert_eq!(scalars.values(), 10);
    let each = scalars.memory_bytes() / 20_000;
    assert!(each <= 3, "{each}");
    let range = ScalarRange::only(b"value 3");
    assert_eq!(scalars.count_in(&range), 2000);
}
