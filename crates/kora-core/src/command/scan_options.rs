//! What the commands that scan one collection (HSCAN, SSCAN, ZSCAN) have in common.

use super::generic::scan::parse_cursor;
use super::spec::{Arg, ArgType};
use super::texts::Texts;
use crate::error::{CommandError, CommandResult};
use crate::glob;
use crate::number::parse_i64;
use crate::reply::Reply;

/// Elements that a scan visits unless told otherwise.
const SCAN_COUNT: usize = 10;

/// Elements that a scan visits at most: COUNT is a hint, and whoever asks for millions at once would stop everyone else.
const COUNT_MAX: usize = 4096;

/// Their arguments, as far as all have them.
pub(crate) const SCAN_ARGS: &[Arg] = &[
    Arg::key("key"),
    Arg::integer("cursor"),
    Arg::new("pattern", ArgType::Pattern).token("MATCH").optional(),
    Arg::integer("count").token("COUNT").optional(),
];

/// Which elements are wanted, and how many at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ScanOptions<'a> {
    /// How many elements to visit.
    pub(crate) count: usize,
    pattern: Option<&'a [u8]>,
    /// `NOVALUES`: names without values. Of HSCAN only.
    pub(crate) no_values: bool,
}

impl<'a> ScanOptions<'a> {
    /// Reads the cursor: before the key is looked up.
    ///
    /// # Errors
    /// `InvalidCursor`.
    pub(crate) fn parse_cursor(text: &[u8]) -> CommandResult<u64> {
        parse_cursor(text).ok_or(CommandError::InvalidCursor)
    }

    /// Reads the options behind the cursor: after the key was looked up, and only if it is there.
    ///
    /// # Errors
    /// `Syntax` and `NotInteger`.
    pub(crate) fn parse(args: &[&'a [u8]]) -> CommandResult<Self> {
        Self::parse_words(args, false)
    }

    /// The same for HSCAN.
    ///
    /// # Errors
    /// `Syntax` and `NotInteger`.
    pub(crate) fn parse_of_hash(args: &[&'a [u8]]) -> CommandResult<Self> {
        Self::parse_words(args, true)
    }

    fn parse_words(mut args: &[&'a [u8]], has_values: bool) -> CommandResult<Self> {
        let mut options = Self { count: SCAN_COUNT, pattern: None, no_values: false };
        while let [word, rest @ ..] = args {
            args = match (word.to_ascii_uppercase().as_slice(), rest) {
                (b"NOVALUES", _) if !has_values => {
                    return Err(CommandError::text("ERR NOVALUES option can only be used in HSCAN"));
                }
                (b"NOVALUES", rest) => {
                    options.no_values = true;
                    rest
                }
                (b"MATCH", [pattern, rest @ ..]) => {
                    // `*` alone is no pattern: unlike any other it takes the empty text too.
                    options.pattern = Some(*pattern).filter(|pattern| *pattern != b"*");
                    rest
                }
                (b"COUNT", [count, rest @ ..]) => {
                    let count = parse_i64(count).ok_or(CommandError::NotInteger)?;
                    let count = usize::try_from(count).ok().filter(|&count| count > 0);
                    options.count = count.ok_or(CommandError::Syntax)?.min(COUNT_MAX);
                    rest
                }
                _ => return Err(CommandError::Syntax),
            };
        }
        Ok(options)
    }

    /// Whether an element of that name is wanted.
    pub(crate) fn takes(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name))
    }
}

/// Writes a scan's reply: where to go on, and what was found.
pub(crate) fn write_scan(cursor: u64, found: &Texts, out: &mut dyn Reply) {
    out.array(2);
    out.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    found.write_array(out);
}
