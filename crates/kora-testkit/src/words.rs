//! Splits a line into words as redis-cli does; see [`split_words`].

/// The words of a line: bare, in double quotes with `\n \r \t \b \a \xHH` and `\\`, or in single quotes with `\'`.
/// `None` when quotes do not close, or close in the middle of a word.
///
/// Own code for the same reason as [`crate::frame`]: what Kora splits is under test here.
#[must_use]
pub fn split_words(line: &str) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.as_bytes();
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Some(words);
        }
        let mut word = Vec::new();
        rest = read_word(rest, &mut word)?;
        words.push(word);
    }
}

fn read_word<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        match rest {
            [] => return Some(rest),
            [space, ..] if space.is_ascii_whitespace() => return Some(rest),
            [quote @ (b'"' | b'\''), tail @ ..] => {
                let tail = read_quoted(*quote, tail, word)?;
                let is_end = tail.first().is_none_or(u8::is_ascii_whitespace);
                return is_end.then_some(tail);
            }
            [byte, tail @ ..] => {
                word.push(*byte);
                rest = tail;
            }
        }
    }
}

fn read_quoted<'a>(quote: u8, mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let (byte, tail) = match rest {
            [end, tail @ ..] if *end == quote => return Some(tail),
            [b'\\', b'\'', tail @ ..] if quote == b'\'' => (b'\'', tail),
            [b'\\', b'x', high, low, tail @ ..] if quote == b'"' => (hex(*high)? * 16 + hex(*low)?, tail),
            [b'\\', escaped, tail @ ..] if quote == b'"' => (escape(*escaped), tail),
            [byte, tail @ ..] => (*byte, tail),
            [] => return None,
        };
        word.push(byte);
        rest = tail;
    }
}

fn escape(letter: u8) -> u8 {
    match letter {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::split_words;

    #[test]
    fn words_are_split_as_people_type_them() {
        let words = split_words(r#" SET "a b\x00\"" 'it\'s' bare "" "#).expect("the quotes are balanced");
        assert_eq!(words, [&b"SET"[..], b"a b\x00\"", b"it's", b"bare", b""]);
        assert_eq!(split_words(r#"a "b"#), None);
        assert_eq!(split_words(r#""a"b"#), None);
    }
}
