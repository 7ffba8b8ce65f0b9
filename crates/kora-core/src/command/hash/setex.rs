//! HSETEX: gives fields values and a deadline, if they all exist or none does.

use super::lifetime::{EX_ARG, EXAT_ARG, PX_ARG, PXAT_ARG, Unit};
use super::set::PAIR;
use super::{FAMILY, UPDATES_KEY, fields_changed, record_deleted};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::db::DbIndex;
use crate::entry::Ttl;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::time::UnixMs;
use crate::types::hash::{Due, HashMut};

pub(super) const HSETEX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hsetex",
        arity: -6,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST),
        keys: UPDATES_KEY,
        since: "8.0.0",
        summary: "Sets fields of a hash to values and sets or keeps the fields' deadlines",
        complexity: "O(N) with N fields given",
        args: &[
            Arg::key("key"),
            Arg::one_of("condition", &[Arg::word("fnx", "FNX"), Arg::word("fxx", "FXX")]).optional(),
            Arg::one_of("expiration", &[EX_ARG, PX_ARG, EXAT_ARG, PXAT_ARG, Arg::word("keepttl", "KEEPTTL")])
                .optional(),
            Arg::block("fields", &[Arg::integer("numfields"), Arg::block("data", PAIR).multiple()])
                .token("FIELDS"),
        ],
        ..FAMILY
    },
    handler: hsetex,
};

/// What HSETEX is to do.
#[derive(Debug)]
struct Request<'s, 'a> {
    /// All fields must exist, or none may.
    existing: Option<bool>,
    ttl: Ttl,
    pairs: &'s [&'a [u8]],
}

const TWO_CONDITIONS: CommandError =
    CommandError::text("ERR Only one of FXX or FNX arguments can be specified");
const TWO_LIFETIMES: CommandError =
    CommandError::text("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");

impl<'s, 'a> Request<'s, 'a> {
    fn parse(mut args: &'s [&'a [u8]], now: UnixMs) -> CommandResult<Self> {
        let (mut existing, mut ttl) = (None, None);
        while let [word, rest @ ..] = args {
            args = rest;
            if word.eq_ignore_ascii_case(b"FIELDS") {
                return Ok(Self { existing, ttl: ttl.unwrap_or(Ttl::Clear), pairs: parse_pairs(rest)? });
            }
            let is_absent = word.eq_ignore_ascii_case(b"FNX");
            if is_absent || word.eq_ignore_ascii_case(b"FXX") {
                if existing.replace(!is_absent).is_some() {
                    return Err(TWO_CONDITIONS);
                }
                continue;
            }
            let unit = Unit::named(word);
            if unit.is_none() && !word.eq_ignore_ascii_case(b"KEEPTTL") {
                return Err(unknown_argument(word));
            }
            if ttl.is_some() {
                return Err(TWO_LIFETIMES);
            }
            ttl = Some(match unit {
                None => Ttl::Keep,
                Some(unit) => {
                    let (amount, rest) = rest.split_first().ok_or_else(wrong_count)?;
                    args = rest;
                    Ttl::At(unit.deadline(amount, now, "hsetex")?)
                }
            });
        }
        Err(wrong_count())
    }

    /// Sets all fields, if the condition is met; those whose deadline is not in the future are gone at once. Says whether
    /// it was met, and whether the hash is empty now.
    fn apply(&self, hash: &mut HashMut<'_>, now: UnixMs) -> (bool, bool) {
        let mut fields = self.pairs.iter().step_by(2);
        let is_met =
            self.existing.is_none_or(|existing| fields.all(|field| hash.get(field).is_some() == existing));
        if is_met {
            self.set_all(hash, now);
        }
        (is_met, hash.is_empty())
    }

    fn set_all(&self, hash: &mut HashMut<'_>, now: UnixMs) {
        hash.prepare(self.pairs);
        let is_past = matches!(self.ttl, Ttl::At(at) if at <= now);
        if matches!(self.ttl, Ttl::At(_)) {
            hash.make_expiring();
        }
        for pair in self.pairs.chunks_exact(2) {
            if is_past {
                hash.remove(pair[0]);
            } else {
                hash.set(pair[0], pair[1], self.ttl);
            }
        }
    }
}

/// What follows `FIELDS`: the number of fields, then fields and values in turn.
fn parse_pairs<'s, 'a>(args: &'s [&'a [u8]]) -> CommandResult<&'s [&'a [u8]]> {
    let [number, pairs @ ..] = args else { return Err(wrong_count()) };
    if pairs.len() < 2 {
        return Err(wrong_count());
    }
    let number = parse_i64(number).and_then(|number| i32::try_from(number).ok()).filter(|&number| number > 0);
    let number = number.ok_or(CommandError::text("ERR invalid number of fields"))?;
    if pairs.len() as u64 != u64::from(number.unsigned_abs()) * 2 {
        return Err(wrong_count());
    }
    Ok(pairs)
}

#[cold]
fn wrong_count() -> CommandError {
    CommandError::Arity("hsetex".into())
}

#[cold]
fn unknown_argument(word: &[u8]) -> CommandError {
    // Like Redis, nothing from a NUL on.
    let word = &word[..memchr::memchr(0, word).unwrap_or(word.len())];
    CommandError::Other(format!("ERR unknown argument: {}", crate::text::of(word)).into())
}

fn hsetex(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, db, now) = (args[1], ctx.db, ctx.now);
    let request = Request::parse(&args[2..], now)?;
    let mut keyspace = ctx.keyspace(key);
    let due = Due::Named { args: request.pairs, step: 2 };
    let present = keyspace.write_hash(key, due)?.map(|mut hash| request.apply(&mut hash, now));
    let (is_met, is_empty) = match present {
        Some(done) => done,
        None if request.existing == Some(true) => (false, false),
        None => {
            keyspace.add_hash(key, &[]);
            let mut hash = keyspace.write_hash(key, due)?.expect("it has just been added");
            request.apply(&mut hash, now)
        }
    };
    if is_met {
        report(&mut keyspace, db, key, &request, now);
    }
    if is_empty {
        keyspace.delete_emptied(key);
    }
    out.integer(is_met.into());
    Ok(())
}

/// Reports and records what was done, an emptied hash aside.
fn report(keyspace: &mut Keyspace<'_>, db: DbIndex, key: &[u8], request: &Request<'_, '_>, now: UnixMs) {
    let pairs = request.pairs;
    fields_changed(keyspace, "hset", key, pairs.len() / 2);
    let Ttl::At(at) = request.ttl else { return };
    if at <= now {
        keyspace.journal().event(EventClass::HASH, "hdel", db, key);
        let fields: Vec<&[u8]> = pairs.iter().copied().step_by(2).collect();
        record_deleted(keyspace, db, key, &fields);
        return;
    }
    keyspace.journal().event(EventClass::HASH, "hexpire", db, key);
    if keyspace.journal().is_recording() {
        let (mut at_text, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
        let at_text = at_text.format(at.0).as_bytes();
        let count = count.format(pairs.len() / 2).as_bytes();
        let words: &[&[u8]] = &[b"HSETEX", key, b"PXAT", at_text, b"FIELDS", count];
        keyspace.journal().effect(db, &[words, pairs].concat());
    }
}
