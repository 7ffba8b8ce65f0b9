//! How distances and positions are written.

use crate::reply::Reply;
use crate::types::geohash::Position;

/// Writes a distance with four decimals.
#[expect(clippy::cast_possible_truncation, reason = "saturates; no distance on earth comes near")]
pub(super) fn write_distance(out: &mut dyn Reply, distance: f64) {
    let scaled = (distance * 10_000.0).round_ties_even() as i64;
    let sign = if scaled < 0 { "-" } else { "" };
    let magnitude = scaled.unsigned_abs();
    out.bulk(format!("{sign}{}.{:04}", magnitude / 10_000, magnitude % 10_000).as_bytes());
}

/// Writes longitude and latitude.
pub(super) fn write_position(out: &mut dyn Reply, position: Position) {
    out.array(2);
    out.double(position.longitude);
    out.double(position.latitude);
}
