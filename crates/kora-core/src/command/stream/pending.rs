//! XPENDING: what a group was given and has not acknowledged.

use std::collections::btree_map;

use super::argument::{parse_count, parse_end, parse_integer, parse_start};
use super::member::check_group;
use super::{FAMILY, READS_KEY, count, elapsed, integer, read_stream};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;
use crate::time::UnixMs;
use crate::types::stream::{Consumer, Group, Pending, StreamId};

pub(super) const XPENDING: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xpending",
        arity: -3,
        flags: Flags::READONLY,
        keys: READS_KEY,
        summary: "Tells which entries are pending for a group and its consumers",
        complexity: "O(log(M)+N) for N of M pending entries looked at; without a range O(C) for C consumers",
        args: &[
            Arg::key("key"),
            Arg::string("group"),
            Arg::block(
                "filters",
                &[
                    Arg::integer("min-idle-time").token("IDLE").optional().since("6.2.0"),
                    Arg::string("start"),
                    Arg::string("end"),
                    Arg::integer("count"),
                    Arg::string("consumer").optional(),
                ],
            )
            .optional(),
        ],
        history: &[("6.2.0", "New option `IDLE`; ends of the range may be excluded.")],
        tips: &["nondeterministic_output"],
        ..FAMILY
    },
    handler: xpending,
};

/// Which pending entries to list.
#[derive(Debug)]
struct Filter<'a> {
    idle_min_ms: i64,
    start: StreamId,
    end: StreamId,
    limit: u64,
    consumer: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    /// Reads `[IDLE min-idle-time] start end count [consumer]`, if there is any of it.
    fn parse(args: &[&'a [u8]]) -> CommandResult<Option<Self>> {
        let (idle_min_ms, range) = match args {
            [] => return Ok(None),
            [_, _] | [_] => return Err(CommandError::Syntax),
            [word, idle, range @ ..] if word.eq_ignore_ascii_case(b"IDLE") => (parse_integer(idle)?, range),
            range => (0, range),
        };
        let [start, end, limit, ref consumer @ ..] = *range else { return Err(CommandError::Syntax) };
        // More than the longest form is refused; what a shorter form is followed by is not looked at.
        if args.len() > 6 {
            return Err(CommandError::Syntax);
        }
        let limit = parse_count(limit)?;
        let (start, end) = (parse_start(start)?, parse_end(end)?);
        Ok(Some(Self { idle_min_ms, start, end, limit, consumer: consumer.first().copied() }))
    }

    fn takes(&self, pending: &Pending, now: UnixMs) -> bool {
        self.idle_min_ms == 0 || now.0.saturating_sub(pending.delivered.0) >= self.idle_min_ms
    }
}

fn xpending(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, name, now) = (args[1], args[2], ctx.now);
    let filter = Filter::parse(&args[3..])?;
    let mut keyspace = ctx.keyspace(key);
    check_group(&mut keyspace, key, name)?;
    let group = read_stream(&mut keyspace, key)?.and_then(|stream| stream.group(name));
    let group = group.expect("it was found");
    match filter {
        None => write_summary(out, group),
        Some(filter) => write_list(out, group, &filter, now),
    }
    Ok(())
}

/// How many entries are pending, the first and the last, and how many for each consumer.
fn write_summary(out: &mut dyn Reply, group: &Group) {
    out.array(4);
    out.integer(integer(group.pending().len() as u64));
    let (Some((first, _)), Some((last, _))) =
        (group.pending().first_key_value(), group.pending().last_key_value())
    else {
        out.null();
        out.null();
        out.null_array();
        return;
    };
    out.bulk(&first.text());
    out.bulk(&last.text());
    let busy = || group.consumers().filter(|consumer| !consumer.pending().is_empty());
    out.array(busy().count());
    for consumer in busy() {
        out.array(2);
        out.bulk(consumer.name());
        out.bulk(itoa::Buffer::new().format(consumer.pending().len()).as_bytes());
    }
}

fn write_list(out: &mut dyn Reply, group: &Group, filter: &Filter<'_>, now: UnixMs) {
    if filter.start > filter.end {
        return out.array(0);
    }
    let limit = count(filter.limit.min(group.pending().len() as u64));
    let found: Vec<_> = match filter.consumer.map(|name| group.find_consumer(name)) {
        None => pending_of_group(group, filter, now).take(limit).collect(),
        Some(None) => Vec::new(),
        Some(Some(consumer)) => {
            pending_of_consumer(group, group.consumer(consumer), filter, now).take(limit).collect()
        }
    };
    out.array(found.len());
    for (id, pending) in found {
        out.array(4);
        out.bulk(&id.text());
        out.bulk(group.consumer(pending.consumer).name());
        out.integer(elapsed(pending.delivered, now));
        out.integer(integer(pending.delivery_count));
    }
}

fn pending_of_group<'a>(
    group: &'a Group,
    filter: &'a Filter<'_>,
    now: UnixMs,
) -> impl Iterator<Item = (StreamId, &'a Pending)> {
    let range: btree_map::Range<'_, _, _> = group.pending().range(filter.start..=filter.end);
    range.map(|(&id, pending)| (id, pending)).filter(move |(_, pending)| filter.takes(pending, now))
}

fn pending_of_consumer<'a>(
    group: &'a Group,
    consumer: &'a Consumer,
    filter: &'a Filter<'_>,
    now: UnixMs,
) -> impl Iterator<Item = (StreamId, &'a Pending)> {
    let ids = consumer.pending().range(filter.start..=filter.end);
    ids.map(|&id| (id, &group.pending()[&id])).filter(move |(_, pending)| filter.takes(pending, now))
}
