use std::collections::HashSet;

use proptest::prelude::*;

use crate::graph::{Graph, Scratch};
use crate::links::NONE;
use crate::{Config, Metric, Search, SearchOptions, Storage, random};

/// Elements between -1 and 1, around one of a few centres if there are any.
pub(crate) fn random_vector(state: &mut u64, dimensions: usize) -> Vec<f32> {
    let mut unit = || (random::next(state) >> 40) as f32 / (1_u64 << 23) as f32 - 1.0;
    (0..dimensions).map(|_| unit()).collect()
}

/// Checks everything that must be true of a graph at any time.
pub(crate) fn check(graph: &Graph) {
    let live: Vec<u32> = graph.ids().collect();
    assert_eq!(live.len(), graph.len());
    assert_eq!(graph.entry().is_none(), live.is_empty());
    if let Some(entry) = graph.entry() {
        assert_eq!(graph.level(entry), Some(graph.top()), "the entry is in the highest layer");
    }
    for id in &live {
        let level = graph.level(*id).unwrap();
        for layer in 0..=level {
            let links = graph.links(*id, layer);
            let row = graph.links.row(layer, *id);
            assert!(row[links.len()..].iter().all(|link| *link == NONE), "links come first");
            assert!(links.len() <= graph.config().links_max(layer));
            assert_eq!(links.iter().collect::<HashSet<_>>().len(), links.len(), "no link twice");
            for other in links {
                assert_ne!(other, id);
                assert!(graph.contains(*other), "dangling link");
                assert!(graph.links(*other, layer).contains(id), "link is mutual");
            }
        }
    }
    assert_eq!(reachable(graph), live.len(), "the lowest layer is connected");
}

/// Nodes of the lowest layer that links lead to from the entry.
pub(crate) fn reachable(graph: &Graph) -> usize {
    let Some(entry) = graph.entry() else { return 0 };
    let (mut met, mut stack) = (HashSet::from([entry]), vec![entry]);
    while let Some(id) = stack.pop() {
        for other in graph.links(id, 0) {
            if met.insert(*other) {
                stack.push(*other);
            }
        }
    }
    met.len()
}

/// Share of the `k` nearest that a search finds, by the number of queries.
fn recall(graph: &Graph, queries: &[Vec<f32>], k: usize, ef: usize, scratch: &mut Scratch) -> f64 {
    let mut found = 0;
    for query in queries {
        let query = graph.query(query).unwrap();
        let exact: HashSet<u32> = graph
            .search(&query, SearchOptions::exact(k), scratch, |_| true)
            .iter()
            .map(|hit| hit.id)
            .collect();
        let hits = graph.search(&query, SearchOptions::nearest(k, ef), scratch, |_| true);
        found += hits.iter().filter(|hit| exact.contains(&hit.id)).count();
    }
    found as f64 / (queries.len() * k) as f64
}

fn storages() -> impl Strategy<Value = Storage> {
    prop::sample::select(vec![
        Storage::Float32,
        Storage::Float16,
        Storage::BFloat16,
        Storage::Int8,
        Storage::Binary,
        Storage::BinaryRotated,
    ])
}

fn metrics() -> impl Strategy<Value = Metric> {
    prop::sample::select(vec![Metric::L2, Metric::InnerProduct, Metric::Cosine])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_history_leaves_a_sound_graph(
        storage in storages(),
        metric in metrics(),
        m in 2_usize..8,
        dimensions in 1_usize..20,
        seed in any::<u64>(),
        steps in prop::collection::vec((0_u8..10, any::<u64>()), 1..250),
    ) {
        let config = Config { storage, m, ef_construction: 20, seed, keeps_original: seed % 2 == 0, ..Config::new(dimensions, metric) };
        let mut graph = Graph::new(config).unwrap();
        let mut scratch = Scratch::default();
        let mut live: Vec<u32> = Vec::new();
        for (step, number) in steps {
            let mut state = number;
            // Few different vectors, so that there are many equal ones.
            state = if step % 2 == 0 { state % 7 } else { state };
            let vector = random_vector(&mut state, dimensions);
            match step {
                0..=5 => live.push(graph.insert(&vector, &mut scratch).unwrap()),
                6 if !live.is_empty() => {
                    let id = live[usize::try_from(number).unwrap() % live.len()];
                    graph.update(id, &vector, &mut scratch).unwrap();
                }
                _ if !live.is_empty() => {
                    let id = live.swap_remove(usize::try_from(number).unwrap() % live.len());
                    prop_assert!(graph.remove(id, &mut scratch));
                    prop_assert!(!graph.remove(id, &mut scratch));
                }
                _ => {}
            }
        }
        check(&graph);
        // Whatever the filter lets through is found.
        let query = graph.query(&vec![0.5; dimensions]).unwrap();
        let wanted: Vec<u32> = live.iter().copied().filter(|id| id % 5 == 0).collect();
        let options = SearchOptions { filter_cost: f32::INFINITY, ..SearchOptions::nearest(wanted.len(), 1) };
        let hits = graph.search(&query, options, &mut scratch, |id| id % 5 == 0);
        prop_assert_eq!(hits.len(), wanted.len());
        for id in live {
            graph.remove(id, &mut scratch);
        }
        prop_assert_eq!(graph.memory(), Graph::new(config).unwrap().memory());
    }
}

