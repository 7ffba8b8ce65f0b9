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

/// Writes longitude and latitude: numbers in RESP3, texts with up to 17 decimals in RESP2.
pub(super) fn write_position(out: &mut dyn Reply, position: Position) {
    out.array(2);
    for degrees in [position.longitude, position.latitude] {
        if out.is_resp3() {
            out.double(degrees);
            continue;
        }
        let text = format!("{degrees:.17}");
        let trimmed = text.trim_end_matches('0').trim_end_matches('.');
        out.bulk(if trimmed == "-0" { "0" } else { trimmed }.as_bytes());
    }
}
