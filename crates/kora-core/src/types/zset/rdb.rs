//! Sorted sets in files.

use super::{Policy, ZSetLoader, ZSetRef};
use crate::codec::{
    RdbError, RdbResult, Reader, Style, Ziplist, are_distinct, listpack_bytes, put_count, put_text,
    value_code,
};
use crate::entry::data_type::{Head, Loader, NumberedPieces, Rest};
use crate::entry::{Entry, Kind, Packing};
use crate::number::parse_f64_clamped;
use crate::packed::listpack::{Element, ListPack};
use crate::packed::pairs::{self, Pairs};
use crate::time::UnixMs;
use crate::types::PIECE_RECORDS;

const NO_SCORE: RdbError = RdbError::Corrupt("a score that is no number");
const NO_PAIR: RdbError = RdbError::Corrupt("a member of a sorted set without score");

/// Lengths of a text score that stand for a number that has no text.
const SCORE_WORDS: std::ops::RangeInclusive<u8> = 253..=255;

pub(super) fn write(entry: &Entry, style: Style, out: &mut Vec<u8>) -> Rest {
    if let Some((_, bytes)) = entry.packed() {
        put_text(out, &Pairs::new(bytes).to_listpack(), style.compress);
        return None;
    }
    let len = ZSetRef::of(entry)?.len();
    put_count(out, len);
    (len > 0).then(|| NumberedPieces::from(len as u64, write_ranks))
}

/// Writes members and scores of which so many are left, the highest first, as Redis does.
fn write_ranks(entry: &Entry, left: u64, style: Style, out: &mut Vec<u8>) -> Option<u64> {
    let set = ZSetRef::of(entry).expect("the value has not changed");
    let left = usize::try_from(left).ok()?;
    set.walk(left.checked_sub(1)?, PIECE_RECORDS, true, |member, score| {
        put_text(out, member, style.compress);
        out.extend_from_slice(&score.to_le_bytes());
        true
    });
    left.checked_sub(PIECE_RECORDS).filter(|left| *left > 0).map(|left| left as u64)
}

pub(super) fn skip(reader: &mut Reader<'_>, code: u8) -> RdbResult<()> {
    match code {
        value_code::ZSET => reader.skip_each(|reader| {
            reader.skip_text()?;
            let len = reader.byte()?;
            if SCORE_WORDS.contains(&len) { Ok(()) } else { reader.take(len.into()).map(drop) }
        }),
        value_code::ZSET_2 => reader.skip_each(|reader| {
            reader.skip_text()?;
            reader.take(8).map(drop)
        }),
        _ => reader.skip_text(),
    }
}

pub(super) fn read(
    value_kind: u8,
    reader: &mut Reader<'_>,
    (key, expiry): Head<'_>,
    loader: &Loader<'_>,
) -> RdbResult<Entry> {
    let mut set = ZSetLoader::new(loader.seed);
    match value_kind {
        value_code::ZSET_ZIPLIST => add_pairs(&mut set, Ziplist::check(&reader.text()?)?.iter())?,
        value_code::ZSET_LISTPACK => {
            let text = reader.text()?;
            let bytes = listpack_bytes(&text)?;
            let list = ListPack::new(&bytes);
            if list.len() as u64 <= 2 * loader.config.zset_max_listpack_entries && is_in_order(list)? {
                return packed(list, key, expiry);
            }
            add_pairs(&mut set, list.iter())?;
        }
        _ => {
            for _ in 0..reader.number()? {
                let member = reader.text()?;
                let score =
                    if value_kind == value_code::ZSET { text_score(reader)? } else { reader.f64_le()? };
                add(&mut set, &member, score)?;
            }
        }
    }
    set.into_entry(&Policy::new(loader.config, loader.seed), key, expiry).ok_or(RdbError::Empty)
}

/// Keeps the pairs of a listpack that is in order.
fn packed(list: ListPack<'_>, key: &[u8], expiry: Option<UnixMs>) -> RdbResult<Entry> {
    if list.is_empty() {
        return Err(RdbError::Empty);
    }
    if !are_distinct(list, 2) {
        return Err(RdbError::Corrupt("a member of a sorted set twice"));
    }
    Ok(Entry::new_packed(key, (Kind::SortedSet, Packing::Pairs), &pairs::of_listpack(list), expiry))
}

/// Whether members with their scores ascend.
fn is_in_order(list: ListPack<'_>) -> RdbResult<bool> {
    let mut elements = list.iter();
    let mut last: Option<(f64, Element<'_>)> = None;
    while let Some(member) = elements.next() {
        let score = score(elements.next().ok_or(NO_PAIR)?)?;
        let is_behind = last.is_none_or(|(before, other)| {
            before < score || (before == score && other.with(|other| member.with(|member| other < member)))
        });
        if !is_behind {
            return Ok(false);
        }
        last = Some((score, member));
    }
    Ok(true)
}

fn add_pairs<'a>(set: &mut ZSetLoader, mut elements: impl Iterator<Item = Element<'a>>) -> RdbResult<()> {
    while let Some(member) = elements.next() {
        let score = score(elements.next().ok_or(NO_PAIR)?)?;
        member.with(|member| add(set, member, score))?;
    }
    Ok(())
}

fn add(set: &mut ZSetLoader, member: &[u8], score: f64) -> RdbResult<()> {
    if score.is_nan() {
        return Err(NO_SCORE);
    }
    if set.add(member, score) { Ok(()) } else { Err(RdbError::Corrupt("a member of a sorted set twice")) }
}

/// The score that an element of a listpack or a ziplist tells.
fn score(element: Element<'_>) -> RdbResult<f64> {
    match element {
        #[expect(clippy::cast_precision_loss, reason = "as the sorted set itself reads it")]
        Element::Integer(whole) => Ok(whole as f64),
        Element::Bytes(text) => {
            let score = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
            score.filter(|score: &f64| !score.is_nan()).ok_or(NO_SCORE)
        }
    }
}

/// A score as the first versions laid it down.
fn text_score(reader: &mut Reader<'_>) -> RdbResult<f64> {
    match reader.byte()? {
        253 => Err(NO_SCORE),
        254 => Ok(f64::INFINITY),
        255 => Ok(f64::NEG_INFINITY),
        len => parse_f64_clamped(reader.take(len.into())?).ok_or(NO_SCORE),
    }
}
