//! Vector sets in files and payloads, as Redis has them: the graph is stored, so that none is built at start.
//!
//! ```text
//! dimensions | elements | quantization + M * 256 | flags | [input dimensions | matrix] | element ...
//! element: name | [attributes] | vector | count of what follows | id | level |
//!     (links | most links | id of each link) for each layer from the lowest | norm
//! ```
//!
//! All are numbers, but for names, attributes, the matrix and vectors: strings. Flags: 1, there is a projection; 2, there are attributes, an empty
//! string for an element without. The upper half of a norm is the largest element of the vector with length 1, where that is kept in bytes; the
//! lower half its length: both are bits of single precision. Redis 8.2 adds 2^24 to a level, and behind the links of each layer the worst of them.
//! Redis 8.0 reads no such elements and Redis 8.2 reads both, so that the earlier form is written.
//!
//! The layout is derived from payloads of Redis 8.0.2 and 8.2.3.

mod read;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use kora_core::codec::ModuleWriter;
use kora_core::entry::object::Object;
use kora_hnsw::{Encoded, Metric};

use crate::data_type::of_object;
use crate::set::{Quantization, Shape, VectorSet};

pub(crate) use read::read;

/// The version of the form in files.
pub(crate) const VERSION: u16 = 0;

const HAS_PROJECTION: u64 = 1;
const HAS_ATTRIBUTES: u64 = 2;

/// What Redis has no sets of: vectors in single precision, compared by their Euclidean distance.
const EUCLIDEAN: u64 = 128;

/// The number that tells how vectors are kept, and M.
fn kind_of(shape: Shape) -> u64 {
    let kept = match (shape.metric, shape.quantization) {
        (Metric::Euclidean, _) => EUCLIDEAN,
        (_, Quantization::None) => 0,
        (_, Quantization::Int8) => 1,
        (_, Quantization::Binary) => 2,
    };
    kept | (shape.m as u64) << 8
}

/// Bytes that are written at a time, about.
const PIECE_BYTES: usize = 16 * 1024;

/// Writes the next part of a set: the head, then elements. The element that searches begin at comes first, so that they begin there again; the note is 0 before the
/// head, 1 behind that element, and then two more than the number that the next one has at least.
pub(crate) fn write_some(object: &dyn Object, note: &mut u64, parts: &mut ModuleWriter<'_>) -> bool {
    let set = of_object(object);
    let entry = set.graph().entry();
    let (ids, has_attributes) = (Ids::of(set), set.attributes_count() > 0);
    let first = match note.checked_sub(2) {
        Some(next) => u32::try_from(next).unwrap_or(u32::MAX),
        None => {
            write_head(set, parts);
            if let Some(entry) = entry {
                write_element(set, entry, ids, has_attributes, parts);
            }
            0
        }
    };
    let mut bytes = 0;
    for number in first..set.graph().bound() {
        if !set.graph().contains(number) || Some(number) == entry {
            continue;
        }
        if bytes >= PIECE_BYTES {
            *note = u64::from(number) + 2;
            return true;
        }
        bytes += write_element(set, number, ids, has_attributes, parts);
    }
    false
}

fn write_head(set: &VectorSet, parts: &mut ModuleWriter<'_>) {
    let shape = set.shape();
    parts.unsigned(shape.dimensions as u64);
    parts.unsigned(set.len() as u64);
    parts.unsigned(kind_of(shape));
    let mut flags = if set.attributes_count() > 0 { HAS_ATTRIBUTES } else { 0 };
    if set.projection().is_some() {
        flags |= HAS_PROJECTION;
    }
    parts.unsigned(flags);
    if let Some(projection) = set.projection() {
        parts.unsigned(projection.input() as u64);
        parts.text(&projection.to_bytes());
    }
}

/// Ids of elements in a file: one more than their numbers, but for the last one's, which tells how many vectors were ever put in.
#[derive(Clone, Copy)]
struct Ids {
    last: u32,
    inserted: u64,
}

impl Ids {
    fn of(set: &VectorSet) -> Self {
        let last = (0..set.graph().bound()).rev().find(|number| set.graph().contains(*number)).unwrap_or(0);
        Self { last, inserted: set.inserted().max(u64::from(last) + 1) }
    }

    fn id(self, number: u32) -> u64 {
        if number == self.last { self.inserted } else { u64::from(number) + 1 }
    }
}

/// Writes an element, and says about how many bytes that is.
fn write_element(
    set: &VectorSet,
    number: u32,
    ids: Ids,
    has_attributes: bool,
    parts: &mut ModuleWriter<'_>,
) -> usize {
    let graph = set.graph();
    parts.text(set.name(number));
    if has_attributes {
        parts.text(set.attributes(number).unwrap_or_default());
    }
    let (bytes, range): (Cow<'_, [u8]>, f32) = match graph.encoded(number).expect("elements are in the graph")
    {
        Encoded::Float32(elements) => (elements.iter().flat_map(|one| one.to_le_bytes()).collect(), 0.0),
        Encoded::Int8 { scale, codes } => (codes.into(), range_of(scale)),
        Encoded::Binary(words) => (words.iter().flat_map(|word| word.to_le_bytes()).collect(), 0.0),
        Encoded::Half(_) => unreachable!("no set keeps vectors so"),
    };
    parts.text(&bytes);
    let level = graph.level(number).expect("elements are in the graph");
    let links: usize = (0..=level).map(|level| graph.links(number, level).len()).sum();
    parts.unsigned((3 + 2 * (level + 1) + links) as u64);
    parts.unsigned(ids.id(number));
    parts.unsigned(level as u64);
    for layer in 0..=level {
        let links = graph.links(number, layer);
        parts.unsigned(links.len() as u64);
        parts.unsigned(if layer == 0 { 2 * set.shape().m } else { set.shape().m } as u64);
        links.iter().for_each(|link| parts.unsigned(ids.id(*link)));
    }
    let norm = graph.norm(number).filter(|norm| *norm > 0.0).unwrap_or(1.0);
    parts.unsigned(u64::from(range.to_bits()) << 32 | u64::from(norm.to_bits()));
    bytes.len() + links * 6 + set.name(number).len() + set.attributes(number).map_or(0, <[u8]>::len)
}

/// The largest element of a vector whose elements are codes times this.
#[expect(clippy::cast_possible_truncation, reason = "it is as near as single precision can be")]
pub(crate) fn range_of(scale: f32) -> f32 {
    (f64::from(scale) * 127.0) as f32
}
