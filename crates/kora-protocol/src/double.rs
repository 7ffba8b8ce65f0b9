//! Doubles as text, as Redis prints them in replies.
//!
//! Redis prints a whole number below 2^62 as an integer, and anything else with the shortest digits that read back as
//! the same double, laid out by the rules of the `fpconv` library. Here the digits come from `ryu`; Redis's come from
//! Grisu2, which in about one case of a thousand finds one digit more than the shortest.

use std::ops::Deref;

/// Longest text in bytes: a sign, 17 digits and 7 zeros make 25.
const TEXT_BYTES_MAX: usize = 32;

/// Whole numbers of at most this magnitude are printed as integers: the range in which Redis casts without a check.
const INTEGER_MAGNITUDE_MAX: f64 = 4_611_686_018_427_387_904.0;

/// Significant digits of a double that are enough to tell it from every other.
const DIGITS_MAX: usize = 17;

/// The text of a double, on the stack.
#[derive(Debug, Clone, Copy)]
pub struct DoubleText {
    bytes: [u8; TEXT_BYTES_MAX],
    len: usize,
}

impl DoubleText {
    const fn new() -> Self {
        Self { bytes: [0; TEXT_BYTES_MAX], len: 0 }
    }

    /// The text; always ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self).expect("only ASCII is ever pushed")
    }

    fn push(&mut self, text: &[u8]) {
        let end = self.len.saturating_add(text.len());
        self.bytes.get_mut(self.len..end).expect("no layout is longer than the buffer").copy_from_slice(text);
        self.len = end;
    }

    fn push_zeros(&mut self, count: usize) {
        for _ in 0..count {
            self.push(b"0");
        }
    }
}

impl Deref for DoubleText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.len).expect("the length is that of what was pushed")
    }
}

/// The text that Redis replies for `value`: `inf`, `-inf` and `nan` included.
#[must_use]
pub fn encode_double(value: f64) -> DoubleText {
    let mut text = DoubleText::new();
    if value.is_nan() {
        text.push(b"nan");
    } else if value.is_infinite() {
        text.push(if value > 0.0 { b"inf" } else { b"-inf" });
    } else if value == 0.0 {
        text.push(if value.is_sign_negative() { b"-0" } else { b"0" });
    } else if let Some(whole) = as_integer(value) {
        text.push(itoa::Buffer::new().format(whole).as_bytes());
    } else {
        if value < 0.0 {
            text.push(b"-");
        }
        let decimal = Decimal::of(value.abs());
        decimal.lay_out(&mut text);
    }
    text
}

/// `value` as an integer, if it is whole and in the range that Redis prints so.
fn as_integer(value: f64) -> Option<i64> {
    if value.abs() > INTEGER_MAGNITUDE_MAX || value.fract() != 0.0 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within +-2^62")]
    Some(value as i64)
}

/// A positive finite double as `digits * 10^exponent`, the digits without zeros at either end.
struct Decimal {
    digits: [u8; DIGITS_MAX],
    len: usize,
    exponent: i32,
}

impl Decimal {
    /// Takes apart what `ryu` prints: digits, perhaps a point among them, perhaps an exponent.
    fn of(value: f64) -> Self {
        let mut buffer = ryu::Buffer::new();
        let printed = buffer.format_finite(value);
        let (mantissa, exponent) = printed.split_once('e').unwrap_or((printed, "0"));
        let mut decimal = Self {
            digits: [0; DIGITS_MAX],
            len: 0,
            exponent: exponent.parse().expect("ryu prints an integer"),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        for (is_fraction, digits) in [(false, whole), (true, fraction)] {
            for digit in digits.bytes() {
                decimal.append(digit, is_fraction);
            }
        }
        decimal.trim_zeros();
        decimal
    }

    /// Appends a digit of the mantissa. Zeros past the last significant digit do not fit, and only shift the point.
    fn append(&mut self, digit: u8, is_fraction: bool) {
        let leading_zero = self.len == 0 && digit == b'0';
        let place = self.digits.get_mut(self.len).filter(|_| !leading_zero);
        let dropped = place.is_none() && !leading_zero;
        if let Some(place) = place {
            *place = digit;
            self.len = self.len.saturating_add(1);
        }
        match (dropped, is_fraction) {
            (true, false) => self.exponent = self.exponent.saturating_add(1),
            (false, true) => self.exponent = self.exponent.saturating_sub(1),
            (true, true) | (false, false) => {}
        }
    }

    fn trim_zeros(&mut self) {
        while let Some((b'0', _)) = self.digits().split_last() {
            self.len = self.len.saturating_sub(1);
            self.exponent = self.exponent.saturating_add(1);
        }
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.len).expect("the length is at most the array's")
    }

    /// Writes the number as `fpconv` does: plainly if it is not much longer so, else in scientific notation.
    fn lay_out(&self, text: &mut DoubleText) {
        let len = i32::try_from(self.len).expect("at most 17 digits");
        let scientific = self.exponent.saturating_add(len).saturating_sub(1);
        let magnitude = scientific.unsigned_abs() as usize;
        if self.exponent >= 0 && magnitude < self.len.saturating_add(7) {
            text.push(self.digits());
            text.push_zeros(self.exponent.unsigned_abs() as usize);
        } else if self.exponent < 0 && (self.exponent > -7 || magnitude < 4) {
            self.lay_out_fraction(text);
        } else {
            self.lay_out_scientific(scientific, text);
        }
    }

    /// `0.00123` or `12.3`.
    fn lay_out_fraction(&self, text: &mut DoubleText) {
        let fraction_len = self.exponent.unsigned_abs() as usize;
        match self.digits().split_at_checked(self.len.saturating_sub(fraction_len)) {
            Some((whole, fraction)) if !whole.is_empty() => {
                text.push(whole);
                text.push(b".");
                text.push(fraction);
            }
            _ => {
                text.push(b"0.");
                text.push_zeros(fraction_len.saturating_sub(self.len));
                text.push(self.digits());
            }
        }
    }

    /// `1.23e+45`.
    fn lay_out_scientific(&self, scientific: i32, text: &mut DoubleText) {
        let (first, others) = self.digits().split_at(1);
        text.push(first);
        if !others.is_empty() {
            text.push(b".");
            text.push(others);
        }
        text.push(if scientific < 0 { b"e-" } else { b"e+" });
        text.push(itoa::Buffer::new().format(scientific.unsigned_abs()).as_bytes());
    }
}

#[cfg(test)]
mod tests;
