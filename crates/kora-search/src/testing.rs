//! What tests of several modules need.

/// Text of a recorded line: `\n`, `\t` and `\\` are escapes.
pub(crate) fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        plain.push(match character {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                other => other.expect("an escape has two characters"),
            },
            other => other,
        });
    }
    plain
}
