//! The attributes of a vector field in the reply of FT.INFO.

use kora_core::reply::Reply;
use kora_index::schema::{Algorithm, Element, Metric, VectorKind};

use super::super::search::count;

/// Names that [`write`] writes, with their values.
pub(super) fn pair_count(kind: &VectorKind) -> usize {
    match kind.algorithm {
        Algorithm::Flat => 4,
        Algorithm::Hnsw { .. } => 6,
    }
}

/// Writes them.
pub(super) fn write(kind: &VectorKind, out: &mut dyn Reply) {
    let mut word = |name: &str, value: &str| {
        out.simple(name);
        out.simple(value);
    };
    word("algorithm", if kind.algorithm == Algorithm::Flat { "FLAT" } else { "HNSW" });
    word(
        "data_type",
        match kind.element {
            Element::Float32 => "FLOAT32",
            Element::Float64 => "FLOAT64",
            Element::Float16 => "FLOAT16",
            Element::BFloat16 => "BFLOAT16",
        },
    );
    out.simple("dim");
    out.integer(count(kind.dimensions as u64));
    out.simple("distance_metric");
    out.simple(match kind.metric {
        Metric::L2 => "L2",
        Metric::InnerProduct => "IP",
        Metric::Cosine => "COSINE",
    });
    if let Algorithm::Hnsw { links, construction } = kind.algorithm {
        for (name, value) in [("M", links), ("ef_construction", construction)] {
            out.simple(name);
            out.integer(count(value));
        }
    }
}
