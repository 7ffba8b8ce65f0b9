//! Doubles as text, as Redis prints them in replies.
//!
//! Redis prints a whole number of up to 2^62 as an integer, and anything else with the digits that Grisu2 finds, laid
//! out by the rules of the `fpconv` library. So does this module, digit by digit. Replies have it, and so have the scores of packed
//! sorted sets and what digests are taken of.

mod grisu;

use std::ops::Deref;

use grisu::Decimal;

/// Longest text in bytes: a sign, 17 digits and 7 zeros make 25.
const TEXT_BYTES_MAX: usize = 32;

/// Whole numbers of at most this magnitude are printed as integers: the range in which Redis casts without a check.
const INTEGER_MAGNITUDE_MAX: f64 = 4_611_686_018_427_387_904.0;

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
    match as_integer(value) {
        Some(whole) => {
            let mut text = DoubleText::new();
            text.push(itoa::Buffer::new().format(whole).as_bytes());
            text
        }
        None => encode_digits(value),
    }
}

/// What `fpconv` alone makes of `value`: a whole number, too, may have an exponent.
#[must_use]
pub fn encode_digits(value: f64) -> DoubleText {
    let mut text = DoubleText::new();
    if value.is_nan() {
        text.push(b"nan");
    } else if value.is_infinite() {
        text.push(if value > 0.0 { b"inf" } else { b"-inf" });
    } else if value == 0.0 {
        text.push(if value.is_sign_negative() { b"-0" } else { b"0" });
    } else {
        if value < 0.0 {
            text.push(b"-");
        }
        let decimal = Decimal::of(value.abs());
        decimal.lay_out(&mut text);
    }
    text
}

/// `value` as an integer, if it is whole and in the range that Redis prints so; zero is not, since it may have a sign.
fn as_integer(value: f64) -> Option<i64> {
    if value == 0.0 || value.abs() > INTEGER_MAGNITUDE_MAX || value.fract() != 0.0 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within +-2^62")]
    Some(value as i64)
}

impl Decimal {
    /// Writes the number as `fpconv` does: plainly if it is not much longer so, else in scientific notation.
    fn lay_out(&self, text: &mut DoubleText) {
        let len = i32::try_from(self.digits().len()).expect("a few digits");
        let scientific = self.exponent.saturating_add(len).saturating_sub(1);
        let magnitude = scientific.unsigned_abs() as usize;
        if self.exponent >= 0 && magnitude < self.digits().len().saturating_add(7) {
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
        match self.digits().split_at_checked(self.digits().len().saturating_sub(fraction_len)) {
            Some((whole, fraction)) if !whole.is_empty() => {
                text.push(whole);
                text.push(b".");
                text.push(fraction);
            }
            _ => {
                text.push(b"0.");
                text.push_zeros(fraction_len.saturating_sub(self.digits().len()));
                text.push(self.digits());
            }
        }
    }

    /// `1.23e+45`.
    fn lay_out_scientific(&self, scientific: i32, text: &mut DoubleText) {
        let (first, others) = self.digits().split_at(1.min(self.digits().len()));
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
