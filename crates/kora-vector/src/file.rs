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

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

use kora_core::codec::{ModuleReader, ModuleWriter, RdbError, RdbResult};
use kora_core::entry::data_type::Loader;
use kora_core::entry::object::Object;
use kora_hnsw::{Builder, DIMENSIONS_MAX, Encoded, LEVEL_MAX, M_RANGE, Metric, Scratch};

use crate::data_type::of_object;
use crate::projection::Projection;
use crate::set::{Quantization, Shape, VectorSet};

/// The version of the form in files.
pub(crate) const VERSION: u16 = 0;

const HAS_PROJECTION: u64 = 1;
const HAS_ATTRIBUTES: u64 = 2;
/// What Redis 8.2 adds to a level.
const WITH_WORST: u64 = 1 << 24;
/// Highest layer that Redis gives a node; those above ours are left out.
const REDIS_LEVEL_MAX: u64 = 16;
/// Most links of a node in a layer that are read.
const LINKS_READ_MAX: u64 = 1 << 16;

const DAMAGED: RdbError = RdbError::Corrupt("a vector set that is damaged");

/// What Redis has no sets of: vectors in single precision, compared by their Euclidean distance.
const EUCLIDEAN: u64 = 128;

/// The number that tells how vectors are kept, and M.
fn kind_of(shape: Shape) -> u64 {
    let kept = match (shape.metric, shape.quantization) {
        (Metric::L2, _) => EUCLIDEAN,
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

/// An element as it stands in a file.
struct Element<'a> {
    name: Cow<'a, [u8]>,
    attributes: Option<Cow<'a, [u8]>>,
    vector: Cow<'a, [u8]>,
    id: u64,
    /// Ids of links, by layer.
    links: Vec<Vec<u64>>,
    norm: u64,
}

/// Makes a set of what a file has.
pub(crate) fn read(
    version: u16,
    parts: &mut ModuleReader<'_, '_>,
    loader: &Loader<'_>,
) -> RdbResult<Box<dyn Object>> {
    if version != VERSION {
        return Err(RdbError::Corrupt("a vector set of a version that is not read"));
    }
    let dimensions = parts.unsigned()?;
    let count = parts.unsigned()?;
    let kind = parts.unsigned()?;
    let shape = shape_of(dimensions, kind)?;
    if count == 0 {
        return Err(DAMAGED);
    }
    let flags = parts.unsigned()?;
    if flags & !(HAS_PROJECTION | HAS_ATTRIBUTES) != 0 {
        return Err(DAMAGED);
    }
    let projection = if flags & HAS_PROJECTION == 0 { None } else { Some(read_projection(parts, shape)?) };
    let mut elements: Vec<Element<'_>> = Vec::new();
    for _ in 0..count {
        elements.push(read_element(parts, shape, flags & HAS_ATTRIBUTES != 0)?);
    }
    let mut set = build(shape, &elements, loader.seed)?;
    set.set_projection(projection);
    Ok(Box::new(set))
}

fn shape_of(dimensions: u64, kind: u64) -> RdbResult<Shape> {
    let dimensions = usize::try_from(dimensions).ok().filter(|count| (1..=DIMENSIONS_MAX).contains(count));
    let (quantization, metric) = match kind & 0xff {
        0 => (Quantization::None, Metric::Cosine),
        1 => (Quantization::Int8, Metric::Cosine),
        2 => (Quantization::Binary, Metric::Cosine),
        EUCLIDEAN => (Quantization::None, Metric::L2),
        _ => return Err(DAMAGED),
    };
    let m = usize::try_from(kind >> 8).ok().filter(|m| M_RANGE.contains(m));
    match (dimensions, m) {
        (Some(dimensions), Some(m)) => Ok(Shape { dimensions, quantization, m, metric }),
        _ => Err(DAMAGED),
    }
}

fn read_projection(parts: &mut ModuleReader<'_, '_>, shape: Shape) -> RdbResult<Projection> {
    let input = usize::try_from(parts.unsigned()?).map_err(|_| DAMAGED)?;
    if !(1..=DIMENSIONS_MAX).contains(&input) {
        return Err(DAMAGED);
    }
    Projection::from_bytes(input, shape.dimensions, &parts.text()?).ok_or(DAMAGED)
}

fn read_element<'a>(
    parts: &mut ModuleReader<'_, 'a>,
    shape: Shape,
    has_attributes: bool,
) -> RdbResult<Element<'a>> {
    let name = parts.text()?;
    let attributes = if has_attributes { Some(parts.text()?).filter(|text| !text.is_empty()) } else { None };
    let vector = parts.text()?;
    let wanted = match shape.quantization {
        Quantization::None => shape.dimensions * 4,
        Quantization::Int8 => shape.dimensions,
        Quantization::Binary => shape.dimensions.div_ceil(64) * 8,
    };
    if vector.len() != wanted {
        return Err(DAMAGED);
    }
    let mut left = parts.unsigned()?;
    let mut number = || -> RdbResult<u64> {
        left = left.checked_sub(1).ok_or(DAMAGED)?;
        parts.unsigned()
    };
    let id = number()?;
    let level = number()?;
    let has_worst = level & WITH_WORST != 0;
    let level = level & !WITH_WORST;
    if level > REDIS_LEVEL_MAX {
        return Err(DAMAGED);
    }
    let mut links = Vec::new();
    for _ in 0..=level {
        let count = number()?;
        if count > LINKS_READ_MAX {
            return Err(DAMAGED);
        }
        number()?;
        links.push((0..count).map(|_| number()).collect::<RdbResult<Vec<u64>>>()?);
        if has_worst {
            number()?;
        }
    }
    let norm = number()?;
    if left != 0 {
        return Err(DAMAGED);
    }
    Ok(Element { name, attributes, vector, id, links, norm })
}

