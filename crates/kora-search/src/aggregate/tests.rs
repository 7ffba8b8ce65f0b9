use std::sync::Arc;

use kora_index::schema::{Field, FieldKind, Schema, Source};
use proptest::prelude::*;

use super::{AggregateError, Limits, Outcome, Partial, Pipeline, Row};
use crate::command::aggregate::Aggregate;
use crate::value::Value;

fn schema() -> Schema {
    let field = |name: &str, kind| Field {
        identifier: name.to_owned(),
        name: name.to_owned(),
        kind,
        sortable: name == "z",
        un_normalised: false,
        no_index: false,
        index_missing: false,
        index_empty: false,
    };
    let tag = FieldKind::Tag { separator: None, case_sensitive: false, with_suffixes: false };
    let text = FieldKind::Text { weight: 1.0, no_stem: false, phonetic: None, with_suffixes: false };
    let numbers = ["n", "m", "z"].map(|name| field(name, FieldKind::Numeric));
    let fields = numbers.into_iter().chain([field("k", tag), field("t", text)]).collect();
    Schema { fields, ..Schema::default() }
}

fn compile(line: &str) -> Result<Arc<Pipeline>, AggregateError> {
    let words: Vec<_> = ["idx", "*"].into_iter().chain(line.split(' ')).map(str::as_bytes).collect();
    Pipeline::compile(&Aggregate::parse(&words).unwrap().steps, &schema(), &[]).map(Arc::new)
}

/// A document: its fields in the order k, n, t, m.
type Document = (Option<&'static str>, Option<f64>, Option<&'static str>, Option<f64>);

/// The documents that the answers were recorded with, in the order of their numbers.
const DOCUMENTS: [Document; 7] = [
    (Some("b"), Some(30.0), None, Some(2.0)),
    (Some("c"), None, None, None),
    (Some("a"), Some(1.0), Some("foo"), Some(5.0)),
    (Some("a"), Some(2.0), Some("bar"), Some(3.0)),
    (None, Some(7.0), Some("z"), Some(4.0)),
    (Some("b"), Some(10.0), Some("x"), None),
    (Some("a"), None, Some("foo"), Some(9.0)),
];

fn rows(pipeline: &Pipeline) -> Vec<Row> {
    let value = |document: &Document, field: &str| match field {
        "k" => document.0.map(Value::text),
        "n" => document.1.map(Value::Number),
        "t" => document.2.map(Value::text),
        _ => document.3.map(Value::Number),
    };
    let row = |(order, document): (u64, &Document)| {
        let mut row = Row { order, ..Row::default() };
        for source in pipeline.sources() {
            if let Some(value) = value(document, &source.field) {
                row.set(source.column, value);
            }
        }
        row
    };
    (0..).zip(&DOCUMENTS).map(row).collect()
}

fn run(pipeline: &Arc<Pipeline>, shards: Vec<Vec<Row>>) -> Result<Outcome, AggregateError> {
    let mut whole = Partial::new(pipeline, Limits::default(), 1);
    for rows in shards {
        let mut partial = Partial::new(pipeline, Limits::default(), 1);
        for row in rows {
            partial.add(&mut row.clone())?;
        }
        whole.merge(partial)?;
    }
    whole.finish()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Array(values) => format!("[{}]", values.iter().map(shown).collect::<Vec<_>>().join(" ")),
        Value::Null => "-".to_owned(),
        value => String::from_utf8(value.to_text().to_vec()).unwrap(),
    }
}

/// Rows as `name=value`, in order.
fn lines(line: &str) -> Vec<String> {
    let pipeline = compile(line).unwrap();
    let outcome = run(&pipeline, vec![rows(&pipeline)]).unwrap();
    let line = |row: Row| {
        let pairs = pipeline.shown().iter().map(|(name, column)| (name, row.values.get(*column)));
        let pairs = pairs.filter_map(|(name, value)| Some(format!("{name}={}", shown(value?.as_ref()?))));
        pairs.collect::<Vec<_>>().join(" ")
    };
    outcome.rows.into_iter().map(line).collect()
}

/// The value of column `c` by group, in the order b, c, a, none.
fn by_group(reducer: &str) -> Vec<String> {
    let lines = lines(&format!("LOAD 4 @k @n @t @m GROUPBY 1 @k REDUCE {reducer} AS c"));
    lines.iter().map(|line| line.split_once(" c=").unwrap().1.to_owned()).collect()
}

