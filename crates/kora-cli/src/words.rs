//! A line as it is being typed: words with their places, quotes perhaps still open.
//!
//! [`kora_protocol::split_line`] is what decides about finished lines; this is for hints, completion and colours, and
//! for telling which words are secrets.

use std::ops::Range;

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word<'a> {
    /// Where it is, quotes included.
    pub(crate) range: Range<usize>,
    /// The word as typed, without the quotes around it.
    pub(crate) text: &'a str,
}

/// The words of `line`.
pub(crate) fn words(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut chars = line.char_indices().peekable();
    while let Some((start, first)) = chars.next() {
        if first.is_whitespace() {
            continue;
        }
        let mut quote = matches!(first, '"' | '\'').then_some(first);
        let mut escaped = false;
        let mut end = start + first.len_utf8();
        while let Some(&(at, next)) = chars.peek() {
            if quote.is_none() && next.is_whitespace() {
                break;
            }
            match quote {
                Some(_) if escaped => escaped = false,
                Some(_) if next == '\\' => escaped = true,
                Some(open) if next == open => quote = None,
                None if matches!(next, '"' | '\'') => quote = Some(next),
                _ => {}
            }
            end = at + next.len_utf8();
            chars.next();
        }
        let typed = line.get(start..end).expect("both ends are ends of characters");
        words.push(Word { range: start..end, text: unquoted(typed) });
    }
    words
}

/// `word` without the pair of quotes around it, or the one that opens it.
fn unquoted(word: &str) -> &str {
    ['"', '\'']
        .into_iter()
        .find_map(|quote| word.strip_prefix(quote).map(|rest| rest.strip_suffix(quote).unwrap_or(rest)))
        .unwrap_or(word)
}

/// How many of the first words only say how often to run the command: 0 or 1.
pub(crate) fn repeat_prefix(words: &[Word<'_>]) -> usize {
    match words {
        [first, _, ..] if first.text.parse::<u64>().is_ok() => 1,
        _ => 0,
    }
}

/// The places of the words that nobody should read: passwords.
///
/// They are everything after `AUTH`, wherever a command takes that word, after `ACL SETUSER name`, the value of a
/// parameter of `CONFIG SET` whose name ends with `auth` or `pass`, and a URI with a user that `:dsn` names.
pub(crate) fn secrets(line: &str) -> Vec<Range<usize>> {
    let words = words(line);
    let words = words.get(repeat_prefix(&words)..).unwrap_or_default();
    let is = |index: usize, name: &str| {
        words.get(index).is_some_and(|word: &Word<'_>| word.text.eq_ignore_ascii_case(name))
    };
    let ranges = |words: &[Word<'_>]| words.iter().map(|word| word.range.clone()).collect();
    if is(0, "auth") {
        return ranges(words.get(1..).unwrap_or_default());
    }
    if is(0, "hello") || is(0, "migrate") {
        let auth = words.iter().skip(2).position(|word| {
            word.text.eq_ignore_ascii_case("auth") || word.text.eq_ignore_ascii_case("auth2")
        });
        return auth.map_or_else(Vec::new, |at| ranges(words.get(at + 3..).unwrap_or_default()));
    }
    if is(0, ":dsn") {
        return ranges(words.get(2..).unwrap_or_default())
            .into_iter()
            .filter(|at: &Range<usize>| line[at.clone()].contains('@'))
            .collect();
    }
    if is(0, "acl") && is(1, "setuser") {
        return ranges(words.get(3..).unwrap_or_default());
    }
    if is(0, "config") && is(1, "set") {
        let pairs = words.get(2..).unwrap_or_default().chunks(2);
        return pairs
            .filter_map(|pair| match pair {
                [name, value] if is_secret_parameter(name.text) => Some(value.range.clone()),
                _ => None,
            })
            .collect();
    }
    Vec::new()
}

fn is_secret_parameter(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("pass") || name.ends_with("auth")
}

#[cfg(test)]
mod tests {
    use super::{secrets, words};

    fn texts(line: &str) -> Vec<&str> {
        words(line).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_found_while_quotes_are_open() {
        assert_eq!(texts(r#" set "a b"  'c d"#), ["set", "a b", "c d"]);
        assert_eq!(texts(r#"set "a\" b" é"#), ["set", r#"a\" b"#, "é"]);
        assert_eq!(texts("   "), Vec::<&str>::new());
        assert_eq!(words("a bc")[1].range, 2..4);
    }

    #[test]
    fn passwords_are_found() {
        let found = |line: &'static str| -> Vec<&str> {
            secrets(line).into_iter().map(|range| &line[range]).collect()
        };
        assert_eq!(found("AUTH u pw"), ["u", "pw"]);
        assert_eq!(found("2 auth \"p w\""), ["\"p w\""]);
        assert_eq!(found("HELLO 3 SETNAME auth AUTH u pw"), ["AUTH", "u", "pw"]);
        assert_eq!(found("HELLO 3 AUTH u pw"), ["u", "pw"]);
        assert_eq!(found("config set maxmemory 1 requirepass pw"), ["pw"]);
        assert_eq!(found("CONFIG SET masterauth pw"), ["pw"]);
        assert_eq!(found("acl setuser joe on >pw"), ["on", ">pw"]);
        assert_eq!(found("migrate h 1 k 0 1 AUTH2 u pw"), ["u", "pw"]);
        assert_eq!(found(":dsn a redis://u:pw@h"), ["redis://u:pw@h"]);
        for harmless in
            [":dsn a redis://h", "get auth", "set requirepass x", "config get requirepass", "acl list"]
        {
            assert_eq!(found(harmless), Vec::<&str>::new(), "{harmless}");
        }
    }
}
