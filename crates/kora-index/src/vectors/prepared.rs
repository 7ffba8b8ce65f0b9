//! From the bytes of a vector to what is kept of it and compared.

use half::{bf16, f16};

use super::distance;
use crate::schema::{Element, Metric, VectorKind};

/// A vector made ready to be kept, or to be measured from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Prepared {
    /// Its elements in single precision, with length 1 if the metric is the cosine, rounded to what the type of elements holds.
    pub(super) singles: Vec<f32>,
    pub(super) exact: Exact,
}

/// Elements of types that single precision or half precision of length 1 does not hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Exact {
    None,
    Double(Vec<f64>),
    /// And the length.
    Signed(Vec<i8>, f64),
    Unsigned(Vec<u8>, f64),
}

impl Prepared {
    /// Reads a vector; none if it has another length. Complexity: O(dimensions).
    pub(super) fn read(kind: &VectorKind, blob: &[u8]) -> Option<Self> {
        let is_cosine = kind.metric == Metric::Cosine;
        // Kept with fewer bits, it is rounded after it is normalised.
        let single = |mut singles: Vec<f32>| {
            if is_cosine {
                distance::normalise(&mut singles);
            }
            singles
        };
        let dimensions = kind.dimensions;
        let bare = |singles| Self { singles, exact: Exact::None };
        Some(match kind.element {
            Element::Float32 => bare(single(elements(blob, dimensions, f32::from_le_bytes)?)),
            Element::Float16 => {
                let halves = elements(blob, dimensions, |bytes| f16::from_le_bytes(bytes).to_f32())?;
                bare(single(halves).into_iter().map(|one| f16::from_f32(one).to_f32()).collect())
            }
            Element::BFloat16 => {
                let halves = elements(blob, dimensions, |bytes| bf16::from_le_bytes(bytes).to_f32())?;
                bare(single(halves).into_iter().map(|one| bf16::from_f32(one).to_f32()).collect())
            }
            Element::Float64 => {
                let mut doubles = elements(blob, dimensions, f64::from_le_bytes)?;
                if is_cosine {
                    distance::normalise_double(&mut doubles);
                }
                Self {
                    singles: doubles.iter().map(|one| as_single(*one)).collect(),
                    exact: Exact::Double(doubles),
                }
            }
            Element::Int8 => {
                let bytes = elements(blob, dimensions, i8::from_le_bytes)?;
                let singles = single(bytes.iter().map(|one| f32::from(*one)).collect());
                let norm = distance::norm_of_bytes(&bytes);
                Self { singles, exact: Exact::Signed(bytes, norm) }
            }
            Element::UInt8 => {
                let bytes = elements(blob, dimensions, u8::from_le_bytes)?;
                let singles = single(bytes.iter().map(|one| f32::from(*one)).collect());
                let norm = distance::norm_of_bytes(&bytes);
                Self { singles, exact: Exact::Unsigned(bytes, norm) }
            }
        })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "what leads to near ones need not be exact")]
fn as_single(double: f64) -> f32 {
    double as f32
}

/// Elements of a vector; none if there are fewer or more.
fn elements<const BYTES: usize, T>(
    blob: &[u8],
    dimensions: usize,
    of: impl Fn([u8; BYTES]) -> T,
) -> Option<Vec<T>> {
    let (elements, rest) = blob.as_chunks();
    (elements.len() == dimensions && rest.is_empty())
        .then(|| elements.iter().map(|bytes| of(*bytes)).collect())
}
