//! What a graph is declared to be, and why something is refused.

/// How far two vectors are from each other. A distance is a number that is less for nearer ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// The square of the Euclidean distance.
    L2,
    /// The Euclidean distance itself, of vectors in single precision: neither long vectors nor near ones are out of its range. Vectors are to be at most half as
    /// long as single precision can tell.
    Euclidean,
    /// 1 less the inner product.
    InnerProduct,
    /// 1 less the cosine, between 0 and 2. Vectors are kept with length 1, and their norms beside them.
    Cosine,
}

/// How elements are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// IEEE single precision.
    Float32,
    /// IEEE half precision.
    Float16,
    /// The upper half of single precision.
    BFloat16,
    /// A byte for each, and a scale for each vector: the largest element becomes 127.
    Int8,
    /// A bit for each: whether it is above 0. The distance is the share of bits that differ, on the scale of the metric cosine.
    Binary,
    /// As `Binary`, after a rotation that the seed decides, so that every bit tells as much as the others.
    BinaryRotated,
}

/// What a graph is declared to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Elements of a vector.
    pub dimensions: usize,
    /// How vectors are compared.
    pub metric: Metric,
    /// How vectors are kept.
    pub storage: Storage,
    /// Whether vectors are kept in single precision, too, to give the distances of what is found exactly.
    pub keeps_original: bool,
    /// Links that a node is given in each layer; in the lowest one it has up to twice as many.
    pub m: usize,
    /// Candidates that an insertion keeps in its search.
    pub ef_construction: usize,
    /// Decides on the layers of nodes and the rotation.
    pub seed: u64,
}

/// Largest number of elements of a vector.
pub const DIMENSIONS_MAX: usize = 65_536;
/// Least and largest `m`.
pub const M_RANGE: std::ops::RangeInclusive<usize> = 2..=4_096;
/// Highest layer of a node.
pub const LEVEL_MAX: usize = 15;
/// Most vectors of a graph.
pub const NODES_MAX: usize = (1 << 31) - 1;

/// Why something is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A configuration has a number out of range.
    #[error("{0} is out of range")]
    Config(&'static str),
    /// A vector has another number of elements.
    #[error("a vector of {given} elements where {wanted} are needed")]
    Dimensions {
        /// Elements of the vector.
        given: usize,
        /// Elements that it should have.
        wanted: usize,
    },
    /// There is no room for another vector.
    #[error("the index is full")]
    Full,
    /// No vector is under this number.
    #[error("there is no such vector")]
    Missing,
    /// Parts do not make a graph.
    #[error("the parts of an index are damaged: {0}")]
    Damaged(&'static str),
}

impl Config {
    /// Single precision, M 16, 200 candidates while building.
    pub fn new(dimensions: usize, metric: Metric) -> Self {
        let storage = Storage::Float32;
        Self { dimensions, metric, storage, keeps_original: false, m: 16, ef_construction: 200, seed: 0 }
    }

    /// Whether all numbers are in range.
    ///
    /// # Errors
    /// Names the one that is not.
    pub fn check(&self) -> Result<(), Error> {
        if !(1..=DIMENSIONS_MAX).contains(&self.dimensions) {
            return Err(Error::Config("the number of dimensions"));
        }
        if !M_RANGE.contains(&self.m) {
            return Err(Error::Config("M"));
        }
        if self.ef_construction == 0 {
            return Err(Error::Config("EF"));
        }
        if self.metric == Metric::Euclidean && self.storage != Storage::Float32 {
            return Err(Error::Config("the storage"));
        }
        Ok(())
    }

    /// Most links of a node in a layer.
    pub(crate) fn links_max(&self, level: usize) -> usize {
        if level == 0 { self.m * 2 } else { self.m }
    }
}
