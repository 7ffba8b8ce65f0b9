//! Searches against a naive model, and against values recorded from RediSearch 2.10.5.

mod explanations;
mod gathering;
mod graphs;
mod model;
mod oracle;
mod patterns;
mod profiles;
mod vectors;
mod windows;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::document::SortKey;
use crate::plan::Options;
use crate::query::Node;
use crate::statistics::Gathering;
use model::{Row, node, row, schema};

/// More than there are.
const ALL: usize = 1000;

/// Parts of one index: a key is in the part that its first byte says.
struct Parts(Vec<Index>);

/// A search over all parts, with what it needs.
#[derive(Clone)]
struct Running {
    plan: Arc<Plan>,
    searches: Vec<Search>,
    tops: Vec<TopScores>,
    is_over: Vec<bool>,
    scorer: Scorer,
}

impl Parts {
    fn new(count: usize) -> Self {
        Self((0..count).map(|seed| Index::new(&schema(), seed as u64).unwrap()).collect())
    }

    fn of(&mut self, key: u8) -> &mut Index {
        let count = self.0.len();
        &mut self.0[usize::from(key) % count]
    }

    /// Begins a search for so many matches.
    fn begin(&mut self, node: &Node, scorer: Scorer, limit: usize) -> Running {
        let plan = Arc::new(Plan::new(&self.0[0], node, &Options::default()).unwrap());
        let snapshots: Vec<Snapshot> = self.0.iter_mut().map(Index::snapshot).collect();
        let mut statistics = Statistics::default();
        for index in &self.0 {
            statistics.merge(Gathering::all(index, &plan), &plan);
        }
        let statistics = Arc::new(statistics);
        let searches: Vec<Search> = self
            .0
            .iter()
            .zip(snapshots)
            .map(|(index, snapshot)| Search::new(index, Arc::clone(&plan), Arc::clone(&statistics), snapshot))
            .collect();
        let tops = vec![TopScores::new(limit); searches.len()];
        let is_over = vec![false; searches.len()];
        Running { plan, searches, tops, is_over, scorer }
    }
}

impl Running {
    fn step(&mut self, parts: &Parts, steps: usize) -> bool {
        let scoring = SearchScoring { scorer: self.scorer, ..SearchScoring::default() };
        for (at, index) in parts.0.iter().enumerate() {
            let top = &mut self.tops[at];
            self.is_over[at] = self.is_over[at]
                || self.searches[at].step(index, steps, &scoring, |found| top.consider(found));
        }
        self.is_over.iter().all(|is_over| *is_over)
    }

    /// How many match.
    fn matched(&self) -> u64 {
        self.searches.iter().map(Search::matched).sum()
    }

    /// Keys and scores, in their order.
    fn finish(self, parts: &Parts) -> Vec<(Vec<u8>, f64)> {
        let mut all: Vec<(Hit, Vec<u8>)> = Vec::new();
        for ((search, top), index) in self.searches.iter().zip(self.tops).zip(&parts.0) {
            all.extend(
                top.finish()
                    .into_iter()
                    .map(|hit| (hit, index.key(search.snapshot(), hit.document).to_vec())),
            );
        }
        all.sort_by(|one, other| one.0.compare(&other.0));
        all.into_iter().map(|(hit, key)| (key, hit.score)).collect()
    }
}

fn scorers() -> impl Strategy<Value = Scorer> {
    prop::sample::select(vec![
        Scorer::TfIdf,
        Scorer::TfIdfDocNorm,
        Scorer::Bm25,
        Scorer::Bm25Std,
        Scorer::DisMax,
    ])
}

#[derive(Clone, Debug)]
enum Change {
    Put(u8, Row),
    Remove(u8),
    Rename(u8, u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (0_u8..24, row()).prop_map(|(key, row)| Change::Put(key, row)),
        1 => (0_u8..24).prop_map(Change::Remove),
        // A key stays in its part: RENAME to another part is a removal and a put.
        1 => (0_u8..6, 0_u8..6, 0_u8..4).prop_map(|(from, to, part)| Change::Rename(from * 4 + part, to * 4 + part)),
    ]
}

type Model = BTreeMap<u8, (u64, Row)>;

