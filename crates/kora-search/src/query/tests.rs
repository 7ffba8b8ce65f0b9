mod vectors;

use proptest::prelude::*;

use kora_index::query::{Attributes, Node, NodeKind, Pattern, TagMatch};
use kora_index::schema::{Field, FieldKind, Schema};

use super::{Dialect, Expand, Expansion, Options, Query, QueryError};
use crate::stop_words::StopWords;
use crate::testing::unescape;

/// Queries and what RediSearch 2.10.5 explains of them, VERBATIM: `> query`, then the dialects and the answer. Line ends and
/// backslashes are escaped.
const EXPLAINED: &str = include_str!("tests/explained.txt");

fn field(name: &str, kind: FieldKind) -> Field {
    Field {
        identifier: name.to_owned(),
        name: name.to_owned(),
        kind,
        sortable: false,
        un_normalised: false,
        no_index: false,
        index_missing: false,
        index_empty: false,
    }
}

fn text(name: &str, with_suffixes: bool, phonetic: Option<&str>) -> Field {
    let phonetic = phonetic.map(str::to_owned);
    field(name, FieldKind::Text { weight: 1.0, no_stem: false, phonetic, with_suffixes })
}

fn tag(name: &str, case_sensitive: bool) -> Field {
    field(name, FieldKind::Tag { separator: None, case_sensitive, with_suffixes: false })
}

/// The index that the answers were recorded with.
fn schema() -> Schema {
    let fields = vec![
        text("t", false, None),
        text("u", false, None),
        field("n", FieldKind::Numeric),
        tag("g", false),
        tag("h", true),
        field("o", FieldKind::Geo),
        text("x", true, None),
        Field { index_missing: true, ..tag("m", false) },
        text("s", false, Some("dm:en")),
        Field { index_empty: true, ..tag("e", false) },
        Field { index_empty: true, ..text("et", false, None) },
    ];
    Schema { fields, ..Schema::default() }
}

fn parameters() -> Vec<(String, Vec<u8>)> {
    let given =
        [("a", "1"), ("b", "2"), ("s", "foo"), ("S", "Foo Bar"), ("x", "foo*"), ("e", ""), ("km", "km")];
    given.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).to_vec()
}

struct Nothing;

impl Expand for Nothing {
    fn expansions(&self, _: &str, _: Option<&[String]>, _: Option<bool>) -> Vec<Expansion> {
        Vec::new()
    }
}

/// Stems by cutting an `s`, and has a group of synonyms for `boy`.
struct Stems;

impl Expand for Stems {
    fn expansions(&self, word: &str, _: Option<&[String]>, _: Option<bool>) -> Vec<Expansion> {
        let stem = word.trim_end_matches('s');
        let mut expansions = Vec::new();
        if word == "boy" {
            expansions.push(Expansion("~group".to_owned()));
        }
        expansions.push(Expansion(format!("+{stem}")));
        if stem != word {
            expansions.push(Expansion(stem.to_owned()));
        }
        expansions
    }
}

fn parse(dialect: i64, query: &str) -> Result<Query, QueryError> {
    read(dialect, query, false)
}

fn read(dialect: i64, query: &str, is_verbatim: bool) -> Result<Query, QueryError> {
    let parameters = parameters();
    let dialect = Dialect::new(dialect).unwrap();
    let options = Options { dialect, stop_words: StopWords::Default, parameters: &parameters, is_verbatim };
    Query::parse(query.as_bytes(), options)
}

fn explain(dialect: i64, query: &str, expand: &dyn Expand) -> String {
    explained(parse(dialect, query), expand)
}

fn explained(query: Result<Query, QueryError>, expand: &dyn Expand) -> String {
    let explained = query.and_then(|query| {
        query.check(&schema(), true)?;
        Ok(query.explain(&schema(), expand))
    });
    explained.unwrap_or_else(|error| format!("ERR {error}"))
}

fn meaning(query: &str) -> NodeKind {
    parse(2, query).unwrap().node().kind
}

