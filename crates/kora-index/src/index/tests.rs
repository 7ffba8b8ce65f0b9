//! What an index keeps of documents, and what it refuses. Expected answers were recorded from RediSearch 2.10.5, where one is to be had.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::document::{Content, SortValue, Values};
use crate::plan::{Options, Plan};
use crate::query::{Node, NodeKind, TagMatch};
use crate::score::Scorer;
use crate::search::{Flow, Hit, Search, SearchScoring, TopScores};
use crate::statistics::Gathering;

fn text_kind(weight: f64) -> FieldKind {
    FieldKind::Text { weight, no_stem: false, phonetic: None, with_suffixes: false }
}

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

fn tag_kind() -> FieldKind {
    FieldKind::Tag { separator: None, case_sensitive: false, with_suffixes: false }
}

fn index_of(fields: Vec<Field>, schema: Schema) -> Index {
    Index::new(&Schema { fields, ..schema }, 7).unwrap()
}

fn texts<'a>(values: &[&'a str]) -> Document<'a> {
    let fields =
        values.iter().map(|text| Values { content: Content::Text(vec![text.as_bytes()]), sort: None });
    Document { fields: fields.collect(), ..Document::default() }
}

fn word(text: &str) -> Node {
    Node::new(NodeKind::Word { text: text.to_owned(), is_expandable: true })
}

fn phrase(words: &[&str]) -> Node {
    Node::new(NodeKind::Phrase(words.iter().map(|word| (*word).to_owned()).collect()))
}

fn both(one: Node, other: Node) -> Node {
    Node::new(NodeKind::And(vec![one, other]))
}

fn tag(name: &str, value: &str) -> Node {
    Node::new(NodeKind::Tags(name.to_owned(), vec![TagMatch::Value(value.to_owned())]))
}

fn search(
    index: &mut Index,
    node: &Node,
    options: &Options,
    scoring: &SearchScoring<'_>,
) -> Vec<(String, f64)> {
    let plan = Arc::new(Plan::new(index, node, options).unwrap());
    let snapshot = index.snapshot();
    let statistics = Arc::new(Gathering::all(index, &plan));
    let mut search = Search::new(index, plan, statistics, snapshot);
    let mut top = TopScores::new(100);
    while !search.step(index, 2, scoring, |found| {
        top.offer(Hit { document: found.document, score: found.score(), order: found.order() });
        Flow::Continue
    }) {}
    let key = |hit: &Hit| String::from_utf8(index.key(search.snapshot(), hit.document).to_vec()).unwrap();
    top.finish().iter().map(|hit| (key(hit), hit.score)).collect()
}

fn keys(index: &mut Index, node: &Node, options: &Options) -> Vec<String> {
    search(index, node, options, &SearchScoring::default()).into_iter().map(|(key, _)| key).collect()
}

fn finds(index: &mut Index, node: &Node) -> bool {
    !keys(index, node, &Options::default()).is_empty()
}

#[test]
fn stems_count_a_fifth_of_the_weight() {
    let mut index = index_of(vec![field("t", text_kind(10.0))], Schema::default());
    index.put(b"d", &texts(&["running foo"])).unwrap();
    let run = search(&mut index, &word("run"), &Options::default(), &SearchScoring::default());
    assert_eq!(run, [("d".to_owned(), 0.2)]);
    let foo = search(&mut index, &word("foo"), &Options::default(), &SearchScoring::default());
    assert_eq!(foo, [("d".to_owned(), 1.0)]);
}

#[test]
fn without_positions_phrases_are_conjunctions() {
    let schema = Schema { no_offsets: true, ..Schema::default() };
    let mut index = index_of(vec![field("t", text_kind(1.0))], schema);
    index.put(b"d", &texts(&["a1 b1 c1"])).unwrap();
    assert!(finds(&mut index, &phrase(&["a1", "c1"])));
    assert!(!finds(&mut index, &phrase(&["a1", "x1"])));
    let strict = Options { slop: Some(0), in_order: true, ..Options::default() };
    assert_eq!(keys(&mut index, &both(word("c1"), word("a1")), &strict), ["d"]);
}