#[test]
fn reducers_as_recorded() {
    let cases = [
        ("COUNT 0", ["2", "1", "3", "1"]),
        ("SUM 1 @n", ["40", "0", "3", "7"]),
        ("MIN 1 @n", ["10", "0", "1", "7"]),
        ("MAX 1 @n", ["30", "0", "2", "7"]),
        ("AVG 1 @n", ["20", "0", "1", "7"]),
        ("STDDEV 1 @n", ["14.1421356237", "0", "0.707106781187", "0"]),
        ("QUANTILE 2 @n 0.5", ["10", "0", "1", "7"]),
        ("TOLIST 1 @t", ["[x]", "[]", "[foo bar]", "[z]"]),
        ("FIRST_VALUE 1 @n", ["30", "-", "1", "7"]),
        ("FIRST_VALUE 1 @t", ["-", "-", "foo", "z"]),
        ("FIRST_VALUE 4 @t BY @m ASC", ["x", "-", "bar", "z"]),
        ("FIRST_VALUE 4 @t BY @m DESC", ["x", "-", "foo", "z"]),
        ("FIRST_VALUE 4 @m BY @t DESC", ["2", "-", "5", "4"]),
        ("COUNT_DISTINCT 1 @t", ["1", "0", "2", "1"]),
        ("COUNT_DISTINCT 1 @n", ["2", "0", "2", "1"]),
        ("COUNT_DISTINCTISH 1 @t", ["1", "0", "2", "1"]),
        ("SUM 1 @t", ["0", "0", "0", "0"]),
        ("MIN 1 @t", ["0", "0", "0", "0"]),
    ];
    for (reducer, expected) in cases {
        assert_eq!(by_group(reducer), expected, "{reducer}");
    }
}

#[test]
fn orders_as_recorded() {
    let cases = [
        ("LOAD 2 @k @n SORTBY 1 @n", "k=a n=1|k=a n=2|n=7|k=b n=10|k=b n=30|k=c|k=a"),
        ("LOAD 2 @k @n SORTBY 2 @n DESC", "k=b n=30|k=b n=10|n=7|k=a n=2|k=a n=1|k=a|k=c"),
        ("LOAD 2 @k @n SORTBY 1 @k", "k=a n=1|k=a n=2|k=a|k=b n=30|k=b n=10|k=c|n=7"),
        ("LOAD 2 @k @t SORTBY 2 @t DESC", "t=z|k=b t=x|k=a t=foo|k=a t=foo|k=a t=bar|k=c|k=b"),
        ("LOAD 2 @k @n SORTBY 4 @k ASC @n DESC", "k=a n=2|k=a n=1|k=a|k=b n=30|k=b n=10|k=c|n=7"),
        ("LOAD 1 @n SORTBY 1 @n LIMIT 2 3", "n=7|n=10|n=30"),
        ("LOAD 1 @n SORTBY 2 @n DESC MAX 2", "n=30|n=10"),
        ("LOAD 1 @n SORTBY 1 @n MAX 2 LIMIT 1 5", "n=2|n=7|n=10|n=30|"),
        ("LOAD 1 @n SORTBY 1 @n MAX 5 LIMIT 1 1", "n=2"),
        ("LOAD 1 @n SORTBY 1 @n LIMIT 0 3 LIMIT 1 2", "n=2|n=7"),
    ];
    for (line, expected) in cases {
        assert_eq!(lines(line).join("|"), expected, "{line}");
    }
}

