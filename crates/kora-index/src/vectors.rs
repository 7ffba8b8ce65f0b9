//! The vectors of a field, by document, and their distances from another one.
//!
//! A vector has a slot. A graph, if the field has one, numbers its vectors itself, and those numbers are the slots; else what documents leave is used
//! again. A page table gives the first slot of a document; its other vectors, if an array of JSON gave several, are linked. Vectors of a field by cosine
//! are kept with length 1, as RediSearch keeps them. What is kept of elements of single and half precision is exact; of other elements
//! the graph has an approximation that leads to near ones, and the elements themselves are kept beside to measure by.
//!
//! A document that died has its vectors for as long as a snapshot may see it: whoever searches a graph asks the table about owners.
//!
//! Invariant: a slot is of one document or free; a document is in `pages` if and only if it has a slot.

mod blocks;
mod distance;
mod held;
mod pages;
mod prepared;
#[cfg(test)]
mod tests;

use kora_hnsw::{Config, Graph, Query, Scratch, Storage};

use crate::schema::{Element, GraphKind, Metric, VectorKind};
use held::{Held, Kept};
use pages::Pages;
use prepared::{Exact, Prepared};

/// No slot, and no document.
const NONE: u32 = u32::MAX;
/// Links of a node in each layer at most, whatever is declared.
const LINKS_MAX: u64 = 512;
/// Candidates of a search at most, whatever is declared or asked for, unless more nearest are asked for.
const CANDIDATES_MAX: u64 = 1 << 20;
/// Candidates of a put at most, which is done at once.
const CONSTRUCTION_MAX: u64 = 4096;

/// Bytes of one vector of a field.
pub(crate) fn blob_bytes(kind: &VectorKind) -> usize {
    kind.dimensions.saturating_mul(kind.element.bytes())
}

/// Vectors of a field.
#[derive(Clone, Debug)]
pub(crate) struct Vectors {
    kind: VectorKind,
    held: Held,
    kept: Kept,
    pages: Pages,
    /// The next slot of the same document, for each slot.
    next: Vec<u32>,
    /// The document of each slot.
    owners: Vec<u32>,
    /// Slots that are free, unless the graph knows them.
    free: Vec<u32>,
    count: usize,
    /// Whether a document has had several.
    has_several: bool,
    scratch: Scratch,
}

/// A vector that distances are from, made ready for a field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    query: Option<Query>,
    exact: Exact,
}

/// The vectors of a document that another one takes over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Detached(u32);

impl Vectors {
    /// No vectors yet.
    pub(crate) fn new(kind: &VectorKind) -> Self {
        Self {
            held: held_of(kind),
            kept: Kept::new(kind),
            kind: kind.clone(),
            pages: Pages::default(),
            next: Vec::new(),
            owners: Vec::new(),
            free: Vec::new(),
            count: 0,
            has_several: false,
            scratch: Scratch::default(),
        }
    }

    /// Number of elements of a vector.
    pub(crate) fn dimensions(&self) -> usize {
        self.kind.dimensions
    }

    /// How many vectors there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// All slots are below this.
    pub(crate) fn bound(&self) -> u32 {
        u32::try_from(self.owners.len()).unwrap_or(NONE)
    }

    /// Whether a document may have several.
    pub(crate) fn has_several(&self) -> bool {
        self.has_several
    }

    /// The graph, and how it was declared.
    pub(crate) fn graph(&self) -> Option<(&Graph, &GraphKind)> {
        match (&self.held, self.kind.algorithm.graph()) {
            (Held::Graph(graph), Some(declared)) => Some((graph, declared)),
            _ => None,
        }
    }

    /// The document of a slot, or [`u32::MAX`].
    #[inline]
    pub(crate) fn owner(&self, slot: u32) -> u32 {
        self.owners.get(slot as usize).copied().unwrap_or(NONE)
    }

