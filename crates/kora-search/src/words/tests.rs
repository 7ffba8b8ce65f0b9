use proptest::prelude::*;

use super::distance::within;
use super::{Candidate, Dictionary, SpelledWord, Suggestions, Synonyms, Vocabulary, check, near};
use crate::query::{Dialect, Options, Query};
use crate::stop_words::StopWords;

fn suggestions() -> Suggestions {
    let texts = [
        ("hello world", 1.0),
        ("hello", 3.0),
        ("help", 2.0),
        ("helium", 5.0),
        ("Held", 4.0),
        ("hex", 1.5),
        ("world", 1.0),
        ("wild", 7.0),
        ("he", 10.0),
        ("heélo", 2.0),
        ("HELLO", 6.0),
        ("hello there", 0.5),
        ("hero zero", 8.0),
    ];
    let mut suggestions = Suggestions::default();
    for (text, score) in texts {
        suggestions.add(text, score, false, None);
    }
    suggestions
}

/// Texts and scores as RediSearch 2.10.5 replies them.
fn get(typed: &str, is_fuzzy: bool) -> String {
    let suggestions = suggestions();
    let found = suggestions.get(typed, is_fuzzy, 20);
    let pairs = found.iter().map(|found| format!("{}={}", found.text, f64::from(found.score)));
    pairs.collect::<Vec<_>>().join(", ")
}

#[test]
fn suggests_as_recorded() {
    let cases = [
        (
            "hel",
            false,
            "HELLO=3.464101552963257, Held=2.8284270763397217, helium=2.5, hello=1.7320507764816284, \
          help=1.4142135381698608, hello world=0.3333333432674408, hello there=0.1666666716337204",
        ),
        (
            "hello",
            false,
            "hello=2147483648, HELLO=6, hello world=0.37796446681022644, hello there=0.18898223340511322",
        ),
        ("held", false, "Held=4"),
        ("hé", false, ""),
        ("wor", true, "world=0.5773502588272095"),
        ("hlo", true, ""),
        ("hello w", true, "hello world=0.4472135901451111, hello there=0.030261889100074768"),
        (
            "hello",
            true,
            "hello=2147483648, HELLO=6, hello world=0.37796446681022644, heélo=0.2706705629825592, \
          hello there=0.18898223340511322",
        ),
    ];
    for (typed, is_fuzzy, expected) in cases {
        assert_eq!(get(typed, is_fuzzy), expected, "{typed}");
    }
    assert_eq!(get("HE", false), get("he", false));
    let fuzzy = get("hel", true);
    assert!(fuzzy.starts_with("hex=290630304, HELLO=3.464101552963257, Held="), "{fuzzy}");
    assert!(fuzzy.contains("he=0.956964910030365, hero zero=0.40921542048454285"), "{fuzzy}");
    assert!(
        get("helx", true).starts_with("help=290630304, HELLO=0.5741789937019348, Held=0.5413411259651184")
    );
}

#[test]
fn suggestions_change() {
    let mut suggestions = suggestions();
    assert_eq!(suggestions.len(), 13);
    let score = |suggestions: &Suggestions| {
        suggestions.get("hell", false, 9).iter().find(|found| found.text == "hello").unwrap().score
    };
    let before = score(&suggestions);
    suggestions.add("hello", 3.0, true, Some(b"p"));
    assert!((score(&suggestions) - 2.0 * before).abs() < 1e-6);
    suggestions.add("hello", 3.0, false, None);
    assert!((score(&suggestions) - before).abs() < 1e-6);
    assert_eq!(suggestions.get("hello", false, 1)[0].payload, Some(&b"p"[..]));
    assert!(suggestions.remove("HELLO") && !suggestions.remove("HELLO"));
    suggestions.add("", 1.0, false, None);
    suggestions.add("zero", 0.0, false, None);
    suggestions.add(&"x".repeat(300), 1.0, false, None);
    assert_eq!((suggestions.len(), suggestions.is_empty(), suggestions.iter().count()), (12, false, 12));
    assert_eq!(suggestions.get("hel", false, 2).len(), 2);
}

