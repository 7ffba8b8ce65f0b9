//! DUMP and RESTORE: a value as a payload of bytes, and back. What the payload holds is in [`crate::rdb`].

use super::{FAMILY, READS_KEY};
use crate::command::spec::{Arg, Categories, CommandSpec, Facts, Flags, Group, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::entry::Entry;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::number::parse_i64;
use crate::rdb::{self, RdbError, dump as payload};
use crate::reply::Reply;
use crate::time::UnixMs;

pub(super) const DUMP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "dump",
        arity: 2,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "2.6.0",
        summary: "Returns a value as a payload for RESTORE",
        complexity: "O(N) with N bytes of the value",
        args: &[Arg::key("key")],
        tips: &["nondeterministic_output"],
        ..FAMILY
    },
    handler: dump,
};

fn dump(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let compress = ctx.config().compresses_dumps;
    match ctx.keyspace(args[1]).read(args[1]) {
        Some(entry) => out.bulk_owned(payload::dump(entry, compress)),
        None => out.null(),
    }
    Ok(())
}

pub(super) const RESTORE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "restore",
        arity: -4,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        categories: Categories::KEYSPACE.with(Categories::DANGEROUS),
        keys: &[KeySpec::one(KeyFlags::OW.update(), 1)],
        since: "2.6.0",
        summary: "Makes a key of a payload that DUMP returned",
        complexity: "O(N) with N bytes of the value, O(N log N) for a sorted set",
        args: &[
            Arg::key("key"),
            Arg::integer("ttl"),
            Arg::string("serialized-value"),
            Arg::word("replace", "REPLACE").optional().since("3.0.0"),
            Arg::word("absttl", "ABSTTL").optional().since("5.0.0"),
            Arg::integer("seconds").token("IDLETIME").optional().since("5.0.0"),
            Arg::integer("frequency").token("FREQ").optional().since("5.0.0"),
        ],
        history: &[
            ("3.0.0", "Option `REPLACE`"),
            ("5.0.0", "Option `ABSTTL`"),
            ("5.0.0", "Options `IDLETIME` and `FREQ`"),
        ],
        ..FAMILY
    },
    handler: restore,
};

pub(super) const RESTORE_ASKING: CommandSpec = CommandSpec {
    facts: Facts {
        name: "restore-asking",
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::ASKING),
        group: Group::Server,
        is_syscmd: true,
        since: "3.0.0",
        summary: "RESTORE for the migration of slots in a cluster",
        ..RESTORE.facts
    },
    handler: restore,
};

/// What follows the payload.
#[derive(Debug, Default)]
struct Options {
    replaces: bool,
    is_absolute: bool,
    idle_seconds: Option<u64>,
    frequency: Option<u8>,
}

fn parse_options(mut args: &[&[u8]]) -> CommandResult<Options> {
    let mut options = Options::default();
    while let [option, rest @ ..] = args {
        args = match rest {
            rest if option.eq_ignore_ascii_case(b"REPLACE") => {
                options.replaces = true;
                rest
            }
            rest if option.eq_ignore_ascii_case(b"ABSTTL") => {
                options.is_absolute = true;
                rest
            }
            [seconds, rest @ ..]
                if option.eq_ignore_ascii_case(b"IDLETIME") && options.frequency.is_none() =>
            {
                let seconds = parse_i64(seconds).ok_or(CommandError::NotInteger)?;
                let refusal = CommandError::text("ERR Invalid IDLETIME value, must be >= 0");
                options.idle_seconds = Some(u64::try_from(seconds).map_err(|_| refusal)?);
                rest
            }
            [count, rest @ ..] if option.eq_ignore_ascii_case(b"FREQ") && options.idle_seconds.is_none() => {
                let count = parse_i64(count).ok_or(CommandError::NotInteger)?;
                let refusal = CommandError::text("ERR Invalid FREQ value, must be >= 0 and <= 255");
                options.frequency = Some(u8::try_from(count).map_err(|_| refusal)?);
                rest
            }
            _ => return Err(CommandError::Syntax),
        };
    }
    Ok(options)
}

