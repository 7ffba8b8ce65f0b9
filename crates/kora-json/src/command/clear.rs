//! JSON.CLEAR: containers become empty and numbers 0.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::journal::EventClass;
use kora_core::reply::Reply;

use super::{CHANGES, NO_KEY, OPTIONAL_PATH, ROOT, at_least, count, path_of, write};
use crate::edit::{Splice, apply};
use crate::number::Number;
use crate::packed::{Builder, Node, Value};
use crate::path::outermost;

pub(super) const CLEAR: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.clear",
        summary: "Empties the arrays and objects that a path finds, and makes the numbers 0",
        complexity: "O(N) with N bytes of the value",
        args: &[Arg::key("key"), OPTIONAL_PATH],
        ..CHANGES
    },
    handler: clear,
};

fn clear(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 2, "json.clear")?;
    let path = path_of(args.get(2).copied().unwrap_or(ROOT))?;
    let mut keyspace = ctx.keyspace(args[1]);
    let Some(mut json) = write(&mut keyspace, args[1])? else { return Err(NO_KEY) };
    let root = json.root();
    let mut places = path.places(root)?;
    places.retain(|found| cleared(found.value(root)).is_some());
    let splices: Vec<Splice> = outermost(root, places)
        .iter()
        .filter_map(|found| Some(Splice::replace(found, root, cleared(found.value(root))?)))
        .collect();
    let cleared = splices.len();
    json.change(|run| apply(run, splices));
    drop(json);
    if cleared > 0 {
        keyspace.changed(EventClass::MODULE, "json.clear", args[1]);
    }
    out.integer(count(cleared));
    Ok(())
}

/// What a value becomes; `None` if it stays.
fn cleared(value: Value<'_>) -> Option<Vec<u8>> {
    let mut builder = Builder::default();
    match value.node() {
        Node::Array(elements) if !elements.is_empty() => builder.empty(false),
        Node::Object(members) if !members.is_empty() => builder.empty(true),
        Node::Number(number) if number.as_f64() != 0.0 => builder.number(Number::Integer(0)),
        _ => return None,
    }
    Some(builder.finish())
}
