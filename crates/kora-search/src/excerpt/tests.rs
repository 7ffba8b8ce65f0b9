//! Expected texts were recorded from RediSearch 2.10.5: one field, and queries of the words that are found here.

use kora_index::analysis::spans;

use super::*;

/// The places of words in a text, each with the number of the word that it is.
fn found(text: &str, terms: &[&str]) -> Vec<FoundWord> {
    let (mut words, mut place) = (Vec::new(), 0);
    spans(text.as_bytes(), |word, bytes| {
        if let Some(term) = terms.iter().position(|term| *term == word) {
            words.push(FoundWord { place, bytes, term });
        }
        place += 1;
    });
    words
}

/// `f00 f01 ...` with other words at some places.
fn filled(count: usize, words: &[(usize, &str)]) -> String {
    let word = |place: usize| {
        let other = words.iter().find(|(at, _)| *at == place);
        other.map_or_else(|| format!("f{place:02}"), |(_, word)| (*word).to_owned())
    };
    (0..count).map(word).collect::<Vec<_>>().join(" ")
}

fn pieces(count: u32, words: u32) -> Pieces {
    Pieces { count, words, separator: "|".to_owned() }
}

fn tags() -> Tags {
    Tags { open: "<b>".to_owned(), close: "</b>".to_owned() }
}

#[track_caller]
fn check(text: &str, terms: &[(&str, f64)], pieces: &Pieces, expected: &str) {
    let words = found(text, &terms.iter().map(|(term, _)| *term).collect::<Vec<_>>());
    let rarities: Vec<f64> = terms.iter().map(|(_, rarity)| *rarity).collect();
    let ours = summarize(text.as_bytes(), &words, &rarities, pieces, None);
    assert_eq!(String::from_utf8(ours).unwrap(), expected, "{text}");
}

#[test]
fn found_words_are_marked() {
    let text = "the fox \\fox fo\\x FOX Fox'fox fox_fox é-fox foxé";
    let words = found(text, &["fox"]);
    let marked = String::from_utf8(highlight(text.as_bytes(), &words, &tags())).unwrap();
    let expected =
        "the <b>fox</b> <b>\\fox</b> <b>fo\\x</b> <b>FOX</b> <b>Fox</b>'<b>fox</b> fox_fox é-<b>fox</b> foxé";
    assert_eq!(marked, expected);
}

#[test]
fn near_words_are_in_one_piece() {
    for (gap, expected) in [
        (1, "foo foo |"),
        (2, "foo f21 foo|"),
        (8, "foo f21 f22 f23 f24 f25 f26 f27 foo|"),
        (9, "foo |foo |"),
        (13, "foo |foo |"),
    ] {
        check(&filled(60, &[(20, "foo"), (20 + gap, "foo")]), &[("foo", 1.0)], &pieces(3, 1), expected);
    }
}

#[test]
fn pieces_have_whole_words_around() {
    for (words, expected) in [
        (0, "foo|"),
        (1, "foo |"),
        (2, "f29 foo f31|"),
        (3, "f29 foo f31|"),
        (4, "f28 f29 foo f31 f32 f33|"),
        (6, "f26 f27 f28 f29 foo f31 f32 f33 f34|"),
        (8, "f25 f26 f27 f28 f29 foo f31 f32 f33 f34 f35 f36|"),
    ] {
        check(&filled(60, &[(30, "foo")]), &[("foo", 1.0)], &pieces(3, words), expected);
    }
    for (place, expected) in [
        (0, "foo f01 f02 f03|"),
        (1, "foo f02 f03 f04|"),
        (2, "f01 foo f03 f04 f05|"),
        (58, "f56 f57 foo |"),
        (59, "f57 f58 foo|"),
    ] {
        check(&filled(60, &[(place, "foo")]), &[("foo", 1.0)], &pieces(3, 4), expected);
    }
    check("aaa. bbb, foo!! ccc;; ddd", &[("foo", 1.0)], &pieces(3, 20), "bbb, foo!! ccc|");
    check("x   foo,,  y\t\tz zz", &[("foo", 1.0)], &pieces(3, 20), "foo,, y z|");
    check("second fox field", &[("fox", 1.0)], &pieces(3, 20), "fox |");
}

#[test]
fn pieces_do_not_overlap_found_words() {
    let text = filled(60, &[(3, "foo"), (14, "foo"), (50, "foo")]);
    let first = "f01 f02 foo f04 f05 f06 f07 f08 f09 f10 f11 f12 f13|";
    let second = "f04 f05 f06 f07 f08 f09 f10 f11 f12 f13 foo f15 f16 f17 f18 f19 f20 f21 f22 f23 f24 f25 f26 f27 f28 f29|";
    let third =
        "f36 f37 f38 f39 f40 f41 f42 f43 f44 f45 f46 f47 f48 f49 foo f51 f52 f53 f54 f55 f56 f57 f58|";
    check(&text, &[("foo", 1.0)], &pieces(3, 20), &[first, second, third].concat());
}

#[test]
fn the_most_valuable_pieces_are_shown() {
    let terms = [("foo", 1.0), ("bar", 2.0)];
    let foos = [(3, "foo"), (4, "foo"), (5, "foo"), (6, "foo"), (30, "bar"), (50, "foo")];
    check(&filled(60, &foos), &terms, &pieces(1, 1), "bar |");
    check(&filled(60, &[(3, "bar"), (30, "foo"), (31, "bar")]), &terms, &pieces(1, 1), "foo bar |");
    check(&filled(60, &[(3, "foo"), (30, "foo"), (31, "foo")]), &terms, &pieces(1, 1), "foo |");
    let four = [(3, "foo"), (20, "foo"), (40, "foo"), (60, "bar"), (61, "foo")];
    check(&filled(90, &four), &terms, &pieces(2, 1), "foo |bar foo |");
    check(&filled(90, &four), &terms, &pieces(0, 1), "");
}

#[test]
fn a_text_without_found_words_is_trimmed() {
    let text = filled(60, &[]);
    for (count, words, expected) in [
        (1, 1, "f00 f01 f02"),
        (1, 2, "f00 f01 f02 f03"),
        (1, 3, "f00 f01 f02 f03 f04 f05"),
        (2, 3, "f00 f01 f02 f03 f04 f05 f06 f07 f08 f09"),
    ] {
        assert_eq!(trim(text.as_bytes(), &pieces(count, words)), expected.as_bytes());
    }
    for (text, expected) in [
        ("hello, world!!! foo bar.", "hello, world!!! foo bar."),
        ("hello, world", "hello,"),
        ("hello", "h"),
        ("a b ", "a b"),
        ("the of", "the"),
        ("", ""),
        ("  a foo\t\tb  ", " a foo b"),
    ] {
        assert_eq!(trim(text.as_bytes(), &pieces(u32::MAX, u32::MAX)), expected.as_bytes());
    }
}
