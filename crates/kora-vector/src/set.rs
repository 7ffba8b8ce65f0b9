//! A vector set: elements with a name, a vector and maybe attributes.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use kora_core::entry::Account;
use kora_hnsw::{
    Config, Encoded, Error, Graph, Insertion, Metric, Query, Scratch, Search, SearchOptions, Storage,
};

use crate::care::Care;
use crate::names::Names;
use crate::projection::Projection;
use crate::texts::Texts;

/// Decides on the layers of nodes: one for all, so that replicas and logs make the same graph.
const SEED: u64 = 0x0076_6b6f_7261;

/// Sets made by this process, for VINFO.
static SETS: AtomicU64 = AtomicU64::new(0);

/// What is taken for an allocation when a set is freed.
const EFFORT_BYTES: usize = 64;
/// What it counts to free a chunk of each of the graph's arenas.
const EFFORT_OF_CHUNKS: usize = 4096;

thread_local! {
    /// Memory that searches of a thread use again.
    static SCRATCH: Cell<Scratch> = Cell::default();
}

/// The thread's memory for searches, to be given back.
pub(crate) fn scratch() -> Scratch {
    SCRATCH.take()
}

/// Gives memory for searches back.
pub(crate) fn give_back(scratch: Scratch) {
    SCRATCH.set(scratch);
}

/// Runs something with the thread's memory for searches.
fn with_scratch<T>(run: impl FnOnce(&mut Scratch) -> T) -> T {
    let mut scratch = SCRATCH.take();
    let result = run(&mut scratch);
    SCRATCH.set(scratch);
    result
}

/// How vectors are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantization {
    /// In single precision.
    None,
    /// A byte for each element, and a scale for each vector.
    Int8,
    /// A bit for each element.
    Binary,
}

impl Quantization {
    /// The name that replies have.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "f32",
            Self::Int8 => "int8",
            Self::Binary => "bin",
        }
    }

    fn storage(self) -> Storage {
        match self {
            Self::None => Storage::Float32,
            Self::Int8 => Storage::Int8,
            Self::Binary => Storage::Binary,
        }
    }
}

/// What a set is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Elements of a vector as it is kept.
    pub dimensions: usize,
    /// How vectors are kept.
    pub quantization: Quantization,
    /// Links that a node is given in each layer.
    pub m: usize,
    /// How vectors are compared.
    pub metric: Metric,
}

impl Shape {
    /// Bytes of a vector as it is kept.
    pub(crate) fn vector_bytes(self) -> usize {
        match self.quantization {
            Quantization::None => self.dimensions * size_of::<f32>(),
            Quantization::Int8 => self.dimensions,
            Quantization::Binary => self.dimensions.div_ceil(8),
        }
    }

    /// The configuration of a graph.
    pub(crate) fn config(self) -> Config {
        let storage = self.quantization.storage();
        let base = Config::new(self.dimensions, self.metric);
        Config { storage, m: self.m, seed: SEED, ..base }
    }
}

/// What it costs to read an element's attributes and to run a filter over them, in distances of vectors of so many bytes.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn filter_cost(vector_bytes: usize) -> f32 {
    /// Nanoseconds of a short filter over a short object, of a distance, and of each of the bytes that it reads.
    const FILTER: f32 = 20.0;
    const DISTANCE: f32 = 5.0;
    const BYTE: f32 = 1.0 / 16.0;
    FILTER / (DISTANCE + BYTE * vector_bytes as f32)
}

/// What a search is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// How many elements.
    pub count: usize,
    /// How many the search keeps in mind.
    pub ef: usize,
    /// Nodes that a search with a filter looks at, at most.
    pub visits_max: usize,
    /// Whether all are compared.
    pub is_exact: bool,
    /// Whether elements have to pass a filter over their attributes.
    pub is_filtered: bool,
}

/// Elements with a name, a vector and maybe attributes.
///
/// Invariants: the graph has just the numbers that have names; attributes belong to such numbers.
#[derive(Clone, Debug)]
pub struct VectorSet {
    shape: Shape,
    graph: Graph,
    names: Names,
    attributes: Texts,
    projection: Option<Projection>,
    /// Number of vectors that were ever put in.
    inserted: u64,
    uid: u64,
    pub(crate) care: Care,
    pub(crate) account: Account,
}

impl VectorSet {
    /// A set without elements; `seed` is secret and another one for each set.
    ///
    /// # Errors
    /// If a number of the shape is out of range.
    pub fn new(shape: Shape, seed: u64) -> Result<Self, Error> {
        let graph = Graph::new(shape.config())?;
        Ok(Self::of_graph(shape, graph, seed))
    }

    /// A set around a graph whose numbers are given names afterwards.
    pub(crate) fn of_graph(shape: Shape, graph: Graph, seed: u64) -> Self {
        Self {
            shape,
            graph,
            names: Names::new(seed),
            attributes: Texts::default(),
            projection: None,
            inserted: 0,
            uid: SETS.fetch_add(1, Ordering::Relaxed),
            care: Care::default(),
            account: Account::default(),
        }
    }

    /// What it is at this moment, for a search that goes on while it changes: see [`Graph::view`].
    pub(crate) fn view(&self) -> Self {
        Self {
            graph: self.graph.view(),
            names: self.names.clone(),
            attributes: self.attributes.clone(),
            projection: None,
            account: Account::default(),
            ..*self
        }
    }

