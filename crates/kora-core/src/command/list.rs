//! The list commands, one file per idea. This one holds their table and what the files share.
//!
//! Each file keeps "do it now if it can be done" apart from the reading of arguments, so that those which may wait for an
//! element ([`blocking`]) do the same as those which never do.

mod blocking;
mod edit;
pub(crate) mod pop;
mod push;
mod read;
pub(crate) mod transfer;

use std::ops::Range;

use crate::command::spec::{Arg, Categories, CommandSpec, Facts, Group};
use crate::error::{CommandError, CommandResult};
use crate::types::list::End;

/// The family's commands.
pub const COMMANDS: &[CommandSpec] = &[
    blocking::BLMOVE,
    blocking::BLMPOP,
    blocking::BLPOP,
    blocking::BRPOP,
    blocking::BRPOPLPUSH,
    read::LINDEX,
    edit::LINSERT,
    read::LLEN,
    transfer::LMOVE,
    pop::LMPOP,
    pop::LPOP,
    read::LPOS,
    push::LPUSH,
    push::LPUSHX,
    read::LRANGE,
    edit::LREM,
    edit::LSET,
    edit::LTRIM,
    pop::RPOP,
    transfer::RPOPLPUSH,
    push::RPUSH,
    push::RPUSHX,
];

/// What all list commands have in common.
const FAMILY: Facts =
    Facts { categories: Categories::LIST, group: Group::List, complexity: "O(1)", ..Facts::NONE };

/// `LEFT` or `RIGHT`, as an argument.
pub(crate) const ENDS: &[Arg] = &[Arg::word("left", "LEFT"), Arg::word("right", "RIGHT")];

/// Reads `LEFT` or `RIGHT`.
///
/// # Errors
/// `Syntax` for anything else.
pub(crate) fn parse_end(text: &[u8]) -> CommandResult<End> {
    if text.eq_ignore_ascii_case(b"LEFT") {
        Ok(End::Front)
    } else if text.eq_ignore_ascii_case(b"RIGHT") {
        Ok(End::Back)
    } else {
        Err(CommandError::Syntax)
    }
}

/// The event of a push at an end.
pub(crate) fn push_event(end: End) -> &'static str {
    match end {
        End::Front => "lpush",
        End::Back => "rpush",
    }
}

/// The event of a pop at an end, which in capitals is also the command of its effect.
pub(crate) fn pop_event(end: End) -> &'static str {
    match end {
        End::Front => "lpop",
        End::Back => "rpop",
    }
}

/// The position that `index` means in a list of `len` elements: from the end if negative.
fn position(index: i64, len: usize) -> Option<usize> {
    let from_front = if index < 0 { index + count(len) } else { index };
    usize::try_from(from_front).ok().filter(|&at| at < len)
}

/// The positions from `start` to `stop`, both included and counted from the end if negative; what is beyond the list is
/// left out.
fn span(start: i64, stop: i64, len: usize) -> Range<usize> {
    let from_front = |index: i64| if index < 0 { index + count(len) } else { index };
    let first = usize::try_from(from_front(start)).unwrap_or(0);
    let behind = usize::try_from(from_front(stop).saturating_add(1)).unwrap_or(0).min(len);
    if first < behind { first..behind } else { 0..0 }
}

/// A length as a reply's integer.
fn count(len: usize) -> i64 {
    i64::try_from(len).expect("no allocation is longer than isize::MAX")
}

#[cfg(test)]
mod tests;