#[test]
fn explains_as_recorded() {
    let mut query = String::new();
    let mut count = 0;
    for line in EXPLAINED.lines() {
        if let Some(text) = line.strip_prefix("> ") {
            query = unescape(text);
            continue;
        }
        let (dialects, answer) = line.split_once(' ').unwrap();
        for dialect in dialects.bytes() {
            let dialect = i64::from(dialect - b'0');
            let ours = explained(read(dialect, &query, true), &Nothing);
            assert_eq!(ours, unescape(answer), "{query} in dialect {dialect}");
            count += 1;
        }
    }
    assert!(count > 2000, "only {count} answers");
}

#[test]
fn later_dialects_are_read_as_the_second() {
    for query in ["a|foo bar|baz", "@t:foo bar", "-foo bar", "@n==5", "w'a*'"] {
        assert_eq!(explain(3, query, &Nothing), explain(2, query, &Nothing));
        assert_eq!(explain(4, query, &Nothing), explain(2, query, &Nothing));
    }
    assert_eq!(Dialect::new(0), None);
    assert_eq!(Dialect::new(5), None);
}

#[test]
fn shows_what_else_stands_for_words() {
    let cases = [
        ("runs", "UNION {\n  runs\n  +run(expanded)\n  run(expanded)\n}\n"),
        ("boy", "UNION {\n  boy\n  ~group(expanded)\n  +boy(expanded)\n}\n"),
        ("@t:boy", "@t:UNION {\n  @t:boy\n  @t:~group(expanded)\n  @t:+boy(expanded)\n}\n"),
        ("boy=>{$weight:2}", "UNION {\n  boy => {$weight: 2;}\n  ~group(expanded)\n  +boy(expanded)\n}\n"),
        ("-boys", "NOT{\n  boys\n}\n"),
        ("~boys", "OPTIONAL{\n  boys\n}\n"),
        ("\"boys\"", "EXACT {\n  boys\n}\n"),
        ("5", "5\n"),
        ("boys*", "PREFIX{boys*}\n"),
    ];
    for (query, expected) in cases {
        assert_eq!(explain(2, query, &Stems), expected, "{query}");
    }
    assert_eq!(explain(1, "5", &Stems), "UNION {\n  5\n  +5(expanded)\n}\n");
    assert_eq!(explain(1, "\"boys\"", &Stems), "boys\n");
    assert_eq!(explain(2, "@t:foo=>{$phonetic:true}", &Stems), "ERR field does not support phonetics");
}

#[test]
fn alternatives_stay_alternatives_where_stop_words_are_left_out() {
    assert_eq!(explain(2, "the|foo|bar", &Nothing), "UNION {\n  foo\n  bar\n}\n");
    assert_eq!(explain(2, "a|foo bar|baz", &Nothing), explain(2, "foo bar|baz", &Nothing));
    assert_eq!(
        explain(2, "foo|@g:{x}|bar", &Nothing),
        explain(2, "@g:{x}", &Nothing)
            .replace("TAG:@g {\n  x\n}\n", "UNION {\n  foo\n  TAG:@g {\n    x\n  }\n  bar\n}\n",)
    );
}

#[test]
fn alternatives_without_fields_are_told_from_those_with() {
    let shape = |query: &str| explain(2, query, &Nothing).split_whitespace().collect::<Vec<_>>().join(" ");
    let cases = [
        ("x|y|@t:z", "ERR Syntax error at offset 4 near t"),
        ("x|y|z|-@t:w", "ERR Syntax error at offset 7 near t"),
        ("(x|y)|z|@t:w", "ERR Syntax error at offset 8 near t"),
        ("x|@t:y|z", "UNION { x @t:y z }"),
        ("x|y|z @t:w|v", "UNION { INTERSECT { UNION { x y z } @t:w } v }"),
        ("@t:x|y|z|w", "UNION { @t:x y UNION { z w } }"),
        ("@t:x|y|z|w|@t:v", "ERR Syntax error at offset 11 near t"),
        ("@t:x|y|z|@t:v|w", "UNION { @t:x y UNION { z @t:v w } }"),
    ];
    for (query, expected) in cases {
        assert_eq!(shape(query), expected, "{query}");
    }
}