#[test]
fn groups_as_recorded() {
    let sorted = |line: &str| {
        let mut lines = lines(line);
        lines.sort();
        lines.join("|")
    };
    let cases = [
        ("GROUPBY 1 @k", "k=-|k=a|k=b|k=c"),
        ("GROUPBY 0 REDUCE SUM 1 @n AS c", "c=50"),
        (
            "GROUPBY 2 @k @t REDUCE COUNT 0 AS c",
            "k=- t=z c=1|k=a t=bar c=1|k=a t=foo c=2|k=b t=- c=1|k=b t=x c=1|k=c t=- c=1",
        ),
        ("APPLY split(\"q,w,q\") AS s GROUPBY 1 @s REDUCE COUNT 0 AS c", "s=q c=14|s=w c=7"),
        (
            "APPLY split(\"q,w\") AS s APPLY split(\"1,2\") AS u GROUPBY 2 @s @u REDUCE COUNT 0 AS c",
            "s=q u=1 c=7|s=q u=2 c=7|s=w u=1 c=7|s=w u=2 c=7",
        ),
        ("APPLY split(\"\") AS s GROUPBY 1 @s REDUCE COUNT 0 AS c", "s=- c=7"),
        ("APPLY split(\"a,b\") AS s GROUPBY 0 REDUCE TOLIST 1 @s AS l", "l=[[a b]]"),
        ("APPLY NULL AS s GROUPBY 0 REDUCE COUNT_DISTINCT 1 @s AS l REDUCE TOLIST 1 @s AS m", "l=1 m=[-]"),
        ("GROUPBY 0 REDUCE COUNT 0 AS c GROUPBY 1 @c REDUCE COUNT 0 AS d", "c=7 d=1"),
        ("LOAD 1 @n APPLY exists(@n) AS e GROUPBY 1 @e REDUCE COUNT 0 AS c", "e=0 c=2|e=1 c=5"),
        ("LOAD 1 @n FILTER exists(@n)&&@n>2 GROUPBY 0 REDUCE COUNT 0 AS c", "c=3"),
        ("LOAD 1 @n LIMIT 0 5 GROUPBY 0 REDUCE COUNT 0 AS c", "c=5"),
    ];
    for (line, expected) in cases {
        assert_eq!(sorted(line), expected, "{line}");
    }
}

#[test]
fn quantiles_as_recorded() {
    let parts = ["0", "0.01", "0.1", "0.25", "0.3", "0.4", "0.5", "0.6", "0.75", "0.9", "0.99", "1"];
    let cases: [(u64, [u64; 12]); 5] = [
        (1, [1; 12]),
        (2, [1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]),
        (4, [1, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4]),
        (10, [1, 1, 1, 3, 3, 4, 5, 6, 8, 9, 10, 10]),
        (25, [1, 1, 3, 7, 8, 10, 13, 15, 19, 23, 25, 25]),
    ];
    for (count, expected) in cases {
        for (part, expected) in parts.iter().zip(expected) {
            let pipeline = compile(&format!("LOAD 1 @n GROUPBY 0 REDUCE QUANTILE 2 @n {part} AS q")).unwrap();
            let row =
                |order: u64| Row { values: vec![Some(Value::Number(order as f64))], order, ..Row::default() };
            let outcome = run(&pipeline, vec![(1..=count).map(row).collect()]).unwrap();
            assert_eq!(outcome.rows[0].values[0], Some(Value::Number(expected as f64)), "{part} of {count}");
        }
    }
}

#[test]
fn totals_are_counted_before_the_last_cut() {
    let total = |line: &str| {
        let pipeline = compile(line).unwrap();
        run(&pipeline, vec![rows(&pipeline)]).unwrap().total
    };
    assert_eq!(total("LOAD 1 @n SORTBY 1 @n LIMIT 0 2"), 7);
    assert_eq!(total("LOAD 1 @n LIMIT 0 0"), 7);
    assert_eq!(total("GROUPBY 1 @k"), 4);
    assert_eq!(total("GROUPBY 1 @k REDUCE COUNT 0 AS c SORTBY 1 @c LIMIT 0 2"), 4);
    assert_eq!(total("LOAD 1 @n SORTBY 1 @n LIMIT 0 3 APPLY 1 AS x"), 7);
}

#[test]
fn names_that_mean_nothing() {
    let cases = [
        ("GROUPBY 1 @nope", "No such property `nope`"),
        ("GROUPBY 0 REDUCE SUM 1 @nope", "Property `nope` not present in document or pipeline"),
        ("SORTBY 1 @nope", "Property `nope` not loaded nor in schema"),
        ("APPLY @nope AS x", "Property `nope` not loaded nor in pipeline"),
        ("APPLY @n AS x", "Property `n` not loaded nor in pipeline"),
        ("APPLY @n+ AS x", "Syntax error at offset 2 near 'n'"),
        ("GROUPBY 1 @k SORTBY 1 @n", "Property `n` not loaded nor in schema"),
        ("GROUPBY 1 @k APPLY @z AS x", "Property `z` not loaded nor in pipeline"),
    ];
    for (line, expected) in cases {
        assert_eq!(compile(line).unwrap_err().to_string(), expected, "{line}");
    }
    assert_eq!(columns("APPLY @z AS x"), ["z Index", "x"]);
    assert_eq!(columns("LOAD 3 @n AS q APPLY @q AS x"), ["q Document", "x"]);
}

