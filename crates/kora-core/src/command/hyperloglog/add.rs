//! Commands that add to a HyperLogLog: PFADD and PFMERGE.

use super::{FAMILY, sketch_in, sparse_bytes_max, store};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::table::EntryMut;
use crate::types::hyperloglog::{Encoding, REGISTERS, SketchBuf, add_to_dense};

pub(super) const PFADD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "pfadd",
        arity: -2,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RW.insert(), 1)],
        summary: "Adds elements to the HyperLogLog stored at a key, which is created if it does not exist",
        complexity: "O(1) for each element",
        args: &[Arg::key("key"), Arg::string("element").optional().multiple()],
        ..FAMILY
    },
    handler: pfadd,
};

fn pfadd(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, elements) = (args[1], &args[2..]);
    let sparse_max = sparse_bytes_max(ctx);
    let mut keyspace = ctx.keyspace(key);
    let changes = if let Some(entry) = keyspace.write_string(key)? {
        add_to_entry(entry, elements, sparse_max)?
    } else {
        let mut sketch = SketchBuf::new(sparse_max);
        let raised = add_all(&mut sketch, elements)?;
        sketch.mark_stale();
        store(&mut keyspace, key, &sketch);
        1 + raised
    };
    if changes > 0 {
        report(&mut keyspace, key, changes);
    }
    out.integer((changes > 0).into());
    Ok(())
}

/// Adds elements to a value; returns how many registers rose.
fn add_to_entry(mut entry: EntryMut<'_>, elements: &[&[u8]], sparse_max: usize) -> CommandResult<u64> {
    let value = entry.string().expect("`write_string` gives entries that hold strings");
    let sketch = sketch_in(value)?;
    if sketch.encoding() == Encoding::Dense {
        return Ok(add_to_dense(entry.raw_mut(0), elements));
    }
    let mut sketch = SketchBuf::of(sketch, sparse_max);
    let raised = add_all(&mut sketch, elements)?;
    if raised > 0 {
        sketch.mark_stale();
        entry.set_raw(sketch.bytes());
    }
    Ok(raised)
}

fn add_all(sketch: &mut SketchBuf, elements: &[&[u8]]) -> CommandResult<u64> {
    let mut raised = 0;
    for element in elements {
        raised += u64::from(sketch.add(element)?);
    }
    Ok(raised)
}

/// PFMERGE too is an addition of many elements, and reports itself so.
fn report(keyspace: &mut Keyspace<'_>, key: &[u8], changes: u64) {
    keyspace.changed(EventClass::STRING, "pfadd", key);
    keyspace.journal().changed(changes - 1);
}

pub(super) const PFMERGE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "pfmerge",
        arity: -2,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: &[
            KeySpec::one(KeyFlags::RW.access().insert(), 1),
            KeySpec::range(KeyFlags::RO.access(), 2, -1, 1),
        ],
        summary: "Adds to the HyperLogLog stored at a key all that those stored at other keys have seen",
        complexity: "O(N) for N keys, with large constant times",
        args: &[Arg::key("destkey"), Arg::key("sourcekey").spec(1).optional().multiple()],
        ..FAMILY
    },
    handler: pfmerge,
};

fn pfmerge(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let target = args[1];
    let mut registers = [0; REGISTERS];
    let mut any_dense = false;
    for key in &args[1..] {
        let mut keyspace = ctx.keyspace(key);
        let Some(value) = keyspace.read_string(key)? else { continue };
        let sketch = sketch_in(value)?;
        any_dense |= sketch.encoding() == Encoding::Dense;
        sketch.merge_into(&mut registers)?;
    }
    let sparse_max = sparse_bytes_max(ctx);
    let mut keyspace = ctx.keyspace(target);
    let mut sketch = match keyspace.write_string(target)? {
        Some(entry) => {
            let value = entry.string().expect("`write_string` gives entries that hold strings");
            SketchBuf::of(sketch_in(value)?, sparse_max)
        }
        None => SketchBuf::new(sparse_max),
    };
    if any_dense {
        sketch.make_dense()?;
        sketch.store_all(&registers);
    } else {
        sketch.raise_all(&registers)?;
    }
    sketch.mark_stale();
    store(&mut keyspace, target, &sketch);
    report(&mut keyspace, target, 1);
    out.ok();
    Ok(())
}
