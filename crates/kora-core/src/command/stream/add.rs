//! XADD.
//!
//! An entry is recorded with the ID that it was given. Approximate trimming is recorded as exact trimming to the length
//! that it left, since where blocks begin is not part of the data.

use super::argument::{INVALID_ID, TrimOptions, block_limits, exact_words, parse_id};
use super::{FAMILY, write_stream};
use crate::command::generic::scan::parse_cursor;
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::db::DbIndex;
use crate::error::{CommandError, CommandResult};
use crate::journal::{EventClass, Journal};
use crate::reply::Reply;
use crate::time::UnixMs;
use crate::types::stream::{BlockLimits, Stream, StreamId, Trim};

pub(super) const TRIM_STRATEGY: &[Arg] = &[
    Arg::one_of("strategy", &[Arg::word("maxlen", "MAXLEN"), Arg::word("minid", "MINID").since("6.2.0")]),
    Arg::one_of("operator", &[Arg::word("equal", "="), Arg::word("approximately", "~")]).optional(),
    Arg::string("threshold"),
    Arg::integer("count").token("LIMIT").optional().since("6.2.0"),
];

pub(super) const REFERENCES: &[Arg] =
    &[Arg::word("keepref", "KEEPREF"), Arg::word("delref", "DELREF"), Arg::word("acked", "ACKED")];

pub(super) const XADD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xadd",
        arity: -5,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RW.update(), 1)
            .noted("UPDATE instead of INSERT because of the optional trimming feature")],
        since: "5.0.0",
        summary: "Adds an entry to the end of a stream, which is created if it does not exist",
        complexity: "O(log(B)) for B blocks of entries, and O(N) for N entries that trimming takes away",
        args: &[
            Arg::key("key"),
            Arg::word("nomkstream", "NOMKSTREAM").optional().since("6.2.0"),
            Arg::one_of("condition", REFERENCES).optional().since("8.2.0"),
            Arg::block("trim", TRIM_STRATEGY).optional(),
            Arg::one_of("id-selector", &[Arg::word("auto-id", "*"), Arg::string("id")]),
            Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple(),
        ],
        history: &[
            ("6.2.0", "New options `NOMKSTREAM` and `LIMIT`, and trimming by `MINID`."),
            ("7.0.0", "IDs of the form `<ms>-*`."),
            ("8.2.0", "New options `KEEPREF`, `DELREF` and `ACKED`."),
        ],
        tips: &["nondeterministic_output"],
        ..FAMILY
    },
    handler: xadd,
};

/// The ID of a new entry, as it was asked for.
#[derive(Clone, Copy, Debug)]
enum NewId {
    /// `*`
    Auto,
    /// `<ms>-*`
    Within(u64),
    /// As given.
    Given(StreamId),
}

impl NewId {
    fn parse(text: &[u8]) -> CommandResult<Self> {
        match text {
            b"*" => Ok(Self::Auto),
            [ms @ .., b'-', b'*'] if !ms.contains(&b'-') => {
                parse_cursor(ms).map(Self::Within).ok_or(INVALID_ID)
            }
            id => parse_id(id, 0).map(Self::Given),
        }
    }

    /// The ID, above `last`.
    fn resolve(self, last: StreamId, now: UnixMs) -> CommandResult<StreamId> {
        if last == StreamId::MAX {
            return Err(CommandError::text(
                "ERR The stream has exhausted the last possible ID, unable to add more items",
            ));
        }
        let id = match self {
            Self::Auto => match u64::try_from(now.0) {
                Ok(ms) if ms > last.ms => Some(StreamId::new(ms, 0)),
                _ => last.next(),
            },
            Self::Within(ms) if ms == last.ms => last.seq.checked_add(1).map(|seq| StreamId::new(ms, seq)),
            Self::Within(ms) => Some(StreamId::new(ms, 0)),
            Self::Given(id) => Some(id),
        };
        id.filter(|id| *id > last).ok_or(CommandError::text(
            "ERR The ID specified in XADD is equal or smaller than the target stream top item",
        ))
    }
}

