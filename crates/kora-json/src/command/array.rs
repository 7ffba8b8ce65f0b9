//! JSON.ARRINDEX: where a value stands in arrays.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::{READS, at_least, count, integer_of, no_path, path_of, read, whole_run_of, wrong_type};
use crate::compare::are_equal;
use crate::packed::{Container, Node, Value};

pub(super) const ARRINDEX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.arrindex",
        summary: "Tells where a value stands in the arrays that a path finds",
        complexity: "O(N) with N bytes of the value",
        args: &[
            Arg::key("key"),
            Arg::string("path"),
            Arg::string("value"),
            Arg::block("range", &[Arg::integer("start"), Arg::integer("stop").optional()]).optional(),
        ],
        ..READS
    },
    handler: arrindex,
};

fn arrindex(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 4, "json.arrindex")?;
    if args.len() > 6 {
        return Err(CommandError::Arity("json.arrindex".into()));
    }
    let sought = whole_run_of(args[3])?;
    let start = args.get(4).map_or(Ok(0), |arg| integer_of(arg))?;
    let end = args.get(5).map_or(Ok(0), |arg| integer_of(arg))?;
    let mut keyspace = ctx.keyspace(args[1]);
    let json = read(&mut keyspace, args[1])?;
    let path = path_of(args[2])?;
    let json = json.ok_or_else(|| no_path(path.text()))?;
    let index = |elements| index_of(elements, Value::root(&sought), start, end);
    if path.is_legacy() {
        let value = path.first(json.root())?.ok_or_else(|| no_path(&path.modern_text()))?;
        let Node::Array(elements) = value.node() else { return Err(wrong_type("array", value.type_name())) };
        out.integer(index(elements));
        return Ok(());
    }
    let found = path.find(json.root())?;
    out.array(found.len());
    for value in found {
        match value.node() {
            Node::Array(elements) => out.integer(index(elements)),
            _ => out.null(),
        }
    }
    Ok(())
}

/// The index of the first element from `start` to before `end` that equals a value, or -1. Negative bounds count from the end, and an `end` of
/// 0 is the end.
fn index_of(elements: Container<'_>, sought: Value<'_>, start: i64, end: i64) -> i64 {
    let len = count(elements.len());
    let start = if start < 0 { (len + start.max(-len)).max(0) } else { start.min((len - 1).max(0)) };
    let end = match end {
        0 => len,
        ..0 => len + end.max(-len),
        _ => end.min(len),
    };
    let place = |bound: i64| usize::try_from(bound).unwrap_or(0);
    let mut range = elements.elements().enumerate().take(place(end)).skip(place(start));
    range.find(|(_, element)| are_equal(*element, sought)).map_or(-1, |(at, _)| count(at))
}