    /// The slots of a document.
    pub(crate) fn slots(&self, document: u32) -> impl Iterator<Item = u32> + '_ {
        let first = Some(self.pages.get(document)).filter(|slot| *slot != NONE);
        std::iter::successors(first, |slot| {
            self.next.get(*slot as usize).copied().filter(|slot| *slot != NONE)
        })
    }

    /// Adds a vector of a document; one of another length is left out, and so is one behind the last that there is room for.
    /// Complexity: O(dimensions), and a search with the graph's candidates.
    pub(crate) fn insert(&mut self, document: u32, blob: &[u8]) {
        let Some(prepared) = Prepared::read(&self.kind, blob) else { return };
        let fresh = u32::try_from(self.next.len()).unwrap_or(NONE);
        let slot = match &mut self.held {
            Held::Graph(graph) => graph.insert(&prepared.singles, &mut self.scratch).unwrap_or(NONE),
            Held::Flat(_) | Held::Nothing => self.free.pop().unwrap_or(fresh),
        };
        if slot == NONE {
            return;
        }
        if let Held::Flat(flat) = &mut self.held
            && let Ok(query) = flat.query(&prepared.singles)
        {
            flat.put(slot, &query);
        }
        self.kept.put(slot, &prepared.exact);
        let before = self.pages.set(document, slot);
        if self.next.len() <= slot as usize {
            self.next.push(NONE);
            self.owners.push(NONE);
        }
        (self.next[slot as usize], self.owners[slot as usize]) = (before, document);
        self.count += 1;
        self.has_several |= before != NONE;
    }

    /// Takes all vectors of a document out. Complexity: O(their number), and about a search of the graph for each.
    pub(crate) fn remove(&mut self, document: u32) {
        let mut slot = self.pages.remove(document);
        while slot != NONE {
            match &mut self.held {
                Held::Graph(graph) => _ = graph.remove(slot, &mut self.scratch),
                Held::Flat(_) | Held::Nothing => self.free.push(slot),
            }
            self.count -= 1;
            self.owners[slot as usize] = NONE;
            slot = std::mem::replace(&mut self.next[slot as usize], NONE);
        }
        if self.count == 0 {
            *self = Self::new(&self.kind);
        }
    }

    /// Takes the vectors of a document for another one, if they are just these. Complexity: O(their elements).
    pub(crate) fn detach(&mut self, document: u32, blobs: &[&[u8]]) -> Option<Detached> {
        let mut count = 0;
        // The last one that was put comes first.
        let slots = self.slots(document).inspect(|_| count += 1);
        let are_equal = slots.zip(blobs.iter().rev()).all(|(slot, blob)| {
            Prepared::read(&self.kind, blob).is_some_and(|prepared| {
                self.kept.has(slot, &prepared.exact)
                    || (prepared.exact == Exact::None && self.held.has(slot, &prepared.singles))
            })
        });
        if !are_equal || self.slots(document).count() != blobs.len() || blobs.is_empty() {
            return None;
        }
        Some(Detached(self.pages.remove(document)))
    }

    /// Gives a document vectors that were taken from another one; it has none yet. Complexity: O(their number).
    pub(crate) fn attach(&mut self, document: u32, Detached(first): Detached) {
        _ = self.pages.set(document, first);
        let mut slot = first;
        while slot != NONE {
            self.owners[slot as usize] = document;
            slot = self.next[slot as usize];
        }
    }

    /// Makes a vector ready to be measured from; none if it has another length. Complexity: O(dimensions).
    pub(crate) fn target(&self, blob: &[u8]) -> Option<Target> {
        let Prepared { singles, exact } = Prepared::read(&self.kind, blob)?;
        let query = match &self.held {
            Held::Graph(graph) => graph.query(&singles).ok(),
            Held::Flat(flat) => flat.query(&singles).ok(),
            Held::Nothing => None,
        };
        Some(Target { query, exact })
    }

    /// The distance of a document, which is the least of its vectors'; none if it has none. Complexity: O(its elements).
    pub(crate) fn distance(&self, document: u32, target: &Target) -> Option<f64> {
        let mut least = None;
        let mut singles = Vec::new();
        for slot in self.slots(document) {
            self.measure(target, &[slot], &mut singles, |_, one| {
                least = Some(least.map_or(one, |least| lesser(one, least)));
            });
        }
        least
    }

    /// Calls with each of these slots, which must be taken, and its distance. `singles` is used again. Complexity: O(slots * dimensions).
    pub(crate) fn measure(
        &self,
        target: &Target,
        slots: &[u32],
        singles: &mut Vec<f32>,
        mut visit: impl FnMut(u32, f64),
    ) {
        if let Some(of) = self.kept.measurer(self.kind.metric, &target.exact) {
            slots.iter().for_each(|slot| visit(*slot, of(*slot)));
            return;
        }
        match (&self.held, &target.query) {
            (Held::Graph(graph), Some(query)) => graph.distances_from(query, slots, singles),
            (Held::Flat(flat), Some(query)) => flat.distances(query, slots, singles),
            _ => return,
        }
        slots.iter().zip(singles).for_each(|(slot, one)| visit(*slot, f64::from(*one)));
    }

    /// What a put of a vector costs about, in distances.
    pub(crate) fn distances_of_a_put(&self) -> usize {
        /// Distances for each candidate of an insertion.
        const EACH: u64 = 8;
        let graph = self.graph().map_or(0, |(_, declared)| construction(declared).saturating_mul(EACH));
        usize::try_from(graph).unwrap_or(usize::MAX)
    }

    /// Bytes of all vectors, and of what finds them. Complexity: O(blocks).
    pub(crate) fn memory_bytes(&self) -> usize {
        let numbers = self.next.capacity() + self.owners.capacity() + self.free.capacity();
        self.held.memory_bytes()
            + self.kept.memory_bytes()
            + self.pages.memory_bytes()
            + self.scratch.memory()
            + numbers * size_of::<u32>()
    }
}

