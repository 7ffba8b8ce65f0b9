//! The functions of expressions.

use std::sync::Arc;

use super::error::ExpressionError;
use super::math::Math;
use super::place;
use super::time::{self, PartOfTime};
use crate::value::Value;

type Result<T> = std::result::Result<T, ExpressionError>;

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Math(Math),
    Upper,
    Lower,
    StrLen,
    Substr,
    StartsWith,
    Contains,
    Format,
    Split,
    ToNumber,
    ToStr,
    Exists,
    MatchedTerms,
    TimeFmt,
    ParseTime,
    PartOfTime(PartOfTime, &'static str),
    GeoDistance,
    Case,
}

const FUNCTIONS: [(&str, Function); 33] = [
    ("log", Function::Math(Math::Log)),
    ("log2", Function::Math(Math::Log2)),
    ("exp", Function::Math(Math::Exp)),
    ("abs", Function::Math(Math::Abs)),
    ("ceil", Function::Math(Math::Ceil)),
    ("floor", Function::Math(Math::Floor)),
    ("sqrt", Function::Math(Math::Sqrt)),
    ("upper", Function::Upper),
    ("lower", Function::Lower),
    ("strlen", Function::StrLen),
    ("substr", Function::Substr),
    ("startswith", Function::StartsWith),
    ("contains", Function::Contains),
    ("format", Function::Format),
    ("split", Function::Split),
    ("to_number", Function::ToNumber),
    ("to_str", Function::ToStr),
    ("exists", Function::Exists),
    ("matched_terms", Function::MatchedTerms),
    ("timefmt", Function::TimeFmt),
    ("parsetime", Function::ParseTime),
    ("parse_time", Function::ParseTime),
    ("minute", Function::PartOfTime(PartOfTime::Minute, "minute")),
    ("hour", Function::PartOfTime(PartOfTime::Hour, "hour")),
    ("day", Function::PartOfTime(PartOfTime::Day, "day")),
    ("month", Function::PartOfTime(PartOfTime::Month, "month")),
    ("year", Function::PartOfTime(PartOfTime::Year, "year")),
    ("dayofweek", Function::PartOfTime(PartOfTime::DayOfWeek, "dayofweek")),
    ("dayofmonth", Function::PartOfTime(PartOfTime::DayOfMonth, "dayofmonth")),
    ("dayofyear", Function::PartOfTime(PartOfTime::DayOfYear, "dayofyear")),
    ("monthofyear", Function::PartOfTime(PartOfTime::MonthOfYear, "monthofyear")),
    ("geodistance", Function::GeoDistance),
    ("case", Function::Case),
];

/// Longest text that format makes, in bytes: each APPLY may double the one before it.
const FORMATTED_MAX: usize = 1 << 20;

/// How many words matched_terms gives at most.
const TERMS_MAX: f64 = 100.0;

/// The name of a function.
pub(super) fn name(function: Function) -> &'static str {
    FUNCTIONS.iter().find(|(_, known)| *known == function).map_or("", |(name, _)| name)
}

/// The function of a name, in any case.
pub(super) fn find(name: &str) -> Option<Function> {
    FUNCTIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, function)| *function)
}

