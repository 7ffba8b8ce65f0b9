//! Commands that set or remove fields' deadlines: HEXPIRE, HPEXPIRE, HEXPIREAT, HPEXPIREAT and HPERSIST.
//!
//! A deadline that is not in the future deletes the field at once. Whatever unit, origin and condition the client chose,
//! the effect is the same on every replay: HPEXPIREAT with the moment, or HDEL, of the fields it came to.

use super::fields::{FIELDS, Wording, parse_fields};
use super::lifetime::Unit;
use super::ttl::{NO_DEADLINE, NO_FIELD};
use super::{FAMILY, UPDATES_KEY, fields_changed, fields_deleted, record_deleted, record_fields};
use crate::command::spec::{Arg, ArgType, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::db::DbIndex;
use crate::error::CommandResult;
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::time::UnixMs;
use crate::types::hash::{Due, HashMut};

/// Answer for a field whose present deadline does not meet the condition.
const NOT_MET: i64 = 0;
/// Answer for a field that has the new deadline, or none any more.
const DONE: i64 = 1;
/// Answer for a field that was deleted since the deadline has passed.
const DELETED: i64 = 2;

/// What the commands that set a deadline have in common.
const EXPIRING: Facts = Facts {
    arity: -6,
    flags: Flags::WRITE.with(Flags::FAST),
    keys: UPDATES_KEY,
    since: "7.4.0",
    complexity: "O(N) with N fields given",
    ..FAMILY
};

const CONDITION: Arg = Arg::one_of(
    "condition",
    &[Arg::word("nx", "NX"), Arg::word("xx", "XX"), Arg::word("gt", "GT"), Arg::word("lt", "LT")],
)
.optional();

pub(super) const HEXPIRE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hexpire",
        summary: "Lets fields of a hash expire in a number of seconds",
        args: &[Arg::key("key"), Arg::integer("seconds"), CONDITION, FIELDS],
        ..EXPIRING
    },
    handler: hexpire,
};

fn hexpire(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    expire_fields(ctx, args, out, Unit::Ex, "hexpire")
}

pub(super) const HPEXPIRE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hpexpire",
        summary: "Lets fields of a hash expire in a number of milliseconds",
        args: &[Arg::key("key"), Arg::integer("milliseconds"), CONDITION, FIELDS],
        ..EXPIRING
    },
    handler: hpexpire,
};

fn hpexpire(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    expire_fields(ctx, args, out, Unit::Px, "hpexpire")
}

pub(super) const HEXPIREAT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hexpireat",
        summary: "Lets fields of a hash expire at a Unix time in seconds",
        args: &[Arg::key("key"), Arg::new("unix-time-seconds", ArgType::UnixTime), CONDITION, FIELDS],
        ..EXPIRING
    },
    handler: hexpireat,
};

fn hexpireat(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    expire_fields(ctx, args, out, Unit::ExAt, "hexpireat")
}

pub(super) const HPEXPIREAT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hpexpireat",
        summary: "Lets fields of a hash expire at a Unix time in milliseconds",
        args: &[Arg::key("key"), Arg::new("unix-time-milliseconds", ArgType::UnixTime), CONDITION, FIELDS],
        ..EXPIRING
    },
    handler: hpexpireat,
};

fn hpexpireat(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    expire_fields(ctx, args, out, Unit::PxAt, "hpexpireat")
}

/// Which present deadlines let a new one replace them.
#[derive(Clone, Copy, Debug)]
enum Condition {
    Always,
    /// `NX`: none.
    Absent,
    /// `XX`: any.
    Present,
    /// `GT`: earlier ones. A field without a deadline counts as one that lives longest.
    Raised,
    /// `LT`: later ones.
    Lowered,
}

impl Condition {
    /// The condition that a word names, if it names one.
    fn named(word: &[u8]) -> Option<Self> {
        let conditions =
            [("NX", Self::Absent), ("XX", Self::Present), ("GT", Self::Raised), ("LT", Self::Lowered)];
        conditions.into_iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())).map(|(_, c)| c)
    }

    fn allows(self, present: Option<UnixMs>, new: UnixMs) -> bool {
        match self {
            Self::Always => true,
            Self::Absent => present.is_none(),
            Self::Present => present.is_some(),
            Self::Raised => present.is_some_and(|present| new > present),
            Self::Lowered => present.is_none_or(|present| new < present),
        }
    }
}

/// What one of the commands was asked for.
#[derive(Debug)]
struct Request<'s, 'a> {
    at: UnixMs,
    condition: Condition,
    fields: &'s [&'a [u8]],
}

