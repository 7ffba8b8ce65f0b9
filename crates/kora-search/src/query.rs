//! The query language of FT.SEARCH and FT.AGGREGATE, dialects 1 to 4.
//!
//! A text is cut into pieces (`lexer`), a grammar (`classic` for dialect 1, `modern` for the others) makes a tree of them as it was
//! written (`part`), which FT.EXPLAIN prints (`explain`), which may ask for what an index does not have (`check`), and which means a
//! [`kora_index::query::Node`] (`meaning`). Texts are at most [`LENGTH_MAX`] bytes long and parts at most [`DEPTH_MAX`] deep, so
//! recursion over them is bounded.

mod attributes;
mod check;
mod classic;
mod error;
mod explain;
mod lexer;
mod meaning;
mod modern;
mod numeric;
mod parser;
mod part;
mod phrase;
mod spelled;
mod tags;
mod token;
mod vectors;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use kora_index::query::Node;
use kora_index::schema::Schema;

pub use self::error::QueryError;
pub use self::explain::{Expand, Expansion};
use self::parser::Parser;
use self::part::Part;
use crate::stop_words::StopWords;
use crate::words::SpelledWord;

/// Longest text that is read, in bytes.
pub const LENGTH_MAX: usize = 1 << 20;

/// How deep parts may lie in parts.
pub const DEPTH_MAX: usize = 200;

/// A version of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Dialect(u8);

impl Dialect {
    /// What a server assumes.
    pub const DEFAULT: Self = Self(1);

    /// Dialects 1 to 4.
    #[must_use]
    pub fn new(number: i64) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| (1..=4).contains(number)).map(Self)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// Whether it has what came with dialect 2.
    fn is_modern(self) -> bool {
        self.0 >= 2
    }
}

/// How a text is read.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Of which version it is.
    pub dialect: Dialect,
    /// What is left out of it.
    pub stop_words: StopWords<'a>,
    /// PARAMS: names and values.
    pub parameters: &'a [(String, Vec<u8>)],
    /// VERBATIM: nothing else stands for a word.
    pub is_verbatim: bool,
}

/// A query that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Nothing if nothing but stop words was left.
    root: Option<Part>,
    is_verbatim: bool,
}

impl Query {
    /// Reads a text. Bytes that are not UTF-8 are read as U+FFFD. Complexity: O(n + p) with n bytes and p parameters.
    ///
    /// # Errors
    ///
    /// It is not a query of its dialect.
    pub fn parse(text: &[u8], options: Options<'_>) -> Result<Self, QueryError> {
        if text.len() > LENGTH_MAX {
            return Err(QueryError::TooLong(LENGTH_MAX));
        }
        let text: Cow<'_, str> = String::from_utf8_lossy(text);
        let mut parser = Parser::new(&text, options);
        let part = if options.dialect.is_modern() {
            modern::query(&mut parser)
        } else {
            classic::query(&mut parser)
        };
        let root = parser.finish(part?)?;
        Ok(Self { root, is_verbatim: options.is_verbatim })
    }

    /// Looks for what the query asks of fields and they do not have; of how words sound only if that counts. Fields that the index does not have are
    /// no error.
    ///
    /// # Errors
    ///
    /// There is such a thing.
    pub fn check(&self, schema: &Schema, has_sounds: bool) -> Result<(), QueryError> {
        let has_sounds = has_sounds && !self.is_verbatim;
        self.root.as_ref().map_or(Ok(()), |root| check::check(root, schema, has_sounds))
    }

    /// What FT.EXPLAIN prints: a line for each part, indented by its depth.
    #[must_use]
    pub fn explain(&self, schema: &Schema, expand: &dyn Expand) -> String {
        explain::explain(self.root.as_ref(), schema, (!self.is_verbatim).then_some(expand))
    }

    /// The words that FT.SPELLCHECK checks: single and quoted ones, in order.
    #[must_use]
    pub fn words(&self) -> Vec<SpelledWord> {
        let mut words = Vec::new();
        if let Some(root) = &self.root {
            spelled::collect(root, None, &mut words);
        }
        words
    }

    /// What it means.
    #[must_use]
    pub fn node(&self) -> Node {
        meaning::node(self.root.as_ref(), self.is_verbatim)
    }
}
