//! Expressions of APPLY and FILTER, and of the FILTER of an index.
//!
//! A text is parsed to a program for a machine with a stack (`program`), so that evaluation needs no recursion; `&&` and `||` jump over
//! what need not be known. Precedence, from what binds least: `&&` and `||` alike; `!`; comparisons; `+` and `-`; `*`, `/`, `%` and `^`
//! alike. All group from the left.

mod calendar;
mod error;
mod functions;
mod lexer;
mod math;
mod parser;
mod place;
mod program;
mod time;

#[cfg(test)]
mod tests;

pub use self::error::ExpressionError;
use self::program::Program;
use crate::value::Value;

/// Longest text that is read, in bytes.
pub const LENGTH_MAX: usize = 1 << 16;

/// How deep parentheses, calls and `!` may lie in each other.
pub const DEPTH_MAX: usize = 200;

/// An expression whose names are known to mean columns.
#[derive(Clone, Debug)]
pub struct Expression {
    program: Program,
}

/// What an expression reads.
pub trait Row {
    /// The value in a column; none if the row has none.
    fn value(&self, column: usize) -> Option<&Value>;

    /// The words of the query that the document of the row matched.
    fn matched_terms(&self) -> &[Value] {
        &[]
    }
}

impl Row for [Option<Value>] {
    fn value(&self, column: usize) -> Option<&Value> {
        self.get(column)?.as_ref()
    }
}

impl Expression {
    /// Reads a text. `column` tells the column of a name. Complexity: O(n) with n bytes.
    ///
    /// # Errors
    ///
    /// It is no expression, or a name means no column.
    pub fn parse(text: &str, column: impl FnMut(&str) -> Option<usize>) -> Result<Self, ExpressionError> {
        if text.len() > LENGTH_MAX {
            return Err(ExpressionError::TooLong(LENGTH_MAX));
        }
        let program = parser::parse(text)?.bind(column)?;
        Ok(Self { program })
    }

    /// What it does last, as profiles show it.
    #[must_use]
    pub fn summary(&self) -> String {
        self.program.summary()
    }

    /// The columns that it reads, in the order of the text, each as often as it stands there.
    pub fn columns(&self) -> impl Iterator<Item = usize> {
        self.program.columns()
    }

    /// Its value for a row. Complexity: O(n) with n parts, and what its functions take.
    ///
    /// # Errors
    ///
    /// A column is empty, or a value is not of the type that is needed.
    pub fn evaluate<R: Row + ?Sized>(&self, row: &R) -> Result<Value, ExpressionError> {
        self.program.run(row)
    }
}
