//! The grammar of expressions, which writes the program as it goes.
//!
//! ```text
//! logic   = inverse { ("&&" | "||") inverse }
//! inverse = "!" inverse | compare
//! compare = sum { ("==" | "!=" | "<" | "<=" | ">" | ">=") sum }
//! sum     = product { ("+" | "-") product }
//! product = atom { ("*" | "/" | "%" | "^") atom }
//! atom    = number | "-" number | text | @name | NULL | name "(" [ logic { "," logic } ] ")" | "(" logic ")" | "!" inverse
//! ```

use super::DEPTH_MAX;
use super::error::ExpressionError;
use super::functions::{self, Function};
use super::lexer::{Kind, Lexer, Token};
use super::program::{Binary, Draft, Op};
use crate::number::leading_number;
use crate::value::Value;

type Result<T> = std::result::Result<T, ExpressionError>;

/// Parses a text to its end.
pub(super) fn parse(text: &str) -> Result<Draft> {
    let mut lexer = Lexer::new(text);
    let current = lexer.next();
    let mut parser =
        Parser { lexer, current, near: current.text, depth: 0, draft: Draft::default(), bad: None };
    parser.logic()?;
    if parser.current.kind != Kind::End {
        return Err(parser.unexpected());
    }
    match parser.bad {
        Some(Bad { error, operand_of: None }) => Err(error),
        Some(Bad { operand_of: Some(operator), .. }) => Err(ExpressionError::BadOperand(operator)),
        None => Ok(parser.draft),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    current: Token<'a>,
    /// The last word up to the current piece, for errors.
    near: &'a str,
    depth: usize,
    draft: Draft,
    /// A word that means nothing, just before the current piece.
    bad: Option<Bad>,
}

/// A word that means nothing. It is reported when a piece follows that the grammar admits.
struct Bad {
    error: ExpressionError,
    /// The kind of operator whose right operand it is.
    operand_of: Option<&'static str>,
}

impl<'a> Parser<'a> {
    /// Takes the current piece.
    fn take(&mut self) -> Result<Token<'a>> {
        if let Some(bad) = self.bad.take() {
            return Err(bad.error);
        }
        let taken = self.current;
        self.current = self.lexer.next();
        if !self.current.text.is_empty() {
            self.near = self.current.text;
        }
        Ok(taken)
    }

    fn unexpected(&mut self) -> ExpressionError {
        let also = self.bad.take().map(|bad| Box::new(bad.error));
        ExpressionError::Syntax { offset: self.current.offset, near: self.near.to_owned(), also }
    }

    fn expect(&mut self, kind: Kind) -> Result<()> {
        if self.current.kind == kind { self.take().map(drop) } else { Err(self.unexpected()) }
    }

    fn nested(&mut self, parse: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.depth == DEPTH_MAX {
            return Err(ExpressionError::TooDeep);
        }
        self.depth += 1;
        parse(self)?;
        self.depth -= 1;
        Ok(())
    }

    /// What stands behind an operator.
    fn right(&mut self, operator: &'static str, parse: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        parse(self)?;
        if let Some(bad) = &mut self.bad {
            bad.operand_of = Some(operator);
        }
        Ok(())
    }

    fn logic(&mut self) -> Result<()> {
        self.inverse()?;
        loop {
            let is_and = match self.current.kind {
                Kind::And => true,
                Kind::Or => false,
                _ => return Ok(()),
            };
            self.take()?;
            let jump = self.draft.jump(is_and);
            self.right("pred", Self::inverse)?;
            self.draft.push(Op::ToBoolean);
            self.draft.land(jump);
        }
    }

    fn inverse(&mut self) -> Result<()> {
        if self.current.kind != Kind::Not {
            return self.compare();
        }
        self.take()?;
        self.nested(Self::inverse)?;
        self.draft.push(Op::Not);
        Ok(())
    }

    /// Operands of one level, with operators between them.
    fn level(
        &mut self,
        kind_of_operator: &'static str,
        operand: fn(&mut Self) -> Result<()>,
        operator: fn(Kind) -> Option<Binary>,
    ) -> Result<()> {
        operand(self)?;
        while let Some(binary) = operator(self.current.kind) {
            self.take()?;
            self.right(kind_of_operator, operand)?;
            self.draft.push(Op::Binary(binary));
        }
        Ok(())
    }

    fn compare(&mut self) -> Result<()> {
        self.level("pred", Self::sum, |kind| {
            Some(match kind {
                Kind::Equal => Binary::Equal,
                Kind::NotEqual => Binary::NotEqual,
                Kind::Less => Binary::Less,
                Kind::LessOrEqual => Binary::LessOrEqual,
                Kind::Greater => Binary::Greater,
                Kind::GreaterOrEqual => Binary::GreaterOrEqual,
                _ => return None,
            })
        })
    }

    fn sum(&mut self) -> Result<()> {
        self.level("op", Self::product, |kind| {
            Some(match kind {
                Kind::Plus => Binary::Add,
                Kind::Minus => Binary::Subtract,
                _ => return None,
            })
        })
    }

    fn product(&mut self) -> Result<()> {
        self.level("op", Self::atom, |kind| {
            Some(match kind {
                Kind::Times => Binary::Multiply,
                Kind::Divide => Binary::Divide,
                Kind::Modulo => Binary::Modulo,
                Kind::Power => Binary::Power,
                _ => return None,
            })
        })
    }

    fn atom(&mut self) -> Result<()> {
        match self.current.kind {
            Kind::Number => {
                let number = leading_number(self.take()?.text).0;
                self.draft.constant(Value::Number(number));
            }
            Kind::Minus => {
                self.take()?;
                if self.current.kind != Kind::Number {
                    return Err(self.unexpected());
                }
                let number = leading_number(self.take()?.text).0;
                self.draft.constant(Value::Number(-number));
            }
            Kind::Text => {
                let quoted = self.take()?.text;
                self.draft.constant(Value::text(unescape(&quoted[1..quoted.len() - 1])));
            }
            Kind::Property => {
                let name = self.take()?.text;
                self.draft.property(&unescape(name));
            }
            Kind::LeftParen => {
                self.take()?;
                self.nested(Self::logic)?;
                self.expect(Kind::RightParen)?;
            }
            Kind::Not => self.inverse()?,
            Kind::Symbol => return self.symbol(),
            _ => return Err(self.unexpected()),
        }
        Ok(())
    }

    /// NULL, or a call.
    fn symbol(&mut self) -> Result<()> {
        let name = self.take()?.text;
        if self.current.kind != Kind::LeftParen {
            self.draft.constant(Value::Null);
            if name != "NULL" {
                let error = ExpressionError::UnknownSymbol(name.to_owned());
                self.bad = Some(Bad { error, operand_of: None });
            }
            return Ok(());
        }
        self.take()?;
        let start = self.draft.len();
        let function = functions::find(name);
        let argument_count =
            if function == Some(Function::Case) { self.case(start)? } else { self.arguments(|_, _| ())? };
        match function {
            Some(Function::Case) if argument_count == 3 => (),
            Some(Function::Exists) if argument_count == 1 => self.draft.exists(start),
            Some(function) => self.draft.push(Op::Call(function, argument_count)),
            None => {
                self.draft.constant(Value::Null);
                let error = ExpressionError::UnknownFunction(name.to_owned());
                self.bad = Some(Bad { error, operand_of: None });
            }
        }
        Ok(())
    }

    /// Arguments and the parenthesis behind them; `after` is told of each one, from 1.
    fn arguments(&mut self, mut after: impl FnMut(&mut Draft, usize)) -> Result<usize> {
        let mut count = 0;
        if self.current.kind != Kind::RightParen {
            // RediSearch admits a comma before the first argument.
            if self.current.kind == Kind::Comma {
                self.take()?;
            }
            loop {
                self.nested(Self::logic)?;
                count += 1;
                after(&mut self.draft, count);
                if self.current.kind != Kind::Comma {
                    break;
                }
                self.take()?;
            }
        }
        self.expect(Kind::RightParen)?;
        Ok(count)
    }

    /// `case(condition, one, other)`, of which only one is evaluated. Another number of arguments is written as a call of none.
    fn case(&mut self, start: usize) -> Result<usize> {
        let mut leaps = (0, 0);
        let count = self.arguments(|draft, count| match count {
            1 => leaps.0 = draft.leap(Op::Unless(0)),
            2 => {
                leaps.1 = draft.leap(Op::Goto(0));
                draft.land(leaps.0);
            }
            3 => draft.land(leaps.1),
            _ => (),
        })?;
        if count == 3 {
            return Ok(count);
        }
        self.draft.forget(start);
        Ok(0)
    }
}

/// A text without the backslashes before punctuation.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let escaped = rest.next_if(|next| character == '\\' && next.is_ascii_punctuation());
        plain.push(escaped.unwrap_or(character));
    }
    plain
}
