//! Numbers as expressions and attributes have them: as C reads them, in no more than 255 bytes.

/// Bytes of a number at most.
const BYTES_MAX: usize = 255;

/// Digits of a number that is read without further ado.
const SHORT_MAX: usize = 9;

/// The number that a text begins with, if it is of few digits and nothing else, and how many bytes they are.
#[inline]
pub(super) fn short(text: &[u8]) -> Option<(f64, usize)> {
    let mut value = 0_u32;
    let mut length = 0;
    while let Some(digit @ b'0'..=b'9') = text.get(length) {
        if length == SHORT_MAX {
            return None;
        }
        value = value * 10 + u32::from(digit - b'0');
        length += 1;
    }
    let is_whole = length > 0 && !text.get(length).is_some_and(|byte| super::json::is_of_number(*byte));
    is_whole.then_some((f64::from(value), length))
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