#[test]
fn without_frequencies_each_word_counts_once() {
    let schema = Schema { no_frequencies: true, ..Schema::default() };
    let mut index = index_of(vec![field("t", text_kind(1.0))], schema);
    index.put(b"d", &texts(&["a1 a1 a1 b1"])).unwrap();
    let found = search(&mut index, &word("a1"), &Options::default(), &SearchScoring::default());
    assert_eq!(found, [("d".to_owned(), 1.0 / 3.0)]);
    assert!(finds(&mut index, &phrase(&["a1", "b1"])));
}

#[test]
fn without_fields_a_word_is_in_any() {
    let schema = Schema { no_fields: true, ..Schema::default() };
    let mut index = index_of(vec![field("t", text_kind(1.0)), field("b", text_kind(1.0))], schema);
    index.put(b"d", &texts(&["a1", "b1"])).unwrap();
    for name in ["t", "b", "zz"] {
        assert!(finds(&mut index, &Node::new(NodeKind::Within(vec![name.to_owned()], Box::new(word("b1"))))));
    }
}

#[test]
fn slop_and_order_of_the_whole_query() {
    let mut index = index_of(vec![field("t", text_kind(1.0))], Schema::default());
    index.put(b"d", &texts(&["a1 b1 c1 d1"])).unwrap();
    let slop = |slop, in_order| Options { slop: Some(slop), in_order, ..Options::default() };
    let pair = |one: &str, other: &str| both(word(one), word(other));
    let cases = [
        (pair("a1", "c1"), slop(0, false), false),
        (pair("a1", "c1"), slop(1, false), true),
        (pair("c1", "a1"), slop(-1, true), false),
        (pair("a1", "c1"), slop(-1, true), true),
        (Node::new(NodeKind::Or(vec![word("a1"), word("zz")])), slop(0, false), true),
        (Node::new(NodeKind::Or(vec![pair("a1", "c1"), word("zz")])), slop(0, false), false),
        (phrase(&["a1", "c1"]), slop(1, false), false),
        (phrase(&["c1", "a1"]), slop(5, false), false),
    ];
    for (node, options, expected) in cases {
        assert_eq!(!keys(&mut index, &node, &options).is_empty(), expected, "{node:?} {options:?}");
    }
}

#[test]
fn synonyms_stand_for_each_other() {
    let mut index = index_of(vec![field("t", text_kind(1.0))], Schema::default());
    let groups: BTreeMap<String, Vec<String>> =
        ["boy", "child", "kids"].iter().map(|word| ((*word).to_owned(), vec!["g1".to_owned()])).collect();
    index.set_synonyms(groups);
    for (order, (key, text)) in
        (0..).zip([("d1", "the boy runs boy"), ("d2", "childs play"), ("d3", "child foo")])
    {
        index.put(key.as_bytes(), &Document { order, ..texts(&[text]) }).unwrap();
    }
    let find = |index: &mut Index, node: &Node, scorer| {
        search(index, node, &Options::default(), &SearchScoring { scorer, ..SearchScoring::default() })
    };
    let scored = |rows: &[(&str, f64)]| {
        rows.iter().map(|(key, score)| ((*key).to_owned(), *score)).collect::<Vec<_>>()
    };
    assert_eq!(
        find(&mut index, &word("child"), Scorer::TfIdf),
        scored(&[("d3", 3.0), ("d2", 2.0), ("d1", 1.0)])
    );
    assert_eq!(find(&mut index, &word("boy"), Scorer::TfIdfDocNorm), scored(&[("d1", 2.0), ("d3", 0.5)]));
    assert!(!finds(&mut index, &phrase(&["kids"])) && !finds(&mut index, &word("baby")));
    let words: Vec<&str> = index.words("").map(|(word, _)| word).collect();
    assert_eq!(words, ["+child", "+run", "boy", "child", "childs", "foo", "play", "runs", "~g1"]);
}

