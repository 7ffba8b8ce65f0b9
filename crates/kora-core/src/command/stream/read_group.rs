//! XREADGROUP: entries that no consumer of a group was given yet, or those that are pending for one.

use smallvec::SmallVec;

use super::argument::parse_strict_id;
use super::member::{Taker, enter};
use super::read::{Member, Options, Reader, STREAMS, find_streams, keys_of_streams, write_head, write_name};
use super::{FAMILY, StreamMut, count, read_stream, shown, write_entry, write_stream};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::store::waiters::{Topic, WaitRequest};
use crate::time::UnixMs;
use crate::types::stream::{ConsumerId, Group, Log, Pending, Stream, StreamId};

pub(super) const XREADGROUP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xreadgroup",
        arity: -7,
        flags: Flags::WRITE.with(Flags::BLOCKING).with(Flags::MOVABLEKEYS),
        keys: &[keys_of_streams(4)],
        key_finder: Some(find_streams),
        summary: "Gives a consumer of a group new entries of streams, or its pending ones, and waits for one if there \
                  are none",
        complexity: "O(N*log(M)) for N entries returned from each stream, M of them pending",
        args: &[
            Arg::block("group-block", &[Arg::string("group"), Arg::string("consumer")]).token("GROUP"),
            Arg::integer("count").token("COUNT").optional(),
            Arg::integer("milliseconds").token("BLOCK").optional(),
            Arg::word("noack", "NOACK").optional(),
            STREAMS,
        ],
        ..FAMILY
    },
    handler: xreadgroup,
};

/// Which entries of a stream a consumer asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// Those that the group has given to no one.
    New,
    /// Those pending for the consumer, behind this one.
    History(StreamId),
}

fn xreadgroup(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let options = Options::parse(args, Reader::Group, ctx.now)?;
    let member = options.member.expect("XREADGROUP is refused without a group");
    let wanted = resolve(ctx, &options, member)?;
    if read_now(ctx, &options, member, &wanted, out) || wait(ctx, &options, member) {
        return Ok(());
    }
    out.null_array();
    Ok(())
}

/// Waits for entries, or for the group to go, if that was asked for; `false` if the command does not wait or may not.
fn wait(ctx: &mut Ctx<'_>, options: &Options<'_>, member: Member<'_>) -> bool {
    let Some(wait) = options.wait else { return false };
    ctx.block(|| WaitRequest::of(options.keys, Topic::Group(member.group.into()), wait.until))
}

fn resolve(
    ctx: &mut Ctx<'_>,
    options: &Options<'_>,
    member: Member<'_>,
) -> CommandResult<SmallVec<[Wanted; 8]>> {
    let resolve = |(key, id): (&&[u8], &&[u8])| {
        let mut keyspace = ctx.keyspace(key);
        if read_stream(&mut keyspace, key)?.and_then(|stream| stream.group(member.group)).is_none() {
            let (key, group) = (shown(key), shown(member.group));
            return Err(CommandError::Other(
                format!(
                    "NOGROUP No such key '{key}' or consumer group '{group}' in XREADGROUP with GROUP option"
                )
                .into(),
            ));
        }
        match *id {
            b"$" => Err(meaningless('$')),
            b"+" => Err(meaningless('+')),
            b">" => Ok(Wanted::New),
            // Nothing can be behind the highest ID: Redis takes it for `>`.
            id => Ok(match parse_strict_id(id)? {
                StreamId::MAX => Wanted::New,
                id => Wanted::History(id),
            }),
        }
    };
    options.keys.iter().zip(options.ids).map(resolve).collect()
}

#[cold]
fn meaningless(id: char) -> CommandError {
    CommandError::Other(
        format!(
            "ERR The {id} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer \
             by specifying a proper ID, or use the > ID to get new messages. The {id} ID would just return an empty \
             result set."
        )
        .into(),
    )
}

/// Answers with the entries that are there, if there are any; whether there were. The history of a consumer always
/// is.
fn read_now(
    ctx: &mut Ctx<'_>,
    options: &Options<'_>,
    member: Member<'_>,
    wanted: &[Wanted],
    out: &mut dyn Reply,
) -> bool {
    let now = ctx.now;
    let mut served = SmallVec::<[_; 8]>::new();
    for (&key, &wanted) in options.keys.iter().zip(wanted) {
        let taker = taker(ctx, key, member);
        let mut keyspace = ctx.keyspace(key);
        let mut stream = stream_of(&mut keyspace, &taker);
        let (log, group) = group_in(&mut stream, &taker);
        let (consumer, is_new) = enter(group, member.consumer, now);
        let is_served = match wanted {
            Wanted::History(_) => true,
            // A stream that was named before is read on from where that leaves it.
            Wanted::New => {
                let earlier = served.iter().filter(|(other, _, _)| *other == (key, wanted));
                has_more(log, group, options.limit(), earlier.count())
            }
        };
        drop(stream);
        if is_new {
            taker.record_entry(&mut keyspace);
        }
        if is_served {
            served.push(((key, wanted), taker, consumer));
        }
    }
    if served.is_empty() {
        return false;
    }
    write_head(out, served.len());
    for ((key, wanted), taker, consumer) in served {
        let mut keyspace = ctx.keyspace(key);
        write_name(out, key);
        let reading = Reading { taker, consumer, limit: options.limit(), now };
        match wanted {
            Wanted::New => reading.give_new(&mut keyspace, member.is_unacknowledged, out),
            Wanted::History(after) => reading.repeat(&mut keyspace, after, out),
        }
    }
    true
}