#[test]
fn what_is_not_built_is_refused() {
    let cases = [
        ("@o:[WITHIN $a]", "GEOSHAPE queries are not supported"),
        ("@o:[foo $a]", "Syntax error: Expecting a geoshape predicate at offset 8"),
    ];
    for (query, expected) in cases {
        assert_eq!(parse(2, query).unwrap_err().to_string(), expected, "{query}");
    }
}

#[test]
fn means_what_it_says() {
    let word = |text: &str, is_expandable| NodeKind::Word { text: text.to_owned(), is_expandable };
    assert_eq!(meaning(""), NodeKind::Nothing);
    assert_eq!(meaning("the"), NodeKind::Nothing);
    assert_eq!(meaning("*"), NodeKind::All);
    assert_eq!(meaning("Foo"), word("foo", true));
    assert_eq!(meaning("12"), word("12", false));
    assert_eq!(meaning("FO*"), NodeKind::Pattern(Pattern::Prefix("fo".to_owned())));
    assert_eq!(meaning("%%Foo%%"), NodeKind::Pattern(Pattern::Fuzzy("foo".to_owned(), 2)));
    assert_eq!(
        meaning("\"Foo the Bar\""),
        NodeKind::Phrase(vec!["foo".to_owned(), "the".to_owned(), "bar".to_owned()])
    );
    let NodeKind::Not(inner) = meaning("-foo") else { panic!() };
    assert_eq!(inner.kind, word("foo", false));
    let tags = |values: &[&str]| values.iter().map(|value| TagMatch::Value((*value).to_owned())).collect();
    assert_eq!(
        meaning("@g:{hello world|Foo\\-Bar|\" a b \"|$S}"),
        NodeKind::Tags("g".to_owned(), tags(&["hello world", "Foo-Bar", " a b ", "Foo Bar"]))
    );
    let NodeKind::Radius(_, radius) = meaning("@o:[1 2 3 km]") else { panic!() };
    assert_eq!((radius.longitude, radius.latitude, radius.metres), (1.0, 2.0, 3000.0));
    let said = parse(2, "(foo bar)=>{$weight:2;$slop:1;$inorder:true}").unwrap().node().attributes;
    assert_eq!(said, Attributes { weight: Some(2.0), slop: Some(1), in_order: Some(true), phonetic: None });
    let Node { kind: NodeKind::Within(_, inner), attributes } =
        parse(2, "(@t:(foo bar))=>{$slop:1}").unwrap().node()
    else {
        panic!("words of a field")
    };
    assert_eq!((inner.attributes.slop, attributes.slop), (Some(1), None));
}

#[test]
fn verbatim_words_and_no_stop_words() {
    let options = Options {
        dialect: Dialect::DEFAULT,
        stop_words: StopWords::None,
        parameters: &[],
        is_verbatim: true,
    };
    let query = Query::parse(b"the boys", options).unwrap();
    assert_eq!(query.explain(&schema(), &Stems), "INTERSECT {\n  the\n  boys\n}\n");
    let declared = ["boys".to_owned()];
    let options = Options { stop_words: StopWords::Declared(&declared), ..options };
    assert_eq!(Query::parse(b"the Boys", options).unwrap().explain(&schema(), &Stems), "the\n");
}

#[test]
fn depth_and_length_are_limited() {
    let deep = |open: &str, close: &str| format!("{}foo{}", open.repeat(100_000), close.repeat(100_000));
    for dialect in [1, 2] {
        for (open, close) in
            [("(", ")"), ("-", ""), ("~", ""), ("@t:(", ")"), ("5 ", ""), ("%", "%"), ("foo* ", "")]
        {
            if let Err(error) = parse(dialect, &deep(open, close)) {
                let is_known = matches!(error, QueryError::TooDeep | QueryError::Syntax { .. });
                assert!(is_known, "{open}: {error}");
            }
        }
        assert!(parse(dialect, &"(".repeat(150)).is_err());
        assert!(parse(dialect, &format!("{}foo{}", "(".repeat(150), ")".repeat(150))).is_ok());
    }
    assert_eq!(parse(2, &"x".repeat(super::LENGTH_MAX + 1)), Err(QueryError::TooLong(super::LENGTH_MAX)));
}

