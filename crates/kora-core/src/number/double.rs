//! Double-precision numbers in text.
//!
//! Reading: all that C's `strtod` takes, as far as Redis does; the nearest number, ties to even.
//!
//! Writing: whole numbers in full as far as Redis converts them to integers, all others in the shortest digits that
//! read back as the same number, laid out as Redis lays them out (its choice between plain and scientific notation
//! is the one of the fpconv library). The way in which Redis looks for the digits misses the shortest ones for a few
//! numbers in a thousand and finds neighbours that read back as the same number; what goes to clients byte for byte is
//! the protocol's to encode, and here the shortest stand.

use rustc_apfloat::ieee::Double;
use rustc_apfloat::{Float, Round};

use super::literal::{Literal, Magnitude};

/// Whole numbers up to this magnitude are written as integers: half the range of a 64-bit integer.
const INTEGER_MAX: f64 = (1u64 << 62) as f64;

/// Numbers of at most this many bytes, written without an exponent, are neither infinite nor rounded to zero.
const PLAIN_BYTES_MAX: usize = 32;

/// Reads the whole of `text`: decimal or hexadecimal, with or without point and exponent, or an infinity.
///
/// `None` if it is none of these, or if a finite number would have to become infinite or a number other than zero
/// would become zero.
#[inline]
#[must_use]
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    if let Some(value) = parse_plain(text) {
        return Some(value);
    }
    let literal = Literal::read(text)?;
    let value = nearest(&literal)?;
    let is_finite = literal.magnitude != Magnitude::Infinite;
    let is_out_of_range = value.is_infinite() || (value == 0.0 && !literal.magnitude.is_zero());
    (!is_finite || !is_out_of_range).then_some(value)
}

/// Reads the whole of `text` as [`parse_f64`] does, but what is out of range becomes infinite or zero.
#[must_use]
pub fn parse_f64_clamped(text: &[u8]) -> Option<f64> {
    nearest(&Literal::read(text)?)
}

/// Digits with a sign and a point: the way most numbers are written, and too few of them to leave the range.
#[inline]
fn parse_plain(text: &[u8]) -> Option<f64> {
    let is_plain = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    if text.len() > PLAIN_BYTES_MAX || !text.iter().all(is_plain) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn nearest(literal: &Literal<'_>) -> Option<f64> {
    let magnitude = literal.magnitude;
    let value = match magnitude {
        Magnitude::Infinite => f64::INFINITY,
        Magnitude::Finite { is_hexadecimal: true, .. } => {
            let read = Double::from_str_r(&magnitude.to_text(), Round::NearestTiesToEven).ok()?;
            f64::from_bits(u64::try_from(read.value.to_bits()).expect("a double has 64 bits"))
        }
        Magnitude::Finite { is_hexadecimal: false, .. } => magnitude.to_text().parse().ok()?,
    };
    Some(if literal.is_negative { -value } else { value })
}

/// `value` in its shortest digits, laid out as in a Redis reply: `3`, `1.5`, `1e+30`, `inf`, `-inf`, `nan`.
#[must_use]
pub fn format_f64(value: f64) -> String {
    if value != 0.0 && value.abs() <= INTEGER_MAX && value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    format_shortest(value)
}

/// The same for a whole number too, which may be laid out with an exponent then: `1e+17`.
#[must_use]
pub fn format_shortest(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0".into() } else { "0".into() };
    }
    let (digits, point) = shortest_digits(value.abs());
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", lay_out(&digits, point))
}

