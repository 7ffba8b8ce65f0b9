//! Where a reply ends among bytes that go on arriving, and whether it is one at all.
//!
//! Own code for the same reason as [`crate::frame`], which wants all bytes at once.

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 64;

/// Longest line.
const LINE_BYTES_MAX: usize = 1 << 20;

/// What is found at the beginning of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A reply of so many bytes.
    Whole(usize),
    /// The beginning of one.
    Part,
    /// Nothing that is one.
    Malformed(&'static str),
}

/// Looks at the beginning of `bytes`.
pub(super) fn find(bytes: &[u8]) -> Found {
    match end(bytes, 0, 0) {
        Ok(end) => Found::Whole(end),
        Err(found) => found,
    }
}

/// Where the reply ends that begins at `at`.
fn end(bytes: &[u8], at: usize, depth: usize) -> Result<usize, Found> {
    if depth > DEPTH_MAX {
        return Err(Found::Malformed("nested too deeply"));
    }
    let rest = bytes.get(at..).filter(|rest| !rest.is_empty()).ok_or(Found::Part)?;
    let Some(line_end) = rest.iter().take(LINE_BYTES_MAX).position(|byte| *byte == b'\n') else {
        let is_short = rest.len() < LINE_BYTES_MAX;
        return Err(if is_short { Found::Part } else { Found::Malformed("an endless line") });
    };
    let line = rest[..line_end].strip_suffix(b"\r").ok_or(Found::Malformed("a line without CR"))?;
    let (kind, text) = line.split_first().ok_or(Found::Malformed("an empty line"))?;
    if text.contains(&b'\r') {
        return Err(Found::Malformed("CR within a line"));
    }
    let next = at + line_end + 1;
    match kind {
        b'+' | b'-' | b',' | b'(' => Ok(next),
        b':' => number(text).map(|_| next),
        b'#' if matches!(text, b"t" | b"f") => Ok(next),
        b'_' if text.is_empty() => Ok(next),
        b'$' | b'*' if text == b"-1" => Ok(next),
        b'$' | b'=' | b'!' => blob(bytes, next, number(text)?),
        b'*' | b'~' | b'>' => many(bytes, next, number(text)?, depth),
        b'%' => many(bytes, next, number(text)?.saturating_mul(2), depth),
        b'|' => many(bytes, next, number(text)?.saturating_mul(2).saturating_add(1), depth),
        _ => Err(Found::Malformed("an unknown type byte")),
    }
}

fn number(text: &[u8]) -> Result<i64, Found> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    number.ok_or(Found::Malformed("no number"))
}

fn blob(bytes: &[u8], at: usize, len: i64) -> Result<usize, Found> {
    let len = usize::try_from(len).map_err(|_| Found::Malformed("a negative length"))?;
    let end = bytes.get(at + len..at + len + 2).ok_or(Found::Part)?;
    if end == b"\r\n" { Ok(at + len + 2) } else { Err(Found::Malformed("a string without its end")) }
}

fn many(bytes: &[u8], at: usize, count: i64, depth: usize) -> Result<usize, Found> {
    if count < 0 {
        return Err(Found::Malformed("a negative count"));
    }
    (0..count).try_fold(at, |at, _| end(bytes, at, depth + 1))
}

#[cfg(test)]
mod tests {
    use super::{Found, find};

    #[test]
    fn replies_end_where_they_end() {
        for whole in
            ["+OK\r\n", "$3\r\na\r\n\r\n", "*2\r\n:1\r\n*-1\r\n", "%1\r\n+a\r\n#t\r\n", ">1\r\n$0\r\n\r\n"]
        {
            assert_eq!(find(format!("{whole}+more\r\n").as_bytes()), Found::Whole(whole.len()), "{whole:?}");
            for cut in 0..whole.len() {
                assert_eq!(find(&whole.as_bytes()[..cut]), Found::Part, "{whole:?} to {cut}");
            }
        }
        for wrong in ["OK\r\n", "+OK\n", "$1\r\nabc", ":x\r\n", "*-2\r\n", "#x\r\n", "\r\n"] {
            assert!(matches!(find(wrong.as_bytes()), Found::Malformed(_)), "{wrong:?}");
        }
    }
}
