//! JSON.GET: values as text, of one path or of several.

use std::collections::BTreeSet;

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::format::{Format, check_protocol, expand};
use super::{READS, ROOT, at_least, no_path, path_of, read, utf8};
use crate::packed::Value;
use crate::path::{Budget, Path};
use crate::text::{self, Layout};

pub(super) const GET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.get",
        summary: "Gives the values that one or more paths find, as text",
        complexity: "O(N) with N bytes of the value",
        args: &[
            Arg::key("key"),
            Arg::string("indent").token("INDENT").optional(),
            Arg::string("newline").token("NEWLINE").optional(),
            Arg::string("space").token("SPACE").optional(),
            Arg::string("format").token("FORMAT").optional(),
            Arg::string("path").optional().multiple(),
        ],
        ..READS
    },
    handler: get,
};

/// What is asked for.
#[derive(Default)]
struct Query<'a> {
    layout: Layout<'a>,
    format: Format,
    paths: Vec<&'a [u8]>,
}

impl<'a> Query<'a> {
    fn parse(args: &[&'a [u8]], out: &dyn Reply) -> CommandResult<Self> {
        let mut query = Self::default();
        let mut args = args.iter().copied();
        while let Some(arg) = args.next() {
            let mut value = || args.next().ok_or(CommandError::Arity("json.get".into()));
            if arg.eq_ignore_ascii_case(b"INDENT") {
                query.layout.indent = of_layout(value()?)?;
            } else if arg.eq_ignore_ascii_case(b"NEWLINE") {
                query.layout.newline = of_layout(value()?)?;
            } else if arg.eq_ignore_ascii_case(b"SPACE") {
                query.layout.space = of_layout(value()?)?;
            } else if arg.eq_ignore_ascii_case(b"FORMAT") {
                check_protocol(out)?;
                query.format = Format::named(value()?, b"STRING")?;
            } else if !arg.eq_ignore_ascii_case(b"NOESCAPE") {
                query.paths.push(arg);
            }
        }
        if query.paths.is_empty() {
            query.paths.push(ROOT);
        }
        Ok(query)
    }
}

fn of_layout(arg: &[u8]) -> CommandResult<&[u8]> {
    utf8(arg).map(str::as_bytes)
}

fn get(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 2, "json.get")?;
    let query = Query::parse(&args[2..], out)?;
    let mut keyspace = ctx.keyspace(args[1]);
    let Some(json) = read(&mut keyspace, args[1])? else {
        out.null();
        return Ok(());
    };
    let paths = query.paths.iter().map(|path| path_of(path)).collect::<CommandResult<Vec<_>>>()?;
    let root = json.root();
    if query.format == Format::Expand {
        return get_expanded(root, &paths, out);
    }
    let mut text = Vec::new();
    match &paths[..] {
        [path] if path.is_legacy() => {
            let value = path.first(root)?.ok_or_else(|| no_path(&path.modern_text()))?;
            if query.layout == Layout::default() {
                text = text::of(value);
            } else {
                query.layout.write(value, 0, &mut text);
            }
        }
        [path] => write_found(&query.layout, &path.find(root)?, 0, &mut text),
        paths => write_paths(&query.layout, root, paths, &mut text)?,
    }
    out.bulk_owned(text);
    Ok(())
}

fn write_found(layout: &Layout<'_>, found: &[Value<'_>], depth: usize, text: &mut Vec<u8>) {
    layout.write_array(found.len(), found.iter().copied(), depth, text);
}

/// Adds an object of paths with what each of them finds: arrays, unless all paths are of the legacy dialect.
fn write_paths(layout: &Layout<'_>, root: Value<'_>, paths: &[Path], text: &mut Vec<u8>) -> CommandResult {
    let are_legacy = paths.iter().all(Path::is_legacy);
    text.push(b'{');
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut budget = Budget::default();
    budget.allow_for(root);
    for path in paths {
        let is_further = !told.is_empty();
        if !told.insert(path.text()) {
            continue;
        }
        layout.begin_member(is_further, path.text().as_bytes(), 0, text);
        if are_legacy {
            let value = path.first_within(root, &mut budget)?.ok_or_else(|| no_path(path.text()))?;
            layout.write(value, 1, text);
        } else {
            write_found(layout, &path.find_within(root, &mut budget)?, 1, text);
        }
    }
    layout.next_line(false, 0, text);
    text.push(b'}');
    Ok(())
}

/// Answers an array of what each path finds.
fn get_expanded(root: Value<'_>, paths: &[Path], out: &mut dyn Reply) -> CommandResult {
    let mut budget = Budget::default();
    budget.allow_for(root);
    let found =
        paths.iter().map(|path| path.find_within(root, &mut budget)).collect::<Result<Vec<_>, _>>()?;
    out.array(found.len());
    for values in found {
        out.array(values.len());
        values.into_iter().for_each(|value| expand(out, value));
    }
    Ok(())
}
