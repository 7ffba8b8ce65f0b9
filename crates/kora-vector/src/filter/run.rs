//! Running the steps of a filter.

use std::borrow::Cow;

use super::{Operator, Step, Value, json, number};

/// Runs steps for these attributes; `None` if one that is named is not there.
pub(super) fn run<'a>(steps: &'a [Step], attributes: &'a [u8]) -> Option<Value<'a>> {
    let mut stack: Vec<Cow<'a, Value<'a>>> = Vec::with_capacity(8);
    let mut steps = steps.iter().peekable();
    while let Some(step) = steps.next() {
        let value = match step {
            Step::Constant(value) => Cow::Borrowed(value),
            Step::Field(name) if steps.next_if_eq(&&Step::Operator(Operator::In)).is_some() => {
                let value = stack.pop()?;
                Cow::Owned(truth(json::holds(attributes, name, &value)?))
            }
            Step::Field(name) => Cow::Owned(json::member(attributes, name)?),
            Step::Operator(Operator::Not) => {
                let value = stack.pop()?;
                Cow::Owned(truth(!value.is_true()))
            }
            Step::Operator(operator) => {
                let right = stack.pop()?;
                let left = stack.pop()?;
                Cow::Owned(apply(*operator, &left, &right))
            }
        };
        stack.push(value);
    }
    stack.pop().map(Cow::into_owned)
}

fn truth(value: bool) -> Value<'static> {
    Value::Number(if value { 1.0 } else { 0.0 })
}

fn apply(operator: Operator, left: &Value<'_>, right: &Value<'_>) -> Value<'static> {
    let numbers = || (left.number(), right.number());
    let compare = |holds: fn(&f64, &f64) -> bool| truth(holds(&left.number(), &right.number()));
    let ((a, b), calculated) = match operator {
        Operator::Or => return truth(left.is_true() || right.is_true()),
        Operator::And => return truth(left.is_true() && right.is_true()),
        Operator::Greater => return compare(f64::gt),
        Operator::GreaterOrEqual => return compare(f64::ge),
        Operator::Less => return compare(f64::lt),
        Operator::LessOrEqual => return compare(f64::le),
        Operator::Equal => return truth(left.equals(right)),
        Operator::Unequal => return truth(!left.equals(right)),
        Operator::In => return truth(left.is_in(right)),
        Operator::Add => (numbers(), (|a, b| a + b) as fn(f64, f64) -> f64),
        Operator::Subtract => (numbers(), (|a, b| a - b) as fn(f64, f64) -> f64),
        Operator::Multiply => (numbers(), (|a, b| a * b) as fn(f64, f64) -> f64),
        Operator::Divide => (numbers(), (|a, b| a / b) as fn(f64, f64) -> f64),
        Operator::Remainder => (numbers(), (|a, b| a % b) as fn(f64, f64) -> f64),
        Operator::Power => (numbers(), f64::powf as fn(f64, f64) -> f64),
        Operator::Open | Operator::Close | Operator::Not => {
            unreachable!("steps have no brackets, and what takes one value is apart")
        }
    };
    Value::Number(calculated(a, b))
}

impl Value<'_> {
    /// Whether it counts as true.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Number(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(_) => true,
            Self::Null => false,
        }
    }

    /// As a number: a text that is none counts as 0, as does whatever is no text.
    fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) => number::whole(text).unwrap_or(0.0),
            Self::List(_) | Self::Null => 0.0,
        }
    }

    /// Texts are equal by their bytes, other values as numbers; nothing is equal only to nothing.
    pub(super) fn equals(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (Self::Text(a), Value::Text(b)) => a == b,
            (Self::Null, other) => *other == Value::Null,
            (_, Value::Null) => false,
            _ => self.number() == other.number(),
        }
    }

    /// Whether it is one of a list, or a part of a text.
    pub(super) fn is_in(&self, other: &Value<'_>) -> bool {
        match (self, other) {
            (_, Value::List(values)) => values.iter().any(|value| self.equals(value)),
            (Self::Text(part), Value::Text(text)) => {
                part.is_empty() || text.windows(part.len()).any(|window| window == part.as_ref())
            }
            _ => false,
        }
    }
}
