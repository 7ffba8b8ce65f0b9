//! Which texts fit a pattern: beginnings, ends, inner parts, wildcards, and words a few edits away.
//!
//! A pattern that begins with fixed characters looks only at texts that begin so. A fuzzy one counts edits ([`Fuzzy`]) along the texts in their
//! order, keeps what it knows along the part that neighbours share, and leaps over all texts that begin like one it has given up on: the steps are those
//! of a walk through a trie. Either goes on later from where it stood: texts come in the order of their bytes, so a text is the place.
//!
//! Fuzzy words match as in the oracle, which looks at the distance before the last character as well: a text also matches if it does without its last
//! character, as long as more characters could make it match again. So `%ab%` finds `ba`.

use memchr::memmem::Finder;

use super::Dictionary;
use super::fuzzy::{Fuzzy, Row};
use crate::query::Pattern;

/// Longer words match as they are only.
pub(crate) const FUZZY_CHARACTERS_MAX: usize = 255;

/// A pattern, ready to compare texts with.
enum Matcher {
    /// Whatever begins as the pattern says.
    Prefix,
    /// Ends in it.
    Suffix(String),
    /// Has it inside.
    Infix(Box<Finder<'static>>),
    /// `?` is one character, or one byte, `*` any number.
    Wildcard(Vec<Token>),
    /// Few edits away.
    Fuzzy(Fuzzy),
}

/// A part of a pattern with wildcards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// This byte.
    One(u8),
    /// Any character.
    Any,
    /// Any byte.
    AnyByte,
    /// Any bytes, none included.
    Many,
}

/// A pattern and how far it has come through a dictionary.
pub(crate) struct Compiled {
    matcher: Matcher,
    /// What each text that fits begins with.
    start: Vec<u8>,
    /// Where to go on; none: it is through.
    from: Option<Vec<u8>>,
}

impl Compiled {
    /// Prepares a pattern. Complexity: O(its length).
    pub(crate) fn new(pattern: &Pattern) -> Self {
        Self::with_any(pattern, Token::Any)
    }

    /// As [`Compiled::new`], but `?` is one byte, as the oracle has it in tags.
    pub(crate) fn of_bytes(pattern: &Pattern) -> Self {
        Self::with_any(pattern, Token::AnyByte)
    }

    fn with_any(pattern: &Pattern, any: Token) -> Self {
        let (matcher, start) = match pattern {
            Pattern::Prefix(text) => (Matcher::Prefix, text.clone().into_bytes()),
            Pattern::Suffix(text) => (Matcher::Suffix(text.clone()), Vec::new()),
            Pattern::Infix(text) => {
                let finder = Finder::new(text).into_owned();
                (Matcher::Infix(Box::new(finder)), Vec::new())
            }
            Pattern::Wildcard(text) => {
                let tokens = parse_wildcard(text, any);
                let start = tokens
                    .iter()
                    .map_while(|token| if let Token::One(byte) = token { Some(*byte) } else { None })
                    .collect();
                (Matcher::Wildcard(tokens), start)
            }
            Pattern::Fuzzy(text, _) if text.chars().nth(FUZZY_CHARACTERS_MAX).is_some() => {
                (Matcher::Wildcard(text.bytes().map(Token::One).collect()), text.clone().into_bytes())
            }
            Pattern::Fuzzy(text, edits) => (Matcher::Fuzzy(Fuzzy::new(text, *edits)), Vec::new()),
        };
        Self { matcher, from: Some(start.clone()), start }
    }
}

fn parse_wildcard(text: &str, any: Token) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let token = match byte {
            b'?' => any,
            b'*' => Token::Many,
            b'\\' => bytes.next().map_or(Token::One(b'\\'), Token::One),
            other => Token::One(other),
        };
        if token != Token::Many || tokens.last() != Some(&Token::Many) {
            tokens.push(token);
        }
    }
    tokens
}

