//! What is wrong with arguments, in the words of RediSearch.

use std::borrow::Cow;

use thiserror::Error;

use crate::expression::ExpressionError;

/// Why arguments are refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ArgumentError {
    /// Too few or too many.
    #[error("wrong number of arguments for '{0}' command")]
    Arity(&'static str),
    /// The argument of an option.
    #[error("Bad arguments for {option}: {why}")]
    Bad {
        /// The option.
        option: Cow<'static, str>,
        /// What is wrong.
        why: BadValue,
    },
    /// A word that means nothing where it stands.
    #[error("Unknown argument `{0}`")]
    Unknown(String),
    /// The same, with its place among the arguments of something.
    #[error("Unknown argument `{argument}` at position {position} for {part}")]
    UnknownAt {
        /// The word.
        argument: String,
        /// How many arguments stand before it.
        position: usize,
        /// Of what.
        part: &'static str,
    },
    /// The expression of an index's FILTER.
    #[error("{0}")]
    Expression(#[from] ExpressionError),
    /// Any other.
    #[error("{0}")]
    Other(Cow<'static, str>),
}

/// What is wrong with the argument of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadValue {
    /// There is none.
    #[error("Expected an argument, but none provided")]
    Missing,
    /// It is not of the type that is needed.
    #[error("Could not convert argument to expected type")]
    NotConverted,
    /// It is too small or too large.
    #[error("Value is outside acceptable bounds")]
    OutOfBounds,
    /// What RediSearch says of a wrong list for LOAD and of a REDUCE without arguments.
    #[error("SUCCESS")]
    Success,
}

impl ArgumentError {
    /// An error of its own words.
    pub(super) fn other(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Other(text.into())
    }

    pub(super) fn bad(option: impl Into<Cow<'static, str>>, why: BadValue) -> Self {
        Self::Bad { option: option.into(), why }
    }
}
