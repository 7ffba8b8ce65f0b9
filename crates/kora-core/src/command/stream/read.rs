//! XREAD: what was added to streams since.
//!
//! Reading has two steps, for XREADGROUP too: where to start in each stream, and answering with what is there now.

use smallvec::SmallVec;

use super::argument::{parse_count, parse_strict_id};
use super::{FAMILY, read_stream, write_first};
use crate::command::keys::{InvalidKeys, Keys, push};
use crate::command::options::timeout_ms;
use crate::command::spec::{Arg, BeginSearch, CommandSpec, Facts, FindKeys, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;
use crate::store::waiters::{Topic, WaitRequest};
use crate::time::UnixMs;
use crate::types::stream::{Log, Stream, StreamId};

/// The block of arguments that names streams.
pub(super) const STREAMS: Arg =
    Arg::block("streams", &[Arg::key("key").multiple(), Arg::string("id").multiple()]).token("STREAMS");

/// Keys behind the word STREAMS, as many as IDs behind them; the word stands at `from` or later.
pub(super) const fn keys_of_streams(from: i32) -> KeySpec {
    KeySpec {
        flags: KeyFlags::RO.access().incomplete(),
        begin: BeginSearch::Keyword("STREAMS", from),
        find: FindKeys::Range { last: -1, step: 1, limit: 2 },
        notes: Some("The value of an option before them may be the word STREAMS, too"),
    }
}

/// Finds the word STREAMS as the command does: a group, a consumer or a count may be called so, too.
pub(super) fn find_streams(args: &[&[u8]], keys: &mut Keys) -> Result<(), InvalidKeys> {
    let mut at = 1;
    loop {
        let word = args.get(at).ok_or(InvalidKeys)?;
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        at += match () {
            () if is(b"STREAMS") => break,
            () if is(b"BLOCK") || is(b"COUNT") => 2,
            () if is(b"GROUP") => 3,
            () if is(b"NOACK") => 1,
            () => return Err(InvalidKeys),
        };
    }
    let count = args.len() - at - 1;
    if count == 0 || !count.is_multiple_of(2) {
        return Err(InvalidKeys);
    }
    (at + 1..=at + count / 2).try_for_each(|index| push(keys, index, 0, args.len()))
}

pub(super) const XREAD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xread",
        arity: -4,
        flags: Flags::READONLY.with(Flags::BLOCKING).with(Flags::MOVABLEKEYS),
        keys: &[keys_of_streams(1)],
        key_finder: Some(find_streams),
        summary: "Gives the entries of streams behind given IDs, and waits for one if there are none",
        complexity: "",
        args: &[
            Arg::integer("count").token("COUNT").optional(),
            Arg::integer("milliseconds").token("BLOCK").optional(),
            STREAMS,
        ],
        ..FAMILY
    },
    handler: xread,
};

/// Which of the two reading commands it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// XREAD.
    Anyone,
    /// XREADGROUP.
    Group,
}

/// A group, and a consumer that reads for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    pub(super) group: &'a [u8],
    pub(super) consumer: &'a [u8],
    /// NOACK: what it is given does not become pending.
    pub(super) is_unacknowledged: bool,
}

/// BLOCK: to wait if there is nothing to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wait {
    /// Until when; `None`: for ever.
    pub(super) until: Option<UnixMs>,
}

/// What XREAD and XREADGROUP were asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options<'a> {
    /// Most entries of each stream; 0 for all.
    pub(super) count: u64,
    /// Whether to wait if there is nothing.
    pub(super) wait: Option<Wait>,
    /// Who reads, for XREADGROUP.
    pub(super) member: Option<Member<'a>>,
    /// The streams.
    pub(super) keys: &'a [&'a [u8]],
    /// Where to start in each.
    pub(super) ids: &'a [&'a [u8]],
}

impl<'a> Options<'a> {
    /// Reads the arguments.
    pub(super) fn parse(args: &'a [&'a [u8]], reader: Reader, now: UnixMs) -> CommandResult<Self> {
        let (mut count, mut wait, mut member, mut is_unacknowledged) = (0, None, None, false);
        let mut rest = &args[1..];
        let streams = loop {
            let [word, behind @ ..] = rest else { return Err(CommandError::Syntax) };
            let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
            rest = match behind {
                [timeout, behind @ ..] if is(b"BLOCK") => {
                    wait = Some(Wait { until: timeout_ms(timeout, now)? });
                    behind
                }
                [number, behind @ ..] if is(b"COUNT") => {
                    count = parse_count(number)?;
                    behind
                }
                [_, ..] if is(b"STREAMS") => break check_balance(behind, reader)?,
                [group, consumer, behind @ ..] if is(b"GROUP") => {
                    check_is_group(reader, "GROUP")?;
                    member = Some((*group, *consumer));
                    behind
                }
                behind if is(b"NOACK") => {
                    check_is_group(reader, "NOACK")?;
                    is_unacknowledged = true;
                    behind
                }
                _ => return Err(CommandError::Syntax),
            };
        };
        if reader == Reader::Group && member.is_none() {
            return Err(CommandError::text("ERR Missing GROUP option for XREADGROUP"));
        }
        let member = member.map(|(group, consumer)| Member { group, consumer, is_unacknowledged });
        let (keys, ids) = streams.split_at(streams.len() / 2);
        Ok(Self { count, wait, member, keys, ids })
    }

    /// Most entries of each stream.
    pub(super) fn limit(&self) -> u64 {
        if self.count == 0 { u64::MAX } else { self.count }
    }
}

