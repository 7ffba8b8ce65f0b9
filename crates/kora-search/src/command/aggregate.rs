//! FT.AGGREGATE.

use std::collections::HashSet;

use super::args::{Args, parse, property, text};
use super::error::{ArgumentError, BadValue};
use super::options::{CursorOptions, Format, QueryOptions, format, limit};
use crate::aggregate::plan::{Arrange, Group, Load, Loaded, Reducer, Reduction, Step};

type Result<T> = std::result::Result<T, ArgumentError>;

/// Most properties that rows are sorted by.
pub const SORT_KEYS_MAX: usize = 8;

/// Most values of RANDOM_SAMPLE.
pub const SAMPLE_MAX: u64 = 1000;

/// Arguments of FT.AGGREGATE.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Name of the index, or an alias.
    pub index: Vec<u8>,
    /// The query.
    pub query: Vec<u8>,
    /// How it is read and evaluated.
    pub options: QueryOptions,
    /// ADDSCORES: the score of a document is in column `__score`.
    pub add_scores: bool,
    /// What is done with its results, in order.
    pub steps: Vec<Step>,
    /// WITHCURSOR.
    pub cursor: Option<CursorOptions>,
    /// FORMAT.
    pub format: Format,
}

impl Aggregate {
    /// Reads `index query [option ...] [step ...]`. Options of the query stand before all steps but LIMIT and SORTBY.
    ///
    /// # Errors
    ///
    /// The arguments are not those of the command.
    pub fn parse(arguments: &[&[u8]]) -> Result<Self> {
        let [index, rest @ ..] = arguments else { return Err(ArgumentError::Arity("FT.AGGREGATE")) };
        let Some((query, rest)) = rest.split_first() else {
            return Err(ArgumentError::other("No query string provided"));
        };
        let mut args = Args::new(rest);
        let mut aggregate = Self::of_query(index, query);
        let mut has_steps = false;
        while let Some(word) = args.next() {
            let upper = text(word).to_ascii_uppercase();
            let is_known = !has_steps && aggregate.option(&upper, &mut args)?
                || aggregate.options.take_anywhere(&upper, &mut args)?
                || aggregate.anywhere(&upper, &mut args)?;
            if is_known {
                continue;
            }
            if !aggregate.step(&upper, &mut args)? {
                return Err(args.unknown(word));
            }
            has_steps = true;
        }
        Ok(aggregate)
    }

    /// A query that nothing else is said of.
    pub(super) fn of_query(index: &[u8], query: &[u8]) -> Self {
        Self {
            index: index.to_vec(),
            query: query.to_vec(),
            options: QueryOptions::default(),
            add_scores: false,
            steps: Vec::new(),
            cursor: None,
            format: Format::Text,
        }
    }

    /// Takes a step, or what may stand among steps; whether the word is one.
    pub(super) fn take_step(&mut self, word: &str, args: &mut Args<'_>) -> Result<bool> {
        Ok(self.options.take_anywhere(word, args)? || self.anywhere(word, args)? || self.step(word, args)?)
    }

    fn option(&mut self, word: &str, args: &mut Args<'_>) -> Result<bool> {
        match word {
            "ADDSCORES" => self.add_scores = true,
            "EXPLAINSCORE" => {
                return Err(ArgumentError::other("EXPLAINSCORE must be accompanied with WITHSCORES"));
            }
            "RETURN" | "HIGHLIGHT" | "SUMMARIZE" | "NOCONTENT" | "WITHSCORES" | "WITHPAYLOADS"
            | "WITHSORTKEYS" => {
                return Err(ArgumentError::other(format!("{word} is not supported on FT.AGGREGATE")));
            }
            _ => return self.options.take(word, args),
        }
        Ok(true)
    }

