//! The options of SORT.

use std::ops::Range;

use super::pattern::Source;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;

/// What to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By<'a> {
    /// The elements themselves.
    Element,
    /// What a pattern names for each.
    Pattern(Source<'a>),
    /// Nothing: they stay in the order they have.
    Nothing,
}

/// The options of SORT.
#[derive(Clone, Debug)]
pub(super) struct Options<'a> {
    pub(super) is_descending: bool,
    /// As texts rather than numbers.
    pub(super) is_alphabetic: bool,
    pub(super) by: By<'a>,
    /// What to return for each element; the element itself if empty.
    pub(super) gets: Vec<Source<'a>>,
    pub(super) store: Option<&'a [u8]>,
    offset: i64,
    /// Negative: all.
    count: i64,
}

impl<'a> Options<'a> {
    /// Reads the arguments behind the key. Patterns are taken only of somebody who `may_read_all` keys there are.
    ///
    /// # Errors
    /// `Syntax`, `NotInteger`, and of patterns from somebody who may not.
    pub(super) fn parse(mut args: &[&'a [u8]], may_read_all: &dyn Fn() -> bool) -> CommandResult<Self> {
        let mut options = Self {
            is_descending: false,
            is_alphabetic: false,
            by: By::Element,
            gets: Vec::new(),
            store: None,
            offset: 0,
            count: -1,
        };
        while let [word, rest @ ..] = args {
            args = options.take(word.to_ascii_uppercase().as_slice(), rest, may_read_all)?;
        }
        Ok(options)
    }

    /// Takes the option `word`; returns the arguments behind it.
    fn take<'b>(
        &mut self,
        word: &[u8],
        rest: &'b [&'a [u8]],
        may_read_all: &dyn Fn() -> bool,
    ) -> CommandResult<&'b [&'a [u8]]> {
        match (word, rest) {
            (b"ASC", rest) => {
                self.is_descending = false;
                Ok(rest)
            }
            (b"DESC", rest) => {
                self.is_descending = true;
                Ok(rest)
            }
            (b"ALPHA", rest) => {
                self.is_alphabetic = true;
                Ok(rest)
            }
            (b"LIMIT", [offset, count, rest @ ..]) => {
                self.offset = parse_i64(offset).ok_or(CommandError::NotInteger)?;
                self.count = parse_i64(count).ok_or(CommandError::NotInteger)?;
                Ok(rest)
            }
            (b"STORE", [key, rest @ ..]) => {
                self.store = Some(key);
                Ok(rest)
            }
            (b"BY", [pattern, rest @ ..]) => {
                if pattern.contains(&b'*') && !may_read_all() {
                    return Err(CommandError::text(
                        "ERR BY option of SORT denied due to insufficient ACL permissions.",
                    ));
                }
                // Once a constant has said that nothing is sorted, no other pattern changes that.
                self.by = match Source::parse(pattern) {
                    source @ Source::Key { .. } if self.by != By::Nothing => By::Pattern(source),
                    _ => By::Nothing,
                };
                Ok(rest)
            }
            (b"GET", [pattern, rest @ ..]) => {
                if !may_read_all() {
                    return Err(CommandError::text(
                        "ERR GET option of SORT denied due to insufficient ACL permissions.",
                    ));
                }
                self.gets.push(Source::parse(pattern));
                Ok(rest)
            }
            _ => Err(CommandError::Syntax),
        }
    }

    /// Whether keys are read that the arguments do not name.
    pub(super) fn reads_patterns(&self) -> bool {
        let is_key = |source: &Source<'_>| matches!(source, Source::Key { .. });
        matches!(self.by, By::Pattern(_)) || self.gets.iter().any(is_key)
    }

    /// The positions that LIMIT leaves of `len`.
    pub(super) fn range(&self, len: usize) -> Range<usize> {
        let start = usize::try_from(self.offset).unwrap_or(0).min(len);
        let end = usize::try_from(self.count).map_or(len, |count| start.saturating_add(count).min(len));
        start..end
    }
}

/// The argument that is the key behind STORE: the last one if there are several. What an option takes is passed over, and
/// so is a word that is no option.
pub(super) fn find_store_key(args: &[&[u8]]) -> Option<usize> {
    let mut found = None;
    let mut at = 2;
    while let Some(word) = args.get(at) {
        at += match word.to_ascii_uppercase().as_slice() {
            b"LIMIT" => 3,
            b"GET" | b"BY" => 2,
            b"STORE" if at + 1 < args.len() => {
                found = Some(at + 1);
                1
            }
            _ => 1,
        };
    }
    found
}
