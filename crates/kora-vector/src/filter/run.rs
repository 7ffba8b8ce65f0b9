//! Running the steps of a filter.

use super::value::Value;
use super::{Binary, Calculation, Comparison, Filter, Step, json};

/// Values on a stack that takes no allocation.
const FEW: usize = 8;

/// Whether a filter lets these attributes through; `None` if one that is named is not there.
pub(super) fn run(filter: &Filter, attributes: &[u8]) -> Option<bool> {
    if let [Step::CompareField(name, number, comparison)] = &filter.steps[..] {
        return compare_field(attributes, name, *number, *comparison);
    }
    let mut few = [Value::Null; FEW];
    if filter.depth <= FEW {
        return run_on(&mut few, &filter.steps, attributes);
    }
    run_on(&mut vec![Value::Null; filter.depth], &filter.steps, attributes)
}

/// Compares an attribute with a number.
#[inline]
fn compare_field(attributes: &[u8], name: &[u8], number: f64, comparison: Comparison) -> Option<bool> {
    json::compares(
        attributes,
        name,
        |one| holds(comparison, one, number),
        |value| compare(comparison, value, Value::Number(number)),
    )
}

/// Whether that is so of two numbers.
#[inline]
fn holds(comparison: Comparison, one: f64, other: f64) -> bool {
    match comparison {
        Comparison::Greater => one > other,
        Comparison::GreaterOrEqual => one >= other,
        Comparison::Less => one < other,
        Comparison::LessOrEqual => one <= other,
        Comparison::Equal => one == other,
        Comparison::Unequal => one != other,
    }
}

/// Runs steps on a stack that is as high as they need.
fn run_on<'a>(stack: &mut [Value<'a>], steps: &'a [Step], attributes: &'a [u8]) -> Option<bool> {
    let mut height = 0;
    let mut steps = steps.iter().peekable();
    while let Some(step) = steps.next() {
        let value = match step {
            Step::Constant(constant) => constant.value(),
            Step::Field(name) if steps.next_if_eq(&&Step::Binary(Binary::In)).is_some() => {
                height -= 1;
                truth(json::holds(attributes, name, stack[height])?)
            }
            Step::Field(name) => json::member(attributes, name)?,
            Step::CompareField(name, number, comparison) => {
                truth(compare_field(attributes, name, *number, *comparison)?)
            }
            Step::Not => {
                height -= 1;
                truth(!stack[height].is_true())
            }
            Step::Binary(binary) => {
                height -= 2;
                apply(*binary, stack[height], stack[height + 1])
            }
        };
        stack[height] = value;
        height += 1;
    }
    stack.first().map(|value| value.is_true())
}

fn truth(value: bool) -> Value<'static> {
    Value::Number(if value { 1.0 } else { 0.0 })
}

fn apply(binary: Binary, left: Value<'_>, right: Value<'_>) -> Value<'static> {
    match binary {
        Binary::Or => truth(left.is_true() | right.is_true()),
        Binary::And => truth(left.is_true() & right.is_true()),
        Binary::In => truth(left.is_in(right)),
        Binary::Compare(comparison) => truth(compare(comparison, left, right)),
        Binary::Calculate(calculation) => {
            Value::Number(calculate(calculation, left.number(), right.number()))
        }
    }
}

/// Whether that is so of two values: what is equal need not be numbers.
fn compare(comparison: Comparison, left: Value<'_>, right: Value<'_>) -> bool {
    match comparison {
        Comparison::Equal => left.equals(right),
        Comparison::Unequal => !left.equals(right),
        _ => holds(comparison, left.number(), right.number()),
    }
}

fn calculate(calculation: Calculation, left: f64, right: f64) -> f64 {
    match calculation {
        Calculation::Add => left + right,
        Calculation::Subtract => left - right,
        Calculation::Multiply => left * right,
        Calculation::Divide => left / right,
        Calculation::Remainder => left % right,
        Calculation::Power => left.powf(right),
    }
}
