//! From an expression to steps for a stack, by precedence (Dijkstra's shunting yard).

use super::token::{Token, Tokens};
use super::value::Constant;
use super::{BYTES_MAX, Binary, Calculation, Filter, FilterError, Step};

/// What stands between and around values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Open,
    Close,
    Not,
    Binary(Binary),
}

impl Operator {
    /// How tightly it binds.
    fn precedence(self) -> u8 {
        match self {
            Self::Open | Self::Close => 7,
            Self::Not => 6,
            Self::Binary(binary) => match binary {
                Binary::Or => 0,
                Binary::And => 1,
                Binary::Compare(_) | Binary::In => 2,
                Binary::Calculate(Calculation::Add | Calculation::Subtract) => 3,
                Binary::Calculate(Calculation::Multiply | Calculation::Divide | Calculation::Remainder) => 4,
                Binary::Calculate(Calculation::Power) => 5,
            },
        }
    }

    /// Whether this one, which stands before `next`, is to run before it.
    fn runs_before(self, next: Self) -> bool {
        let is_from_the_right = next == Self::Binary(Binary::Calculate(Calculation::Power));
        self.precedence() > next.precedence() || self.precedence() == next.precedence() && !is_from_the_right
    }

    /// The step that it is, and how many values that takes from the stack; none of a bracket.
    fn step(self) -> Option<(Step, usize)> {
        match self {
            Self::Open | Self::Close => None,
            Self::Not => Some((Step::Not, 1)),
            Self::Binary(binary) => Some((Step::Binary(binary), 2)),
        }
    }
}

/// Steps, and how many values they leave on the stack so far.
#[derive(Default)]
struct Program {
    steps: Vec<Step>,
    depth: usize,
    deepest: usize,
}

impl Program {
    fn value(&mut self, step: Step) {
        self.steps.push(step);
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
    }

    /// `None` if there are not enough values, or if it is a bracket that nothing closes.
    fn operator(&mut self, operator: Operator) -> Option<()> {
        let (step, operands) = operator.step()?;
        self.depth = self.depth.checked_sub(operands)? + 1;
        self.steps.push(step);
        Some(())
    }
}

pub(super) fn compile(expression: &[u8]) -> Result<Filter, FilterError> {
    let whole = || FilterError { near: expression.to_vec() };
    if expression.len() > BYTES_MAX {
        return Err(FilterError { near: expression[..64].to_vec() });
    }
    let mut tokens = Tokens::new(expression);
    let mut read = Vec::new();
    loop {
        match tokens.next() {
            Ok(Some(token)) => read.push(token),
            Ok(None) => break,
            Err(at) if at < expression.len() => {
                return Err(FilterError { near: expression[at..].to_vec() });
            }
            Err(_) => return Err(whole()),
        }
    }
    arrange(read).ok_or_else(whole)
}

/// Puts words in the order of a stack; `None` if they do not fit each other.
fn arrange(tokens: Vec<Token>) -> Option<Filter> {
    let mut program = Program::default();
    let mut waiting: Vec<Operator> = Vec::new();
    for token in tokens {
        match token {
            Token::Constant(value) => program.value(Step::Constant(value)),
            Token::Field(name) => program.value(Step::Field(name)),
            Token::Operator(Operator::Open) => waiting.push(Operator::Open),
            Token::Operator(Operator::Close) => loop {
                match waiting.pop()? {
                    Operator::Open => break,
                    operator => program.operator(operator)?,
                }
            },
            Token::Operator(next) => {
                while let Some(last) = waiting.last()
                    && *last != Operator::Open
                    && last.runs_before(next)
                {
                    program.operator(*last)?;
                    waiting.pop();
                }
                waiting.push(next);
            }
        }
    }
    while let Some(operator) = waiting.pop() {
        program.operator(operator)?;
    }
    let Program { steps, depth, deepest } = program;
    (depth == 1).then(|| Filter { steps: join(steps), depth: deepest })
}

/// Makes one step of an attribute, a number and what compares them.
fn join(steps: Vec<Step>) -> Vec<Step> {
    let mut joined: Vec<Step> = Vec::with_capacity(steps.len());
    for step in steps {
        if let Step::Binary(Binary::Compare(comparison)) = step
            && let [.., Step::Field(name), Step::Constant(Constant::Number(number))] = &mut joined[..]
        {
            let step = Step::CompareField(std::mem::take(name), *number, comparison);
            joined.truncate(joined.len() - 2);
            joined.push(step);
        } else {
            joined.push(step);
        }
    }
    joined
}
