//! STATS.MEMORY: what the keys with some prefixes occupy, a part of the keys at a time.

use super::FAMILY;
use crate::command::generic::scan::{CURSOR_SHARD_BITS, SLICE_KEYS, cursor_shard, parse_cursor};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, Group, Route};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;

pub(super) const STATS_MEMORY: CommandSpec = CommandSpec {
    facts: Facts {
        name: "stats.memory",
        arity: -2,
        flags: Flags::READONLY.with(Flags::ADMIN).with(Flags::MODULE),
        route: Route::Cursor,
        group: Group::Module,
        summary: "Counts the keys with some prefixes and the bytes that they occupy, some keys at a time",
        complexity: "O(P) per call for P prefixes, and O(N) for all N keys",
        args: &[Arg::integer("cursor").optional(), Arg::string("prefix").multiple()],
        tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
        ..FAMILY
    },
    handler: stats_memory,
};

/// Looks at a slice of the keys of the cursor's shard. A key counts for the first prefix that it has.
fn stats_memory(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    // Without a cursor it begins; a lone number is a cursor and says nothing to look for.
    let (cursor, prefixes) = match parse_cursor(args[1]) {
        Some(_) if args.len() == 2 => return Err(CommandError::Arity(STATS_MEMORY.facts.name.into())),
        Some(cursor) => (cursor, &args[2..]),
        None => (0, &args[1..]),
    };
    let shard = cursor_shard(args[1]);
    let mut counts = vec![(0_u64, 0_u64); prefixes.len()];
    let mut next = 0;
    ctx.each_keyspace(|mut keyspace| {
        let now = keyspace.now();
        if keyspace.shard() == shard {
            next = keyspace.scan(cursor >> CURSOR_SHARD_BITS, SLICE_KEYS, &mut |entry| {
                let first = prefixes.iter().position(|prefix| entry.key().starts_with(prefix));
                if let Some((keys, bytes)) =
                    first.map(|first| &mut counts[first]).filter(|_| !entry.is_expired(now))
                {
                    *keys += 1;
                    *bytes += entry.memory_bytes() as u64;
                }
            });
        }
    });
    let shard = match next {
        0 => u64::from(shard.0) + 1,
        _ => u64::from(shard.0),
    };
    let is_over = next == 0 && shard >= u64::from(ctx.shard_count());
    let next = if is_over { 0 } else { next << CURSOR_SHARD_BITS | shard };
    out.array(2);
    out.bulk(itoa::Buffer::new().format(next).as_bytes());
    out.array(prefixes.len());
    for (prefix, (keys, bytes)) in prefixes.iter().zip(counts) {
        out.map(3);
        out.bulk(b"prefix");
        out.bulk(prefix);
        for (name, count) in [("keys", keys), ("bytes", bytes)] {
            out.bulk(name.as_bytes());
            out.integer(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
    Ok(())
}
