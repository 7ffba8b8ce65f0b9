use proptest::prelude::*;

use crate::graph::tests::{check, random_vector};
use crate::{Builder, Config, Encoded, Error, Graph, Metric, Scratch, SearchOptions, Storage};

fn build(config: Config, count: usize) -> Graph {
    let (mut state, mut scratch) = (7, Scratch::default());
    let mut graph = Graph::new(config).unwrap();
    for _ in 0..count {
        graph.insert(&random_vector(&mut state, config.dimensions), &mut scratch).unwrap();
    }
    for id in (0..graph.bound()).step_by(7) {
        graph.remove(id, &mut scratch);
    }
    graph
}

/// The parts of a graph, put together again; `change` may damage the links.
fn again(graph: &Graph, mut change: impl FnMut(u32, usize, &mut Vec<u32>)) -> Result<Graph, Error> {
    let mut builder = Builder::new(*graph.config())?;
    for id in 0..graph.bound() {
        let Some(level) = graph.level(id) else {
            builder.skip()?;
            continue;
        };
        let encoded = graph.encoded(id).unwrap();
        let norm = graph.norm(id).unwrap();
        assert_eq!(builder.push(level, &encoded, norm, graph.original(id))?, id);
        for layer in 0..=level {
            let mut links = graph.links(id, layer).to_vec();
            change(id, layer, &mut links);
            builder.set_links(id, layer, &links)?;
        }
    }
    builder.finish(graph.entry(), &mut Scratch::default())
}

#[test]
fn parts_make_the_same_graph() {
    for storage in [Storage::Float32, Storage::Float16, Storage::Int8, Storage::BinaryRotated] {
        for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
            let graph = build(Config { storage, keeps_original: true, ..Config::new(20, metric) }, 300);
            let same = again(&graph, |_, _, _| {}).unwrap();
            check(&same);
            assert_eq!((same.len(), same.bound(), same.entry()), (graph.len(), graph.bound(), graph.entry()));
            let query = graph.query(&[0.1; 20]).unwrap();
            let (mut a, mut b) = (Scratch::default(), Scratch::default());
            let options = SearchOptions::nearest(10, 20);
            assert_eq!(
                graph.search(&query, options, &mut a, |_| true),
                same.search(&query, options, &mut b, |_| true)
            );
            for id in graph.ids() {
                assert_eq!(graph.vector(id), same.vector(id));
            }
        }
    }
}

#[test]
fn links_out_of_range_are_refused() {
    let graph = build(Config::new(4, Metric::L2), 100);
    for bad in [0, 100, u32::MAX - 1, u32::MAX] {
        let damaged = again(&graph, |id, layer, links| {
            if id == 50 && layer == 0 {
                links[0] = bad;
            }
        });
        assert!(damaged.is_err(), "{bad}");
    }
    let repeated = again(&graph, |id, _, links| {
        if id == 50 {
            links[0] = links[1];
        }
    });
    assert!(repeated.is_err());
    let of_itself = again(&graph, |id, _, links| {
        if id == 50 {
            links[0] = 50;
        }
    });
    assert!(of_itself.is_err());
    let too_many = again(&graph, |_, _, links| links.resize(33, 1));
    assert!(too_many.is_err());
    // A layer that the other node is not in.
    let low = graph.ids().find(|id| graph.level(*id) == Some(0)).unwrap();
    let above = again(&graph, |_, layer, links| {
        if layer == 1 {
            *links = vec![low];
        }
    });
    assert!(above.is_err());
}

#[test]
fn vectors_of_another_kind_are_refused() {
    let mut builder = Builder::new(Config::new(4, Metric::L2)).unwrap();
    assert!(builder.push(0, &Encoded::Float32(&[0.0; 3]), 1.0, None).is_err());
    assert!(builder.push(0, &Encoded::Binary(&[0]), 1.0, None).is_err());
    assert!(builder.push(99, &Encoded::Float32(&[0.0; 4]), 1.0, None).is_err());
    assert!(builder.set_links(77, 0, &[]).is_err());
    let config = Config { keeps_original: true, ..Config::new(4, Metric::L2) };
    let mut builder = Builder::new(config).unwrap();
    assert!(builder.push(0, &Encoded::Float32(&[0.0; 4]), 1.0, None).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn links_that_are_missing_are_mended(kept in prop::collection::vec(any::<u8>(), 64), all in any::<bool>()) {
        let graph = build(Config { m: 4, ..Config::new(4, Metric::L2) }, 200);
        let mut at = 0;
        let mended = again(&graph, |_, _, links| {
            links.retain(|_| {
                at += 1;
                kept[at % 64] > 100 && !all
            });
        });
        check(&mended.unwrap());
    }

    #[test]
    fn random_links_never_break_anything(numbers in prop::collection::vec(0_u32..60, 1..400)) {
        let graph = build(Config { m: 3, ..Config::new(2, Metric::Cosine) }, 50);
        let mut at = 0;
        let built = again(&graph, |_, _, links| {
            for link in links {
                at += 1;
                if numbers[at % numbers.len()] < 30 {
                    *link = numbers[(at * 7) % numbers.len()];
                }
            }
        });
        if let Ok(built) = built {
            check(&built);
        }
    }
}
