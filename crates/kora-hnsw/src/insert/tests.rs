use std::collections::HashSet;

use crate::graph::tests::{check, random_vector};
use crate::{Config, Error, Graph, Insertion, Metric, Scratch, SearchOptions};

fn graph(count: usize) -> (Graph, Scratch, u64) {
    let (mut graph, mut scratch, mut state) =
        (Graph::new(Config::new(6, Metric::L2)).unwrap(), Scratch::default(), 11);
    for _ in 0..count {
        graph.insert(&random_vector(&mut state, 6), &mut scratch).unwrap();
    }
    (graph, scratch, state)
}

#[test]
fn an_insertion_in_slices_is_the_same() {
    let (mut whole, mut scratch, mut state) = graph(500);
    let mut sliced = whole.clone();
    let vector = random_vector(&mut state, 6);
    let id = whole.insert(&vector, &mut scratch).unwrap();
    let mut insertion = Insertion::new(&sliced, &vector, Scratch::default()).unwrap();
    let mut slices = 0;
    while !insertion.advance(&sliced, 50) {
        slices += 1;
    }
    assert!(slices > 3);
    assert_eq!(sliced.commit(insertion).0, Ok(id));
    assert_eq!(whole.links(id, 0), sliced.links(id, 0));
    check(&sliced);
}

#[test]
fn the_graph_may_change_before_the_commit() {
    for at in 0..40 {
        let (mut graph, mut scratch, mut state) = graph(200);
        let vector = random_vector(&mut state, 6);
        let mut insertion = Insertion::new(&graph, &vector, Scratch::default()).unwrap();
        for _ in 0..at {
            insertion.advance(&graph, 20);
        }
        // The nearest ones go, or all; others come.
        let query = graph.query(&vector).unwrap();
        let count = if at % 4 == 0 { 200 } else { 30 };
        let near = graph.search(&query, SearchOptions::exact(count), &mut scratch, |_| true);
        for hit in near {
            graph.remove(hit.id, &mut scratch);
        }
        for _ in 0..at % 7 {
            graph.insert(&random_vector(&mut state, 6), &mut scratch).unwrap();
        }
        if at % 3 == 0 {
            insertion.advance(&graph, 100);
        }
        let id = graph.commit(insertion).0.unwrap();
        check(&graph);
        let hits = graph.search(&query, SearchOptions::nearest(1, 50), &mut scratch, |_| true);
        assert_eq!(hits[0].id, id);
    }
}

#[test]
fn an_update_keeps_the_number() {
    let (mut graph, mut scratch, mut state) = graph(300);
    for id in 0..300 {
        let vector = random_vector(&mut state, 6);
        graph.update(id, &vector, &mut scratch).unwrap();
        assert_eq!(graph.vector(id), Some(vector));
    }
    assert_eq!(graph.ids().collect::<HashSet<_>>(), (0..300).collect());
    check(&graph);
    assert_eq!(graph.update(300, &[0.0; 6], &mut scratch), Err(Error::Missing));
    assert_eq!(graph.update(0, &[0.0; 5], &mut scratch), Err(Error::Dimensions { given: 5, wanted: 6 }));
}

#[test]
fn an_insertion_may_meet_another_graph() {
    let (graph, _, _) = graph(200);
    for count in [0, 100] {
        let mut insertion = Insertion::new(&graph, &[0.5; 6], Scratch::default()).unwrap();
        insertion.advance(&graph, 100);
        let mut other = self::graph(count).0;
        other.clear();
        let mut scratch = Scratch::default();
        for at in 0..count {
            other.insert(&[f32::from(u8::try_from(at).unwrap()); 6], &mut scratch).unwrap();
        }
        insertion.advance(&other, 10);
        assert!(other.commit(insertion).0.is_ok());
        check(&other);
        let insertion = Insertion::new(&graph, &[0.5; 6], Scratch::default()).unwrap();
        let mut shorter = Graph::new(Config::new(5, Metric::L2)).unwrap();
        assert!(shorter.commit(insertion).0.is_err());
    }
}

#[test]
fn equal_seeds_make_equal_graphs() {
    let (a, _, _) = graph(300);
    let (b, _, _) = graph(300);
    for id in a.ids() {
        assert_eq!(a.level(id), b.level(id));
        assert_eq!(a.links(id, 0), b.links(id, 0));
    }
}

#[test]
fn configurations_out_of_range_are_refused() {
    let config = Config::new(6, Metric::L2);
    for bad in [
        Config { dimensions: 0, ..config },
        Config { dimensions: 65_537, ..config },
        Config { m: 1, ..config },
        Config { m: 4097, ..config },
        Config { ef_construction: 0, ..config },
    ] {
        assert!(Graph::new(bad).is_err(), "{bad:?}");
    }
}
