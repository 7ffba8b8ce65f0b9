//! Words of a text that a query found, marked in the text (HIGHLIGHT), and pieces of the text around them (SUMMARIZE), cut as RediSearch cuts.
//!
//! Words that are found with fewer than [`GAP_MAX`] others between two of them make a fragment. Its worth is the sum of the rarities of the
//! different words in it. The most valuable fragments are shown in the order of the text, each with some of the text around it, which is counted
//! in bytes, [`WORD_BYTES`] for a word, and loses words that are cut in two.

#[cfg(test)]
mod tests;

use std::ops::Range;

use kora_index::analysis::is_separator;

use crate::command::search::{Pieces, Tags};

/// How far apart words of one fragment may be.
const GAP_MAX: usize = 8;
/// What a word is taken to have, with what separates it from the next one.
const WORD_BYTES: u64 = 6;

/// A word of a text that the query found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FoundWord {
    /// Its number among the words of the text.
    pub(crate) place: usize,
    /// Where it is in the text.
    pub(crate) bytes: Range<usize>,
    /// The first word of the query that found it, by its number.
    pub(crate) term: usize,
}

/// A text with all words marked that were found.
pub(crate) fn highlight(text: &[u8], words: &[FoundWord], tags: &Tags) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    mark(text, 0..text.len(), words, Some(tags), &mut out);
    out
}

/// The best pieces of a text in which words were found; marked, if there are tags. `rarities` are those of the query's words.
///
/// Complexity: O(text).
pub(crate) fn summarize(
    text: &[u8],
    words: &[FoundWord],
    rarities: &[f64],
    pieces: &Pieces,
    tags: Option<&Tags>,
) -> Vec<u8> {
    let fragments = best(fragments(words, rarities), pieces.count);
    let mut out = Vec::new();
    for (place, fragment) in fragments.iter().enumerate() {
        let bytes = fragment.bytes();
        let floor = place.checked_sub(1).map_or(0, |before| fragments[before].bytes().end);
        let ceiling = fragments.get(place + 1).map_or(text.len(), |next| next.bytes().start);
        let whole = match fragment.context_bytes(pieces.words) {
            Some(around) => before(text, floor..bytes.start, around)..after(text, bytes.end..ceiling, around),
            None => bytes,
        };
        let mut piece = Vec::new();
        mark(text, whole, fragment.words, tags, &mut piece);
        push_collapsed(&piece, &mut out);
        out.extend_from_slice(pieces.separator.as_bytes());
    }
    out
}

/// The beginning of a text in which no word was found, about as long as its pieces would be.
pub(crate) fn trim(text: &[u8], pieces: &Pieces) -> Vec<u8> {
    let bytes = u64::from(pieces.words) * u64::from(pieces.count);
    let bytes = bytes.saturating_mul(WORD_BYTES).saturating_add(WORD_BYTES);
    let mut end = usize::try_from(bytes).unwrap_or(usize::MAX).min(text.len());
    while end > 1 && !is_separator(text[end - 1]) {
        end -= 1;
    }
    while end > 1 && text[end - 1].is_ascii_whitespace() {
        end -= 1;
    }
    let mut out = Vec::new();
    push_collapsed(&text[..end], &mut out);
    out
}

/// Adds a text in which blanks that follow each other are one.
fn push_collapsed(text: &[u8], out: &mut Vec<u8>) {
    let mut was_blank = false;
    for byte in text {
        let is_blank = byte.is_ascii_whitespace();
        if !(is_blank && was_blank) {
            out.push(if is_blank { b' ' } else { *byte });
        }
        was_blank = is_blank;
    }
}

/// Words that were found close to each other.
struct Fragment<'a> {
    words: &'a [FoundWord],
    score: f64,
}

impl Fragment<'_> {
    fn bytes(&self) -> Range<usize> {
        self.words[0].bytes.start..self.words[self.words.len() - 1].bytes.end
    }

    /// How many bytes are shown on either side; none if the fragment is too long as it is.
    fn context_bytes(&self, words: u32) -> Option<usize> {
        let span = self.words[self.words.len() - 1].place - self.words[0].place + 1;
        let own = u64::try_from(span - self.words.len()).unwrap_or(u64::MAX);
        let left = u64::from(words).checked_sub(own).filter(|left| *left > 0)?;
        usize::try_from(left / 2 * WORD_BYTES).ok()
    }
}

/// Parts words into fragments, in the order of the text.
fn fragments<'a>(words: &'a [FoundWord], rarities: &[f64]) -> Vec<Fragment<'a>> {
    let is_near = |one: &FoundWord, next: &FoundWord| next.place - one.place <= GAP_MAX;
    let score = |words: &[FoundWord]| {
        let mut terms: Vec<usize> = words.iter().map(|word| word.term).collect();
        terms.sort_unstable();
        terms.dedup();
        terms.iter().filter_map(|term| rarities.get(*term)).sum()
    };
    words.chunk_by(is_near).map(|words| Fragment { words, score: score(words) }).collect()
}

/// The most valuable fragments, the earlier ones of equals, in the order of the text.
fn best(mut fragments: Vec<Fragment<'_>>, count: u32) -> Vec<Fragment<'_>> {
    let start = |fragment: &Fragment<'_>| fragment.words[0].place;
    fragments.sort_by(|one, other| other.score.total_cmp(&one.score).then(start(one).cmp(&start(other))));
    fragments.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    fragments.sort_by_key(start);
    fragments
}

/// Where the text before a fragment begins that is shown: behind the first word of so many bytes, which may be half of one.
fn before(text: &[u8], within: Range<usize>, around: usize) -> usize {
    let end = within.end;
    let mut start = end.saturating_sub(around).max(within.start);
    while start < end && !is_separator(text[start]) {
        start += 1;
    }
    while start < end && is_separator(text[start]) {
        start += 1;
    }
    start
}

/// Where the text behind a fragment ends that is shown: before the last word of so many bytes, if it is cut in two or ends the text.
fn after(text: &[u8], within: Range<usize>, around: usize) -> usize {
    let start = within.start;
    if within.is_empty() {
        return start;
    }
    let mut end = start.saturating_add(around).min(within.end - 1);
    while end > start && !is_separator(text[end]) {
        end -= 1;
    }
    while end > start && is_separator(text[end]) {
        end -= 1;
    }
    end + 1
}

/// Writes part of a text, with its found words marked.
fn mark(text: &[u8], part: Range<usize>, words: &[FoundWord], tags: Option<&Tags>, out: &mut Vec<u8>) {
    let mut from = part.start;
    if let Some(tags) = tags {
        for word in words {
            out.extend_from_slice(&text[from..word.bytes.start]);
            out.extend_from_slice(tags.open.as_bytes());
            out.extend_from_slice(&text[word.bytes.clone()]);
            out.extend_from_slice(tags.close.as_bytes());
            from = word.bytes.end;
        }
    }
    out.extend_from_slice(&text[from..part.end]);
}
