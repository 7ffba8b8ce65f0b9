//! A walk over arguments.

use std::borrow::Cow;

use super::error::{ArgumentError, BadValue};

type Result<T> = std::result::Result<T, ArgumentError>;

/// Arguments, and how many of them were taken.
#[derive(Clone, Copy, Debug)]
pub(super) struct Args<'a> {
    all: &'a [&'a [u8]],
    taken: usize,
}

impl<'a> Args<'a> {
    pub(super) fn new(all: &'a [&'a [u8]]) -> Self {
        Self { all, taken: 0 }
    }

    /// How many arguments were taken.
    pub(super) fn position(&self) -> usize {
        self.taken
    }

    pub(super) fn is_empty(&self) -> bool {
        self.taken == self.all.len()
    }

    pub(super) fn left(&self) -> usize {
        self.all.len() - self.taken
    }

    pub(super) fn peek(&self) -> Option<&'a [u8]> {
        self.all.get(self.taken).copied()
    }

    /// Takes the next argument.
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        let next = self.peek()?;
        self.taken += 1;
        Some(next)
    }

    /// Whether the next argument is this word.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.peek().is_some_and(|next| next.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// Takes the next argument if it is this word.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is_it = self.is_word(word);
        self.taken += usize::from(is_it);
        is_it
    }

    /// Takes the argument of an option.
    pub(super) fn value(&mut self, option: &'static str) -> Result<&'a [u8]> {
        self.next().ok_or(ArgumentError::bad(option, BadValue::Missing))
    }

    /// Takes a text.
    pub(super) fn text(&mut self, option: &'static str) -> Result<String> {
        self.value(option).map(text)
    }

    /// Takes a whole number that is not below `least`.
    pub(super) fn number(&mut self, option: &'static str, least: i64) -> Result<u64> {
        let number: i64 =
            parse(self.value(option)?).ok_or(ArgumentError::bad(option, BadValue::NotConverted))?;
        let number =
            Some(number).filter(|number| *number >= least).and_then(|number| u64::try_from(number).ok());
        number.ok_or(ArgumentError::bad(option, BadValue::OutOfBounds))
    }

    /// Takes a number and as many arguments as it says.
    pub(super) fn list(&mut self, option: &'static str) -> Result<&'a [&'a [u8]]> {
        let count = self.number(option, 0)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.take_many(count).ok_or(ArgumentError::bad(option, BadValue::Missing))
    }

    /// Takes so many arguments; none of them if there are not so many.
    pub(super) fn take_many(&mut self, count: usize) -> Option<&'a [&'a [u8]]> {
        let many = self.all[self.taken..].get(..count)?;
        self.taken += count;
        Some(many)
    }

    /// The argument that was taken last means nothing.
    pub(super) fn unknown(&self, argument: &[u8]) -> ArgumentError {
        ArgumentError::UnknownAt {
            argument: kora_core::text::of(argument).into_owned(),
            position: self.taken,
            part: "<main>",
        }
    }
}

/// An argument as text.
pub(super) fn text(argument: &[u8]) -> String {
    String::from_utf8_lossy(argument).into_owned()
}

/// A number of the standard library's notation.
pub(super) fn parse<T: std::str::FromStr>(argument: &[u8]) -> Option<T> {
    std::str::from_utf8(argument).ok()?.parse().ok()
}

/// A property without its `@`.
pub(super) fn property(argument: &[u8]) -> String {
    text(argument.strip_prefix(b"@").unwrap_or(argument))
}

/// Refuses what is not built.
pub(super) fn not_built(what: &str) -> ArgumentError {
    ArgumentError::Other(Cow::Owned(format!("{what} is not supported")))
}
