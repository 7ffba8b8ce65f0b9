//! Filters: whether a condition holds for a value.
//!
//! Values of different types are not equal, and neither is before the other; so is what is not there. Numbers compare by value, texts by
//! their bytes.

use std::cmp::Ordering;

use super::error::TooMuch;
use super::find::Search;
use super::syntax::{Comparison, Filter, Literal, Operand, Pattern};
use crate::compare::are_equal;
use crate::number::Number;
use crate::packed::{Node, Value};

/// A side of a comparison, found.
#[derive(Clone, Copy)]
enum Side<'s> {
    Null,
    Bool(bool),
    Number(Number),
    Text(&'s [u8]),
    /// An array or an object.
    Container(Value<'s>),
}

impl<'s> Side<'s> {
    fn of_value(value: Value<'s>) -> Self {
        match value.node() {
            Node::Null => Self::Null,
            Node::Bool(value) => Self::Bool(value),
            Node::Number(number) => Self::Number(number),
            Node::Text(text) => Self::Text(text),
            Node::Array(_) | Node::Object(_) => Self::Container(value),
        }
    }

    fn of_literal(literal: &'s Literal) -> Self {
        match literal {
            Literal::Null => Self::Null,
            Literal::Bool(value) => Self::Bool(*value),
            Literal::Number(number) => Self::Number(*number),
            Literal::Text(text) => Self::Text(text.as_bytes()),
        }
    }

    fn equals(self, other: Self) -> bool {
        match (self, other) {
            (Self::Container(one), Self::Container(other)) => are_equal(one, other),
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }

    fn compare(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Null, Self::Null) => Some(Ordering::Equal),
            (Self::Bool(one), Self::Bool(other)) => Some(one.cmp(&other)),
            (Self::Number(one), Self::Number(other)) => one.compare(other),
            (Self::Text(one), Self::Text(other)) => Some(one.cmp(other)),
            _ => None,
        }
    }
}

impl<'a> Search<'a, '_> {
    /// Whether a condition holds for a value. Conditions are nested only as deep as the parser lets them.
    pub(super) fn holds(&mut self, filter: &Filter, current: Value<'a>) -> Result<bool, TooMuch> {
        match filter {
            Filter::And(all) => self.is_each(all, true, current),
            Filter::Or(all) => Ok(!self.is_each(all, false, current)?),
            Filter::Exists(Operand::Literal(_)) => Ok(true),
            Filter::Exists(operand) => Ok(self.resolve(operand, current)?.is_some()),
            Filter::Compare(left, comparison, right) => {
                let left = self.side(left, current)?;
                let right = self.side(right, current)?;
                self.compares(left, *comparison, right)
            }
            Filter::Matches(operand, Pattern(pattern)) => {
                let side = self.side(operand, current)?;
                Ok(match (side, pattern) {
                    (Some(Side::Text(text)), Some(pattern)) => {
                        std::str::from_utf8(text).is_ok_and(|text| pattern.is_match(text))
                    }
                    _ => false,
                })
            }
        }
    }

    /// Whether each of some conditions holds, or each does not.
    fn is_each(&mut self, filters: &[Filter], holds: bool, current: Value<'a>) -> Result<bool, TooMuch> {
        for filter in filters {
            if self.holds(filter, current)? != holds {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn side<'s>(&mut self, operand: &'s Operand, current: Value<'a>) -> Result<Option<Side<'s>>, TooMuch>
    where
        'a: 's,
    {
        match operand {
            Operand::Literal(literal) => Ok(Some(Side::of_literal(literal))),
            _ => Ok(self.resolve(operand, current)?.map(Side::of_value)),
        }
    }

    fn compares(
        &mut self,
        left: Option<Side<'_>>,
        comparison: Comparison,
        right: Option<Side<'_>>,
    ) -> Result<bool, TooMuch> {
        let (Some(left), Some(right)) = (left, right) else { return Ok(comparison == Comparison::NotEqual) };
        let order = || left.compare(right);
        Ok(match comparison {
            Comparison::Equal => left.equals(right),
            Comparison::NotEqual => !left.equals(right),
            Comparison::Less => order() == Some(Ordering::Less),
            Comparison::LessOrEqual => order().is_some_and(Ordering::is_le),
            Comparison::Greater => order() == Some(Ordering::Greater),
            Comparison::GreaterOrEqual => order().is_some_and(Ordering::is_ge),
            Comparison::Matches => return self.matches(left, right),
        })
    }

    /// Whether a text matches an expression that stands in the value.
    fn matches(&mut self, left: Side<'_>, right: Side<'_>) -> Result<bool, TooMuch> {
        let (Side::Text(text), Side::Text(expression)) = (left, right) else { return Ok(false) };
        let (Ok(text), Ok(expression)) = (std::str::from_utf8(text), std::str::from_utf8(expression)) else {
            return Ok(false);
        };
        if self.pattern.as_ref().is_none_or(|(known, _)| **known != *expression) {
            self.charge(Pattern::VISITS)?;
            self.pattern = Some((expression.into(), Pattern::new(expression)));
        }
        let pattern = self.pattern.as_ref().and_then(|(_, Pattern(pattern))| pattern.as_ref());
        Ok(pattern.is_some_and(|pattern| pattern.is_match(text)))
    }
}
