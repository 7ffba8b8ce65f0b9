//! FT.CURSOR, FT.PROFILE, FT.EXPLAIN, FT.EXPLAINCLI, FT.TAGVALS, FT.DROPINDEX and the aliases.

use super::aggregate::Aggregate;
use super::args::{Args, parse, text};
use super::error::ArgumentError;
use super::search::Search;

type Result<T> = std::result::Result<T, ArgumentError>;

/// Arguments of FT.CURSOR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// READ index cursor [COUNT n].
    Read {
        /// Name of the index.
        index: Vec<u8>,
        /// The cursor.
        cursor: u64,
        /// Rows at most.
        count: Option<u64>,
    },
    /// DEL index cursor.
    Delete {
        /// Name of the index.
        index: Vec<u8>,
        /// The cursor.
        cursor: u64,
    },
    /// GC index cursor: those that were left alone for too long go, of whichever index.
    Collect,
}

impl Cursor {
    /// Reads `READ | DEL | GC index cursor [COUNT n]`.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(arguments: &[&[u8]]) -> Result<Self> {
        let [verb, index, cursor, rest @ ..] = arguments else {
            return Err(ArgumentError::Arity("FT.CURSOR"));
        };
        let index = index.to_vec();
        let number = parse::<i64>(cursor)
            .filter(|_| !cursor.starts_with(b"+"))
            .ok_or(ArgumentError::other("Bad cursor ID"));
        // Below 0 there are none.
        let cursor = number.map(|number| u64::try_from(number).unwrap_or(0));
        match text(verb).to_ascii_uppercase().as_str() {
            "READ" => {
                let cursor = cursor?;
                let mut args = Args::new(rest);
                let mut count = None;
                if args.take_word("COUNT") {
                    let given: Option<u64> = args.next().and_then(parse);
                    count =
                        Some(given.ok_or(ArgumentError::other("Bad value for COUNT"))?).filter(|n| *n > 0);
                }
                match args.next() {
                    Some(word) => Err(ArgumentError::Unknown(text(word))),
                    None => Ok(Self::Read { index, cursor, count }),
                }
            }
            "DEL" if rest.is_empty() => Ok(Self::Delete { index, cursor: cursor? }),
            "DEL" => Err(ArgumentError::Arity("FT.CURSOR")),
            "GC" => cursor.map(|_| Self::Collect),
            _ => Err(ArgumentError::other("Unknown subcommand")),
        }
    }
}

/// A command that FT.PROFILE carries out.
#[derive(Clone, Debug, PartialEq)]
pub enum Profiled {
    /// SEARCH.
    Search(Box<Search>),
    /// AGGREGATE.
    Aggregate(Box<Aggregate>),
}

/// Arguments of FT.PROFILE.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// LIMITED: details of iterators are left out.
    pub limited: bool,
    /// What is carried out.
    pub command: Profiled,
}

impl Profile {
    /// Reads `index SEARCH | AGGREGATE [LIMITED] QUERY query [option ...]`.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(arguments: &[&[u8]]) -> Result<Self> {
        if arguments.len() < 4 {
            return Err(ArgumentError::Arity("FT.PROFILE"));
        }
        let mut args = Args::new(&arguments[1..]);
        let is_search = args.take_word("SEARCH");
        if !is_search && !args.take_word("AGGREGATE") {
            return Err(ArgumentError::other("No `SEARCH` or `AGGREGATE` provided"));
        }
        let limited = args.take_word("LIMITED");
        if !args.take_word("QUERY") {
            return Err(ArgumentError::other("The QUERY keyword is expected"));
        }
        let mut rest = vec![arguments[0]];
        rest.extend(args.take_many(args.left()).unwrap_or_default());
        let command = if is_search {
            Profiled::Search(Box::new(Search::parse(&rest)?))
        } else {
            Profiled::Aggregate(Box::new(Aggregate::parse(&rest)?))
        };
        if matches!(&command, Profiled::Aggregate(aggregate) if aggregate.cursor.is_some()) {
            return Err(ArgumentError::other("FT.PROFILE does not support cursor"));
        }
        Ok(Self { limited, command })
    }
}

/// Arguments of FT.TAGVALS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagVals {
    /// Name of the index.
    pub index: Vec<u8>,
    /// The field.
    pub field: String,
}

impl TagVals {
    /// Reads `index field`.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(arguments: &[&[u8]]) -> Result<Self> {
        let [index, field] = arguments else { return Err(ArgumentError::Arity("FT.TAGVALS")) };
        Ok(Self { index: index.to_vec(), field: text(field) })
    }
}

/// Arguments of FT.DROPINDEX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropIndex {
    /// Name of the index.
    pub index: Vec<u8>,
    /// DD: its documents go too.
    pub with_documents: bool,
}

impl DropIndex {
    /// Reads `index [DD]`.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(arguments: &[&[u8]]) -> Result<Self> {
        match arguments {
            [index] => Ok(Self { index: index.to_vec(), with_documents: false }),
            [index, word] if word.eq_ignore_ascii_case(b"DD") => {
                Ok(Self { index: index.to_vec(), with_documents: true })
            }
            [_, word] => Err(ArgumentError::Unknown(text(word))),
            _ => Err(ArgumentError::Arity("FT.DROPINDEX")),
        }
    }
}

/// Arguments of FT.ALIASADD and FT.ALIASUPDATE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The alias.
    pub alias: Vec<u8>,
    /// Name of the index.
    pub index: Vec<u8>,
}

impl Alias {
    /// Reads `alias index`, for the command of this name.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(command: &'static str, arguments: &[&[u8]]) -> Result<Self> {
        let [alias, index] = arguments else { return Err(ArgumentError::Arity(command)) };
        Ok(Self { alias: alias.to_vec(), index: index.to_vec() })
    }
}

/// Reads the arguments of FT.EXPLAIN or FT.EXPLAINCLI, which are those of FT.SEARCH.
///
/// # Errors
///
/// The arguments are not those of the command.
pub fn parse_explain(command: &'static str, arguments: &[&[u8]]) -> Result<Search> {
    if arguments.len() < 2 {
        return Err(ArgumentError::Arity(command));
    }
    Search::parse(arguments)
}
