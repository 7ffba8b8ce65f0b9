use kora_json::Json;
use proptest::prelude::*;

use super::{BYTES_MAX, Condition, ConditionError, DEPTH_MAX, TERMS_MAX};

fn holds(condition: &str, document: &str) -> bool {
    let json = Json::parse_all(document).unwrap();
    Condition::parse(condition.as_bytes())
        .unwrap_or_else(|error| panic!("{condition}: {error}"))
        .holds(json.root())
}

const DOCUMENT: &str = r#"{"name":"Ada","age":36,"ok":true,"no":null,"tags":["a","b",1],"x":{"y":[{"z":2.5}]},
    "big":9007199254740993,"in":"k","q":"it's \"\\n","path.x":1,"max":18446744073709551615}"#;

#[test]
fn conditions_are_about_fields() {
    for yes in [
        "name = 'Ada'",
        "name = \"Ada\" and age = 36.0",
        "age>35 AND age<=36 AND age >= 36 and age < 37",
        "x.y.0.z = 2.5 AND x.y.0.z = 25e-1",
        "NOT name = 'Bob'",
        "name != 'Bob' AND missing != 1 and tags != 'a'",
        "missing = 1 OR ok = true",
        "ok > false AND ok >= TRUE",
        "no = null AND no EXISTS AND name != NULL",
        "age IN (1, 36, 'x') AND NOT age in (1)",
        "tags CONTAINS 'a' AND tags contains 1.0 AND NOT tags CONTAINS 'c'",
        "name STARTSWITH 'Ad' AND NOT name STARTSWITH 'b' AND name startswith ''",
        "big = 9007199254740993 AND big != 9007199254740992 AND big > 9007199254740992.0",
        "max = 18446744073709551615 AND max < 18446744073709551616",
        "`in` = 'k' AND in.x != 1",
        "name > 'AA' AND name < 'B'",
        "(name = 'Bob' OR age = 36) AND (ok = true)",
        "a = 1 OR b = 2 OR NOT (c = 3 AND d = 4)",
        r#"q = 'it\'s "\\n' AND q = "it's \"\\n" AND q STARTSWITH 'it\u0027s'"#,
        "NOT NOT name EXISTS",
        "age > -1 AND age > -1.5e2",
        "age != 0 AND age != -0 AND age > 0.5 AND age > 0e1 AND age < 1E+2",
    ] {
        assert!(holds(yes, DOCUMENT), "{yes}");
    }
    for no in [
        "name = 'ada'",
        "name > 1",
        "name < 1",
        "age > 'a'",
        "age < true",
        "no < 1",
        "missing > 0",
        "missing EXISTS",
        "x.y EXISTS AND x.z EXISTS",
        "tags = 'a'",
        "name CONTAINS 'A'",
        "tags STARTSWITH 'a'",
        "x IN ('y')",
        "path.x EXISTS",
        "missing = null",
    ] {
        assert!(!holds(no, DOCUMENT), "{no}");
    }
}