/// What XADD was asked to do.
#[derive(Debug)]
struct Addition<'a> {
    is_only_existing: bool,
    trim: Option<Trim>,
    id: NewId,
    /// Fields and values in turn.
    pairs: &'a [&'a [u8]],
}

/// The largest entry, in bytes of its fields and values.
const ENTRY_BYTES_MAX: usize = 1 << 30;

impl<'a> Addition<'a> {
    fn parse(args: &'a [&'a [u8]], ctx: &Ctx<'_>) -> CommandResult<Self> {
        let (mut is_only_existing, mut options, mut rest) = (false, TrimOptions::default(), &args[2..]);
        let id = loop {
            let Some((word, behind)) = rest.split_first() else { break None };
            if *word != b"*" {
                if let Some(behind) = options.take(rest)? {
                    rest = behind;
                    continue;
                }
                if word.eq_ignore_ascii_case(b"NOMKSTREAM") {
                    is_only_existing = true;
                    rest = behind;
                    continue;
                }
            }
            rest = behind;
            break Some(NewId::parse(word)?);
        };
        let trim = options.finish(ctx.config())?;
        let Some(id) = id.filter(|_| rest.len() >= 2 && rest.len() % 2 == 0) else {
            return Err(CommandError::Arity("xadd".into()));
        };
        if matches!(id, NewId::Given(StreamId::MIN)) {
            return Err(CommandError::text("ERR The ID specified in XADD must be greater than 0-0"));
        }
        Ok(Self { is_only_existing, trim, id, pairs: rest })
    }

    /// Adds the entry, unless that is refused; its ID.
    fn add_to(&self, stream: &mut Stream, limits: BlockLimits, now: UnixMs) -> CommandResult<StreamId> {
        let id = self.id.resolve(stream.log().last_id(), now)?;
        let bytes: usize = self.pairs.iter().map(|text| text.len()).sum();
        if bytes > ENTRY_BYTES_MAX {
            return Err(CommandError::text("ERR Elements are too large to be stored"));
        }
        stream.log_mut().append(id, self.pairs, limits);
        Ok(id)
    }

    /// Records what was done, where that is not what was asked for.
    fn record(&self, journal: &mut Journal, db: DbIndex, key: &[u8], id: StreamId, length: u64) {
        let is_trimmed_as_asked = self.trim.is_none_or(|trim| !trim.is_approximate);
        if !journal.is_recording() || (matches!(self.id, NewId::Given(_)) && is_trimmed_as_asked) {
            return;
        }
        let (id, trim) = (id.text(), self.trim.map(|trim| exact_words(&trim, length)));
        let mut args: Vec<&[u8]> = vec![b"XADD", key];
        args.extend(trim.iter().flatten().map(|word| &word[..]));
        args.push(&id);
        args.extend(self.pairs);
        journal.effect(db, &args);
    }
}

fn xadd(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let addition = Addition::parse(args, ctx)?;
    let (key, now, db, limits) = (args[1], ctx.now, ctx.db, block_limits(ctx.config()));
    let mut keyspace = ctx.keyspace(key);
    let (mut id, mut trimmed, mut length) = (StreamId::MIN, 0, 0);
    let mut add = |stream: &mut Stream| -> CommandResult {
        id = addition.add_to(stream, limits, now)?;
        trimmed = addition.trim.map_or(0, |trim| stream.trim(&trim));
        length = stream.log().len();
        Ok(())
    };
    if let Some(mut stream) = write_stream(&mut keyspace, key)? {
        add(&mut stream)?;
    } else if addition.is_only_existing {
        out.null();
        return Ok(());
    } else {
        let mut stream = Box::<Stream>::default();
        add(&mut stream)?;
        keyspace.add_object(key, stream);
    }
    keyspace.changed(EventClass::STREAM, "xadd", key);
    if trimmed > 0 {
        keyspace.journal().event(EventClass::STREAM, "xtrim", db, key);
    }
    addition.record(keyspace.journal(), db, key, id, length);
    out.bulk(&id.text());
    Ok(())
}
