//! WATCH, as far as it concerns the store. MULTI, EXEC, DISCARD and UNWATCH belong to connections, and so does the
//! beginning of WATCH: a driver runs this one's handler on the shards of the keys.

use crate::command::Run;
use crate::command::spec::{
    Arg, Categories, CommandSpec, Facts, Flags, Group, KeyFlags, KeySpec, Merge, Route, Traits,
};
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::reply::Reply;

/// WATCH: not part of the core's families, since it needs someone who watches.
pub const WATCH: CommandSpec = CommandSpec {
    facts: Facts {
        name: "watch",
        arity: -2,
        flags: Flags::NOSCRIPT
            .with(Flags::LOADING)
            .with(Flags::STALE)
            .with(Flags::FAST)
            .with(Flags::ALLOW_BUSY),
        categories: Categories::TRANSACTION,
        traits: Traits::NEVER_QUEUED.with(Traits::WATCHES),
        keys: &[KeySpec::range(KeyFlags::RO, 1, -1, 1)],
        route: Route::Split(Merge::First),
        group: Group::Transactions,
        since: "2.2.0",
        summary: "Makes the next transaction depend on keys not being changed until then",
        complexity: "O(1) for every key",
        args: &[Arg::key("key").multiple()],
        ..Facts::NONE
    },
    handler: watch,
};

/// WATCH ready to run.
pub static RUN: Run = (&WATCH.facts, WATCH.handler);

fn watch(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let watch = ctx.watch.expect("whoever runs WATCH says who watches");
    for key in &args[1..] {
        ctx.keyspace(key).watch(key, watch);
    }
    out.ok();
    Ok(())
}
