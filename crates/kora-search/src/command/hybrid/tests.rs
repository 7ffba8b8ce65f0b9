//! Arguments of FT.HYBRID, as its documentation has them.

use super::*;

fn words(line: &str) -> Vec<&[u8]> {
    line.split(' ').filter(|word| !word.is_empty()).map(str::as_bytes).collect()
}

fn parse(line: &str) -> Result<Hybrid> {
    Hybrid::parse(&words(&format!("idx {line}")))
}

fn error(line: &str) -> String {
    parse(line).unwrap_err().to_string()
}

#[test]
fn nothing_said_means_the_defaults() {
    let hybrid = parse("SEARCH shoes VSIM @v $b").unwrap();
    assert_eq!((hybrid.search.query.as_slice(), hybrid.window), (&b"shoes"[..], 20));
    assert_eq!((hybrid.search.options.scorer, hybrid.tanh_divisor), (Some(Scorer::Bm25Std), None));
    assert_eq!((hybrid.similar.field.as_str(), hybrid.similar.parameter.as_str()), ("v", "b"));
    assert_eq!(hybrid.similar.reach, Reach::Nearest { count: 10, candidates: None });
    assert_eq!(hybrid.combination, Combination::Ranks { constant: 60.0 });
    let limit = Some(Limit { offset: 0, count: 10 });
    assert_eq!(hybrid.search.steps, [Step::Arrange(Arrange { limit, ..Arrange::default() })]);
}

#[test]
fn all_of_it() {
    let hybrid = parse(
        "SEARCH shoes SCORER TFIDF YIELD_SCORE_AS s VSIM @v $b KNN 4 K 3 EF_RUNTIME 50 FILTER @n:[1,2] POLICY BATCHES BATCH_SIZE 7 \
         YIELD_SCORE_AS d COMBINE LINEAR 8 ALPHA 0.25 BETA 0.75 WINDOW 30 YIELD_SCORE_AS c LOAD 1 @t SORTBY 2 @t DESC LIMIT 1 5 \
         PARAMS 2 b xx TIMEOUT 100",
    )
    .unwrap();
    assert_eq!(hybrid.search.options.scorer, Some(Scorer::TfIdf));
    assert_eq!((hybrid.search_score.as_deref(), hybrid.similar.score.as_deref()), (Some("s"), Some("d")));
    assert_eq!((hybrid.score.as_deref(), hybrid.window), (Some("c"), 30));
    assert_eq!(hybrid.similar.reach, Reach::Nearest { count: 3, candidates: Some(50) });
    assert_eq!(hybrid.similar.filter.as_deref(), Some(&b"@n:[1,2]"[..]));
    assert_eq!(hybrid.similar.policy, Some(("BATCHES".to_owned(), Some(7))));
    assert_eq!(hybrid.combination, Combination::Linear { words: 0.25, vectors: 0.75 });
    assert_eq!(hybrid.search.options.parameters, [("b".to_owned(), b"xx".to_vec())]);
    assert_eq!(hybrid.search.options.timeout_ms, Some(100));
    assert_eq!(hybrid.search.steps.len(), 2);
    let hybrid = parse("SEARCH x SCORER BM25STD.TANH VSIM @v $b").unwrap();
    assert_eq!((hybrid.search.options.scorer, hybrid.tanh_divisor), (Some(Scorer::Bm25Std), Some(4.0)));
    let range =
        parse("SEARCH x VSIM @v $b RANGE 6 RADIUS 2 EPSILON 0.5 YIELD_SCORE_AS d COMBINE RRF 2 CONSTANT 1.5")
            .unwrap();
    assert_eq!(range.similar.reach, Reach::Within { radius: 2.0, epsilon: Some(0.5) });
    assert_eq!(range.similar.score.as_deref(), Some("d"));
    assert_eq!(range.combination, Combination::Ranks { constant: 1.5 });
}

#[test]
fn what_is_wrong_is_refused() {
    let cases = [
        ("", "SEARCH argument is required"),
        ("shoes", "SEARCH argument is required"),
        ("SEARCH x", "VSIM argument is required"),
        ("SEARCH x SCORER FOO VSIM @v $b", "No such scorer FOO"),
        ("SEARCH x VSIM v $b", "Missing @ prefix for vector field name `v`. Did you mean `@v`?"),
        ("SEARCH x VSIM @v b", "The vector of VSIM must be a parameter: $name, and PARAMS gives it"),
        ("SEARCH x VSIM @v $b KNN 2 EF_RUNTIME 5", "Missing required argument K"),
        ("SEARCH x VSIM @v $b KNN 2 K 0", "Bad arguments for K: Value is outside acceptable bounds"),
        ("SEARCH x VSIM @v $b KNN 1 K", "Invalid KNN argument count: expected pairs of names and values"),
        ("SEARCH x VSIM @v $b KNN 4 K 1 K 2", "Duplicate K argument"),
        ("SEARCH x VSIM @v $b KNN 2 RADIUS 1", "Unknown argument `RADIUS` in KNN"),
        ("SEARCH x VSIM @v $b RANGE 2 EPSILON 1", "Missing required argument RADIUS"),
        ("SEARCH x VSIM @v $b COMBINE FOO", "Bad arguments for COMBINE: Unknown argument"),
        (
            "SEARCH x VSIM @v $b COMBINE RRF 2 WINDOW 0",
            "Bad arguments for WINDOW: Value is outside acceptable bounds",
        ),
        (
            "SEARCH x VSIM @v $b COMBINE LINEAR 2 ALPHA 1",
            "Bad arguments for BETA: Expected an argument, but none provided",
        ),
        ("SEARCH x VSIM @v $b WITHCURSOR", "WITHCURSOR is not supported in FT.HYBRID"),
        ("SEARCH x VSIM @v $b DIALECT 2", "DIALECT is not supported in FT.HYBRID"),
        ("SEARCH x VSIM @v $b NOSORT SORTBY 1 @n", "NOSORT and SORTBY exclude each other"),
    ];
    for (line, expected) in cases {
        assert_eq!(error(line), expected, "{line}");
    }
}
