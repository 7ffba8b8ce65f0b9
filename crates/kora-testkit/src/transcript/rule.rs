//! How a reply is compared with the one recorded, when not every byte of it is the same every time.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, bail};

use crate::frame::{Frame, quote};
use crate::words::split_words;

/// A line `~ ...` before a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `sorted`: arrays and sets may come in any order.
    Sorted,
    /// `pairs`: arrays and maps are keys and values in turn, in any order of keys.
    Pairs,
    /// `near N`: numbers may differ by up to N.
    Near(u64),
    /// `shape`: only the types and the numbers of elements must be the same. Texts and numbers are not recorded.
    Shape,
    /// `except "KEY"`: what follows each such key may be anything. It is not recorded.
    Except(Vec<u8>),
    /// `keys`: keys and values in turn, of which the keys must be the same.
    Keys,
    /// `type`: only the outermost type must be the same. Elements are not recorded.
    Type,
    /// `subset`: the elements must be among those recorded.
    Subset,
    /// `one-of "A" "B"`: the string must be one of these.
    OneOf(Vec<Vec<u8>>),
    /// `match "PATTERN"`: the string must match; `*` stands for any bytes.
    Match(Vec<u8>),
    /// `contains "A" "B"`: the string must contain each of these.
    Contains(Vec<Vec<u8>>),
    /// `scan`: a cursor and elements; the command is repeated until the cursor is 0, and the elements of all calls
    /// may come in any order.
    Scan,
    /// `silent`: there is no reply.
    Silent,
    /// `deferred`: the reply is read later, by `! reply`.
    Deferred,
}

impl FromStr for Rule {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        let mut words = split_words(rest).context("unbalanced quotes")?;
        Ok(match (name, words.len()) {
            ("sorted", 0) => Self::Sorted,
            ("pairs", 0) => Self::Pairs,
            ("near", 1) => Self::Near(rest.trim().parse()?),
            ("shape", 0) => Self::Shape,
            ("keys", 0) => Self::Keys,
            ("type", 0) => Self::Type,
            ("subset", 0) => Self::Subset,
            ("scan", 0) => Self::Scan,
            ("silent", 0) => Self::Silent,
            ("deferred", 0) => Self::Deferred,
            ("one-of", 1..) => Self::OneOf(words),
            ("contains", 1..) => Self::Contains(words),
            ("except", 1) => Self::Except(words.remove(0)),
            ("match", 1) => Self::Match(words.remove(0)),
            _ => bail!("an unknown rule"),
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |words: &[Vec<u8>]| words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
        match self {
            Self::Sorted => f.write_str("sorted"),
            Self::Pairs => f.write_str("pairs"),
            Self::Near(tolerance) => write!(f, "near {tolerance}"),
            Self::Shape => f.write_str("shape"),
            Self::Keys => f.write_str("keys"),
            Self::Type => f.write_str("type"),
            Self::Subset => f.write_str("subset"),
            Self::OneOf(words) => write!(f, "one-of {}", quoted(words)),
            Self::Match(pattern) => write!(f, "match {}", quote(pattern)),
            Self::Except(key) => write!(f, "except {}", quote(key)),
            Self::Contains(words) => write!(f, "contains {}", quoted(words)),
            Self::Scan => f.write_str("scan"),
            Self::Silent => f.write_str("silent"),
            Self::Deferred => f.write_str("deferred"),
        }
    }
}

impl Rule {
    /// Brings a reply into the form in which it is recorded and compared.
    pub(crate) fn normalise(rules: &[Self], mut frame: Frame) -> Frame {
        for rule in rules {
            if let Self::Except(key) = rule {
                frame = blank_after(key, frame);
            }
        }
        if rules.contains(&Self::Type) {
            return match frame {
                Frame::Many { kind, .. } => Frame::Many { kind, items: Vec::new() },
                other => other,
            };
        }
        if rules.contains(&Self::Shape) {
            return blank(frame);
        }
        if rules.contains(&Self::Pairs) {
            return sort_pairs(frame);
        }
        let is_unordered = rules.iter().any(|rule| matches!(rule, Self::Sorted | Self::Subset | Self::Scan));
        if is_unordered { sort(frame) } else { frame }
    }

    /// Whether `got` is as good as `recorded`, both in normal form and `recorded` abbreviated.
    pub(crate) fn accept(rules: &[Self], recorded: &Frame, got: &Frame) -> bool {
        let mut verdicts = rules.iter().filter_map(|rule| rule.verdict(recorded, got)).peekable();
        if verdicts.peek().is_some() {
            verdicts.all(|is_good| is_good)
        } else {
            is_same(recorded, &got.clone().abbreviated())
        }
    }

