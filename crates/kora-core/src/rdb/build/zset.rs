//! Sorted sets.

use super::super::format::kind;
use super::super::read::Reader;
use super::super::ziplist::Ziplist;
use super::super::{RdbError, RdbResult};
use super::{Loader, are_distinct, listpack_bytes};
use crate::keyspace::entry::{Entry, Kind, Packing};
use crate::number::parse_f64_clamped;
use crate::time::UnixMs;
use crate::types::listpack::{Element, ListPack};
use crate::types::zset::{Policy, ZSetLoader};

const NO_SCORE: RdbError = RdbError::Corrupt("a score that is no number");
const NO_PAIR: RdbError = RdbError::Corrupt("a member of a sorted set without score");

pub(super) fn build(
    value_kind: u8,
    reader: &mut Reader<'_>,
    (key, expiry): (&[u8], Option<UnixMs>),
    loader: &Loader<'_>,
) -> RdbResult<Entry> {
    let mut set = ZSetLoader::new(loader.seed);
    match value_kind {
        kind::ZSET_ZIPLIST => add_pairs(&mut set, Ziplist::check(&reader.text()?)?.iter())?,
        kind::ZSET_LISTPACK => {
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
                let score = if value_kind == kind::ZSET { text_score(reader)? } else { reader.f64_le()? };
                add(&mut set, &member, score)?;
            }
        }
    }
    set.into_entry(&Policy::new(loader.config, loader.seed), key, expiry).ok_or(RdbError::Empty)
}

/// Keeps a listpack that is in order.
fn packed(list: ListPack<'_>, key: &[u8], expiry: Option<UnixMs>) -> RdbResult<Entry> {
    if list.is_empty() {
        return Err(RdbError::Empty);
    }
    if !are_distinct(list, 2) {
        return Err(RdbError::Corrupt("a member of a sorted set twice"));
    }
    Ok(Entry::new_packed(key, (Kind::SortedSet, Packing::ListPack), list.bytes(), expiry))
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
