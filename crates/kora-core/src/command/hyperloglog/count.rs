//! PFCOUNT. The estimate of one key is stored in its value, so that the next call need not look at the registers; that is a
//! change of the value, if an invisible one.

use super::{FAMILY, sketch_in};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::reply::Reply;
use crate::types::hyperloglog::{self, REGISTERS, cache_count};

pub(super) const PFCOUNT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "pfcount",
        arity: -2,
        flags: Flags::READONLY.with(Flags::MAY_REPLICATE),
        keys: &[KeySpec::range(KeyFlags::RW.access(), 1, -1, 1)
            .noted("RW because the estimate is stored with the value")],
        summary: "Estimates how many different elements were added to HyperLogLogs, all keys together",
        complexity: "O(1) for one key with a very small constant; O(N) for N keys, with larger ones",
        args: &[Arg::key("key").multiple()],
        ..FAMILY
    },
    handler: pfcount,
};

fn pfcount(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let count = match *args {
        [_, key] => count_one(ctx, key)?,
        _ => count_union(ctx, &args[1..])?,
    };
    out.integer(count.cast_signed());
    Ok(())
}

fn count_one(ctx: &mut Ctx<'_>, key: &[u8]) -> CommandResult<u64> {
    let db = ctx.db;
    let mut keyspace = ctx.keyspace(key);
    let Some(value) = keyspace.read_string(key)? else { return Ok(0) };
    let sketch = sketch_in(value)?;
    if let Some(count) = sketch.cached_count() {
        return Ok(count);
    }
    let count = sketch.count()?;
    let mut entry = keyspace.write_string(key)?.expect("the key was found above");
    cache_count(entry.raw_mut(0), count);
    drop(entry);
    keyspace.journal().changed(1);
    // It counts as a read, so that nothing else records it.
    keyspace.journal().effect(db, &[b"PFCOUNT", key]);
    keyspace.touched(key);
    Ok(count)
}

fn count_union(ctx: &mut Ctx<'_>, keys: &[&[u8]]) -> CommandResult<u64> {
    let mut registers = [0; REGISTERS];
    for key in keys {
        let mut keyspace = ctx.keyspace(key);
        if let Some(value) = keyspace.read_string(key)? {
            sketch_in(value)?.merge_into(&mut registers)?;
        }
    }
    Ok(hyperloglog::count(&registers))
}
