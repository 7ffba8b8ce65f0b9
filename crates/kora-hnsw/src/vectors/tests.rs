use proptest::prelude::*;

use super::rotation::Rotation;
use super::*;
use crate::graph::tests::random_vector;

const METRICS: [Metric; 3] = [Metric::L2, Metric::InnerProduct, Metric::Cosine];

/// The distance by the book.
fn plain(metric: Metric, a: &[f32], b: &[f32]) -> f32 {
    let pairs = || a.iter().zip(b);
    let dot: f32 = pairs().map(|(a, b)| a * b).sum();
    match metric {
        Metric::L2 => pairs().map(|(a, b)| (a - b) * (a - b)).sum(),
        Metric::Euclidean => plain(Metric::L2, a, b).sqrt(),
        Metric::InnerProduct => 1.0 - dot,
        Metric::Cosine => 1.0 - dot / code::norm(a) / code::norm(b),
    }
}

fn stored(storage: Storage, metric: Metric, vectors: &[Vec<f32>]) -> Vectors {
    let config = Config { storage, ..Config::new(vectors[0].len(), metric) };
    let mut kept = Vectors::new(&config);
    for (id, vector) in (0..).zip(vectors) {
        let query = kept.query(vector).unwrap();
        kept.put(id, &query);
    }
    kept
}

proptest! {
    #[test]
    fn distances_are_near_those_by_the_book(seed in any::<u64>(), dimensions in 1_usize..150) {
        let mut state = seed;
        let vectors: Vec<_> = (0..7).map(|_| random_vector(&mut state, dimensions)).collect();
        let ids: Vec<u32> = (0..7).collect();
        let size = code::float(dimensions);
        let cases = [
            (Storage::Float32, 1e-5),
            (Storage::Float16, 2e-3),
            (Storage::BFloat16, 2e-2),
            (Storage::Int8, 2e-2),
        ];
        for metric in METRICS {
            for (storage, error) in cases {
                let kept = stored(storage, metric, &vectors);
                let query = kept.query(&vectors[3]).unwrap();
                let (mut by_query, mut by_row, mut buffer) = (Vec::new(), Vec::new(), Vec::new());
                kept.distances(&kept.probe_of(&query), &ids, &mut by_query);
                kept.distances(&kept.probe(3, &mut buffer), &ids, &mut by_row);
                let unit = if metric == Metric::Cosine { 4.0 } else { size };
                for id in 0..7 {
                    let expected = plain(metric, &vectors[3], &vectors[id]);
                    for found in [by_query[id], by_row[id], kept.exact(&query, ids[id])] {
                        prop_assert!((found - expected).abs() <= error * unit, "{storage:?} {metric:?}: {found} {expected}");
                    }
                }
            }
        }
    }

    #[test]
    fn vectors_come_back(seed in any::<u64>(), dimensions in 1_usize..150) {
        let mut state = seed;
        let vectors = [random_vector(&mut state, dimensions)];
        for metric in METRICS {
            for (storage, error) in [(Storage::Float32, 1e-6), (Storage::Float16, 1e-3), (Storage::BFloat16, 1e-2), (Storage::Int8, 1e-2)] {
                let kept = stored(storage, metric, &vectors);
                let mut out = Vec::new();
                kept.decode(0, &mut out);
                for (back, given) in out.iter().zip(&vectors[0]) {
                    prop_assert!((back * kept.norm(0) - given).abs() <= error, "{storage:?} {metric:?}: {back} {given}");
                }
            }
        }
    }

    #[test]
    fn a_rotation_keeps_lengths_and_is_undone(seed in any::<u64>(), dimensions in 1_usize..300) {
        let mut state = seed;
        let vector = random_vector(&mut state, dimensions);
        let rotation = Rotation::new(seed, dimensions);
        let mut turned = rotation.apply(&vector);
        prop_assert!((code::norm(&turned) - code::norm(&vector)).abs() < 1e-3);
        rotation.undo(&mut turned);
        for (back, given) in turned.iter().zip(&vector) {
            prop_assert!((back - given).abs() < 1e-4);
        }
    }

    #[test]
    fn strange_floats_do_no_harm(bits in prop::collection::vec(any::<u32>(), 8)) {
        let strange: Vec<f32> = bits.iter().map(|bits| f32::from_bits(bits | if bits % 3 == 0 { 0x7F80_0000 } else { 0 })).collect();
        for metric in METRICS {
            for storage in [Storage::Float32, Storage::Float16, Storage::Int8, Storage::Binary, Storage::BinaryRotated] {
                let kept = stored(storage, metric, &[strange.clone(), vec![0.0; 8], vec![1.0; 8]]);
                let query = kept.query(&strange).unwrap();
                let mut out = Vec::new();
                kept.distances(&kept.probe_of(&query), &[0, 1, 2], &mut out);
                let _ = kept.exact(&query, 1);
                kept.decode(0, &mut out);
            }
        }
    }
}

#[test]
fn bits_differ_by_their_share() {
    let kept =
        stored(Storage::Binary, Metric::Cosine, &[vec![1.0, 1.0, -1.0, 1.0], vec![-1.0, 1.0, -1.0, -1.0]]);
    let query = kept.query(&[2.0, 0.5, -9.0, 0.1]).unwrap();
    assert_eq!(kept.exact(&query, 0), 0.0);
    assert_eq!(kept.exact(&query, 1), 1.0);
}

#[test]
fn equal_vectors_are_at_no_distance() {
    let vector = vec![0.3, -0.7, 0.11];
    for metric in [Metric::L2, Metric::Cosine] {
        for storage in [Storage::Float32, Storage::Int8] {
            let kept = stored(storage, metric, std::slice::from_ref(&vector));
            let query = kept.query(&vector).unwrap();
            assert!(kept.distance(&kept.probe_of(&query), 0).abs() < 1e-6, "{storage:?} {metric:?}");
        }
    }
}

#[test]
fn euclidean_distances_are_told_whatever_their_size() {
    let unit = [vec![1.0, 2.0, 2.0], vec![1.0, 2.0, 5.0], vec![5.0, 2.0, 5.0], vec![1.0, 2.0, 2.0]];
    for size in [1e-38_f32, 1e-25, 1e-12, 1.0, 1e15, 1e22, 1e37] {
        let vectors: Vec<Vec<f32>> =
            unit.iter().map(|vector| vector.iter().map(|one| one * size).collect()).collect();
        let kept = stored(Storage::Float32, Metric::Euclidean, &vectors);
        let query = kept.query(&vectors[0]).unwrap();
        let mut found = Vec::new();
        kept.distances(&kept.probe_of(&query), &[0, 1, 2, 3], &mut found);
        for (id, expected) in (0..).zip([0.0, 3.0, 5.0, 0.0]) {
            for found in [found[id as usize] / size, kept.exact(&query, id) / size] {
                assert!((found - expected).abs() < 1e-4, "{size}: {found} {expected}");
            }
        }
    }
    assert!(
        crate::Graph::new(Config { storage: Storage::Int8, ..Config::new(3, Metric::Euclidean) }).is_err()
    );
}
