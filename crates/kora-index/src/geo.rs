//! Points on Earth as numbers of 52 bits whose neighbours are mostly neighbours in space (a geohash: the bits of longitude and latitude by turns), so
//! that the points around a place lie in few ranges of numbers.
//!
//! A point is kept as its number only. Distances are taken from the middle of the cell that the number stands for, by the haversine formula on a sphere,
//! as Redis does it; so a point is up to 0.6 m off.

#[cfg(test)]
mod tests;

use crate::query::{Bound, Radius, Range};

/// Cells on each axis, as a power of two.
const STEPS: u32 = 26;
const LATITUDE_MAX: f64 = 85.051_128_78;
const LONGITUDE_MAX: f64 = 180.0;
/// Metres: the radius of the sphere.
const EARTH_RADIUS: f64 = 6_372_797.560_856;
/// Cells that a circle's box spans on an axis at most.
const BOX_CELLS_MAX: i64 = 4;

/// The number of a point, if it is one that has a number. Complexity: O(1).
pub(crate) fn encode(longitude: f64, latitude: f64) -> Option<u64> {
    if !(longitude.abs() <= LONGITUDE_MAX && latitude.abs() <= LATITUDE_MAX) {
        return None;
    }
    let x = cell(longitude, LONGITUDE_MAX, STEPS);
    let y = cell(latitude, LATITUDE_MAX, STEPS);
    Some(interleave(x, y))
}

/// The middle of a number's cell: longitude and latitude.
pub(crate) fn decode(number: u64) -> (f64, f64) {
    let middle = |cell: u64, max: f64| {
        let width = 2.0 * max / cells(STEPS);
        let low = as_float(cell) * width - max;
        let high = as_float(cell + 1) * width - max;
        f64::midpoint(low, high).clamp(-max, max)
    };
    (middle(gather(number >> 1), LONGITUDE_MAX), middle(gather(number), LATITUDE_MAX))
}

/// Metres between two points: longitude and latitude in degrees.
pub(crate) fn distance(one: (f64, f64), other: (f64, f64)) -> f64 {
    let (latitude, other_latitude) = (one.1.to_radians(), other.1.to_radians());
    let v = ((other.0.to_radians() - one.0.to_radians()) / 2.0).sin();
    let u = ((other_latitude - latitude) / 2.0).sin();
    2.0 * EARTH_RADIUS * (u * u + latitude.cos() * other_latitude.cos() * v * v).sqrt().asin()
}

/// Ranges of numbers in which all points of a circle are, ascending and apart. Complexity: O(1): 16 of them at most.
pub(crate) fn ranges(radius: &Radius) -> Vec<Range> {
    let angle = radius.metres / EARTH_RADIUS;
    // More than all latitudes would be more cells than there are numbers.
    let (latitude, height) = (radius.latitude, angle.to_degrees().min(LONGITUDE_MAX));
    let reaches_pole = latitude.abs() + height >= 90.0;
    let ratio = angle.sin() / latitude.to_radians().cos();
    let width = if reaches_pole || angle >= std::f64::consts::FRAC_PI_2 || ratio.abs() >= 1.0 {
        LONGITUDE_MAX
    } else {
        ratio.asin().to_degrees()
    };
    // What rounding could leave out at the edge of a cell.
    let (height, width) = (height * 1.000_001 + 1e-6, width * 1.000_001 + 1e-6);
    let mut step = STEPS;
    while step > 0
        && (span(width, LONGITUDE_MAX, step) > BOX_CELLS_MAX
            || span(height, LATITUDE_MAX, step) > BOX_CELLS_MAX)
    {
        step -= 1;
    }
    let side = 1_i64 << step;
    let (west, east) = (
        grid(radius.longitude - width, LONGITUDE_MAX, step),
        grid(radius.longitude + width, LONGITUDE_MAX, step),
    );
    let (south, north) =
        (grid(latitude - height, LATITUDE_MAX, step), grid(latitude + height, LATITUDE_MAX, step));
    let mut codes = Vec::new();
    for x in west..=east.min(west + side - 1) {
        for y in south.max(0)..=north.min(side - 1) {
            codes.push(interleave(x.rem_euclid(side).unsigned_abs(), y.unsigned_abs()));
        }
    }
    codes.sort_unstable();
    let shift = 2 * (STEPS - step);
    let mut ranges: Vec<Range> = Vec::new();
    for code in codes {
        let (from, to) = (as_float(code << shift), as_float((code + 1) << shift));
        match ranges.last_mut() {
            Some(last) if last.to.value >= from => last.to.value = to,
            _ => ranges.push(Range {
                from: Bound { value: from, is_exclusive: false },
                to: Bound { value: to, is_exclusive: true },
            }),
        }
    }
    ranges
}

fn cells(step: u32) -> f64 {
    as_float(1_u64 << step)
}

/// Cells between the two ends of a box, which is this many degrees from its middle.
fn span(half: f64, max: f64, step: u32) -> i64 {
    grid(half - max, 2.0 * max, step + 1) - grid(-half - max, 2.0 * max, step + 1) + 1
}

#[expect(clippy::cast_possible_truncation, reason = "a float as an integer saturates")]
fn grid(degrees: f64, max: f64, step: u32) -> i64 {
    ((degrees + max) / (2.0 * max) * cells(step)).floor() as i64
}

fn cell(degrees: f64, max: f64, step: u32) -> u64 {
    grid(degrees, max, step).clamp(0, (1_i64 << step) - 1).unsigned_abs()
}

#[expect(clippy::cast_precision_loss, reason = "numbers of 53 bits at most")]
fn as_float(number: u64) -> f64 {
    number as f64
}

/// Bits of longitude above those of latitude.
fn interleave(x: u64, y: u64) -> u64 {
    scatter(x) << 1 | scatter(y)
}

fn scatter(mut number: u64) -> u64 {
    number &= 0xffff_ffff;
    number = (number | number << 16) & 0x0000_ffff_0000_ffff;
    number = (number | number << 8) & 0x00ff_00ff_00ff_00ff;
    number = (number | number << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    number = (number | number << 2) & 0x3333_3333_3333_3333;
    (number | number << 1) & 0x5555_5555_5555_5555
}

fn gather(mut number: u64) -> u64 {
    number &= 0x5555_5555_5555_5555;
    number = (number | number >> 1) & 0x3333_3333_3333_3333;
    number = (number | number >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    number = (number | number >> 4) & 0x00ff_00ff_00ff_00ff;
    number = (number | number >> 8) & 0x0000_ffff_0000_ffff;
    (number | number >> 16) & 0xffff_ffff
}
