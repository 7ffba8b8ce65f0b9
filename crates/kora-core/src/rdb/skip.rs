//! Passing over a value: where it ends, without building anything.

use super::format::{kind, module};
use super::read::Reader;
use super::{RdbError, RdbResult};

/// Lengths of a text score that stand for a number that has no text.
const SCORE_WORDS: std::ops::RangeInclusive<u8> = 253..=255;

/// Passes over the value of a type. Complexity: O(parts), however long their strings are.
pub(super) fn skip_value(reader: &mut Reader<'_>, value_kind: u8) -> RdbResult<()> {
    match value_kind {
        kind::STRING
        | kind::HASH_ZIPMAP..=kind::HASH_ZIPLIST
        | kind::HASH_LISTPACK
        | kind::ZSET_LISTPACK
        | kind::SET_LISTPACK
        | kind::HASH_LISTPACK_EX_EARLY => reader.skip_text(),
        kind::LIST | kind::SET | kind::LIST_QUICKLIST => each(reader, Reader::skip_text),
        kind::HASH => each(reader, skip_pair),
        kind::ZSET => each(reader, |reader| {
            reader.skip_text()?;
            skip_text_score(reader)
        }),
        kind::ZSET_2 => each(reader, |reader| {
            reader.skip_text()?;
            reader.take(8).map(drop)
        }),
        kind::LIST_QUICKLIST_2 => each(reader, |reader| {
            reader.number()?;
            reader.skip_text()
        }),
        kind::HASH_METADATA_EARLY => each(reader, skip_triple),
        kind::HASH_METADATA => {
            reader.take(8)?;
            each(reader, skip_triple)
        }
        kind::HASH_LISTPACK_EX => {
            reader.take(8)?;
            reader.skip_text()
        }
        kind::STREAM_LISTPACKS | kind::STREAM_LISTPACKS_2 | kind::STREAM_LISTPACKS_3 => {
            skip_stream(reader, value_kind)
        }
        kind::MODULE_2 => skip_module(reader),
        kind::MODULE_1 => Err(RdbError::Module),
        _ => Err(RdbError::Corrupt("a value of an unknown type")),
    }
}

/// Passes over as many things as a number before them says. Each has at least a byte: it ends where the bytes do.
fn each<'a>(reader: &mut Reader<'a>, skip: impl Fn(&mut Reader<'a>) -> RdbResult<()>) -> RdbResult<()> {
    (0..reader.number()?).try_for_each(|_| skip(reader))
}

fn skip_pair(reader: &mut Reader<'_>) -> RdbResult<()> {
    reader.skip_text()?;
    reader.skip_text()
}

fn skip_triple(reader: &mut Reader<'_>) -> RdbResult<()> {
    reader.number()?;
    skip_pair(reader)
}

fn skip_text_score(reader: &mut Reader<'_>) -> RdbResult<()> {
    let len = reader.byte()?;
    if SCORE_WORDS.contains(&len) { Ok(()) } else { reader.take(len.into()).map(drop) }
}

fn skip_numbers(reader: &mut Reader<'_>, count: usize) -> RdbResult<()> {
    (0..count).try_for_each(|_| reader.number().map(drop))
}

fn skip_stream(reader: &mut Reader<'_>, value_kind: u8) -> RdbResult<()> {
    let has_past = value_kind != kind::STREAM_LISTPACKS;
    each(reader, skip_pair)?;
    // Length and last ID; first ID, highest deleted ID and number of entries ever added.
    skip_numbers(reader, if has_past { 8 } else { 3 })?;
    each(reader, |reader| {
        reader.skip_text()?;
        skip_numbers(reader, if has_past { 3 } else { 2 })?;
        each(reader, |reader| {
            reader.take(16 + 8)?;
            reader.number().map(drop)
        })?;
        each(reader, |reader| {
            reader.skip_text()?;
            reader.take(if value_kind == kind::STREAM_LISTPACKS_3 { 16 } else { 8 })?;
            each(reader, |reader| reader.take(16).map(drop))
        })
    })
}

/// Passes over the value of a module, its name included.
fn skip_module(reader: &mut Reader<'_>) -> RdbResult<()> {
    reader.number()?;
    skip_module_parts(reader)
}

/// Passes over what a module stores beside keys.
pub(super) fn skip_module_aux(reader: &mut Reader<'_>) -> RdbResult<()> {
    reader.number()?;
    if reader.number()? != module::UNSIGNED {
        return Err(RdbError::Corrupt("a module's data that does not say when to load it"));
    }
    reader.number()?;
    skip_module_parts(reader)
}

fn skip_module_parts(reader: &mut Reader<'_>) -> RdbResult<()> {
    loop {
        match reader.number()? {
            module::EOF => return Ok(()),
            module::SIGNED | module::UNSIGNED => reader.number().map(drop)?,
            module::FLOAT => reader.take(4).map(drop)?,
            module::DOUBLE => reader.take(8).map(drop)?,
            module::TEXT => reader.skip_text()?,
            _ => return Err(RdbError::Corrupt("a module's value of an unknown form")),
        }
    }
}
