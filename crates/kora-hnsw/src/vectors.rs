//! The stored vectors, and distances from a query or another stored vector to many of them.
//!
//! What distances need lies in one row: for bytes the scale comes first. Norms of vectors that were made unit vectors, and originals, which
//! only answers need, lie apart.

mod code;
mod rotation;
#[cfg(test)]
mod tests;

use crate::arena::Arena;
use crate::config::{Config, Error, Metric, Storage};
use crate::kernels::{self, Kernel, Kernels};
use crate::random;
use rotation::Rotation;

/// Vectors of a graph, by node.
#[derive(Clone, Debug)]
pub(crate) struct Vectors {
    kernels: Kernels,
    metric: Metric,
    dimensions: usize,
    rows: Rows,
    /// Norms, where vectors are kept with length 1.
    norms: Option<Arena<f32>>,
    originals: Option<Arena<f32>>,
    rotation: Option<Rotation>,
}

#[derive(Clone, Debug)]
enum Rows {
    Float32(Arena<f32>),
    Float16(Arena<u16>),
    BFloat16(Arena<u16>),
    /// A header as [`code::Header`] says, then a byte for each element.
    Int8(Arena<u8>),
    Binary(Arena<u64>),
}

/// A vector made ready to be compared with stored ones, or to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The elements; with length 1 if the metric is the cosine.
    floats: Vec<f32>,
    norm: f32,
    form: Form,
}

/// A vector as it is stored.
#[derive(Clone, Debug, PartialEq)]
enum Form {
    Float32,
    Half(Vec<u16>),
    Int8(Vec<u8>),
    Binary(Vec<u64>),
}

