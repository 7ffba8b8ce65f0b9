//! A query as it is written: what the grammars give, and what FT.EXPLAIN prints.
//!
//! It keeps what the meaning ([`kora_index::query::Node`]) leaves out: escapes of tags, units of radii, which words are numbers.

use kora_index::query::{Attributes, Range};

/// A part of a query.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) kind: PartKind,
    pub(super) attributes: Attributes,
}

/// What a part is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PartKind {
    /// `*`.
    All,
    /// One word.
    Word {
        text: String,
        /// Whether other words may stand for it: not a number of the later dialects, nor a quoted word.
        is_expandable: bool,
    },
    /// `"..."`.
    Exact(Vec<String>),
    Affix(Affixed),
    Wildcard(String),
    Fuzzy(String, u8),
    And(Vec<Part>),
    Or(Vec<Part>),
    Not(Box<Part>),
    Optional(Box<Part>),
    Within(Vec<String>, Box<Part>),
    Tags(String, Vec<Tag>),
    Range(String, Range),
    Radius(String, Circle),
    Missing(String),
    Near(Near),
    Nearest(Box<Nearest>),
}

/// What is said of vectors that are searched for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct VectorQuery {
    pub(super) field: String,
    /// The parameter whose value the vector is.
    pub(super) parameter: String,
    pub(super) vector: Vec<u8>,
    /// Names and values of what is said about the search.
    pub(super) options: Vec<(String, String)>,
    /// The name of the distance.
    pub(super) distance: Option<String>,
}

impl VectorQuery {
    /// What is said under a name, in lower case.
    pub(super) fn option(&self, name: &str) -> Option<&str> {
        let said = self.options.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        said.map(|(_, value)| value.as_str())
    }
}

/// `[VECTOR_RANGE radius $vector]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Near {
    pub(super) query: VectorQuery,
    pub(super) radius: f64,
}

/// `=>[KNN count @field $vector ...]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Nearest {
    pub(super) query: VectorQuery,
    pub(super) count: u64,
    /// Whether the brackets say what the distance is called.
    pub(super) is_named: bool,
    /// What they are to match; none: all documents are asked.
    pub(super) filter: Option<Part>,
}

impl Nearest {
    /// The name of the distance.
    pub(super) fn distance(&self) -> String {
        self.query.distance.clone().unwrap_or_else(|| format!("__{}_score", self.query.field))
    }
}

/// A word of which an end is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Affixed {
    pub(super) text: String,
    pub(super) is_open_before: bool,
    pub(super) is_open_behind: bool,
}

/// One alternative of a set of tags. Texts have their escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    /// Words that make one value.
    Words(Vec<TagWord>),
    Affix(Affixed),
    Wildcard(String),
}

/// A word of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TagWord {
    pub(super) text: String,
    /// Whether backslashes in it are escapes: not if they were taken out already.
    pub(super) is_escaped: bool,
}

/// Points around another one, in the unit that was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Circle {
    pub(super) longitude: f64,
    pub(super) latitude: f64,
    pub(super) radius: f64,
    pub(super) unit: Unit,
}

/// A unit of length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Metres,
    Kilometres,
    Feet,
    Miles,
}

impl Unit {
    /// The unit of a name, in any case.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let units = [Self::Metres, Self::Kilometres, Self::Feet, Self::Miles];
        units.into_iter().find(|unit| unit.name().eq_ignore_ascii_case(name))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Metres => "m",
            Self::Kilometres => "km",
            Self::Feet => "ft",
            Self::Miles => "mi",
        }
    }

    pub(super) fn metres(self) -> f64 {
        match self {
            Self::Metres => 1.0,
            Self::Kilometres => 1000.0,
            Self::Feet => 0.3048,
            Self::Miles => 1609.34,
        }
    }
}

impl Part {
    pub(super) fn new(kind: PartKind) -> Self {
        Self { kind, attributes: Attributes::default() }
    }

    pub(super) fn word(text: String) -> Self {
        Self::new(PartKind::Word { text, is_expandable: true })
    }
}

/// Both parts: what the first one has is kept if it is a conjunction, with its attributes, in parentheses or not.
pub(super) fn and(left: Option<Part>, right: Option<Part>) -> Option<Part> {
    match (left, right) {
        (Some(Part { kind: PartKind::And(mut parts), attributes }), Some(right)) => {
            parts.push(right);
            Some(Part { kind: PartKind::And(parts), attributes })
        }
        (Some(left), Some(right)) => Some(Part::new(PartKind::And(vec![left, right]))),
        (left, right) => left.or(right),
    }
}

/// Either part; as [`and`] for disjunctions.
pub(super) fn or(left: Option<Part>, right: Option<Part>) -> Option<Part> {
    match (left, right) {
        (Some(Part { kind: PartKind::Or(mut parts), attributes }), Some(right)) => {
            parts.push(right);
            Some(Part { kind: PartKind::Or(parts), attributes })
        }
        (Some(left), Some(right)) => Some(Part::new(PartKind::Or(vec![left, right]))),
        (left, right) => left.or(right),
    }
}

/// A word without its escapes.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let is_escape = character == '\\'
            && rest.peek().is_some_and(|next| next.is_ascii_punctuation() || next.is_ascii_whitespace());
        match rest.next_if(|_| is_escape) {
            Some(escaped) => plain.push(escaped),
            None => plain.push(character),
        }
    }
    plain
}