/// `value` in 17 significant digits, less the zeros at their end, laid out as C's `%.17g` does.
#[must_use]
pub fn format_17_digits(value: f64) -> String {
    if !value.is_finite() {
        return format_f64(value);
    }
    let scientific = format!("{value:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("`{:e}` writes an exponent");
    let exponent: i32 = exponent.parse().expect("`{:e}` writes a decimal exponent");
    let trimmed = |text: &str| text.trim_end_matches('0').trim_end_matches('.').to_owned();
    if (-4..17).contains(&exponent) {
        let decimals = usize::try_from(16 - exponent).expect("the exponent is at most 16");
        let plain = format!("{value:.decimals$}");
        return if decimals == 0 { plain } else { trimmed(&plain) };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
}

/// The shortest decimal digits of `value` and the number of them that stand before the decimal point, which may be
/// negative or beyond the last.
fn shortest_digits(value: f64) -> (String, i32) {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("`{:e}` writes an exponent");
    let digits = mantissa.replace('.', "");
    let exponent: i32 = exponent.parse().expect("`{:e}` writes a decimal exponent");
    (digits, exponent + 1)
}

fn lay_out(digits: &str, point: i32) -> String {
    let count = i32::try_from(digits.len()).expect("a double has at most 17 digits");
    // The power of ten of the last digit, and of the first.
    let (last, first) = (point - count, point - 1);
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    if last >= 0 && first.abs() < count + 7 {
        return format!("{digits}{}", zeros(last));
    }
    if last < 0 && (last > -7 || first.abs() < 4) {
        return match usize::try_from(point) {
            Ok(before) if before > 0 => format!("{}.{}", &digits[..before], &digits[before..]),
            _ => format!("0.{}{digits}", zeros(-point)),
        };
    }
    let (head, tail) = digits.split_at(1);
    let dot = if tail.is_empty() { "" } else { "." };
    let sign = if first < 0 { '-' } else { '+' };
    format!("{head}{dot}{tail}e{sign}{}", first.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_read_as_strtod_does() {
        for (text, value) in [
            ("0", 0.0),
            ("-0", -0.0),
            ("+1", 1.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("+.5e-1", 0.05),
            ("1E+5", 1e5),
            ("0.00e-500", 0.0),
            ("0x10", 16.0),
            ("-0X1P-2", -0.25),
            ("0x1.8", 1.5),
            ("4e-324", 5e-324),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("1.7976931348623157e308", f64::MAX),
        ] {
            assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Some(value.to_bits()), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_double_is_refused() {
        for text in [
            "",
            " 1",
            "1 ",
            "nan",
            "nan(1)",
            "1e",
            "e1",
            ".",
            "0x",
            "0x.",
            "0x1p",
            "--1",
            "+-1",
            "1_000",
            "1d",
            "1e400",
            "-1e400",
            "1e-400",
            "1e-324",
            "0x1p5000",
            "0x1p-5000",
            "1e99999999999999999999",
            "infi",
            "1.2.3",
            "0b1",
        ] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_f64(b"1\0"), None);
        assert_eq!(parse_f64(b"\xff"), None);
    }

    #[test]
    fn what_is_out_of_range_is_clamped_where_asked_for() {
        for (text, value) in
            [("1e400", f64::INFINITY), ("-1e400", f64::NEG_INFINITY), ("1e-400", 0.0), ("2", 2.0)]
        {
            assert_eq!(parse_f64_clamped(text.as_bytes()), Some(value), "{text:?}");
        }
        assert_eq!(parse_f64_clamped(b"1e"), None);
        assert_eq!(parse_f64_clamped(b""), None);
    }

    #[test]
    fn seventeen_digits_are_laid_out_as_c_does() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (0.1, "0.10000000000000001"),
            (-1.5, "-1.5"),
            (1e16, "10000000000000000"),
            (12_345_678_901_234_567.0, "12345678901234568"),
            (1e17, "1e+17"),
            (1.5e300, "1.5000000000000001e+300"),
            (0.0001, "0.0001"),
            (0.000_01, "1.0000000000000001e-05"),
            (1e-300, "1e-300"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(format_17_digits(value), text, "{value:?}");
        }
    }

    #[test]
    fn doubles_are_laid_out_as_redis_does() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (1e7, "10000000"),
            (1e17, "100000000000000000"),
            (1_152_921_504_606_846_976.0, "1152921504606846976"),
            (4_611_686_018_427_388_904.0, "4611686018427389000"),
            (1e19, "1e+19"),
            (0.000_001, "0.000001"),
            (1.25e-5, "1.25e-5"),
            (1e-7, "1e-7"),
            (1e30, "1e+30"),
            (123_456_789.125, "123456789.125"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(format_f64(value), text, "{value:?}");
        }
    }
}
