//! The attributes of a vector field in the reply of FT.INFO.

use kora_core::reply::Reply;
use kora_index::schema::{Algorithm, VectorKind};

use super::super::search::count;

/// Names that [`write`] writes, with their values.
pub(super) fn pair_count(kind: &VectorKind) -> usize {
    match &kind.algorithm {
        Algorithm::Flat => 4,
        Algorithm::Hnsw(_) => 6,
        Algorithm::Vamana(_, vamana) => {
            let threshold = usize::from(vamana.compression.is_some());
            7 + threshold + usize::from(vamana.reduce.is_some())
        }
    }
}

/// Writes them.
pub(super) fn write(kind: &VectorKind, out: &mut dyn Reply) {
    let mut word = |name: &str, value: &str| {
        out.simple(name);
        out.simple(value);
    };
    let algorithm = match kind.algorithm {
        Algorithm::Flat => "FLAT",
        Algorithm::Hnsw(_) => "HNSW",
        Algorithm::Vamana(..) => "SVS-VAMANA",
    };
    word("algorithm", algorithm);
    word("data_type", kind.element.name());
    out.simple("dim");
    out.integer(count(kind.dimensions as u64));
    out.simple("distance_metric");
    out.simple(kind.metric.name());
    let mut number = |name: &str, value: u64| {
        out.simple(name);
        out.integer(count(value));
    };
    match &kind.algorithm {
        Algorithm::Flat => {}
        Algorithm::Hnsw(graph) => {
            number("M", graph.links);
            number("ef_construction", graph.construction);
        }
        Algorithm::Vamana(graph, vamana) => {
            number("graph_max_degree", graph.links.saturating_mul(2));
            number("construction_window_size", graph.construction);
            out.simple("compression");
            out.simple(vamana.compression.as_deref().unwrap_or("NO_COMPRESSION"));
            let mut number = |name: &str, value: u64| {
                out.simple(name);
                out.integer(count(value));
            };
            if vamana.compression.is_some() {
                number("training_threshold", vamana.training_threshold.unwrap_or(TRAINED));
            }
            if let Some(reduce) = vamana.reduce {
                number("reduced_dim", reduce);
            }
        }
    }
}

/// Vectors that SVS-VAMANA learns from unless something else is said.
const TRAINED: u64 = 10_240;
