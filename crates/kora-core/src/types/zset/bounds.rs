//! Ends of ranges over scores and over members, as ZRANGEBYSCORE, ZRANGEBYLEX and their kin are given them.

use crate::number::parse_f64_clamped;

/// An end of a range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreBound {
    /// The score.
    pub score: f64,
    /// Whether that score itself is outside.
    pub is_exclusive: bool,
}

/// A range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// Lower end.
    pub min: ScoreBound,
    /// Upper end.
    pub max: ScoreBound,
}

impl ScoreBound {
    /// Reads a decimal number, which `(` before it excludes. It ends at a NUL, nothing at all is 0, and what is out of
    /// range is clamped, all as in Redis.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (is_exclusive, number) = match text {
            [b'(', number @ ..] => (true, number),
            number => (false, number),
        };
        let end = memchr::memchr(0, number).unwrap_or(number.len());
        let score = match &number[..end] {
            [] => 0.0,
            // Hexadecimal digits are for scores alone.
            number if memchr::memchr2(b'x', b'X', number).is_some() => return None,
            number => parse_f64_clamped(number)?,
        };
        Some(Self { score, is_exclusive })
    }
}

impl ScoreRange {
    /// Whether a score lies before the range.
    #[inline]
    #[must_use]
    pub fn is_above(&self, score: f64) -> bool {
        score < self.min.score || (self.min.is_exclusive && score == self.min.score)
    }

    /// Whether a score does not lie beyond the range.
    #[inline]
    #[must_use]
    pub fn reaches(&self, score: f64) -> bool {
        score < self.max.score || (!self.max.is_exclusive && score == self.max.score)
    }
}

/// An end of a range of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// `-`: before every member.
    First,
    /// `+`: behind every member.
    Last,
    /// `[member`: that one included.
    Inclusive(&'a [u8]),
    /// `(member`: that one excluded.
    Exclusive(&'a [u8]),
}

/// A range of members, for a set whose scores are all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// Lower end.
    pub min: LexBound<'a>,
    /// Upper end.
    pub max: LexBound<'a>,
}

impl<'a> LexBound<'a> {
    /// Reads `-`, `+`, `[member` or `(member`.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        match text {
            b"-" => Some(Self::First),
            b"+" => Some(Self::Last),
            [b'[', member @ ..] => Some(Self::Inclusive(member)),
            [b'(', member @ ..] => Some(Self::Exclusive(member)),
            _ => None,
        }
    }
}

impl LexRange<'_> {
    /// Whether a member lies before the range.
    #[must_use]
    pub fn is_above(&self, member: &[u8]) -> bool {
        match self.min {
            LexBound::First => false,
            LexBound::Last => true,
            LexBound::Inclusive(min) => member < min,
            LexBound::Exclusive(min) => member <= min,
        }
    }

    /// Whether a member does not lie beyond the range.
    #[must_use]
    pub fn reaches(&self, member: &[u8]) -> bool {
        match self.max {
            LexBound::First => false,
            LexBound::Last => true,
            LexBound::Inclusive(max) => member <= max,
            LexBound::Exclusive(max) => member < max,
        }
    }

    /// Whether no member can lie in the range, because its ends have crossed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match (self.min, self.max) {
            (LexBound::Last, _) | (_, LexBound::First) => true,
            (LexBound::First, _) | (_, LexBound::Last) => false,
            (LexBound::Inclusive(min), LexBound::Inclusive(max)) => min > max,
            (
                LexBound::Inclusive(min) | LexBound::Exclusive(min),
                LexBound::Inclusive(max) | LexBound::Exclusive(max),
            ) => min >= max,
        }
    }
}
