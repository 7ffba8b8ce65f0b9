//! Distances recorded from RediSearch 2.10.5, and what vectors leave behind.

use half::{bf16, f16};

use super::*;
use crate::schema::Algorithm;

const VECTORS: [[f64; 2]; 6] =
    [[1.1, 0.3], [-0.7, 2.3], [0.0, 0.0], [3.3, -1.7], [100.5, 200.25], [0.1, 0.1]];
const TARGET: [f64; 2] = [0.9, 1.7];

fn kind(element: Element, metric: Metric) -> VectorKind {
    VectorKind { element, dimensions: 2, metric, algorithm: Algorithm::Flat }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "elements have fewer bits")]
fn blob(element: Element, vector: &[f64]) -> Vec<u8> {
    let bytes = |one: &f64| match element {
        Element::Float32 => (*one as f32).to_le_bytes().to_vec(),
        Element::Float64 => one.to_le_bytes().to_vec(),
        Element::Float16 => f16::from_f64(*one).to_le_bytes().to_vec(),
        Element::Int8 => (*one as i8).to_le_bytes().to_vec(),
        Element::UInt8 => (*one as u8).to_le_bytes().to_vec(),
        Element::BFloat16 => bf16::from_bits(((*one as f32).to_bits() >> 16) as u16).to_le_bytes().to_vec(),
    };
    vector.iter().flat_map(bytes).collect()
}

#[test]
fn distances_as_recorded() {
    use Element::{BFloat16, Float16, Float32, Float64};
    use Metric::{Cosine, InnerProduct, L2};
    let nan = f64::NAN;
    let cases = [
        (
            Float32,
            L2,
            [2.00000023842, 2.91999959946, 3.70000004768, 17.3199996948, 49342.265625, 3.20000004768],
        ),
        (Float32, InnerProduct, [-0.5, -2.28000020981, 1.0, 0.920000314713, -429.875, 0.740000009537]),
        (
            Float32,
            Cosine,
            [0.31605887413, 0.290734112263, nan, 0.988796234131, 0.000236630439758, 0.0442210435867],
        ),
        (Float64, L2, [2.0, 2.92, 3.7, 17.32, 49342.2625, 3.2]),
        (
            Float64,
            Cosine,
            [0.316058871119, 0.290734129274, nan, 0.988796221449, 0.000236622368594, 0.0442209912781],
        ),
        (
            Float16,
            L2,
            [2.00029301643, 2.92101597786, 3.70048832893, 17.3268756866, 49342.203125, 3.20058608055],
        ),
        (
            Float16,
            Cosine,
            [0.316072940826, 0.290861368179, nan, 0.98885679245, 0.00049614906311, 0.0444030761719],
        ),
        (
            BFloat16,
            L2,
            [1.98831558228, 2.91438293457, 3.68127441406, 17.248840332, 49245.2226562, 3.18439483643],
        ),
        (
            BFloat16,
            Cosine,
            [0.314956665039, 0.291534423828, nan, 0.985992431641, -0.000274658203125, 0.0444030761719],
        ),
    ];
    for (element, metric, expected) in cases {
        let mut vectors = Vectors::new(&kind(element, metric));
        for (document, vector) in (1..).zip(&VECTORS) {
            vectors.insert(document, &blob(element, vector));
        }
        let target = vectors.target(&blob(element, &TARGET)).unwrap();
        for (document, expected) in (1..).zip(expected) {
            let found = vectors.distance(document, &target).unwrap();
            let is_equal =
                (found - expected).abs() <= expected.abs() * 1e-11 || found.is_nan() && expected.is_nan();
            assert!(is_equal, "{element:?} {metric:?} {document}: {found}, not {expected}");
        }
    }
}

#[test]
fn long_vectors_are_compared_to_their_ends() {
    for dimensions in [1, 15, 16, 17, 63, 64, 65, 300] {
        for element in [Element::Float32, Element::Float64, Element::Float16, Element::BFloat16] {
            let kind = VectorKind { dimensions, ..kind(element, Metric::L2) };
            let mut vectors = Vectors::new(&kind);
            let ones = vec![1.0; dimensions];
            vectors.insert(7, &blob(element, &ones));
            let target = vectors.target(&blob(element, &vec![3.0; dimensions])).unwrap();
            assert_eq!(
                vectors.distance(7, &target),
                Some(4.0 * dimensions as f64),
                "{element:?} {dimensions}"
            );
        }
    }
}

#[test]
fn another_length_is_no_vector() {
    let mut vectors = Vectors::new(&kind(Element::Float32, Metric::L2));
    for length in [0, 4, 7, 9, 12] {
        assert_eq!(vectors.target(&vec![0; length]), None);
        vectors.insert(1, &vec![0; length]);
    }
    let target = vectors.target(&[0; 8]).unwrap();
    assert_eq!(vectors.distance(1, &target), None);
}

#[test]
fn space_is_used_again() {
    let mut vectors = Vectors::new(&kind(Element::Float32, Metric::L2));
    let one = blob(Element::Float32, &[1.0, 2.0]);
    (1..=1000).for_each(|document| vectors.insert(document, &one));
    (1..=500).for_each(|document| vectors.remove(document));
    let bytes = vectors.memory_bytes();
    (1001..=1500).for_each(|document| vectors.insert(document, &one));
    assert_eq!(vectors.next.len(), 1000);
    assert!(vectors.memory_bytes() <= bytes + 16_384, "pages of documents only");
    (501..=1500).for_each(|document| vectors.remove(document));
    assert_eq!(vectors.memory_bytes(), 0);
}

#[test]
fn the_cosine_of_a_vector_with_itself_as_recorded() {
    let kind = VectorKind { dimensions: 3, ..kind(Element::Float32, Metric::Cosine) };
    let mut vectors = Vectors::new(&kind);
    vectors.insert(1, &blob(Element::Float32, &[-1.5; 3]));
    let target = vectors.target(&blob(Element::Float32, &[-0.75; 3])).unwrap();
    assert!((vectors.distance(1, &target).unwrap() + 2.38418579102e-07).abs() < 1e-17);
}

#[test]
fn distances_of_bytes_are_those_of_the_definition() {
    let vectors = [[-128.0, 127.0], [3.0, 4.0], [0.0, 0.0]];
    let target = [6.0, -8.0];
    let expected = [
        (Metric::L2, [36_181.0, 153.0, 100.0]),
        (Metric::InnerProduct, [1785.0, 15.0, 1.0]),
        (Metric::Cosine, [1.0 + 1784.0 / (32_513_f64.sqrt() * 10.0), 1.0 + 14.0 / 50.0, f64::NAN]),
    ];
    for (metric, expected) in expected {
        let mut held = Vectors::new(&kind(Element::Int8, metric));
        for (document, vector) in (1..).zip(&vectors) {
            held.insert(document, &blob(Element::Int8, vector));
        }
        let target = held.target(&blob(Element::Int8, &target)).unwrap();
        for (document, expected) in (1..).zip(expected) {
            let found = held.distance(document, &target).unwrap();
            let is_near = (found - expected).abs() <= expected.abs() * 1e-6;
            assert!(is_near || found.is_nan() && expected.is_nan(), "{metric:?} {document}: {found}");
        }
    }
    let mut held = Vectors::new(&kind(Element::UInt8, Metric::L2));
    held.insert(1, &[255, 0]);
    let target = held.target(&[0, 255]).unwrap();
    assert_eq!(held.distance(1, &target), Some(130_050.0));
}
