//! What holds the vectors of a field.

use half::{bf16, f16};
use kora_hnsw::{Encoded, Flat, Graph, Storage};

use super::blocks::Blocks;
use super::distance;
use super::prepared::Exact;
use crate::schema::{Element, Metric, VectorKind};

/// Vectors in single or half precision, or as bytes that lead to near ones.
#[derive(Clone, Debug)]
pub(super) enum Held {
    Graph(Box<Graph>),
    Flat(Box<Flat>),
    /// All is in [`Kept`].
    Nothing,
}

/// Elements as they were given, of types that nothing else holds exactly.
#[derive(Clone, Debug)]
pub(super) enum Kept {
    Nothing,
    Double(Blocks<f64>),
    Signed(Blocks<i8>),
    Unsigned(Blocks<u8>),
}

impl Held {
    /// Whether a slot has just this vector, as far as it is held exactly.
    pub(super) fn has(&self, slot: u32, singles: &[f32]) -> bool {
        let (encoded, is_short) = match self {
            Self::Graph(graph) => (graph.encoded(slot), graph.config().storage == Storage::Float16),
            Self::Flat(flat) => (Some(flat.encoded(slot)), flat.storage() == Storage::Float16),
            Self::Nothing => (None, false),
        };
        let are_equal = |halves: &[u16], of: fn(f32) -> u16| {
            halves.iter().zip(singles).all(|(half, single)| *half == of(*single))
        };
        match encoded {
            Some(Encoded::Float32(held)) => {
                held.iter().zip(singles).all(|(one, other)| one.to_bits() == other.to_bits())
            }
            Some(Encoded::Half(held)) if is_short => are_equal(held, |one| f16::from_f32(one).to_bits()),
            Some(Encoded::Half(held)) => are_equal(held, |one| bf16::from_f32(one).to_bits()),
            _ => false,
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Graph(graph) => graph.memory(),
            Self::Flat(flat) => flat.memory(),
            Self::Nothing => 0,
        }
    }
}

impl Kept {
    pub(super) fn new(kind: &VectorKind) -> Self {
        match kind.element {
            Element::Float32 | Element::Float16 | Element::BFloat16 => Self::Nothing,
            Element::Float64 => Self::Double(Blocks::new(kind.dimensions)),
            Element::Int8 => Self::Signed(Blocks::new(kind.dimensions)),
            Element::UInt8 => Self::Unsigned(Blocks::new(kind.dimensions)),
        }
    }

    /// Keeps a vector at a slot that is there, or at the next.
    pub(super) fn put(&mut self, slot: u32, exact: &Exact) {
        match (self, exact) {
            (Self::Double(blocks), Exact::Double(vector)) => blocks.put(slot, vector),
            (Self::Signed(blocks), Exact::Signed(vector, _)) => blocks.put(slot, vector),
            (Self::Unsigned(blocks), Exact::Unsigned(vector, _)) => blocks.put(slot, vector),
            _ => {}
        }
    }

    /// Whether a slot has just this vector.
    pub(super) fn has(&self, slot: u32, exact: &Exact) -> bool {
        match (self, exact) {
            (Self::Double(blocks), Exact::Double(vector)) => {
                let pairs = blocks.get(slot).iter().zip(vector);
                pairs.into_iter().all(|(one, other)| one.to_bits() == other.to_bits())
            }
            (Self::Signed(blocks), Exact::Signed(vector, _)) => blocks.get(slot) == vector,
            (Self::Unsigned(blocks), Exact::Unsigned(vector, _)) => blocks.get(slot) == vector,
            _ => false,
        }
    }

    /// What gives distances of slots, if it has the vectors.
    pub(super) fn measurer<'a>(
        &'a self,
        metric: Metric,
        target: &'a Exact,
    ) -> Option<Box<dyn Fn(u32) -> f64 + 'a>> {
        Some(match (self, target) {
            (Self::Double(blocks), Exact::Double(target)) => {
                Box::new(move |slot| distance::double(metric, blocks.get(slot), target))
            }
            (Self::Signed(blocks), Exact::Signed(target, norm)) => {
                Box::new(move |slot| distance::bytes(metric, blocks.get(slot), (target, *norm)))
            }
            (Self::Unsigned(blocks), Exact::Unsigned(target, norm)) => {
                Box::new(move |slot| distance::bytes(metric, blocks.get(slot), (target, *norm)))
            }
            _ => return None,
        })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Double(blocks) => blocks.memory_bytes(),
            Self::Signed(blocks) => blocks.memory_bytes(),
            Self::Unsigned(blocks) => blocks.memory_bytes(),
        }
    }
}