#[test]
fn own_scores_and_payloads() {
    let mut index =
        index_of(vec![field("t", text_kind(1.0))], Schema { score: Some(0.5), ..Schema::default() });
    let rows: [(&str, Option<f64>, &[u8]); 3] =
        [("d1", Some(0.3), b"abcd"), ("d2", None, b"abcf"), ("d3", Some(7.0), b"ab")];
    for (order, (key, score, payload)) in (0..).zip(rows) {
        index
            .put(key.as_bytes(), &Document { score, payload: Some(payload), order, ..texts(&["foo"]) })
            .unwrap();
    }
    let expected: [(Scorer, [(&str, f64); 3]); 6] = [
        (Scorer::TfIdf, [("d3", 7.0), ("d2", 0.5), ("d1", 0.300_000_011_920_928_96)]),
        (
            Scorer::Bm25,
            [
                ("d3", 3.181_818_112_854_131_6),
                ("d2", 0.227_272_722_346_723_7),
                ("d1", 0.136_363_638_826_638_16),
            ],
        ),
        (
            Scorer::Bm25Std,
            [
                ("d3", 0.934_720_061_296_036_5),
                ("d2", 0.066_765_718_664_002_6),
                ("d1", 0.040_059_432_790_220_34),
            ],
        ),
        (Scorer::DocScore, [("d3", 7.0), ("d2", 0.5), ("d1", 0.300_000_011_920_928_96)]),
        (Scorer::Hamming, [("d1", 1.0), ("d2", 0.5), ("d3", 0.0)]),
        (Scorer::DisMax, [("d1", 1.0), ("d2", 1.0), ("d3", 1.0)]),
    ];
    for (scorer, rows) in expected {
        let scoring = SearchScoring { scorer, payload: Some(b"abcd"), ..SearchScoring::default() };
        let found = search(&mut index, &word("foo"), &Options::default(), &scoring);
        for ((key, score), (wanted_key, wanted)) in found.iter().zip(rows) {
            assert_eq!(key, wanted_key, "{scorer:?}");
            assert!((score - wanted).abs() <= wanted * 4e-16, "{scorer:?} {score:?} {wanted:?}");
        }
    }
    assert_eq!(index.payload(index.document(b"d1").unwrap()), Some(&b"abcd"[..]));
}

#[test]
fn empty_values_are_found_if_that_is_indexed() {
    let with_empty = |name, kind| Field { index_empty: true, ..field(name, kind) };
    let fields = vec![with_empty("t", text_kind(1.0)), with_empty("g", tag_kind()), field("h", tag_kind())];
    let mut index = index_of(fields, Schema::default());
    for (key, text, tag) in [("d1", "", ""), ("d2", "the", "a,,b"), ("d3", " ", " ")] {
        let value = |content| Values { content, sort: None };
        let fields =
            vec![value(Content::Text(vec![text.as_bytes()])), value(Content::Tags(vec![tag.as_bytes()]))];
        index.put(key.as_bytes(), &Document { fields, ..Document::default() }).unwrap();
    }
    let mut found = keys(&mut index, &tag("g", ""), &Options::default());
    found.sort();
    assert_eq!(found, ["d1", "d2", "d3"]);
    assert_eq!(keys(&mut index, &word(""), &Options::default()), ["d1"]);
    assert!(keys(&mut index, &phrase(&[]), &Options::default()).is_empty());
    assert_eq!(index.tag_values(1, "").collect::<Vec<_>>(), [("", 3), ("a", 1), ("b", 1)]);
    let error = Plan::new(&index, &tag("h", ""), &Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Use `INDEXEMPTY` in field creation in order to index and query for empty strings"
    );
}

