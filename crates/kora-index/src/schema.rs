//! What an index is declared to hold.

mod names;

/// Where an index finds its documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// In hashes: a field of the index is a field of the hash.
    #[default]
    Hash,
    /// In JSON values: a field of the index is a path.
    Json,
}

/// Declaration of an index.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// Where its documents are.
    pub source: Source,
    /// Keys that begin with one of these are its documents; none given: the empty prefix.
    pub prefixes: Vec<Vec<u8>>,
    /// An expression that a document must fulfil, as it was written.
    pub filter: Option<String>,
    /// Language of documents that name none.
    pub language: Option<Language>,
    /// The field that names a document's language.
    pub language_field: Option<String>,
    /// Score of documents that have none, 0 to 1.
    pub score: Option<f64>,
    /// The field that holds a document's score.
    pub score_field: Option<String>,
    /// The field that holds a document's payload.
    pub payload_field: Option<String>,
    /// NOOFFSETS: positions of words are not kept, so no phrases.
    pub no_offsets: bool,
    /// NOHL: nothing is kept for highlighting.
    pub no_highlighting: bool,
    /// NOFIELDS: which field a word stands in is not kept.
    pub no_fields: bool,
    /// NOFREQS: how often a word occurs is not kept.
    pub no_frequencies: bool,
    /// MAXTEXTFIELDS.
    pub max_text_fields: bool,
    /// SKIPINITIALSCAN: only documents that change from now on.
    pub skip_initial_scan: bool,
    /// INDEXALL ENABLE.
    pub index_all: bool,
    /// TEMPORARY: it goes when it was not used for so many seconds.
    pub temporary_seconds: Option<u32>,
    /// Words that are not indexed; none given: the default ones.
    pub stop_words: Option<Vec<String>>,
    /// Its fields, in the order in which they were declared.
    pub fields: Vec<Field>,
}

/// A language that words are stemmed by, under the name that commands give it, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language(pub String);

/// One field.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// The hash's field, or the path.
    pub identifier: String,
    /// Its name in queries: AS, or the identifier.
    pub name: String,
    /// How it is indexed.
    pub kind: FieldKind,
    /// SORTABLE: its value is kept with the document.
    pub sortable: bool,
    /// UNF: the value is kept as it is, not in lower case.
    pub un_normalised: bool,
    /// NOINDEX: it can be sorted by and loaded, not searched.
    pub no_index: bool,
    /// INDEXMISSING: documents without it can be searched for.
    pub index_missing: bool,
    /// INDEXEMPTY: empty values can be searched for.
    pub index_empty: bool,
}

/// How a field is indexed.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldKind {
    /// Words of a text.
    Text {
        /// Factor of its words in scores.
        weight: f64,
        /// NOSTEM.
        no_stem: bool,
        /// PHONETIC: the matcher, such as `dm:en`.
        phonetic: Option<String>,
        /// WITHSUFFIXTRIE.
        with_suffixes: bool,
    },
    /// Exact values, separated by a character.
    Tag {
        /// What separates values; none: an array of JSON gives them, or a hash by commas.
        separator: Option<char>,
        /// CASESENSITIVE.
        case_sensitive: bool,
        /// WITHSUFFIXTRIE.
        with_suffixes: bool,
    },
    /// Numbers, for ranges.
    Numeric,
    /// Points, `longitude,latitude`, for radii.
    Geo,
    /// Vectors, for those that lie near another one.
    Vector(VectorKind),
    /// Scalars of JSON in one order over all their types, for those that are equal, ranges and orders.
    Scalar,
}

/// How vectors are declared.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorKind {
    /// Type of their elements.
    pub element: Element,
    /// Number of their elements, 1 at least.
    pub dimensions: usize,
    /// How far apart two are.
    pub metric: Metric,
    /// How they are searched.
    pub algorithm: Algorithm,
}

/// Type of a vector's elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// `FLOAT32`.
    Float32,
    /// `FLOAT64`.
    Float64,
    /// `FLOAT16`: half precision of IEEE 754.
    Float16,
    /// `BFLOAT16`: the upper half of a `FLOAT32`.
    BFloat16,
    /// `INT8`: -128 to 127.
    Int8,
    /// `UINT8`: 0 to 255.
    UInt8,
}

impl Element {
    /// Bytes that one takes.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Float32 => 4,
            Self::Float64 => 8,
            Self::Float16 | Self::BFloat16 => 2,
            Self::Int8 | Self::UInt8 => 1,
        }
    }
}

/// How far apart two vectors are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Square of the Euclidean distance.
    L2,
    /// 1 less their inner product.
    InnerProduct,
    /// 1 less the cosine of the angle between them.
    Cosine,
}

/// How vectors are searched.
#[derive(Clone, Debug, PartialEq)]
pub enum Algorithm {
    /// All are compared.
    Flat,
    /// Through a graph (Malkov and Yashunin 2016).
    Hnsw(GraphKind),
    /// As SVS-VAMANA is declared; through the same graph.
    Vamana(GraphKind, VamanaKind),
}

impl Algorithm {
    /// The graph, if there is one.
    #[must_use]
    pub fn graph(&self) -> Option<&GraphKind> {
        match self {
            Self::Flat => None,
            Self::Hnsw(graph) | Self::Vamana(graph, _) => Some(graph),
        }
    }
}

/// How a graph of vectors is declared.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphKind {
    /// Links of a node in each layer; in the lowest one up to twice as many.
    pub links: u64,
    /// Candidates while the graph is built.
    pub construction: u64,
    /// Candidates of a search; none given: [`GraphKind::CANDIDATES`].
    pub runtime: Option<u64>,
    /// Of a search within a radius: what is up to this share farther is followed.
    pub epsilon: f64,
}

impl GraphKind {
    /// Links unless something else is said.
    pub const LINKS: u64 = 16;
    /// Candidates while a graph is built, unless something else is said.
    pub const CONSTRUCTION: u64 = 200;
    /// Candidates of a search that nothing is said of.
    pub const CANDIDATES: u64 = 64;
    /// The share that is followed beyond a radius, unless something else is said.
    pub const EPSILON: f64 = 0.01;
}

impl Default for GraphKind {
    fn default() -> Self {
        let (links, construction) = (Self::LINKS, Self::CONSTRUCTION);
        Self { links, construction, runtime: None, epsilon: Self::EPSILON }
    }
}

/// What SVS-VAMANA says besides.
#[derive(Clone, Debug, PartialEq)]
pub struct VamanaKind {
    /// The compression by its name, if there is one: a byte for each element is kept, whichever it is.
    pub compression: Option<String>,
    /// Vectors that a compression learns from; nothing is learnt.
    pub training_threshold: Option<u64>,
    /// Elements that a compression leaves of a vector; all are kept.
    pub reduce: Option<u64>,
}
