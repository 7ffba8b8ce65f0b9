//! Positions on the earth as 52-bit cells, as Redis stores them in the scores of sorted sets.
//!
//! A cell halves the range of longitudes and the range of latitudes in turn, 26 times each; the bits of both are
//! interleaved, those of the latitude at even places. A cell of fewer steps is a range of cells of 26 steps, so the
//! members in it are a range of scores.
//!
//! Every floating-point operation is done in the order in which Redis does it: distances agree to the last digit printed.
//!
//! Source: Niemeyer's geohash, 2008, with the latitudes of the Web Mercator projection; haversine formula.

mod area;
#[cfg(test)]
mod tests;

pub use area::{Area, Cells, Shape};

/// Steps of a cell that is stored as a score.
const STEPS: u32 = 26;

/// Longitudes in degrees.
const LONGITUDES: Span = Span { min: -180.0, max: 180.0 };
/// Latitudes in degrees, as far as the Web Mercator projection goes.
const LATITUDES: Span = Span { min: -85.051_128_78, max: 85.051_128_78 };
/// Latitudes of a geohash as the rest of the world writes it.
const STANDARD_LATITUDES: Span = Span { min: -90.0, max: 90.0 };

/// In metres.
const EARTH_RADIUS: f64 = 6_372_797.560_856;

const RADIANS_PER_DEGREE: f64 = std::f64::consts::PI / 180.0;

const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;
const LONGITUDE_BITS: u64 = 0xAAAA_AAAA_AAAA_AAAA;

/// A range of degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    min: f64,
    max: f64,
}

impl Span {
    fn contains(self, degrees: f64) -> bool {
        degrees >= self.min && degrees <= self.max
    }

    /// The number of the part in which `degrees` lies, of 2^`steps`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most 2^26, and not negative"
    )]
    fn part(self, degrees: f64, steps: u32) -> u32 {
        let offset = (degrees - self.min) / (self.max - self.min);
        (offset * (1u64 << steps) as f64) as u32
    }

    /// The range of degrees of part number `part`, of 2^`steps`.
    fn of_part(self, part: u32, steps: u32) -> Self {
        let scale = self.max - self.min;
        let at = |part: f64| self.min + (part / (1u64 << steps) as f64) * scale;
        Self { min: at(f64::from(part)), max: at(f64::from(part.wrapping_add(1))) }
    }

    fn middle(self) -> f64 {
        f64::midpoint(self.min, self.max)
    }
}

/// A position on the earth, in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Position {
    /// Degrees east.
    pub longitude: f64,
    /// Degrees north.
    pub latitude: f64,
}

impl Position {
    /// A position, if it lies in the range that cells cover.
    #[must_use]
    pub fn new(longitude: f64, latitude: f64) -> Option<Self> {
        let is_covered = LONGITUDES.contains(longitude) && LATITUDES.contains(latitude);
        is_covered.then_some(Self { longitude, latitude })
    }

    /// The middle of the cell that a score names.
    #[must_use]
    pub fn of_score(score: f64) -> Self {
        let cell = Cell { bits: score_bits(score), steps: STEPS };
        let (longitudes, latitudes) = cell.spans();
        Self {
            longitude: longitudes.middle().clamp(LONGITUDES.min, LONGITUDES.max),
            latitude: latitudes.middle().clamp(LATITUDES.min, LATITUDES.max),
        }
    }

    /// The number of the cell in which it lies, which is its score.
    #[must_use]
    pub fn cell_number(self) -> u64 {
        Cell::around(self, STEPS).bits
    }

    /// Eleven letters that name the cell in the standard way, as far as 50 bits go.
    #[must_use]
    pub fn geohash(self) -> [u8; 11] {
        const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits =
            interleave(STANDARD_LATITUDES.part(self.latitude, STEPS), LONGITUDES.part(self.longitude, STEPS));
        std::array::from_fn(|index| {
            // Two bits are left for the last letter, and Redis leaves them out.
            let letter = if index == 10 { 0 } else { bits >> (52 - (index + 1) * 5) & 0x1F };
            LETTERS[usize::try_from(letter).expect("five bits")]
        })
    }

