use proptest::prelude::*;

use super::{Expression, ExpressionError};
use crate::testing::unescape;
use crate::value::Value;

/// Expressions and what RediSearch 2.10.5 makes of them for one row: `> expression`, then the answer. Line ends and backslashes are
/// escaped.
const EVALUATED: &str = include_str!("tests/evaluated.txt");

/// The row that the answers were recorded with.
fn row() -> (Vec<&'static str>, Vec<Option<Value>>) {
    let columns = [
        ("n", Some(Value::Number(3.5))),
        ("t", Some(Value::text("Hello World"))),
        ("k", Some(Value::text("a,b,c"))),
        ("z", Some(Value::Number(7.0))),
        ("st", Some(Value::text("Sorted Text"))),
        ("neg", Some(Value::text("-2"))),
        ("empty", Some(Value::text(""))),
        ("num", Some(Value::text("42"))),
        ("date", Some(Value::text("2024-01-02"))),
        ("geo", Some(Value::text("1.5,2.5"))),
        ("geo2", Some(Value::text("3,4"))),
        ("ts", Some(Value::text("1700000000"))),
        ("nope", None),
    ];
    columns.into_iter().unzip()
}

fn evaluate(text: &str) -> Result<Value, ExpressionError> {
    let (names, row) = row();
    Expression::parse(text, |name| names.iter().position(|known| *known == name))?.evaluate(&row[..])
}

fn shown(result: Result<Value, ExpressionError>) -> String {
    let text = |value: &Value| String::from_utf8(value.to_text().to_vec()).unwrap();
    match result {
        Ok(Value::Null) => "null".to_owned(),
        Ok(Value::Array(values)) => {
            format!("array {}", values.iter().map(text).collect::<Vec<_>>().join("|"))
        }
        Ok(value) => format!("value {}", text(&value)),
        Err(error) => format!("error {error}"),
    }
}

#[test]
fn evaluates_as_recorded() {
    let mut lines = EVALUATED.lines();
    let mut count = 0;
    while let (Some(expression), Some(expected)) = (lines.next(), lines.next()) {
        let expression = unescape(expression.strip_prefix("> ").unwrap());
        assert_eq!(shown(evaluate(&expression)), unescape(expected), "{expression}");
        count += 1;
    }
    assert!(count > 800, "only {count} answers");
}

#[test]
fn case_evaluates_only_what_it_gives() {
    let cases = [
        ("case(1, 2, 3)", "value 2"),
        ("case(0, 2, 3)", "value 3"),
        ("case(@n > 3, \"big\", @nope)", "value big"),
        ("case(exists(@nope), @nope, \"none\")", "value none"),
        ("case(1, case(0, 1, 2), 3) + 1", "value 3"),
        ("case(@nope, 1, 2)", "error nope: has no value, consider using EXISTS if applicable"),
        ("case(1, 2)", "error Invalid arguments for function 'case'"),
        ("case(1, 2, 3, 4)", "error Invalid arguments for function 'case'"),
    ];
    for (expression, expected) in cases {
        assert_eq!(shown(evaluate(expression)), expected, "{expression}");
    }
}

#[test]
fn times_that_redisearch_computes_wrong() {
    // RediSearch goes wrong from 2200 on, and where the rest of a division is 0 by a fraction it ends.
    let cases = [
        ("hour(1e10)", "value 9999997200"),
        ("day(1e10)", "value 9999936000"),
        ("month(1e10)", "value 9998294400"),
        ("year(1e18)", "null"),
        ("7 % 0.5", "value nan"),
    ];
    for (expression, expected) in cases {
        assert_eq!(shown(evaluate(expression)), expected, "{expression}");
    }
}

#[test]
fn matched_terms_are_those_of_the_row() {
    struct Matching;
    impl super::Row for Matching {
        fn value(&self, _: usize) -> Option<&Value> {
            None
        }

        fn matched_terms(&self) -> &[Value] {
            static TERMS: std::sync::LazyLock<Vec<Value>> =
                std::sync::LazyLock::new(|| vec![Value::text("foo"), Value::text("bar")]);
            &TERMS
        }
    }
    let terms = |text: &str| shown(Expression::parse(text, |_| None).unwrap().evaluate(&Matching));
    assert_eq!(terms("matched_terms()"), "array foo|bar");
    assert_eq!(terms("matched_terms(1)"), "array foo");
}

#[test]
fn depth_and_length_are_limited() {
    for open in ["(", "!", "upper(", "case(1,"] {
        let deep = open.repeat(60_000 / open.len());
        assert_eq!(evaluate(&deep), Err(ExpressionError::TooDeep), "{open}");
    }
    assert_eq!(shown(evaluate(&format!("1{}", " + 1".repeat(10_000)))), "value 10001");
    assert!(matches!(evaluate(&"1".repeat(super::LENGTH_MAX + 1)), Err(ExpressionError::TooLong(_))));
}

#[test]
fn doubled_texts_are_limited() {
    let doubled = Expression::parse("format(\"%s%s\", @a, @a)", |_| Some(0)).unwrap();
    let mut value = Value::text("0123456789abcdef");
    for _ in 0..16 {
        value = doubled.evaluate(&[Some(value)][..]).unwrap();
    }
    let refused = doubled.evaluate(&[Some(value)][..]).unwrap_err();
    assert_eq!(refused.to_string(), "Result of format is too long");
}

#[test]
fn columns_are_named_in_order() {
    let names = ["a", "b"];
    let parsed =
        Expression::parse("@b + exists(@a) * @b", |name| names.iter().position(|known| *known == name));
    assert_eq!(parsed.unwrap().columns().collect::<Vec<_>>(), [1, 0, 1]);
}

const PIECES: [&str; 36] = [
    "1",
    "-2",
    "0",
    "\"a\"",
    "\"",
    "@n",
    "@nope",
    "NULL",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "==",
    "<",
    ">=",
    "&&",
    "||",
    "!",
    "(",
    ")",
    ",",
    "upper(",
    "exists(",
    "case(",
    "substr(\"hello\",",
    "format(\"%s\",",
    "split(",
    "timefmt(",
    "foo",
    "\\",
    "é",
    " ",
    "1e308",
    "parsetime(",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_has_a_value_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        crate::fuzz::expression_input(&bytes);
    }

    #[test]
    fn any_pieces_have_a_value_or_an_error(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24)) {
        let _ = evaluate(&pieces.concat());
    }

    #[test]
    fn times_are_read_as_they_are_written(seconds in -62_135_596_800_i64..253_402_300_799) {
        let written = evaluate(&format!("parsetime(timefmt({seconds}, \"%Y-%m-%d %H:%M:%S\"), \"%Y-%m-%d %H:%M:%S\")"));
        let expected = Value::Number(seconds as f64);
        prop_assert!(seconds < -30_610_224_000 || written == Ok(expected), "{seconds}");
    }
}
