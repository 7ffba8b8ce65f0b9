//! Numbers as C has them: `printf("%.14g")`, `strtod`, and casts to integers.

/// The cast of C on x86-64: what does not fit becomes the least integer.
pub(super) fn to_i64(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&number) {
        #[expect(clippy::cast_possible_truncation, reason = "the range was checked; the fraction is to go")]
        return number as i64;
    }
    i64::MIN
}

/// `luaL_checkint`: the low 32 bits of the 64-bit integer.
pub(super) fn to_i32(number: f64) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "C keeps the low bits")]
    return to_i64(number) as i32;
}

/// The nearest double.
pub(super) fn from_integer(number: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "Lua has doubles only")]
    return number as f64;
}

/// A number as `tostring` writes it.
pub(super) fn to_text(number: f64) -> Vec<u8> {
    let mut text = Vec::new();
    write_general(&mut text, number, 14);
    text
}

/// Appends `number` as `printf("%.{precision}g")` writes it.
pub(super) fn write_general(out: &mut Vec<u8>, number: f64, precision: usize) {
    let precision = precision.max(1);
    if number.is_sign_negative() {
        out.push(b'-');
    }
    let number = number.abs();
    if number.is_nan() || number.is_infinite() {
        out.extend_from_slice(if number.is_nan() { b"nan" } else { b"inf" });
        return;
    }
    if number < 1e14 && number.fract() == 0.0 && precision >= 14 {
        return write_whole(out, number);
    }
    let scientific = format!("{number:.*e}", precision - 1);
    let (digits, exponent) = scientific.split_once('e').expect("Rust writes an exponent");
    let exponent: i32 = exponent.parse().expect("Rust writes a decimal exponent");
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_digit).collect();
    let kept = digits.iter().rposition(|&digit| digit != b'0').map_or(1, |last| last + 1);
    let digits = digits.get(..kept).unwrap_or_default();
    if exponent < -4 || usize::try_from(exponent).is_ok_and(|exponent| exponent >= precision) {
        write_scientific(out, digits, exponent);
    } else {
        write_plain(out, digits, exponent);
    }
}

fn write_whole(out: &mut Vec<u8>, number: f64) {
    out.extend_from_slice(to_i64(number).to_string().as_bytes());
}

fn write_scientific(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let (first, rest) = digits.split_first().expect("at least one digit is kept");
    out.push(*first);
    if !rest.is_empty() {
        out.push(b'.');
        out.extend_from_slice(rest);
    }
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    out.extend_from_slice(format!("{:02}", exponent.unsigned_abs()).as_bytes());
}

/// `exponent` is that of the first digit and at least -4.
fn write_plain(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let Ok(exponent) = usize::try_from(exponent) else {
        out.extend_from_slice(b"0.");
        let zeros = usize::try_from(-1 - exponent).unwrap_or(0);
        out.resize(out.len() + zeros, b'0');
        out.extend_from_slice(digits);
        return;
    };
    let whole = exponent + 1;
    let (before, after) = digits.split_at(whole.min(digits.len()));
    out.extend_from_slice(before);
    out.resize(out.len() + whole - before.len(), b'0');
    if !after.is_empty() {
        out.push(b'.');
        out.extend_from_slice(after);
    }
}

/// `lua_str2number`: the whole text is a number, white space around it aside.
pub(super) fn parse(text: &[u8]) -> Option<f64> {
    let text = text.trim_ascii();
    let (number, length) = prefix(text)?;
    (length == text.len()).then_some(number)
}

/// `strtod` without the leading white space: the number that `text` begins with, and its length.
pub(super) fn prefix(text: &[u8]) -> Option<(f64, usize)> {
    let (negative, signed) = match text.first() {
        Some(b'-') => (true, 1),
        Some(b'+') => (false, 1),
        _ => (false, 0),
    };
    let rest = text.get(signed..)?;
    let (number, length) = hexadecimal(rest).or_else(|| decimal(rest)).or_else(|| word(rest))?;
    Some((if negative { -number } else { number }, signed + length))
}

