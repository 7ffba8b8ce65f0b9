//! HGETEX: gives fields' values and changes their deadlines.

use super::expire::{report_deadline, report_persisted, set_deadline};
use super::fields::{FIELDS, Wording, parse_fields};
use super::lifetime::{EX_ARG, EXAT_ARG, PX_ARG, PXAT_ARG, Unit};
use super::{FAMILY, READS_AND_UPDATES_KEY, write_value};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;
use crate::time::UnixMs;
use crate::types::hash::{Due, HashMut};

pub(super) const HGETEX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hgetex",
        arity: -5,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: &[READS_AND_UPDATES_KEY[0].noted("RW and update because the deadline may change")],
        since: "8.0.0",
        summary: "Gives the values of fields of a hash and sets or removes the fields' deadlines",
        complexity: "O(N) with N fields given",
        args: &[
            Arg::key("key"),
            Arg::one_of("expiration", &[EX_ARG, PX_ARG, EXAT_ARG, PXAT_ARG, Arg::word("persist", "PERSIST")])
                .optional(),
            FIELDS,
        ],
        ..FAMILY
    },
    handler: hgetex,
};

/// What is to become of the fields' deadlines.
#[derive(Clone, Copy, Debug)]
enum Change {
    Nothing,
    Persist,
    Until(UnixMs),
}

impl Change {
    /// The change, and how many arguments tell it.
    fn parse(args: &[&[u8]], now: UnixMs) -> CommandResult<(Self, usize)> {
        if args[0].eq_ignore_ascii_case(b"PERSIST") {
            return Ok((Self::Persist, 1));
        }
        let Some(unit) = Unit::named(args[0]) else { return Ok((Self::Nothing, 0)) };
        let amount = args.get(1).ok_or(CommandError::Syntax)?;
        Ok((Self::Until(unit.deadline(amount, now, "hgetex")?), 2))
    }

    /// Changes the deadline of a field that is there; says whether there was something to change.
    fn apply(self, hash: &mut HashMut<'_>, field: &[u8], present: Option<UnixMs>, now: UnixMs) -> bool {
        match self {
            Self::Nothing => false,
            Self::Persist if present.is_none() => false,
            Self::Persist => {
                hash.set_deadline(field, None);
                true
            }
            Self::Until(at) => {
                set_deadline(hash, field, at, now);
                true
            }
        }
    }
}

fn hgetex(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, db, now) = (args[1], ctx.db, ctx.now);
    // A refusal of the key's type goes before one of the arguments.
    let request = Change::parse(&args[2..], now)
        .and_then(|(change, words)| Ok((change, parse_fields(args, 2 + words, Wording::Positive)?)));
    let mut keyspace = ctx.keyspace(key);
    let mut changed = Vec::new();
    let Some(mut hash) = keyspace.write_hash(key, Due::among(&args[4..]))? else {
        let (_, fields) = request?;
        out.array(fields.len());
        fields.iter().for_each(|_| out.null());
        return Ok(());
    };
    let (change, fields) = request?;
    if !matches!(change, Change::Nothing) {
        hash.make_expiring();
    }
    out.array(fields.len());
    for field in fields {
        let found = hash.get(field);
        write_value(out, found);
        let present = found.map(|found| found.deadline);
        if present.is_some_and(|present| change.apply(&mut hash, field, present, now)) {
            changed.push(*field);
        }
    }
    let is_empty = hash.is_empty();
    drop(hash);
    match change {
        Change::Nothing => {}
        Change::Persist => report_persisted(&mut keyspace, db, key, &changed, changed.len()),
        Change::Until(at) => report_deadline(&mut keyspace, db, key, &changed, (at, now), is_empty),
    }
    Ok(())
}