    /// What this rule says; `None` when it leaves replies to be compared byte by byte.
    fn verdict(&self, recorded: &Frame, got: &Frame) -> Option<bool> {
        let same_kind = recorded.kind() == got.kind();
        let text = text(got);
        Some(match self {
            Self::Sorted
            | Self::Pairs
            | Self::Except(_)
            | Self::Shape
            | Self::Scan
            | Self::Silent
            | Self::Deferred => {
                return None;
            }
            Self::Near(tolerance) => is_near(recorded, got, *tolerance),
            Self::Keys => same_kind && keys(recorded).eq(keys(got)),
            Self::Type => same_kind,
            Self::Subset => {
                let known: BTreeSet<_> = recorded.items().iter().collect();
                same_kind && got.items().iter().all(|item| known.contains(item))
            }
            Self::OneOf(words) => same_kind && words.iter().any(|word| word == text),
            Self::Match(pattern) => same_kind && matches_wildcard(pattern, text),
            Self::Contains(words) => same_kind && words.iter().all(|word| find(text, word).is_some()),
        })
    }
}

/// Whether two replies are the same. Doubles are numbers: which digits stand for one is not the same everywhere.
fn is_same(recorded: &Frame, got: &Frame) -> bool {
    let double = |frame: &Frame| -> Option<f64> { std::str::from_utf8(frame.bytes()).ok()?.parse().ok() };
    match (recorded, got) {
        (Frame::Line { kind: b',', .. }, Frame::Line { kind: b',', .. }) => {
            recorded == got || (double(recorded).is_some() && double(recorded) == double(got))
        }
        (Frame::Many { kind, items }, Frame::Many { kind: got_kind, items: got_items }) => {
            kind == got_kind
                && items.len() == got_items.len()
                && items.iter().zip(got_items).all(|(item, got)| is_same(item, got))
        }
        _ => recorded == got,
    }
}

/// The bytes of a string; those of a verbatim string without its format.
fn text(frame: &Frame) -> &[u8] {
    let bytes = frame.bytes();
    if frame.kind() == b'=' { bytes.get(4..).unwrap_or_default() } else { bytes }
}

fn keys(frame: &Frame) -> impl Iterator<Item = &Frame> {
    frame.items().iter().step_by(2)
}

fn blank(frame: Frame) -> Frame {
    match frame {
        Frame::Line { kind, .. } => Frame::Line { kind, text: Vec::new() },
        Frame::Blob { kind, .. } => Frame::Blob { kind, bytes: Vec::new() },
        Frame::Many { kind, items } => Frame::Many { kind, items: items.into_iter().map(blank).collect() },
        other => other,
    }
}

fn blank_after(key: &[u8], frame: Frame) -> Frame {
    let Frame::Many { kind, items } = frame else { return frame };
    let mut is_after = false;
    let items = items.into_iter().map(|item| {
        let is_excepted = is_after;
        is_after = item.bytes() == key;
        if is_excepted { blank(item) } else { blank_after(key, item) }
    });
    Frame::Many { kind, items: items.collect() }
}

fn sort(frame: Frame) -> Frame {
    let Frame::Many { kind, items } = frame else { return frame };
    let mut items: Vec<_> = items.into_iter().map(sort).collect();
    if matches!(kind, b'*' | b'~') {
        items.sort();
    }
    Frame::Many { kind, items }
}

fn sort_pairs(frame: Frame) -> Frame {
    let Frame::Many { kind, items } = frame else { return frame };
    let mut pairs: Vec<_> = items.chunks(2).map(<[Frame]>::to_vec).collect();
    pairs.sort();
    Frame::Many { kind, items: pairs.concat() }
}

fn is_near(recorded: &Frame, got: &Frame, tolerance: u64) -> bool {
    match (recorded.number(), got.number()) {
        (Some(left), Some(right)) => recorded.kind() == got.kind() && left.abs_diff(right) <= tolerance,
        _ if recorded.items().is_empty() => recorded == got,
        _ => all_items(recorded, got, |left, right| is_near(left, right, tolerance)),
    }
}

fn all_items(left: &Frame, right: &Frame, is_good: impl Fn(&Frame, &Frame) -> bool) -> bool {
    let (left_items, right_items) = (left.items(), right.items());
    left.kind() == right.kind()
        && left_items.len() == right_items.len()
        && left_items.iter().zip(right_items).all(|(left, right)| is_good(left, right))
}

fn matches_wildcard(pattern: &[u8], text: &[u8]) -> bool {
    let parts: Vec<_> = pattern.split(|byte| *byte == b'*').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(*first) else { return false };
    for part in middle {
        let Some(at) = find(rest, part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() { Some(0) } else { text.windows(part.len()).position(|window| window == part) }
}
