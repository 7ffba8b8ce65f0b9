//! XCLAIM: pending entries that another consumer takes over.

use super::argument::parse_strict_id;
use super::delete::Ids;
use super::member::{Taker, check_group, enter};
use super::{FAMILY, UPDATES_KEY, write_entry, write_stream};
use crate::command::spec::{Arg, ArgType, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::time::UnixMs;
use crate::types::stream::{ConsumerId, Group, Log, Pending, StreamId};

pub(super) const XCLAIM: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xclaim",
        arity: -6,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: UPDATES_KEY,
        summary: "Makes pending entries of a group another consumer's",
        complexity: "O(log(N)) for each ID and N pending entries",
        args: &[
            Arg::key("key"),
            Arg::string("group"),
            Arg::string("consumer"),
            Arg::string("min-idle-time"),
            Arg::string("id").multiple(),
            Arg::integer("ms").token("IDLE").optional(),
            Arg::new("unix-time-milliseconds", ArgType::UnixTime).token("TIME").optional(),
            Arg::integer("count").token("RETRYCOUNT").optional(),
            Arg::word("force", "FORCE").optional(),
            Arg::word("justid", "JUSTID").optional(),
            Arg::string("lastid").token("LASTID").optional(),
        ],
        tips: &["nondeterministic_output"],
        ..FAMILY
    },
    handler: xclaim,
};

/// How pending entries change hands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// Only what was given out so long ago is taken over.
    pub(super) idle_min_ms: i64,
    /// When the entries count as given out.
    pub(super) delivered: UnixMs,
    /// How often they count as given out, if not once more.
    pub(super) delivery_count: Option<u64>,
    /// FORCE: what is not pending becomes so.
    pub(super) is_forced: bool,
    /// JUSTID: answers with IDs, and does not count as giving out.
    pub(super) is_id_only: bool,
}

/// What became of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claimed {
    /// It is pending for the consumer.
    Taken(StreamId, Pending),
    /// It was pending, and is not any more because it is gone.
    Released(StreamId),
}

impl Terms {
    /// Gives an entry to a consumer, if that may be.
    pub(super) fn claim(
        &self,
        (log, group): (&Log, &mut Group),
        consumer: ConsumerId,
        id: StreamId,
        now: UnixMs,
    ) -> Option<Claimed> {
        if log.get(id).is_none() {
            return group.release(id).map(|_| Claimed::Released(id));
        }
        let before = match group.pending().get(&id) {
            Some(before) => {
                let idle_ms = now.0.saturating_sub(before.delivered.0);
                if self.idle_min_ms > 0 && idle_ms < self.idle_min_ms {
                    return None;
                }
                before.delivery_count
            }
            None if self.is_forced => 1,
            None => return None,
        };
        let delivery_count = self.delivery_count.unwrap_or(before.wrapping_add(u64::from(!self.is_id_only)));
        let pending = Pending { consumer, delivered: self.delivered, delivery_count };
        group.assign(id, pending);
        group.consumer_mut(consumer).active = Some(now);
        Some(Claimed::Taken(id, pending))
    }

    /// Writes an entry that was taken over.
    pub(super) fn write(&self, out: &mut dyn Reply, log: &Log, id: StreamId) {
        match log.get(id) {
            Some(entry) if !self.is_id_only => write_entry(out, &entry),
            _ => out.bulk(&id.text()),
        }
    }
}

/// Records what became of entries.
pub(super) fn record(keyspace: &mut Keyspace<'_>, taker: &Taker<'_>, claimed: &[Claimed], last_id: StreamId) {
    for claimed in claimed {
        match *claimed {
            Claimed::Taken(id, pending) => taker.record_claim(keyspace, id, pending, last_id),
            Claimed::Released(id) => taker.record_release(keyspace, id),
        }
    }
}

/// What XCLAIM was asked for.
#[derive(Debug)]
struct Claim {
    terms: Terms,
    ids: Ids,
    last_id: StreamId,
}

