//! What is asked of an index: a tree that every query language parses to, and that the index evaluates.
//!
//! A tree names fields by the names of the schema and is not checked against one: whoever evaluates it does that, since one text is
//! parsed the same for any index. Parameters (`$name`) are filled in by the parser.

use crate::scalar::ScalarRange;

/// A part of a query, with what was said about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it matches.
    pub kind: NodeKind,
    /// `=> { $weight: ... }`.
    pub attributes: Attributes,
}

/// What a part of a query matches.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// `*`: every document.
    All,
    /// No document: nothing was left of the query but stop words.
    Nothing,
    /// A word, as written, in lower case.
    Word {
        /// The word.
        text: String,
        /// Whether its stem and synonyms match as well: not within quotes, nor with VERBATIM.
        is_expandable: bool,
    },
    /// `"..."`: these words, next to each other and in order.
    Phrase(Vec<String>),
    /// Words or values that fit a pattern.
    Pattern(Pattern),
    /// All of them, in that order where a slop or INORDER asks for it.
    And(Vec<Node>),
    /// Any of them.
    Or(Vec<Node>),
    /// `-`: documents that it does not match.
    Not(Box<Node>),
    /// `~`: all documents, those that it matches score more.
    Optional(Box<Node>),
    /// `@field|field:`: it matches in these fields only.
    Within(Vec<String>, Box<Node>),
    /// `@field:{a | b}`: one of these values.
    Tags(String, Vec<TagMatch>),
    /// `@field:[from to]`.
    Range(String, Range),
    /// `@field:[longitude latitude radius unit]`.
    Radius(String, Radius),
    /// `ismissing(@field)`.
    Missing(String),
    /// A scalar of the field is in one of these ranges.
    Scalars(String, Vec<ScalarRange>),
    /// `@field:[VECTOR_RANGE radius vector]`.
    Near(Near),
    /// `(query)=>[KNN count @field vector]`, which is a whole query only.
    Nearest(Box<Nearest>),
}

/// Vectors around another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Near {
    /// The field.
    pub field: String,
    /// The vector in the middle, as [`crate::document::Content::Vectors`] has it.
    pub vector: Vec<u8>,
    /// Distance from it at most.
    pub radius: f64,
    /// What is up to this share farther is followed by a search through a graph; none given: what the field says.
    pub epsilon: Option<f64>,
    /// The name under which a match gives its distance, if it is to.
    pub distance: Option<String>,
}

/// The documents with the least distances among those that a query matches.
#[derive(Clone, Debug, PartialEq)]
pub struct Nearest {
    /// The field.
    pub field: String,
    /// The vector that distances are from, as [`crate::document::Content::Vectors`] has it.
    pub vector: Vec<u8>,
    /// Documents at most.
    pub count: usize,
    /// The name under which a match gives its distance.
    pub distance: String,
    /// What they are to match.
    pub filter: Node,
    /// How they are searched for.
    pub way: NearestWay,
}

/// How the nearest are searched for, if the field has a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NearestWay {
    /// Candidates that are kept in mind; none given: what the field says.
    pub candidates: Option<usize>,
    /// How what a query matches is searched; none given: whatever costs less.
    pub policy: Option<Policy>,
}

/// How the nearest of what a query matches are searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// All that it matches are measured.
    Exact,
    /// The graph is walked, with this many candidates at least.
    Graph(Option<usize>),
}

/// A pattern of words or values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// `word*`.
    Prefix(String),
    /// `*word`.
    Suffix(String),
    /// `*word*`.
    Infix(String),
    /// `w'...'`: `?` is one character, `*` any number of them, `\` takes the next as it is.
    Wildcard(String),
    /// `%word%`: so many insertions, deletions and substitutions of characters away at most: 1 to 3.
    Fuzzy(String, u8),
}

/// One alternative between the braces of tags.
#[derive(Clone, Debug, PartialEq)]
pub enum TagMatch {
    /// This value.
    Value(String),
    /// Values that fit this; fuzzy ones do not occur.
    Pattern(Pattern),
}

/// Numbers from one bound to the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The least.
    pub from: Bound,
    /// The greatest.
    pub to: Bound,
}

/// An end of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// The number; infinity if there is no end.
    pub value: f64,
    /// Whether the number itself is out of the range.
    pub is_exclusive: bool,
}

/// Points around another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Radius {
    /// Degrees, -180 to 180.
    pub longitude: f64,
    /// Degrees, -90 to 90.
    pub latitude: f64,
    /// Metres.
    pub metres: f64,
}

/// What is said about a part of a query.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Attributes {
    /// Factor of its scores.
    pub weight: Option<f64>,
    /// Words that may stand between its words at most.
    pub slop: Option<i64>,
    /// Whether its words must stand in the order of the query.
    pub in_order: Option<bool>,
    /// Whether words that sound alike match.
    pub phonetic: Option<bool>,
}

impl Node {
    /// A part about which nothing is said.
    #[must_use]
    pub fn new(kind: NodeKind) -> Self {
        Self { kind, attributes: Attributes::default() }
    }
}