impl Target {
    /// It, as the graph is asked.
    pub(crate) fn query(&self) -> Option<&Query> {
        self.query.as_ref()
    }
}

/// The lesser of two distances; what is not a number is greater than all.
pub(crate) fn lesser(one: f64, other: f64) -> f64 {
    if one < other || other.is_nan() { one } else { other }
}

fn construction(declared: &GraphKind) -> u64 {
    declared.construction.clamp(1, CONSTRUCTION_MAX)
}

fn candidates(declared: u64) -> u64 {
    declared.clamp(1, CANDIDATES_MAX)
}

/// How many candidates a search keeps: what it says, or else what the field says.
pub(crate) fn candidates_of(asked: Option<usize>, declared: &GraphKind) -> usize {
    let declared = declared.runtime.unwrap_or(GraphKind::CANDIDATES);
    let asked = asked.map_or(declared, |asked| u64::try_from(asked).unwrap_or(u64::MAX));
    usize::try_from(candidates(asked)).unwrap_or(usize::MAX)
}

/// What holds vectors of this kind.
fn held_of(kind: &VectorKind) -> Held {
    let is_cosine = kind.metric == Metric::Cosine;
    let is_compressed = matches!(&kind.algorithm, crate::schema::Algorithm::Vamana(_, vamana) if vamana.compression.is_some());
    let storage = match kind.element {
        _ if is_compressed => Storage::Int8,
        Element::Float32 | Element::Float64 => Storage::Float32,
        Element::Float16 => Storage::Float16,
        Element::BFloat16 => Storage::BFloat16,
        Element::Int8 | Element::UInt8 => Storage::Int8,
    };
    let metric = match kind.metric {
        Metric::L2 => kora_hnsw::Metric::L2,
        // What is kept as bytes is not quite of length 1; other vectors are.
        Metric::Cosine if is_cosine && storage == Storage::Int8 => kora_hnsw::Metric::Cosine,
        Metric::InnerProduct | Metric::Cosine => kora_hnsw::Metric::InnerProduct,
    };
    let mut config = Config { storage, ..Config::new(kind.dimensions, metric) };
    if let Some(declared) = kind.algorithm.graph() {
        config.m = usize::try_from(declared.links.clamp(2, LINKS_MAX)).unwrap_or(usize::MAX);
        config.ef_construction = usize::try_from(construction(declared)).unwrap_or(usize::MAX);
        // Longer vectors than a graph takes are all compared.
        if let Ok(graph) = Graph::new(config) {
            return Held::Graph(Box::new(graph));
        }
    }
    match kind.element {
        Element::Float32 | Element::Float16 | Element::BFloat16 => {
            Held::Flat(Box::new(kora_hnsw::Flat::new(&config)))
        }
        Element::Float64 | Element::Int8 | Element::UInt8 => Held::Nothing,
    }
}
