//! The grammar of C's `strtod`, for the two precisions in which Redis reads numbers with it.
//!
//! Source: ISO C, "The strtod, strtof, and strtold functions". What Redis refuses of it is left out here: leading
//! space, anything behind the number, and not-a-number.

/// Exponents beyond this mean overflow or underflow whatever the digits are, as long as there are not more than
/// [`DIGITS_MAX`] of them.
const EXPONENT_MAX: i32 = 100_000;
/// More text than that is not read as a number.
const DIGITS_MAX: usize = 50_000;

/// A number as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Literal<'a> {
    pub(super) is_negative: bool,
    pub(super) magnitude: Magnitude<'a>,
}

/// A number without its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Magnitude<'a> {
    /// `inf` or `infinity`.
    Infinite,
    /// Digits with an optional point, times `base` to the power of `exponent`, where `base` is 10 for decimal and 2
    /// for hexadecimal digits.
    Finite { is_hexadecimal: bool, digits: &'a str, exponent: i32 },
}

impl<'a> Literal<'a> {
    /// Reads the whole of `text`.
    pub(super) fn read(text: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= DIGITS_MAX)?;
        let (is_negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        Magnitude::read(text).map(|magnitude| Self { is_negative, magnitude })
    }
}

impl<'a> Magnitude<'a> {
    fn read(text: &'a str) -> Option<Self> {
        if text.eq_ignore_ascii_case("inf") || text.eq_ignore_ascii_case("infinity") {
            return Some(Self::Infinite);
        }
        let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let is_hexadecimal = hexadecimal.is_some();
        let mark = if is_hexadecimal { ['p', 'P'] } else { ['e', 'E'] };
        let (digits, exponent) = match hexadecimal.unwrap_or(text).split_once(mark) {
            Some((digits, exponent)) => (digits, read_exponent(exponent)?),
            None => (hexadecimal.unwrap_or(text), 0),
        };
        let is_digit = |c: char| if is_hexadecimal { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
        let (before, after) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = before.len() + after.len() > 0 && before.chars().chain(after.chars()).all(is_digit);
        is_number.then_some(Self::Finite { is_hexadecimal, digits, exponent })
    }

    /// The text for parsers that want the exponent written and in range.
    pub(super) fn to_text(self) -> String {
        match self {
            Self::Infinite => "inf".into(),
            Self::Finite { is_hexadecimal: true, digits, exponent } => format!("0x{digits}p{exponent}"),
            Self::Finite { is_hexadecimal: false, digits, exponent } => format!("{digits}e{exponent}"),
        }
    }

    /// Whether it was written as zero, rather than being rounded to it.
    pub(super) fn is_zero(self) -> bool {
        matches!(self, Self::Finite { digits, .. } if digits.bytes().all(|byte| matches!(byte, b'0' | b'.')))
    }
}

/// An exponent, as near as [`EXPONENT_MAX`] allows.
fn read_exponent(text: &str) -> Option<i32> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() {
        return None;
    }
    let mut exponent = 0;
    for byte in digits.bytes() {
        let digit = char::from(byte).to_digit(10)?.cast_signed();
        exponent = (exponent * 10 + digit).min(EXPONENT_MAX);
    }
    Some(if is_negative { -exponent } else { exponent })
}
