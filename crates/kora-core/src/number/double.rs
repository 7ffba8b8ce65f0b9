//! Double-precision numbers in text.
//!
//! Reading: all that C's `strtod` takes, as far as Redis does; the nearest number, ties to even.
//!
//! Writing: as C's `%.17g` does. What replies have and scores are stored as is [`encode_double`]'s.

use kora_format::double::encode_double;
use rustc_apfloat::ieee::Double;
use rustc_apfloat::{Float, Round};

use super::literal::{Literal, Magnitude};

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

/// `value` in 17 significant digits, less the zeros at their end, laid out as C's `%.17g` does.
#[must_use]
pub fn format_17_digits(value: f64) -> String {
    if !value.is_finite() {
        return encode_double(value).as_str().to_owned();
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
}
