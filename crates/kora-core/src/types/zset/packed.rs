//! A small sorted set: one listpack of members and scores in turn, in order, byte for byte as Redis lays it out.
//!
//! A whole score is stored as an integer, any other as its text. Looking anything up is linear, which for so few elements
//! that lie next to each other is as fast as any index.

use std::cmp::Ordering;
use std::ops::Range;

use kora_format::double::encode_double;

use super::bounds::{LexRange, ScoreRange};
use crate::packed::listpack::{self, At, Buffer, Element, ListPack};

/// A packed sorted set, for reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed<'a>(ListPack<'a>);

/// An entry and where it begins.
#[derive(Clone, Copy, Debug)]
struct Entry<'a> {
    at: At,
    member: Element<'a>,
    score: Element<'a>,
}

impl Entry<'_> {
    #[inline]
    fn score(&self) -> f64 {
        match self.score {
            #[expect(
                clippy::cast_precision_loss,
                reason = "only what a double holds is stored as an integer"
            )]
            Element::Integer(whole) => whole as f64,
            Element::Bytes(text) => read_score(text),
        }
    }

    /// Compares with an entry that may not be there.
    #[inline]
    fn compare(&self, score: f64, member: &[u8]) -> Ordering {
        let by_score = self.score().partial_cmp(&score).expect("scores are never NaN");
        by_score.then_with(|| self.member.with(|own| own.cmp(member)))
    }
}

/// Reads what [`write_score`] or Redis wrote.
fn read_score(text: &[u8]) -> f64 {
    let text = std::str::from_utf8(text).expect("a score is written in ASCII");
    text.parse().expect("a score is a number")
}

/// Lends the text of a score. As in Redis, a zero loses its sign.
fn write_score<T>(score: f64, use_text: impl FnOnce(&[u8]) -> T) -> T {
    use_text(&encode_double(if score == 0.0 { 0.0 } else { score }))
}

impl<'a> Packed<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(ListPack::new(bytes))
    }

    pub(super) fn len(self) -> usize {
        self.0.len() / 2
    }

    pub(super) fn bytes(self) -> &'a [u8] {
        self.0.bytes()
    }

    #[inline]
    fn entry(self, at: At) -> Entry<'a> {
        let score = self.0.next(at).expect("each member has a score behind it");
        Entry { at, member: self.0.get(at), score: self.0.get(score) }
    }

    fn next(self, at: At) -> Option<At> {
        self.0.next(self.0.next(at)?)
    }

    fn previous(self, at: At) -> Option<At> {
        self.0.previous(self.0.previous(at)?)
    }

    fn entries(self) -> impl Iterator<Item = Entry<'a>> {
        std::iter::successors(self.0.first(), move |at| self.next(*at)).map(move |at| self.entry(at))
    }

    fn entries_reversed(self) -> impl Iterator<Item = Entry<'a>> {
        let last = self.0.last().and_then(|score| self.0.previous(score));
        std::iter::successors(last, move |at| self.previous(*at)).map(move |at| self.entry(at))
    }

    /// Where `member` is, and its score.
    #[inline]
    pub(super) fn find(self, member: &[u8]) -> Option<(At, f64)> {
        let at = self.0.find(self.0.first(), member, 1)?;
        Some((at, self.entry(at).score()))
    }

    pub(super) fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        let (wanted, score) = self.find(member)?;
        let rank = self.entries().take_while(|entry| entry.at != wanted).count();
        Some((rank, score))
    }

    /// Where the entry of a rank begins.
    fn select(self, rank: usize) -> Option<At> {
        self.0.at(isize::try_from(rank * 2).ok()?)
    }

    pub(super) fn walk(
        self,
        start: usize,
        count: usize,
        is_reverse: bool,
        mut visit: impl FnMut(Element<'a>, f64) -> bool,
    ) {
        let step = |at: &At| if is_reverse { self.previous(*at) } else { self.next(*at) };
        for at in std::iter::successors(self.select(start), step).take(count) {
            let entry = self.entry(at);
            if !visit(entry.member, entry.score()) {
                return;
            }
        }
    }

    /// The ranks of the scores in a range.
    pub(super) fn score_ranks(self, range: &ScoreRange) -> Range<usize> {
        let start = self.entries().take_while(|entry| range.is_above(entry.score())).count();
        let reached = self.entries().skip(start).take_while(|entry| range.reaches(entry.score()));
        start..start + reached.count()
    }

    /// The ranks of the members in a range. Where scores differ this is what Redis makes of it: it looks for one end
    /// of the range, and goes on as long as members are within the other.
    pub(super) fn lex_ranks(self, range: &LexRange<'_>, is_reverse: bool) -> Range<usize> {
        let is_above = |entry: &Entry<'_>| entry.member.with(|member| range.is_above(member));
        let reaches = |entry: &Entry<'_>| entry.member.with(|member| range.reaches(member));
        let (first, last) = (self.entries().next(), self.entries_reversed().next());
        if last.is_none_or(|last| is_above(&last)) || first.is_none_or(|first| !reaches(&first)) {
            return 0..0;
        }
        if is_reverse {
            let beyond = self.entries_reversed().take_while(|entry| !reaches(entry)).count();
            let end = self.len() - beyond;
            let within = self.entries_reversed().skip(beyond).take_while(|entry| !is_above(entry));
            end - within.count()..end
        } else {
            let start = self.entries().take_while(is_above).count();
            start..start + self.entries().skip(start).take_while(reaches).count()
        }
    }
}

/// Adds an entry whose member is not there.
pub(super) fn insert<B: Buffer + ?Sized>(buffer: &mut B, member: &[u8], score: f64) {
    let packed = Packed::new(buffer.bytes());
    let last = packed.entries_reversed().next();
    let behind = match last {
        Some(last) if last.compare(score, member) == Ordering::Greater => packed
            .entries()
            .find(|entry| entry.compare(score, member) == Ordering::Greater)
            .map(|entry| entry.at),
        _ => None,
    };
    write_score(score, |score| match behind {
        Some(at) => {
            listpack::insert(buffer, at, score);
            listpack::insert(buffer, at, member);
        }
        None => {
            listpack::push_back(buffer, member);
            listpack::push_back(buffer, score);
        }
    });
}

/// Removes `count` entries from the one at `at` on.
pub(super) fn remove<B: Buffer + ?Sized>(buffer: &mut B, at: At, count: usize) {
    listpack::remove(buffer, at, count * 2);
}

/// Removes the entries of a range of ranks.
pub(super) fn remove_ranks<B: Buffer + ?Sized>(buffer: &mut B, ranks: Range<usize>) {
    if let Some(at) = Packed::new(buffer.bytes()).select(ranks.start) {
        remove(buffer, at, ranks.len());
    }
}
