//! JSON.ARRAPPEND, ARRINSERT, ARRPOP and ARRTRIM: changes of arrays.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::format::{Format, check_protocol, expand};
use super::update::{answer_integers, last, update};
use super::{CHANGES, GROWS, ROOT, at_least, bulk_text, count, integer_of, no_path_or, path_of, run_of};
use crate::edit::Splice;
use crate::packed::{Container, Node, Value};

/// Elements that are to be added.
struct Added {
    run: Vec<u8>,
    count: usize,
    /// How many arrays and objects are in each other in them, at most.
    depth: usize,
}

impl Added {
    fn parse(args: &[&[u8]]) -> CommandResult<Self> {
        let mut added = Self { run: Vec::new(), count: args.len(), depth: 0 };
        for arg in args {
            let run = run_of(arg)?;
            added.depth = added.depth.max(Value::root(&run).depth());
            added.run.extend_from_slice(&run);
        }
        Ok(added)
    }
}

pub(super) const ARRAPPEND: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.arrappend",
        summary: "Adds elements at the end of the arrays that a path finds",
        complexity: "O(N) with N bytes of the value",
        args: &[Arg::key("key"), Arg::string("path").optional(), Arg::string("value").multiple()],
        ..GROWS
    },
    handler: arrappend,
};

fn arrappend(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 4, "json.arrappend")?;
    let path = path_of(args[2])?;
    let added = Added::parse(&args[3..])?;
    let results = update(ctx, args[1], &path, "json.arrappend", |place, splices| {
        let Node::Array(elements) = place.value().node() else { return Ok(None) };
        place.check_depth_in(added.depth)?;
        splices.push(Splice::append(place.value(), added.run.clone(), added.count));
        Ok(Some(count(elements.len() + added.count)))
    })?;
    answer_integers(out, &path, results, || no_path_or(path.text(), "not an array"))
}

pub(super) const ARRINSERT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.arrinsert",
        summary: "Adds elements before a place of the arrays that a path finds",
        complexity: "O(N) with N bytes of the value",
        args: &[Arg::key("key"), Arg::string("path"), Arg::integer("index"), Arg::string("value").multiple()],
        ..GROWS
    },
    handler: arrinsert,
};

fn arrinsert(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 5, "json.arrinsert")?;
    let path = path_of(args[2])?;
    let index = integer_of(args[3])?;
    let added = Added::parse(&args[4..])?;
    let results = update(ctx, args[1], &path, "json.arrinsert", |place, splices| {
        let Node::Array(elements) = place.value().node() else { return Ok(None) };
        let len = count(elements.len());
        let at = if index < 0 { len.checked_add(index) } else { Some(index) };
        let at = at.filter(|at| (0..=len).contains(at)).and_then(|at| usize::try_from(at).ok());
        let at = at.ok_or(CommandError::text("ERR index out of bounds"))?;
        place.check_depth_in(added.depth)?;
        splices.push(Splice::insert(place.value(), at, added.run.clone(), added.count));
        Ok(Some(count(elements.len() + added.count)))
    })?;
    answer_integers(out, &path, results, || no_path_or(&path.modern_text(), "not an array"))
}

pub(super) const ARRPOP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.arrpop",
        summary: "Takes an element out of the arrays that a path finds, the last one if no index is given",
        complexity: "O(N) with N bytes of the value",
        args: &[
            Arg::key("key"),
            Arg::string("format").token("FORMAT").optional(),
            Arg::block("where", &[Arg::string("path"), Arg::integer("index").optional()]).optional(),
        ],
        ..CHANGES
    },
    handler: arrpop,
};

fn arrpop(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 2, "json.arrpop")?;
    let (format, rest) = match args {
        [_, _, word, format, rest @ ..] if word.eq_ignore_ascii_case(b"FORMAT") => {
            let format = Format::named(format, b"STRINGS")?;
            check_protocol(out)?;
            (format, rest)
        }
        _ => (Format::String, &args[2..]),
    };
    let path = path_of(rest.first().copied().unwrap_or(ROOT))?;
    // What is no integer means the last element, as in RedisJSON.
    let index = rest.get(1).and_then(|index| integer_of(index).ok()).unwrap_or(-1);
    if format == Format::Expand && path.is_legacy() {
        return Err(CommandError::text("Legacy paths are supported only with FORMAT STRINGS"));
    }
    let results = update(ctx, args[1], &path, "json.arrpop", |place, splices| {
        let Node::Array(elements) = place.value().node() else { return Ok(None) };
        let Some(at) = place_to_pop(index, elements) else { return Ok(Some(None)) };
        let popped = elements.element(at).map(|element| element.bytes().to_vec());
        splices.push(Splice::cut(place.value(), at, at + 1));
        Ok(Some(popped))
    })?;
    let write = |out: &mut dyn Reply, popped: Option<Vec<u8>>| match (popped, format) {
        (None, _) => out.null(),
        (Some(run), Format::Expand) => expand(out, Value::root(&run)),
        (Some(run), Format::String) => bulk_text(out, Value::root(&run)),
    };
    if path.is_legacy() {
        write(out, last(results, || no_path_or(&path.modern_text(), "not an array"))?);
        return Ok(());
    }
    out.array(results.len());
    results.into_iter().for_each(|popped| write(out, popped.flatten()));
    Ok(())
}

/// The element that an index means to be taken: beyond either end, the one there. `None` if there are none.
fn place_to_pop(index: i64, elements: Container<'_>) -> Option<usize> {
    let last = count(elements.len()) - 1;
    let at = if index < 0 { (last + 1).saturating_add(index).max(0) } else { index.min(last) };
    if last < 0 { None } else { usize::try_from(at).ok() }
}

pub(super) const ARRTRIM: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.arrtrim",
        summary: "Leaves a range of the elements of the arrays that a path finds",
        complexity: "O(N) with N bytes of the value",
        args: &[Arg::key("key"), Arg::string("path"), Arg::integer("start"), Arg::integer("stop")],
        ..CHANGES
    },
    handler: arrtrim,
};

fn arrtrim(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 5, "json.arrtrim")?;
    let path = path_of(args[2])?;
    let (start, stop) = (integer_of(args[3])?, integer_of(args[4])?);
    let results = update(ctx, args[1], &path, "json.arrtrim", |place, splices| {
        let Node::Array(elements) = place.value().node() else { return Ok(None) };
        let (from, to) = range_of(start, stop, elements.len());
        // Whoever follows the key is told even if all stay, as by RedisJSON.
        splices.push(Splice::cut(place.value(), to, elements.len()));
        if from > 0 {
            splices.push(Splice::cut(place.value(), 0, from));
        }
        Ok(Some(count(to - from)))
    })?;
    answer_integers(out, &path, results, || no_path_or(&path.modern_text(), "not an array"))
}

/// The elements from `start` to `stop`, both included and negative ones counted from the end, as those from one to before another. Nothing
/// stays if there are none: both are 0 then.
fn range_of(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let count = count(len);
    let from_end = |at: i64| if at < 0 { count.saturating_add(at).max(0) } else { at };
    let (from, to) = (from_end(start), from_end(stop).min(count - 1));
    match (usize::try_from(from), usize::try_from(to)) {
        (Ok(from), Ok(to)) if from <= to && from < len => (from, to + 1),
        _ => (0, 0),
    }
}