impl<'s, 'a> Request<'s, 'a> {
    fn parse(args: &'s [&'a [u8]], unit: Unit, now: UnixMs, command: &'static str) -> CommandResult<Self> {
        let at = unit.deadline(args[2], now, command)?;
        let condition = Condition::named(args[3]);
        let fields_at = if condition.is_some() { 4 } else { 3 };
        let fields = parse_fields(args, fields_at, Wording::GreaterThanZero)?;
        Ok(Self { at, condition: condition.unwrap_or(Condition::Always), fields })
    }

    /// Gives a field the deadline, if it is there and that is allowed: also one whose time has come and that nobody has met since.
    /// Returns the answer.
    fn apply(&self, hash: &mut HashMut<'_>, field: &[u8], now: UnixMs) -> i64 {
        let Some(present) = hash.get(field).map(|field| field.deadline) else { return NO_FIELD };
        if !self.condition.allows(present, self.at) {
            return NOT_MET;
        }
        set_deadline(hash, field, self.at, now);
        if self.at <= now { DELETED } else { DONE }
    }
}

/// Gives fields a deadline: the second argument in the given unit.
fn expire_fields(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    out: &mut dyn Reply,
    unit: Unit,
    command: &'static str,
) -> CommandResult {
    let (key, db, now) = (args[1], ctx.db, ctx.now);
    // A refusal of the key's type goes before one of the arguments.
    let request = Request::parse(args, unit, now, command);
    let mut keyspace = ctx.keyspace(key);
    let mut reached = Vec::new();
    let Some(mut hash) = keyspace.write_hash(key, Due::Nothing)? else {
        return answer_no_field(request?.fields, out);
    };
    let request = request?;
    hash.make_expiring();
    out.array(request.fields.len());
    for field in request.fields {
        let answer = request.apply(&mut hash, field, now);
        out.integer(answer);
        if matches!(answer, DONE | DELETED) {
            reached.push(*field);
        }
    }
    let is_empty = hash.is_empty();
    drop(hash);
    report_deadline(&mut keyspace, db, key, &reached, (request.at, now), is_empty);
    Ok(())
}

/// Answers for fields of a key that is not there.
fn answer_no_field(fields: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    out.array(fields.len());
    fields.iter().for_each(|_| out.integer(NO_FIELD));
    Ok(())
}

/// Gives a field that is there a deadline; one that is not in the future deletes it.
pub(super) fn set_deadline(hash: &mut HashMut<'_>, field: &[u8], at: UnixMs, now: UnixMs) {
    if at <= now {
        hash.remove(field);
    } else {
        hash.set_deadline(field, Some(at));
    }
}

/// Reports and records that `fields`, if any, were given the deadline `at` at the moment `now`; if that deleted them, the
/// hash is deleted too once it is empty.
pub(super) fn report_deadline(
    keyspace: &mut Keyspace<'_>,
    db: DbIndex,
    key: &[u8],
    fields: &[&[u8]],
    (at, now): (UnixMs, UnixMs),
    is_empty: bool,
) {
    if fields.is_empty() {
        return;
    }
    if at <= now {
        fields_deleted(keyspace, key, fields.len(), is_empty);
        record_deleted(keyspace, db, key, fields);
    } else {
        fields_changed(keyspace, "hexpire", key, fields.len());
        let mut text = itoa::Buffer::new();
        record_fields(keyspace, db, &[b"HPEXPIREAT", key, text.format(at.0).as_bytes()], fields);
    }
}

pub(super) const HPERSIST: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hpersist",
        arity: -5,
        summary: "Lets fields of a hash live until they are deleted",
        args: &[Arg::key("key"), FIELDS],
        ..EXPIRING
    },
    handler: hpersist,
};

fn hpersist(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, db, now) = (args[1], ctx.db, ctx.now);
    // A refusal of the key's type goes before one of the arguments.
    let fields = parse_fields(args, 2, Wording::Positive);
    let mut keyspace = ctx.keyspace(key);
    let mut persisted = Vec::new();
    let Some(mut hash) = keyspace.write_hash(key, Due::Nothing)? else {
        return answer_no_field(fields?, out);
    };
    let fields = fields?;
    out.array(fields.len());
    for field in fields {
        out.integer(match hash.view().get_live(field, now).map(|present| present.deadline) {
            None => NO_FIELD,
            Some(None) => NO_DEADLINE,
            Some(Some(_)) => {
                hash.set_deadline(field, None);
                persisted.push(*field);
                DONE
            }
        });
    }
    drop(hash);
    // Like Redis, whatever their number.
    report_persisted(&mut keyspace, db, key, &persisted, 1);
    Ok(())
}

/// Reports and records that `fields`, if any, have no deadline any more, which counts as so many changes.
pub(super) fn report_persisted(
    keyspace: &mut Keyspace<'_>,
    db: DbIndex,
    key: &[u8],
    fields: &[&[u8]],
    count: usize,
) {
    if !fields.is_empty() {
        fields_changed(keyspace, "hpersist", key, count);
        record_fields(keyspace, db, &[b"HPERSIST", key], fields);
    }
}