fn restore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    // What goes into the log has the right checksum: it is read again without anybody's leave.
    let mended = ctx.config().skips_checksums.then(|| payload::seal_anew(args[3])).flatten();
    let payload = mended.as_deref().unwrap_or(args[3]);
    let options = parse_options(&args[4..])?;
    if !options.replaces && ctx.keyspace(key).peek(key).is_some() {
        return Err(CommandError::text("BUSYKEY Target key name already exists."));
    }
    let expiry = parse_deadline(args[2], options.is_absolute, ctx.now)?;
    let mut entry = build(ctx, key, expiry, payload)?;
    let now = ctx.now;
    let mut keyspace = ctx.keyspace(key);
    if expiry.is_some_and(|at| at <= now) {
        // The key is gone before it is there, and so is what it would have replaced.
        if options.replaces && keyspace.delete(key) {
            let db = keyspace.db();
            keyspace.journal().effect(db, &[b"DEL", key]);
            keyspace.changed(EventClass::GENERIC, "del", key);
        }
        out.ok();
        return Ok(());
    }
    entry.restore_use(options.idle_seconds, options.frequency, keyspace.config(), now);
    keyspace.insert(key, entry);
    keyspace.changed(EventClass::GENERIC, "restore", key);
    record(ctx, (key, expiry, payload), &options);
    out.ok();
    Ok(())
}

/// When the key will expire; `None` for never.
fn parse_deadline(text: &[u8], is_absolute: bool, now: UnixMs) -> CommandResult<Option<UnixMs>> {
    let ttl_ms = parse_i64(text).ok_or(CommandError::NotInteger)?;
    match ttl_ms {
        ..0 => Err(CommandError::text("ERR Invalid TTL value, must be >= 0")),
        0 => Ok(None),
        at if is_absolute => Ok(Some(UnixMs(at))),
        // What is too far away never comes.
        ttl_ms => Ok(Some(UnixMs(now.0.saturating_add(ttl_ms)))),
    }
}

fn build(ctx: &mut Ctx<'_>, key: &[u8], expiry: Option<UnixMs>, payload: &[u8]) -> CommandResult<Entry> {
    const BAD: CommandError = CommandError::text("ERR Bad data format");
    let body = payload::open(payload);
    let body = body.ok_or(CommandError::text("ERR DUMP payload version or checksum are wrong"))?;
    let (&kind, value) = body.split_first().ok_or(BAD)?;
    let mut keyspace = ctx.keyspace(key);
    // What follows the value in the payload is, as in Redis, nobody's business.
    let built = rdb::build(kind, value, (key, expiry), &keyspace.loader());
    built.map(|(entry, _)| entry).map_err(|error| match error {
        RdbError::UnknownType(_) | RdbError::LaterType(_) => {
            CommandError::Other(format!("ERR {error}").into())
        }
        _ => BAD,
    })
}

/// Records what makes the same key at any time.
fn record(ctx: &mut Ctx<'_>, (key, expiry, payload): (&[u8], Option<UnixMs>, &[u8]), options: &Options) {
    if !ctx.journal.is_recording() {
        return;
    }
    let (mut at, mut number) = (itoa::Buffer::new(), itoa::Buffer::new());
    let at = at.format(expiry.map_or(0, |at| at.0)).as_bytes();
    let mut effect: Vec<&[u8]> = vec![b"RESTORE", key, at, payload, b"REPLACE", b"ABSTTL"];
    if let Some(seconds) = options.idle_seconds {
        effect.extend([b"IDLETIME", number.format(seconds).as_bytes()]);
    } else if let Some(count) = options.frequency {
        effect.extend([b"FREQ", number.format(count).as_bytes()]);
    }
    ctx.journal.effect(ctx.db, &effect);
}
