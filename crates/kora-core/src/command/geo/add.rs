//! GEOADD: positions become scores.

use super::{FAMILY, parse_position};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::command::zset::zadd;
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;

pub(super) const GEOADD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "geoadd",
        arity: -5,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: &[KeySpec::one(KeyFlags::RW.update(), 1)],
        since: "3.2.0",
        summary: "Adds members with their positions to a geo index, or moves them",
        complexity: "O(log(N)) for each member, with N members in the set",
        args: &[
            Arg::key("key"),
            Arg::one_of("condition", &[Arg::word("nx", "NX"), Arg::word("xx", "XX")])
                .optional()
                .since("6.2.0"),
            Arg::word("change", "CH").optional().since("6.2.0"),
            Arg::block("data", &[Arg::double("longitude"), Arg::double("latitude"), Arg::string("member")])
                .multiple(),
        ],
        history: &[("6.2.0", "Options `CH`, `NX` and `XX`")],
        ..FAMILY
    },
    handler: geoadd,
};

/// Runs as the ZADD that it stands for, which is also its effect.
fn geoadd(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, db) = (args[1], ctx.db);
    let is_option =
        |word: &&&[u8]| [&b"NX"[..], b"XX", b"CH"].iter().any(|name| word.eq_ignore_ascii_case(name));
    let option_count = args[2..].iter().take_while(is_option).count();
    let (options, places) = args[2..].split_at(option_count);
    let has = |name: &[u8]| options.iter().any(|word| word.eq_ignore_ascii_case(name));
    if !places.len().is_multiple_of(3) || (has(b"NX") && has(b"XX")) {
        return Err(CommandError::Syntax);
    }
    let mut scores = Vec::with_capacity(places.len() / 3);
    for place in places.chunks_exact(3) {
        scores.push(parse_position(place[0], place[1])?.cell_number().to_string());
    }
    let mut as_zadd: Vec<&[u8]> = vec![b"ZADD", key];
    as_zadd.extend_from_slice(options);
    for (score, place) in scores.iter().zip(places.chunks_exact(3)) {
        as_zadd.extend([score.as_bytes(), place[2]]);
    }
    let before = ctx.journal.changes();
    zadd(ctx, &as_zadd, out)?;
    if ctx.journal.changes() != before {
        ctx.journal.effect(db, &as_zadd);
    }
    Ok(())
}
