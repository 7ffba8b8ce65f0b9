//! A small sorted set: pairs of member and score, in order.
//!
//! A whole score is stored as an integer, any other as its text, as Redis does in a listpack. Looking anything up is linear, which for so
//! few entries that lie next to each other is as fast as any index.

use std::cmp::Ordering;
use std::ops::Range;

use kora_format::double::encode_double;
use smallvec::SmallVec;

use super::bounds::{LexRange, ScoreRange};
use crate::packed::listpack::{Buffer, Element};
use crate::packed::pairs::{self, Pair, Pairs, TakenPairs};

/// A packed sorted set, for reading.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed<'a> {
    pairs: Pairs<'a>,
    byte_count: usize,
}

/// The score that an element tells.
#[inline]
fn score_of(element: Element<'_>) -> f64 {
    match element {
        #[expect(clippy::cast_precision_loss, reason = "only what a double holds is stored as an integer")]
        Element::Integer(whole) => whole as f64,
        Element::Bytes(text) => read_score(text),
    }
}

/// Compares an entry with another one.
#[inline]
fn compare((own_member, own_score): Pair<'_>, score: f64, member: Element<'_>) -> Ordering {
    let by_score = score_of(own_score).partial_cmp(&score).expect("scores are never NaN");
    by_score.then_with(|| own_member.with(|own| member.with(|member| own.cmp(member))))
}

/// Reads what [`with_score`] or Redis wrote.
fn read_score(text: &[u8]) -> f64 {
    let text = std::str::from_utf8(text).expect("a score is written in ASCII");
    text.parse().expect("a score is a number")
}

/// Lends a score as an element. As in Redis, a zero loses its sign.
fn with_score<T>(score: f64, use_score: impl FnOnce(Element<'_>) -> T) -> T {
    use_score(Element::of(&encode_double(if score == 0.0 { 0.0 } else { score })))
}

impl<'a> Packed<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { pairs: Pairs::new(bytes), byte_count: bytes.len() }
    }

    #[inline]
    pub(super) fn len(self) -> usize {
        self.pairs.len()
    }

    pub(super) fn byte_count(self) -> usize {
        self.byte_count
    }

    /// The rank of `member`, and its score.
    #[inline]
    pub(super) fn find(self, member: &[u8]) -> Option<(usize, f64)> {
        self.pairs.find(member).map(|found| (found.index, score_of(found.second)))
    }

    pub(super) fn walk(
        self,
        start: usize,
        count: usize,
        is_reverse: bool,
        mut visit: impl FnMut(Element<'a>, f64) -> bool,
    ) {
        let mut visit_pair = |(member, score): Pair<'a>| visit(member, score_of(score));
        if is_reverse {
            let taken: TakenPairs<'a> = self.pairs.iter().take(start + 1).collect();
            taken.into_iter().rev().take(count).all(visit_pair);
        } else {
            self.pairs.iter().skip(start).take(count).all(&mut visit_pair);
        }
    }

    /// The ranks of the scores in a range.
    pub(super) fn score_ranks(self, range: &ScoreRange) -> Range<usize> {
        let scores = || self.pairs.iter().map(|(_, score)| score_of(score));
        let start = scores().take_while(|score| range.is_above(*score)).count();
        let reached = scores().skip(start).take_while(|score| range.reaches(*score));
        start..start + reached.count()
    }

    /// The ranks of the members in a range. Where scores differ this is what Redis makes of it: it looks for one end
    /// of the range, and goes on as long as members are within the other.
    pub(super) fn lex_ranks(self, range: &LexRange<'_>, is_reverse: bool) -> Range<usize> {
        let members: SmallVec<[Element<'a>; 32]> = self.pairs.iter().map(|(member, _)| member).collect();
        let is_above = |member: &&Element<'_>| member.with(|text| range.is_above(text));
        let reaches = |member: &&Element<'_>| member.with(|text| range.reaches(text));
        let (first, last) = (members.first(), members.last());
        if last.is_none_or(|last| is_above(&last)) || first.is_none_or(|first| !reaches(&first)) {
            return 0..0;
        }
        if is_reverse {
            let beyond = members.iter().rev().take_while(|member| !reaches(member)).count();
            let end = members.len() - beyond;
            let within = members[..end].iter().rev().take_while(|member| !is_above(member));
            end - within.count()..end
        } else {
            let start = members.iter().take_while(is_above).count();
            start..start + members[start..].iter().take_while(reaches).count()
        }
    }
}

/// The bytes of a set of these entries, which are in order.
pub(super) fn pack(entries: &[(&[u8], f64)]) -> Vec<u8> {
    let scores: Vec<_> =
        entries.iter().map(|(_, score)| with_score(*score, |score| score.to_vec())).collect();
    let pairs: Vec<_> = entries
        .iter()
        .zip(&scores)
        .map(|((member, _), score)| (Element::of(member), Element::of(score)))
        .collect();
    pairs::pack(&pairs)
}

/// Adds an entry whose member is not there.
pub(super) fn insert<B: Buffer + ?Sized>(buffer: &mut B, member: &[u8], score: f64) {
    let member = Element::of(member);
    let set = Pairs::new(buffer.bytes());
    let is_before = |pair: &Pair<'_>| compare(*pair, score, member) == Ordering::Less;
    // Many are added in order.
    let rank = match set.last() {
        Some(last) if !is_before(&last) => set.iter().take_while(is_before).count(),
        _ => set.len(),
    };
    with_score(score, |score| pairs::insert(buffer, rank, (member, score)));
}

/// Gives the entry at `rank` another score.
pub(super) fn rescore<B: Buffer + ?Sized>(buffer: &mut B, rank: usize, score: f64) {
    let set = Pairs::new(buffer.bytes());
    let (member, old) = set.iter().nth(rank).expect("there is such an entry");
    let is_before = |pair: &Pair<'_>| compare(*pair, score, member) == Ordering::Less;
    let new_rank = if score < score_of(old) {
        set.iter().take(rank).take_while(is_before).count()
    } else {
        rank + set.iter().skip(rank + 1).take_while(is_before).count()
    };
    if new_rank == rank {
        return with_score(score, |score| pairs::set_second(buffer, rank, score));
    }
    let member: SmallVec<[u8; 64]> = member.with(SmallVec::from_slice);
    pairs::remove(buffer, rank, 1);
    with_score(score, |score| pairs::insert(buffer, new_rank, (Element::of(&member), score)));
}