    fn anywhere(&mut self, word: &str, args: &mut Args<'_>) -> Result<bool> {
        match word {
            "LIMIT" => self.arrange().limit = Some(limit(args)?),
            "SORTBY" => self.sort(args)?,
            "WITHCURSOR" => self.cursor = Some(cursor(args)?),
            "FORMAT" => self.format = format(args)?,
            // The count of all rows is always exact.
            "WITHCOUNT" | "WITHOUTCOUNT" => (),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn step(&mut self, word: &str, args: &mut Args<'_>) -> Result<bool> {
        let step = match word {
            "GROUPBY" => Step::Group(group(args)?),
            "APPLY" => apply(args)?,
            "FILTER" => Step::Filter(args.text("APPLY/FILTER")?),
            "LOAD" if self.steps.iter().any(|step| matches!(step, Step::Group(_))) => {
                return Err(ArgumentError::other("LOAD cannot be applied after projectors or reducers"));
            }
            "LOAD" => Step::Load(load(args)?),
            _ => return Ok(false),
        };
        self.steps.push(step);
        Ok(true)
    }

    /// The step of SORTBY and LIMIT that the next of them belongs to.
    fn arrange(&mut self) -> &mut Arrange {
        if !matches!(self.steps.last(), Some(Step::Arrange(_))) {
            self.steps.push(Step::Arrange(Arrange::default()));
        }
        match self.steps.last_mut() {
            Some(Step::Arrange(arrange)) => arrange,
            _ => unreachable!("it was pushed if it was not there"),
        }
    }

    fn sort(&mut self, args: &mut Args<'_>) -> Result<()> {
        if self.arrange().keys.is_some() {
            let error = "Multiple SORTBY steps are not allowed. Sort multiple fields in a single step";
            return Err(ArgumentError::other(error));
        }
        let mut keys: Vec<(String, bool)> = Vec::new();
        for word in args.list("SORTBY")? {
            if word.starts_with(b"@") {
                keys.push((property(word), false));
                continue;
            }
            let descending = match text(word).to_ascii_uppercase().as_str() {
                "ASC" => false,
                "DESC" => true,
                _ => {
                    let text = format!("MISSING ASC or DESC after sort field ({})", text(word));
                    return Err(ArgumentError::other(text));
                }
            };
            if let Some(key) = keys.last_mut() {
                key.1 = descending;
            }
        }
        if keys.len() > SORT_KEYS_MAX {
            return Err(ArgumentError::other(format!("Cannot sort by more than {SORT_KEYS_MAX} fields")));
        }
        let mut max = None;
        if args.take_word("MAX") {
            let given: Option<u64> = args.next().and_then(parse);
            let given = given.ok_or(ArgumentError::bad("MAX", BadValue::NotConverted))?;
            max = Some(given).filter(|given| *given > 0);
        }
        let arrange = self.arrange();
        arrange.keys = Some(keys);
        arrange.max = max;
        Ok(())
    }
}

fn cursor(args: &mut Args<'_>) -> Result<CursorOptions> {
    let mut cursor = CursorOptions::default();
    loop {
        if args.take_word("COUNT") {
            cursor.count = Some(args.number("COUNT", 1)?);
        } else if args.take_word("MAXIDLE") {
            cursor.idle_ms_max = Some(args.number("MAXIDLE", 1)?);
        } else {
            return Ok(cursor);
        }
    }
}

fn apply(args: &mut Args<'_>) -> Result<Step> {
    let expression = args.text("APPLY/FILTER")?;
    let mut name = expression.clone();
    if args.take_word("AS") {
        name = args.next().map(text).ok_or(ArgumentError::other("AS needs argument"))?;
    }
    Ok(Step::Apply { expression, name })
}

fn load(args: &mut Args<'_>) -> Result<Load> {
    if args.take_word("*") {
        return Ok(Load::All);
    }
    if args.is_empty() {
        return Err(ArgumentError::bad("LOAD", BadValue::Missing));
    }
    let words = args.list("LOAD").map_err(|_| ArgumentError::bad("LOAD", BadValue::Success))?;
    let mut words = Args::new(words);
    let mut fields = Vec::new();
    while let Some(field) = words.next() {
        let field = property(field);
        let mut name = field.clone();
        if words.take_word("AS") {
            let error = ArgumentError::other("LOAD path AS name - must be accompanied with NAME");
            name = words.next().map(text).ok_or(error)?;
        }
        fields.push(Loaded { field, name });
    }
    Ok(Load::Fields(fields))
}

fn group(args: &mut Args<'_>) -> Result<Group> {
    let mut properties = Vec::new();
    for word in args.list("GROUPBY")? {
        if !word.starts_with(b"@") {
            let name = text(word);
            let text =
                format!("Bad arguments for GROUPBY: Unknown property `{name}`. Did you mean `@{name}`?");
            return Err(ArgumentError::other(text));
        }
        properties.push(property(word));
    }
    let mut reducers = Vec::new();
    while args.take_word("REDUCE") {
        reducers.push(reducer(args)?);
    }
    check_names(&properties, &reducers)?;
    Ok(Group { properties, reducers })
}

fn check_names(properties: &[String], reducers: &[Reducer]) -> Result<()> {
    let mut names: HashSet<_> = properties.iter().collect();
    for reducer in reducers {
        if !names.insert(&reducer.name) {
            let text = format!("Property `{}` specified more than once", reducer.name);
            return Err(ArgumentError::other(text));
        }
    }
    Ok(())
}

fn reducer(args: &mut Args<'_>) -> Result<Reducer> {
    let Some(function) = args.next() else { return Err(ArgumentError::bad("REDUCE", BadValue::Success)) };
    let bad = |why| ArgumentError::bad(text(function), why);
    let count: i64 = args
        .next()
        .ok_or(bad(BadValue::Missing))
        .and_then(|count| parse(count).ok_or(bad(BadValue::NotConverted)))?;
    let count = usize::try_from(count).map_err(|_| bad(BadValue::OutOfBounds))?;
    let words = args.take_many(count).ok_or(bad(BadValue::Missing))?;
    let upper = text(function).to_ascii_uppercase();
    let reduction = reduction(&upper, words, function)?;
    let name = if args.take_word("AS") { args.text("AS")? } else { generated_name(&upper, words) };
    Ok(Reducer { function: reduction, name })
}

/// The column of a reducer without AS.
fn generated_name(function: &str, words: &[&[u8]]) -> String {
    let words: Vec<_> = words.iter().map(|word| property(word)).collect();
    format!("__generated_alias{function}{}", words.join(",")).to_ascii_lowercase()
}

fn reduction(function: &str, words: &[&[u8]], name: &[u8]) -> Result<Reduction> {
    if function == "COUNT" {
        let error = ArgumentError::other("Count accepts 0 values only");
        return if words.is_empty() { Ok(Reduction::Count) } else { Err(error) };
    }
    let mut args = Args::new(words);
    let first = args.next().map(property);
    let take =
        || first.clone().ok_or_else(|| ArgumentError::other(format!("Missing arguments for {function}")));
    Ok(match function {
        "COUNT_DISTINCT" => Reduction::CountDistinct(take()?),
        "COUNT_DISTINCTISH" => Reduction::CountDistinctish(take()?),
        "SUM" => Reduction::Sum(take()?),
        "MIN" => Reduction::Min(take()?),
        "MAX" => Reduction::Max(take()?),
        "AVG" => Reduction::Avg(take()?),
        "STDDEV" => Reduction::StdDev(take()?),
        "TOLIST" => Reduction::ToList(take()?),
        "QUANTILE" => Reduction::Quantile { property: take()?, part: quantile(&mut args)? },
        "FIRST_VALUE" => Reduction::FirstValue { property: take()?, by: first_by(&mut args)? },
        "RANDOM_SAMPLE" => {
            let property = take()?;
            let size = args.number("<sample size>", 0)?;
            if size > SAMPLE_MAX {
                return Err(ArgumentError::other("Sample size too large"));
            }
            Reduction::RandomSample { property, size }
        }
        _ => return Err(ArgumentError::other(format!("No such reducer: {}", text(name)))),
    })
}

fn unknown(args: &Args<'_>, word: &[u8], part: &'static str) -> ArgumentError {
    ArgumentError::UnknownAt { argument: text(word), position: args.position() - 1, part }
}

fn quantile(args: &mut Args<'_>) -> Result<f64> {
    let part = args.value("QUANTILE")?;
    let part: f64 = parse(part).ok_or(ArgumentError::bad("QUANTILE", BadValue::NotConverted))?;
    if !(0.0..=1.0).contains(&part) {
        return Err(ArgumentError::other("Percentage must be between 0.0 and 1.0"));
    }
    if let Some(resolution) = args.next() {
        let resolution: Option<i64> = parse(resolution);
        match resolution.ok_or(ArgumentError::bad("<resolution>", BadValue::NotConverted))? {
            // Quantiles are exact, so that any resolution is kept.
            1.. => (),
            _ => return Err(ArgumentError::other("Invalid resolution")),
        }
    }
    args.next().map_or(Ok(part), |word| Err(unknown(args, word, "QUANTILE")))
}

fn first_by(args: &mut Args<'_>) -> Result<Option<(String, bool)>> {
    let part = "FIRST_VALUE";
    let Some(word) = args.next() else { return Ok(None) };
    if !word.eq_ignore_ascii_case(b"BY") {
        return Err(unknown(args, word, part));
    }
    let error = ArgumentError::other("Missing arguments for FIRST_VALUE");
    let by = args.next().map(property).ok_or(error)?;
    let descending = args.take_word("DESC");
    if !descending {
        args.take_word("ASC");
    }
    args.next().map_or(Ok(Some((by, descending))), |word| Err(unknown(args, word, part)))
}
