//! FT.SYNUPDATE, FT.SYNDUMP, FT.DICTADD, FT.DICTDEL, FT.DICTDUMP, FT.SPELLCHECK and FT.SUG*.

use super::args::{Args, text};
use super::error::{ArgumentError, BadValue};
use super::options::dialect;
use crate::number::whole_number;
use crate::query::Dialect;

type Result<T> = std::result::Result<T, ArgumentError>;

/// Arguments of FT.SYNUPDATE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynUpdate {
    /// Name of the index.
    pub index: Vec<u8>,
    /// The group.
    pub group: String,
    /// SKIPINITIALSCAN.
    pub skip_initial_scan: bool,
    /// Words to add, in lower case.
    pub words: Vec<String>,
}

impl SynUpdate {
    /// Reads `index group [SKIPINITIALSCAN] word ...`.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(arguments: &[&[u8]]) -> Result<Self> {
        let [index, group, rest @ ..] = arguments else { return Err(ArgumentError::Arity("FT.SYNUPDATE")) };
        if rest.is_empty() {
            return Err(ArgumentError::Arity("FT.SYNUPDATE"));
        }
        let mut args = Args::new(rest);
        let skip_initial_scan = args.take_word("SKIPINITIALSCAN");
        let words = args.take_many(args.left()).unwrap_or_default();
        Ok(Self {
            index: index.to_vec(),
            group: text(group),
            skip_initial_scan,
            words: words.iter().map(|word| text(word).to_ascii_lowercase()).collect(),
        })
    }
}

/// Arguments of FT.DICTADD and FT.DICTDEL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DictChange {
    /// Name of the dictionary.
    pub dictionary: Vec<u8>,
    /// The words.
    pub words: Vec<String>,
}

impl DictChange {
    /// Reads `dictionary word ...`, for the command of this name.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(command: &'static str, arguments: &[&[u8]]) -> Result<Self> {
        match arguments {
            [dictionary, words @ ..] if !words.is_empty() => {
                let words = words.iter().map(|word| text(word)).collect();
                Ok(Self { dictionary: dictionary.to_vec(), words })
            }
            _ => Err(ArgumentError::Arity(command)),
        }
    }
}

/// Arguments of FT.SPELLCHECK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpellCheck {
    /// Name of the index.
    pub index: Vec<u8>,
    /// The query whose words are checked.
    pub query: Vec<u8>,
    /// DISTANCE: changes of a word at most, 1 to 4.
    pub distance: u8,
    /// TERMS INCLUDE: dictionaries whose words are suggested too.
    pub included: Vec<Vec<u8>>,
    /// TERMS EXCLUDE: dictionaries whose words are not.
    pub excluded: Vec<Vec<u8>>,
    /// FULLSCOREINFO: the count of documents is in the reply, and scores are counts.
    pub full_score_info: bool,
    /// DIALECT.
    pub dialect: Option<Dialect>,
}

impl SpellCheck {
    /// Reads `index query [option ...]`.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(arguments: &[&[u8]]) -> Result<Self> {
        let [index, query, rest @ ..] = arguments else { return Err(ArgumentError::Arity("FT.SPELLCHECK")) };
        let mut check = Self {
            index: index.to_vec(),
            query: query.to_vec(),
            distance: 1,
            included: Vec::new(),
            excluded: Vec::new(),
            full_score_info: false,
            dialect: None,
        };
        let mut args = Args::new(rest);
        while let Some(word) = args.next() {
            match text(word).to_ascii_uppercase().as_str() {
                "DISTANCE" => check.distance = distance(&mut args)?,
                "TERMS" => check.terms(&mut args)?,
                "FULLSCOREINFO" => check.full_score_info = true,
                "DIALECT" => {
                    let argument = args.next().ok_or(ArgumentError::other("Need an argument for DIALECT"))?;
                    check.dialect = Some(dialect(argument)?);
                }
                _ => return Err(ArgumentError::Unknown(text(word))),
            }
        }
        Ok(check)
    }

    /// `INCLUDE | EXCLUDE dictionary [term ...]`. RediSearch passes over the terms.
    fn terms(&mut self, args: &mut Args<'_>) -> Result<()> {
        let Some([kind, dictionary]) = args.take_many(2) else {
            return Err(ArgumentError::other("TERM arg is given but no TERM params comes after"));
        };
        match text(kind).to_ascii_uppercase().as_str() {
            "INCLUDE" => self.included.push(dictionary.to_vec()),
            "EXCLUDE" => self.excluded.push(dictionary.to_vec()),
            _ => return Err(ArgumentError::other("bad format, exlude/include operation was not given")),
        }
        while args.peek().is_some_and(|word| !is_option(word)) {
            args.next();
        }
        Ok(())
    }
}