fn word(text: &[u8]) -> Option<(f64, usize)> {
    let starts = |word: &[u8]| text.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
    if starts(b"infinity") {
        return Some((f64::INFINITY, 8));
    } else if starts(b"inf") {
        return Some((f64::INFINITY, 3));
    } else if !starts(b"nan") {
        return None;
    }
    // "nan(...)" may carry a payload of letters, digits and underscores.
    let payload = text.get(3..).unwrap_or_default();
    let end = payload.iter().skip(1).position(|&byte| !byte.is_ascii_alphanumeric() && byte != b'_');
    match end {
        Some(end) if payload.first() == Some(&b'(') && payload.get(end + 1) == Some(&b')') => {
            Some((f64::NAN, 3 + end + 2))
        }
        _ => Some((f64::NAN, 3)),
    }
}

fn digits(text: &[u8], is_digit: impl Fn(&u8) -> bool) -> usize {
    text.iter().position(|byte| !is_digit(byte)).unwrap_or(text.len())
}

fn decimal(text: &[u8]) -> Option<(f64, usize)> {
    let whole = digits(text, u8::is_ascii_digit);
    let mut length = whole;
    let mut fraction = 0;
    if text.get(length) == Some(&b'.') {
        fraction = digits(text.get(length + 1..).unwrap_or_default(), u8::is_ascii_digit);
        length += 1 + fraction;
    }
    if whole + fraction == 0 {
        return None;
    }
    length += exponent(text.get(length..).unwrap_or_default(), b'e').map_or(0, |(_, length)| length);
    let text = std::str::from_utf8(text.get(..length)?).ok()?;
    Some((text.parse().ok()?, length))
}

/// The exponent that `text` begins with and its length; one too large to matter is cut.
fn exponent(text: &[u8], mark: u8) -> Option<(i32, usize)> {
    if !text.first()?.eq_ignore_ascii_case(&mark) {
        return None;
    }
    let sign = usize::from(matches!(text.get(1), Some(b'+' | b'-')));
    let count = digits(text.get(1 + sign..)?, u8::is_ascii_digit);
    if count == 0 {
        return None;
    }
    let value = text
        .get(1 + sign..1 + sign + count)?
        .iter()
        .fold(0_i32, |value, digit| value.saturating_mul(10).saturating_add(i32::from(digit - b'0')));
    Some((if text.get(1) == Some(&b'-') { -value } else { value }, 1 + sign + count))
}

fn hexadecimal(text: &[u8]) -> Option<(f64, usize)> {
    if text.first() != Some(&b'0') || !text.get(1)?.eq_ignore_ascii_case(&b'x') {
        return None;
    }
    // 64 bits of mantissa and one that says whether anything was lost are enough to round to 53.
    let (mut mantissa, mut shift, mut lost, mut any, mut point) = (0_u64, 0_i32, false, false, false);
    let mut length = 2;
    for &byte in text.get(2..)? {
        match char::from(byte).to_digit(16) {
            None if byte == b'.' && !point => point = true,
            None => break,
            Some(digit) => {
                any = true;
                if mantissa >> 60 == 0 {
                    mantissa = mantissa << 4 | u64::from(digit);
                    shift -= if point { 4 } else { 0 };
                } else {
                    lost |= digit != 0;
                    shift = shift.saturating_add(if point { 0 } else { 4 });
                }
            }
        }
        length += 1;
    }
    if !any {
        return Some((0.0, 1));
    }
    if let Some((power, used)) = exponent(text.get(length..).unwrap_or_default(), b'p') {
        length += used;
        shift = shift.saturating_add(power);
    }
    Some((scale(mantissa | u64::from(lost), shift), length))
}

/// `mantissa * 2^shift`, in steps that stay inside the range of doubles for as long as the result does.
fn scale(mantissa: u64, shift: i32) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "the cast rounds to nearest, which is wanted")]
    let mut number = mantissa as f64;
    let mut left = shift.clamp(-2200, 2200);
    while left != 0 {
        let step = left.clamp(-1000, 1000);
        number *= 2_f64.powi(step);
        left -= step;
    }
    number
}
