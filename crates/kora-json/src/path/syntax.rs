//! What a path is made of.

use regex::Regex;

use crate::number::Number;

/// A step from values to values in them.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// `.name`, `['name']`.
    Name(Box<str>),
    /// `['name', 'name']`.
    Names(Box<[Box<str>]>),
    /// `[0]`, `[-1]`.
    Index(i64),
    /// `[0, 1]`.
    Indexes(Box<[i64]>),
    /// `[from:to:step]`.
    Slice(Slice),
    /// `*`, `[*]`.
    All,
    /// `..`: the next step is taken from the value and from all values in it.
    Descend,
    /// `[?...]`.
    Filter(Box<Filter>),
}

/// A slice of an array.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    pub(super) from: Option<i64>,
    pub(super) to: Option<i64>,
    pub(super) step: usize,
}

/// A condition on an element or a member's value.
#[derive(Clone, Debug)]
pub(super) enum Filter {
    /// All hold.
    And(Box<[Filter]>),
    /// One holds.
    Or(Box<[Filter]>),
    /// The operand is there.
    Exists(Operand),
    /// Two operands compare so.
    Compare(Operand, Comparison, Operand),
    /// A text matches an expression that is known.
    Matches(Operand, Pattern),
}

/// A regular expression as a filter holds it; `None`: it is not one, and nothing matches.
#[derive(Clone, Debug)]
pub(super) struct Pattern(pub(super) Option<Regex>);

impl Pattern {
    /// Bytes that a compiled expression may take.
    const BYTES_MAX: usize = 1 << 18;

    /// Places that might be visited while one is compiled.
    pub(super) const VISITS: usize = 100_000;

    /// Compiles an expression.
    pub(super) fn new(text: &str) -> Self {
        Self(
            regex::RegexBuilder::new(text)
                .size_limit(Self::BYTES_MAX)
                .dfa_size_limit(Self::BYTES_MAX)
                .build()
                .ok(),
        )
    }
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Matches,
}

/// One side of a comparison.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    /// `null`, a truth value, a number or a text.
    Literal(Literal),
    /// `@...`: in the value that is looked at.
    Current(Vec<Step>),
    /// `$...`: in the value as a whole.
    Root(Vec<Step>),
}

/// A value in a path.
#[derive(Clone, Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Number(Number),
    Text(Box<str>),
}
