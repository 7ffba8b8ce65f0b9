//! The words of an expression.

use super::compile::Operator;
use super::value::Constant;
use super::{Binary, Calculation, Comparison, number};

/// Operators by how they are written; of two that fit, the longer one is meant.
const OPERATORS: [(&[u8], Operator); 20] = [
    (b"(", Operator::Open),
    (b")", Operator::Close),
    (b"||", Operator::Binary(Binary::Or)),
    (b"or", Operator::Binary(Binary::Or)),
    (b"&&", Operator::Binary(Binary::And)),
    (b"and", Operator::Binary(Binary::And)),
    (b">", Operator::Binary(Binary::Compare(Comparison::Greater))),
    (b">=", Operator::Binary(Binary::Compare(Comparison::GreaterOrEqual))),
    (b"<", Operator::Binary(Binary::Compare(Comparison::Less))),
    (b"<=", Operator::Binary(Binary::Compare(Comparison::LessOrEqual))),
    (b"==", Operator::Binary(Binary::Compare(Comparison::Equal))),
    (b"!=", Operator::Binary(Binary::Compare(Comparison::Unequal))),
    (b"in", Operator::Binary(Binary::In)),
    (b"+", Operator::Binary(Binary::Calculate(Calculation::Add))),
    (b"-", Operator::Binary(Binary::Calculate(Calculation::Subtract))),
    (b"*", Operator::Binary(Binary::Calculate(Calculation::Multiply))),
    (b"/", Operator::Binary(Binary::Calculate(Calculation::Divide))),
    (b"%", Operator::Binary(Binary::Calculate(Calculation::Remainder))),
    (b"**", Operator::Binary(Binary::Calculate(Calculation::Power))),
    (b"!", Operator::Not),
];

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Constant(Constant),
    Field(Box<[u8]>),
    Operator(Operator),
}

/// Reads words one by one; an error is the place that it is at.
pub(super) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether the last word was a value, so that a minus sign is an operator.
    is_behind_value: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, is_behind_value: false }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace() || byte == 0x0b) {
            self.at += 1;
        }
    }

    fn take_while(&mut self, is_in: impl Fn(u8) -> bool) -> &'a [u8] {
        let from = self.at;
        while self.peek().is_some_and(&is_in) {
            self.at += 1;
        }
        &self.text[from..self.at]
    }

    /// The next word; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token>, usize> {
        self.skip_spaces();
        let Some(first) = self.peek() else { return Ok(None) };
        let is_minus = first == b'-'
            && !self.is_behind_value
            && self.text.get(self.at + 1).is_some_and(u8::is_ascii_digit);
        let token = match first {
            b'.' => {
                self.at += 1;
                let name = self.take_while(is_of_name);
                if name.is_empty() && self.at < self.text.len() {
                    return Err(self.at - 1);
                }
                Token::Field(name.into())
            }
            b'[' => Token::Constant(self.list()?),
            _ if is_minus || first.is_ascii_digit() || matches!(first, b'"' | b'\'') => {
                Token::Constant(self.scalar()?)
            }
            _ if self.takes_null() => Token::Constant(Constant::Null),
            _ => Token::Operator(self.operator()?),
        };
        self.is_behind_value = !matches!(token, Token::Operator(operator) if operator != Operator::Close);
        Ok(Some(token))
    }

    /// A number or a string.
    fn scalar(&mut self) -> Result<Constant, usize> {
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.string(quote),
            Some(b'0'..=b'9' | b'-') => self.number(),
            _ => Err(self.at),
        }
    }

    /// Passes over `null`, which ends where no letter and no sign of an operator follows.
    fn takes_null(&mut self) -> bool {
        let from = self.at;
        let is_null = self.take_while(is_of_word) == b"null";
        if !is_null {
            self.at = from;
        }
        is_null
    }

    fn number(&mut self) -> Result<Constant, usize> {
        // A sign stands in front only: Redis reads none of an exponent here.
        let is_of_number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E');
        let mut is_first = true;
        let (number, value) = number::leading(&self.text[self.at..], |byte| {
            let is_sign = std::mem::take(&mut is_first) && byte == b'-';
            is_sign || is_of_number(byte)
        });
        self.at += number.len();
        let is_whole = !self.peek().is_some_and(is_of_number);
        value.filter(|_| is_whole).map(Constant::Number).ok_or(self.at)
    }

    fn string(&mut self, quote: u8) -> Result<Constant, usize> {
        let from = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(byte) if byte == quote => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err(self.text.len()),
            }
        }
        let text = self.text[from + 1..self.at].to_vec();
        self.at += 1;
        Ok(Constant::Text(text))
    }

    /// Constants in brackets, with commas between them.
    fn list(&mut self) -> Result<Constant, usize> {
        let mut values = Vec::new();
        self.at += 1;
        loop {
            self.skip_spaces();
            if self.peek() == Some(b']') {
                break;
            }
            values.push(self.scalar()?);
            self.skip_spaces();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.at),
            }
        }
        self.at += 1;
        Ok(Constant::List(values))
    }

    fn operator(&mut self) -> Result<Operator, usize> {
        let rest = &self.text[self.at..];
        let word = if rest.starts_with(b"not") { 3 } else { 0 };
        let fitting = OPERATORS.iter().filter(|(written, _)| rest.starts_with(written));
        let longest = fitting.max_by_key(|(written, _)| written.len());
        match longest {
            Some((written, operator)) if written.len() >= word => {
                self.at += written.len();
                Ok(*operator)
            }
            _ if word > 0 => {
                self.at += word;
                Ok(Operator::Not)
            }
            _ => {
                self.take_while(is_of_word);
                Err(self.at)
            }
        }
    }
}

/// Whether a byte may stand in an operator, or in what is taken for one.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || b"+-*/%!()<>=|&".contains(&byte)
}

/// Whether a byte may stand in the name of an attribute.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}
