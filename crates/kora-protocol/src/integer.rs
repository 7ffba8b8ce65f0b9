//! Strict decimal integers, as headers of the protocol hold them: what Redis would print, and nothing else. No plus
//! sign, no leading zero, no blank, no `-0`.

/// The integer that `text` spells, if Redis would spell it so.
pub(crate) fn parse_i64(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    match digits {
        [b'0'] if !negative => return Some(0),
        [b'1'..=b'9', ..] => {}
        _ => return None,
    }
    let mut magnitude = 0_u64;
    for digit in digits {
        let value = digit.checked_sub(b'0').filter(|value| *value < 10)?;
        magnitude = magnitude.checked_mul(10)?.checked_add(u64::from(value))?;
    }
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

#[cfg(test)]
mod tests {
    use super::parse_i64;

    #[test]
    fn accepts_exactly_the_canonical_spelling() {
        for value in [0, 1, 9, 10, -1, -10, 99, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1] {
            assert_eq!(parse_i64(value.to_string().as_bytes()), Some(value));
        }
    }

    #[test]
    fn refuses_everything_else() {
        let refused =
            ["", "-", "-0", "00", "01", "-01", "+1", " 1", "1 ", "1\0", "a", "9223372036854775808", "1e3"];
        for text in refused.into_iter().chain(["-9223372036854775809", "99999999999999999999", "1.0", "--1"])
        {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
        }
    }
}
