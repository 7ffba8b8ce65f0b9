//! Arguments that several stream commands read alike: IDs, ends of ranges, and how to trim.

use crate::command::generic::scan::parse_cursor;
use crate::config::CoreConfig;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::types::stream::{BlockLimits, References, StreamId, Threshold, Trim};

/// An argument that should be an ID is none.
pub(super) const INVALID_ID: CommandError =
    CommandError::text("ERR Invalid stream ID specified as stream command argument");

/// LIMIT is for approximate trimming.
const LIMIT_OF_EXACT: CommandError =
    CommandError::text("ERR syntax error, LIMIT cannot be used without the special ~ option");

/// Longest text that is read as an ID.
const ID_BYTES_MAX: usize = 127;

/// Most entries that approximate trimming takes away when no limit is given.
const DEFAULT_LIMIT_MAX: u64 = 1_000_000;
/// The same when blocks have no limit.
const DEFAULT_LIMIT: u64 = 10_000;

/// An ID in full or without its second part, which is then `seq`.
///
/// # Errors
/// [`INVALID_ID`].
pub(super) fn parse_id(text: &[u8], seq: u64) -> CommandResult<StreamId> {
    // Numbers are read as C reads strings: up to a NUL.
    let text = &text[..memchr::memchr(0, text).unwrap_or(text.len())];
    if text.len() > ID_BYTES_MAX {
        return Err(INVALID_ID);
    }
    let (ms, seq) = match memchr::memchr(b'-', text) {
        Some(dash) => (parse_cursor(&text[..dash]), parse_cursor(&text[dash + 1..])),
        None => (parse_cursor(text), Some(seq)),
    };
    Ok(StreamId::new(ms.ok_or(INVALID_ID)?, seq.ok_or(INVALID_ID)?))
}

/// An ID where `-` and `+` are none.
pub(super) fn parse_strict_id(text: &[u8]) -> CommandResult<StreamId> {
    parse_id(text, 0)
}

/// The lower end of a range, included: `-`, an ID, or `(` and an ID that is not included.
pub(super) fn parse_start(text: &[u8]) -> CommandResult<StreamId> {
    let (id, is_exclusive) = parse_end_of_range(text, 0)?;
    let start = if is_exclusive { id.next() } else { Some(id) };
    start.ok_or(CommandError::text("ERR invalid start ID for the interval"))
}

/// The upper end of a range, included: `+`, an ID, or `(` and an ID that is not included.
pub(super) fn parse_end(text: &[u8]) -> CommandResult<StreamId> {
    let (id, is_exclusive) = parse_end_of_range(text, u64::MAX)?;
    let end = if is_exclusive { id.previous() } else { Some(id) };
    end.ok_or(CommandError::text("ERR invalid end ID for the interval"))
}

fn parse_end_of_range(text: &[u8], seq: u64) -> CommandResult<(StreamId, bool)> {
    match text {
        b"-" => Ok((StreamId::MIN, false)),
        b"+" => Ok((StreamId::MAX, false)),
        [b'(', id @ ..] if !id.is_empty() => Ok((parse_id(id, seq)?, true)),
        id => Ok((parse_id(id, seq)?, false)),
    }
}

/// An integer.
///
/// # Errors
/// `NotInteger`.
pub(super) fn parse_integer(text: &[u8]) -> CommandResult<i64> {
    parse_i64(text).ok_or(CommandError::NotInteger)
}

/// The count of entries to answer at most: nothing below 0.
pub(super) fn parse_count(text: &[u8]) -> CommandResult<u64> {
    Ok(u64::try_from(parse_integer(text)?).unwrap_or(0))
}

/// What the settings say of blocks.
pub(super) fn block_limits(config: &CoreConfig) -> BlockLimits {
    BlockLimits { bytes_max: config.stream_node_max_bytes, entries_max: config.stream_node_max_entries }
}

/// The options KEEPREF, DELREF and ACKED.
pub(super) fn parse_references(word: &[u8]) -> Option<References> {
    let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
    match () {
        () if is(b"KEEPREF") => Some(References::Keep),
        () if is(b"DELREF") => Some(References::Delete),
        () if is(b"ACKED") => Some(References::Respect),
        () => None,
    }
}

