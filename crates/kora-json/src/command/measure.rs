//! JSON.TYPE, STRLEN, ARRLEN, OBJLEN and OBJKEYS: what values are and how much is in them.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

use super::{
    NO_KEY, OPTIONAL_PATH, READS, ROOT, answer, at_least, count, no_path, no_path_or, path_of,
    path_unless_wrong, read, wrong_type,
};
use crate::packed::{Container, Node, Value};

const ARGS: &[Arg] = &[Arg::key("key"), OPTIONAL_PATH];

pub(super) const TYPE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.type",
        summary: "Tells the types of the values that a path finds",
        complexity: "O(N) with N bytes of the value",
        args: ARGS,
        ..READS
    },
    handler: type_names,
};

fn type_names(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 2, "json.type")?;
    let mut keyspace = ctx.keyspace(args[1]);
    let json = read(&mut keyspace, args[1])?;
    let (path, names) = match json {
        None => (None, Vec::new()),
        Some(json) => match path_unless_wrong(args.get(2).copied().unwrap_or(ROOT))? {
            None => (None, Vec::new()),
            Some(path) => {
                let names: Vec<_> = path.find(json.root())?.into_iter().map(Value::type_name).collect();
                (Some(path), names)
            }
        },
    };
    if out.is_resp3() {
        out.array(1);
    }
    match path {
        None => out.null(),
        Some(path) => answer(out, &path, names, |out, name| out.bulk(name.as_bytes())),
    }
    Ok(())
}

pub(super) const STRLEN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.strlen",
        summary: "Tells the lengths in bytes of the strings that a path finds",
        complexity: "O(N) with N bytes of the value",
        args: ARGS,
        ..READS
    },
    handler: strlen,
};

fn strlen(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 2, "json.strlen")?;
    let mut keyspace = ctx.keyspace(args[1]);
    let json = read(&mut keyspace, args[1])?;
    let path = path_of(args.get(2).copied().unwrap_or(ROOT))?;
    let Some(json) = json else { return nothing(path.is_legacy(), out) };
    let length = |value: Value<'_>| match value.node() {
        Node::Text(text) => Some(text.len()),
        _ => None,
    };
    if !path.is_legacy() {
        write_counts(&path.find(json.root())?, length, out);
        return Ok(());
    }
    let value = path.first(json.root())?.ok_or_else(|| no_path(&path.modern_text()))?;
    let length = length(value).ok_or_else(|| wrong_type("string", value.type_name()))?;
    out.integer(count(length));
    Ok(())
}

pub(super) const ARRLEN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.arrlen",
        summary: "Tells the numbers of elements of the arrays that a path finds",
        complexity: "O(N) with N bytes of the value",
        args: ARGS,
        ..READS
    },
    handler: arrlen,
};

fn arrlen(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 2, "json.arrlen")?;
    let mut keyspace = ctx.keyspace(args[1]);
    let json = read(&mut keyspace, args[1])?;
    let path = path_of(args.get(2).copied().unwrap_or(ROOT))?;
    let Some(json) = json else { return nothing(path.is_legacy(), out) };
    let length = |value: Value<'_>| match value.node() {
        Node::Array(elements) => Some(elements.len()),
        _ => None,
    };
    if !path.is_legacy() {
        write_counts(&path.find(json.root())?, length, out);
        return Ok(());
    }
    let value = path.first(json.root())?.ok_or_else(|| no_path(path.text()))?;
    let length = length(value).ok_or_else(|| no_path_or(path.text(), "not an array"))?;
    out.integer(count(length));
    Ok(())
}

pub(super) const OBJLEN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.objlen",
        summary: "Tells the numbers of members of the objects that a path finds",
        complexity: "O(N) with N bytes of the value",
        args: ARGS,
        ..READS
    },
    handler: objlen,
};

fn objlen(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 2, "json.objlen")?;
    let mut keyspace = ctx.keyspace(args[1]);
    let json = read(&mut keyspace, args[1])?;
    let Some(path) = path_unless_wrong(args.get(2).copied().unwrap_or(ROOT))? else {
        out.null();
        return Ok(());
    };
    let Some(json) = json else {
        if path.is_legacy() {
            out.null();
            return Ok(());
        }
        return Err(no_path_or(path.text(), "not an object"));
    };
    let length = |value: Value<'_>| members_of(value).map(Container::len);
    if !path.is_legacy() {
        write_counts(&path.find(json.root())?, length, out);
        return Ok(());
    }
    match path.first(json.root())? {
        None => out.null(),
        Some(value) => {
            let length = length(value).ok_or_else(|| wrong_type("object", value.type_name()))?;
            out.integer(count(length));
        }
    }
    Ok(())
}

pub(super) const OBJKEYS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.objkeys",
        summary: "Lists the names of the members of the objects that a path finds",
        complexity: "O(N) with N bytes of the value",
        args: ARGS,
        ..READS
    },
    handler: objkeys,
};

fn objkeys(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 2, "json.objkeys")?;
    let mut keyspace = ctx.keyspace(args[1]);
    let json = read(&mut keyspace, args[1])?;
    let Some(path) = path_unless_wrong(args.get(2).copied().unwrap_or(ROOT))? else {
        out.null();
        return Ok(());
    };
    let Some(json) = json else { return nothing(path.is_legacy(), out) };
    let found = path.find(json.root())?;
    if let (true, Some(value)) = (path.is_legacy(), found.first()) {
        members_of(*value).ok_or_else(|| no_path_or(&path.modern_text(), "not an object"))?;
    }
    answer(out, &path, found, |out, value| match members_of(value) {
        None => out.null(),
        Some(members) => {
            out.array(members.len());
            members.members().for_each(|(name, _)| out.bulk(name));
        }
    });
    Ok(())
}

fn members_of(value: Value<'_>) -> Option<Container<'_>> {
    match value.node() {
        Node::Object(members) => Some(members),
        _ => None,
    }
}

/// Answers for a key that is not there.
fn nothing(is_legacy: bool, out: &mut dyn Reply) -> CommandResult {
    if !is_legacy {
        return Err(NO_KEY);
    }
    out.null();
    Ok(())
}

fn write_counts(found: &[Value<'_>], of: impl Fn(Value<'_>) -> Option<usize>, out: &mut dyn Reply) {
    out.array(found.len());
    for value in found {
        match of(*value) {
            Some(number) => out.integer(count(number)),
            None => out.null(),
        }
    }
}
