//! Programs: an expression in the order in which it is evaluated, on a stack.

use super::Row;
use super::error::ExpressionError;
use super::functions::{self, Function};
use crate::value::Value;

type Result<T> = std::result::Result<T, ExpressionError>;

/// One step.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// Pushes a constant.
    Constant(Value),
    /// Pushes the value of a column; its name for errors.
    Column(usize, String),
    /// Pushes whether a column has a value.
    Exists(usize),
    /// Replaces the value on top by whether it is true.
    ToBoolean,
    Not,
    /// If the value on top is false (`&&`) or true (`||`), leaves that and goes on at a step; else drops it.
    Jump {
        is_and: bool,
        to: usize,
    },
    /// Drops the value on top and goes on at a step if it is false.
    Unless(usize),
    /// Goes on at a step.
    Goto(usize),
    /// Replaces the two values on top.
    Binary(Binary),
    /// Replaces so many values on top.
    Call(Function, usize),
}

/// An operator of two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A program whose columns are not known yet: they are numbers of its names.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    ops: Vec<Op>,
    names: Vec<String>,
}

impl Draft {
    pub(super) fn len(&self) -> usize {
        self.ops.len()
    }

    pub(super) fn push(&mut self, op: Op) {
        self.ops.push(op);
    }

    pub(super) fn constant(&mut self, value: Value) {
        self.push(Op::Constant(value));
    }

    pub(super) fn property(&mut self, name: &str) {
        self.names.push(name.to_owned());
        self.push(Op::Column(self.names.len() - 1, name.to_owned()));
    }

    /// Begins what `&&` or `||` jumps over; [`Draft::land`] ends it.
    pub(super) fn jump(&mut self, is_and: bool) -> usize {
        self.push(Op::Jump { is_and, to: 0 });
        self.ops.len() - 1
    }

    pub(super) fn land(&mut self, jump: usize) {
        let end = self.ops.len();
        if let Some(Op::Jump { to, .. } | Op::Unless(to) | Op::Goto(to)) = self.ops.get_mut(jump) {
            *to = end;
        }
    }

    /// Writes a step that is not known to go anywhere yet; [`Draft::land`] tells it.
    pub(super) fn leap(&mut self, op: Op) -> usize {
        self.push(op);
        self.ops.len() - 1
    }

    /// Forgets what was written from a step on.
    pub(super) fn forget(&mut self, start: usize) {
        self.ops.truncate(start);
    }

    /// Makes `exists` of the argument that was written from a step on. What is not just a column has a value if it has no error.
    pub(super) fn exists(&mut self, start: usize) {
        if let [Op::Column(column, _)] = self.ops[start..] {
            self.ops.truncate(start);
            self.push(Op::Exists(column));
            return;
        }
        self.push(Op::Call(Function::Exists, 1));
    }

    /// Finds the columns of the names.
    pub(super) fn bind(mut self, mut column: impl FnMut(&str) -> Option<usize>) -> Result<Program> {
        let mut columns = Vec::with_capacity(self.names.len());
        for name in &self.names {
            columns.push(column(name).ok_or_else(|| ExpressionError::UnknownProperty(name.clone()))?);
        }
        for op in &mut self.ops {
            if let Op::Column(number, _) | Op::Exists(number) = op {
                *number = columns[*number];
            }
        }
        Ok(Program { ops: self.ops })
    }
}

/// A program.
#[derive(Clone, Debug)]
pub(super) struct Program {
    ops: Vec<Op>,
}

impl Program {
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> {
        self.ops.iter().filter_map(|op| match op {
            Op::Column(column, _) | Op::Exists(column) => Some(*column),
            _ => None,
        })
    }

    /// What it does last.
    pub(super) fn summary(&self) -> String {
        let end = self.ops.len();
        let jump = self.ops.iter().rev().find_map(|op| match op {
            Op::Jump { is_and, to } if *to == end => Some(if *is_and { "&&" } else { "||" }),
            _ => None,
        });
        match (jump, self.ops.last()) {
            (Some(jump), _) => format!("Predicate {jump}"),
            (_, Some(Op::Binary(binary))) => binary.summary().to_owned(),
            (_, Some(Op::Column(_, name))) => format!("Property {name}"),
            (_, Some(Op::Not)) => "Inverted".to_owned(),
            (_, Some(Op::Constant(value))) => {
                format!("Literal {}", String::from_utf8_lossy(&value.to_text()))
            }
            (_, Some(Op::Exists(_))) => "Function exists".to_owned(),
            (_, Some(Op::Call(function, _))) => format!("Function {}", functions::name(*function)),
            (_, Some(Op::ToBoolean | Op::Jump { .. } | Op::Unless(_) | Op::Goto(_)) | None) => {
                "Function case".to_owned()
            }
        }
    }

