//! Queries for vectors.

use kora_index::query::{Near, Nearest, NearestWay, Node, NodeKind, Policy};
use kora_index::schema::{Algorithm, Element, FieldKind, GraphKind, Metric, Schema, VectorKind};

use super::super::{Dialect, Options, Query, QueryError};
use super::{Nothing, Stems, field, tag, text};
use crate::stop_words::StopWords;
use crate::testing::unescape;

/// Queries of dialect 2 and what RediSearch 2.10.5 explains of them, VERBATIM, or says that is wrong with them.
const EXPLAINED: &str = include_str!("vectors.txt");

/// The index that the answers were recorded with.
fn schema() -> Schema {
    let vector = |metric, algorithm| {
        FieldKind::Vector(VectorKind { element: Element::Float32, dimensions: 2, metric, algorithm })
    };
    let fields = vec![
        field("v", vector(Metric::L2, Algorithm::Flat)),
        field("w", vector(Metric::Cosine, Algorithm::Hnsw(GraphKind::default()))),
        text("t", false, None),
        field("n", FieldKind::Numeric),
        tag("g", false),
    ];
    Schema { fields, ..Schema::default() }
}

fn read(query: &str, dialect: i64) -> Result<Query, QueryError> {
    let parameters = [("b", &[1, 0, 0, 0, 0, 255, 0, 0][..]), ("k", b"3"), ("p", b"x")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_vec()));
    let dialect = Dialect::new(dialect).unwrap();
    let options =
        Options { dialect, stop_words: StopWords::Default, parameters: &parameters, is_verbatim: false };
    let query = Query::parse(query.as_bytes(), options)?;
    query.check(&schema(), true)?;
    Ok(query)
}

#[test]
fn explains_as_recorded() {
    let mut lines = EXPLAINED.lines();
    let mut count = 0;
    while let (Some(query), Some(expected)) = (lines.next(), lines.next()) {
        let query = query.strip_prefix("> ").unwrap();
        let ours = read(query, 2).map(|query| query.explain(&schema(), &Nothing));
        let ours = ours.unwrap_or_else(|error| format!("ERR {error}"));
        assert_eq!(ours, unescape(expected), "{query}");
        count += 1;
    }
    assert!(count > 80, "only {count} queries");
}

#[test]
fn the_first_dialect_has_no_vectors() {
    for (query, expected) in [
        ("*=>[KNN 2 @v $b]", "Syntax error at offset 1 near >["),
        ("@v:[VECTOR_RANGE 2 $b]", "Syntax error at offset 4 near VECTOR_RANGE"),
    ] {
        assert_eq!(read(query, 1).unwrap_err().to_string(), expected, "{query}");
    }
}

#[test]
fn words_of_a_filter_are_not_expanded() {
    let query = read("boys=>[KNN 3 @v $b]", 2).unwrap();
    assert!(query.explain(&schema(), &Stems).starts_with("VECTOR {\n  boys\n} => {K=3 "));
}

#[test]
fn means_what_it_says() {
    let vector = vec![1, 0, 0, 0, 0, 255, 0, 0];
    let near =
        Near { field: "v".to_owned(), vector: vector.clone(), radius: 1.5, epsilon: None, distance: None };
    assert_eq!(read("@v:[VECTOR_RANGE 1.5 $b]", 2).unwrap().node().kind, NodeKind::Near(near.clone()));
    let named = Near { distance: Some("d".to_owned()), ..near };
    let query = "@v:[VECTOR_RANGE 1.5 $b]=>{$yield_distance_as: d}";
    assert_eq!(read(query, 2).unwrap().node().kind, NodeKind::Near(named));
    let nearest = |distance: &str, filter| {
        let (field, vector, distance) = ("v".to_owned(), vector.clone(), distance.to_owned());
        let (filter, way) = (Node::new(filter), NearestWay::default());
        NodeKind::Nearest(Box::new(Nearest { field, vector, count: 3, distance, filter, way }))
    };
    assert_eq!(read("*=>[KNN $k @v $b]", 2).unwrap().node().kind, nearest("__v_score", NodeKind::All));
    let word = NodeKind::Word { text: "foo".to_owned(), is_expandable: false };
    assert_eq!(read("foo=>[KNN 3 @v $b AS d]", 2).unwrap().node().kind, nearest("d", word));
}

#[test]
fn how_to_search_is_kept() {
    let way = |query: &str| match read(query, 2).unwrap().node().kind {
        NodeKind::Nearest(nearest) => nearest.way,
        other => panic!("{other:?}"),
    };
    assert_eq!(way("*=>[KNN 3 @w $b EF_RUNTIME 70]"), NearestWay { candidates: Some(70), policy: None });
    assert_eq!(way("*=>[KNN 3 @w $b]=>{$ef_runtime: 71}").candidates, Some(71));
    let policy = |query| way(query).policy;
    assert_eq!(policy("foo=>[KNN 3 @w $b HYBRID_POLICY adhoc_bf]"), Some(Policy::Exact));
    assert_eq!(policy("foo=>[KNN 3 @w $b HYBRID_POLICY BATCHES]"), Some(Policy::Graph(None)));
    let batches = Some(Policy::Graph(Some(9)));
    assert_eq!(policy("foo=>[KNN 3 @w $b HYBRID_POLICY BATCHES BATCH_SIZE 9]"), batches);
    assert_eq!(policy("foo=>[KNN 3 @w $b BATCH_SIZE 9]"), batches);
    let NodeKind::Near(near) = read("@w:[VECTOR_RANGE 1 $b]=>{$epsilon: 0.5}", 2).unwrap().node().kind else {
        panic!("it is a range");
    };
    assert_eq!(near.epsilon, Some(0.5));
}