/// Whether a text fits. Complexity: O(tokens x text) at worst, without recursion.
///
/// Bytes are compared: a pattern is whole characters, so it fits none but those. Where [`Token::Many`] ends within a character, [`Token::Any`] takes
/// the rest of it, which fits no more than if it had taken the whole one.
fn fits_wildcard(tokens: &[Token], text: &str) -> bool {
    let (mut at, mut rest) = (0, text.as_bytes());
    let mut retry: Option<(usize, &[u8])> = None;
    loop {
        match (tokens.get(at), rest.split_first()) {
            (Some(Token::Many), _) => {
                at += 1;
                retry = Some((at, rest));
                continue;
            }
            (Some(Token::Any), Some((_, after))) => {
                at += 1;
                let inner = after.iter().take_while(|byte| is_inner(**byte)).count();
                rest = &after[inner..];
                continue;
            }
            (Some(Token::AnyByte), Some((_, after))) => {
                at += 1;
                rest = after;
                continue;
            }
            (Some(Token::One(wanted)), Some((byte, after))) if wanted == byte => {
                at += 1;
                rest = after;
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        let Some((start, [_, later @ ..])) = retry else { return false };
        at = start;
        rest = later;
        retry = Some((start, later));
    }
}

/// Whether a byte of UTF-8 goes on with a character.
fn is_inner(byte: u8) -> bool {
    byte & 0b1100_0000 == 0b1000_0000
}

impl<V: Default> Dictionary<V> {
    /// Visits texts that fit, in the order of their bytes, until `visit` says no or `steps` are used up; each text that is looked at is a step.
    /// Returns whether it is through.
    pub(crate) fn expand(
        &self,
        pattern: &mut Compiled,
        steps: &mut usize,
        mut visit: impl FnMut(&str, &V) -> bool,
    ) -> bool {
        if let Some(from) = pattern.from.take() {
            pattern.from = match &pattern.matcher {
                Matcher::Fuzzy(fuzzy) => self.walk(fuzzy, from, steps, &mut visit),
                matcher => match self.texts_with(matcher) {
                    Some(numbers) => self.visit_all(numbers, steps, &mut visit),
                    None => self.scan(matcher, &pattern.start, from, steps, &mut visit),
                },
            };
        }
        pattern.from.is_none()
    }

    /// The texts that have a part, if the dictionary finds such texts fast.
    fn texts_with(&self, matcher: &Matcher) -> Option<Vec<u32>> {
        let (part, at_end) = match matcher {
            Matcher::Suffix(part) => (&**part, true),
            Matcher::Infix(finder) => (std::str::from_utf8(finder.needle()).ok()?, false),
            _ => return None,
        };
        self.suffixes.as_ref()?.texts_with(part, at_end)
    }

    fn visit_all(
        &self,
        mut numbers: Vec<u32>,
        steps: &mut usize,
        visit: &mut impl FnMut(&str, &V) -> bool,
    ) -> Option<Vec<u8>> {
        numbers.sort_unstable_by(|one, other| self.text(*one).cmp(self.text(*other)));
        *steps = steps.saturating_sub(numbers.len());
        for number in numbers {
            if self.value(number).is_some_and(|value| !visit(self.text(number), value)) {
                break;
            }
        }
        None
    }

    fn scan(
        &self,
        matcher: &Matcher,
        start: &[u8],
        from: Vec<u8>,
        steps: &mut usize,
        visit: &mut impl FnMut(&str, &V) -> bool,
    ) -> Option<Vec<u8>> {
        for (_, text, value) in self.iter_from(&from) {
            if !text.as_bytes().starts_with(start) {
                return None;
            }
            if *steps == 0 {
                return Some(text.as_bytes().to_vec());
            }
            *steps -= 1;
            let fits = match matcher {
                Matcher::Prefix => true,
                Matcher::Suffix(part) => text.ends_with(&**part),
                Matcher::Infix(finder) => finder.find(text.as_bytes()).is_some(),
                Matcher::Wildcard(tokens) => fits_wildcard(tokens, text),
                Matcher::Fuzzy(fuzzy) => fuzzy
                    .fits(&text.chars().fold(fuzzy.start(), |row, character| fuzzy.read(&row, character))),
            };
            if fits && !visit(text, value) {
                return None;
            }
        }
        None
    }

    fn walk(
        &self,
        fuzzy: &Fuzzy,
        mut from: Vec<u8>,
        steps: &mut usize,
        visit: &mut impl FnMut(&str, &V) -> bool,
    ) -> Option<Vec<u8>> {
        let start = fuzzy.start();
        let mut path: Vec<(char, Row)> = Vec::new();
        loop {
            let mut leap = None;
            for (_, text, value) in self.iter_from(&from) {
                if *steps == 0 {
                    return Some(text.as_bytes().to_vec());
                }
                *steps -= 1;
                let shared =
                    path.iter().zip(text.chars()).take_while(|((one, _), other)| one == other).count();
                path.truncate(shared);
                let mut row = path.last().map_or(start, |(_, row)| *row);
                for character in text.chars().skip(shared) {
                    row = fuzzy.read(&row, character);
                    path.push((character, row));
                    if fuzzy.is_lost(&row) {
                        break;
                    }
                }
                if fuzzy.is_lost(&row) {
                    let read: String = path.iter().map(|(character, _)| *character).collect();
                    leap = Some(past(read.into_bytes()));
                    break;
                }
                let before = path.len().checked_sub(2).map_or(start, |before| path[before].1);
                if (fuzzy.fits(&row) || fuzzy.fits(&before)) && !visit(text, value) {
                    return None;
                }
            }
            from = leap??;
        }
    }
}

/// The least bytes after all that begin with these; none if there are none.
fn past(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = bytes.pop() {
        if let Some(next) = last.checked_add(1) {
            bytes.push(next);
            return Some(bytes);
        }
    }
    None
}
