//! Reading: elements come in any order, and their links name others by ids. What is out of range is refused.

use std::borrow::Cow;

use kora_core::codec::{ModuleReader, RdbError, RdbResult};
use kora_core::entry::data_type::Loader;
use kora_core::entry::object::Object;
use kora_hnsw::{Builder, DIMENSIONS_MAX, Encoded, LEVEL_MAX, M_RANGE, Metric, Scratch};

use super::{EUCLIDEAN, HAS_ATTRIBUTES, HAS_PROJECTION, VERSION};
use crate::projection::Projection;
use crate::set::{Quantization, Shape, VectorSet};

/// What Redis 8.2 adds to a level.
const WITH_WORST: u64 = 1 << 24;
/// Highest layer that Redis gives a node; those above ours are left out.
const REDIS_LEVEL_MAX: u64 = 16;
/// Most links of a node in a layer that are read.
const LINKS_READ_MAX: u64 = 1 << 16;
/// Ids are looked up in a list of numbers while they are below so many times the elements, and else by a search.
const SPARSE_MAX: u64 = 8;

const DAMAGED: RdbError = RdbError::Corrupt("a vector set that is damaged");

/// An element as it stands in a file.
struct Element<'a> {
    name: Cow<'a, [u8]>,
    attributes: Option<Cow<'a, [u8]>>,
    vector: Cow<'a, [u8]>,
    id: u64,
    /// Its layers.
    levels: usize,
    norm: u64,
}

