//! JSON.CLEAR: containers become empty and numbers 0.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

use super::update::update;
use super::{CHANGES, OPTIONAL_PATH, ROOT, at_least, count, path_of};
use crate::number::Number;
use crate::packed::{Builder, Node};

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
    let mut cleared = 0;
    // Places come with what is in them behind them; what is cleared as a part of another value does not count.
    let mut cleared_to = 0;
    update(ctx, args[1], &path, "json.clear", |place, splices| {
        let value = place.value();
        let mut builder = Builder::default();
        match value.node() {
            Node::Array(elements) if !elements.is_empty() => builder.empty(false),
            Node::Object(members) if !members.is_empty() => builder.empty(true),
            Node::Number(number) if number.as_f64() != 0.0 => builder.number(Number::Integer(0)),
            _ => return Ok(None),
        }
        if value.place() >= cleared_to {
            cleared += 1;
            cleared_to = value.end();
            splices.push(place.replace(builder.finish()));
        }
        Ok(Some(()))
    })?;
    out.integer(count(cleared));
    Ok(())
}