#[test]
fn searches_find_what_a_scan_finds() {
    let mut state = 1;
    let mut graph = Graph::new(Config { seed: 3, ..Config::new(16, Metric::Cosine) }).unwrap();
    let mut scratch = Scratch::default();
    for _ in 0..3000 {
        graph.insert(&random_vector(&mut state, 16), &mut scratch).unwrap();
    }
    check(&graph);
    let queries: Vec<_> = (0..100).map(|_| random_vector(&mut state, 16)).collect();
    assert!(recall(&graph, &queries, 10, 100, &mut scratch) > 0.97);
    let mut ids: Vec<u32> = graph.ids().collect();
    for _ in 0..3 {
        for id in ids.iter().step_by(2) {
            graph.remove(*id, &mut scratch);
        }
        for _ in 0..1500 {
            graph.insert(&random_vector(&mut state, 16), &mut scratch).unwrap();
        }
        ids.rotate_left(1);
    }
    check(&graph);
    assert_eq!(graph.bound(), 3000, "places of removed vectors are used again");
    assert!(recall(&graph, &queries, 10, 100, &mut scratch) > 0.96);
    for id in graph.ids() {
        let query = graph.query(&graph.vector(id).unwrap()).unwrap();
        assert_eq!(graph.search(&query, SearchOptions::nearest(1, 32), &mut scratch, |_| true)[0].id, id);
    }
}

#[test]
fn a_search_in_slices_goes_on_while_the_graph_changes() {
    let mut state = 5;
    let mut graph = Graph::new(Config::new(8, Metric::L2)).unwrap();
    let mut scratch = Scratch::default();
    for _ in 0..1000 {
        graph.insert(&random_vector(&mut state, 8), &mut scratch).unwrap();
    }
    for turn in 0..50 {
        let query = random_vector(&mut state, 8);
        let query = graph.query(&query).unwrap();
        let mut search = Search::new(query.clone(), SearchOptions::nearest(10, 100), Scratch::default());
        let mut gone = HashSet::new();
        while !search.advance(&graph, 20, |_| true) {
            let id = graph.ids().nth((random::next(&mut state) % 900) as usize).unwrap();
            gone.insert(id);
            graph.remove(id, &mut scratch);
            let fresh = graph.insert(&random_vector(&mut state, 8), &mut scratch).unwrap();
            gone.remove(&fresh);
        }
        let (hits, _) = search.finish(&graph);
        assert_eq!(hits.len(), 10, "turn {turn}");
        for hit in &hits {
            assert!(!gone.contains(&hit.id));
            let exact = graph.distance_from(&query, hit.id).unwrap();
            assert!((exact - hit.distance).abs() < 1e-5, "the distance is that of what is there now");
        }
    }
    check(&graph);
}

#[test]
fn a_big_graph_is_freed_in_pieces() {
    let mut state = 9;
    let mut graph = Graph::new(Config { ef_construction: 8, ..Config::new(2000, Metric::L2) }).unwrap();
    let mut scratch = Scratch::default();
    for _ in 0..200 {
        graph.insert(&random_vector(&mut state, 2000), &mut scratch).unwrap();
    }
    let mut calls = 0;
    while graph.clear_some(1) {
        assert!(graph.is_empty());
        calls += 1;
    }
    assert!(calls > 3);
    assert_eq!(graph.memory(), 0);
    graph.insert(&random_vector(&mut state, 2000), &mut scratch).unwrap();
    check(&graph);
}
