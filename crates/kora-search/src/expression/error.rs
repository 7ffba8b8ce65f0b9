//! What is wrong with an expression, in the words of RediSearch.

use thiserror::Error;

/// Why an expression is refused, or has no value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExpressionError {
    /// A piece that no rule admits, or the end too early.
    #[error("Syntax error at offset {offset} near '{near}'{}", behind(.also.as_deref()))]
    Syntax {
        /// Bytes before it.
        offset: usize,
        /// The last word up to there.
        near: String,
        /// What is wrong with what stands before it.
        also: Option<Box<ExpressionError>>,
    },
    /// A text longer than is read.
    #[error("Expression is longer than {0} bytes")]
    TooLong(usize),
    /// Parentheses, calls or `!` deeper than is followed.
    #[error("Expression is nested too deeply")]
    TooDeep,
    /// A word that is neither a function nor NULL.
    #[error("Unknown symbol '{0}'")]
    UnknownSymbol(String),
    /// A call of what is not a function.
    #[error("Unknown function name '{0}'")]
    UnknownFunction(String),
    /// One of both as the right operand at the end of a text: of `op`, arithmetic, or of `pred`, a comparison or logic.
    #[error("Missing (or badly formatted) value for expr->{0}.right")]
    BadOperand(&'static str),
    /// A name without a column.
    #[error("Property `{0}` not loaded nor in pipeline")]
    UnknownProperty(String),
    /// A column that is empty in this row.
    #[error("{0}: has no value, consider using EXISTS if applicable")]
    NoValue(String),
    /// Arithmetic with what is no number.
    #[error("Could not convert value to a number")]
    NotANumber,
    /// Order of a number and a text that is none.
    #[error("Error converting string '{0}' to number")]
    NotComparable(String),
    /// A call with too few or too many arguments.
    #[error("Invalid arguments for function '{0}'")]
    Arguments(&'static str),
    /// The same, of some functions.
    #[error("Invalid number of arguments for {0}")]
    ArgumentCount(&'static str),
    /// An argument of a wrong type.
    #[error("Invalid type ({found}) for argument {index} in function '{function}'. {check} was false.")]
    ArgumentType {
        /// Number of the type that it has.
        found: u8,
        /// Its place, from 0.
        index: usize,
        /// The function.
        function: &'static str,
        /// What it should fulfil.
        check: &'static str,
    },
    /// to_number of what is none.
    #[error("to_number: cannot convert string '{0}'")]
    ToNumber(String),
    /// Any other.
    #[error("{0}")]
    Other(&'static str),
}

fn behind(error: Option<&ExpressionError>) -> String {
    error.map_or_else(String::new, |error| format!(": {error}"))
}
