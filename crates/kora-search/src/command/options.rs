//! What FT.SEARCH and FT.AGGREGATE have in common: how a query is read and evaluated, what is kept of the results.

use kora_index::query::{Bound, Radius, Range};
use kora_index::schema::Language;
use kora_index::score::Scorer;

use super::args::{Args, not_built, parse, text};
use super::create::language;
use super::error::{ArgumentError, BadValue};
use crate::number::leading_number;
use crate::query::Dialect;

type Result<T> = std::result::Result<T, ArgumentError>;

/// Most results, and how far in they may begin: MAXSEARCHRESULTS.
pub const RESULTS_MAX: u64 = 1_000_000;

pub(super) fn scorer(name: &[u8]) -> Result<Scorer> {
    let found = std::str::from_utf8(name).ok().and_then(|name| Scorer::from_name(name).ok());
    found.ok_or_else(|| ArgumentError::other(format!("No such scorer {}", text(name))))
}

/// What stands for words of a query besides themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expander {
    /// Synonyms, stems and sounds.
    #[default]
    Default,
    /// SBSTEM.
    Stem,
    /// SYNONYM.
    Synonym,
    /// PHONETIC.
    Phonetic,
}

/// FILTER field from to.
#[derive(Clone, Debug, PartialEq)]
pub struct NumericFilter {
    /// The field.
    pub field: String,
    /// Its values.
    pub range: Range,
}

/// GEOFILTER field longitude latitude radius unit.
#[derive(Clone, Debug, PartialEq)]
pub struct GeoFilter {
    /// The field.
    pub field: String,
    /// Its values.
    pub radius: Radius,
}

/// How a query is read and evaluated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryOptions {
    /// VERBATIM.
    pub verbatim: bool,
    /// NOSTOPWORDS.
    pub no_stop_words: bool,
    /// INORDER.
    pub in_order: bool,
    /// SLOP: words between the words of the query at most; none if negative.
    pub slop: Option<u64>,
    /// LANGUAGE.
    pub language: Option<Language>,
    /// EXPANDER.
    pub expander: Expander,
    /// SCORER.
    pub scorer: Option<Scorer>,
    /// PAYLOAD, for scorers.
    pub payload: Option<Vec<u8>>,
    /// INKEYS: these documents only.
    pub keys: Option<Vec<Vec<u8>>>,
    /// INFIELDS: in these fields only; none or no field: in all.
    pub fields: Option<Vec<String>>,
    /// FILTER.
    pub numeric_filters: Vec<NumericFilter>,
    /// GEOFILTER.
    pub geo_filters: Vec<GeoFilter>,
    /// PARAMS: values are any bytes, since one may be a vector.
    pub parameters: Vec<(String, Vec<u8>)>,
    /// DIALECT.
    pub dialect: Option<Dialect>,
    /// TIMEOUT: 0 is none.
    pub timeout_ms: Option<u64>,
}

impl QueryOptions {
    /// Whether a query means what its text alone says in its dialect.
    #[must_use]
    pub fn are_plain(&self) -> bool {
        let Self { verbatim, no_stop_words, in_order, slop, language, expander, keys, fields, .. } = self;
        let are_words_plain = !(*verbatim || *no_stop_words || *in_order)
            && slop.is_none()
            && language.is_none()
            && *expander == Expander::Default;
        let Self { numeric_filters, geo_filters, parameters, .. } = self;
        let are_filters = !numeric_filters.is_empty() || !geo_filters.is_empty();
        are_words_plain && !are_filters && keys.is_none() && fields.is_none() && parameters.is_empty()
    }
}

/// LIMIT offset count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Results left out before.
    pub offset: u64,
    /// Results at most.
    pub count: u64,
}

/// WITHCURSOR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CursorOptions {
    /// COUNT: rows of a reply at most.
    pub count: Option<u64>,
    /// MAXIDLE.
    pub idle_ms_max: Option<u64>,
}

/// FORMAT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// STRING.
    #[default]
    Text,
    /// EXPAND, which RESP2 does not have.
    Expand,
}

