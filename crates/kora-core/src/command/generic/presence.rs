//! Commands that count, mark or delete keys, and TYPE: DEL, UNLINK, EXISTS, TOUCH.
//!
//! Their keys are independent, so each shard counts its own and the counts are added.

use super::{FAMILY, LOOKS_AT_KEY};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec, Merge, Route};
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::types;

/// What the commands that take any number of keys have in common.
const COUNTING: Facts = Facts {
    arity: -2,
    route: Route::Split(Merge::Sum),
    complexity: "O(N) with N keys",
    args: &[Arg::key("key").multiple()],
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    ..FAMILY
};
const DELETES_KEYS: &[KeySpec] = &[KeySpec::range(KeyFlags::RM.delete(), 1, -1, 1)];
const LOOKS_AT_KEYS: &[KeySpec] = &[KeySpec::range(KeyFlags::RO, 1, -1, 1)];

pub(super) const DEL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "del",
        flags: Flags::WRITE,
        keys: DELETES_KEYS,
        since: "1.0.0",
        summary: "Deletes keys",
        complexity: "O(N) with N keys; what large values occupied is freed later, piece by piece",
        ..COUNTING
    },
    handler: delete,
};

pub(super) const UNLINK: CommandSpec = CommandSpec {
    facts: Facts {
        name: "unlink",
        flags: Flags::WRITE.with(Flags::FAST),
        keys: DELETES_KEYS,
        since: "4.0.0",
        summary: "Deletes keys and frees their memory later",
        ..COUNTING
    },
    handler: delete,
};

/// DEL and UNLINK differ in name only: the keyspace frees every large value lazily.
fn delete(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let mut count = 0;
    for key in &args[1..] {
        let mut keyspace = ctx.keyspace(key);
        if keyspace.delete(key) {
            keyspace.changed(EventClass::GENERIC, "del", key);
            count += 1;
        }
    }
    out.integer(count);
    Ok(())
}

pub(super) const EXISTS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "exists",
        flags: Flags::READONLY.with(Flags::FAST),
        keys: LOOKS_AT_KEYS,
        since: "1.0.0",
        summary: "Counts which of the keys exist; a key named twice counts twice",
        history: &[("3.0.3", "Takes several keys")],
        ..COUNTING
    },
    handler: exists,
};

fn exists(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let mut count = 0;
    for key in &args[1..] {
        count += i64::from(ctx.keyspace(key).examine(key).is_some());
    }
    out.integer(count);
    Ok(())
}

pub(super) const TOUCH: CommandSpec = CommandSpec {
    facts: Facts {
        name: "touch",
        flags: Flags::READONLY.with(Flags::FAST),
        keys: LOOKS_AT_KEYS,
        since: "3.2.1",
        summary: "Marks keys as used and counts those that exist",
        ..COUNTING
    },
    handler: touch,
};

fn touch(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    // To mark keys as used is what it is for, whatever the client has chosen for its other commands.
    ctx.no_touch = false;
    let mut count = 0;
    for key in &args[1..] {
        count += i64::from(ctx.keyspace(key).read(key).is_some());
    }
    out.integer(count);
    Ok(())
}

pub(super) const TYPE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "type",
        arity: 2,
        flags: Flags::READONLY.with(Flags::FAST),
        keys: LOOKS_AT_KEY,
        since: "1.0.0",
        summary: "Names the type of the value at a key",
        args: &[Arg::key("key")],
        ..FAMILY
    },
    handler: type_of,
};

fn type_of(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    out.simple(ctx.keyspace(key).examine(key).map_or("none", |entry| types::type_of(entry).name));
    Ok(())
}
