//! VRANGE: elements in the order of their names.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_i64;
use kora_core::reply::Reply;

use super::{READS, between, read};
use crate::set::VectorSet;

pub(super) const VRANGE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vrange",
        summary: "Gives the elements of a vector set whose names lie in a range",
        complexity: "O(N + K*log(K)) with N elements in the set and K that are returned",
        since: "8.4.0",
        args: &[Arg::key("key"), Arg::string("start"), Arg::string("end"), Arg::integer("count").optional()],
        ..READS
    },
    handler: vrange,
};

/// One end of a range.
#[derive(Clone, Copy)]
enum End<'a> {
    Open,
    Included(&'a [u8]),
    Excluded(&'a [u8]),
    /// No name is beyond it.
    Nothing,
}

impl<'a> End<'a> {
    /// `open` is how an end is written that takes all in, `closed` how one that takes nothing in.
    fn parse(arg: &'a [u8], open: &[u8], closed: &[u8]) -> CommandResult<Self> {
        match arg {
            _ if arg == open => Ok(Self::Open),
            _ if arg == closed => Ok(Self::Nothing),
            [b'[', name @ ..] => Ok(Self::Included(name)),
            [b'(', name @ ..] => Ok(Self::Excluded(name)),
            _ => Err(CommandError::text("ERR min or max not valid string range item")),
        }
    }
}

/// Whether a name lies between two ends.
fn is_between(name: &[u8], start: End<'_>, end: End<'_>) -> bool {
    let is_behind = match start {
        End::Open => true,
        End::Included(least) => name >= least,
        End::Excluded(least) => name > least,
        End::Nothing => false,
    };
    let is_before = match end {
        End::Open => true,
        End::Included(most) => name <= most,
        End::Excluded(most) => name < most,
        End::Nothing => false,
    };
    is_behind && is_before
}

fn vrange(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    between(args, 4, 5, "VRANGE")?;
    let start = End::parse(args[2], b"-", b"+")?;
    let end = End::parse(args[3], b"+", b"-")?;
    let count = match args.get(4) {
        None => usize::MAX,
        Some(count) => {
            let count = parse_i64(count).ok_or(CommandError::text("ERR invalid COUNT"))?;
            usize::try_from(count).unwrap_or(usize::MAX)
        }
    };
    let mut keyspace = ctx.keyspace(args[1]);
    let names = match read(&mut keyspace, args[1])? {
        Some(set) => names(set, start, end, count),
        None => Vec::new(),
    };
    out.array(names.len());
    names.iter().for_each(|name| out.bulk(name));
    Ok(())
}

/// The first names of a range, in order.
fn names<'a>(set: &'a VectorSet, start: End<'_>, end: End<'_>, count: usize) -> Vec<&'a [u8]> {
    let mut names: Vec<&[u8]> =
        set.names().iter().map(|(_, name)| name).filter(|name| is_between(name, start, end)).collect();
    if count < names.len() {
        if count > 0 {
            names.select_nth_unstable(count - 1);
        }
        names.truncate(count);
    }
    names.sort_unstable();
    names
}
