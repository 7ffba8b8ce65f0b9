//! JSON.SET and JSON.MERGE: values are put in place, or merged with those that are there.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::journal::EventClass;
use kora_core::reply::Reply;
use kora_core::store::Keyspace;

use super::update::{check_depth, check_size};
use super::{GROWS, at_least, path_of, read, run_of, write};
use crate::data_type::Json;
use crate::edit::{Splice, apply};
use crate::merge::{merge, merge_at_all};
use crate::packed::{Builder, Node, Value};
use crate::path::{Found, Path, Target, outermost};

const NEW_AT_ROOT: CommandError = CommandError::text("ERR new objects must be created at the root");

/// A path that may find several values does not say where a new one would go.
const NOT_STATIC: CommandError = CommandError::text("Err wrong static path");

pub(super) const SET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.set",
        summary: "Puts a value in the place of those that a path finds, or adds it",
        complexity: "O(N) with N bytes of both values",
        args: &[
            Arg::key("key"),
            Arg::string("path"),
            Arg::string("value"),
            Arg::one_of("condition", &[Arg::word("nx", "NX"), Arg::word("xx", "XX")]).optional(),
            Arg::string("format").token("FORMAT").optional(),
        ],
        ..GROWS
    },
    handler: set,
};

/// When JSON.SET puts something in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Condition {
    #[default]
    None,
    /// Only if there is nothing.
    IfMissing,
    /// Only if there is something.
    IfThere,
}

impl Condition {
    fn parse(args: &[&[u8]]) -> CommandResult<Self> {
        let mut condition = Self::None;
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            if arg.eq_ignore_ascii_case(b"NX") && condition == Self::None {
                condition = Self::IfMissing;
            } else if arg.eq_ignore_ascii_case(b"XX") && condition == Self::None {
                condition = Self::IfThere;
            } else if arg.eq_ignore_ascii_case(b"FORMAT") {
                let format = args.next().ok_or(CommandError::Arity("json.set".into()))?;
                if !matches!(*format, b"STRING" | b"JSON") {
                    return Err(CommandError::text("ERR wrong format"));
                }
            } else {
                return Err(CommandError::Syntax);
            }
        }
        Ok(condition)
    }
}

fn set(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 4, "json.set")?;
    let condition = Condition::parse(&args[4..])?;
    let run = run_of(args[3])?;
    let mut keyspace = ctx.keyspace(args[1]);
    let is_set = set_at(&mut keyspace, args[1], args[2], run, condition)?;
    if is_set {
        keyspace.changed(EventClass::MODULE, "json.set", args[1]);
        out.ok();
    } else {
        out.null();
    }
    Ok(())
}

/// Puts a value in place; `false` if the condition does not hold or there is nothing to put it in.
fn set_at(
    keyspace: &mut Keyspace<'_>,
    key: &[u8],
    path: &[u8],
    run: Vec<u8>,
    condition: Condition,
) -> CommandResult<bool> {
    let Some(mut json) = write(keyspace, key)? else {
        if condition == Condition::IfThere {
            return Ok(false);
        }
        if !is_root(path) {
            return Err(NEW_AT_ROOT);
        }
        keyspace.add_object(key, Box::new(Json::of_run(run)));
        return Ok(true);
    };
    let path = path_of(path)?;
    if path.is_root() {
        if condition == Condition::IfMissing {
            return Ok(false);
        }
        json.change(|before| *before = run);
        return Ok(true);
    }
    let Some(splices) = splices_to_set(&json, &path, &run, condition)? else { return Ok(false) };
    json.change(|before| apply(before, splices));
    Ok(true)
}

/// Whether an argument is the path of the value as a whole.
fn is_root(path: &[u8]) -> bool {
    path_of(path).is_ok_and(|path| path.is_root())
}

/// The changes that put a value in the place of those that a path finds, or add it; `None` if that is not to be or can't be.
fn splices_to_set(
    json: &Json,
    path: &Path,
    run: &[u8],
    condition: Condition,
) -> CommandResult<Option<Vec<Splice>>> {
    let root = json.root();
    let depth = Value::root(run).depth();
    let found = path.places(root)?;
    if found.is_empty() {
        if condition == Condition::IfThere {
            return Ok(None);
        }
        return Ok(splice_to_add(json, path, run)?.map(|splice| vec![splice]));
    }
    if condition == Condition::IfMissing {
        path.last_static().ok_or(NOT_STATIC)?;
        return Ok(None);
    }
    check_size(found.len().saturating_mul(run.len()))?;
    for found in &found {
        check_depth(found.depth() + depth)?;
    }
    Ok(Some(found.iter().map(|found| Splice::replace(found, root, run.to_vec())).collect()))
}

