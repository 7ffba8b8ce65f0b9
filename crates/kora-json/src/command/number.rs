//! JSON.NUMINCRBY, NUMMULTBY and NUMPOWBY: arithmetic on numbers.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::update::{last, update};
use super::{GROWS, at_least, no_path_or, path_of, whole_run_of};
use crate::number::{Arithmetic, Number};
use crate::packed::{Builder, Node, Value};

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
    let results = update(ctx, args[1], &path, name, |place, splices| {
        let Node::Number(before) = place.value().node() else { return Ok(None) };
        let result = arithmetic.apply(before, number_of(args[3])?);
        let result = result.ok_or(CommandError::text("ERR result is not a number"))?;
        let mut builder = Builder::default();
        builder.number(result);
        splices.push(place.replace(builder.finish()));
        Ok(Some(result))
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
