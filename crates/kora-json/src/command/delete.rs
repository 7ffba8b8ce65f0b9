//! JSON.DEL and JSON.FORGET, which is the same: values go, and with the whole value its key.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::journal::EventClass;
use kora_core::reply::Reply;

use super::{CHANGES, OPTIONAL_PATH, ROOT, at_least, count, path_of, write};
use crate::edit::remove;
use crate::path::outermost;

const ARGS: &[Arg] = &[Arg::key("key"), OPTIONAL_PATH];

pub(super) const DEL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.del",
        summary: "Deletes the values that a path finds",
        complexity: "O(N) with N bytes of the value",
        args: ARGS,
        ..CHANGES
    },
    handler: |ctx, args, out| delete(ctx, args, out, "json.del"),
};

pub(super) const FORGET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.forget",
        summary: "Deletes the values that a path finds: another name of JSON.DEL",
        complexity: "O(N) with N bytes of the value",
        args: ARGS,
        ..CHANGES
    },
    handler: |ctx, args, out| delete(ctx, args, out, "json.forget"),
};

fn delete(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply, name: &'static str) -> CommandResult {
    const EVENT: &str = "json.del";
    at_least(args, 2, name)?;
    let key = args[1];
    let mut keyspace = ctx.keyspace(key);
    let Some(mut json) = write(&mut keyspace, key)? else {
        out.integer(0);
        return Ok(());
    };
    let path = path_of(args.get(2).copied().unwrap_or(ROOT))?;
    let root = json.root();
    let places: Vec<usize> = outermost(root, path.places(root)?).iter().map(|found| found.at).collect();
    if places.first() == Some(&root.place()) {
        drop(json);
        keyspace.delete(key);
        keyspace.changed(EventClass::MODULE, EVENT, key);
        out.integer(1);
        return Ok(());
    }
    if !places.is_empty() {
        let run = remove(root, &places);
        json.change(|before| *before = run);
        drop(json);
        keyspace.changed(EventClass::MODULE, EVENT, key);
    }
    out.integer(count(places.len()));
    Ok(())
}
