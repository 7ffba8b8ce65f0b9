//! From words to a tree, by recursive descent. Its depth is limited.

use kora_index::scalar::{Class, Scalar};

use super::lexer::{Placed, QuoteError, Token, tokens};
use super::{BYTES_MAX, Comparison, Condition, DEPTH_MAX, Literal, TERMS_MAX, Term, Test};
use crate::path::{Path, PathError};

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// Too many bytes.
    #[error("ERR the condition has more than {BYTES_MAX} bytes")]
    TooLong,
    /// Too many parts in each other.
    #[error("ERR the condition is nested more than {DEPTH_MAX} deep")]
    TooDeep,
    /// Too many tests.
    #[error("ERR the condition has more than {TERMS_MAX} tests: `IN` takes any number of values")]
    TooManyTerms,
    /// Not UTF-8.
    #[error("ERR the condition is not UTF-8")]
    NotText,
    /// Something that is no word.
    #[error("ERR syntax error in the condition at byte {0}: {1}")]
    Word(usize, QuoteError),
    /// Something else was to stand at a place.
    #[error("ERR syntax error in the condition at byte {0}: {1} expected")]
    Expected(usize, &'static str),
    /// What is no path at a place.
    #[error("ERR syntax error in the condition at byte {0}: {1}")]
    Path(usize, PathError),
    /// `null` compared by order.
    #[error("ERR syntax error in the condition at byte {0}: null is neither less nor greater than anything")]
    NullOrder(usize),
}

const KEYWORDS: [&str; 9] = ["AND", "OR", "NOT", "IN", "EXISTS", "CONTAINS", "STARTSWITH", "TRUE", "FALSE"];
const NULL: &str = "NULL";

pub(super) fn parse(text: &[u8]) -> Result<Condition, ConditionError> {
    if text.len() > BYTES_MAX {
        return Err(ConditionError::TooLong);
    }
    let text = std::str::from_utf8(text).map_err(|_| ConditionError::NotText)?;
    let tokens = tokens(text).map_err(|(at, error)| ConditionError::Word(at, error))?;
    let mut parser = Parser { text, tokens: &tokens, terms: 0 };
    let condition = parser.any(0)?;
    if parser.tokens.is_empty() { Ok(condition) } else { Err(parser.expected("AND, OR or the end")) }
}

struct Parser<'t> {
    text: &'t str,
    /// Those to come.
    tokens: &'t [Placed],
    /// Tests read so far.
    terms: usize,
}

