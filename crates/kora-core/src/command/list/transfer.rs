//! Commands that bring an element from one list to another, or to the other end: LMOVE and RPOPLPUSH.
//!
//! Source and destination may live on different shards; each keyspace is asked for in turn and none is held while the
//! other is used.

use super::{ENDS, FAMILY, parse_end, pop_event, push_event};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::journal::EventClass;
use crate::packed::listpack::Element;
use crate::reply::Reply;
use crate::types::list::End;

pub(super) const MOVES: &[KeySpec] =
    &[KeySpec::one(KeyFlags::RW.access().delete(), 1), KeySpec::one(KeyFlags::RW.insert(), 2)];

pub(super) const LMOVE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "lmove",
        arity: 5,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: MOVES,
        since: "6.2.0",
        summary: "Takes an element off an end of a list and adds it at an end of another",
        args: &[
            Arg::key("source"),
            Arg::key("destination").spec(1),
            Arg::one_of("wherefrom", ENDS),
            Arg::one_of("whereto", ENDS),
        ],
        ..FAMILY
    },
    handler: lmove,
};

fn lmove(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let ends = (parse_end(args[3])?, parse_end(args[4])?);
    transfer_or_null(ctx, args[1], args[2], ends, out)
}

pub(super) const RPOPLPUSH: CommandSpec = CommandSpec {
    facts: Facts {
        name: "rpoplpush",
        arity: 3,
        since: "1.2.0",
        summary: "Takes the last element off a list and adds it at the left end of another",
        args: &[Arg::key("source"), Arg::key("destination").spec(1)],
        deprecated: Some(("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments")),
        ..LMOVE.facts
    },
    handler: rpoplpush,
};

fn rpoplpush(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    transfer_or_null(ctx, args[1], args[2], (End::Back, End::Front), out)
}

fn transfer_or_null(
    ctx: &mut Ctx<'_>,
    source: &[u8],
    destination: &[u8],
    ends: (End, End),
    out: &mut dyn Reply,
) -> CommandResult {
    if !transfer(ctx, source, destination, ends, out)? {
        out.null();
    }
    Ok(())
}

/// Moves an element from one end of `source` to one of `destination` and writes it; `false`, and nothing written, if
/// there is no list at `source`.
///
/// # Errors
/// `WrongType` of either.
pub(crate) fn transfer(
    ctx: &mut Ctx<'_>,
    source: &[u8],
    destination: &[u8],
    (from, to): (End, End),
    out: &mut dyn Reply,
) -> CommandResult<bool> {
    let mut keyspace = ctx.keyspace(source);
    let Some(mut list) = keyspace.write_list(source)? else { return Ok(false) };
    let moved = OwnedElement::of(list.view().end(from).expect("a list is not empty"));
    if source == destination {
        list.rotate(from, to);
        drop(list);
        moved.get().reply(out);
        keyspace.changed(EventClass::LIST, push_event(to), source);
        let db = ctx.db;
        ctx.journal.event(EventClass::LIST, pop_event(from), db, source);
        return Ok(true);
    }
    drop(list);
    add(ctx, destination, to, moved.get())?;
    let mut keyspace = ctx.keyspace(source);
    let mut list = keyspace.write_list(source)?.expect("found above, and the destination is another key");
    let is_last = list.len() == 1;
    if !is_last {
        list.pop(from);
    }
    drop(list);
    keyspace.changed(EventClass::LIST, pop_event(from), source);
    if is_last {
        keyspace.delete_emptied(source);
    }
    moved.get().reply(out);
    Ok(true)
}

/// Adds what was an element of another list, and reports the event; the change is counted where the element came from.
fn add(ctx: &mut Ctx<'_>, key: &[u8], end: End, element: Element<'_>) -> CommandResult {
    let db = ctx.db;
    let mut keyspace = ctx.keyspace(key);
    if let Some(mut list) = keyspace.write_list(key)? {
        list.push_element(end, element);
    } else {
        element.with(|text| keyspace.add_list(key, end, &[text]));
    }
    keyspace.journal().event(EventClass::LIST, push_event(end), db, key);
    keyspace.touched(key);
    Ok(())
}

/// A copy of an element, on its way from one list to another.
enum OwnedElement {
    Integer(i64),
    Bytes(Vec<u8>),
}

impl OwnedElement {
    fn of(element: Element<'_>) -> Self {
        match element {
            Element::Integer(value) => Self::Integer(value),
            Element::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
        }
    }

    fn get(&self) -> Element<'_> {
        match self {
            Self::Integer(value) => Element::Integer(*value),
            Self::Bytes(bytes) => Element::Bytes(bytes),
        }
    }
}
