//! Filters: expressions over the attributes of elements, as `VSIM ... FILTER` takes them.
//!
//! An expression is compiled to a list of steps for a stack, which are run for each element. What it can name are the members of the attributes,
//! which are a JSON object. An element without attributes, or without one that is named, is not let through.

mod compile;
mod json;
mod number;
mod run;
#[cfg(test)]
mod tests;
mod token;
mod value;

use value::Constant;

/// Bytes of an expression at most: what it costs for each element is bounded by its length.
pub const BYTES_MAX: usize = 64 * 1024;

/// A filter that is ready to run.
#[derive(Clone, Debug)]
pub struct Filter {
    steps: Vec<Step>,
    /// Values that are on the stack at once, at most.
    depth: usize,
}

/// An expression that is none, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// What stands there and behind it, or the whole expression where only that is wrong.
    pub near: Vec<u8>,
}

/// A step for a stack.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Constant(Constant),
    /// The attribute of this name.
    Field(Box<[u8]>),
    Not,
    Binary(Binary),
    /// Compares an attribute with a number at once, which most filters are made of.
    CompareField(Box<[u8]>, f64, Comparison),
}

/// What makes one value of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binary {
    Or,
    And,
    In,
    Compare(Comparison),
    Calculate(Calculation),
}

/// What compares two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    Unequal,
}

/// What makes a number of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Calculation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

impl Filter {
    /// Compiles an expression. Complexity: O(bytes).
    ///
    /// # Errors
    /// If it is none.
    pub fn compile(expression: &[u8]) -> Result<Self, FilterError> {
        compile::compile(expression)
    }

    /// Whether it lets an element with these attributes through. Complexity: O(bytes of the attributes) for each attribute that it names.
    #[must_use]
    pub fn matches(&self, attributes: &[u8]) -> bool {
        run::run(self, attributes) == Some(true)
    }
}