/// Pieces that queries are made of, for soups.
const PIECES: [&str; 44] = [
    "foo",
    "the",
    "9",
    "-5",
    "foo*",
    "*bar",
    "*b*",
    "\"foo bar\"",
    "\"",
    "'",
    "''",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "|",
    "-",
    "~",
    "@t:",
    "@n:[1 2]",
    "@g:{x}",
    "@n>=",
    "%",
    "=>",
    "=>{$weight:2}",
    "$s",
    "$",
    ":",
    ";",
    "*",
    "w'f?o'",
    "ismissing(@m)",
    "foo\\-x",
    "\\",
    "é",
    "_",
    ",",
    " ",
    "=>{",
    "$slop:1",
    "inf",
    "@o:[1 2 3 km]",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        crate::fuzz::query_input(&bytes);
    }

    #[test]
    fn any_pieces_are_read_or_refused(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..30)) {
        let text: String = pieces.concat();
        for dialect in [1, 2] {
            if let Ok(query) = parse(dialect, &text) {
                let _ = query.check(&schema(), true);
                let _ = (query.node(), query.explain(&schema(), &Stems));
            }
        }
    }

    #[test]
    fn what_is_written_is_read_back(written in written(3)) {
        let explained = explain(2, &written.query, &Nothing);
        prop_assert_eq!(explained, format!("{}\n", written.lines.join("\n")), "{}", written.query);
    }
}

/// A query and the lines that explain it.
#[derive(Clone, Debug)]
struct Written {
    query: String,
    lines: Vec<String>,
}

impl Written {
    fn leaf(query: &str, line: &str) -> Self {
        Self { query: query.to_owned(), lines: vec![line.to_owned()] }
    }

    fn group(head: &str, parts: &[Self], query: String) -> Self {
        let mut lines = vec![head.to_owned()];
        lines.extend(parts.iter().flat_map(|part| &part.lines).map(|line| format!("  {line}")));
        lines.push("}".to_owned());
        Self { query, lines }
    }
}

/// Queries in full parentheses, of which nothing can be read as part of what stands beside it.
fn written(depth: u32) -> impl Strategy<Value = Written> {
    let leaf = prop::sample::select(vec![
        Written::leaf("foo", "foo"),
        Written::leaf("ba*", "PREFIX{ba*}"),
        Written::leaf("w'b?'", "WILDCARD{b?}"),
        Written::leaf("%foo%", "FUZZY{foo}"),
        Written::leaf("@n:[1 (2]", "NUMERIC {1.000000 <= @n < 2.000000}"),
        Written::leaf("ismissing(@m)", "ISMISSING{m}"),
        Written::leaf("@t:foo", "@t:foo"),
    ]);
    leaf.prop_recursive(depth, 24, 4, |inner| {
        let joined = |sign: &'static str, head: &'static str| {
            move |parts: Vec<Written>| {
                // A group in front takes in what follows it, so a word stands there.
                let mut all = vec![Written::leaf("@t:foo", "@t:foo")];
                all.extend(parts);
                let query: Vec<_> = all.iter().map(|part| format!("({})", part.query)).collect();
                Written::group(head, &all, query.join(sign))
            }
        };
        // Behind two alternatives, those without fields are a union of their own.
        let few = prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(joined(" ", "INTERSECT {")),
            few.prop_map(joined("|", "UNION {")),
            inner.prop_map(|part| {
                let query = format!("-({})", part.query);
                Written::group("NOT{", &[part], query)
            }),
        ]
    })
}
