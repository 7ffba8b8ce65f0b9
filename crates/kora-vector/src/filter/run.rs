//! Running the steps of a filter.

use super::value::Value;
use super::{Filter, Operator, Step, json};

/// Values on a stack that takes no allocation.
const FEW: usize = 8;

/// Runs a filter for these attributes; `None` if one that is named is not there.
pub(super) fn run<'a>(filter: &'a Filter, attributes: &'a [u8]) -> Option<Value<'a>> {
    let mut few = [Value::Null; FEW];
    if filter.depth <= FEW {
        return run_on(&mut few, &filter.steps, attributes);
    }
    run_on(&mut vec![Value::Null; filter.depth], &filter.steps, attributes)
}

/// Runs steps on a stack that is as high as they need.
fn run_on<'a>(stack: &mut [Value<'a>], steps: &'a [Step], attributes: &'a [u8]) -> Option<Value<'a>> {
    let mut height = 0;
    let mut steps = steps.iter().peekable();
    while let Some(step) = steps.next() {
        let value = match step {
            Step::Constant(constant) => constant.value(),
            Step::Field(name) if steps.next_if_eq(&&Step::Operator(Operator::In)).is_some() => {
                height -= 1;
                truth(json::holds(attributes, name, stack[height])?)
            }
            Step::Field(name) => json::member(attributes, name)?,
            Step::Operator(Operator::Not) => {
                height -= 1;
                truth(!stack[height].is_true())
            }
            Step::Operator(operator) => {
                height -= 2;
                apply(*operator, stack[height], stack[height + 1])
            }
        };
        stack[height] = value;
        height += 1;
    }
    stack.first().copied()
}

fn truth(value: bool) -> Value<'static> {
    Value::Number(if value { 1.0 } else { 0.0 })
}

fn apply(operator: Operator, left: Value<'_>, right: Value<'_>) -> Value<'static> {
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
