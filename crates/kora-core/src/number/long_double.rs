//! The 80-bit numbers of x87, in which Redis computes INCRBYFLOAT and HINCRBYFLOAT. Their 64-bit significand keeps
//! sums such as 0.1 + 0.2 free of visible rounding, and a client can tell the difference.
//!
//! Reading follows `strtold`, writing `%.17Lf` with trailing zeros removed; both are exact and round half to even.

use std::fmt;

use rustc_apfloat::ieee::X87DoubleExtended;
use rustc_apfloat::{Float, Round, Status};

use super::literal::{Literal, Magnitude};

/// Redis reads at most this many bytes as one number.
const TEXT_BYTES_MAX: usize = 5 * 1024 - 1;
/// Digits written behind the point, before trailing zeros are removed.
const DECIMALS: u32 = 17;
const DECIMALS_UNIT: u128 = 10u128.pow(DECIMALS);

/// A number with 64 significant bits, as x87 computes it; never not-a-number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// Reads the whole of `text`: decimal or hexadecimal, with or without point and exponent, or an infinity.
    ///
    /// `None` if it is none of these, or if a finite number would have to become infinite or a number other than zero
    /// would become zero.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let Literal { is_negative, magnitude } = Literal::read(text)?;
        let value = if magnitude == Magnitude::Infinite {
            X87DoubleExtended::INFINITY
        } else {
            let read = X87DoubleExtended::from_str_r(&magnitude.to_text(), Round::NearestTiesToEven).ok()?;
            let is_out_of_range =
                read.status.contains(Status::OVERFLOW) || (read.value.is_zero() && !magnitude.is_zero());
            if is_out_of_range {
                return None;
            }
            read.value
        };
        Some(Self(if is_negative { -value } else { value }))
    }

    /// Whether it is not an infinity.
    #[must_use]
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// The sum, or `None` if it is not finite.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let sum = (self.0 + other.0).value;
        sum.is_finite().then_some(Self(sum))
    }

    /// The product with `factor`, rounded up to an integer; `None` if it is too large for one. What is too small becomes
    /// the least.
    #[must_use]
    pub fn times_rounded_up(self, factor: i64) -> Option<i64> {
        let product = (self.0 * Self::from(factor).0).value;
        if product > Self::from(i64::MAX).0 {
            return None;
        }
        let integer = product.round_to_integral(Round::TowardPositive).value.to_i128(64).value;
        Some(i64::try_from(integer).unwrap_or(i64::MIN))
    }

    /// Significand and exponent: the magnitude is their product, `significand * 2^exponent`.
    fn decode(self) -> (u64, i32) {
        /// What the exponent field is higher than the exponent of an integer significand.
        const BIAS: i32 = 16_383 + 63;
        let bits = self.0.to_bits();
        let field = i32::try_from((bits >> 64) & 0x7fff).expect("15 bits");
        let significand = u64::try_from(bits & u128::from(u64::MAX)).expect("64 bits");
        // Numbers too small for a leading one share the lowest exponent.
        (significand, field.max(1) - BIAS)
    }
}

impl From<i64> for LongDouble {
    /// Exact: 64 significant bits hold every integer.
    fn from(value: i64) -> Self {
        Self(X87DoubleExtended::from_i128(value.into()).value)
    }
}

impl fmt::Display for LongDouble {
    /// Plain decimal digits, at most 17 of them behind the point, without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_infinite() {
            return f.write_str(if self.0.is_negative() { "-inf" } else { "inf" });
        }
        let (significand, exponent) = self.decode();
        let text = if exponent < 0 {
            decimal_fraction(significand, exponent.unsigned_abs())
        } else {
            decimal_integer(significand, exponent.unsigned_abs())
        };
        if self.0.is_negative() && text != "0" {
            f.write_str("-")?;
        }
        f.write_str(&text)
    }
}

/// `significand / 2^shift`, rounded to 17 decimals.
fn decimal_fraction(significand: u64, shift: u32) -> String {
    // 64 bits times 10^17 is less than 2^121.
    let scaled = u128::from(significand) * DECIMALS_UNIT;
    let units = match shift {
        ..=127 => {
            let (quotient, rest, half) = (scaled >> shift, scaled & ((1 << shift) - 1), 1 << (shift - 1));
            let rounds_up = rest > half || (rest == half && quotient & 1 == 1);
            quotient + u128::from(rounds_up)
        }
        _ => 0,
    };
    let decimals = format!("{:017}", units % DECIMALS_UNIT);
    let decimals = decimals.trim_end_matches('0');
    let point = if decimals.is_empty() { "" } else { "." };
    format!("{}{point}{decimals}", units / DECIMALS_UNIT)
}

/// `significand * 2^shift`.
fn decimal_integer(significand: u64, shift: u32) -> String {
    /// Decimal digits per limb.
    const LIMB_DIGITS: u32 = 18;
    const LIMB: u128 = 10u128.pow(LIMB_DIGITS);
    /// Bits multiplied in at once: a limb times 2^64 plus the carry stays below 2^128.
    const STEP: u32 = 64;
    let low_limb = |number: u128| u64::try_from(number % LIMB).expect("a limb is below 10^18");

    // The number in base 10^18, the lowest limb first.
    let mut limbs = Vec::new();
    let mut carry = u128::from(significand);
    let mut shift = shift;
    loop {
        while carry > 0 {
            limbs.push(low_limb(carry));
            carry /= LIMB;
        }
        if shift == 0 {
            break;
        }
        let step = shift.min(STEP);
        for limb in &mut limbs {
            carry += u128::from(*limb) << step;
            *limb = low_limb(carry);
            carry /= LIMB;
        }
        shift -= step;
    }
    let Some((highest, lower)) = limbs.split_last() else { return "0".into() };
    let mut text = highest.to_string();
    for limb in lower.iter().rev() {
        text.push_str(&format!("{limb:018}"));
    }
    text
}

#[cfg(test)]
mod tests;