/// The change that adds a member for a path that finds nothing; `None` if there is no object to add it to.
fn splice_to_add(json: &Json, path: &Path, run: &[u8]) -> CommandResult<Option<Splice>> {
    let (target, before) = path.last_static().ok_or(NOT_STATIC)?;
    let Target::Member(name) = target else {
        return Err(CommandError::text("ERR array index out of range"));
    };
    let found = before.places(json.root())?;
    let Some(owner) = found.first() else { return Ok(None) };
    let value = owner.value(json.root());
    if !matches!(value.node(), Node::Object(_)) {
        return Ok(None);
    }
    check_depth(owner.depth() + 1 + Value::root(run).depth())?;
    let mut member = Builder::default();
    member.text(name);
    member.copy_bytes(run);
    Ok(Some(Splice::append(value, member.finish(), 1)))
}

/// Refuses what [`put`] would refuse as things are, for JSON.MSET. Returns the run.
pub(super) fn check(
    keyspace: &mut Keyspace<'_>,
    key: &[u8],
    path: &[u8],
    run: Vec<u8>,
) -> CommandResult<Vec<u8>> {
    let Some(json) = read(keyspace, key)? else {
        return if is_root(path) { Ok(run) } else { Err(NEW_AT_ROOT) };
    };
    let path = path_of(path)?;
    if !path.is_root() {
        splices_to_set(json, &path, &run, Condition::None)?;
    }
    Ok(run)
}

/// As JSON.SET does it without a condition, for JSON.MSET.
pub(super) fn put(keyspace: &mut Keyspace<'_>, key: &[u8], path: &[u8], run: Vec<u8>) -> CommandResult<bool> {
    set_at(keyspace, key, path, run, Condition::None)
}

pub(super) const MERGE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.merge",
        summary: "Merges a value into those that a path finds, or adds it; members that are null in it go",
        complexity: "O(N) with N bytes of both values",
        args: &[Arg::key("key"), Arg::string("path"), Arg::string("value")],
        ..GROWS
    },
    handler: merge_in,
};

fn merge_in(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    at_least(args, 4, "json.merge")?;
    if args.len() > 4 {
        return Err(CommandError::Syntax);
    }
    let key = args[1];
    let run = run_of(args[3])?;
    let mut keyspace = ctx.keyspace(key);
    let is_merged = merge_at(&mut keyspace, key, args[2], run)?;
    if is_merged {
        keyspace.changed(EventClass::MODULE, "json.merge", key);
        out.ok();
    } else {
        out.null();
    }
    Ok(())
}

/// Merges a value into those that a path finds; `false` if there is nothing to put it in.
fn merge_at(keyspace: &mut Keyspace<'_>, key: &[u8], path: &[u8], run: Vec<u8>) -> CommandResult<bool> {
    let Some(mut json) = write(keyspace, key)? else {
        return set_at(keyspace, key, path, run, Condition::None);
    };
    let path = path_of(path)?;
    let found = path.places(json.root())?;
    if let Some(merged) = merged_within_each_other(json.root(), &found, &run)? {
        json.change(|run| *run = merged);
        return Ok(true);
    }
    let Some(splices) = splices_to_merge(&json, &path, &found, &run)? else { return Ok(false) };
    json.change(|before| apply(before, splices));
    Ok(true)
}

/// The value as a whole, if the path finds values that are in others that it finds, too.
fn merged_within_each_other(root: Value<'_>, found: &[Found], run: &[u8]) -> CommandResult<Option<Vec<u8>>> {
    if found.len() < 2 {
        return Ok(None);
    }
    let mut places: Vec<usize> = found.iter().map(|found| found.at).collect();
    places.sort_unstable();
    places.dedup();
    if outermost(root, found.to_vec()).len() == places.len() {
        return Ok(None);
    }
    check_size(run.len().saturating_mul(places.len()))?;
    let mut merged = Builder::default();
    merge_at_all(root, &places, Value::root(run), &mut merged);
    let merged = merged.finish();
    check_depth(Value::root(&merged).depth())?;
    check_size(merged.len())?;
    Ok(Some(merged))
}

fn splices_to_merge(
    json: &Json,
    path: &Path,
    found: &[Found],
    run: &[u8],
) -> CommandResult<Option<Vec<Splice>>> {
    let root = json.root();
    if found.is_empty() {
        return Ok(splice_to_add(json, path, run)?.map(|splice| vec![splice]));
    }
    let mut splices: Vec<Splice> = Vec::with_capacity(found.len());
    let mut added: usize = 0;
    for found in found {
        let mut merged = Builder::default();
        merge(Some(found.value(root)), Value::root(run), &mut merged);
        let merged = merged.finish();
        check_depth(found.depth() + Value::root(&merged).depth())?;
        added = added.saturating_add(merged.len());
        check_size(added)?;
        splices.push(Splice::replace(found, root, merged));
    }
    Ok(Some(splices))
}
