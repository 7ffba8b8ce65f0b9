//! JSON.RESP: values as RESP's types, after a convention that tells objects from arrays.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

use super::{OPTIONAL_PATH, READS, ROOT, at_least, no_path, path_of, read};
use crate::packed::{Node, Value};

pub(super) const RESP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.resp",
        summary: "Gives the values that a path finds as nested replies",
        complexity: "O(N) with N bytes of the value",
        args: &[Arg::key("key"), OPTIONAL_PATH],
        ..READS
    },
    handler: resp,
};

fn resp(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 2, "json.resp")?;
    let mut keyspace = ctx.keyspace(args[1]);
    let json = read(&mut keyspace, args[1])?;
    let Some(json) = json else {
        out.null();
        return Ok(());
    };
    let path = path_of(args.get(2).copied().unwrap_or(ROOT))?;
    if path.is_legacy() {
        let value = path.first(json.root())?.ok_or_else(|| no_path(&path.modern_text()))?;
        write_value(value, out);
        return Ok(());
    }
    let found = path.find(json.root())?;
    out.array(found.len());
    found.into_iter().for_each(|value| write_value(value, out));
    Ok(())
}

/// An array begins with `[`, an object with `{`, behind which names and values alternate.
fn write_value(value: Value<'_>, out: &mut dyn Reply) {
    match value.node() {
        Node::Null => out.null(),
        Node::Bool(value) => out.simple(if value { "true" } else { "false" }),
        Node::Number(number) => number.reply(out),
        Node::Text(text) => out.bulk(text),
        Node::Array(elements) => {
            out.array(1 + elements.len());
            out.simple("[");
            elements.elements().for_each(|element| write_value(element, out));
        }
        Node::Object(members) => {
            out.array(1 + 2 * members.len());
            out.simple("{");
            for (name, value) in members.members() {
                out.bulk(name);
                write_value(value, out);
            }
        }
    }
}
