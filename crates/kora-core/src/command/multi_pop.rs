//! What the commands that pop from the first of several keys have in common: LMPOP, BLMPOP, ZMPOP and BZMPOP.

use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;

/// The arguments from the number of keys on. `E` is an end of the collection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MultiPop<'s, 'a, E> {
    pub(crate) keys: &'s [&'a [u8]],
    pub(crate) end: E,
    /// Most elements to pop; at least 1.
    pub(crate) count: usize,
}

impl<'s, 'a, E> MultiPop<'s, 'a, E> {
    /// Reads `numkeys key ... END [COUNT count]`.
    ///
    /// # Errors
    /// `Syntax`, those of `parse_end`, and a wording for each number that is not positive.
    pub(crate) fn parse(
        args: &'s [&'a [u8]],
        parse_end: impl Fn(&[u8]) -> CommandResult<E>,
    ) -> CommandResult<Self> {
        let key_count = positive(args[0], "ERR numkeys should be greater than 0")?;
        let (keys, rest) = args[1..].split_at_checked(key_count).ok_or(CommandError::Syntax)?;
        let (end, options) = rest.split_first().ok_or(CommandError::Syntax)?;
        let end = parse_end(end)?;
        let count = match options {
            [] => 1,
            [word, count, rest @ ..] if word.eq_ignore_ascii_case(b"COUNT") => {
                let count = positive(count, "ERR count should be greater than 0")?;
                if !rest.is_empty() {
                    return Err(CommandError::Syntax);
                }
                count
            }
            _ => return Err(CommandError::Syntax),
        };
        Ok(Self { keys, end, count })
    }
}

fn positive(text: &[u8], error: &'static str) -> CommandResult<usize> {
    let number = parse_i64(text).and_then(|number| usize::try_from(number).ok());
    number.filter(|&number| number > 0).ok_or(CommandError::text(error))
}
