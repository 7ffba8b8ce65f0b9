//! Units of distance, and numbers of them.

use crate::error::{CommandError, CommandResult};
use crate::number::parse_f64;

/// Metres of a unit.
pub(super) fn parse_unit(text: &[u8]) -> CommandResult<f64> {
    match text.to_ascii_lowercase().as_slice() {
        b"m" => Ok(1.0),
        b"km" => Ok(1000.0),
        b"ft" => Ok(0.3048),
        b"mi" => Ok(1609.34),
        _ => Err(CommandError::text("ERR unsupported unit provided. please use M, KM, FT, MI")),
    }
}

/// A number of units; `text` says what it should have been.
pub(super) fn parse_length(length: &[u8], error: &'static str) -> CommandResult<f64> {
    parse_f64(length).ok_or(CommandError::text(error))
}

/// A radius and the metres of its unit.
pub(super) fn parse_radius(radius: &[u8], unit: &[u8]) -> CommandResult<(f64, f64)> {
    let radius = parse_length(radius, "ERR need numeric radius")?;
    if radius < 0.0 {
        return Err(CommandError::text("ERR radius cannot be negative"));
    }
    Ok((radius, parse_unit(unit)?))
}