#[test]
fn everything_is_loaded_by_its_name() {
    let all = compile("LOAD * APPLY @n AS x").unwrap();
    assert!(all.loads_all());
    assert_eq!(columns("LOAD * APPLY @n AS x"), ["n AsItIs", "x"]);
    let refused = "Property `other` not loaded nor in pipeline";
    assert_eq!(compile("LOAD * APPLY @other AS x").unwrap_err().to_string(), refused);
    let words: Vec<_> = "idx * LOAD * APPLY @n AS x".split(' ').map(str::as_bytes).collect();
    let json = Schema { source: Source::Json, ..schema() };
    let refused = Pipeline::compile(&Aggregate::parse(&words).unwrap().steps, &json, &[]).unwrap_err();
    assert_eq!(refused.to_string(), "Property `n` not loaded nor in pipeline");
}

/// Of each name that is shown, where it is from, in the order in which names are shown.
fn columns(line: &str) -> Vec<String> {
    let pipeline = compile(line).unwrap();
    let origin = |column| pipeline.sources().iter().find(|source| source.column == column);
    let line = |(name, column): &(String, usize)| match origin(*column) {
        Some(source) => format!("{name} {:?}", source.origin),
        None => name.clone(),
    };
    pipeline.shown().iter().map(line).collect()
}

#[test]
fn what_the_index_keeps_gives_way_to_what_is_loaded() {
    assert_eq!(columns("SORTBY 1 @z APPLY @z AS x LOAD 2 @n @z"), ["z Document", "x", "n Document"]);
    assert_eq!(columns("SORTBY 1 @z APPLY @z AS x LOAD *"), ["z AsItIs", "x"]);
    assert_eq!(columns("SORTBY 1 @z LOAD 3 @z AS q"), ["z Index", "q Document"]);
    assert_eq!(columns("APPLY 1 AS z LOAD 1 @z"), ["z"]);
    assert_eq!(columns("APPLY @z AS z LOAD 1 @z"), ["z"]);
    assert_eq!(columns("LOAD 1 @z APPLY 1 AS z LOAD *"), ["z Document"]);
    assert_eq!(columns("LOAD 1 @z GROUPBY 1 @z"), ["z Document"]);
}

#[test]
fn what_is_kept_is_limited() {
    let limited = |line: &str, limits| {
        let pipeline = compile(line).unwrap();
        let mut partial = Partial::new(&pipeline, limits, 1);
        rows(&pipeline).into_iter().try_for_each(|mut row| partial.add(&mut row))?;
        partial.finish()
    };
    let limits = Limits { rows_max: 3, groups_max: 3, values_max: 3 };
    assert_eq!(limited("LOAD 1 @n", limits), Err(AggregateError::TooMuch("rows")));
    assert_eq!(limited("LOAD 1 @n SORTBY 1 @n MAX 99", limits), Err(AggregateError::TooMuch("rows")));
    assert_eq!(limited("GROUPBY 1 @k", limits), Err(AggregateError::TooMuch("groups")));
    let kept = "values of reducers";
    assert_eq!(limited("GROUPBY 0 REDUCE TOLIST 1 @n", limits), Err(AggregateError::TooMuch(kept)));
    assert_eq!(limited("GROUPBY 0 REDUCE QUANTILE 2 @n 0.5", limits), Err(AggregateError::TooMuch(kept)));
    assert!(limited("GROUPBY 0 REDUCE COUNT 0", limits).is_ok());
}

#[test]
fn an_expression_without_a_value_ends_it() {
    let pipeline = compile("LOAD 1 @n FILTER @n>2").unwrap();
    let error = run(&pipeline, vec![rows(&pipeline)]).unwrap_err();
    assert_eq!(error.to_string(), "n: has no value, consider using EXISTS if applicable");
}

#[test]
fn counts_about_right() {
    let pipeline = compile("LOAD 1 @n GROUPBY 0 REDUCE COUNT_DISTINCTISH 1 @n AS c").unwrap();
    let row = |order: u64| Row {
        values: vec![Some(Value::Number((order % 30_000) as f64))],
        order,
        ..Row::default()
    };
    let shards = (0..4).map(|shard| (shard * 10_000..shard * 10_000 + 20_000).map(row).collect()).collect();
    let outcome = run(&pipeline, shards).unwrap();
    let Some(Value::Number(count)) = outcome.rows[0].values[0] else { panic!() };
    assert!((28_500.0..31_500.0).contains(&count), "{count}");
}

