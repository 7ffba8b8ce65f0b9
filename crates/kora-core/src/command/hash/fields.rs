//! The argument `FIELDS number field ...`, with which the commands about deadlines name fields.

use crate::command::spec::Arg;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;

/// The argument.
pub(super) const FIELDS: Arg =
    Arg::block("fields", &[Arg::integer("numfields"), Arg::string("field").multiple()]).token("FIELDS");

/// How a number of fields that is none is refused.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wording {
    /// As HEXPIRE and its siblings do.
    GreaterThanZero,
    /// As all others do.
    Positive,
}

impl Wording {
    fn error(self) -> CommandError {
        CommandError::text(match self {
            Self::GreaterThanZero => "ERR Parameter `numFields` should be greater than 0",
            Self::Positive => "ERR Number of fields must be a positive integer",
        })
    }
}

/// The fields that `args` name from argument `at` on, to their end.
///
/// # Errors
/// Where the word `FIELDS`, the number or as many fields are missing.
pub(super) fn parse_fields<'s, 'a>(
    args: &'s [&'a [u8]],
    at: usize,
    wording: Wording,
) -> CommandResult<&'s [&'a [u8]]> {
    let rest = args.get(at..).unwrap_or_default();
    let Some((_, rest)) = rest.split_first().filter(|(word, _)| word.eq_ignore_ascii_case(b"FIELDS")) else {
        return Err(CommandError::text(
            "ERR Mandatory argument FIELDS is missing or not at the right position",
        ));
    };
    let (number, fields) = rest.split_first().ok_or_else(|| wording.error())?;
    let number = parse_i64(number).filter(|&number| number > 0).ok_or_else(|| wording.error())?;
    if usize::try_from(number) != Ok(fields.len()) {
        return Err(CommandError::text("ERR The `numfields` parameter must match the number of arguments"));
    }
    Ok(fields)
}
