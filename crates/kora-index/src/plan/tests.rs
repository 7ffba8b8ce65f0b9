//! Which queries are refused, in which words; expected answers were recorded from RediSearch 2.10.5.

use super::*;
use crate::query::{Bound, NodeKind};
use crate::schema::{Field, FieldKind, Schema};

fn index() -> Index {
    let text = FieldKind::Text { weight: 1.0, no_stem: false, phonetic: None, with_suffixes: false };
    let tag = FieldKind::Tag { separator: None, case_sensitive: false, with_suffixes: false };
    let kinds =
        [("t", text.clone()), ("n", FieldKind::Numeric), ("g", tag), ("geo", FieldKind::Geo), ("m", text)];
    let fields = kinds.into_iter().map(|(name, kind)| Field {
        identifier: name.to_owned(),
        name: name.to_owned(),
        kind,
        sortable: false,
        un_normalised: false,
        no_index: false,
        index_missing: name == "m",
        index_empty: false,
    });
    Index::new(&Schema { fields: fields.collect(), ..Schema::default() }, 1).unwrap()
}

fn plan(kind: NodeKind) -> Result<Plan, String> {
    Plan::new(&index(), &Node::new(kind), &Options::default()).map_err(|error| error.to_string())
}

fn word(text: &str) -> Node {
    Node::new(NodeKind::Word { text: text.to_owned(), is_expandable: true })
}

fn within(name: &str, node: Node) -> NodeKind {
    NodeKind::Within(vec![name.to_owned()], Box::new(node))
}

fn radius(longitude: f64, latitude: f64, metres: f64) -> NodeKind {
    NodeKind::Radius("geo".to_owned(), Radius { longitude, latitude, metres })
}

#[test]
fn fields_that_cannot_match_match_nothing() {
    let bound = |value| Bound { value, is_exclusive: false };
    let range = |name: &str| NodeKind::Range(name.to_owned(), Range { from: bound(1.0), to: bound(2.0) });
    let nothing = [range("t"), range("zz"), range("g"), within("n", word("foo")), within("zz", word("foo"))];
    for kind in nothing {
        assert_eq!(plan(kind).unwrap().root, Part::Nothing);
    }
    assert_eq!(plan(NodeKind::Missing("zz".to_owned())).unwrap().root, Part::Nothing);
}

#[test]
fn errors_as_the_oracle_words_them() {
    let cases = [
        (
            NodeKind::Missing("t".to_owned()),
            "'ismissing' requires field 't' to be defined with 'INDEXMISSING'",
        ),
        (radius(200.0, 100.0, 2.0), "Invalid GeoFilter lat/lon"),
        (radius(1.0, f64::NAN, 2.0), "Invalid GeoFilter lat/lon"),
        (radius(1.0, 2.0, -3.0), "Invalid GeoFilter radius"),
    ];
    for (kind, error) in cases {
        assert_eq!(plan(kind).unwrap_err(), error);
    }
    let options = Options { language: Some("klingon".to_owned()), ..Options::default() };
    let error = Plan::new(&index(), &word("foo"), &options).unwrap_err();
    assert_eq!(error.to_string(), "No such language");
}

#[test]
fn expansions_in_the_oracles_order() {
    let mut index = index();
    let texts = |index: &Index, word: &str| -> Vec<String> {
        index
            .expansions(word, None, false)
            .unwrap()
            .iter()
            .map(|expansion| expansion.text().to_owned())
            .collect()
    };
    assert_eq!(texts(&index, "running"), ["+run", "run"]);
    assert_eq!(texts(&index, "hello"), ["+hello"]);
    index.set_synonyms([("child".to_owned(), vec!["g1".to_owned()])].into());
    assert_eq!(texts(&index, "child"), ["~g1", "+child"]);
}

#[test]
fn depth_is_limited() {
    let nested = |depth| (0..depth).fold(word("foo"), |node, _| Node::new(NodeKind::Not(Box::new(node))));
    assert!(Plan::new(&index(), &nested(DEPTH_MAX - 1), &Options::default()).is_ok());
    assert_eq!(
        Plan::new(&index(), &nested(DEPTH_MAX), &Options::default()).unwrap_err(),
        QueryError::TooDeep
    );
}

#[test]
fn short_patterns_find_nothing() {
    let pattern = |pattern| plan(NodeKind::Pattern(pattern)).unwrap().root;
    assert_eq!(pattern(Pattern::Prefix("h".to_owned())), Part::Nothing);
    assert!(matches!(pattern(Pattern::Prefix("hé".to_owned())), Part::Words { .. }));
}

#[test]
fn words_are_found_again_among_many() {
    let count = 100_000;
    let words = (0..2 * count).map(|number| word(&format!("w{}", number % count))).collect();
    let begun = std::time::Instant::now();
    let plan = plan(NodeKind::Or(words)).unwrap();
    assert!(plan.leaves.len() >= count && plan.leaves.len() <= 2 * count, "{}", plan.leaves.len());
    // Each compared with each would take minutes.
    assert!(begun.elapsed().as_secs() < 20);
}