fn taker<'a>(ctx: &Ctx<'_>, key: &'a [u8], member: Member<'a>) -> Taker<'a> {
    Taker { db: ctx.db, key, group: member.group, consumer: member.consumer }
}

/// The stream of the group, which was there when the command began.
fn stream_of<'a>(keyspace: &'a mut Keyspace<'_>, taker: &Taker<'_>) -> StreamMut<'a> {
    write_stream(keyspace, taker.key).ok().flatten().expect("the command has found the group")
}

/// The group, which was there when the command began.
fn group_in<'a>(stream: &'a mut Stream, taker: &Taker<'_>) -> (&'a Log, &'a mut Group) {
    stream.group_mut(taker.group).expect("the command has found the group")
}

/// Whether there are entries that the group has not given out, after so many readings of `limit`.
fn has_more(log: &Log, group: &Group, limit: u64, earlier: usize) -> bool {
    let Some(start) = group.last_id.next() else { return false };
    if earlier == 0 {
        return log.last_entry_id().is_some_and(|last| last >= start);
    }
    let read = limit.saturating_mul(earlier as u64);
    log.count(start, StreamId::MAX, read.saturating_add(1)) > read
}

/// One consumer that reads one stream.
#[derive(Clone, Copy, Debug)]
struct Reading<'a> {
    taker: Taker<'a>,
    consumer: ConsumerId,
    limit: u64,
    now: UnixMs,
}

impl Reading<'_> {
    /// Answers with entries that the group has given to no one, and makes them pending.
    fn give_new(&self, keyspace: &mut Keyspace<'_>, is_unacknowledged: bool, out: &mut dyn Reply) {
        let is_recording = keyspace.journal().is_recording();
        let pending = Pending { consumer: self.consumer, delivered: self.now, delivery_count: 1 };
        let mut stream = stream_of(keyspace, &self.taker);
        let (log, group) = group_in(&mut stream, &self.taker);
        let start = group.last_id.next().expect("there are entries behind the last that was given out");
        let len = count(log.count(start, StreamId::MAX, self.limit));
        let (first, mut given) = (log.first_id(), Vec::new());
        out.array(len);
        for entry in log.range(start, StreamId::MAX).take(len) {
            log.advance(group, entry.id, first);
            write_entry(out, &entry);
            if !is_unacknowledged {
                group.assign(entry.id, pending);
                if is_recording {
                    given.push(entry.id);
                }
            }
        }
        if !is_unacknowledged {
            group.consumer_mut(self.consumer).active = Some(self.now);
        }
        let (last_id, entries_read) = (group.last_id, group.entries_read);
        drop(stream);
        for id in given {
            self.taker.record_claim(keyspace, id, pending, id);
        }
        self.taker.record_progress(keyspace, last_id, entries_read);
    }

    /// Answers with entries that are pending for the consumer, behind `after`. One that is gone has no fields.
    fn repeat(&self, keyspace: &mut Keyspace<'_>, after: StreamId, out: &mut dyn Reply) {
        let mut stream = stream_of(keyspace, &self.taker);
        let (log, group) = group_in(&mut stream, &self.taker);
        let start = after.next().expect("the highest ID means new entries");
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let ids = group.consumer(self.consumer).pending().range(start..).take(limit);
        let ids: Vec<StreamId> = ids.copied().collect();
        let mut repeated = Vec::new();
        out.array(ids.len());
        for id in ids {
            let Some(entry) = log.get(id) else {
                out.array(2);
                out.bulk(&id.text());
                out.null_array();
                continue;
            };
            write_entry(out, &entry);
            let delivery_count = group.pending()[&id].delivery_count.wrapping_add(1);
            let pending = Pending { consumer: self.consumer, delivered: self.now, delivery_count };
            group.assign(id, pending);
            repeated.push((id, pending));
        }
        let last_id = group.last_id;
        drop(stream);
        for (id, pending) in repeated {
            self.taker.record_claim(keyspace, id, pending, last_id);
        }
    }
}
