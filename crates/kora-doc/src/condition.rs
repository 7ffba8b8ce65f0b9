//! WHERE: what documents are to fulfil. A text is read to a tree ([`Condition::parse`]), and the tree says whether a document fulfils it
//! ([`Condition::holds`]).
//!
//! ```text
//! condition  one { OR one }            one    part { AND part }
//! part       NOT part | ( condition ) | path test
//! test       (= | != | < | <= | > | >=) value | IN ( value { , value } ) | EXISTS | CONTAINS value | STARTSWITH text
//! value      text in quotes | number | true | false | null
//! ```
//!
//! A field that is missing, or no scalar, is equal to nothing: `=` is false and `!=` true. Only values of one type compare by order. Length and depth are limited.

pub(crate) mod evaluate;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

use kora_index::scalar::Class;

pub use lexer::{QuoteError, Quotes};
pub use parser::ConditionError;

use crate::path::Path;

/// Bytes of a condition at most.
pub const BYTES_MAX: usize = 1 << 16;
/// Tests of a condition at most: each of them is tried on each document that no index leaves out.
pub const TERMS_MAX: usize = 1024;
/// Parts in each other at most.
pub const DEPTH_MAX: usize = 64;

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// All of them hold: two at least.
    And(Vec<Condition>),
    /// Any of them holds: two at least.
    Or(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A test of one field.
    Term(Term),
}

/// A test of one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    /// The field.
    pub path: Path,
    /// What is asked of it.
    pub test: Test,
    /// As it was written.
    pub text: Box<str>,
}

/// What is asked of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// `=` and the like.
    Compare(Comparison, Literal),
    /// One of these.
    In(Vec<Literal>),
    /// It is there.
    Exists,
    /// It is an array that has this element.
    Contains(Literal),
    /// It is a text that begins so.
    StartsWith(Box<[u8]>),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A value, as [`kora_index::scalar::Scalar::encode`] makes it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Literal(pub Box<[u8]>);

impl Literal {
    /// Its type.
    #[must_use]
    pub fn class(&self) -> Class {
        kora_index::scalar::class_of(&self.0)
    }
}

impl Condition {
    /// Reads a condition. Complexity: O(bytes).
    ///
    /// # Errors
    /// If it is none, too long or nested too deep.
    pub fn parse(text: &[u8]) -> Result<Self, ConditionError> {
        parser::parse(text)
    }

    /// Its terms, in the order in which they were written.
    pub fn terms<'c>(&'c self, found: &mut Vec<&'c Term>) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.terms(found)),
            Self::Not(part) => part.terms(found),
            Self::Term(term) => found.push(term),
        }
    }
}