impl QueryOptions {
    /// Takes an option that a query may have; whether the word is one.
    pub(super) fn take(&mut self, word: &str, args: &mut Args<'_>) -> Result<bool> {
        match word {
            "VERBATIM" => self.verbatim = true,
            "NOSTOPWORDS" => self.no_stop_words = true,
            "INORDER" => self.in_order = true,
            "SLOP" => {
                let slop = parse::<f64>(args.value("SLOP")?).filter(|slop| slop.is_finite());
                self.slop = whole(slop.ok_or(ArgumentError::bad("SLOP", BadValue::NotConverted))?);
            }
            "LANGUAGE" => {
                let language = language(args.value("LANGUAGE")?);
                self.language = Some(language.ok_or(ArgumentError::other("No such language"))?);
            }
            "EXPANDER" => self.expander = expander(args.value("EXPANDER")?)?,
            "SCORER" => self.scorer = Some(scorer(args.value("SCORER")?)?),
            "PAYLOAD" => self.payload = Some(args.value("PAYLOAD")?.to_vec()),
            "INKEYS" => self.keys = Some(args.list("INKEYS")?.iter().map(|key| key.to_vec()).collect()),
            "INFIELDS" => {
                self.fields = Some(args.list("INFIELDS")?.iter().map(|field| text(field)).collect())
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes an option that may stand anywhere; whether the word is one.
    pub(super) fn take_anywhere(&mut self, word: &str, args: &mut Args<'_>) -> Result<bool> {
        match word {
            "PARAMS" => self.set_parameters(args.list("PARAMS")?)?,
            "DIALECT" => {
                let argument = args.next().ok_or(ArgumentError::other("Need an argument for DIALECT"))?;
                self.dialect = Some(dialect(argument)?);
            }
            "TIMEOUT" => {
                let argument = args.next().ok_or(ArgumentError::other("Need argument for TIMEOUT"))?;
                let timeout_ms = parse(argument);
                let error = ArgumentError::other("TIMEOUT requires a non negative integer");
                self.timeout_ms = Some(timeout_ms.ok_or(error)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn set_parameters(&mut self, words: &[&[u8]]) -> Result<()> {
        if !self.parameters.is_empty() {
            let error = "Multiple PARAMS are not allowed. Parameters can be defined only once";
            return Err(ArgumentError::other(error));
        }
        if words.is_empty() || !words.len().is_multiple_of(2) {
            return Err(ArgumentError::other("Parameters must be specified in PARAM VALUE pairs"));
        }
        let mut names = std::collections::HashSet::new();
        for pair in words.chunks_exact(2) {
            if !names.insert(pair[0]) {
                return Err(ArgumentError::other(format!("Duplicate parameter `{}`", text(pair[0]))));
            }
            self.parameters.push((text(pair[0]), pair[1].to_vec()));
        }
        Ok(())
    }
}

/// The dialect of a number.
pub(super) fn dialect(argument: &[u8]) -> Result<Dialect> {
    let error = ArgumentError::other("DIALECT requires a non negative integer >=1 and <= 4");
    parse(argument).and_then(Dialect::new).ok_or(error)
}

/// What is not below zero, without its fraction.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and is not negative"
)]
fn whole(number: f64) -> Option<u64> {
    (number >= 0.0).then_some(number as u64)
}

fn expander(name: &[u8]) -> Result<Expander> {
    match text(name).to_ascii_uppercase().as_str() {
        "DEFAULT" => Ok(Expander::Default),
        "SBSTEM" => Ok(Expander::Stem),
        "SYNONYM" => Ok(Expander::Synonym),
        "PHONETIC" => Ok(Expander::Phonetic),
        _ => Err(not_built(&format!("Expander {}", text(name)))),
    }
}

/// Takes the arguments of LIMIT.
pub(super) fn limit(args: &mut Args<'_>) -> Result<Limit> {
    let Some([offset, count]) = args.take_many(2) else {
        return Err(ArgumentError::other("LIMIT requires two arguments"));
    };
    let error = ArgumentError::other("LIMIT needs two numeric arguments");
    let (offset, count) = parse(offset).zip(parse(count)).ok_or(error)?;
    Ok(Limit { offset, count })
}

/// Takes the arguments of FORMAT.
pub(super) fn format(args: &mut Args<'_>) -> Result<Format> {
    let argument = args.next().ok_or(ArgumentError::other("Need an argument for FORMAT"))?;
    match text(argument).to_ascii_uppercase().as_str() {
        "STRING" => Ok(Format::Text),
        "EXPAND" => Ok(Format::Expand),
        _ => Err(ArgumentError::other(format!("FORMAT {} is not supported", text(argument)))),
    }
}

/// Takes the arguments of FILTER of a search.
pub(super) fn numeric_filter(args: &mut Args<'_>) -> Result<NumericFilter> {
    let Some([field, from, to]) = args.take_many(3) else {
        return Err(ArgumentError::other("FILTER requires 3 arguments"));
    };
    let bad = |end, value| ArgumentError::other(format!("Bad {end} range: {}", text(value)));
    let from = bound(from).ok_or_else(|| bad("lower", from))?;
    let to = bound(to).ok_or_else(|| bad("upper", to))?;
    Ok(NumericFilter { field: text(field), range: Range { from, to } })
}

fn bound(argument: &[u8]) -> Option<Bound> {
    let argument = text(argument);
    let number = argument.strip_prefix('(');
    let is_exclusive = number.is_some();
    let number = number.unwrap_or(&argument);
    let (value, length) = leading_number(number);
    (length == number.len()).then_some(Bound { value, is_exclusive })
}

/// Takes the arguments of GEOFILTER.
pub(super) fn geo_filter(args: &mut Args<'_>) -> Result<GeoFilter> {
    let Some([field, longitude, latitude, radius, unit]) = args.take_many(5) else {
        return Err(ArgumentError::other("GEOFILTER requires 5 arguments"));
    };
    let number =
        |argument: &[u8], name| parse(argument).ok_or(ArgumentError::bad(name, BadValue::NotConverted));
    let (longitude, latitude) = (number(longitude, "<lon>")?, number(latitude, "<lat>")?);
    let radius: f64 = number(radius, "<radius>")?;
    let metres = match text(unit).to_ascii_lowercase().as_str() {
        "m" => 1.0,
        "km" => 1000.0,
        "ft" => 0.3048,
        "mi" => 1609.34,
        _ => return Err(ArgumentError::other(format!("Unknown distance unit {}", text(unit)))),
    };
    if !(-180.0..=180.0).contains(&longitude) || !(-90.0..=90.0).contains(&latitude) {
        return Err(ArgumentError::other("Invalid GeoFilter lat/lon"));
    }
    if radius <= 0.0 || radius.is_nan() {
        return Err(ArgumentError::other("Invalid GeoFilter radius"));
    }
    let radius = Radius { longitude, latitude, metres: radius * metres };
    Ok(GeoFilter { field: text(field), radius })
}