/// A stored vector as it lies in memory, for snapshots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Encoded<'a> {
    /// Elements of a graph of single precision; with length 1 if the metric is the cosine.
    Float32(&'a [f32]),
    /// Bits of the elements of a graph of either half precision; with length 1 about if the metric is the cosine.
    Half(&'a [u16]),
    /// An element is its code times the scale.
    Int8 {
        /// What a code of 1 stands for.
        scale: f32,
        /// Two's complement.
        codes: &'a [u8],
    },
    /// Element `i` is bit `i % 64` of word `i / 64`.
    Binary(&'a [u64]),
}

/// One side of distances.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Probe<'a> {
    Floats(&'a [f32]),
    /// Codes behind their header.
    Codes(code::Header, &'a [u8]),
    Bits(&'a [u64]),
}

impl Query {
    /// Length of the vector as it was given.
    pub fn norm(&self) -> f32 {
        self.norm
    }

    /// A number that depends on the first elements.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.floats.iter().take(8).fold(0, |sum, one| random::mix(sum ^ u64::from(one.to_bits())))
    }
}

impl Vectors {
    pub(crate) fn new(config: &Config) -> Self {
        let dimensions = config.dimensions;
        let rows = match config.storage {
            Storage::Float32 => Rows::Float32(Arena::new(dimensions)),
            Storage::Float16 => Rows::Float16(Arena::new(dimensions)),
            Storage::BFloat16 => Rows::BFloat16(Arena::new(dimensions)),
            Storage::Int8 => Rows::Int8(Arena::new(code::header_bytes(config.metric) + dimensions)),
            Storage::Binary | Storage::BinaryRotated => Rows::Binary(Arena::new(dimensions.div_ceil(64))),
        };
        Self {
            kernels: kernels::detect(),
            metric: config.metric,
            dimensions,
            rows,
            norms: (config.metric == Metric::Cosine).then(|| Arena::new(1)),
            originals: config.keeps_original.then(|| Arena::new(dimensions)),
            rotation: (config.storage == Storage::BinaryRotated)
                .then(|| Rotation::new(config.seed, dimensions)),
        }
    }

    /// Makes a vector ready. Complexity: O(dimensions).
    pub(crate) fn query(&self, vector: &[f32]) -> Result<Query, Error> {
        if vector.len() != self.dimensions {
            return Err(Error::Dimensions { given: vector.len(), wanted: self.dimensions });
        }
        let mut floats = vector.to_vec();
        let norm = code::norm(vector);
        if self.metric == Metric::Cosine && norm > 0.0 {
            floats.iter_mut().for_each(|one| *one /= norm);
        }
        let form = match &self.rows {
            Rows::Float32(_) => Form::Float32,
            Rows::Float16(_) => Form::Half(code::to_f16(&floats)),
            Rows::BFloat16(_) => Form::Half(code::to_bf16(&floats)),
            Rows::Int8(_) => Form::Int8(code::to_i8(self.metric, &floats)),
            Rows::Binary(_) => match &self.rotation {
                Some(rotation) => Form::Binary(code::to_bits(&rotation.apply(&floats))),
                None => Form::Binary(code::to_bits(&floats)),
            },
        };
        Ok(Query { floats, norm, form })
    }

    /// Whether a query is one for these vectors, and not for others.
    pub(crate) fn fits(&self, query: &Query) -> bool {
        let is_form = match (&self.rows, &query.form) {
            (Rows::Float32(_), Form::Float32) | (Rows::Float16(_) | Rows::BFloat16(_), Form::Half(_)) => true,
            (Rows::Int8(_), Form::Int8(bytes)) => {
                bytes.len() == code::header_bytes(self.metric) + self.dimensions
            }
            (Rows::Binary(_), Form::Binary(_)) => true,
            _ => false,
        };
        is_form && query.floats.len() == self.dimensions
    }

    /// Stores a vector, over the one that may be there. Complexity: O(dimensions).
    pub(crate) fn put(&mut self, id: u32, query: &Query) {
        match (&mut self.rows, &query.form) {
            (Rows::Float32(rows), Form::Float32) => rows.put(id, &query.floats),
            (Rows::Float16(rows) | Rows::BFloat16(rows), Form::Half(halves)) => rows.put(id, halves),
            (Rows::Int8(rows), Form::Int8(bytes)) => rows.put(id, bytes),
            (Rows::Binary(rows), Form::Binary(words)) => rows.put(id, words),
            _ => unreachable!("a query is of its graph's storage"),
        }
        if let Some(norms) = &mut self.norms {
            norms.put(id, &[query.norm]);
        }
        if let Some(originals) = &mut self.originals {
            originals.put(id, &query.floats);
        }
    }

    /// Stores a vector as [`Vectors::encoded`] gave it.
    pub(crate) fn put_encoded(
        &mut self,
        id: u32,
        encoded: &Encoded<'_>,
        norm: f32,
        original: Option<&[f32]>,
    ) -> Result<(), Error> {
        let dimensions = self.dimensions;
        let fits = |length: usize, wanted: usize| {
            if length == wanted { Ok(()) } else { Err(Error::Dimensions { given: length, wanted }) }
        };
        match (&mut self.rows, encoded) {
            (Rows::Float32(rows), Encoded::Float32(elements)) => {
                fits(elements.len(), dimensions)?;
                rows.put(id, elements);
            }
            (Rows::Float16(rows) | Rows::BFloat16(rows), Encoded::Half(halves)) => {
                fits(halves.len(), dimensions)?;
                rows.put(id, halves);
            }
            (Rows::Int8(rows), Encoded::Int8 { scale, codes }) => {
                fits(codes.len(), dimensions)?;
                rows.reserve(id);
                code::write(self.metric, *scale, codes, rows.row_mut(id));
            }
            (Rows::Binary(rows), Encoded::Binary(words)) => {
                fits(words.len(), dimensions.div_ceil(64))?;
                rows.put(id, words);
                let spare = dimensions.div_ceil(64) * 64 - dimensions;
                if let Some(last) = rows.row_mut(id).last_mut() {
                    *last &= u64::MAX >> spare;
                }
            }
            _ => return Err(Error::Damaged("a vector is of another kind")),
        }
        if let Some(norms) = &mut self.norms {
            norms.put(id, &[norm]);
        }
        if let Some(originals) = &mut self.originals {
            let original = original.ok_or(Error::Damaged("an original is missing"))?;
            fits(original.len(), dimensions)?;
            originals.put(id, original);
        }
        Ok(())
    }

    /// A vector as it lies in memory.
    pub(crate) fn encoded(&self, id: u32) -> Encoded<'_> {
        match &self.rows {
            Rows::Float32(rows) => Encoded::Float32(rows.row(id)),
            Rows::Float16(rows) | Rows::BFloat16(rows) => Encoded::Half(rows.row(id)),
            Rows::Int8(rows) => {
                let (header, codes) = code::Header::split(self.metric, rows.row(id));
                Encoded::Int8 { scale: header.range, codes }
            }
            Rows::Binary(rows) => Encoded::Binary(rows.row(id)),
        }
    }

    /// The norm that a vector had, 1 where it is not kept.
    pub(crate) fn norm(&self, id: u32) -> f32 {
        self.norms.as_ref().map_or(1.0, |norms| norms.row(id)[0])
    }

    /// The vector that is kept beside for exact distances; with length 1 if the metric is the cosine.
    pub(crate) fn original(&self, id: u32) -> Option<&[f32]> {
        self.originals.as_ref().map(|originals| originals.row(id))
    }

    /// Writes the elements of a vector, as exactly as they are kept, with length 1 if the metric is the cosine.
    pub(crate) fn decode(&self, id: u32, out: &mut Vec<f32>) {
        out.clear();
        if let Some(original) = self.original(id) {
            out.extend_from_slice(original);
            return;
        }
        match &self.rows {
            Rows::Float32(rows) => out.extend_from_slice(rows.row(id)),
            Rows::Float16(rows) => code::from_f16(rows.row(id), out),
            Rows::BFloat16(rows) => code::from_bf16(rows.row(id), out),
            Rows::Int8(rows) => {
                let (header, codes) = code::Header::split(self.metric, rows.row(id));
                out.extend(codes.iter().map(|code| f32::from(code.cast_signed()) * header.range));
            }
            Rows::Binary(rows) => {
                let length = code::from_bits(rows.row(id), self.dimensions, out);
                if let Some(rotation) = &self.rotation {
                    rotation.undo(out);
                }
                out.iter_mut().for_each(|one| *one /= length);
            }
        }
    }

    /// A query as one side of distances.
    pub(crate) fn probe_of<'a>(&self, query: &'a Query) -> Probe<'a> {
        match &query.form {
            Form::Float32 | Form::Half(_) => Probe::Floats(&query.floats),
            Form::Int8(bytes) => {
                let (header, codes) = code::Header::split(self.metric, bytes);
                Probe::Codes(header, codes)
            }
            Form::Binary(words) => Probe::Bits(words),
        }
    }

    /// A stored vector as one side of distances; halves are decoded into the buffer.
    #[inline]
    pub(crate) fn probe<'a>(&'a self, id: u32, buffer: &'a mut Vec<f32>) -> Probe<'a> {
        match &self.rows {
            Rows::Float32(rows) => Probe::Floats(rows.row(id)),
            Rows::Float16(rows) => {
                buffer.clear();
                code::from_f16(rows.row(id), buffer);
                Probe::Floats(buffer)
            }
            Rows::BFloat16(rows) => {
                buffer.clear();
                code::from_bf16(rows.row(id), buffer);
                Probe::Floats(buffer)
            }
            Rows::Int8(rows) => {
                let (header, codes) = code::Header::split(self.metric, rows.row(id));
                Probe::Codes(header, codes)
            }
            Rows::Binary(rows) => Probe::Bits(rows.row(id)),
        }
    }

    /// Writes the distances of all nodes in `ids`. Complexity: O(nodes * dimensions).
    #[inline]
    pub(crate) fn distances(&self, probe: &Probe<'_>, ids: &[u32], out: &mut Vec<f32>) {
        out.clear();
        self.each_distance(probe, ids, |distance| out.push(distance));
    }

    /// The distance of one node.
    #[inline]
    pub(crate) fn distance(&self, probe: &Probe<'_>, id: u32) -> f32 {
        let mut one = 0.0;
        self.each_distance(probe, &[id], |distance| one = distance);
        one
    }

    /// Whether a node in `ids` is nearer than `limit`. Complexity: as [`Vectors::distances`], or less: it ends with the first four of which one is.
    #[inline]
    pub(crate) fn any_nearer(&self, probe: &Probe<'_>, ids: &[u32], limit: f32) -> bool {
        ids.chunks(4).any(|four| {
            let mut least = f32::INFINITY;
            self.each_distance(probe, four, |distance| least = least.min(distance));
            least < limit
        })
    }

    #[inline]
    fn each_distance(&self, probe: &Probe<'_>, ids: &[u32], mut each: impl FnMut(f32)) {
        if self.metric == Metric::Euclidean {
            return self.each_length(probe, ids, each);
        }
        let is_l2 = self.metric == Metric::L2;
        let kernels = &self.kernels;
        let (float, f16, bf16) = if is_l2 {
            (kernels.l2_f32, kernels.l2_f16, kernels.l2_bf16)
        } else {
            (kernels.dot_f32, kernels.dot_f16, kernels.dot_bf16)
        };
        let mut finish = |sum: f32| each(if is_l2 { sum } else { 1.0 - sum });
        match (&self.rows, probe) {
            (Rows::Float32(rows), Probe::Floats(query)) => {
                batch(float, query, ids, |id| rows.row(id), |_, sum| finish(sum));
            }
            (Rows::Float16(rows), Probe::Floats(query)) => {
                batch(f16, query, ids, |id| rows.row(id), |_, sum| finish(sum));
            }
            (Rows::BFloat16(rows), Probe::Floats(query)) => {
                batch(bf16, query, ids, |id| rows.row(id), |_, sum| finish(sum));
            }
            (Rows::Int8(rows), Probe::Codes(header, query)) => {
                let row = |id| &rows.row(id)[code::header_bytes(self.metric)..];
                batch(kernels.dot_i8, query, ids, row, |id, sum| {
                    let (other, _) = code::Header::split(self.metric, rows.row(id));
                    each(header.distance(self.metric, &other, sum));
                });
            }
            (Rows::Binary(rows), Probe::Bits(query)) => {
                let scale = 2.0 / code::float(self.dimensions);
                batch(kernels.hamming, query, ids, |id| rows.row(id), |_, sum| each(sum as f32 * scale));
            }
            _ => unreachable!("a probe is of its graph's storage"),
        }
    }

    /// The Euclidean distances: by the sums of squares, unless these are out of range.
    #[inline]
    fn each_length(&self, probe: &Probe<'_>, ids: &[u32], mut each: impl FnMut(f32)) {
        let (Rows::Float32(rows), Probe::Floats(query)) = (&self.rows, probe) else {
            unreachable!("such vectors are kept in single precision")
        };
        batch(
            self.kernels.l2_f32,
            query,
            ids,
            |id| rows.row(id),
            |id, sum| {
                let is_told = code::SQUARES_TOLD.contains(&sum);
                each(if is_told { sum.sqrt() } else { code::length_between(query, rows.row(id)) });
            },
        );
    }

    /// How many times a distance is less than another one whose square is so many times less.
    pub(crate) fn margin(&self, margin: f32) -> f32 {
        if self.metric == Metric::Euclidean { margin.sqrt() } else { margin }
    }

    /// The distance of a node from a query by all that is known of both: the node's original if there is one, or else the query's elements
    /// against the node's codes.
    pub(crate) fn exact(&self, query: &Query, id: u32) -> f32 {
        let is_l2 = self.metric == Metric::L2;
        if self.metric == Metric::Euclidean {
            return self.distance(&self.probe_of(query), id);
        }
        if let Some(original) = self.original(id) {
            let kernel = if is_l2 { self.kernels.l2_f32 } else { self.kernels.dot_f32 };
            let [sum] = (kernel.one)(&query.floats, [original]);
            return if is_l2 { sum } else { 1.0 - sum };
        }
        if let Rows::Int8(rows) = &self.rows {
            let (header, codes) = code::Header::split(self.metric, rows.row(id));
            let [sum] = (self.kernels.dot_mixed.one)(&query.floats, [codes]);
            return header.mixed(self.metric, query.norm, sum);
        }
        self.distance(&self.probe_of(query), id)
    }

    /// Whether [`Vectors::exact`] says more than distances between codes do.
    pub(crate) fn refines(&self) -> bool {
        self.originals.is_some() || matches!(self.rows, Rows::Int8(_))
    }

    /// Asks for the memory of a vector.
    #[inline]
    pub(crate) fn prefetch(&self, id: u32) {
        match &self.rows {
            Rows::Float32(rows) => kernels::prefetch(rows.row(id)),
            Rows::Float16(rows) | Rows::BFloat16(rows) => kernels::prefetch(rows.row(id)),
            Rows::Int8(rows) => kernels::prefetch(rows.row(id)),
            Rows::Binary(rows) => kernels::prefetch(rows.row(id)),
        }
    }

    /// Bytes on the heap. Complexity: O(1).
    pub(crate) fn memory(&self) -> usize {
        let rows = match &self.rows {
            Rows::Float32(rows) => rows.memory(),
            Rows::Float16(rows) | Rows::BFloat16(rows) => rows.memory(),
            Rows::Int8(rows) => rows.memory(),
            Rows::Binary(rows) => rows.memory(),
        };
        rows + self.norms.as_ref().map_or(0, Arena::memory)
            + self.originals.as_ref().map_or(0, Arena::memory)
            + self.rotation.as_ref().map_or(0, Rotation::memory)
    }

    /// Frees a chunk of each arena; false if nothing is left.
    pub(crate) fn drop_chunk(&mut self) -> bool {
        let rows = match &mut self.rows {
            Rows::Float32(rows) => rows.drop_chunk(),
            Rows::Float16(rows) | Rows::BFloat16(rows) => rows.drop_chunk(),
            Rows::Int8(rows) => rows.drop_chunk(),
            Rows::Binary(rows) => rows.drop_chunk(),
        };
        let norms = self.norms.as_mut().is_some_and(Arena::drop_chunk);
        let originals = self.originals.as_mut().is_some_and(Arena::drop_chunk);
        rows || norms || originals
    }
}

/// Calls a kernel for four rows at a time.
#[inline]
fn batch<'a, Q, V: 'a, S: Copy>(
    kernel: Kernel<Q, V, S>,
    query: &[Q],
    ids: &[u32],
    row: impl Fn(u32) -> &'a [V],
    mut each: impl FnMut(u32, S),
) {
    let (fours, rest) = ids.as_chunks::<4>();
    for four in fours {
        let sums = (kernel.four)(query, four.map(&row));
        four.iter().zip(sums).for_each(|(id, sum)| each(*id, sum));
    }
    for id in rest {
        let [sum] = (kernel.one)(query, [row(*id)]);
        each(*id, sum);
    }
}
