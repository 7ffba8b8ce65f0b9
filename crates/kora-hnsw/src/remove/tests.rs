use crate::graph::tests::{check, random_vector};
use crate::{Config, Graph, Metric, Scratch};

#[test]
fn equal_vectors_stay_connected_with_the_others() {
    let (mut state, mut scratch) = (3, Scratch::default());
    let mut graph = Graph::new(Config { m: 4, ..Config::new(3, Metric::L2) }).unwrap();
    for at in 0..600 {
        let vector = if at % 10 == 0 { random_vector(&mut state, 3) } else { vec![0.25; 3] };
        graph.insert(&vector, &mut scratch).unwrap();
    }
    check(&graph);
    for id in (0..600).step_by(10) {
        graph.remove(id, &mut scratch);
    }
    check(&graph);
}

#[test]
fn removal_of_the_entry_leaves_another_one() {
    let (mut state, mut scratch) = (8, Scratch::default());
    let mut graph = Graph::new(Config { m: 3, ..Config::new(3, Metric::Cosine) }).unwrap();
    for _ in 0..300 {
        graph.insert(&random_vector(&mut state, 3), &mut scratch).unwrap();
    }
    while let Some(entry) = graph.entry() {
        assert!(graph.remove(entry, &mut scratch));
        check(&graph);
    }
    assert!(graph.is_empty());
}

#[test]
fn few_links_and_many_removals() {
    for seed in 0..20 {
        let (mut state, mut scratch) = (seed, Scratch::default());
        let mut graph =
            Graph::new(Config { m: 2, ef_construction: 4, seed, ..Config::new(8, Metric::L2) }).unwrap();
        for _ in 0..300 {
            graph.insert(&random_vector(&mut state, 8), &mut scratch).unwrap();
        }
        for id in 0..300 {
            if (id * 7 + 3) % 5 < 3 {
                graph.remove(id, &mut scratch);
            }
        }
        check(&graph);
    }
}