/// Aggregations whose results do not depend on how rows are spread, but for the last digits of numbers.
const SPREAD: [&str; 7] = [
    "LOAD 2 @k @n GROUPBY 1 @k REDUCE COUNT 0 AS c REDUCE SUM 1 @n AS s REDUCE MIN 1 @n AS lo REDUCE MAX 1 @n AS hi",
    "LOAD 2 @k @n GROUPBY 1 @k REDUCE AVG 1 @n AS a REDUCE STDDEV 1 @n AS d REDUCE QUANTILE 2 @n 0.7 AS q",
    "LOAD 3 @k @n @t GROUPBY 1 @k REDUCE COUNT_DISTINCT 1 @t AS c REDUCE COUNT_DISTINCTISH 1 @n AS i REDUCE TOLIST 1 @t AS l",
    "LOAD 3 @k @n @t GROUPBY 1 @k REDUCE FIRST_VALUE 1 @t AS f REDUCE FIRST_VALUE 4 @t BY @n DESC AS g",
    "LOAD 2 @k @n GROUPBY 1 @k REDUCE RANDOM_SAMPLE 2 @n 3 AS s",
    "LOAD 2 @k @n SORTBY 4 @k DESC @n ASC LIMIT 2 5",
    "LOAD 1 @n FILTER exists(@n) APPLY @n+1 AS x SORTBY 2 @x DESC MAX 4 GROUPBY 0 REDUCE SUM 1 @x AS s",
];

fn rounded(outcome: &Outcome) -> Vec<Vec<String>> {
    let value = |value: &Option<Value>| match value {
        Some(Value::Number(number)) => format!("{number:.6}"),
        other => other.as_ref().map_or_else(String::new, shown),
    };
    outcome.rows.iter().map(|row| row.values.iter().map(value).collect()).collect()
}

fn documents() -> impl Strategy<Value = Vec<[Option<Value>; 3]>> {
    let key = prop::sample::select(vec![None, Some(Value::text("a")), Some(Value::text("b"))]);
    let number = prop::option::of((-5..5_i32).prop_map(|number| Value::Number(f64::from(number) / 2.0)));
    let text = prop::sample::select(vec![
        None,
        Some(Value::text("x")),
        Some(Value::text("y")),
        Some(Value::text("7")),
    ]);
    prop::collection::vec((key, number, text).prop_map(|(key, number, text)| [key, number, text]), 0..60)
}

proptest! {
    #[test]
    fn spread_over_shards_it_is_the_same(documents in documents(), cuts in prop::collection::vec(0..60_usize, 0..4)) {
        for line in SPREAD {
            let pipeline = compile(line).unwrap();
            let row = |(order, document): (u64, &[Option<Value>; 3])| {
                let mut row = Row { order, ..Row::default() };
                for source in pipeline.sources() {
                    let at = ["k", "n", "t"].iter().position(|name| *name == source.field).unwrap();
                    if let Some(value) = document[at].clone() {
                        row.set(source.column, value);
                    }
                }
                row
            };
            let rows: Vec<_> = (0..).zip(&documents).map(row).collect();
            let whole = run(&pipeline, vec![rows.clone()]).unwrap();
            let mut places: Vec<_> = cuts.iter().map(|cut| (*cut).min(rows.len())).collect();
            places.extend([0, rows.len()]);
            places.sort_unstable();
            let shards = places.windows(2).map(|ends| rows[ends[0]..ends[1]].to_vec()).collect();
            let spread = run(&pipeline, shards).unwrap();
            prop_assert_eq!(rounded(&whole), rounded(&spread), "{}", line);
            prop_assert_eq!(whole.total, spread.total);
        }
    }
}

#[test]
fn json_is_ordered_by_the_first_value_in_it() {
    let json = |text: &str| Value::Json(Arc::from(text.as_bytes()));
    // Each is before the next.
    let ascending = [
        json("[null]"),
        json("[1.5]"),
        Value::Number(2.0),
        json("[3,0]"),
        json("[[1e20,1]]"),
        json(r#"["a\"b","z"]"#),
        Value::text("b"),
        json(r#"[["b,c"]]"#),
        json("[{\"n\":1}]"),
    ];
    for (at, left) in ascending.iter().enumerate() {
        for (other, right) in ascending.iter().enumerate() {
            assert_eq!(left.total_order(right), at.cmp(&other), "{left:?} {right:?}");
        }
    }
}
