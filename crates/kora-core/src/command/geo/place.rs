//! Commands that tell where members are: GEOPOS, GEOHASH and GEODIST.

use super::FAMILY;
use super::text::{write_distance, write_position};
use super::unit::parse_unit;
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::command::zset::read;
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;
use crate::types::geohash::Position;

/// What the commands of this file have in common.
const PLACE: Facts = Facts {
    flags: Flags::READONLY,
    keys: &[KeySpec::one(KeyFlags::RO.access(), 1)],
    since: "3.2.0",
    complexity: "O(1) for each member asked for",
    args: &[Arg::key("key"), Arg::string("member").optional().multiple()],
    ..FAMILY
};

pub(super) const GEOPOS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "geopos",
        arity: -2,
        summary: "Gives the positions of members of a geo index in degrees",
        ..PLACE
    },
    handler: geopos,
};

fn geopos(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    each_place(ctx, args, out, |out, position| match position {
        Some(position) => write_position(out, position),
        None => out.null_array(),
    })
}

pub(super) const GEOHASH: CommandSpec = CommandSpec {
    facts: Facts {
        name: "geohash",
        arity: -2,
        summary: "Gives the positions of members of a geo index as geohashes",
        ..PLACE
    },
    handler: geohash,
};

fn geohash(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    each_place(ctx, args, out, |out, position| match position {
        Some(position) => out.bulk(&position.geohash()),
        None => out.null(),
    })
}

fn each_place(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    out: &mut dyn Reply,
    write: impl Fn(&mut dyn Reply, Option<Position>),
) -> CommandResult {
    let mut keyspace = ctx.keyspace(args[1]);
    let set = read(&mut keyspace, args[1])?;
    let members = &args[2..];
    out.array(members.len());
    for member in members {
        let score = set.and_then(|set| set.score(member));
        write(out, score.map(Position::of_score));
    }
    Ok(())
}

pub(super) const GEODIST: CommandSpec = CommandSpec {
    facts: Facts {
        name: "geodist",
        arity: -4,
        summary: "Gives the distance between two members of a geo index",
        complexity: "O(1)",
        args: &[
            Arg::key("key"),
            Arg::string("member1"),
            Arg::string("member2"),
            super::facts::UNIT.optional(),
        ],
        ..PLACE
    },
    handler: geodist,
};

fn geodist(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let unit = match &args[4..] {
        [] => 1.0,
        [unit] => parse_unit(unit)?,
        _ => return Err(CommandError::Syntax),
    };
    let mut keyspace = ctx.keyspace(args[1]);
    let set = read(&mut keyspace, args[1])?;
    let [from, to] = [args[2], args[3]].map(|member| set.and_then(|set| set.score(member)));
    match (from, to) {
        (Some(from), Some(to)) => {
            let (from, to) = (Position::of_score(from), Position::of_score(to));
            write_distance(out, from.distance(to) / unit);
        }
        _ => out.null(),
    }
    Ok(())
}
