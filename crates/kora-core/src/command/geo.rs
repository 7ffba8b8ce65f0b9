//! The geo commands, one file per idea. This one holds their table and what the files share.
//!
//! Positions are the scores of a sorted set: all commands for sorted sets work on them too.

mod add;
mod facts;
mod place;
mod query;
mod search;
#[cfg(test)]
mod tests;
mod text;
mod unit;

use crate::command::spec::{Categories, CommandSpec, Facts, Group};
use crate::error::{CommandError, CommandResult};
use crate::number::parse_f64;
use crate::types::geohash::Position;

/// The family's commands.
pub const COMMANDS: &[CommandSpec] = &[
    add::GEOADD,
    place::GEODIST,
    place::GEOHASH,
    place::GEOPOS,
    facts::GEORADIUS,
    facts::GEORADIUSBYMEMBER,
    facts::GEORADIUSBYMEMBER_RO,
    facts::GEORADIUS_RO,
    facts::GEOSEARCH,
    facts::GEOSEARCHSTORE,
];

/// What all geo commands have in common.
const FAMILY: Facts = Facts { categories: Categories::GEO, group: Group::Geo, ..Facts::NONE };

/// Reads a longitude and a latitude.
fn parse_position(longitude: &[u8], latitude: &[u8]) -> CommandResult<Position> {
    let degrees = |text| parse_f64(text).ok_or(CommandError::NotFloat);
    let (longitude, latitude) = (degrees(longitude)?, degrees(latitude)?);
    Position::new(longitude, latitude).ok_or_else(|| {
        let text = format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}");
        CommandError::Other(text.into())
    })
}
