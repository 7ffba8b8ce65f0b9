use crate::graph::tests::{check, random_vector};
use crate::{Config, Graph, Metric, Scratch, SearchOptions, Storage, random};

/// Points on few lines, with many that are equal or nearly so: hard to walk over.
fn hard(state: &mut u64, dimensions: usize) -> Vec<f32> {
    let mut line = random::next(state) % 5;
    let direction = random_vector(&mut line, dimensions);
    let far = f32::from(u8::try_from(random::next(state) % 200).unwrap());
    let mut vector: Vec<f32> = direction.iter().map(|one| one * far).collect();
    let noise = random_vector(state, dimensions);
    vector.iter_mut().zip(noise).for_each(|(one, noise)| *one += noise * 0.1);
    vector
}

#[test]
fn every_vector_finds_itself_after_any_history() {
    for (seed, storage) in [(1, Storage::Float32), (2, Storage::Int8), (3, Storage::Float16)] {
        for metric in [Metric::L2, Metric::Cosine] {
            let (mut state, mut scratch) = (seed, Scratch::default());
            let config = Config { storage, m: 6, ef_construction: 30, seed, ..Config::new(6, metric) };
            let mut graph = Graph::new(config).unwrap();
            for step in 0..2500 {
                graph.insert(&hard(&mut state, 6), &mut scratch).unwrap();
                if step % 3 == 0 {
                    let id = u32::try_from(random::next(&mut state) % u64::from(graph.bound())).unwrap();
                    graph.remove(id, &mut scratch);
                }
            }
            for _ in 0..10 {
                let mut lost = 0;
                let mut from = Some(0);
                while let Some(at) = from {
                    let (next, missing) = graph.mend_some(at, 100, 8, &mut scratch);
                    lost += missing;
                    from = next;
                }
                check(&graph);
                if lost == 0 {
                    break;
                }
            }
            for id in graph.ids() {
                let query = graph.query(&graph.vector(id).unwrap()).unwrap();
                let hits = graph.search(&query, SearchOptions::nearest(1, 32), &mut scratch, |_| true);
                let own = graph.distance_from(&query, id).unwrap();
                assert!(
                    hits[0].distance <= own + 1e-5,
                    "{storage:?} {metric:?} {id}: {} {own}",
                    hits[0].distance
                );
            }
        }
    }
}
