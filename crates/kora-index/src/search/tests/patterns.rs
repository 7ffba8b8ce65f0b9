//! Queries of many patterns: what they count, and what they may ask for.

use super::*;
use crate::plan::WORDS_MAX;
use crate::query::{NodeKind, Pattern};

fn prefix(text: &str) -> Node {
    Node::new(NodeKind::Pattern(Pattern::Prefix(text.to_owned())))
}

fn any_of(nodes: Vec<Node>) -> Node {
    Node::new(NodeKind::Or(nodes))
}

/// Documents that each have some of 26 x 3 words.
fn filled(part_count: usize) -> Parts {
    let mut parts = Parts::new(part_count);
    for key in 0..200_u8 {
        let words = (0..6).map(|at: u8| {
            let letter = char::from(b'a' + key.wrapping_mul(7).wrapping_add(at * at) % 26);
            format!("{letter}{letter}{}", (key / 3 + at) % 3)
        });
        let row = Row::of_texts([Some(words.collect::<Vec<_>>().join(" ")), None, None], None);
        parts.of(key).put(&[key], &row.document(key.into())).unwrap();
    }
    parts
}

#[test]
fn many_alternatives_score_as_a_few_of_some() {
    for part_count in [1, 4] {
        let mut parts = filled(part_count);
        let letters = || (b'a'..=b'x').map(char::from);
        let nodes: Vec<Node> = letters().map(|letter| prefix(&format!("{letter}{letter}"))).collect();
        let few = any_of(nodes.chunks(6).map(|nodes| any_of(nodes.to_vec())).collect());
        let many = any_of(nodes);
        // The others divide by distances, which depend on what stands together.
        for scorer in [Scorer::Bm25Std, Scorer::DisMax] {
            let mut found = [&many, &few].map(|node| {
                let mut running = parts.begin(node, scorer, 300);
                while !running.step(&parts, 7) {}
                let mut found = running.finish(&parts);
                found.sort_by(|one, other| one.0.cmp(&other.0));
                found
            });
            let [many, few] = &mut found;
            assert!(!many.is_empty() && many.len() == few.len());
            for (one, other) in many.iter().zip(few.iter()) {
                assert_eq!(one.0, other.0);
                assert!((one.1 - other.1).abs() < 1e-9, "{one:?} {other:?}");
            }
        }
    }
}

#[test]
fn patterns_that_find_nothing_take_steps() {
    let parts = filled(1);
    let nodes = (0..100).map(|number| prefix(&format!("zz{number}"))).collect();
    let plan = Plan::new(&parts.0[0], &any_of(nodes), &Options::default()).unwrap();
    let mut gathering = Gathering::new(&parts.0[0], &plan, None);
    let rounds =
        std::iter::repeat_with(|| gathering.step(&parts.0[0], &plan, 8)).take_while(|is_over| !is_over);
    assert!(rounds.count() > 30);
}

#[test]
fn a_pattern_counts_as_often_as_it_is_asked_for() {
    let mut parts = filled(1);
    let plan = |count: usize| {
        let nodes = std::iter::repeat_with(|| prefix("aa")).take(count).collect();
        Plan::new(&parts.0[0], &any_of(nodes), &Options::default()).unwrap()
    };
    let (most, more) = (plan(WORDS_MAX / 3), plan(WORDS_MAX / 3 + 1));
    for (plan, is_too_much) in [(&most, false), (&more, true)] {
        let statistics = Gathering::all(&parts.0[0], plan);
        assert_eq!(statistics.expansion_count(), 3);
        assert_eq!(statistics.asks_too_much(plan), is_too_much);
    }
    // What opens more takes longer to begin.
    let snapshot = parts.0[0].snapshot();
    let statistics = Arc::new(Gathering::all(&parts.0[0], &most));
    let search = Search::new(&parts.0[0], Arc::new(most), statistics, snapshot);
    assert!(search.slice_steps() >= WORDS_MAX - 3);
}
