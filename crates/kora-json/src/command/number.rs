//! JSON.NUMINCRBY, NUMMULTBY and NUMPOWBY: arithmetic on numbers.

use std::collections::BTreeMap;

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::journal::EventClass;
use kora_core::reply::Reply;

use super::update::{check_size, last};
use super::{GROWS, NO_KEY, at_least, no_path_or, path_of, whole_run_of, write};
use crate::edit::replace_numbers;
use crate::number::{Arithmetic, Number};
use crate::packed::{Node, Value};
use crate::path::{Found, Path};

/// Bytes of a number in a value, at most.
const NUMBER_BYTES: usize = 9;

const ARGS: &[Arg] = &[Arg::key("key"), Arg::string("path"), Arg::double("value")];

const NUMBERS: Facts = Facts { args: ARGS, complexity: "O(N) with N bytes of the value", ..GROWS };

pub(super) const NUMINCRBY: CommandSpec = CommandSpec {
    facts: Facts { name: "json.numincrby", summary: "Adds to the numbers that a path finds", ..NUMBERS },
    handler: |ctx, args, out| calculate(ctx, args, out, "json.numincrby", Arithmetic::Add),
};

pub(super) const NUMMULTBY: CommandSpec = CommandSpec {
    facts: Facts { name: "json.nummultby", summary: "Multiplies the numbers that a path finds", ..NUMBERS },
    handler: |ctx, args, out| calculate(ctx, args, out, "json.nummultby", Arithmetic::Multiply),
};

pub(super) const NUMPOWBY: CommandSpec = CommandSpec {
    facts: Facts {
        name: "json.numpowby",
        summary: "Raises the numbers that a path finds to a power",
        ..NUMBERS
    },
    handler: |ctx, args, out| calculate(ctx, args, out, "json.numpowby", Arithmetic::Power),
};

fn calculate(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    out: &mut dyn Reply,
    name: &'static str,
    arithmetic: Arithmetic,
) -> CommandResult {
    at_least(args, 4, name)?;
    let path = path_of(args[2])?;
    let results = change(ctx, (args[1], &path, name), |before| {
        let result = arithmetic.apply(before, number_of(args[3])?);
        result.ok_or(CommandError::text("ERR result is not a number"))
    })?;
    if out.is_resp3() {
        out.array(results.len());
        for result in results {
            match result {
                Some(number) => number.reply(out),
                None => out.null(),
            }
        }
        return Ok(());
    }
    let mut text = Vec::new();
    if path.is_legacy() {
        let none = || no_path_or(&path.modern_text(), "does not contains a number");
        last(results, none)?.write(&mut text);
    } else {
        write_results(&results, &mut text);
    }
    out.bulk(&text);
    Ok(())
}

/// Changes each number that a path finds, as often as the path finds it. Returns what each was changed to; `None` if a value is no number. If
/// `calculate` refuses one, nothing is changed.
///
/// Complexity: O(bytes of the value + n log n) for n places. Each takes some 60 bytes until the reply is there.
fn change(
    ctx: &mut Ctx<'_>,
    (key, path, event): (&[u8], &Path, &'static str),
    mut calculate: impl FnMut(Number) -> CommandResult<Number>,
) -> CommandResult<Vec<Option<Number>>> {
    let mut keyspace = ctx.keyspace(key);
    let Some(mut json) = write(&mut keyspace, key)? else { return Err(NO_KEY) };
    let root = json.root();
    let number_at = |found: &Found| match found.value(root).node() {
        Node::Number(number) => Some(number),
        _ => None,
    };
    let mut places = path.places(root)?;
    let mut results = Vec::with_capacity(places.len());
    let is_ascending = places.is_sorted_by(|one, other| one.at < other.at);
    // What is found again is changed again.
    let mut latest: BTreeMap<usize, Number> = BTreeMap::new();
    for found in &places {
        let known = if is_ascending { None } else { latest.get(&found.at).copied() };
        let result = known.or_else(|| number_at(found)).map(&mut calculate).transpose()?;
        if let (Some(result), false) = (result, is_ascending) {
            latest.insert(found.at, result);
        }
        results.push(result);
    }
    check_size(results.len().saturating_mul(NUMBER_BYTES))?;
    if results.iter().any(Option::is_some) {
        if is_ascending {
            let changed =
                places.iter().zip(&results).filter_map(|(found, result)| Some((*found, (*result)?)));
            json.change(|run| replace_numbers(run, changed));
        } else {
            places.sort_unstable_by_key(|found| found.at);
            places.dedup_by_key(|found| found.at);
            let changed = places.iter().filter_map(|found| Some((*found, *latest.get(&found.at)?)));
            json.change(|run| replace_numbers(run, changed));
        }
        drop(json);
        keyspace.changed(EventClass::MODULE, event, key);
    }
    Ok(results)
}

fn number_of(arg: &[u8]) -> CommandResult<Number> {
    let run = whole_run_of(arg)?;
    match Value::root(&run).node() {
        Node::Number(number) => Ok(number),
        _ => Err(CommandError::text("bad input number")),
    }
}

fn write_results(results: &[Option<Number>], text: &mut Vec<u8>) {
    text.push(b'[');
    for (place, result) in results.iter().enumerate() {
        if place > 0 {
            text.push(b',');
        }
        match result {
            Some(number) => number.write(text),
            None => text.extend_from_slice(b"null"),
        }
    }
    text.push(b']');
}