#[test]
fn the_case_of_sort_values_is_folded() {
    let sortable = |name, kind, un_normalised| Field { sortable: true, un_normalised, ..field(name, kind) };
    let fields = vec![
        sortable("s", text_kind(1.0), false),
        sortable("u", tag_kind(), true),
        sortable("n", FieldKind::Numeric, false),
    ];
    let mut index = index_of(fields, Schema::default());
    for (key, text, number) in [("a", "ÉCole", 1.5), ("b", "x", -0.0), ("c", "", 9e300)] {
        let sort = Some(SortValue::Text(text.as_bytes().to_vec()));
        let fields = vec![
            Values { content: Content::Text(vec![text.as_bytes()]), sort: sort.clone() },
            Values { content: Content::Tags(vec![text.as_bytes()]), sort },
            Values { content: Content::Numbers(vec![number]), sort: Some(SortValue::Number(number)) },
        ];
        index.put(key.as_bytes(), &Document { fields, ..Document::default() }).unwrap();
    }
    let of = |key: &[u8], field| index.sortable(index.document(key).unwrap(), field);
    assert_eq!(of(b"a", 0), SortKey::Text("école".as_bytes()));
    assert_eq!(of(b"a", 1), SortKey::Text("ÉCole".as_bytes()));
    assert_eq!(
        (of(b"a", 2), of(b"b", 2), of(b"c", 2)),
        (SortKey::Number(1.5), SortKey::Number(-0.0), SortKey::Number(9e300))
    );
    assert_eq!(of(b"a", 3), SortKey::Missing);
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut index = index_of(vec![field("t", text_kind(1.0)), field("p", FieldKind::Geo)], Schema::default());
    index.put(b"d", &texts(&["foo"])).unwrap();
    let before = index.memory();
    let with = |content| {
        let mut document = texts(&["bar"]);
        document.fields.push(Values { content, sort: None });
        document
    };
    let cases = [
        (Document { language: Some("klingon"), ..texts(&["bar"]) }, "Unknown language: `klingon`"),
        (with(Content::Numbers(vec![1.0])), "Content of another kind than field `p`"),
        (with(Content::Points(vec![(0.0, 90.0)])), "Invalid geo coordinates in field `p`"),
        (with(Content::Points(vec![(f64::NAN, 0.0)])), "Invalid geo coordinates in field `p`"),
        (texts(&["bar", "bar", "bar"]), "Content of another kind than field ``"),
    ];
    for (document, error) in cases {
        assert_eq!(index.put(b"d", &document).unwrap_err().to_string(), error);
        assert_eq!(index.memory(), before);
    }
    assert!(finds(&mut index, &word("foo")) && !finds(&mut index, &word("bar")));
}

#[test]
fn only_keys_that_are_asked_for() {
    let mut index = index_of(vec![field("t", text_kind(1.0))], Schema::default());
    for key in [b"a", b"b", b"c"] {
        index.put(key, &texts(&["foo"])).unwrap();
    }
    let options =
        Options { keys: Some(vec![b"c".to_vec(), b"x".to_vec(), b"a".to_vec()]), ..Options::default() };
    let mut found = keys(&mut index, &word("foo"), &options);
    found.sort();
    assert_eq!(found, ["a", "c"]);
}

#[test]
fn hostile_documents() {
    let mut index =
        index_of(vec![field("t", text_kind(f64::INFINITY)), field("g", tag_kind())], Schema::default());
    let long = "x".repeat(1 << 20);
    let many: String = (0..50_000).map(|number| format!("w{number},")).collect();
    let value = |content| Values { content, sort: None };
    let texts: [&[u8]; 5] = [long.as_bytes(), many.as_bytes(), b"\xff\xfe\\", b"\0\0", b"\\"];
    for text in texts {
        let fields = vec![value(Content::Text(vec![text; 3])), value(Content::Tags(vec![text; 3]))];
        index.put(b"d", &Document { fields, score: Some(f64::NAN), ..Document::default() }).unwrap();
    }
    index.put(b"", &Document::default()).unwrap();
    assert!(index.rename(b"", b"d") && !index.rename(b"", b"d") && index.remove(b"d"));
    assert_eq!(index.memory_bytes(), 0);
}

#[test]
fn schemas_that_are_refused() {
    let many: Vec<Field> = (0..129).map(|number| field(&format!("f{number}"), text_kind(1.0))).collect();
    let new = |schema: Schema| Index::new(&schema, 1).map(drop).map_err(|error| error.to_string());
    let of = |fields| Schema { fields, ..Schema::default() };
    assert_eq!(new(of(many[..128].to_vec())), Ok(()));
    assert_eq!(new(of(many)), Err("Schema is limited to 128 TEXT fields".to_owned()));
    let language = Some(crate::schema::Language("klingon".to_owned()));
    assert_eq!(new(Schema { language, ..Schema::default() }), Err("Unknown language: `klingon`".to_owned()));
}