fn is_option(word: &[u8]) -> bool {
    ["DISTANCE", "TERMS", "FULLSCOREINFO", "DIALECT"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name.as_bytes()))
}

fn distance(args: &mut Args<'_>) -> Result<u8> {
    let argument =
        args.next().ok_or(ArgumentError::other("DISTANCE arg is given but no DISTANCE comes after"))?;
    let distance = super::args::parse(argument).filter(|distance| (1..=4).contains(distance));
    let error = "bad distance given, distance must be a natural number between 1 to 4";
    distance.ok_or(ArgumentError::other(error))
}

/// Arguments of FT.SUGADD.
#[derive(Clone, Debug, PartialEq)]
pub struct SugAdd {
    /// The key.
    pub key: Vec<u8>,
    /// The suggestion.
    pub text: String,
    /// Its score.
    pub score: f64,
    /// INCR: the score is added to what it has.
    pub increments: bool,
    /// PAYLOAD.
    pub payload: Option<Vec<u8>>,
}

impl SugAdd {
    /// Reads `key text score [INCR] [PAYLOAD payload]`.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(arguments: &[&[u8]]) -> Result<Self> {
        let [key, suggestion, score, rest @ ..] = arguments else {
            return Err(ArgumentError::Arity("FT.SUGADD"));
        };
        let score = whole_number(&text(score)).ok_or(ArgumentError::other("invalid score"))?;
        let mut added =
            Self { key: key.to_vec(), text: text(suggestion), score, increments: false, payload: None };
        let mut args = Args::new(rest);
        while let Some(word) = args.next() {
            match text(word).to_ascii_uppercase().as_str() {
                "INCR" => added.increments = true,
                "PAYLOAD" => {
                    let error = ArgumentError::other(format!("Invalid payload: {}", BadValue::Missing));
                    added.payload = Some(args.next().ok_or(error)?.to_vec());
                }
                _ => return Err(ArgumentError::Unknown(text(word))),
            }
        }
        Ok(added)
    }
}

/// Arguments of FT.SUGGET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SugGet {
    /// The key.
    pub key: Vec<u8>,
    /// What suggestions begin with.
    pub prefix: String,
    /// FUZZY: one change away.
    pub fuzzy: bool,
    /// WITHSCORES.
    pub with_scores: bool,
    /// WITHPAYLOADS.
    pub with_payloads: bool,
    /// MAX.
    pub max: u64,
}

impl SugGet {
    /// Reads `key prefix [FUZZY] [WITHSCORES] [WITHPAYLOADS] [MAX n]`.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(arguments: &[&[u8]]) -> Result<Self> {
        let [key, prefix, rest @ ..] = arguments else { return Err(ArgumentError::Arity("FT.SUGGET")) };
        let mut get = Self {
            key: key.to_vec(),
            prefix: text(prefix),
            fuzzy: false,
            with_scores: false,
            with_payloads: false,
            max: 5,
        };
        let mut args = Args::new(rest);
        while let Some(word) = args.next() {
            match text(word).to_ascii_uppercase().as_str() {
                "FUZZY" => get.fuzzy = true,
                "WITHSCORES" => get.with_scores = true,
                "WITHPAYLOADS" => get.with_payloads = true,
                "MAX" => get.max = args.number("MAX", 1).map_err(max_error)?,
                _ => {
                    return Err(ArgumentError::other(format!("Unrecognized argument: {}", text(word))));
                }
            }
        }
        Ok(get)
    }
}

/// FT.SUGGET words errors of numbers its own way.
fn max_error(error: ArgumentError) -> ArgumentError {
    match error {
        ArgumentError::Bad { why, .. } => ArgumentError::other(format!("MAX: {why}")),
        other => other,
    }
}
