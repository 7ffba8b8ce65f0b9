//! JSON.STRAPPEND and JSON.TOGGLE: changes of strings and of truth values.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

use super::update::{answer_integers, last, update};
use super::{GROWS, ROOT, at_least, count, no_path_or, path_of, whole_run_of, wrong_type};
use crate::packed::{Builder, Node, Value};

pub(super) const STRAPPEND: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.strappend",
        summary: "Appends a string to the strings that a path finds",
        complexity: "O(N) with N bytes of the value",
        args: &[Arg::key("key"), Arg::string("path").optional(), Arg::string("value")],
        ..GROWS
    },
    handler: strappend,
};

fn strappend(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 3, "json.strappend")?;
    let (path, text) = match args {
        [_, _, text] => (ROOT, *text),
        _ => (args[2], args[3]),
    };
    let path = path_of(path)?;
    let results = update(ctx, args[1], &path, "json.strappend", |place, splices| {
        let Node::Text(before) = place.value().node() else { return Ok(None) };
        let run = whole_run_of(text)?;
        let Node::Text(more) = Value::root(&run).node() else {
            return Err(wrong_type("string", &String::from_utf8_lossy(text)));
        };
        let mut builder = Builder::default();
        builder.text(&[before, more].concat());
        splices.push(place.replace(builder.finish()));
        Ok(Some(count(before.len() + more.len())))
    })?;
    answer_integers(out, &path, results, || no_path_or(&path.modern_text(), "not a string"))
}

pub(super) const TOGGLE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.toggle",
        summary: "Negates the truth values that a path finds",
        complexity: "O(N) with N bytes of the value",
        args: &[Arg::key("key"), Arg::string("path")],
        ..GROWS
    },
    handler: toggle,
};

fn toggle(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 3, "json.toggle")?;
    let path = path_of(args[2])?;
    let results = update(ctx, args[1], &path, "json.toggle", |place, splices| {
        let Node::Bool(before) = place.value().node() else { return Ok(None) };
        let mut builder = Builder::default();
        builder.bool(!before);
        splices.push(place.replace(builder.finish()));
        Ok(Some(i64::from(!before)))
    })?;
    let none = || no_path_or(&path.modern_text(), "not a bool");
    if path.is_legacy() {
        let is_true = last(results, none)? == 1;
        out.bulk(if is_true { b"true" } else { b"false" });
        return Ok(());
    }
    answer_integers(out, &path, results, none)
}
