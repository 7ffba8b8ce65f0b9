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

/// Reads the whole of `text`: decimal or hexadecimal, with or without point and exponent, or an infinity.
///
/// `None` if it is none of these, or if a finite number would have to become infinite or a number other than zero
/// would become zero.
#[must_use]
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let Literal { is_negative, magnitude } = Literal::read(text)?;
    let value = match magnitude {
        Magnitude::Infinite => f64::INFINITY,
        Magnitude::Finite { is_hexadecimal, .. } => {
            let value = if is_hexadecimal {
                let read = Double::from_str_r(&magnitude.to_text(), Round::NearestTiesToEven).ok()?;
                f64::from_bits(u64::try_from(read.value.to_bits()).expect("a double has 64 bits"))
            } else {
                magnitude.to_text().parse().ok()?
            };
            if value.is_infinite() || (value == 0.0 && !magnitude.is_zero()) {
                return None;
            }
            value
        }
    };
    Some(if is_negative { -value } else { value })
}

/// `value` in its shortest digits, laid out as in a Redis reply: `3`, `1.5`, `1e+30`, `inf`, `-inf`, `nan`.
#[must_use]
pub fn format_f64(value: f64) -> String {
    if value.is_nan() {
        return "nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0".into() } else { "0".into() };
    }
    if value.abs() <= INTEGER_MAX && value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    let (digits, point) = shortest_digits(value.abs());
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{}", lay_out(&digits, point))
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
