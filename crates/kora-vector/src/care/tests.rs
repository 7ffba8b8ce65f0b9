use kora_core::hash::splitmix64;
use kora_hnsw::Metric;

use crate::set::{Quantization, Shape, VectorSet, Wanted};

/// Vectors on few lines, many of them nearly equal: hard to walk over.
fn hard(state: &mut u64) -> Vec<f32> {
    let byte = |state: &mut u64| f32::from(splitmix64(state).to_le_bytes()[0]) - 127.5;
    let mut line = splitmix64(state) % 6;
    (0..6).map(|_| byte(&mut line) + byte(state) * 0.05).collect()
}

fn put(set: &mut VectorSet, state: &mut u64, number: u64) {
    let insertion = set.insertion(&hard(state), 20).expect("the number of elements");
    set.put(number.to_string().as_bytes(), insertion).expect("room");
}

/// Elements that a search for their own vector does not find, nor one as near.
fn missed(set: &VectorSet) -> usize {
    let is_missed = |number: &u32| {
        let query = set.query_of(*number).expect("an element");
        let own = set.graph().distance_from(&query, *number).expect("an element");
        let wanted =
            Wanted { count: 1, ef: 100, visits_max: usize::MAX, is_exact: false, is_filtered: false };
        let mut search = set.search(query, wanted);
        assert!(search.advance(set.graph(), usize::MAX, |_| true));
        search.finish(set.graph()).0.first().is_none_or(|hit| hit.distance > own + 1e-5)
    };
    set.numbers().filter(is_missed).count()
}

#[test]
fn every_element_finds_itself_once_the_set_was_at_rest() {
    for (seed, quantization) in [(1, Quantization::Int8), (2, Quantization::None), (3, Quantization::Int8)] {
        let shape = Shape { dimensions: 6, quantization, m: 4, metric: Metric::Cosine };
        let (mut set, mut state) = (VectorSet::new(shape, seed).expect("a shape"), seed);
        (0..3000).for_each(|number| put(&mut set, &mut state, number));
        for round in 0..3 {
            for _ in 0..1500 {
                let number = splitmix64(&mut state) % 3000;
                set.remove(number.to_string().as_bytes());
                let number = splitmix64(&mut state) % 3000;
                put(&mut set, &mut state, number);
            }
            let mut slices = 0;
            while set.look_after(i64::MAX).is_some() {
                slices += 1;
            }
            assert!(slices > 2, "it is done in slices");
            assert_eq!(missed(&set), 0, "{quantization:?} {round}");
        }
        assert!(!set.wants_care());
    }
}

#[test]
fn a_set_that_is_used_is_left_alone() {
    let shape = Shape { dimensions: 6, quantization: Quantization::Int8, m: 4, metric: Metric::Cosine };
    let (mut set, mut state) = (VectorSet::new(shape, 1).expect("a shape"), 1);
    (0..100).for_each(|number| put(&mut set, &mut state, number));
    while set.look_after(0).is_some() {}
    assert_eq!(set.look_after(0), None, "all has changed, so it was looked after");
    put(&mut set, &mut state, 200);
    assert!(set.look_after(0).is_some_and(|wait| wait > 1000) && set.wants_care());
    assert!(set.look_after(6000).is_some_and(|wait| wait == 0) || !set.wants_care());
}
