//! Numbers as C reads and prints them, which the commands of RediSearch rely on.

/// The number that a text begins with, and how many bytes it takes: decimal or hexadecimal, `inf` or `nan`, with blanks before it;
/// (0, 0) if it begins with none.
#[must_use]
pub fn leading_number(text: &str) -> (f64, usize) {
    let blank = text.len() - text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']).len();
    let bytes = &text.as_bytes()[blank..];
    let is_negative = bytes.first() == Some(&b'-');
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let body = &bytes[sign..];
    let (value, length) = unsigned_number(body);
    if length == 0 {
        return (0.0, 0);
    }
    (if is_negative { -value } else { value }, blank + sign + length)
}

fn unsigned_number(body: &[u8]) -> (f64, usize) {
    let starts =
        |word: &str| body.len() >= word.len() && body[..word.len()].eq_ignore_ascii_case(word.as_bytes());
    if starts("infinity") {
        return (f64::INFINITY, 8);
    }
    if starts("inf") {
        return (f64::INFINITY, 3);
    }
    if starts("nan") {
        return (f64::NAN, 3);
    }
    if starts("0x") && body.get(2).is_some_and(u8::is_ascii_hexdigit) {
        return hexadecimal(body);
    }
    decimal(body)
}

/// Whole numbers only: no fraction, no power.
fn hexadecimal(body: &[u8]) -> (f64, usize) {
    let digits = body[2..].iter().take_while(|byte| byte.is_ascii_hexdigit());
    let value = digits.clone().fold(0.0, |value, &byte| {
        value * 16.0 + f64::from(char::from(byte).to_digit(16).expect("a hexadecimal digit"))
    });
    (value, 2 + digits.count())
}

fn decimal(body: &[u8]) -> (f64, usize) {
    let digits = |from: usize| from + body[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(0);
    let mut end = whole;
    if body.get(end) == Some(&b'.') && (whole > 0 || digits(1) > 1) {
        end = digits(end + 1);
    }
    if end == 0 {
        return (0.0, 0);
    }
    if matches!(body.get(end), Some(b'e' | b'E')) {
        let signed = end + 1 + usize::from(matches!(body.get(end + 1), Some(b'+' | b'-')));
        if digits(signed) > signed {
            end = digits(signed);
        }
    }
    let text = std::str::from_utf8(&body[..end]).expect("digits are ASCII");
    (text.parse().expect("it is a number by the check above"), end)
}

/// The number that a text is, as [`leading_number`] reads it, up to its end.
#[must_use]
pub fn whole_number(text: &str) -> Option<f64> {
    let (value, length) = leading_number(text);
    (length > 0 && length == text.len()).then_some(value)
}

/// `%.*g`: so many significant digits at most, zeros at the end left out.
#[must_use]
pub fn general(value: f64, digits: usize) -> String {
    if !value.is_finite() {
        return fixed(value, 0);
    }
    if value == 0.0 {
        return if value.is_sign_negative() { "-0".to_owned() } else { "0".to_owned() };
    }
    let scientific = format!("{:.*e}", digits.saturating_sub(1), value);
    let (mantissa, exponent) = scientific.split_once('e').expect("it is printed with an exponent");
    let exponent: i32 = exponent.parse().expect("exponents are whole numbers");
    let digit_count = i32::try_from(digits).unwrap_or(i32::MAX);
    if exponent < -4 || exponent >= digit_count {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.abs());
    }
    let decimals = usize::try_from(digit_count - 1 - exponent).unwrap_or(0);
    without_zeros(&format!("{value:.decimals$}")).to_owned()
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// `%.*f`.
#[must_use]
pub fn fixed(value: f64, decimals: usize) -> String {
    if value.is_nan() {
        return if value.is_sign_negative() { "-nan".to_owned() } else { "nan".to_owned() };
    }
    if value.is_infinite() {
        return if value < 0.0 { "-inf".to_owned() } else { "inf".to_owned() };
    }
    format!("{value:.decimals$}")
}

/// A number as RediSearch prints values: a whole one of 64 bits with all its digits, any other with twelve significant ones.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "it is looked whether it is the same number")]
pub fn display(value: f64) -> String {
    let range = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;
    if range.contains(&value) && value.fract() == 0.0 {
        return (value as i64).to_string();
    }
    general(value, 12)
}
