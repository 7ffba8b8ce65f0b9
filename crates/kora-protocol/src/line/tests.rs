//! Words of a line, against what Redis 8.0.2 makes of the same inline requests.

use super::{UnbalancedQuotes, split_line};

fn check(line: &str, expected: &[&[u8]]) {
    assert_eq!(
        split_line(line.as_bytes()).as_deref(),
        Ok(expected.iter().map(|word| word.to_vec()).collect::<Vec<_>>().as_slice())
    );
}

#[test]
fn blanks_separate_words() {
    check("", &[]);
    check(" \t\r\n\x0b\x0c", &[]);
    check("  set  k\tv\r\n", &[b"set", b"k", b"v"]);
    check("a\x0bb \x0cc", &[b"a\x0bb", b"c"]);
    check("a\0b", &[b"a\0b"]);
}

#[test]
fn double_quotes_take_escapes() {
    check(r#""a b" """#, &[b"a b", b""]);
    check(r#""\n\r\t\b\a\\\"\q""#, &[b"\n\r\t\x08\x07\\\"q"]);
    check(r#""\x00\xfF\xAb""#, &[b"\0\xff\xab"]);
    check(r#""\xzz\x1""#, &[b"xzzx1"]);
    check("\"a\rb\"", &[b"a\rb"]);
}

#[test]
fn single_quotes_take_one_escape() {
    check(r"'a b' ''", &[b"a b", b""]);
    check(r"'\'\n\\x'", &[br"'\n\\x"]);
    check("'\"'", &[b"\""]);
}

#[test]
fn a_quote_may_open_inside_a_word_and_ends_it() {
    check(r#"a"b c" d'e f'"#, &[b"ab c", b"de f"]);
    check("'a'\x0bb", &[b"a", b"b"]);
}

#[test]
fn unbalanced_quotes_are_refused() {
    for line in ["\"", "'", "\"a", "'a", "\"a\\\"", "'a\\'", "\"a\"b", "'a'b", "a\"b\"'c'", "\"\\"] {
        assert_eq!(split_line(line.as_bytes()), Err(UnbalancedQuotes), "{line}");
    }
}
