//! From an expression to steps for a stack, by precedence (Dijkstra's shunting yard).

use super::token::{Token, Tokens};
use super::{BYTES_MAX, Filter, FilterError, Operator, Step};

impl Operator {
    /// How tightly it binds.
    fn precedence(self) -> u8 {
        match self {
            Self::Open | Self::Close => 7,
            Self::Or => 0,
            Self::And => 1,
            Self::Greater
            | Self::GreaterOrEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Equal
            | Self::Unequal
            | Self::In => 2,
            Self::Add | Self::Subtract => 3,
            Self::Multiply | Self::Divide | Self::Remainder => 4,
            Self::Power => 5,
            Self::Not => 6,
        }
    }

    /// How many values it takes from the stack.
    fn operands(self) -> usize {
        if self == Self::Not { 1 } else { 2 }
    }

    /// Whether this one, which stands before `next`, is to run before it.
    fn runs_before(self, next: Self) -> bool {
        let is_from_the_right = next == Self::Power;
        self.precedence() > next.precedence() || self.precedence() == next.precedence() && !is_from_the_right
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

    /// `None` if there are not enough values.
    fn operator(&mut self, operator: Operator) -> Option<()> {
        self.depth = self.depth.checked_sub(operator.operands())? + 1;
        self.steps.push(Step::Operator(operator));
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
        if operator == Operator::Open {
            return None;
        }
        program.operator(operator)?;
    }
    let Program { steps, depth, deepest } = program;
    (depth == 1).then_some(Filter { steps, depth: deepest })
}