fn check_is_group(reader: Reader, option: &str) -> CommandResult {
    match reader {
        Reader::Group => Ok(()),
        Reader::Anyone => Err(CommandError::Other(
            format!("ERR The {option} option is only supported by XREADGROUP. You called XREAD instead.")
                .into(),
        )),
    }
}

fn check_balance<'s, 'a>(streams: &'s [&'a [u8]], reader: Reader) -> CommandResult<&'s [&'a [u8]]> {
    if streams.len().is_multiple_of(2) {
        return Ok(streams);
    }
    Err(CommandError::text(match reader {
        Reader::Anyone => {
            "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be specified."
        }
        Reader::Group => {
            "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified."
        }
    }))
}

/// Writes the head of a reply with entries of `streams` streams.
pub(super) fn write_head(out: &mut dyn Reply, streams: usize) {
    if out.is_resp3() { out.map(streams) } else { out.array(streams) }
}

/// Writes the name of a stream; its entries follow.
pub(super) fn write_name(out: &mut dyn Reply, key: &[u8]) {
    if !out.is_resp3() {
        out.array(2);
    }
    out.bulk(key);
}

fn xread(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let options = Options::parse(args, Reader::Anyone, ctx.now)?;
    let after = resolve(ctx, &options)?;
    if read_now(ctx, &options, &after, out)? || wait(ctx, args, &options, &after) {
        return Ok(());
    }
    out.null_array();
    Ok(())
}

/// Waits for entries, if that was asked for; `false` if the command does not wait or may not.
fn wait(ctx: &mut Ctx<'_>, args: &[&[u8]], options: &Options<'_>, after: &[StreamId]) -> bool {
    let Some(wait) = options.wait else { return false };
    ctx.block(|| {
        // What `$` and `+` mean is settled now.
        let (head, ids) = args.split_at(args.len() - after.len());
        let is_settled = ids.iter().all(|id| !matches!(*id, b"$" | b"+"));
        let head = head.iter().map(|arg| Box::from(*arg));
        let args = || head.chain(after.iter().map(|id| Box::from(&*id.text()))).collect();
        let resumes_as = if is_settled { None } else { Some(args()) };
        WaitRequest { resumes_as, ..WaitRequest::of(options.keys, Topic::Entries, wait.until) }
    })
}

/// The IDs behind which to read.
type After = SmallVec<[StreamId; 8]>;

fn resolve(ctx: &mut Ctx<'_>, options: &Options<'_>) -> CommandResult<After> {
    let resolve = |(key, id): (&&[u8], &&[u8])| {
        let mut keyspace = ctx.keyspace(key);
        let log = read_stream(&mut keyspace, key)?.map(Stream::log);
        match *id {
            b"$" => Ok(log.map_or(StreamId::MIN, Log::last_id)),
            b"+" => Ok(log.map_or(StreamId::MIN, before_last)),
            b">" => Err(CommandError::text(
                "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> \
                 option.",
            )),
            id => parse_strict_id(id),
        }
    };
    options.keys.iter().zip(options.ids).map(resolve).collect()
}

/// The ID behind which only the last entry is.
fn before_last(log: &Log) -> StreamId {
    log.last_entry_id().and_then(StreamId::previous).unwrap_or(log.last_id())
}

/// Answers with the entries behind `after`, if there are any; whether there were.
fn read_now(
    ctx: &mut Ctx<'_>,
    options: &Options<'_>,
    after: &[StreamId],
    out: &mut dyn Reply,
) -> CommandResult<bool> {
    let mut found = SmallVec::<[_; 8]>::new();
    for (&key, &after) in options.keys.iter().zip(after) {
        let mut keyspace = ctx.keyspace(key);
        let last = read_stream(&mut keyspace, key)?.and_then(|stream| stream.log().last_entry_id());
        if let Some(start) = after.next().filter(|&start| last.is_some_and(|last| last >= start)) {
            found.push((key, start));
        }
    }
    if found.is_empty() {
        return Ok(false);
    }
    write_head(out, found.len());
    for (key, start) in found {
        let mut keyspace = ctx.keyspace(key);
        let stream = read_stream(&mut keyspace, key)?.expect("it was there before");
        write_name(out, key);
        write_first(out, stream.log(), (start, StreamId::MAX), options.limit());
    }
    Ok(true)
}
