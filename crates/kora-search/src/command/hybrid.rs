//! FT.HYBRID: a query of words and a search for the nearest vectors, whose results are combined, and steps as FT.AGGREGATE has them.

#[cfg(test)]
mod tests;

use kora_index::score::Scorer;

use super::aggregate::Aggregate;
use super::args::{Args, parse, property, text};
use super::error::{ArgumentError, BadValue};
use super::options::{Limit, QueryOptions, scorer};
use crate::aggregate::plan::{Arrange, Step};

type Result<T> = std::result::Result<T, ArgumentError>;

/// Nearest vectors unless something else is said.
const NEAREST: u64 = 10;
/// Results of either part that are combined, unless something else is said.
const WINDOW: u64 = 20;
/// What is added to ranks, unless something else is said.
const CONSTANT: f64 = 60.0;
/// Factors of scores, unless something else is said.
const WEIGHTS: (f64, f64) = (0.3, 0.7);
/// Scores are divided by this before their hyperbolic tangent is taken.
const TANH_DIVISOR: f64 = 4.0;
/// Rows of a reply, unless something else is said.
const ROWS: u64 = 10;

/// Arguments of FT.HYBRID.
#[derive(Clone, Debug, PartialEq)]
pub struct Hybrid {
    /// Index, query and options of the part with words, and the steps that follow the combination.
    pub search: Aggregate,
    /// The name of the score of the words.
    pub search_score: Option<String>,
    /// The score of the words is the hyperbolic tangent of the scorer's, divided by this.
    pub tanh_divisor: Option<f64>,
    /// VSIM.
    pub similar: Similar,
    /// COMBINE.
    pub combination: Combination,
    /// Results of either part that are combined.
    pub window: u64,
    /// The name of the combined score, if it has another one.
    pub score: Option<String>,
}

/// VSIM @field $vector ...
#[derive(Clone, Debug, PartialEq)]
pub struct Similar {
    /// The field.
    pub field: String,
    /// The parameter that the vector is in.
    pub parameter: String,
    /// Which vectors are found.
    pub reach: Reach,
    /// FILTER: a query.
    pub filter: Option<Vec<u8>>,
    /// POLICY, and BATCH_SIZE: names and values as queries say them.
    pub policy: Option<(String, Option<u64>)>,
    /// The name of the score.
    pub score: Option<String>,
}

/// KNN or RANGE.
#[derive(Clone, Debug, PartialEq)]
pub enum Reach {
    /// The nearest.
    Nearest {
        /// So many.
        count: u64,
        /// EF_RUNTIME.
        candidates: Option<u64>,
    },
    /// Those within a radius.
    Within {
        /// RADIUS.
        radius: f64,
        /// EPSILON.
        epsilon: Option<f64>,
    },
}

/// How scores are combined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Combination {
    /// RRF: the sum of 1 / (constant + rank).
    Ranks {
        /// CONSTANT.
        constant: f64,
    },
    /// LINEAR: the sum of both scores, each with its factor.
    Linear {
        /// ALPHA, of the score of the words.
        words: f64,
        /// BETA, of the score of the vectors.
        vectors: f64,
    },
}

