//! The vectors of a field: what is known of them besides queries.

use super::{Index, Indexed};

/// What is known of the vectors of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VectorFigures {
    /// Vectors, those included that only snapshots still see.
    pub entries: u64,
    /// Bytes that they take, with what finds them.
    pub bytes: usize,
}

impl Index {
    /// What is known of a field's vectors, by the field's place in the schema. Complexity: O(blocks).
    #[must_use]
    pub fn vector_figures(&self, field: usize) -> VectorFigures {
        match self.fields.get(field).map(|field| &field.indexed) {
            Some(Indexed::Vectors(vectors)) => {
                VectorFigures { entries: vectors.count() as u64, bytes: vectors.memory_bytes() }
            }
            _ => VectorFigures::default(),
        }
    }
}