#[test]
fn dictionaries_and_synonyms() {
    let mut dictionary = Dictionary::default();
    assert!(dictionary.add("b") && dictionary.add("C") && dictionary.add("a") && !dictionary.add("a"));
    assert_eq!(dictionary.words().collect::<Vec<_>>(), ["C", "a", "b"]);
    assert!(
        dictionary.contains("c")
            && dictionary.remove("a")
            && !dictionary.remove("a")
            && !dictionary.is_empty()
    );
    let mut synonyms = Synonyms::default();
    synonyms.update("g2", ["boy".to_owned(), "kid".to_owned()]);
    synonyms.update("g1", ["boy".to_owned()]);
    assert_eq!(synonyms.groups("boy").collect::<Vec<_>>(), ["g1", "g2"]);
    assert_eq!(synonyms.groups("girl").count(), 0);
    let words: Vec<_> = synonyms.words().map(|(word, groups)| (word, groups.count())).collect();
    assert_eq!(words, [("boy", 2), ("kid", 1)]);
    assert!(!synonyms.is_empty());
}

/// Ten documents.
struct Documents;

const WORDS: [(&str, u64); 9] = [
    ("hello", 4),
    ("world", 3),
    ("hell", 1),
    ("help", 1),
    ("held", 1),
    ("hallo", 1),
    ("cello", 1),
    ("yellow", 1),
    ("wide", 1),
];

impl Vocabulary for Documents {
    fn contains(&self, word: &str) -> bool {
        WORDS.iter().any(|(known, _)| *known == word)
    }

    fn near(&self, word: &str, distance: u8, _: Option<&[String]>) -> Vec<Candidate> {
        let near = WORDS.iter().filter_map(|(known, document_count)| {
            let distance = near(known, word, usize::from(distance))?;
            Some(Candidate { word: (*known).to_owned(), document_count: *document_count, distance })
        });
        near.collect()
    }

    fn document_count(&self) -> u64 {
        10
    }
}

fn spelled(
    query: &str,
    distance: u8,
    included: &[&Dictionary],
    excluded: &[&Dictionary],
    is_full: bool,
) -> String {
    let dialect = Dialect::new(1).unwrap();
    let options = Options { dialect, stop_words: StopWords::None, parameters: &[], is_verbatim: false };
    let words = Query::parse(query.as_bytes(), options).unwrap().words();
    let found = check(&words, distance, &Documents, included, excluded, is_full);
    let line = |spelled: super::Spelled| {
        let Some(suggestions) = spelled.suggestions else { return format!("{} is there", spelled.word) };
        let suggestions = suggestions.iter().map(|(word, score)| format!(" {word}={score}"));
        format!("{}:{}", spelled.word, suggestions.collect::<String>())
    };
    found.into_iter().map(line).collect::<Vec<_>>().join("; ")
}

#[test]
fn spells_as_recorded() {
    const FULL_HELO: &str = "helo: hello=4 held=1 hell=1 help=1";
    let helo = "helo: hello=0.4 held=0.1 hell=0.1 help=0.1";
    assert_eq!(spelled("helo", 1, &[], &[], false), helo);
    assert_eq!(spelled("HELO", 1, &[], &[], false), helo);
    assert_eq!(spelled("@t:helo", 1, &[], &[], false), helo);
    assert_eq!(spelled("helo", 2, &[], &[], false), format!("{helo} cello=0.1 hallo=0.1"));
    assert_eq!(spelled("hello", 1, &[], &[], false), "");
    assert_eq!(spelled("hellx", 1, &[], &[], true), "hellx: hello=4 hell=1");
    assert_eq!(spelled("hello hellx", 1, &[], &[], true), "hello is there; hellx: hello=4 hell=1");
    let more = format!("{helo}; worl: world=0.3; fello: hello=0.4 cello=0.1; xyz:");
    assert_eq!(spelled("helo -worl \"fello\" xyz", 1, &[], &[], false), more);
    assert_eq!(spelled("hel* %helo%", 1, &[], &[], false), "");
    assert_eq!(spelled("zzzz", 1, &[], &[], false), "zzzz:");
    let mut dictionary = Dictionary::default();
    for word in ["helo", "hullo", "helloo", "HALLOW"] {
        dictionary.add(word);
    }
    let given = [&dictionary];
    assert_eq!(spelled("helo", 1, &given, &[], false), format!("{helo} helo=0"));
    assert_eq!(spelled("hullx", 1, &given, &[], false), "hullx: hullo=0");
    assert_eq!(spelled("hallow", 1, &given, &[], false), "hallow: hallo=0.1 HALLOW=0");
    assert_eq!(spelled("helo", 1, &[], &given, false), "");
    assert_eq!(spelled("hullx", 1, &given, &given, false), "hullx: hullo=0");
    assert_eq!(
        spelled("@g:{helo | hellx | he*}", 1, &[], &[], true),
        format!("{FULL_HELO}; hellx: hello=4 hell=1")
    );
}

