use super::{Metric, Quantization, Shape, VectorSet, id_in, ids};

/// Ids have fewer bits than hashes, so that two vectors may meet.
#[test]
fn vectors_that_would_have_one_id_have_two() {
    let shape = Shape { dimensions: 2, quantization: Quantization::None, m: 4, metric: Metric::Euclidean };
    let mut set = VectorSet::new(shape, 1).expect("a shape");
    let mut put = |vector: &[f32]| {
        let (id, is_there) = id_in(&set, vector, [7, 8, 9].into_iter());
        if !is_there {
            let insertion = set.insertion(vector, 10).expect("a vector");
            set.put(id.to_string().as_bytes(), insertion).expect("room");
        }
        (id, is_there)
    };
    assert_eq!(put(&[1.0, 2.0]), (7, false));
    assert_eq!(put(&[1.0, 3.0]), (8, false));
    assert_eq!(put(&[1.0, 2.0]), (7, true));
    assert_eq!(put(&[1.0, 3.0]), (8, true));
    assert!(ids(&[1.0]).take(100).all(|id| (0..1 << 53).contains(&id)));
}