    /// The distance to `other` in metres, along the surface.
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        let (from, to) = (self.longitude * RADIANS_PER_DEGREE, other.longitude * RADIANS_PER_DEGREE);
        let v = ((to - from) / 2.0).sin();
        if v == 0.0 {
            return latitude_distance(self.latitude, other.latitude);
        }
        let (from, to) = (self.latitude * RADIANS_PER_DEGREE, other.latitude * RADIANS_PER_DEGREE);
        let u = ((to - from) / 2.0).sin();
        let a = u * u + from.cos() * to.cos() * v * v;
        2.0 * EARTH_RADIUS * a.sqrt().asin()
    }
}

/// The distance between two latitudes in metres.
fn latitude_distance(from: f64, to: f64) -> f64 {
    EARTH_RADIUS * (to * RADIANS_PER_DEGREE - from * RADIANS_PER_DEGREE).abs()
}

/// The bits of a score, which may be any number: ZADD takes what GEOADD would not. Out of range it is what x86-64 makes
/// of it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion is the point")]
fn score_bits(score: f64) -> u64 {
    const HALF: f64 = (1u64 << 63) as f64;
    let to_i64 = |score: f64| if (-HALF..HALF).contains(&score) { score as i64 } else { i64::MIN };
    if score < HALF { to_i64(score) as u64 } else { to_i64(score - HALF) as u64 ^ 1 << 63 }
}

/// A cell of up to 26 steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    bits: u64,
    steps: u32,
}

impl Cell {
    fn around(position: Position, steps: u32) -> Self {
        let (latitude, longitude) =
            (LATITUDES.part(position.latitude, steps), LONGITUDES.part(position.longitude, steps));
        Self { bits: interleave(latitude, longitude), steps }
    }

    /// Its longitudes and latitudes.
    fn spans(self) -> (Span, Span) {
        let longitude = squeeze(self.bits >> 1);
        (LONGITUDES.of_part(longitude, self.steps), LATITUDES.of_part(squeeze(self.bits), self.steps))
    }

    /// The cell so many to the east and so many to the north, each -1, 0 or 1. It goes around the earth either way.
    fn neighbour(self, east: i8, north: i8) -> Self {
        let used = u64::MAX >> (64 - self.steps * 2);
        let moved = |own: u64, other: u64, by: i8| {
            let bits = self.bits & own;
            match by {
                // The bits of the other axis are ones, so that a carry passes them.
                1 => (bits | other & used).wrapping_add(1) & own & used,
                -1 => bits.wrapping_sub(1) & own & used,
                _ => bits,
            }
        };
        let longitude = moved(LONGITUDE_BITS, LATITUDE_BITS, east);
        let latitude = moved(LATITUDE_BITS, LONGITUDE_BITS, north);
        Self { bits: longitude | latitude, steps: self.steps }
    }

    /// The scores in the cell: from the first, up to but without the second.
    fn scores(self) -> (u64, u64) {
        let shift = 2 * (STEPS - self.steps);
        (self.bits << shift, (self.bits + 1) << shift)
    }
}

/// Puts the bits of both numbers in turn, those of `even` at the even places.
fn interleave(even: u32, odd: u32) -> u64 {
    spread(even) | spread(odd) << 1
}

/// Moves each bit to twice its place.
fn spread(bits: u32) -> u64 {
    let mut bits = u64::from(bits);
    for (shift, mask) in [
        (16, 0x0000_FFFF_0000_FFFF),
        (8, 0x00FF_00FF_00FF_00FF),
        (4, 0x0F0F_0F0F_0F0F_0F0F),
        (2, 0x3333_3333_3333_3333),
        (1, LATITUDE_BITS),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// Moves each bit at an even place to half its place.
fn squeeze(bits: u64) -> u32 {
    let mut bits = bits & LATITUDE_BITS;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0F0F_0F0F_0F0F_0F0F),
        (4, 0x00FF_00FF_00FF_00FF),
        (8, 0x0000_FFFF_0000_FFFF),
        (16, 0x0000_0000_FFFF_FFFF),
    ] {
        bits = (bits | bits >> shift) & mask;
    }
    u32::try_from(bits).expect("32 bits")
}
