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
    /// `?` is one character, `*` any number.
    Wildcard(Vec<Token>),
    /// Few edits away.
    Fuzzy(Fuzzy),
}

/// A part of a pattern with wildcards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    /// This character.
    One(char),
    /// Any character.
    Any,
    /// Any characters, none included.
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
        let (matcher, start) = match pattern {
            Pattern::Prefix(text) => (Matcher::Prefix, text.clone()),
            Pattern::Suffix(text) => (Matcher::Suffix(text.clone()), String::new()),
            Pattern::Infix(text) => {
                let finder = Finder::new(text).into_owned();
                (Matcher::Infix(Box::new(finder)), String::new())
            }
            Pattern::Wildcard(text) => {
                let tokens = parse_wildcard(text);
                let start = tokens
                    .iter()
                    .map_while(
                        |token| if let Token::One(character) = token { Some(*character) } else { None },
                    )
                    .collect();
                (Matcher::Wildcard(tokens), start)
            }
            Pattern::Fuzzy(text, _) if text.chars().nth(FUZZY_CHARACTERS_MAX).is_some() => {
                (Matcher::Wildcard(text.chars().map(Token::One).collect()), text.clone())
            }
            Pattern::Fuzzy(text, edits) => (Matcher::Fuzzy(Fuzzy::new(text, *edits)), String::new()),
        };
        Self { matcher, from: Some(start.clone().into_bytes()), start: start.into_bytes() }
    }
}

fn parse_wildcard(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let token = match character {
            '?' => Token::Any,
            '*' => Token::Many,
            '\\' => characters.next().map_or(Token::One('\\'), Token::One),
            other => Token::One(other),
        };
        if token != Token::Many || tokens.last() != Some(&Token::Many) {
            tokens.push(token);
        }
    }
    tokens
}

/// Whether a text fits. Complexity: O(tokens x text) at worst, without recursion.
fn fits_wildcard(tokens: &[Token], text: &str) -> bool {
    let (mut at, mut rest) = (0, text.chars());
    let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
    loop {
        let before = rest.clone();
        match (tokens.get(at), rest.next()) {
            (Some(Token::Many), _) => {
                at += 1;
                rest = before.clone();
                retry = Some((at, before));
                continue;
            }
            (Some(Token::Any), Some(_)) => {
                at += 1;
                continue;
            }
            (Some(Token::One(wanted)), Some(character)) if *wanted == character => {
                at += 1;
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        let Some((start, mut later)) = retry.take() else { return false };
        if later.next().is_none() {
            return false;
        }
        at = start;
        rest = later.clone();
        retry = Some((start, later));
    }
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
