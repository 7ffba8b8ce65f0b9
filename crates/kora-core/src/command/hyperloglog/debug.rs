//! PFDEBUG and PFSELFTEST, for tests.

use std::fmt::Write as _;

use super::{FAMILY, sketch_in, sparse_bytes_max, store};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::command::table::shown;
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::types::hyperloglog::{Encoding, REGISTERS, Sketch, SketchBuf};

pub(super) const PFDEBUG: CommandSpec = CommandSpec {
    facts: Facts {
        name: "pfdebug",
        arity: 3,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::ADMIN),
        keys: &[KeySpec::one(KeyFlags::RW.access(), 2)],
        summary: "Shows how a HyperLogLog is stored",
        complexity: "N/A",
        args: &[Arg::string("subcommand"), Arg::key("key")],
        is_syscmd: true,
        ..FAMILY
    },
    handler: pfdebug,
};

fn pfdebug(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (subcommand, key) = (args[1], args[2]);
    let sparse_max = sparse_bytes_max(ctx);
    let mut keyspace = ctx.keyspace(key);
    let entry =
        keyspace.write_string(key)?.ok_or(CommandError::text("ERR The specified key does not exist"))?;
    let sketch = sketch_in(entry.string().expect("`write_string` gives entries that hold strings"))?;
    let is = |name: &str| subcommand.eq_ignore_ascii_case(name.as_bytes());
    match () {
        () if is("GETREG") => {
            let mut registers = [0; REGISTERS];
            sketch.merge_into(&mut registers)?;
            let dense = dense_form(sketch, sparse_max)?;
            drop(entry);
            store_changed(&mut keyspace, key, dense.as_ref());
            out.array(registers.len());
            registers.iter().for_each(|value| out.integer((*value).into()));
        }
        () if is("DECODE") => match sketch.encoding() {
            Encoding::Sparse => out.bulk(describe(sketch).as_bytes()),
            Encoding::Dense => return Err(CommandError::text("ERR HLL encoding is not sparse")),
        },
        () if is("ENCODING") => out.simple(match sketch.encoding() {
            Encoding::Dense => "dense",
            Encoding::Sparse => "sparse",
        }),
        () if is("TODENSE") => {
            let dense = dense_form(sketch, sparse_max)?;
            drop(entry);
            store_changed(&mut keyspace, key, dense.as_ref());
            out.integer(dense.is_some().into());
        }
        () => {
            let name = shown(subcommand, usize::MAX);
            return Err(CommandError::Other(format!("ERR Unknown PFDEBUG subcommand '{name}'").into()));
        }
    }
    Ok(())
}

/// The dense form of a sketch that has another.
fn dense_form(sketch: Sketch<'_>, sparse_max: usize) -> CommandResult<Option<SketchBuf>> {
    if sketch.encoding() == Encoding::Dense {
        return Ok(None);
    }
    let mut dense = SketchBuf::of(sketch, sparse_max);
    dense.make_dense()?;
    Ok(Some(dense))
}

fn store_changed(keyspace: &mut Keyspace<'_>, key: &[u8], sketch: Option<&SketchBuf>) {
    if let Some(sketch) = sketch {
        store(keyspace, key, sketch);
        keyspace.journal().changed(1);
    }
}

/// The runs of a sparse sketch: `z` and `Z` for zeros in one and two bytes, `v` for another value.
fn describe(sketch: Sketch<'_>) -> String {
    let mut text = String::new();
    for run in sketch.runs() {
        let gap = if text.is_empty() { "" } else { " " };
        let written = match run.value {
            0 if run.is_long => write!(text, "{gap}Z:{}", run.len),
            0 => write!(text, "{gap}z:{}", run.len),
            value => write!(text, "{gap}v:{value},{}", run.len),
        };
        written.expect("a string takes all that is written");
    }
    text
}

pub(super) const PFSELFTEST: CommandSpec = CommandSpec {
    facts: Facts {
        name: "pfselftest",
        arity: 1,
        flags: Flags::ADMIN,
        summary: "Checks that HyperLogLogs count as well as they should",
        complexity: "N/A",
        is_syscmd: true,
        ..FAMILY
    },
    handler: pfselftest,
};

/// Elements added by PFSELFTEST: enough to fill the registers, few enough to be done in some milliseconds.
const TESTED_ELEMENTS: u64 = 100_000;
/// Errors of an estimate up to here are none: six times the standard error.
const ERROR_MAX: f64 = 6.0 * 0.0081;

fn pfselftest(ctx: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let seed = ctx.random();
    let mut sketch = SketchBuf::new(sparse_bytes_max(ctx));
    for number in 1..=TESTED_ELEMENTS {
        sketch.add(&(seed ^ number).to_le_bytes())?;
        if number.is_power_of_two() || number == TESTED_ELEMENTS {
            check_estimate(Sketch::new(sketch.bytes())?.count()?, number)?;
        }
    }
    out.ok();
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "the numbers are small")]
fn check_estimate(estimate: u64, number: u64) -> CommandResult {
    // Few elements are counted exactly but for a collision or two.
    let allowed = (number as f64 * ERROR_MAX).max(3.0);
    if estimate.abs_diff(number) as f64 <= allowed {
        return Ok(());
    }
    let text = format!("TESTFAILED Too large an error: {estimate} estimated for {number} elements");
    Err(CommandError::Other(text.into()))
}
