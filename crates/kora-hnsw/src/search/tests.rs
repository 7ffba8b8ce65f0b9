use std::collections::HashSet;

use crate::graph::tests::random_vector;
use crate::{Config, Graph, Hit, Metric, Scratch, Search, SearchOptions, Storage};

fn build(config: Config, count: usize) -> (Graph, Scratch, u64) {
    let (mut graph, mut scratch, mut state) = (Graph::new(config).unwrap(), Scratch::default(), 21);
    for _ in 0..count {
        graph.insert(&random_vector(&mut state, config.dimensions), &mut scratch).unwrap();
    }
    (graph, scratch, state)
}

/// The vectors that a filter lets through, nearest first, without the index.
fn by_hand(graph: &Graph, query: &[f32], filter: impl Fn(u32) -> bool) -> Vec<Hit> {
    let query = graph.query(query).unwrap();
    let of = |id| Hit { id, distance: graph.distance_from(&query, id).unwrap() };
    let mut all: Vec<Hit> = graph.ids().filter(|id| filter(*id)).map(of).collect();
    all.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    all
}

#[test]
fn filters_find_all_that_there_is_and_the_nearest_of_many() {
    let (graph, mut scratch, mut state) = build(Config::new(12, Metric::L2), 4000);
    let mut found = [0; 3];
    let costs = [0.0, 0.25, f32::INFINITY];
    for turn in 0..30 {
        let raw = random_vector(&mut state, 12);
        let query = graph.query(&raw).unwrap();
        for every in [2, 10, 100, 1000, 4000] {
            let filter = |id: u32| (id + turn).is_multiple_of(every);
            let expected = by_hand(&graph, &raw, filter);
            for (cost, found) in costs.iter().zip(&mut found) {
                let options = SearchOptions { filter_cost: *cost, ..SearchOptions::nearest(10, 64) };
                let hits = graph.search(&query, options, &mut scratch, filter);
                assert_eq!(hits.len(), expected.len().min(10), "never fewer than there are");
                assert!(hits.iter().all(|hit| filter(hit.id)));
                assert!(hits.is_sorted_by(|a, b| a.distance <= b.distance));
                let nearest: HashSet<u32> = expected.iter().take(10).map(|hit| hit.id).collect();
                *found += hits.iter().filter(|hit| nearest.contains(&hit.id)).count();
            }
        }
    }
    // 10, 10, 10, 4 and 1 for each query.
    for found in found {
        assert!(found >= 30 * 35 * 97 / 100, "{found} of {}", 30 * 35);
    }
}

#[test]
fn a_filter_is_asked_once_about_a_node() {
    let (graph, mut scratch, mut state) = build(Config::new(12, Metric::Cosine), 2000);
    for every in [1, 3, 30, 500] {
        let query = graph.query(&random_vector(&mut state, 12)).unwrap();
        let mut asked = HashSet::new();
        let options = SearchOptions { filter_cost: 0.5, ..SearchOptions::nearest(10, 50) };
        graph.search(&query, options, &mut scratch, |id| {
            assert!(asked.insert(id), "asked twice about {id}");
            id % every == 0
        });
    }
}

/// Where a call of the filter costs as much as many distances, what is near is measured first, and most nodes are never asked about.
#[test]
fn a_costly_filter_is_asked_about_near_nodes_only() {
    let (graph, mut scratch, mut state) = build(Config::new(12, Metric::L2), 4000);
    for _ in 0..10 {
        let query = graph.query(&random_vector(&mut state, 12)).unwrap();
        let mut asked = 0;
        let options = SearchOptions { filter_cost: 10.0, ..SearchOptions::nearest(10, 32) };
        let hits = graph.search(&query, options, &mut scratch, |id| {
            asked += 1;
            id.is_multiple_of(10)
        });
        assert_eq!(hits.len(), 10);
        assert!(asked < 2000, "{asked} of 4000");
    }
}

/// What is let through lies behind all that is not: links lead there late, and everything there is about as far as the rest.
#[test]
fn filters_far_from_the_query_cost_a_scan_and_find_as_much() {
    let (graph, mut scratch, mut state) = build(Config::new(24, Metric::Cosine), 6000);
    for cost in [0.25, 4.0] {
        for turn in 0..20 {
            let raw = random_vector(&mut state, 24);
            let query = graph.query(&raw).unwrap();
            let all = by_hand(&graph, &raw, |_| true);
            let far: HashSet<u32> = all[all.len() / [2, 10][turn % 2]..].iter().map(|hit| hit.id).collect();
            let mut asked = 0;
            let options = SearchOptions { filter_cost: cost, ..SearchOptions::nearest(10, 64) };
            let mut search = Search::new(query, options, std::mem::take(&mut scratch));
            search.advance(&graph, usize::MAX, |id| {
                asked += 1;
                far.contains(&id)
            });
            let walked = search.met();
            let hits;
            (hits, scratch) = search.finish(&graph);
            let expected = by_hand(&graph, &raw, |id| far.contains(&id));
            let ids = |hits: &[Hit]| hits.iter().take(10).map(|hit| hit.id).collect::<Vec<_>>();
            assert_eq!(ids(&hits), ids(&expected), "cost {cost}, turn {turn}");
            assert!(walked < 2000 && asked <= 6000, "walked over {walked}, asked about {asked}");
        }
    }
}