#[test]
fn unknown_escapes_are_what_they_look_like() {
    assert!(holds(r"p = 'C:\x\Windows'", r#"{"p":"C:\\x\\Windows"}"#));
    assert!(holds(r"p = '\n\t\u00e9\ud83d\ude00'", "{\"p\":\"\\n\\té😀\"}"));
    assert!(holds(r"p = '\ud83d\u12'", r#"{"p":"\\ud83d\\u12"}"#));
    assert!(holds("`a``b` = 1", r#"{"a`b":1}"#));
}

#[test]
fn what_is_no_condition_is_told_with_its_place() {
    for (text, place) in [
        ("", 0),
        ("name", 4),
        ("name =", 6),
        ("name = Ada", 7),
        ("= 1", 0),
        ("a = 1 b = 2", 6),
        ("(a = 1", 6),
        ("a = 1)", 5),
        ("a IN ()", 6),
        ("a IN 1", 5),
        ("a IN (1 2)", 8),
        ("a < null", 4),
        ("a STARTSWITH 1", 13),
        ("a = 'x", 4),
        ("a = 01x", 4),
        ("a = 01", 4),
        ("a = -01", 4),
        ("a = 00", 4),
        ("a = 01.5", 4),
        ("a IN (1, 02)", 9),
        ("a = 1.", 4),
        ("a = 1.e5", 4),
        ("a = .5", 4),
        ("a = 1e", 4),
        ("a = 1e+", 4),
        ("a = +1", 4),
        ("a = --1", 4),
        ("a = 1.2.3", 4),
        ("a = 1e999", 4),
        ("a ~ 1", 2),
        ("and = 1", 0),
        ("a..b = 1", 0),
        ("`` = 1", 0),
        ("a ! 1", 2),
        ("a = -", 4),
    ] {
        let error = Condition::parse(text.as_bytes()).unwrap_err().to_string();
        let told = format!("at byte {place}:");
        assert!(error.starts_with("ERR syntax error") && error.contains(&told), "{text}: {error}");
    }
    assert_eq!(Condition::parse(b"a = '\xff'"), Err(ConditionError::NotText));
}

#[test]
fn length_and_depth_are_limited() {
    let deep = |count: usize| format!("{}a = 1{}", "(".repeat(count), ")".repeat(count));
    let negated = |count: usize| format!("{}a = 1", "NOT ".repeat(count));
    for count in [1, DEPTH_MAX - 1, DEPTH_MAX] {
        assert!(Condition::parse(deep(count).as_bytes()).is_ok(), "{count}");
        assert!(Condition::parse(negated(count).as_bytes()).is_ok(), "{count}");
    }
    for count in [DEPTH_MAX + 1, 30_000] {
        assert_eq!(Condition::parse(deep(count).as_bytes()), Err(ConditionError::TooDeep));
    }
    for count in [DEPTH_MAX + 1, 16_000] {
        assert_eq!(Condition::parse(negated(count).as_bytes()), Err(ConditionError::TooDeep));
    }
    let mixed = |count: usize| format!("{}a = 1{}", "NOT (".repeat(count), ")".repeat(count));
    assert!(Condition::parse(mixed(DEPTH_MAX / 2).as_bytes()).is_ok());
    assert_eq!(Condition::parse(mixed(DEPTH_MAX / 2 + 1).as_bytes()), Err(ConditionError::TooDeep));
    let long = format!("a = '{}'", "x".repeat(BYTES_MAX));
    assert_eq!(Condition::parse(long.as_bytes()), Err(ConditionError::TooLong));
    let wide = |count: usize| vec!["a = 1"; count].join(" OR ");
    assert!(Condition::parse(wide(TERMS_MAX).as_bytes()).is_ok());
    assert_eq!(Condition::parse(wide(TERMS_MAX + 1).as_bytes()), Err(ConditionError::TooManyTerms));
    let list = format!("a IN ({})", vec!["1"; 20_000].join(","));
    assert!(Condition::parse(list.as_bytes()).is_ok());
}

/// A condition and what it is to say of a document with the fields `a`, an integer or none, and `b`, a text or none.
fn condition() -> impl Strategy<Value = (String, Meaning)> {
    let leaf = prop_oneof![
        (0..4_i64, prop::sample::select(&["=", "!=", "<", "<=", ">", ">="][..]))
            .prop_map(|(number, op)| (format!("a {op} {number}"), Meaning::A(op, number))),
        prop::collection::vec(0..4_i64, 1..3).prop_map(|numbers| {
            let list = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" , ");
            (format!("a In({list})"), Meaning::In(numbers))
        }),
        "[xy'\\\\]{0,2}".prop_map(|text| {
            let quoted = text.replace('\\', "\\\\").replace('\'', "\\'");
            (format!("b='{quoted}'"), Meaning::B(text))
        }),
        Just(("`b` EXISTS".to_owned(), Meaning::Exists)),
    ];
    leaf.prop_recursive(5, 24, 3, |inner| {
        prop_oneof![
            inner
                .clone()
                .prop_map(|(text, meaning)| (format!("not ({text})"), Meaning::Not(Box::new(meaning)))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| joined(parts, " AND ", Meaning::All)),
            prop::collection::vec(inner, 2..4).prop_map(|parts| joined(parts, " or ", Meaning::Any)),
        ]
    })
}

fn joined(parts: Vec<(String, Meaning)>, with: &str, all: fn(Vec<Meaning>) -> Meaning) -> (String, Meaning) {
    let (texts, meanings): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    let texts: Vec<String> = texts.into_iter().map(|text| format!("({text})")).collect();
    (texts.join(with), all(meanings))
}

#[derive(Clone, Debug)]
enum Meaning {
    A(&'static str, i64),
    In(Vec<i64>),
    B(String),
    Exists,
    Not(Box<Meaning>),
    All(Vec<Meaning>),
    Any(Vec<Meaning>),
}

impl Meaning {
    fn holds(&self, a: Option<i64>, b: Option<&str>) -> bool {
        match self {
            Self::A("!=", number) => a != Some(*number),
            Self::A(op, number) => a.is_some_and(|a| match *op {
                "=" => a == *number,
                "<" => a < *number,
                "<=" => a <= *number,
                ">" => a > *number,
                _ => a >= *number,
            }),
            Self::In(numbers) => a.is_some_and(|a| numbers.contains(&a)),
            Self::B(text) => b == Some(text),
            Self::Exists => b.is_some(),
            Self::Not(part) => !part.holds(a, b),
            Self::All(parts) => parts.iter().all(|part| part.holds(a, b)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(a, b)),
        }
    }
}

proptest! {
    #[test]
    fn as_it_is_meant((text, meaning) in condition(), a in prop::option::of(0..4_i64), b in prop::option::of("[xy'\\\\]{0,2}")) {
        let a_text = a.map(|a| format!("\"a\":{a}"));
        let b_text = b.as_ref().map(|b| format!("\"b\":\"{}\"", b.replace('\\', "\\\\")));
        let members: Vec<String> = a_text.into_iter().chain(b_text).collect();
        let document = format!("{{{}}}", members.join(","));
        prop_assert_eq!(holds(&text, &document), meaning.holds(a, b.as_deref()), "{} {}", text, document);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[a(')`\"\\\\,.0-9e=<>! \u{e9}ANDORTINEXISTS-]{0,60}") {
        if let Ok(condition) = Condition::parse(text.as_bytes()) {
            let mut terms = Vec::new();
            condition.terms(&mut terms);
            prop_assert!(!terms.is_empty());
        }
    }
}