impl Hybrid {
    /// Reads `index SEARCH query ... VSIM @field $vector ... [COMBINE ...] [step ...]`.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(arguments: &[&[u8]]) -> Result<Self> {
        let [index, rest @ ..] = arguments else { return Err(ArgumentError::Arity("FT.HYBRID")) };
        let mut args = Args::new(rest);
        let Words { query, scorer, tanh_divisor, score: search_score } = words(&mut args)?;
        let similar = similar(&mut args)?;
        let options = QueryOptions { scorer: Some(scorer), ..QueryOptions::default() };
        let search = Aggregate { options, ..Aggregate::of_query(index, &query) };
        let combination = Combination::Ranks { constant: CONSTANT };
        let (window, score) = (WINDOW, None);
        let mut hybrid = Self { search, search_score, tanh_divisor, similar, combination, window, score };
        if args.take_word("COMBINE") {
            hybrid.combine(&mut args)?;
        }
        hybrid.steps(&mut args)?;
        Ok(hybrid)
    }

    fn combine(&mut self, args: &mut Args<'_>) -> Result<()> {
        let is_linear = match args.value("COMBINE")? {
            word if word.eq_ignore_ascii_case(b"RRF") => false,
            word if word.eq_ignore_ascii_case(b"LINEAR") => true,
            _ => return Err(ArgumentError::bad("COMBINE", BadValue::Unknown)),
        };
        let option = if is_linear { "LINEAR" } else { "RRF" };
        let (mut constant, mut alpha, mut beta) = (None, None, None);
        if args.peek().is_some_and(|word| parse::<u64>(word).is_some()) {
            each_pair(args, option, |name, value| {
                match name {
                    "WINDOW" => self.window = whole(value, "WINDOW", 1)?,
                    "YIELD_SCORE_AS" => self.score = Some(text(value)),
                    "CONSTANT" if !is_linear => constant = Some(number(value, "CONSTANT")?),
                    "ALPHA" if is_linear => alpha = Some(number(value, "ALPHA")?),
                    "BETA" if is_linear => beta = Some(number(value, "BETA")?),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        if args.take_word("YIELD_SCORE_AS") {
            self.score = Some(args.text("YIELD_SCORE_AS")?);
        }
        self.combination = match (is_linear, alpha, beta) {
            (false, ..) => Combination::Ranks { constant: constant.unwrap_or(CONSTANT) },
            (true, Some(words), Some(vectors)) => Combination::Linear { words, vectors },
            (true, None, None) => Combination::Linear { words: WEIGHTS.0, vectors: WEIGHTS.1 },
            (true, None, Some(_)) => return Err(ArgumentError::bad("ALPHA", BadValue::Missing)),
            (true, Some(_), None) => return Err(ArgumentError::bad("BETA", BadValue::Missing)),
        };
        Ok(())
    }

    fn steps(&mut self, args: &mut Args<'_>) -> Result<()> {
        let mut keeps_order = false;
        while let Some(word) = args.next() {
            let upper = text(word).to_ascii_uppercase();
            match upper.as_str() {
                "NOSORT" => keeps_order = true,
                "WITHCURSOR" | "DIALECT" | "FORMAT" | "EXPLAINSCORE" | "WITHCOUNT" | "WITHOUTCOUNT" => {
                    return Err(ArgumentError::other(format!("{upper} is not supported in FT.HYBRID")));
                }
                _ if self.search.take_step(&upper, args)? => {}
                _ => return Err(args.unknown(word)),
            }
        }
        let sorts =
            self.search.steps.iter().any(|step| matches!(step, Step::Arrange(Arrange { keys: Some(_), .. })));
        if keeps_order && sorts {
            return Err(ArgumentError::other("NOSORT and SORTBY exclude each other"));
        }
        let limits = self
            .search
            .steps
            .iter()
            .any(|step| matches!(step, Step::Arrange(Arrange { limit: Some(_), .. })));
        if !limits {
            let limit = Some(Limit { offset: 0, count: ROWS });
            match self.search.steps.last_mut() {
                Some(Step::Arrange(arrange)) => arrange.limit = limit,
                _ => self.search.steps.push(Step::Arrange(Arrange { limit, ..Arrange::default() })),
            }
        }
        Ok(())
    }
}

/// The part with words.
struct Words {
    query: Vec<u8>,
    scorer: Scorer,
    tanh_divisor: Option<f64>,
    score: Option<String>,
}

/// SEARCH query [SCORER name] [YIELD_SCORE_AS name].
fn words(args: &mut Args<'_>) -> Result<Words> {
    if !args.take_word("SEARCH") {
        return Err(ArgumentError::other("SEARCH argument is required"));
    }
    let query = args.value("SEARCH")?.to_vec();
    let mut words = Words { query, scorer: Scorer::Bm25Std, tanh_divisor: None, score: None };
    loop {
        if args.take_word("SCORER") {
            // It is in the same order as BM25STD, so that only scores have to be told apart.
            (words.scorer, words.tanh_divisor) = match args.value("SCORER")? {
                b"BM25STD.TANH" => (Scorer::Bm25Std, Some(TANH_DIVISOR)),
                name => (scorer(name)?, None),
            };
        } else if args.take_word("YIELD_SCORE_AS") {
            words.score = Some(args.text("YIELD_SCORE_AS")?);
        } else {
            return Ok(words);
        }
    }
}

/// VSIM @field $vector [KNN n ... | RANGE n ...] [FILTER query [POLICY name [BATCH_SIZE n]]] [YIELD_SCORE_AS name].
fn similar(args: &mut Args<'_>) -> Result<Similar> {
    if !args.take_word("VSIM") {
        return Err(ArgumentError::other("VSIM argument is required"));
    }
    let field = args.value("VSIM")?;
    if !field.starts_with(b"@") {
        let name = text(field);
        let text = format!("Missing @ prefix for vector field name `{name}`. Did you mean `@{name}`?");
        return Err(ArgumentError::other(text));
    }
    let vector = args.value("VSIM")?;
    let Some(parameter) = vector.strip_prefix(b"$") else {
        return Err(ArgumentError::other(
            "The vector of VSIM must be a parameter: $name, and PARAMS gives it",
        ));
    };
    let mut similar = Similar {
        field: property(field),
        parameter: text(parameter),
        reach: Reach::Nearest { count: NEAREST, candidates: None },
        filter: None,
        policy: None,
        score: None,
    };
    if args.take_word("KNN") {
        similar.nearest(args)?;
    } else if args.take_word("RANGE") {
        similar.within(args)?;
    }
    loop {
        if args.take_word("FILTER") {
            similar.filter = Some(args.value("FILTER")?.to_vec());
            if args.take_word("POLICY") {
                let policy = args.text("POLICY")?;
                let batch = args.take_word("BATCH_SIZE").then(|| args.number("BATCH_SIZE", 1)).transpose()?;
                similar.policy = Some((policy, batch));
            }
        } else if args.take_word("YIELD_SCORE_AS") {
            similar.score = Some(args.text("YIELD_SCORE_AS")?);
        } else {
            return Ok(similar);
        }
    }
}

impl Similar {
    fn nearest(&mut self, args: &mut Args<'_>) -> Result<()> {
        let (mut count, mut candidates) = (None, None);
        each_pair(args, "KNN", |name, value| {
            match name {
                "K" => count = Some(whole(value, "K", 1)?),
                "EF_RUNTIME" => candidates = Some(whole(value, "EF_RUNTIME", 1)?),
                "YIELD_SCORE_AS" => self.score = Some(text(value)),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let count = count.ok_or_else(|| ArgumentError::other("Missing required argument K"))?;
        self.reach = Reach::Nearest { count, candidates };
        Ok(())
    }

    fn within(&mut self, args: &mut Args<'_>) -> Result<()> {
        let (mut radius, mut epsilon) = (None, None);
        each_pair(args, "RANGE", |name, value| {
            match name {
                "RADIUS" => radius = Some(number(value, "RADIUS")?),
                "EPSILON" => {
                    let given = number(value, "EPSILON")?;
                    if given <= 0.0 {
                        return Err(ArgumentError::bad("EPSILON", BadValue::OutOfBounds));
                    }
                    epsilon = Some(given);
                }
                "YIELD_SCORE_AS" => self.score = Some(text(value)),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        let radius = radius.ok_or_else(|| ArgumentError::other("Missing required argument RADIUS"))?;
        self.reach = Reach::Within { radius, epsilon };
        Ok(())
    }
}

/// Takes a number of arguments and calls with each pair of them; whether the name is known. None is said twice.
fn each_pair<'a>(
    args: &mut Args<'a>,
    option: &'static str,
    mut take: impl FnMut(&str, &'a [u8]) -> Result<bool>,
) -> Result<()> {
    let words = args.list(option)?;
    if !words.len().is_multiple_of(2) {
        return Err(ArgumentError::other(format!(
            "Invalid {option} argument count: expected pairs of names and values"
        )));
    }
    let mut seen: Vec<String> = Vec::new();
    for pair in words.chunks_exact(2) {
        let name = text(pair[0]).to_ascii_uppercase();
        if seen.contains(&name) {
            return Err(ArgumentError::other(format!("Duplicate {name} argument")));
        }
        if !take(&name, pair[1])? {
            return Err(ArgumentError::other(format!("Unknown argument `{}` in {option}", text(pair[0]))));
        }
        seen.push(name);
    }
    Ok(())
}

fn number(value: &[u8], option: &'static str) -> Result<f64> {
    let number: Option<f64> = parse(value).filter(|number: &f64| number.is_finite());
    number.ok_or(ArgumentError::bad(option, BadValue::NotConverted))
}

fn whole(value: &[u8], option: &'static str, least: u64) -> Result<u64> {
    let number: u64 = parse(value).ok_or(ArgumentError::bad(option, BadValue::NotConverted))?;
    if number < least { Err(ArgumentError::bad(option, BadValue::OutOfBounds)) } else { Ok(number) }
}