/// Calls a function.
pub(super) fn call(function: Function, arguments: &[Value], matched_terms: &[Value]) -> Result<Value> {
    match function {
        Function::Math(math) => math.apply(arguments),
        Function::Upper => mapped(arguments, "upper", <[u8]>::to_ascii_uppercase),
        Function::Lower => mapped(arguments, "lower", <[u8]>::to_ascii_lowercase),
        Function::StrLen => {
            let [argument] = arguments else { return Err(ExpressionError::Arguments("strlen")) };
            Ok(count(text(argument, 0, "strlen")?.len()))
        }
        Function::Substr => substr(arguments),
        Function::StartsWith => {
            let (whole, start) = two_texts(arguments, "startswith")?;
            Ok(Value::boolean(whole.starts_with(start)))
        }
        Function::Contains => {
            let (whole, part) = two_texts(arguments, "contains")?;
            Ok(count(occurrences(whole, part)))
        }
        Function::Format => format(arguments),
        Function::Split => split(arguments),
        Function::ToNumber => to_number(arguments),
        Function::ToStr => match arguments {
            [argument] => Ok(Value::Text(argument.to_text())),
            _ => Err(ExpressionError::Arguments("to_str")),
        },
        Function::Exists => match arguments {
            [_] => Ok(Value::boolean(true)),
            _ => Err(ExpressionError::Arguments("exists")),
        },
        Function::MatchedTerms => Ok(first_terms(arguments, matched_terms)),
        Function::TimeFmt => timefmt(arguments),
        Function::ParseTime => {
            let (text, pattern) = two_texts(arguments, "parsetime")?;
            let (text, pattern) = (String::from_utf8_lossy(text), String::from_utf8_lossy(pattern));
            Ok(time::parse(&text, &pattern).map_or(Value::Null, whole))
        }
        Function::PartOfTime(part, name) => {
            let [argument] = arguments else { return Err(ExpressionError::Arguments(name)) };
            let is_before = argument.to_number().is_some_and(|number| number < 0.0);
            let part = seconds(argument).filter(|_| !is_before).and_then(|seconds| time::part(seconds, part));
            Ok(part.map_or(Value::Null, whole))
        }
        Function::GeoDistance if (2..=4).contains(&arguments.len()) => {
            place::distance(arguments).map(Value::Number)
        }
        Function::GeoDistance => Err(ExpressionError::Arguments("geodistance")),
        Function::Case => Err(ExpressionError::Arguments("case")),
    }
}

#[expect(clippy::cast_precision_loss, reason = "lengths and times of rows are far below 2^53")]
fn whole(number: i64) -> Value {
    Value::Number(number as f64)
}

fn count(number: usize) -> Value {
    whole(i64::try_from(number).unwrap_or(i64::MAX))
}

/// The number of a type in errors.
fn type_number(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 1,
        Value::Text(_) | Value::Json(_) => 3,
        Value::Null => 4,
        Value::Array(_) => 6,
    }
}

fn wrong_type(value: &Value, index: usize, function: &'static str, check: &'static str) -> ExpressionError {
    ExpressionError::ArgumentType { found: type_number(value), index, function, check }
}

fn text<'a>(value: &'a Value, index: usize, function: &'static str) -> Result<&'a [u8]> {
    match value {
        Value::Text(bytes) => Ok(bytes),
        _ => Err(wrong_type(value, index, function, "VALIDATE_ARG__STRING(v, 0)")),
    }
}

fn two_texts<'a>(arguments: &'a [Value], function: &'static str) -> Result<(&'a [u8], &'a [u8])> {
    let [first, second] = arguments else { return Err(ExpressionError::Arguments(function)) };
    Ok((text(first, 0, function)?, text(second, 1, function)?))
}

fn mapped(arguments: &[Value], function: &'static str, map: fn(&[u8]) -> Vec<u8>) -> Result<Value> {
    match arguments {
        [Value::Text(bytes)] => Ok(Value::text(map(bytes))),
        [_] => Ok(Value::Null),
        _ => Err(ExpressionError::Arguments(function)),
    }
}

/// A part of a text. A negative offset counts from the end, a negative length leaves so much out at the end.
fn substr(arguments: &[Value]) -> Result<Value> {
    let [whole, offset, length] = arguments else { return Err(ExpressionError::Arguments("substr")) };
    let number = |value: &Value, index| match value {
        Value::Number(number) => Ok(number.trunc()),
        _ => Err(wrong_type(value, index, "substr", "VALIDATE_ARG__TYPE(v, RSValue_Number)")),
    };
    let (offset, length) = (number(offset, 1)?, number(length, 2)?);
    let Value::Text(bytes) = whole else {
        return Err(ExpressionError::Other("Invalid type for substr. Expected string"));
    };
    let [Value::Number(size)] = [count(bytes.len())] else { return Ok(Value::Null) };
    let from = if offset < 0.0 { size + offset } else { offset };
    if !(0.0..=size).contains(&from) {
        return Ok(Value::text(""));
    }
    let to = if length < 0.0 { size + length } else { (from + length).min(size) };
    Ok(Value::text(bytes.get(index(from)..index(to)).unwrap_or_default()))
}