impl Parser<'_> {
    fn at(&self) -> usize {
        self.tokens.first().map_or(self.text.len(), |(_, place)| place.start)
    }

    fn expected(&self, what: &'static str) -> ConditionError {
        ConditionError::Expected(self.at(), what)
    }

    fn take(&mut self, wanted: &Token) -> bool {
        let is_next = self.tokens.first().is_some_and(|(token, _)| token == wanted);
        self.tokens = &self.tokens[usize::from(is_next)..];
        is_next
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_next =
            matches!(self.tokens.first(), Some((Token::Name(name), _)) if name.eq_ignore_ascii_case(word));
        self.tokens = &self.tokens[usize::from(is_next)..];
        is_next
    }

    fn any(&mut self, depth: usize) -> Result<Condition, ConditionError> {
        let mut parts = vec![self.all(depth)?];
        while self.take_word("OR") {
            parts.push(self.all(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Or(parts) })
    }

    fn all(&mut self, depth: usize) -> Result<Condition, ConditionError> {
        let mut parts = vec![self.part(depth)?];
        while self.take_word("AND") {
            parts.push(self.part(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::And(parts) })
    }

    fn part(&mut self, depth: usize) -> Result<Condition, ConditionError> {
        if self.take_word("NOT") {
            return Ok(Condition::Not(Box::new(self.part(deeper(depth)?)?)));
        }
        if self.take(&Token::Open) {
            let condition = self.any(deeper(depth)?)?;
            return if self.take(&Token::Close) { Ok(condition) } else { Err(self.expected("`)`")) };
        }
        self.term().map(Condition::Term)
    }

    fn term(&mut self) -> Result<Term, ConditionError> {
        self.terms += 1;
        if self.terms > TERMS_MAX {
            return Err(ConditionError::TooManyTerms);
        }
        let start = self.at();
        let path = self.path()?;
        let test = self.test()?;
        let text = self.text[start..self.at()].trim_end().into();
        Ok(Term { path, test, text })
    }

    fn path(&mut self) -> Result<Path, ConditionError> {
        let at = self.at();
        let text = match self.tokens.first() {
            Some((Token::Name(name), _)) if !is_keyword(name) => name,
            Some((Token::Path(path), _)) => path,
            _ => return Err(self.expected("a path, NOT or `(`")),
        };
        let path = Path::parse(text.as_bytes()).map_err(|error| ConditionError::Path(at, error))?;
        self.tokens = &self.tokens[1..];
        Ok(path)
    }

    fn test(&mut self) -> Result<Test, ConditionError> {
        if let Some((Token::Comparison(comparison), _)) = self.tokens.first() {
            self.tokens = &self.tokens[1..];
            let at = self.at();
            let literal = self.literal()?;
            let is_of_order = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
            if is_of_order && literal.class() == Class::Null {
                return Err(ConditionError::NullOrder(at));
            }
            return Ok(Test::Compare(*comparison, literal));
        }
        if self.take_word("EXISTS") {
            return Ok(Test::Exists);
        }
        if self.take_word("CONTAINS") {
            return self.literal().map(Test::Contains);
        }
        if self.take_word("STARTSWITH") {
            let Some((Token::Text(text), _)) = self.tokens.first() else {
                return Err(self.expected("a text in quotes"));
            };
            self.tokens = &self.tokens[1..];
            return Ok(Test::StartsWith(text.as_bytes().into()));
        }
        if self.take_word("IN") {
            return self.list().map(Test::In);
        }
        Err(self.expected("a comparison, IN, EXISTS, CONTAINS or STARTSWITH"))
    }

    fn list(&mut self) -> Result<Vec<Literal>, ConditionError> {
        if !self.take(&Token::Open) {
            return Err(self.expected("`(`"));
        }
        let mut literals = vec![self.literal()?];
        while self.take(&Token::Comma) {
            literals.push(self.literal()?);
        }
        if !self.take(&Token::Close) {
            return Err(self.expected("`,` or `)`"));
        }
        literals.sort();
        literals.dedup();
        Ok(literals)
    }

    fn literal(&mut self) -> Result<Literal, ConditionError> {
        let of = |scalar: Scalar<'_>| Literal(scalar.encoded().into());
        let literal = match self.tokens.first() {
            Some((Token::Text(text), _)) => of(Scalar::Text(text.as_bytes())),
            Some((Token::Number(number), _)) => number.clone(),
            Some((Token::Name(name), _)) if name.eq_ignore_ascii_case("true") => of(Scalar::Bool(true)),
            Some((Token::Name(name), _)) if name.eq_ignore_ascii_case("false") => of(Scalar::Bool(false)),
            Some((Token::Name(name), _)) if name.eq_ignore_ascii_case(NULL) => of(Scalar::Null),
            _ => return Err(self.expected("a text in quotes, a number, true, false or null")),
        };
        self.tokens = &self.tokens[1..];
        Ok(literal)
    }
}

/// The depth within a part at a depth.
///
/// # Errors
/// If that is too deep.
fn deeper(depth: usize) -> Result<usize, ConditionError> {
    if depth < DEPTH_MAX { Ok(depth + 1) } else { Err(ConditionError::TooDeep) }
}

fn is_keyword(name: &str) -> bool {
    KEYWORDS.iter().chain([&NULL]).any(|keyword| name.eq_ignore_ascii_case(keyword))
}