fn apply(change: &Change, order: u64, sets: &mut [Parts], model: &mut Model) {
    for parts in sets.iter_mut() {
        match change {
            Change::Put(key, row) => parts.of(*key).put(&[*key], &row.document(order)).unwrap(),
            Change::Remove(key) => assert_eq!(parts.of(*key).remove(&[*key]), model.contains_key(key)),
            Change::Rename(from, to) => {
                assert_eq!(parts.of(*from).rename(&[*from], &[*to]), model.contains_key(from))
            }
        }
    }
    match change {
        Change::Put(key, row) => drop(model.insert(*key, (order, row.clone()))),
        Change::Remove(key) => drop(model.remove(key)),
        Change::Rename(from, to) => {
            if let Some(value) = model.remove(from) {
                model.insert(*to, value);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// What a search finds is what the model had when it began, whatever changes between its slices; and scores and orders are the same in one
    /// part, in four, and in an index that was built of what was left.
    #[test]
    fn as_a_naive_model(
        changes in prop::collection::vec(change(), 1..60),
        query in node(),
        scorer in scorers(),
        steps in 1_usize..6,
        later in prop::collection::vec(change(), 0..20),
        held in (0_u64..60, 0_u64..60),
        limit in 1_usize..6,
    ) {
        let mut sets = [Parts::new(1), Parts::new(4)];
        let mut model = Model::new();
        let mut snapshots = Vec::new();
        for (order, change) in (0..).zip(&changes) {
            if order == held.0 {
                snapshots = sets.iter_mut().flat_map(|parts| parts.0.iter_mut().map(Index::snapshot)).collect();
            }
            if order == held.1 {
                snapshots.clear();
            }
            apply(change, order, &mut sets, &mut model);
        }
        drop(snapshots);
        let mut expected: Vec<Vec<u8>> =
            model.iter().filter(|(_, (_, row))| row.matches(&query)).map(|(key, _)| vec![*key]).collect();
        let mut rebuilt = Parts::new(1);
        for (key, (order, row)) in &model {
            rebuilt.of(*key).put(&[*key], &row.document(*order)).unwrap();
        }
        let mut running = sets.each_mut().map(|parts| parts.begin(&query, scorer, ALL));
        let mut few = sets.each_mut().map(|parts| parts.begin(&query, scorer, limit));
        let mut fresh = rebuilt.begin(&query, scorer, ALL);
        while !fresh.step(&rebuilt, usize::MAX) {}
        let mut later = (1000..).zip(&later);
        loop {
            let mut is_over = true;
            for ((running, few), parts) in running.iter_mut().zip(&mut few).zip(&sets) {
                is_over &= running.step(parts, steps) & few.step(parts, steps);
            }
            match later.next() {
                Some((order, change)) => apply(change, order, &mut sets, &mut model),
                None if is_over => break,
                None => {}
            }
        }
        let plan = Arc::clone(&running[0].plan);
        // Looking for few of them finds the first of all, and counts all.
        for ((all, few), parts) in running.iter().zip(few).zip(&sets) {
            prop_assert_eq!(all.matched(), few.matched(), "{:?}", plan);
            let all: Vec<_> = all.clone().finish(parts).into_iter().take(limit).collect();
            let few: Vec<_> = few.finish(parts).into_iter().take(limit).collect();
            prop_assert_eq!(bits(&few), bits(&all), "{:?}", plan);
        }
        let [one, four] = running;
        let (one, four) = (one.finish(&sets[0]), four.finish(&sets[1]));
        prop_assert_eq!(&bits(&one), &bits(&four), "one part and four, {:?}", plan);
        prop_assert_eq!(&bits(&one), &bits(&fresh.finish(&rebuilt)), "with a past and without, {:?}", plan);
        let mut found: Vec<Vec<u8>> = one.iter().map(|(key, _)| key.clone()).collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected, "{:?}", plan);
    }

    /// Removing all returns all memory, also if searches held it back for a while.
    #[test]
    fn nothing_is_left(changes in prop::collection::vec(change(), 1..200), every in 1_usize..40) {
        let mut sets = [Parts::new(1)];
        let mut model = Model::new();
        let mut snapshots = Vec::new();
        for (at, (order, change)) in (0..).zip(&changes).enumerate() {
            apply(change, order, &mut sets, &mut model);
            if at % every == 0 {
                snapshots.push(sets[0].0[0].snapshot());
            }
        }
        let index = &mut sets[0].0[0];
        snapshots.truncate(1);
        prop_assert_eq!(index.document_count(), model.len());
        for key in model.keys() {
            prop_assert!(index.remove(&[*key]));
        }
        snapshots.clear();
        while index.reclaim(1) > 0 {}
        let memory = index.memory();
        prop_assert_eq!((memory.total_bytes(), memory.word_count, memory.record_count), (0, 0, 0), "{:?}", memory);
        prop_assert_eq!(index.words("").count(), 0);
    }

    /// The first by a sort key are those of a sorted list.
    #[test]
    fn first_by_sort_key(rows in prop::collection::vec(row(), 0..60), limit in 0_usize..20, descends in any::<bool>()) {
        let mut index = Index::new(&schema(), 1).unwrap();
        for (at, row) in rows.iter().enumerate() {
            index.put(&at.to_be_bytes(), &row.document(at as u64)).unwrap();
        }
        let direction = if descends { Direction::Descending } else { Direction::Ascending };
        let mut parts = Parts(vec![index]);
        let mut running = parts.begin(&Node::new(crate::query::NodeKind::All), Scorer::DocScore, ALL);
        let mut top = TopKeys::new(limit, direction);
        let index = &parts.0[0];
        running.searches[0].step(index, usize::MAX, &SearchScoring::NONE, |found| {
            top.consider(index.sortable(found.document, model::NUMBER_FIELD), found, false);
            Flow::Continue
        });
        let found: Vec<u64> = top.finish().into_iter().map(|(_, hit)| hit.order).collect();
        let mut expected: Vec<(SortKey<'_>, u64)> = rows
            .iter()
            .enumerate()
            .map(|(at, row)| (row.number.map_or(SortKey::Missing, |number| SortKey::Number(f64::from(number))), at as u64))
            .collect();
        expected.sort_by(|one, other| direction.compare(*one, *other));
        prop_assert_eq!(found, expected.into_iter().take(limit).map(|(_, order)| order).collect::<Vec<_>>());
    }
}

fn bits(rows: &[(Vec<u8>, f64)]) -> Vec<(Vec<u8>, u64)> {
    rows.iter().map(|(key, score)| (key.clone(), if score.is_nan() { 1 } else { score.to_bits() })).collect()
}
