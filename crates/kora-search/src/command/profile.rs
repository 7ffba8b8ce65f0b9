//! FT.PROFILE.

use super::aggregate::Aggregate;
use super::error::ArgumentError;
use super::search::Search;

type Result<T> = std::result::Result<T, ArgumentError>;

/// Arguments of FT.PROFILE.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// LIMITED: what a pattern stands for is only counted.
    pub is_limited: bool,
    /// What is profiled.
    pub of: Profiled,
}

/// What is profiled.
#[derive(Clone, Debug, PartialEq)]
pub enum Profiled {
    /// SEARCH.
    Search(Search),
    /// AGGREGATE.
    Aggregate(Aggregate),
}

impl Profile {
    /// Reads `index (SEARCH | AGGREGATE) [LIMITED] QUERY query [option ...]`.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(arguments: &[&[u8]]) -> Result<Self> {
        let [index, of, rest @ ..] = arguments else { return Err(ArgumentError::Arity("FT.PROFILE")) };
        if rest.len() < 2 {
            return Err(ArgumentError::Arity("FT.PROFILE"));
        }
        let is = |argument: &[u8], word: &str| argument.eq_ignore_ascii_case(word.as_bytes());
        let is_search = is(of, "SEARCH");
        if !is_search && !is(of, "AGGREGATE") {
            return Err(ArgumentError::other("No `SEARCH` or `AGGREGATE` provided"));
        }
        let is_limited = is(rest[0], "LIMITED");
        let rest = if is_limited { &rest[1..] } else { rest };
        let Some((_, query)) = rest.split_first().filter(|(word, _)| is(word, "QUERY")) else {
            return Err(ArgumentError::other("The QUERY keyword is expected"));
        };
        if query.is_empty() {
            return Err(ArgumentError::other("No query string provided"));
        }
        let arguments = [&[*index], query].concat();
        let of = if is_search {
            Profiled::Search(Search::parse(&arguments)?)
        } else {
            let asked = Aggregate::parse(&arguments)?;
            if asked.cursor.is_some() {
                return Err(ArgumentError::other("FT.PROFILE does not support cursor"));
            }
            Profiled::Aggregate(asked)
        };
        Ok(Self { is_limited, of })
    }
}
