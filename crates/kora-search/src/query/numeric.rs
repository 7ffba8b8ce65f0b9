//! `@field:[ ... ]` and `@field >= number`: ranges of numbers, and radii.

use kora_index::query::{Bound, Range};

use super::error::QueryError;
use super::parser::{Parser, Result};
use super::part::{Circle, Part, PartKind, Unit};
use super::token::{Comparison, Kind};
use super::vectors;
use crate::number::leading_number;

/// A number as it stands in brackets.
pub(super) struct Operand {
    number: Number,
    is_exclusive: bool,
    is_negated: bool,
}

enum Number {
    Literal(f64),
    Parameter { name: String, value: String },
}

/// Which end of a range.
#[derive(Clone, Copy)]
enum End {
    Lower,
    Upper,
}

/// `@field OP number`; the number is the current piece.
pub(super) fn compared(parser: &mut Parser<'_>, field: String, comparison: Comparison) -> Result<Part> {
    let operand = operand(parser, false)?;
    let value = operand.plain(parser);
    let at = |is_exclusive| Bound { value, is_exclusive };
    let none = |value| Bound { value, is_exclusive: false };
    let (from, to) = match comparison {
        Comparison::Equal | Comparison::NotEqual => (at(false), at(false)),
        Comparison::Greater => (at(true), none(f64::INFINITY)),
        Comparison::GreaterOrEqual => (at(false), none(f64::INFINITY)),
        Comparison::Less => (none(f64::NEG_INFINITY), at(true)),
        Comparison::LessOrEqual => (none(f64::NEG_INFINITY), at(false)),
    };
    let part = Part::new(PartKind::Range(field, Range { from, to }));
    Ok(match comparison {
        Comparison::NotEqual => Part::new(PartKind::Not(Box::new(part))),
        _ => part,
    })
}

/// What the later dialects have in brackets; the first bracket is the current piece.
pub(super) fn modern(parser: &mut Parser<'_>, field: String) -> Result<Part> {
    parser.take();
    if matches!(parser.current.kind, Kind::Word | Kind::StopWord | Kind::Missing | Kind::Quoted | Kind::Empty)
    {
        return vectors::near(parser, field);
    }
    let first = operand(parser, true)?;
    if parser.current.kind == Kind::RightBracket && !first.is_exclusive {
        parser.take();
        let bound = Bound { value: first.plain(parser), is_exclusive: false };
        return Ok(Part::new(PartKind::Range(field, Range { from: bound, to: bound })));
    }
    let second = operand(parser, true)?;
    if parser.take_if(Kind::RightBracket) {
        let from = first.bound(parser, End::Lower);
        let to = second.bound(parser, End::Upper);
        return Ok(Part::new(PartKind::Range(field, Range { from, to })));
    }
    if first.is_exclusive || second.is_exclusive {
        return Err(parser.unexpected());
    }
    let third = operand(parser, false)?;
    let unit = match parser.current.kind {
        Kind::Word | Kind::StopWord | Kind::Number | Kind::Quoted | Kind::Empty | Kind::Missing => {
            parser.take().text.to_owned()
        }
        Kind::Dollar => {
            let name = parser.take().text;
            parser.parameter(name)
        }
        _ => return Err(parser.unexpected()),
    };
    parser.expect(Kind::RightBracket)?;
    let numbers = (first.plain(parser), second.plain(parser), third.plain(parser));
    let circle = circle(numbers, &unit).unwrap_or_else(|error| {
        parser.keep_last(error);
        NOWHERE
    });
    Ok(Part::new(PartKind::Radius(field, circle)))
}

/// What dialect 1 has in brackets; the first bracket is the current piece.
pub(super) fn classic(parser: &mut Parser<'_>, field: String) -> Result<Part> {
    parser.take();
    let first = classic_operand(parser)?;
    let second = classic_operand(parser)?;
    if parser.take_if(Kind::RightBracket) {
        return Ok(Part::new(PartKind::Range(field, Range { from: first, to: second })));
    }
    let third = classic_operand(parser)?;
    let unit = parser.expect(Kind::Word)?.text;
    parser.expect(Kind::RightBracket)?;
    let circle = circle((first.value, second.value, third.value), unit)?;
    Ok(Part::new(PartKind::Radius(field, circle)))
}

/// A number with any `-` and `(` before it.
fn classic_operand(parser: &mut Parser<'_>) -> Result<Bound> {
    let mut is_exclusive = false;
    let mut sign = 1.0;
    loop {
        match parser.current.kind {
            Kind::Minus => sign = -sign,
            Kind::LeftParen => is_exclusive = true,
            _ => break,
        }
        parser.take();
    }
    let value = sign * leading_number(parser.expect(Kind::Number)?.text).0;
    Ok(Bound { value, is_exclusive })
}

pub(super) fn operand(parser: &mut Parser<'_>, may_be_exclusive: bool) -> Result<Operand> {
    let is_exclusive = may_be_exclusive && parser.take_if(Kind::LeftParen);
    let is_negated = parser.take_if(Kind::Minus);
    let number = match parser.current.kind {
        Kind::Dollar => {
            let name = parser.take().text.to_owned();
            let value = parser.parameter(&name);
            Number::Parameter { name, value }
        }
        Kind::Number if !is_negated => Number::Literal(leading_number(parser.take().text).0),
        _ => return Err(parser.unexpected()),
    };
    Ok(Operand { number, is_exclusive, is_negated })
}

impl Operand {
    fn signed(&self, value: f64) -> f64 {
        if self.is_negated { -value } else { value }
    }

    /// The number, where a parameter is one from end to end.
    pub(super) fn plain(&self, parser: &mut Parser<'_>) -> f64 {
        let (name, value) = match &self.number {
            Number::Literal(value) => return *value,
            Number::Parameter { name, value } => (name, value),
        };
        let (number, length) = leading_number(value);
        if length != value.len() {
            parser.keep(QueryError::InvalidNumber { value: value.clone(), name: name.clone() });
        }
        self.signed(number)
    }

    /// The number as an end of a range. A parameter may have a parenthesis of its own, and is infinite only towards its end.
    fn bound(&self, parser: &mut Parser<'_>, end: End) -> Bound {
        let is_exclusive = self.is_exclusive;
        let value = match &self.number {
            Number::Literal(value) => return Bound { value: *value, is_exclusive },
            Number::Parameter { value, .. } => value,
        };
        let text = value.strip_prefix('(').unwrap_or(value);
        let (number, length) = leading_number(text);
        let number = self.signed(number);
        let (is_wrong_end, error) = match end {
            End::Lower => (number == f64::INFINITY, QueryError::BadLower(text.to_owned())),
            End::Upper => (number == f64::NEG_INFINITY, QueryError::BadUpper(text.to_owned())),
        };
        if length != text.len() || is_wrong_end {
            parser.keep(error);
        }
        Bound { value: number, is_exclusive }
    }
}

/// What stands for a circle that is none, in a query that is refused.
const NOWHERE: Circle = Circle { longitude: 0.0, latitude: 0.0, radius: 1.0, unit: Unit::Metres };

fn circle((longitude, latitude, radius): (f64, f64, f64), unit: &str) -> Result<Circle> {
    let unit = Unit::parse(unit).ok_or(QueryError::InvalidUnit)?;
    if longitude.abs() > 180.0 || latitude.abs() > 90.0 {
        return Err(QueryError::InvalidPoint);
    }
    if radius <= 0.0 {
        return Err(QueryError::InvalidRadius);
    }
    Ok(Circle { longitude, latitude, radius, unit })
}
