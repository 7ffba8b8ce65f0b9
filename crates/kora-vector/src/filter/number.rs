//! Numbers as expressions and attributes have them: as C reads them, in no more than 255 bytes.

/// Bytes of a number at most.
const BYTES_MAX: usize = 255;

/// Digits of a number that is read without further ado: below 2^53 together.
const SHORT_MAX: u32 = 15;

/// Powers of ten that are exact.
const TENS: [f64; SHORT_MAX as usize + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The number that a text begins with, if it has few digits and no exponent, and how many bytes it takes. As digits and power of ten are exact, their quotient is
/// the nearest double (Clinger, 1990).
#[inline]
#[expect(clippy::cast_precision_loss, reason = "fifteen digits are exact")]
pub(super) fn short(text: &[u8]) -> Option<(f64, usize)> {
    let is_negative = text.first() == Some(&b'-');
    let (mut value, mut digits, mut behind_point) = (0_i64, 0_u32, None);
    let mut length = usize::from(is_negative);
    while let Some(byte) = text.get(length) {
        match byte {
            b'0'..=b'9' if digits < SHORT_MAX => {
                value = value * 10 + i64::from(byte - b'0');
                digits += 1;
                behind_point = behind_point.map(|count: usize| count + 1);
            }
            b'.' if behind_point.is_none() && digits > 0 => behind_point = Some(0),
            other if super::json::is_of_number(*other) => return None,
            _ => break,
        }
        length += 1;
    }
    let number = value as f64 / TENS[behind_point.unwrap_or(0)];
    (digits > 0).then_some((if is_negative { -number } else { number }, length))
}

/// Digits, points and letters in the first bytes of a text that may be one number, and its value if they are.
pub(super) fn leading(text: &[u8], mut is_of_number: impl FnMut(u8) -> bool) -> (&[u8], Option<f64>) {
    let most = &text[..text.len().min(BYTES_MAX)];
    let end = most.iter().position(|byte| !is_of_number(*byte)).unwrap_or(most.len());
    let number = &most[..end];
    (number, decimal(number))
}

/// A number without letters but for an exponent's; one that is too large is infinite.
fn decimal(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The number that a whole text is, if it is one.
pub(super) fn whole(text: &[u8]) -> Option<f64> {
    if text.len() > BYTES_MAX {
        return None;
    }
    let is_space = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let begin = text.iter().position(|byte| !is_space(byte))?;
    let text = &text[begin..];
    if is_no_number(text) { Some(f64::NAN) } else { kora_core::number::parse_f64_clamped(text) }
}

/// Whether a text is `nan` with a sign or without, and something in brackets or nothing.
fn is_no_number(text: &[u8]) -> bool {
    let ([b'+' | b'-', word @ ..] | word) = text;
    let Some((word, rest)) = word.split_at_checked(3) else { return false };
    let is_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    word.eq_ignore_ascii_case(b"nan")
        && match rest {
            [] => true,
            [b'(', inner @ .., b')'] => inner.iter().all(is_of_word),
            _ => false,
        }
}