/// Elements as they stand in a file.
#[derive(Default)]
struct Elements<'a> {
    elements: Vec<Element<'a>>,
    /// Of each element, for each of its layers, how many links there are, and their ids.
    links: Vec<u64>,
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
    let mut elements = Elements::default();
    for _ in 0..count {
        elements.read(parts, shape, flags & HAS_ATTRIBUTES != 0)?;
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
        EUCLIDEAN => (Quantization::None, Metric::Euclidean),
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

impl<'a> Elements<'a> {
    fn read(
        &mut self,
        parts: &mut ModuleReader<'_, 'a>,
        shape: Shape,
        has_attributes: bool,
    ) -> RdbResult<()> {
        let name = parts.text()?;
        let attributes =
            if has_attributes { Some(parts.text()?).filter(|text| !text.is_empty()) } else { None };
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
        for _ in 0..=level {
            let count = number()?;
            if count > LINKS_READ_MAX {
                return Err(DAMAGED);
            }
            number()?;
            self.links.push(count);
            for _ in 0..count {
                self.links.push(number()?);
            }
            if has_worst {
                number()?;
            }
        }
        let norm = number()?;
        if left != 0 {
            return Err(DAMAGED);
        }
        let levels = usize::try_from(level).map_err(|_| DAMAGED)? + 1;
        self.elements.push(Element { name, attributes, vector, id, levels, norm });
        Ok(())
    }
}

/// Numbers of elements by their ids.
struct Numbers {
    /// Ids, ascending, and the elements' numbers.
    pairs: Vec<(u64, u32)>,
    /// By id, if there are not many more ids than elements; `u32::MAX` where there is none.
    list: Vec<u32>,
}

impl Numbers {
    /// Of ids that ascend.
    fn new(pairs: Vec<(u64, u32)>) -> Self {
        let mut list = Vec::new();
        // The last id tells something else.
        let bound = pairs.iter().rev().nth(1).map_or(0, |(id, _)| *id);
        if bound < pairs.len() as u64 * SPARSE_MAX {
            list.resize(usize::try_from(bound).unwrap_or(0) + 1, u32::MAX);
            for (id, number) in &pairs {
                if let Some(place) = usize::try_from(*id).ok().and_then(|id| list.get_mut(id)) {
                    *place = *number;
                }
            }
        }
        Self { pairs, list }
    }

    #[inline]
    fn get(&self, id: u64) -> Option<u32> {
        match usize::try_from(id).ok().and_then(|id| self.list.get(id)) {
            Some(number) => Some(*number).filter(|number| *number != u32::MAX),
            None => match self.pairs.last() {
                Some((last, number)) if *last == id => Some(*number),
                _ => self.search(id),
            },
        }
    }

    fn search(&self, id: u64) -> Option<u32> {
        self.pairs.binary_search_by_key(&id, |(id, _)| *id).ok().map(|at| self.pairs[at].1)
    }
}

/// Puts a set together of elements in any order.
fn build(shape: Shape, Elements { elements, links }: &Elements<'_>, seed: u64) -> RdbResult<VectorSet> {
    // Numbers follow ids, so that a set keeps its numbers.
    let mut order: Vec<usize> = (0..elements.len()).collect();
    order.sort_unstable_by_key(|at| elements[*at].id);
    if order.windows(2).any(|two| elements[two[0]].id == elements[two[1]].id) {
        return Err(DAMAGED);
    }
    let mut builder = Builder::new(shape.config()).map_err(|_| DAMAGED)?;
    let mut number_of = vec![0_u32; elements.len()];
    let mut pairs = Vec::with_capacity(elements.len());
    // Free numbers below ids are left free only where few are; the last id tells something else.
    let is_dense = order.iter().rev().nth(1).is_some_and(|at| elements[*at].id <= 2 * order.len() as u64);
    let mut scratch = Vec::new();
    let mut next_id = 1;
    for (place, at) in order.iter().copied().enumerate() {
        let element = &elements[at];
        while is_dense && place + 1 < order.len() && next_id < element.id {
            builder.skip().map_err(|_| DAMAGED)?;
            next_id += 1;
        }
        let number = push(&mut builder, shape, element, &mut scratch)?;
        next_id += 1;
        number_of[at] = number;
        pairs.push((element.id, number));
    }
    let inserted = pairs.last().map_or(0, |(id, _)| *id);
    let numbers = Numbers::new(pairs);
    set_links(&mut builder, shape, (elements, links), &number_of, &numbers)?;
    let entry = number_of.first().copied();
    builder.set_inserted(inserted);
    let graph = builder.finish(entry, &mut Scratch::default()).map_err(|_| DAMAGED)?;
    let mut set = VectorSet::of_graph(shape, graph, seed);
    set.set_inserted(inserted);
    for at in order {
        let (element, number) = (&elements[at], number_of[at]);
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

fn set_links(
    builder: &mut Builder,
    shape: Shape,
    (elements, links): (&[Element<'_>], &[u64]),
    number_of: &[u32],
    numbers: &Numbers,
) -> RdbResult<()> {
    let mut rest = links.iter();
    let mut row: Vec<u32> = Vec::new();
    for (element, number) in elements.iter().zip(number_of) {
        for level in 0..element.levels {
            let count = rest.next().copied().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
            let (ids, others) = rest.as_slice().split_at_checked(count).ok_or(DAMAGED)?;
            rest = others.iter();
            if level > LEVEL_MAX {
                continue;
            }
            let most = if level == 0 { 2 * shape.m } else { shape.m };
            row.clear();
            for id in ids.iter().take(most) {
                row.push(numbers.get(*id).ok_or(DAMAGED)?);
            }
            builder.set_links(*number, level, &row).map_err(|_| DAMAGED)?;
        }
    }
    Ok(())
}

fn finite(number: f32) -> f32 {
    if number.is_finite() { number } else { 0.0 }
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of a norm have 32 bits each")]
fn push(builder: &mut Builder, shape: Shape, element: &Element<'_>, floats: &mut Vec<f32>) -> RdbResult<u32> {
    let level = (element.levels - 1).min(LEVEL_MAX);
    let (range, norm) = (f32::from_bits((element.norm >> 32) as u32), f32::from_bits(element.norm as u32));
    // Redis keeps vectors that are no numbers, which are near nothing.
    let [range, norm] = [range, norm].map(finite);
    let pushed = match shape.quantization {
        Quantization::None => {
            floats.clear();
            let bytes = element.vector.as_chunks::<4>().0.iter();
            floats.extend(bytes.map(|bytes| finite(f32::from_le_bytes(*bytes))));
            builder.push(level, &Encoded::Float32(floats), norm, None)
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