/// Options on trimming of XADD and XTRIM, as far as they were read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TrimOptions {
    threshold: Option<Threshold>,
    is_approximate: bool,
    limit: Option<u64>,
    references: Option<References>,
}

impl TrimOptions {
    /// Reads one option from the beginning of `args`; what follows it, or `None` if it is none of trimming's.
    pub(super) fn take<'s, 'a>(&mut self, args: &'s [&'a [u8]]) -> CommandResult<Option<&'s [&'a [u8]]>> {
        let [word, rest @ ..] = args else { return Ok(None) };
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        if !rest.is_empty() {
            if is(b"MAXLEN") || is(b"MINID") {
                return self.take_threshold(is(b"MAXLEN"), rest).map(Some);
            }
            if is(b"LIMIT") {
                let limit = u64::try_from(parse_integer(rest[0])?);
                self.limit =
                    Some(limit.map_err(|_| CommandError::text("ERR The LIMIT argument must be >= 0."))?);
                return Ok(Some(&rest[1..]));
            }
        }
        match parse_references(word) {
            Some(_) if self.references.is_some() => Err(CommandError::Syntax),
            Some(references) => {
                self.references = Some(references);
                Ok(Some(rest))
            }
            None => Ok(None),
        }
    }

    fn take_threshold<'s, 'a>(
        &mut self,
        is_length: bool,
        args: &'s [&'a [u8]],
    ) -> CommandResult<&'s [&'a [u8]]> {
        if self.threshold.is_some() {
            return Err(CommandError::text(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let (is_approximate, args) = match args {
            [b"~", _, ..] => (true, &args[1..]),
            [b"=", _, ..] => (false, &args[1..]),
            _ => (false, args),
        };
        self.is_approximate = is_approximate;
        self.threshold = Some(if is_length {
            let length = u64::try_from(parse_integer(args[0])?);
            Threshold::Length(
                length.map_err(|_| CommandError::text("ERR The MAXLEN argument must be >= 0."))?,
            )
        } else {
            Threshold::Id(parse_id(args[0], 0)?)
        });
        Ok(&args[1..])
    }

    /// Whether nothing says what to trim.
    pub(super) fn is_idle(&self) -> bool {
        self.threshold.is_none() && matches!(self.limit, None | Some(0))
    }

    /// How to trim, if that was asked for.
    pub(super) fn finish(&self, config: &CoreConfig) -> CommandResult<Option<Trim>> {
        let Some(threshold) = self.threshold else {
            return match self.limit {
                None => Ok(None),
                Some(0) => Err(LIMIT_OF_EXACT),
                Some(_) => Err(CommandError::text(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
                )),
            };
        };
        let limit = match (self.limit, self.is_approximate) {
            (Some(_), false) => return Err(LIMIT_OF_EXACT),
            (None, false) => 0,
            (Some(limit), true) => limit,
            (None, true) => default_limit(config.stream_node_max_entries),
        };
        let references = self.references.unwrap_or_default();
        Ok(Some(Trim { threshold, is_approximate: self.is_approximate, limit, references }))
    }
}

/// So much that a hundred blocks go: no command is to take long.
fn default_limit(entries_max: u64) -> u64 {
    match entries_max.saturating_mul(100) {
        0 => DEFAULT_LIMIT,
        limit => limit.min(DEFAULT_LIMIT_MAX),
    }
}

/// The arguments of a trimming that does the same and no less: approximate trimming has left `length` entries, and
/// whatever it chose by, it took the oldest.
pub(super) fn exact_words(trim: &Trim, length: u64) -> Vec<Box<[u8]>> {
    let threshold = if trim.is_approximate { Threshold::Length(length) } else { trim.threshold };
    let (strategy, threshold) = match threshold {
        Threshold::Length(length) => ("MAXLEN", length.to_string()),
        Threshold::Id(id) => ("MINID", id.to_string()),
    };
    let references = match trim.references {
        References::Keep => None,
        References::Delete => Some("DELREF"),
        References::Respect => Some("ACKED"),
    };
    let words = [strategy, "=", &threshold].into_iter().chain(references);
    words.map(|word| word.as_bytes().into()).collect()
}
