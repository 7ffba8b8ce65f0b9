//! Vectors without a graph against their definition.

use crate::{Config, Encoded, Flat, Metric, Storage};

#[test]
fn distances_are_those_of_the_definition() {
    for storage in [Storage::Float32, Storage::Float16, Storage::BFloat16] {
        for metric in [Metric::L2, Metric::InnerProduct] {
            let mut flat = Flat::new(&Config { storage, ..Config::new(3, metric) });
            for id in 0..70_u8 {
                let vector = flat.query(&[f32::from(id), 1.0, -2.0]).unwrap();
                flat.put(u32::from(id), &vector);
            }
            let query = flat.query(&[3.0, 0.0, 1.0]).unwrap();
            let ids: Vec<u32> = (0..70).rev().collect();
            let mut found = vec![7.0];
            flat.distances(&query, &ids, &mut found);
            for (id, distance) in ids.iter().zip(&found) {
                let first = *id as f32;
                let expected = match metric {
                    Metric::L2 => (first - 3.0).powi(2) + 1.0 + 9.0,
                    _ => 1.0 - (first * 3.0 - 2.0),
                };
                assert_eq!(*distance, expected, "{storage:?} {metric:?} {id}");
            }
        }
    }
}

#[test]
fn a_number_is_put_again() {
    let mut flat = Flat::new(&Config::new(2, Metric::L2));
    for first in [1.0, 5.0] {
        let vector = flat.query(&[first, 0.0]).unwrap();
        flat.put(0, &vector);
        assert_eq!(flat.encoded(0), Encoded::Float32(&[first, 0.0]));
    }
    assert!(flat.memory() > 0);
}