/// The last of 128 text fields has a bit of its own.
#[test]
fn words_of_the_last_field() {
    let fields: Vec<Field> = (0..128).map(|number| field(&format!("f{number}"), text_kind(1.0))).collect();
    let mut index = index_of(fields, Schema::default());
    let mut values = vec![""; 127];
    values.push("foo");
    index.put(b"d", &texts(&values)).unwrap();
    let within = |name: &str| Node::new(NodeKind::Within(vec![name.to_owned()], Box::new(word("foo"))));
    assert!(finds(&mut index, &within("f127")) && !finds(&mut index, &within("f126")));
}

/// A field that came later has no values in what was there before.
#[test]
fn fields_that_came_later() {
    let mut index = index_of(vec![field("t", text_kind(1.0))], Schema::default());
    index.put(b"old", &texts(&["foo"])).unwrap();
    let later = Field { index_missing: true, sortable: true, ..field("g", tag_kind()) };
    index.add_fields(&[later, field("n", FieldKind::Numeric), field("u", text_kind(1.0))]).unwrap();
    let value = |content, sort| Values { content, sort };
    let fields = vec![
        value(Content::Text(vec![b"foo"]), None),
        value(Content::Tags(vec![b"x"]), Some(SortValue::Text(b"x".to_vec()))),
        value(Content::Numbers(vec![3.0]), None),
        value(Content::Text(vec![b"bar"]), None),
    ];
    index.put(b"new", &Document { fields, order: 1, ..Document::default() }).unwrap();
    assert_eq!(keys(&mut index, &word("foo"), &Options::default()), ["old", "new"]);
    assert_eq!(keys(&mut index, &tag("g", "x"), &Options::default()), ["new"]);
    assert_eq!(keys(&mut index, &word("bar"), &Options::default()), ["new"]);
    assert_eq!(index.sortable(index.document(b"old").unwrap(), 1), SortKey::Missing);
    assert!(index.remove(b"old") && index.remove(b"new"));
    assert_eq!(index.memory_bytes(), 0);
}

#[test]
fn estimates() {
    let mut index = index_of(vec![field("t", text_kind(1.0)), field("g", tag_kind())], Schema::default());
    for (key, text) in [(b"a", "foo bar"), (b"b", "foo"), (b"c", "baz")] {
        index.put(key, &texts(&[text])).unwrap();
    }
    let estimate = |node: &Node| {
        let plan = Plan::new(&index, node, &Options::default()).unwrap();
        plan.estimate(&Gathering::all(&index, &plan))
    };
    assert_eq!(estimate(&word("foo")), 2);
    assert_eq!(estimate(&both(word("foo"), word("bar"))), 1);
    assert_eq!(estimate(&Node::new(NodeKind::Or(vec![word("foo"), word("foo")]))), 3);
    assert_eq!(estimate(&Node::new(NodeKind::Not(Box::new(word("foo"))))), 3);
    assert_eq!(estimate(&tag("g", "x")), 0);
}

/// What the scalars of a field take goes with their documents, also while a snapshot holds these back.
#[test]
fn what_scalars_take_is_told() {
    let mut index = index_of(vec![field("a", FieldKind::Scalar)], Schema::default());
    let values: Vec<Vec<u8>> =
        (0..300).map(|number| crate::scalar::Scalar::Text(&[b'x'; 200][..number % 180]).encoded()).collect();
    let mut snapshot = None;
    for round in 0..3 {
        for (number, value) in (0_u64..).zip(&values) {
            let content = Content::Scalars(vec![&value[..], &value[..], &b"\x01"[..]]);
            let fields = vec![Values { content, sort: None }];
            index.put(&number.to_le_bytes(), &Document { fields, ..Document::default() }).unwrap();
        }
        let listed: usize = values.iter().map(|value| 2 * (value.len() + 1 + value.len() / 128) + 2).sum();
        let bytes = index.scalar_figures(0).bytes;
        assert!(bytes > listed && bytes < 8 * listed, "{bytes} for {listed}");
        snapshot = (round == 0).then(|| index.snapshot());
    }
    drop(snapshot);
    (0_u64..300).for_each(|number| assert!(index.remove(&number.to_le_bytes())));
    index.reclaim_all(|_| true);
    assert_eq!(index.scalar_figures(0).bytes, 0);
    assert_eq!(index.memory().record_bytes, 0);
}