    /// What it was made with.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Whether it is an index of VECSET: its elements are found by their distance, and have numbers for names.
    #[must_use]
    pub fn is_index(&self) -> bool {
        self.shape.metric == Metric::Euclidean
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether it has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of elements with attributes.
    #[must_use]
    pub fn attributes_count(&self) -> usize {
        self.attributes.len()
    }

    /// The number of this set among all that the process has made.
    #[must_use]
    pub fn uid(&self) -> u64 {
        self.uid
    }

    /// Number of vectors that were ever put in.
    #[must_use]
    pub fn inserted(&self) -> u64 {
        self.inserted
    }

    pub(crate) fn set_inserted(&mut self, inserted: u64) {
        self.inserted = inserted;
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn graph_mut(&mut self) -> &mut Graph {
        &mut self.graph
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn names_mut(&mut self) -> &mut Names {
        &mut self.names
    }

    pub(crate) fn projection(&self) -> Option<&Projection> {
        self.projection.as_ref()
    }

    /// Has vectors of more elements projected from here on.
    pub(crate) fn set_projection(&mut self, projection: Option<Projection>) {
        self.projection = projection;
    }

    /// The number of an element.
    #[must_use]
    pub fn number(&self, name: &[u8]) -> Option<u32> {
        self.names.number(name)
    }

    /// The name of an element.
    #[must_use]
    pub fn name(&self, number: u32) -> &[u8] {
        self.names.name(number).unwrap_or_default()
    }

    /// Begins to search the neighbours of a vector that is to be put in.
    ///
    /// # Errors
    /// If the vector has another number of elements.
    pub fn insertion(&self, vector: &[f32], ef: usize) -> Result<Insertion, Error> {
        Ok(Insertion::new(&self.graph, vector, scratch())?.with_ef(ef))
    }

    /// Puts an element in, or another vector under the name of one that is there. Returns whether it is new.
    /// Complexity: O(M^2) distances if the insertion is ready, and O(ef * M) otherwise.
    ///
    /// # Errors
    /// If the insertion was begun for another set, or the set is full.
    pub fn put(&mut self, name: &[u8], insertion: Insertion) -> Result<bool, Error> {
        let before = self.number(name);
        let attributes = before.and_then(|number| {
            self.names.remove(number);
            self.graph.remove(number, &mut Scratch::default());
            self.attributes.take(number)
        });
        let (number, used) = self.graph.commit(insertion);
        give_back(used);
        let number = number?;
        self.names.add(number, name);
        if let Some(attributes) = attributes {
            self.attributes.set(number, attributes);
        }
        self.inserted += 1;
        self.care.note_change();
        Ok(before.is_none())
    }

    /// Takes an element out. Returns whether it was there. Complexity: O(M^2) distances.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        let Some(number) = self.number(name) else { return false };
        with_scratch(|scratch| self.graph.remove(number, scratch));
        self.names.remove(number);
        self.set_attributes(number, None);
        self.care.note_change();
        true
    }

    /// The attributes of an element.
    #[must_use]
    pub fn attributes(&self, number: u32) -> Option<&[u8]> {
        self.attributes.get(number)
    }

    /// Gives an element attributes, or takes them away.
    pub fn set_attributes(&mut self, number: u32, attributes: Option<&[u8]>) {
        match attributes {
            Some(attributes) => self.attributes.set(number, attributes.into()),
            None => drop(self.attributes.take(number)),
        }
    }

    /// A vector to search for, of as many elements as those of the set.
    ///
    /// # Errors
    /// If it has another number of elements.
    pub fn query(&self, vector: &[f32]) -> Result<Query, Error> {
        self.graph.query(vector)
    }

    /// The vector of an element, to search for its neighbours.
    #[must_use]
    pub fn query_of(&self, number: u32) -> Option<Query> {
        self.graph.query(&self.graph.unit_vector(number)?).ok()
    }

    /// A search for the elements that are nearest to a vector.
    #[must_use]
    pub fn search(&self, query: Query, wanted: Wanted) -> Search {
        let count = wanted.count.min(self.len());
        let mut options = SearchOptions {
            visits_max: wanted.visits_max,
            is_exact: wanted.is_exact,
            ..SearchOptions::nearest(count, wanted.ef.min(self.len()))
        };
        if wanted.is_filtered {
            options.filter_cost = filter_cost(self.shape.vector_bytes());
        }
        Search::new(query, options, scratch())
    }

    /// The elements of a vector as they are given back: as it was put in, as exactly as it is kept.
    #[must_use]
    pub fn vector(&self, number: u32) -> Option<Vec<f32>> {
        match self.graph.encoded(number)? {
            Encoded::Binary(words) => Some(
                (0..self.shape.dimensions)
                    .map(|at| if words[at / 64] >> (at % 64) & 1 == 1 { 1.0 } else { -1.0 })
                    .collect(),
            ),
            _ => self.graph.vector(number),
        }
    }

    /// Numbers of elements, ascending.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.graph.ids()
    }

    /// Bytes allocated for it, itself included.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.graph.memory()
            + self.names.memory_bytes()
            + self.attributes.memory_bytes()
            + self.projection.as_ref().map_or(0, Projection::memory_bytes)
    }

    /// About how many allocations are freed with it: one for every 64 bytes, as those who free tell its bytes by it.
    pub(crate) fn free_effort(&self) -> usize {
        self.memory_bytes() / EFFORT_BYTES
    }

    /// Frees about `budget` allocations of a set that is not used any more, and says how many.
    pub(crate) fn free_some(&mut self, budget: usize) -> usize {
        if self.graph.clear_some(budget.div_ceil(EFFORT_OF_CHUNKS)) {
            return budget;
        }
        let freed = self.attributes.free_some(budget);
        if freed >= budget { freed } else { freed + self.names.free_some(budget - freed) }
    }
}
