//! Words that patterns stand for, gathered while documents come and die.

use super::*;
use crate::query::{NodeKind, Pattern};

/// Gathers for a search of all parts, a few words at a time, with a change after each; returns the search.
fn begin_later(
    parts: &mut Parts,
    (node, options): (&Node, &Options),
    steps: usize,
    mut change: impl FnMut(&mut Parts) -> bool,
) -> Running {
    let plan = Arc::new(Plan::new(&parts.0[0], node, options).unwrap());
    let snapshots: Vec<Snapshot> = parts.0.iter_mut().map(Index::snapshot).collect();
    let begin = |(index, snapshot): (&Index, &Snapshot)| Gathering::new(index, &plan, Some(snapshot.clone()));
    let mut gatherings: Vec<Gathering> = parts.0.iter().zip(&snapshots).map(begin).collect();
    let mut are_through = vec![false; gatherings.len()];
    loop {
        let goes_on = change(parts);
        for ((gathering, index), is_through) in gatherings.iter_mut().zip(&parts.0).zip(&mut are_through) {
            *is_through = *is_through || gathering.step(index, &plan, steps);
        }
        if !goes_on && are_through.iter().all(|is_through| *is_through) {
            break;
        }
    }
    let mut statistics = Statistics::default();
    gatherings.into_iter().for_each(|gathering| statistics.merge(gathering.finish(), &plan));
    let statistics = Arc::new(statistics);
    let search = |(index, snapshot)| Search::new(index, Arc::clone(&plan), Arc::clone(&statistics), snapshot);
    let searches: Vec<Search> = parts.0.iter().zip(snapshots).map(search).collect();
    let (tops, is_over) = (vec![TopScores::new(ALL); searches.len()], vec![false; searches.len()]);
    Running { plan, searches, tops, is_over, scorer: Scorer::DocScore }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A search finds what the model had when the snapshot was taken.
    #[test]
    fn as_a_naive_model_of_the_snapshot(
        changes in prop::collection::vec(change(), 1..60),
        query in node(),
        steps in 1_usize..6,
        later in prop::collection::vec(change(), 0..30),
        part_count in prop::sample::select(vec![1_usize, 4]),
    ) {
        let mut sets = [Parts::new(part_count)];
        let mut model = Model::new();
        for (order, change) in (0..).zip(&changes) {
            apply(change, order, &mut sets, &mut model);
        }
        let matching = model.iter().filter(|(_, (_, row))| row.matches(&query));
        let expected: Vec<Vec<u8>> = matching.map(|(key, _)| vec![*key]).collect();
        let mut later = (1000..).zip(&later);
        let [mut parts] = sets;
        let options = Options::default();
        let mut running = begin_later(&mut parts, (&query, &options), steps, |parts| {
            let Some((order, change)) = later.next() else { return false };
            let mut sets = [std::mem::replace(parts, Parts(Vec::new()))];
            apply(change, order, &mut sets, &mut model);
            [*parts] = sets;
            true
        });
        while !running.step(&parts, usize::MAX) {}
        let mut found: Vec<Vec<u8>> = running.finish(&parts).into_iter().map(|(key, _)| key).collect();
        found.sort();
        prop_assert_eq!(found, expected);
    }
}

/// A pattern stands for so many words only: those that came later, or had died before, take no places.
#[test]
fn words_that_the_snapshot_does_not_see_take_no_places() {
    let row = |word: String| Row::of_texts([Some(word), None, None], None);
    let mut parts = Parts::new(1);
    let put = |parts: &mut Parts, key: u8, word: String| {
        parts.of(0).put(&[key], &row(word).document(key.into())).unwrap();
    };
    for key in 1..=3 {
        put(&mut parts, key, format!("zoo{key}"));
    }
    let held = parts.of(0).snapshot();
    parts.of(0).remove(&[1]);
    let node = Node::new(NodeKind::Pattern(Pattern::Prefix("zo".to_owned())));
    let options = Options { expansions_max: 2, ..Options::default() };
    let mut key = 10;
    let mut running = begin_later(&mut parts, (&node, &options), 1, |parts| {
        put(parts, key, format!("zom{key}"));
        parts.of(0).remove(&[if key == 10 { 2 } else { key - 2 }]);
        key += 1;
        key < 30
    });
    while !running.step(&parts, usize::MAX) {}
    assert_eq!(running.matched(), 2, "zoo2 and zoo3");
    drop(held);
}