#[test]
fn dictionaries_refuse_long_words() {
    let mut dictionary = Dictionary::default();
    assert!(dictionary.add(&"é".repeat(255)));
    assert!(!dictionary.add(&"a".repeat(256)));
}

#[test]
fn near_words_may_lack_their_last_character() {
    assert_eq!(near("hello", "helol", 1), Some(1));
    assert_eq!(near("hello", "ehllo", 1), None);
    assert_eq!(near("bca", "bac", 1), Some(1));
    assert_eq!(near("bca", "abx", 2), Some(2));
    assert_eq!(near("hello", "a", 4), None);
}

#[test]
fn words_of_a_query_have_their_fields() {
    let options = Options {
        dialect: Dialect::new(2).unwrap(),
        stop_words: StopWords::None,
        parameters: &[],
        is_verbatim: false,
    };
    let words = Query::parse(b"foo @t|u:(bar \"x y\") @g:{tag}", options).unwrap().words();
    let fields = Some(vec!["t".to_owned(), "u".to_owned()]);
    let word = |word: &str, fields: &Option<Vec<String>>| SpelledWord {
        word: word.to_owned(),
        fields: fields.clone(),
    };
    assert_eq!(
        words,
        [
            word("foo", &None),
            word("bar", &fields),
            word("x", &fields),
            word("y", &fields),
            word("tag", &None)
        ]
    );
}

/// By its definition.
fn distance(left: &[char], right: &[char]) -> usize {
    match (left.split_first(), right.split_first()) {
        (None, _) => right.len(),
        (_, None) => left.len(),
        (Some((first, rest)), Some((other, others))) => {
            let substituted = distance(rest, others) + usize::from(first != other);
            substituted.min(distance(rest, right) + 1).min(distance(left, others) + 1)
        }
    }
}

proptest! {
    #[test]
    fn distances_are_those_of_the_definition(left in "[abé]{0,6}", right in "[abé]{0,6}", max in 0..4_usize) {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let expected = distance(&chars(&left), &chars(&right));
        prop_assert_eq!(within(&left, &right, max), Some(expected).filter(|distance| *distance <= max));
    }

    #[test]
    fn suggestions_are_those_of_a_scan(texts in prop::collection::vec("[abAé]{1,5}", 0..80), typed in "[abé]{0,3}", max in 1..6_usize) {
        let mut suggestions = Suggestions::default();
        texts.iter().for_each(|text| suggestions.add(text, 1.0 + text.len() as f64, false, None));
        for is_fuzzy in [false, true] {
            let all = suggestions.get(&typed, is_fuzzy, usize::MAX);
            prop_assert_eq!(suggestions.get(&typed, is_fuzzy, max), all[..max.min(all.len())].to_vec());
            let begins = |text: &str| text.to_ascii_lowercase().starts_with(&typed);
            let count = suggestions.iter().filter(|found| begins(found.text)).count();
            let fits = if is_fuzzy { all.len() >= count } else { all.len() == count };
            prop_assert!(fits, "{} of {count}", all.len());
        }
    }
}
