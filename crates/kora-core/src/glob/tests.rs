//! Examples recorded from redis-server 8.0.2, the same random patterns against a recursive model, and hostile ones.

use proptest::prelude::*;

use super::*;

/// Pattern, text, and whether Redis matches them.
const EXAMPLES: &[(&[u8], &[u8], bool)] = &[
    (b"", b"", true),
    (b"", b"a", false),
    (b"*", b"", false),
    (b"*", b"a", true),
    (b"**", b"a", true),
    (b"a?a", b"aaa", true),
    (b"a*a*a*a*a*a*b", b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
    (b"a*", b"a", true),
    (b"a**", b"a", true),
    (b"*a", b"a", true),
    (b"*a*", b"bab", true),
    (b"*?", b"a", true),
    (b"a*?", b"a", false),
    (b"h?llo", b"hello", true),
    (b"h?llo", b"hllo", false),
    (b"h*llo", b"heeeello", true),
    (b"h[ae]llo", b"hallo", true),
    (b"h[ae]llo", b"hillo", false),
    (b"h[^e]llo", b"hallo", true),
    (b"h[^e]llo", b"hello", false),
    (b"h[a-b]llo", b"hbllo", true),
    (b"h[b-a]llo", b"hbllo", true),
    (b"h[a-b]llo", b"hcllo", false),
    (b"\\*", b"*", true),
    (b"\\*", b"a", false),
    (b"\\", b"\\", true),
    (b"a\\", b"a\\", true),
    (b"\\a", b"a", true),
    (b"[", b"[", false),
    (b"[", b"a", false),
    (b"[^", b"a", true),
    (b"[^", b"aa", false),
    (b"[a", b"a", true),
    (b"[^a", b"b", true),
    (b"[a*", b"a", true),
    (b"[a*", b"*", true),
    (b"[a*", b"ab", false),
    (b"[]", b"]", false),
    (b"[]a]", b"]", false),
    (b"[^]", b"a", true),
    (b"[^]a]", b"ba]", true),
    (b"[a-]", b"-", false),
    (b"[a-]", b"a", true),
    (b"[a-]", b"^", true),
    (b"[a-]b", b"ab", false),
    (b"[-a]", b"-", true),
    (b"[a-", b"-", true),
    (b"[\\]]", b"]", true),
    (b"[\\", b"\\", true),
    (b"[a-\\]", b"b", false),
    (b"[a-\\]", b"]", true),
    (b"[a-\xff]", b"z", false),
    (b"[a-\xff]", b"A", true),
    (b"[a-\xff]", b"\xff", true),
    (b"[\x80-\xff]", b"\x90", true),
    (b"\xff*", b"\xff\x00", true),
    (b"a\x00*", b"a\x00b", true),
];

#[test]
fn examples() {
    for &(pattern, text, expected) in EXAMPLES {
        assert_eq!(matches(pattern, text), expected, "{} {}", pattern.escape_ascii(), text.escape_ascii());
    }
}

#[test]
fn case_is_ignored_on_request() {
    assert!(matches_ignore_case(b"MaxMem*", b"maxmemory"));
    assert!(matches_ignore_case(b"[A-C]x", b"bX"));
    assert!(matches_ignore_case(b"[X]", b"x"));
    assert!(!matches_ignore_case(b"[\\X]", b"x"));
    assert!(matches_ignore_case(b"\\X", b"x"));
    assert!(!matches(b"X", b"x"));
}

#[test]
fn stars_are_limited() {
    let pattern = |stars: usize| [b"*a".repeat(stars), b"*".to_vec()].concat();
    let text = b"a".repeat(3000);
    assert!(matches(&pattern(STARS_MAX), &text));
    assert!(!matches(&pattern(STARS_MAX + 1), &text));
}

#[test]
fn hostile_patterns_end_soon() {
    let text = b"a".repeat(100_000);
    let pattern = [b"a*".repeat(900), b"b".to_vec()].concat();
    assert!(!matches(&pattern, &text));
    assert!(!matches(&[b"*".repeat(100_000), b"b".to_vec()].concat(), &text));
    assert!(matches(&b"[".repeat(100_000), b"["));
    let (half, all) = (b"a".repeat(2_000_000), b"a".repeat(4_000_000));
    for piece in [&b"b"[..], b"b*", b"b*c"] {
        assert!(!matches(&[b"*", &half[..], piece].concat(), &all));
    }
}

/// Matches by trying everything: exponential, and plain.
fn model(pattern: &[u8], text: &[u8], is_case_ignored: bool) -> bool {
    let matcher = Matcher { is_case_ignored };
    match (pattern, text) {
        ([], _) => text.is_empty(),
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|taken| model(rest, &text[taken..], is_case_ignored)),
        (_, []) => false,
        (_, [byte, text @ ..]) => match matcher.element(pattern, Some(*byte)) {
            Some((is_match, rest)) => is_match && model(rest, text, is_case_ignored),
            None => false,
        },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn agrees_with_the_model(
        pattern in prop::collection::vec(prop::sample::select(&b"aAbc*?[]^-\\\xff"[..]), 0..9),
        text in prop::collection::vec(prop::sample::select(&b"aAbc-]^\\\xff"[..]), 1..9),
        is_case_ignored: bool,
    ) {
        let matched = Matcher { is_case_ignored }.matches(&pattern, &text);
        prop_assert_eq!(matched, model(&pattern, &text, is_case_ignored));
    }
}
