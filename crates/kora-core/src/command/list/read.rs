//! Commands that only look: LLEN, LRANGE, LINDEX and LPOS.

use std::ops::ControlFlow;

use smallvec::SmallVec;

use super::{FAMILY, count, position, span};
use crate::command::list::pop::reply_range;
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::types::list::{End, ListRef};

/// A key whose elements are returned.
const READS_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RO.access(), 1)];

pub(super) const LLEN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "llen",
        arity: 2,
        flags: Flags::READONLY.with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RO, 1)],
        since: "1.0.0",
        summary: "Tells the length of a list",
        args: &[Arg::key("key")],
        ..FAMILY
    },
    handler: llen,
};

fn llen(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let len = ctx.keyspace(key).read_list(key)?.map_or(0, ListRef::len);
    out.integer(count(len));
    Ok(())
}

pub(super) const LRANGE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "lrange",
        arity: 4,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "1.0.0",
        summary: "Gives the elements of a part of a list",
        complexity: "O(log(N)+M) for a list of N elements of which M are returned",
        args: &[Arg::key("key"), Arg::integer("start"), Arg::integer("stop")],
        ..FAMILY
    },
    handler: lrange,
};

fn lrange(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let start = parse_i64(args[2]).ok_or(CommandError::NotInteger)?;
    let stop = parse_i64(args[3]).ok_or(CommandError::NotInteger)?;
    match ctx.keyspace(key).read_list(key)? {
        Some(list) => reply_range(list, span(start, stop, list.len()), End::Front, out),
        None => out.array(0),
    }
    Ok(())
}

pub(super) const LINDEX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "lindex",
        arity: 3,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "1.0.0",
        summary: "Gives the element of a list at an index",
        complexity: "O(log(N)) for a list of N elements",
        args: &[Arg::key("key"), Arg::integer("index")],
        ..FAMILY
    },
    handler: lindex,
};

fn lindex(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let mut keyspace = ctx.keyspace(key);
    let Some(list) = keyspace.read_list(key)? else {
        out.null();
        return Ok(());
    };
    let index = parse_i64(args[2]).ok_or(CommandError::NotInteger)?;
    match position(index, list.len()).and_then(|at| list.get(at)) {
        Some(element) => element.reply(out),
        None => out.null(),
    }
    Ok(())
}

pub(super) const LPOS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "lpos",
        arity: -3,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "6.0.6",
        summary: "Tells the indexes at which a list has an element",
        complexity: "O(N) for N elements looked at",
        args: &[
            Arg::key("key"),
            Arg::string("element"),
            Arg::integer("rank").token("RANK").optional(),
            Arg::integer("num-matches").token("COUNT").optional(),
            Arg::integer("len").token("MAXLEN").optional(),
        ],
        ..FAMILY
    },
    handler: lpos,
};

fn lpos(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, text) = (args[1], args[2]);
    let search = Search::parse(&args[3..])?;
    let found = match ctx.keyspace(key).read_list(key)? {
        Some(list) => search.find(list, text),
        None => SmallVec::new(),
    };
    if search.count.is_some() {
        out.array(found.len());
        found.iter().for_each(|&at| out.integer(count(at)));
    } else if let Some(&at) = found.first() {
        out.integer(count(at));
    } else {
        out.null();
    }
    Ok(())
}

/// Which matches LPOS is to tell.
struct Search {
    from: End,
    /// Matches to pass over first.
    passed_over: usize,
    /// Most matches to tell; `None` for the first alone.
    count: Option<usize>,
    /// Most elements to look at.
    most: usize,
}

impl Search {
    fn parse(mut options: &[&[u8]]) -> CommandResult<Self> {
        let mut search = Self { from: End::Front, passed_over: 0, count: None, most: usize::MAX };
        while let [option, number, rest @ ..] = options {
            if option.eq_ignore_ascii_case(b"RANK") {
                let rank = parse_bounded(number)?;
                search.from = if rank < 0 { End::Back } else { End::Front };
                let rank = usize::try_from(rank.unsigned_abs()).unwrap_or(usize::MAX);
                search.passed_over = rank.checked_sub(1).ok_or(ZERO_RANK)?;
            } else if option.eq_ignore_ascii_case(b"COUNT") {
                search.count = Some(parse_limit(number, "ERR COUNT can't be negative")?);
            } else if option.eq_ignore_ascii_case(b"MAXLEN") {
                search.most = parse_limit(number, "ERR MAXLEN can't be negative")?;
            } else {
                return Err(CommandError::Syntax);
            }
            options = rest;
        }
        if options.is_empty() { Ok(search) } else { Err(CommandError::Syntax) }
    }

    fn find(&self, list: ListRef<'_>, text: &[u8]) -> SmallVec<[usize; 4]> {
        let mut found = SmallVec::new();
        let mut passed_over = 0;
        let wanted = self.count.unwrap_or(1);
        // Breaking off is no news here: what was found is in the vector.
        let _ = list.search(text, self.from, self.most, |at| {
            if passed_over < self.passed_over {
                passed_over += 1;
                return ControlFlow::Continue(());
            }
            found.push(at);
            if found.len() >= wanted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        found
    }
}

const ZERO_RANK: CommandError = CommandError::text(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from \
     the end of the list",
);

/// An integer whose magnitude fits 63 bits.
pub(super) fn parse_bounded(text: &[u8]) -> CommandResult<i64> {
    match parse_i64(text).ok_or(CommandError::NotInteger)? {
        i64::MIN => Err(CommandError::text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        )),
        number => Ok(number),
    }
}

/// A number of things that is not negative; 0 means all of them.
fn parse_limit(text: &[u8], error: &'static str) -> CommandResult<usize> {
    let number = parse_i64(text).and_then(|number| usize::try_from(number).ok());
    match number.ok_or(CommandError::text(error))? {
        0 => Ok(usize::MAX),
        number => Ok(number),
    }
}