#[test]
fn visits_are_limited() {
    let (graph, mut scratch, _) = build(Config::new(12, Metric::L2), 3000);
    let query = graph.query(&[0.0; 12]).unwrap();
    for visits_max in [1, 100, 1000] {
        let mut asked = 0;
        let options = SearchOptions { visits_max, ..SearchOptions::nearest(10, 50) };
        let hits = graph.search(&query, options, &mut scratch, |_| {
            asked += 1;
            false
        });
        assert!(hits.is_empty());
        assert!(asked <= visits_max + 24 * 24, "{asked}");
    }
}

#[test]
fn a_radius_finds_all_within() {
    for metric in [Metric::L2, Metric::Cosine] {
        let (graph, mut scratch, mut state) = build(Config::new(6, metric), 3000);
        let (mut found, mut wanted) = (0, 0);
        for _ in 0..30 {
            let raw = random_vector(&mut state, 6);
            let query = graph.query(&raw).unwrap();
            let all = by_hand(&graph, &raw, |id| id % 2 == 0);
            let radius = all[60].distance;
            let options = SearchOptions { epsilon: 0.1, ..SearchOptions::within(radius, 20) };
            let hits = graph.search(&query, options, &mut scratch, |id| id % 2 == 0);
            assert!(hits.iter().all(|hit| hit.distance <= radius && hit.id % 2 == 0));
            found += hits.len();
            wanted += all.iter().filter(|hit| hit.distance <= radius).count();
            let options = SearchOptions { is_exact: true, ..SearchOptions::within(radius, 20) };
            let exact = graph.search(&query, options, &mut scratch, |id| id % 2 == 0);
            assert_eq!(exact.len(), all.iter().filter(|hit| hit.distance <= radius).count());
        }
        assert!(found * 100 >= wanted * 99, "{metric:?}: {found} of {wanted}");
    }
}

#[test]
fn slices_find_the_same() {
    let (graph, mut scratch, mut state) = build(Config::new(12, Metric::L2), 3000);
    for every in [1, 5, 50, 1000] {
        let query = graph.query(&random_vector(&mut state, 12)).unwrap();
        let options = SearchOptions::nearest(10, 100);
        let filter = |id: u32| id.is_multiple_of(every);
        let whole = graph.search(&query, options, &mut scratch, filter);
        let mut search = Search::new(query, options, Scratch::default());
        let mut slices = 0;
        while !search.advance(&graph, 100, filter) {
            slices += 1;
        }
        assert!(slices > 2);
        let sliced = search.finish(&graph).0;
        // Where the way changes depends on slices; what is found hardly does.
        let ids: HashSet<u32> = whole.iter().map(|hit| hit.id).collect();
        assert!(sliced.iter().filter(|hit| ids.contains(&hit.id)).count() * 10 >= whole.len() * 9);
    }
}

#[test]
fn originals_give_exact_distances() {
    let storage = Storage::Int8;
    let config = Config { storage, keeps_original: true, ..Config::new(24, Metric::Cosine) };
    let (graph, mut scratch, mut state) = build(config, 1000);
    let raw = random_vector(&mut state, 24);
    let query = graph.query(&raw).unwrap();
    for hit in graph.search(&query, SearchOptions::nearest(10, 100), &mut scratch, |_| true) {
        let own = graph.vector(hit.id).unwrap();
        let dot: f32 = own.iter().zip(&raw).map(|(a, b)| a * b).sum();
        let norms: f32 = [&own, &raw].iter().map(|v| v.iter().map(|x| x * x).sum::<f32>().sqrt()).product();
        assert!((hit.distance - (1.0 - dot / norms)).abs() < 1e-5);
    }
    let some = graph.nearest_of(&query, [5, 6, 7, 5000], 2, &mut scratch);
    let expected: Vec<u32> =
        by_hand(&graph, &raw, |id| (5..8).contains(&id)).iter().take(2).map(|hit| hit.id).collect();
    assert_eq!(some.iter().map(|hit| hit.id).collect::<Vec<_>>(), expected);
}

#[test]
fn an_empty_graph_has_nothing() {
    let graph = Graph::new(Config::new(3, Metric::L2)).unwrap();
    let query = graph.query(&[1.0; 3]).unwrap();
    let mut scratch = Scratch::default();
    assert!(graph.search(&query, SearchOptions::nearest(5, 5), &mut scratch, |_| true).is_empty());
    assert!(graph.search(&query, SearchOptions::exact(5), &mut scratch, |_| true).is_empty());
    assert!(graph.search(&query, SearchOptions::within(1.0, 5), &mut scratch, |_| true).is_empty());
}
