//! The documents whose vectors are the nearest to one.

use kora_index::query::{self, Node, NodeKind};
use kora_index::schema::VectorKind;

use crate::path::Path;

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Nearest {
    /// The field, which has an index on vectors.
    pub(crate) path: Path,
    /// How the index is declared.
    pub(crate) kind: VectorKind,
    /// The vector that distances are from, as the index is given it.
    pub(crate) vector: Vec<u8>,
    /// Documents at most.
    pub(crate) count: usize,
    /// Candidates that a search through a graph keeps in mind; none: what the index says.
    pub(crate) candidates: Option<usize>,
}

impl Nearest {
    /// It as a query, among what another one matches.
    pub(crate) fn node(&self, among: Option<&Node>) -> Node {
        Node::new(NodeKind::Nearest(Box::new(query::Nearest {
            field: self.path.text().to_owned(),
            vector: self.vector.clone(),
            count: self.count,
            distance: String::new(),
            filter: among.cloned().unwrap_or_else(|| Node::new(NodeKind::All)),
            way: query::NearestWay { candidates: self.candidates, policy: None },
        })))
    }
}

/// Where a document is in the order of distances, those at one distance in the order in which they were written.
pub(crate) fn key(distance: f64, order: u64) -> Box<[u8]> {
    let bits = distance.to_bits();
    // Bits that sort as numbers do; what is none is behind all others.
    let sorted = if distance.is_sign_negative() && !distance.is_nan() { !bits } else { bits | 1 << 63 };
    [sorted.to_be_bytes(), order.to_be_bytes()].concat().into()
}

/// The distance of such a key.
pub(crate) fn distance(key: &[u8]) -> Option<f64> {
    let sorted = u64::from_be_bytes(*key.first_chunk()?);
    let bits = if sorted >> 63 == 0 { !sorted } else { sorted & !(1 << 63) };
    Some(f64::from_bits(bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_distances_do_and_give_them_back() {
        let distances = [f64::NEG_INFINITY, -2.5, -1e-300, 0.0, 1e-300, 0.25, 7.0, f64::INFINITY, f64::NAN];
        let keys: Vec<Box<[u8]>> = distances.iter().map(|distance| key(*distance, 5)).collect();
        assert!(keys.is_sorted());
        for (one, key) in distances.iter().zip(&keys) {
            assert!(distance(key).unwrap().total_cmp(one).is_eq() || one.is_nan());
        }
        assert!(distance(&keys[8]).unwrap().is_nan());
        assert!(key(1.0, 7) < key(1.0, 8) && key(1.0, u64::MAX) < key(1.5, 0));
        assert_eq!(key(-0.0, 1).len(), 16);
        assert_eq!(distance(b""), None);
    }
}