impl Claim {
    /// Reads the arguments from the least idle time on. IDs end where an argument is none.
    fn parse(args: &[&[u8]], now: UnixMs, is_repeated: bool) -> CommandResult<Self> {
        let idle_min_ms = parse_named(args[0], "Invalid min-idle-time argument for XCLAIM")?.max(0);
        let ids: Ids = args[1..].iter().map_while(|arg| parse_strict_id(arg).ok()).collect();
        let mut rest = &args[1 + ids.len()..];
        let terms =
            Terms { idle_min_ms, delivered: now, delivery_count: None, is_forced: false, is_id_only: false };
        let mut claim = Self { terms, ids, last_id: StreamId::MIN };
        // -1 is what Redis takes for "not given", be it given.
        let (mut delivered_ms, mut delivery_count) = (-1, -1);
        while let [word, behind @ ..] = rest {
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            rest = match behind {
                behind if is(b"FORCE") => {
                    claim.terms.is_forced = true;
                    behind
                }
                behind if is(b"JUSTID") => {
                    claim.terms.is_id_only = true;
                    behind
                }
                [value, behind @ ..] if is(b"IDLE") => {
                    let idle_ms = parse_named(value, "Invalid IDLE option argument for XCLAIM")?;
                    delivered_ms = now.0.wrapping_sub(idle_ms);
                    behind
                }
                [value, behind @ ..] if is(b"TIME") => {
                    delivered_ms = parse_named(value, "Invalid TIME option argument for XCLAIM")?;
                    behind
                }
                [value, behind @ ..] if is(b"RETRYCOUNT") => {
                    delivery_count = parse_named(value, "Invalid RETRYCOUNT option argument for XCLAIM")?;
                    behind
                }
                [value, behind @ ..] if is(b"LASTID") => {
                    claim.last_id = parse_strict_id(value)?;
                    behind
                }
                _ => return Err(unknown_option(word)),
            };
        }
        claim.terms.delivery_count = u64::try_from(delivery_count).ok();
        // A time to come, or before 1970, is no time to have given anything out; unless effects are replayed: the clock may
        // have been set back since.
        if delivered_ms >= 0 && (delivered_ms <= now.0 || is_repeated) {
            claim.terms.delivered = UnixMs(delivered_ms);
        }
        Ok(claim)
    }
}

#[cold]
fn unknown_option(word: &[u8]) -> CommandError {
    CommandError::Other(format!("ERR Unrecognized XCLAIM option '{}'", super::shown(word)).into())
}

/// An integer, or a refusal of its own.
pub(super) fn parse_named(text: &[u8], refusal: &'static str) -> CommandResult<i64> {
    parse_i64(text).ok_or_else(|| CommandError::Other(format!("ERR {refusal}").into()))
}

fn xclaim(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, now, ctx_now) = (args[1], ctx.clock(), ctx.now);
    let taker = Taker { db: ctx.db, key, group: args[2], consumer: args[3] };
    let mut keyspace = ctx.keyspace(key);
    check_group(&mut keyspace, key, taker.group)?;
    // What is replayed runs at a time before everything.
    let claim = Claim::parse(&args[4..], now, ctx_now.0 == 0)?;
    let mut stream = write_stream(&mut keyspace, key)?.expect("it was found");
    let (log, group) = stream.group_mut(taker.group).expect("it was found");
    let is_moved_on = claim.last_id > group.last_id;
    group.last_id = group.last_id.max(claim.last_id);
    let (consumer, is_new) = enter(group, taker.consumer, now);
    let claimed: Vec<Claimed> =
        claim.ids.iter().filter_map(|&id| claim.terms.claim((log, group), consumer, id, now)).collect();
    let taken = claimed.iter().filter_map(|claimed| match claimed {
        Claimed::Taken(id, _) => Some(*id),
        Claimed::Released(_) => None,
    });
    let taken_count = taken.clone().count();
    out.array(taken_count);
    taken.for_each(|id| claim.terms.write(out, log, id));
    let (last_id, entries_read) = (group.last_id, group.entries_read);
    drop(stream);
    if is_new {
        taker.record_entry(&mut keyspace);
    }
    record(&mut keyspace, &taker, &claimed, last_id);
    if is_moved_on && taken_count == 0 {
        taker.record_progress(&mut keyspace, last_id, entries_read);
    }
    Ok(())
}
