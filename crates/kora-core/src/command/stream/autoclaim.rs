//! XAUTOCLAIM: the pending entries that were given out longest ago change hands, a few at a time.

use super::argument::parse_start;
use super::claim::{Claimed, Terms, parse_named, record};
use super::member::{Taker, check_group, enter};
use super::{DELETES_FROM_KEY, FAMILY, write_stream};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::time::UnixMs;
use crate::types::stream::{ConsumerId, Group, Log, StreamId};

pub(super) const XAUTOCLAIM: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xautoclaim",
        arity: -6,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: DELETES_FROM_KEY,
        since: "6.2.0",
        summary: "Makes pending entries of a group that were given out long ago another consumer's",
        complexity: "O(N*log(M)) for N of M pending entries looked at, at most ten times COUNT",
        args: &[
            Arg::key("key"),
            Arg::string("group"),
            Arg::string("consumer"),
            Arg::string("min-idle-time"),
            Arg::string("start"),
            Arg::integer("count").token("COUNT").optional(),
            Arg::word("justid", "JUSTID").optional(),
        ],
        history: &[("7.0.0", "A third element: the entries that were pending although they are gone.")],
        tips: &["nondeterministic_output"],
        ..FAMILY
    },
    handler: xautoclaim,
};

/// Entries taken over if not told how many.
const COUNT_DEFAULT: u64 = 100;
/// So many pending entries are looked at for each that may be taken over.
const ATTEMPTS_PER_COUNT: u64 = 10;

/// What XAUTOCLAIM was asked for.
#[derive(Debug)]
struct Claim {
    terms: Terms,
    start: StreamId,
    limit: u64,
}

impl Claim {
    /// Reads the arguments from the least idle time on.
    fn parse(args: &[&[u8]], now: UnixMs) -> CommandResult<Self> {
        let idle_min_ms = parse_named(args[0], "Invalid min-idle-time argument for XAUTOCLAIM")?.max(0);
        let terms =
            Terms { idle_min_ms, delivered: now, delivery_count: None, is_forced: false, is_id_only: false };
        let mut claim = Self { terms, start: parse_start(args[1])?, limit: COUNT_DEFAULT };
        let mut rest = &args[2..];
        while let [word, behind @ ..] = rest {
            rest = match behind {
                [number, behind @ ..] if word.eq_ignore_ascii_case(b"COUNT") => {
                    claim.limit = parse_limit(number)?;
                    behind
                }
                behind if word.eq_ignore_ascii_case(b"JUSTID") => {
                    claim.terms.is_id_only = true;
                    behind
                }
                _ => return Err(CommandError::Syntax),
            };
        }
        Ok(claim)
    }

    /// Takes over what may be; what became of entries, and where to go on.
    fn run(
        &self,
        log: &Log,
        group: &mut Group,
        consumer: ConsumerId,
        now: UnixMs,
    ) -> (Vec<Claimed>, Option<StreamId>) {
        let (mut claimed, mut next) = (Vec::new(), Some(self.start));
        for _ in 0..self.limit * ATTEMPTS_PER_COUNT {
            let id = next.and_then(|next| group.pending().range(next..).next()).map(|(&id, _)| id);
            let Some(id) = id.filter(|_| (claimed.len() as u64) < self.limit) else { break };
            claimed.extend(self.terms.claim((log, group), consumer, id, now));
            next = id.next();
        }
        let cursor = next.and_then(|next| group.pending().range(next..).next());
        (claimed, cursor.map(|(&id, _)| id))
    }
}

/// A count that leaves room for so many IDs in memory, as Redis refuses others.
fn parse_limit(text: &[u8]) -> CommandResult<u64> {
    const LIMIT_MAX: i64 = i64::MAX / 16;
    let limit = parse_i64(text).filter(|limit| (1..=LIMIT_MAX).contains(limit));
    limit.map(i64::unsigned_abs).ok_or(CommandError::text("ERR COUNT must be > 0"))
}

fn xautoclaim(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, now) = (args[1], ctx.now);
    let taker = Taker { db: ctx.db, key, group: args[2], consumer: args[3] };
    let claim = Claim::parse(&args[4..], now);
    let mut keyspace = ctx.keyspace(key);
    // The key is looked up first, which counts and may be an event; and yet a refusal of the arguments goes before one of the key.
    let checked = check_group(&mut keyspace, key, taker.group);
    let claim = claim?;
    checked?;
    let mut stream = write_stream(&mut keyspace, key)?.expect("it was found");
    let (log, group) = stream.group_mut(taker.group).expect("it was found");
    let (consumer, is_new) = enter(group, taker.consumer, now);
    let (claimed, cursor) = claim.run(log, group, consumer, now);
    out.array(3);
    out.bulk(&cursor.unwrap_or(StreamId::MIN).text());
    let (mut taken, mut released) = (Vec::new(), Vec::new());
    for claimed in &claimed {
        match claimed {
            Claimed::Taken(id, _) => taken.push(*id),
            Claimed::Released(id) => released.push(*id),
        }
    }
    out.array(taken.len());
    taken.into_iter().for_each(|id| claim.terms.write(out, log, id));
    out.array(released.len());
    released.into_iter().for_each(|id| out.bulk(&id.text()));
    let last_id = group.last_id;
    drop(stream);
    if is_new {
        taker.record_entry(&mut keyspace);
    }
    record(&mut keyspace, &taker, &claimed, last_id);
    Ok(())
}