/// Puts a set together of elements in any order.
fn build(shape: Shape, elements: &[Element<'_>], seed: u64) -> RdbResult<VectorSet> {
    // Numbers follow ids, so that a set keeps its numbers.
    let mut order: Vec<usize> = (0..elements.len()).collect();
    order.sort_unstable_by_key(|at| elements[*at].id);
    let mut builder = Builder::new(shape.config()).map_err(|_| DAMAGED)?;
    let mut numbers: HashMap<u64, u32> = HashMap::with_capacity(elements.len());
    let mut placed: Vec<(u32, usize)> = Vec::with_capacity(elements.len());
    // Free numbers below ids are left free only where few are; the last id tells something else.
    let is_dense = order.iter().rev().nth(1).is_some_and(|at| elements[*at].id <= 2 * order.len() as u64);
    for (place, at) in order.iter().copied().enumerate() {
        let element = &elements[at];
        while is_dense && place + 1 < order.len() && next_id(&placed) < element.id {
            placed.push((builder.skip().map_err(|_| DAMAGED)?, usize::MAX));
        }
        let number = push(&mut builder, shape, element)?;
        placed.push((number, at));
        if numbers.insert(element.id, number).is_some() {
            return Err(DAMAGED);
        }
    }
    placed.retain(|(_, at)| *at != usize::MAX);
    for (number, at) in &placed {
        for (level, ids) in elements[*at].links.iter().enumerate().take(LEVEL_MAX + 1) {
            let most = if level == 0 { 2 * shape.m } else { shape.m };
            let links: Option<Vec<u32>> = ids.iter().take(most).map(|id| numbers.get(id).copied()).collect();
            builder.set_links(*number, level, &links.ok_or(DAMAGED)?).map_err(|_| DAMAGED)?;
        }
    }
    let entry = elements.first().and_then(|element| numbers.get(&element.id).copied());
    let inserted = elements.iter().map(|element| element.id).max().unwrap_or(0);
    builder.set_inserted(inserted);
    let graph = builder.finish(entry, &mut Scratch::default()).map_err(|_| DAMAGED)?;
    let mut set = VectorSet::of_graph(shape, graph, seed);
    set.set_inserted(inserted);
    for (number, at) in placed {
        let element = &elements[at];
        if set.number(&element.name).is_some() {
            return Err(DAMAGED);
        }
        set.names_mut().add(number, &element.name);
        if let Some(attributes) = &element.attributes {
            set.set_attributes(number, Some(attributes));
        }
    }
    Ok(set)
}

fn finite(number: f32) -> f32 {
    if number.is_finite() { number } else { 0.0 }
}

/// The id that the next number stands for.
fn next_id(placed: &[(u32, usize)]) -> u64 {
    placed.len() as u64 + 1
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of a norm have 32 bits each")]
fn push(builder: &mut Builder, shape: Shape, element: &Element<'_>) -> RdbResult<u32> {
    let level = (element.links.len() - 1).min(LEVEL_MAX);
    let (range, norm) = (f32::from_bits((element.norm >> 32) as u32), f32::from_bits(element.norm as u32));
    // Redis keeps vectors that are no numbers, which are near nothing.
    let [range, norm] = [range, norm].map(finite);
    let pushed = match shape.quantization {
        Quantization::None => {
            let floats =
                element.vector.as_chunks::<4>().0.iter().map(|bytes| finite(f32::from_le_bytes(*bytes)));
            let floats: Vec<f32> = floats.collect();
            builder.push(level, &Encoded::Float32(&floats), norm, None)
        }
        Quantization::Int8 => {
            let scale = range / 127.0;
            builder.push(level, &Encoded::Int8 { scale, codes: &element.vector }, norm, None)
        }
        Quantization::Binary => {
            let words = element.vector.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
            builder.push(level, &Encoded::Binary(&words.collect::<Vec<_>>()), norm, None)
        }
    };
    pushed.map_err(|_| DAMAGED)
}
