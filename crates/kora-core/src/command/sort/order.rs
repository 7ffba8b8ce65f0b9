//! The order of elements: by number, by text, or by values looked up for them.
//!
//! Every order here is total: elements that compare equal stay in the order they had. So no more is sorted than is asked for.

use std::cmp::Ordering;
use std::ops::Range;

use super::elements::Elements;
use super::options::{By, Options};
use super::pattern::Reader;
use crate::command::texts::Texts;
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};

/// Chooses the elements within the limits, in order.
///
/// # Errors
/// If numbers are to be sorted and one is none.
pub(super) fn arrange(ctx: &mut Ctx<'_>, elements: &mut Elements, options: &Options<'_>) -> CommandResult {
    let texts = elements.texts();
    let range = options.range(texts.len());
    let direct = |order: Ordering| if options.is_descending { order.reverse() } else { order };
    let by_text = |one: usize, other: usize| texts.get(one).cmp(texts.get(other));
    let chosen = if elements.needs_order {
        select(texts.len(), range, |one, other| direct(by_text(one, other)))
    } else if !options.is_alphabetic {
        let scores = scores(ctx, texts, options.by)?;
        select(texts.len(), range, |one, other| {
            let by_score = scores[one].partial_cmp(&scores[other]).expect("no score is NaN");
            direct(by_score.then_with(|| by_text(one, other)))
        })
    } else if matches!(options.by, By::Pattern(_)) {
        let weights = Weights::read(ctx, texts, options.by);
        select(texts.len(), range, |one, other| direct(weights.get(one).cmp(&weights.get(other))))
    } else {
        select(texts.len(), range, |one, other| direct(by_text(one, other)))
    };
    elements.choose(chosen);
    Ok(())
}

/// The numbers below `len` that stand within `range` when sorted by `compare`, equal ones ascending.
/// Complexity: O(len + m log m) for m numbers in the range.
fn select(len: usize, range: Range<usize>, compare: impl Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let compare = |one: &usize, other: &usize| compare(*one, *other).then(one.cmp(other));
    let mut numbers: Vec<usize> = (0..len).collect();
    if range.end < len {
        numbers.select_nth_unstable_by(range.end, compare);
        numbers.truncate(range.end);
    }
    if range.start > 0 && range.start < numbers.len() {
        numbers.select_nth_unstable_by(range.start, compare);
    }
    numbers.drain(..range.start);
    numbers.sort_unstable_by(compare);
    numbers
}

/// A number for each element.
fn scores(ctx: &mut Ctx<'_>, texts: &Texts, by: By<'_>) -> CommandResult<Vec<f64>> {
    let mut reader = Reader::default();
    let score = |element: &[u8]| match by {
        By::Pattern(source) => {
            reader.read(ctx, &source, element, |value| value.map_or(Some(0.0), parse_score))
        }
        By::Element | By::Nothing => parse_score(element),
    };
    let scores: Option<Vec<f64>> = texts.iter().map(score).collect();
    scores.ok_or(CommandError::text("ERR One or more scores can't be converted into double"))
}

/// A number as Redis reads it here: up to the first zero byte, nothing is zero, no spaces, not hexadecimal.
fn parse_score(text: &[u8]) -> Option<f64> {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    if end == 0 {
        return Some(0.0);
    }
    let score: f64 = std::str::from_utf8(&text[..end]).ok()?.parse().ok()?;
    (!score.is_nan()).then_some(score)
}

/// A text for each element, where there is one. Elements without come first.
struct Weights {
    texts: Texts,
    /// Whether the text of the same number is there.
    is_there: Vec<bool>,
}

impl Weights {
    fn read(ctx: &mut Ctx<'_>, elements: &Texts, by: By<'_>) -> Self {
        let mut weights = Self { texts: Texts::default(), is_there: Vec::with_capacity(elements.len()) };
        let mut reader = Reader::default();
        if let By::Pattern(source) = by {
            for element in elements.iter() {
                reader.read(ctx, &source, element, |value| {
                    weights.is_there.push(value.is_some());
                    weights.texts.push(value.unwrap_or_default());
                });
            }
        }
        weights
    }

    fn get(&self, number: usize) -> Option<&[u8]> {
        self.is_there[number].then(|| self.texts.get(number))
    }
}
