//! Where the words of a match stand, and how far from each other.
//!
//! Positions count the indexed words of a document, over all its text fields. The rules are RediSearch's: parts without positions (numbers, negations)
//! do not count; in order, each word is taken as early as it can be, not before the one before it; in any order, the window that moves is the one of
//! the least position.

use smallvec::SmallVec;

use super::Matcher;
use crate::postings::END;
use crate::varint::Reader;

/// Ascending. Most words stand at few places.
type Positions = SmallVec<[u32; 6]>;

/// Positions of a part at the document it stands at, ascending. None: the part does not count where positions do, by its kind; a group of parts counts
/// even if none of them has positions, and so do points.
fn positions_of(part: &Matcher<'_>) -> Option<Positions> {
    let mut positions = Positions::new();
    collect(part, &mut positions).then_some(positions)
}

/// Finds the same, in a list that is empty. Returns whether the part counts.
fn collect(part: &Matcher<'_>, positions: &mut Positions) -> bool {
    match part {
        Matcher::Term { cursor, .. } => {
            let bytes = cursor.entry().positions;
            let (mut reader, mut position) = (Reader::new(bytes), 0_u32);
            while !reader.is_done() {
                position = position.saturating_add(reader.read32());
                positions.push(position);
            }
            !bytes.is_empty()
        }
        Matcher::Or(or) => collect_all(or.matching(), positions),
        Matcher::And(and) => collect_all(and.parts.iter(), positions),
        Matcher::Optional { inner, at, .. } if inner.at() == *at => collect(inner, positions),
        Matcher::Counted(counted) => collect(&counted.inner, positions),
        Matcher::Set { is_group: true, .. } => true,
        _ => false,
    }
}

/// Finds the positions of several parts, which count unless all of them are negations and the like.
fn collect_all<'m, 'a: 'm>(parts: impl Iterator<Item = &'m Matcher<'a>>, positions: &mut Positions) -> bool {
    let (mut counts, mut with_positions) = (false, 0);
    for part in parts {
        let before = positions.len();
        counts |= collect(part, positions) || !is_virtual(part);
        with_positions += usize::from(positions.len() > before);
    }
    if with_positions > 1 {
        positions.sort_unstable();
    }
    counts
}

fn is_virtual(part: &Matcher<'_>) -> bool {
    match part {
        Matcher::Nothing | Matcher::All { .. } | Matcher::Missing { .. } | Matcher::Not { .. } => true,
        Matcher::Optional { inner, at, .. } => inner.at() != *at || is_virtual(inner),
        Matcher::Counted(counted) => is_virtual(&counted.inner),
        Matcher::Term { .. } | Matcher::Set { .. } | Matcher::Near { .. } => false,
        Matcher::And(_) | Matcher::Or(_) => false,
    }
}

/// Whether there is a position of each part such that at most `slop` words stand between them.
pub(super) fn is_within(parts: &[Matcher<'_>], slop: u64, in_order: bool) -> bool {
    if parts.len() <= 1 {
        return true;
    }
    let lists: SmallVec<[Positions; 4]> = parts.iter().filter_map(positions_of).collect();
    // The oracle takes a group without positions as being anywhere, unless an order is asked for.
    if lists.is_empty() || (!in_order && lists.iter().any(|list| list.is_empty())) {
        return true;
    }
    if in_order {
        is_within_in_order(&lists, i64::try_from(slop).unwrap_or(i64::MAX))
    } else {
        is_within_in_any_order(&lists, slop)
    }
}

fn is_within_in_order(lists: &[Positions], slop: i64) -> bool {
    let Some((first, others)) = lists.split_first() else { return false };
    let mut places = vec![0; others.len()];
    'starts: for start in first {
        let (mut last, mut span) = (*start, 0_i64);
        for (list, place) in others.iter().zip(&mut places) {
            while list.get(*place).is_some_and(|position| *position < last) {
                *place += 1;
            }
            let Some(position) = list.get(*place) else { return false };
            span += i64::from(position - last) - 1;
            last = *position;
            if span > slop {
                continue 'starts;
            }
        }
        return true;
    }
    false
}

fn is_within_in_any_order(lists: &[Positions], slop: u64) -> bool {
    let mut places = vec![0; lists.len()];
    let between = lists.len() as u64 - 1;
    loop {
        let (mut least, mut least_at, mut greatest) = (END, 0, 0);
        for (at, list) in lists.iter().enumerate() {
            let Some(position) = list.get(places[at]) else { return false };
            if *position < least {
                (least, least_at) = (*position, at);
            }
            greatest = greatest.max(*position);
        }
        if least != greatest && u64::from(greatest - least).saturating_sub(between) <= slop {
            return true;
        }
        places[least_at] += 1;
    }
}

/// What scores are divided by: the root of the sum of the squares of the least distances between neighbouring parts, as a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a small whole number"
)]
pub(crate) fn distance(part: &Matcher<'_>) -> u64 {
    let parts: SmallVec<[&Matcher<'_>; 4]> = match part {
        Matcher::And(and) => and.parts.iter().collect(),
        Matcher::Or(or) if or.first_only => return 1,
        Matcher::Or(or) => or.matching().collect(),
        Matcher::Optional { inner, at, .. } if inner.at() == *at => return distance(inner),
        Matcher::Counted(counted) => return distance(&counted.inner),
        _ => return 1,
    };
    let count = parts.len();
    if count <= 1 {
        return 1;
    }
    let (mut total, mut has_last) = (0_u64, false);
    let (mut last, mut next) = (Positions::new(), Positions::new());
    for part in parts {
        next.clear();
        if collect(part, &mut next) {
            if has_last {
                let least = least_distance(&last, &next);
                total = total.saturating_add(least.saturating_mul(least));
            }
            (last, next, has_last) = (next, last, true);
        }
    }
    if total == 0 { count as u64 - 1 } else { (total as f64).sqrt() as u64 }
}

/// The least distance between positions of two lists. Where one is empty, the oracle counts from the position before the first one.
fn least_distance(one: &[u32], other: &[u32]) -> u64 {
    let (mut ones, mut others) = (one.iter().copied(), other.iter().copied());
    let mut next_one = ones.next();
    let mut next_other = others.next();
    let place = |position: Option<u32>| position.map_or(-1, i64::from);
    let between = |one: Option<u32>, other: Option<u32>| place(one).abs_diff(place(other));
    let mut least = between(next_one, next_other);
    while least > 1
        && let (Some(at), Some(other_at)) = (next_one, next_other)
    {
        least = least.min(between(next_one, next_other));
        if other_at > at {
            next_one = ones.next();
        } else {
            next_other = others.next();
        }
    }
    least
}
