//! Suggestions of FT.SUG*: texts with scores, found by how they begin.
//!
//! A text that begins like what was typed scores less the longer it is: its score is divided by the square root of one more than the
//! characters that it has on top. A change costs a factor of e^-2. What is as long as the typed text and has its first half,
//! case included, comes first. These are the numbers of RediSearch, in 32 bits.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::distance::of_prefix;

/// Longest text that is kept, in characters.
const LENGTH_MAX: usize = 255;

/// Score of what is the typed text itself.
const EXACT: f32 = 2_147_483_648.0;

/// Suggestions of one key, in the order of their texts without ASCII case.
#[derive(Clone, Debug, Default)]
pub struct Suggestions {
    /// Texts in lower case, then as they are.
    texts: BTreeMap<(String, String), Suggestion>,
}

#[derive(Clone, Debug)]
struct Suggestion {
    score: f32,
    payload: Option<Vec<u8>>,
}

/// A suggestion for what was typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggested<'a> {
    /// The text.
    pub text: &'a str,
    /// How well it fits.
    pub score: f32,
    /// What was stored with it.
    pub payload: Option<&'a [u8]>,
}

impl Suggestions {
    /// Adds a text, or sets the score of one that is there or, with `increments`, adds to it. Its payload stays unless one is given. An
    /// empty text, one that is too long and a new one with score 0 are not kept. Complexity: O(log n).
    #[expect(clippy::cast_possible_truncation, reason = "scores have 32 bits")]
    pub fn add(&mut self, text: &str, score: f64, increments: bool, payload: Option<&[u8]>) {
        let score = score as f32;
        if text.is_empty() || text.chars().count() > LENGTH_MAX {
            return;
        }
        match self.texts.entry(key(text)) {
            Entry::Occupied(mut kept) => {
                let kept = kept.get_mut();
                kept.score = if increments { kept.score + score } else { score };
                if let Some(payload) = payload {
                    kept.payload = Some(payload.to_vec());
                }
            }
            Entry::Vacant(room) if score != 0.0 => {
                room.insert(Suggestion { score, payload: payload.map(<[u8]>::to_vec) });
            }
            Entry::Vacant(_) => (),
        }
    }

    /// Removes a text; whether it was there. Complexity: O(log n).
    pub fn remove(&mut self, text: &str) -> bool {
        self.texts.remove(&key(text)).is_some()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// All texts with their scores and payloads, in order.
    pub fn iter(&self) -> impl Iterator<Item = Suggested<'_>> {
        self.texts.iter().map(|((_, text), kept)| Suggested {
            text,
            score: kept.score,
            payload: kept.payload.as_deref(),
        })
    }

    /// The best suggestions for what was typed, in any ASCII case; `is_fuzzy` admits one change of it. Complexity: O(m log k) for m
    /// texts that begin so, of which k are asked for; fuzzy, O(n p) for n texts and p typed characters.
    #[must_use]
    pub fn get(&self, typed: &str, is_fuzzy: bool, max: usize) -> Vec<Suggested<'_>> {
        let typed = typed.to_ascii_lowercase();
        let characters: Vec<_> = typed.chars().collect();
        let mut found = Vec::new();
        if is_fuzzy {
            for ((lower, text), kept) in &self.texts {
                let whole: Vec<_> = lower.chars().take(characters.len() + 1).collect();
                if let Some(changes) = changes(&characters, &whole) {
                    keep(&mut found, suggested(text, kept, &typed, &characters, changes), max);
                }
            }
        } else {
            let from = (typed.clone(), String::new());
            let beginning = self.texts.range(from..).take_while(|((lower, _), _)| lower.starts_with(&typed));
            for ((_, text), kept) in beginning {
                keep(&mut found, suggested(text, kept, &typed, &characters, 0), max);
            }
        }
        sort(&mut found);
        found.truncate(max);
        found
    }
}

fn key(text: &str) -> (String, String) {
    (text.to_ascii_lowercase(), text.to_owned())
}

/// Changes between what was typed and a beginning of a text, at most one. If nothing was typed, RediSearch counts one.
fn changes(typed: &[char], whole: &[char]) -> Option<usize> {
    if typed.is_empty() { Some(1) } else { of_prefix(typed, whole, 1) }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "factors are rounded to 32 bits"
)]
fn suggested<'a>(
    text: &'a str,
    kept: &'a Suggestion,
    typed: &str,
    characters: &[char],
    changes: usize,
) -> Suggested<'a> {
    let length = text.chars().count();
    let half = characters.len().div_ceil(2);
    let is_alike = text.chars().take(half).eq(characters.iter().take(half).copied());
    let is_exact = length == characters.len() && is_alike;
    let score = if is_exact { EXACT } else { kept.score };
    let changed = (f64::from(score) * (-2.0 * changes as f64).exp()) as f32;
    // RediSearch counts what was typed in bytes.
    let more = length.abs_diff(typed.len()) as f64;
    let score = (f64::from(changed) / (more + 1.0).sqrt()) as f32;
    Suggested { text, score, payload: kept.payload.as_deref() }
}

/// Keeps one more, and no more than twice as many as are asked for.
fn keep<'a>(found: &mut Vec<Suggested<'a>>, one: Suggested<'a>, max: usize) {
    found.push(one);
    if found.len() > max.saturating_mul(2).max(64) {
        sort(found);
        found.truncate(max);
    }
}

/// By score, then by text.
fn sort(found: &mut [Suggested<'_>]) {
    found.sort_by(|left, right| right.score.total_cmp(&left.score).then_with(|| left.text.cmp(right.text)));
}