/// A number between 0 and the length of a text as a place in it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and is looked up with a check"
)]
fn index(number: f64) -> usize {
    number as usize
}

/// How often a text stands in another one; an empty one at each place.
fn occurrences(whole: &[u8], part: &[u8]) -> usize {
    if part.is_empty() {
        return whole.len() + 1;
    }
    whole.windows(part.len()).filter(|window| *window == part).count()
}

fn format(arguments: &[Value]) -> Result<Value> {
    let Some((pattern, rest)) = arguments.split_first() else {
        return Err(ExpressionError::Other("Need at least one argument for format"));
    };
    let mut rest = rest.iter();
    let mut out = Vec::new();
    let mut bytes = text(pattern, 0, "format")?.iter();
    while let Some(&byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'%') => out.push(b'%'),
            Some(b's') => match rest.next() {
                Some(Value::Null) => out.extend_from_slice(b"(null)"),
                Some(value) if out.len() + value.to_text().len() > FORMATTED_MAX => {
                    return Err(ExpressionError::Other("Result of format is too long"));
                }
                Some(value) => out.extend_from_slice(&value.to_text()),
                None => return Err(ExpressionError::Other("Not enough arguments for format")),
            },
            Some(_) => return Err(ExpressionError::Other("Unknown format specifier passed")),
            None => return Err(ExpressionError::Other("Bad format string!")),
        }
    }
    Ok(Value::text(out))
}

/// The pieces between separators, without what is stripped at their ends; empty ones are left out.
fn split(arguments: &[Value]) -> Result<Value> {
    if !(1..=3).contains(&arguments.len()) {
        return Err(ExpressionError::ArgumentCount("split"));
    }
    let argument = |index: usize, otherwise: &'static [u8]| match arguments.get(index) {
        Some(value) => text(value, index, "split"),
        None => Ok(otherwise),
    };
    let (whole, separators, stripped) = (argument(0, b"")?, argument(1, b",")?, argument(2, b" ")?);
    let pieces = whole.split(|byte| separators.contains(byte)).filter_map(|piece| {
        let from = piece.iter().position(|byte| !stripped.contains(byte))?;
        let to = piece.iter().rposition(|byte| !stripped.contains(byte))?;
        Some(Value::text(&piece[from..=to]))
    });
    Ok(Value::Array(pieces.collect()))
}

fn to_number(arguments: &[Value]) -> Result<Value> {
    let [argument] = arguments else { return Err(ExpressionError::Arguments("to_number")) };
    if let Some(number) = argument.to_number() {
        return Ok(Value::Number(number));
    }
    let text = match argument {
        Value::Null => "(null)".to_owned(),
        _ => String::from_utf8_lossy(&argument.to_text()).into_owned(),
    };
    Err(ExpressionError::ToNumber(text))
}

fn first_terms(arguments: &[Value], terms: &[Value]) -> Value {
    let asked = match arguments {
        [Value::Number(number), ..] if (1.0..TERMS_MAX).contains(number) => *number,
        _ => TERMS_MAX,
    };
    if terms.is_empty() {
        return Value::Null;
    }
    Value::Array(terms.iter().take(index(asked)).cloned().collect())
}

/// A time: seconds since 1970, fractions cut.
#[expect(clippy::cast_possible_truncation, reason = "it saturates, and no calendar has such years")]
fn seconds(value: &Value) -> Option<i64> {
    let number = value.to_number().filter(|number| number.is_finite())?;
    Some(number as i64)
}

fn timefmt(arguments: &[Value]) -> Result<Value> {
    let (time, pattern) = match arguments {
        [time] => (time, Arc::from(time::ISO.as_bytes())),
        [time, Value::Text(pattern)] => (time, Arc::clone(pattern)),
        [_, other] => return Err(wrong_type(other, 1, "time", "VALIDATE_ARG__TYPE(v, RSValue_String)")),
        _ => return Err(ExpressionError::Arguments("time")),
    };
    let pattern = String::from_utf8_lossy(&pattern);
    let text = seconds(time).and_then(|seconds| time::format(seconds, &pattern));
    Ok(text.map_or(Value::Null, Value::text))
}