    pub(super) fn run<R: Row + ?Sized>(&self, row: &R) -> Result<Value> {
        let mut stack = Vec::with_capacity(8);
        let mut at = 0;
        while let Some(op) = self.ops.get(at) {
            at += 1;
            match op {
                Op::Constant(value) => stack.push(value.clone()),
                Op::Column(column, name) => match row.value(*column) {
                    Some(value) => stack.push(value.clone().plain()),
                    None => return Err(ExpressionError::NoValue(name.clone())),
                },
                Op::Exists(column) => stack.push(Value::boolean(row.value(*column).is_some())),
                Op::ToBoolean => {
                    let value = pop(&mut stack);
                    stack.push(Value::boolean(value.to_boolean()));
                }
                Op::Not => {
                    let value = pop(&mut stack);
                    stack.push(Value::boolean(!value.to_boolean()));
                }
                Op::Jump { is_and, to } => {
                    let is_true = pop(&mut stack).to_boolean();
                    if is_true != *is_and {
                        stack.push(Value::boolean(is_true));
                        at = *to;
                    }
                }
                Op::Unless(to) => {
                    if !pop(&mut stack).to_boolean() {
                        at = *to;
                    }
                }
                Op::Goto(to) => at = *to,
                Op::Binary(binary) => {
                    let right = pop(&mut stack);
                    let left = pop(&mut stack);
                    stack.push(binary.apply(&left, &right)?);
                }
                Op::Call(function, argument_count) => {
                    let arguments = stack.split_off(stack.len() - argument_count);
                    stack.push(functions::call(*function, &arguments, row.matched_terms())?);
                }
            }
        }
        Ok(pop(&mut stack))
    }
}

fn pop(stack: &mut Vec<Value>) -> Value {
    stack.pop().expect("the parser writes as many values as its operators take")
}

impl Binary {
    fn apply(self, left: &Value, right: &Value) -> Result<Value> {
        match self {
            Self::Add | Self::Subtract | Self::Multiply | Self::Divide | Self::Modulo | Self::Power => {
                let left = left.to_number().ok_or(ExpressionError::NotANumber)?;
                let right = right.to_number().ok_or(ExpressionError::NotANumber)?;
                Ok(Value::Number(self.compute(left, right)))
            }
            _ => self.holds(left, right).map(Value::boolean),
        }
    }

    fn summary(self) -> &'static str {
        match self {
            Self::Add => "Operator +",
            Self::Subtract => "Operator -",
            Self::Multiply => "Operator *",
            Self::Divide => "Operator /",
            Self::Modulo => "Operator %",
            Self::Power => "Operator ^",
            Self::Equal => "Predicate ==",
            Self::NotEqual => "Predicate !=",
            Self::Less => "Predicate <",
            Self::LessOrEqual => "Predicate <=",
            Self::Greater => "Predicate >",
            Self::GreaterOrEqual => "Predicate >=",
        }
    }

    fn compute(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide if right == 0.0 => f64::NAN,
            Self::Divide => left / right,
            Self::Modulo => modulo(left, right),
            _ => left.powf(right),
        }
    }

    fn holds(self, left: &Value, right: &Value) -> Result<bool> {
        let (order, not_a_number) = left.compare(right);
        if let Some(text) = not_a_number
            && !matches!(self, Self::Equal | Self::NotEqual)
        {
            return Err(ExpressionError::NotComparable(String::from_utf8_lossy(&text).into_owned()));
        }
        Ok(match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            _ => order.is_ge(),
        })
    }
}

/// The rest of a division of whole numbers: fractions are cut, and what has no 64 bits is the least number.
#[expect(clippy::cast_precision_loss, reason = "the result is a number of expressions")]
fn modulo(left: f64, right: f64) -> f64 {
    match whole(right) {
        0 => f64::NAN,
        divisor => whole(left).checked_rem(divisor).unwrap_or(0) as f64,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(value: f64) -> i64 {
    let range = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;
    if range.contains(&value) { value as i64 } else { i64::MIN }
}
