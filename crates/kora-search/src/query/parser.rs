//! What the grammars of all dialects share: a look at the next piece, errors, parameters, attributes.

use std::collections::HashMap;

use super::attributes;
use super::error::QueryError;
use super::lexer::Lexer;
use super::part::Part;
use super::token::{Kind, Token};
use super::{DEPTH_MAX, Options};

pub(super) type Result<T> = std::result::Result<T, QueryError>;

/// The pieces of a query, one ahead.
#[derive(Clone)]
pub(super) struct Parser<'a> {
    lexer: Lexer<'a>,
    pub(super) current: Token<'a>,
    /// The last word up to the current piece, for errors.
    near: &'a str,
    pub(super) depth: usize,
    /// Parts so far that name fields.
    pub(super) field_count: usize,
    /// Where the first piece is.
    pub(super) start: usize,
    /// The arrow behind the current part is taken, and a bracket follows.
    pub(super) is_before_nearest: bool,
    is_modern: bool,
    parameters: HashMap<&'a str, &'a [u8]>,
    /// The first value that is wrong: a parameter that is not there or a number that is none. Errors of syntax come before it.
    wrong_value: Option<QueryError>,
    wrong_circle: Option<QueryError>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str, options: Options<'a>) -> Self {
        let mut lexer = Lexer::new(text, options.dialect.is_modern(), options.stop_words);
        let current = lexer.next();
        let near = current.near.unwrap_or_default();
        let parameters =
            options.parameters.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let is_modern = options.dialect.is_modern();
        Self {
            lexer,
            current,
            near,
            depth: 0,
            field_count: 0,
            start: current.offset,
            is_before_nearest: false,
            is_modern,
            parameters,
            wrong_value: None,
            wrong_circle: None,
        }
    }

    /// Takes the current piece.
    pub(super) fn take(&mut self) -> Token<'a> {
        let taken = self.current;
        self.current = self.lexer.next();
        if let Some(near) = self.current.near {
            self.near = near;
        }
        taken
    }

    /// Takes the current piece if it is of this kind.
    pub(super) fn take_if(&mut self, kind: Kind) -> bool {
        let is_it = self.current.kind == kind;
        if is_it {
            self.take();
        }
        is_it
    }

    pub(super) fn expect(&mut self, kind: Kind) -> Result<Token<'a>> {
        if self.current.kind == kind { Ok(self.take()) } else { Err(self.unexpected()) }
    }

    /// No rule admits the current piece.
    pub(super) fn unexpected(&self) -> QueryError {
        QueryError::Syntax { offset: self.current.offset, near: self.near.to_owned() }
    }

    /// Parses a part of a part.
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == DEPTH_MAX {
            return Err(QueryError::TooDeep);
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// The value of a parameter up to a zero byte; an empty text if there is none, which [`Parser::finish`] reports.
    pub(super) fn parameter(&mut self, name: &str) -> String {
        if let Some(value) = self.parameters.get(name) {
            let end = value.iter().position(|&byte| byte == 0).unwrap_or(value.len());
            return String::from_utf8_lossy(&value[..end]).into_owned();
        }
        self.keep(QueryError::NoSuchParameter(name.to_owned()));
        String::new()
    }

    /// The bytes of a parameter, as [`Parser::parameter`].
    pub(super) fn bytes(&mut self, name: &str) -> Vec<u8> {
        if let Some(value) = self.parameters.get(name) {
            return value.to_vec();
        }
        self.keep(QueryError::NoSuchParameter(name.to_owned()));
        Vec::new()
    }

    /// Keeps what is wrong with a value until the whole query is read.
    pub(super) fn keep(&mut self, error: QueryError) {
        self.wrong_value.get_or_insert(error);
    }

    /// Keeps what is wrong with a circle, which is reported if nothing else is.
    pub(super) fn keep_last(&mut self, error: QueryError) {
        self.wrong_circle.get_or_insert(error);
    }

    /// Ends a query without errors of syntax.
    pub(super) fn finish(self, part: Option<Part>) -> Result<Option<Part>> {
        match self.wrong_value.or(self.wrong_circle) {
            Some(error) => Err(error),
            None => Ok(part),
        }
    }

    /// `{ $name: value; ... }` behind an arrow, said about a part; said about nothing, it is not looked at.
    pub(super) fn attributes(&mut self, part: &mut Option<Part>) -> Result<()> {
        self.expect(Kind::LeftBrace)?;
        let mut said = Vec::new();
        loop {
            while self.take_if(Kind::Semicolon) {}
            if self.take_if(Kind::RightBrace) {
                break;
            }
            let name = self.expect(Kind::Dollar)?.text;
            self.expect(Kind::Colon)?;
            said.push((name, self.attribute_value()?));
            if !matches!(self.current.kind, Kind::Semicolon | Kind::RightBrace) {
                return Err(self.unexpected());
            }
        }
        let Some(part) = part else { return Ok(()) };
        if self.wrong_value.is_some() {
            return Ok(());
        }
        for (name, value) in said {
            attributes::set(part, name, &value)?;
        }
        Ok(())
    }

    pub(super) fn attribute_value(&mut self) -> Result<String> {
        let is_modern = self.is_modern;
        match self.current.kind {
            Kind::Number | Kind::Word => Ok(self.take().text.to_owned()),
            Kind::StopWord | Kind::Quoted | Kind::Empty | Kind::Missing if is_modern => {
                Ok(self.take().text.to_owned())
            }
            Kind::Dollar if is_modern => {
                let name = self.take().text;
                Ok(self.parameter(name))
            }
            _ => Err(self.unexpected()),
        }
    }

    /// The piece between signs of percent; `%%` and `%%%` allow more changes.
    pub(super) fn fuzzy(&mut self, is_word: impl Fn(Kind) -> bool) -> Result<(Token<'a>, u8)> {
        let mut distance = 0;
        while distance < 3 && self.take_if(Kind::Percent) {
            distance += 1;
        }
        if !is_word(self.current.kind) {
            return Err(self.unexpected());
        }
        let word = self.take();
        for _ in 0..distance {
            self.expect(Kind::Percent)?;
        }
        Ok((word, distance))
    }
}
