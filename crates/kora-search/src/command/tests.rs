use kora_index::query::{Bound, Range};
use kora_index::schema::{Algorithm, Element, Field, FieldKind, GraphKind, Language, Source, VamanaKind};
use kora_index::score::Scorer;

use super::aggregate::Aggregate;
use super::create::{Alter, Create};
use super::options::{CursorOptions, Expander, Limit};
use super::search::{Pieces, Returned, Search, Shown, Sort, Style, Tags};
use super::small::{Alias, Cursor, DropIndex, Profile, Profiled, TagVals, parse_explain};
use super::words::{DictChange, SpellCheck, SugAdd, SugGet, SynUpdate};
use super::{ArgumentError, BadValue};
use crate::aggregate::plan::{Arrange, Group, Load, Loaded, Reducer, Reduction, Step};
use crate::query::Dialect;

/// Commands that RediSearch 2.10.5 refuses, and its errors: `> command`, then the error. `''` is an empty argument.
const REFUSED: &str = include_str!("tests/refused.txt");

fn words(line: &str) -> Vec<&[u8]> {
    let words = line.split(' ').filter(|word| !word.is_empty());
    words.map(|word| if word == "''" { &b""[..] } else { word.as_bytes() }).collect()
}

fn create(line: &str) -> Result<Create, ArgumentError> {
    Create::parse(&words(&format!("idx {line}")))
}

fn field(line: &str) -> Field {
    create(&format!("SCHEMA {line}")).unwrap().schema.fields.remove(0)
}

fn search(line: &str) -> Search {
    Search::parse(&words(&format!("idx hello {line}"))).unwrap()
}

fn aggregate(line: &str) -> Aggregate {
    Aggregate::parse(&words(&format!("idx * {line}"))).unwrap()
}

/// The error of a command; none if it is well-formed.
fn error(line: &str) -> Option<String> {
    let words = words(line);
    let (name, arguments) = words.split_first().unwrap();
    let result = match std::str::from_utf8(name).unwrap() {
        "FT.CREATE" => Create::parse(arguments).map(drop),
        "FT.SEARCH" => Search::parse(arguments).map(drop),
        "FT.AGGREGATE" => Aggregate::parse(arguments).map(drop),
        "FT.CURSOR" => Cursor::parse(arguments).map(drop),
        "FT.PROFILE" => Profile::parse(arguments).map(drop),
        "FT.TAGVALS" => TagVals::parse(arguments).map(drop),
        "FT.SYNUPDATE" => SynUpdate::parse(arguments).map(drop),
        "FT.DICTADD" => DictChange::parse("FT.DICTADD", arguments).map(drop),
        "FT.DICTDEL" => DictChange::parse("FT.DICTDEL", arguments).map(drop),
        "FT.SPELLCHECK" => SpellCheck::parse(arguments).map(drop),
        "FT.SUGADD" => SugAdd::parse(arguments).map(drop),
        "FT.SUGGET" => SugGet::parse(arguments).map(drop),
        "FT.EXPLAIN" => parse_explain("FT.EXPLAIN", arguments).map(drop),
        "FT.ALIASADD" => Alias::parse("FT.ALIASADD", arguments).map(drop),
        "FT.DROPINDEX" => DropIndex::parse(arguments).map(drop),
        other => panic!("{other} has no arguments here"),
    };
    result.err().map(|error| error.to_string())
}

#[test]
fn refuses_as_recorded() {
    let mut lines = REFUSED.lines();
    let mut count = 0;
    while let (Some(command), Some(expected)) = (lines.next(), lines.next()) {
        let command = command.strip_prefix("> ").unwrap();
        assert_eq!(error(command).as_deref(), Some(expected), "{command}");
        count += 1;
    }
    assert!(count > 250, "only {count} commands");
}

#[test]
fn what_is_not_built_is_refused() {
    let cases = [
        ("FT.CREATE i SCHEMA s GEOSHAPE", "Field type GEOSHAPE is not supported"),
        ("FT.SEARCH i * EXPANDER FOO", "Expander FOO is not supported"),
        ("FT.SEARCH i * APPLY 1 AS x", "APPLY is not supported on FT.SEARCH"),
        ("FT.SEARCH i * LOAD 1 @n", "LOAD is not supported on FT.SEARCH"),
        ("FT.AGGREGATE i * WITHSCORES", "WITHSCORES is not supported on FT.AGGREGATE"),
        ("FT.AGGREGATE i * GROUPBY 0 REDUCE HLL 1 @t", "No such reducer: HLL"),
        (
            "FT.AGGREGATE i * GROUPBY 0 REDUCE QUANTILE 1 @t",
            "Bad arguments for QUANTILE: Expected an argument, but none provided",
        ),
        ("FT.SPELLCHECK i helo FOO", "Unknown argument `FOO`"),
        ("FT.DROPINDEX i FOO", "Unknown argument `FOO`"),
        (
            "FT.CREATE i TEMPORARY -1 SCHEMA t TEXT",
            "Bad arguments for TEMPORARY: Value is outside acceptable bounds",
        ),
    ];
    for (command, expected) in cases {
        assert_eq!(error(command).as_deref(), Some(expected), "{command}");
    }
}

#[test]
fn options_of_an_index() {
    let line = "ON JSON PREFIX 2 a: b: FILTER @n>1 LANGUAGE German LANGUAGE_FIELD l SCORE 0.5 SCORE_FIELD s PAYLOAD_FIELD p \
                MAXTEXTFIELDS TEMPORARY 10 NOOFFSETS NOFIELDS NOFREQS STOPWORDS 2 A b SKIPINITIALSCAN INDEXALL ENABLE \
                SCHEMA $.t AS t TEXT";
    let Create { index, schema } = create(line).unwrap();
    assert_eq!(index, b"idx");
    assert_eq!(schema.source, Source::Json);
    assert_eq!(schema.prefixes, [b"a:", b"b:"]);
    assert_eq!(schema.filter.as_deref(), Some("@n>1"));
    assert_eq!(schema.language, Some(Language("german".to_owned())));
    assert_eq!(schema.language_field.as_deref(), Some("l"));
    assert_eq!((schema.score, schema.score_field.as_deref()), (Some(0.5), Some("s")));
    assert_eq!(schema.payload_field.as_deref(), Some("p"));
    assert!(schema.max_text_fields && schema.no_offsets && schema.no_highlighting && schema.no_fields);
    assert!(schema.no_frequencies && schema.skip_initial_scan && schema.index_all);
    assert_eq!(schema.temporary_seconds, Some(10));
    assert_eq!(schema.stop_words, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!((schema.fields[0].identifier.as_str(), schema.fields[0].name.as_str()), ("$.t", "t"));
    assert_eq!(create("SCHEMA t TEXT").unwrap().schema.stop_words, None);
}

#[test]
fn options_of_fields() {
    let text =
        field("t TEXT WEIGHT 2 NOSTEM PHONETIC dm:en WITHSUFFIXTRIE INDEXEMPTY INDEXMISSING SORTABLE UNF");
    let kind = FieldKind::Text {
        weight: 2.0,
        no_stem: true,
        phonetic: Some("dm:en".to_owned()),
        with_suffixes: true,
    };
    assert_eq!(text.kind, kind);
    assert!(text.index_empty && text.index_missing && text.sortable && text.un_normalised && !text.no_index);
    let tag = field("g TAG CASESENSITIVE SEPARATOR ; WITHSUFFIXTRIE SORTABLE NOINDEX");
    assert_eq!(tag.kind, FieldKind::Tag { separator: Some(';'), case_sensitive: true, with_suffixes: true });
    assert!(tag.sortable && tag.un_normalised && tag.no_index);
    assert!(!field("g TAG SORTABLE").un_normalised);
    assert!(field("n NUMERIC SORTABLE").un_normalised);
    assert_eq!(field("o GEO NOINDEX").kind, FieldKind::Geo);
}

#[test]
fn fields_to_add() {
    let alter = Alter::parse(&words("idx SKIPINITIALSCAN SCHEMA ADD u TEXT n NUMERIC")).unwrap();
    assert!(alter.skip_initial_scan);
    let schema = create("SCHEMA t TEXT").unwrap().schema;
    let names: Vec<_> = alter.fields(&schema).unwrap().into_iter().map(|field| field.name).collect();
    assert_eq!(names, ["u", "n"]);
    let alter = |line: &str| Alter::parse(&words(line)).and_then(|alter| alter.fields(&schema));
    let refused = |line: &str| alter(line).unwrap_err().to_string();
    assert_eq!(refused("idx SCHEMA ADD t TEXT"), "Duplicate field in schema - t");
    assert_eq!(refused("idx SCHEMA FOO t TEXT"), "Unknown action passed to ALTER SCHEMA");
    assert_eq!(refused("idx FOO ADD t TEXT"), "ALTER must be followed by SCHEMA");
    assert_eq!(refused("idx SCHEMA ADD"), "wrong number of arguments for 'FT.ALTER' command");
    assert_eq!(refused("idx SCHEMA ADD zz"), "Field `zz` does not have a type");
}

#[test]
fn counts_of_fields_are_limited() {
    let many = |count: usize, kind: &str| {
        let fields: Vec<_> = (0..count).map(|number| format!("f{number} {kind}")).collect();
        create(&format!("SCHEMA {}", fields.join(" "))).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(many(128, "TEXT"), Ok(()));
    assert_eq!(many(129, "TEXT"), Err("Schema is limited to 128 TEXT fields".to_owned()));
    assert_eq!(many(1024, "NUMERIC"), Ok(()));
    assert_eq!(many(1025, "NUMERIC"), Err("Schema is limited to 1024 fields".to_owned()));
}

#[test]
fn options_of_a_query() {
    let line = "VERBATIM NOSTOPWORDS INORDER SLOP 2 LANGUAGE french EXPANDER synonym SCORER BM25STD PAYLOAD p INKEYS 2 a b \
                INFIELDS 1 t FILTER n (1 inf GEOFILTER o 1 2 3 km PARAMS 4 a 1 b 2 DIALECT 2 TIMEOUT 100";
    let options = search(line).options;
    assert!(options.verbatim && options.no_stop_words && options.in_order);
    assert_eq!(
        (options.slop, options.expander, options.scorer),
        (Some(2), Expander::Synonym, Some(Scorer::Bm25Std))
    );
    assert_eq!(options.language, Some(Language("french".to_owned())));
    assert_eq!(options.payload.as_deref(), Some(&b"p"[..]));
    assert_eq!(options.keys, Some(vec![b"a".to_vec(), b"b".to_vec()]));
    assert_eq!(options.fields, Some(vec!["t".to_owned()]));
    let bound = |value, is_exclusive| Bound { value, is_exclusive };
    let range = Range { from: bound(1.0, true), to: bound(f64::INFINITY, false) };
    assert_eq!((options.numeric_filters[0].field.as_str(), options.numeric_filters[0].range), ("n", range));
    assert_eq!((options.geo_filters[0].field.as_str(), options.geo_filters[0].radius.metres), ("o", 3000.0));
    let pair = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
    assert_eq!(options.parameters, [pair("a", "1"), pair("b", "2")]);
    assert_eq!((options.dialect, options.timeout_ms), (Dialect::new(2), Some(100)));
    assert_eq!(search("SLOP -1").options.slop, None);
}

#[test]
fn output_of_a_search() {
    let line = "NOCONTENT WITHSCORES EXPLAINSCORE WITHPAYLOADS WITHSORTKEYS RETURN 4 n AS x t SORTBY n DESC LIMIT 5 7 \
                HIGHLIGHT FIELDS 1 t TAGS <a> </a> SUMMARIZE FIELDS 1 t FRAGS 2 LEN 3 SEPARATOR ;";
    let output = search(line).output;
    assert!(output.no_content && output.with_scores && output.explain_score);
    assert!(output.with_payloads && output.with_sort_keys);
    let returned = |field: &str, alias: Option<&str>| Returned {
        field: field.to_owned(),
        alias: alias.map(str::to_owned),
    };
    assert_eq!(output.returned, Some(vec![returned("n", Some("x")), returned("t", None)]));
    assert_eq!(output.sort, Some(Sort { field: "n".to_owned(), descending: true }));
    assert_eq!(output.limit, Limit { offset: 5, count: 7 });
    let tags = Some(Tags { open: "<a>".to_owned(), close: "</a>".to_owned() });
    let pieces = Some(Pieces { count: 2, words: 3, separator: ";".to_owned() });
    let own = vec![("t".to_owned(), Style { tags, pieces })];
    assert_eq!(output.shown, Shown { fields: own, all: Style::default() });
    let output = search("").output;
    assert_eq!((output.limit, output.returned), (Limit { offset: 0, count: 10 }, None));
}

#[test]
fn steps_of_an_aggregation() {
    let line = "ADDSCORES LOAD 4 @n AS x @t APPLY @n+1 AS y FILTER @y>1 GROUPBY 2 @x @t REDUCE COUNT 0 AS c \
                REDUCE FIRST_VALUE 4 @t BY @n DESC REDUCE QUANTILE 2 n 0.5 AS q SORTBY 3 @c DESC @x MAX 5 LIMIT 1 2 \
                WITHCURSOR COUNT 3 MAXIDLE 4 DIALECT 3";
    let aggregate = aggregate(line);
    let name = str::to_owned;
    let loaded = |field: &str, alias: &str| Loaded { field: name(field), name: name(alias) };
    let reducers = vec![
        Reducer { function: Reduction::Count, name: name("c") },
        Reducer {
            function: Reduction::FirstValue { property: name("t"), by: Some((name("n"), true)) },
            name: name("__generated_aliasfirst_valuet,by,n,desc"),
        },
        Reducer { function: Reduction::Quantile { property: name("n"), part: 0.5 }, name: name("q") },
    ];
    let keys = Some(vec![(name("c"), true), (name("x"), false)]);
    let expected = [
        Step::Load(Load::Fields(vec![loaded("n", "x"), loaded("t", "t")])),
        Step::Apply { expression: name("@n+1"), name: name("y") },
        Step::Filter(name("@y>1")),
        Step::Group(Group { properties: vec![name("x"), name("t")], reducers }),
        Step::Arrange(Arrange { keys, max: Some(5), limit: Some(Limit { offset: 1, count: 2 }) }),
    ];
    assert_eq!(aggregate.steps, expected);
    assert!(aggregate.add_scores);
    assert_eq!(aggregate.cursor, Some(CursorOptions { count: Some(3), idle_ms_max: Some(4) }));
    assert_eq!(aggregate.options.dialect, Dialect::new(3));
}

#[test]
fn limits_and_sorts_next_to_each_other_are_one_step() {
    assert_eq!(aggregate("LIMIT 0 1 SORTBY 1 @n LIMIT 0 2").steps.len(), 1);
    assert_eq!(aggregate("SORTBY 1 @n APPLY 1 AS x SORTBY 1 @x").steps.len(), 3);
    assert_eq!(aggregate("LOAD *").steps, [Step::Load(Load::All)]);
}

#[test]
fn commands_about_words() {
    let update = SynUpdate::parse(&words("idx g SKIPINITIALSCAN Boy kid")).unwrap();
    assert_eq!((update.group.as_str(), update.skip_initial_scan, update.words.len()), ("g", true, 2));
    assert_eq!(update.words, ["boy", "kid"]);
    let check =
        SpellCheck::parse(&words("idx helo DISTANCE 2 TERMS INCLUDE a TERMS EXCLUDE b FULLSCOREINFO"))
            .unwrap();
    assert_eq!((check.distance, check.full_score_info), (2, true));
    assert_eq!((check.included, check.excluded), (vec![b"a".to_vec()], vec![b"b".to_vec()]));
    let added = SugAdd::parse(&words("key hello 1.5 INCR PAYLOAD p")).unwrap();
    assert_eq!((added.text.as_str(), added.score, added.increments), ("hello", 1.5, true));
    let get = SugGet::parse(&words("key he FUZZY WITHSCORES WITHPAYLOADS MAX 3")).unwrap();
    assert_eq!((get.fuzzy, get.with_scores, get.with_payloads, get.max), (true, true, true, 3));
}

#[test]
fn cursors_and_profiles() {
    let read = Cursor::parse(&words("READ idx 7 COUNT 5"));
    assert_eq!(read, Ok(Cursor::Read { index: b"idx".to_vec(), cursor: 7, count: Some(5) }));
    assert_eq!(Cursor::parse(&words("gc idx -1")), Ok(Cursor::Collect));
    assert!(Cursor::parse(&words("GC idx +1")).is_err());
    let delete = Cursor::parse(&words("del idx 7"));
    assert_eq!(delete, Ok(Cursor::Delete { index: b"idx".to_vec(), cursor: 7 }));
    let profile = Profile::parse(&words("idx SEARCH LIMITED QUERY hello NOCONTENT")).unwrap();
    let Profiled::Search(search) = profile.command else { panic!() };
    assert!(profile.limited && search.output.no_content);
    assert_eq!(search.query, b"hello");
}

#[test]
fn numbers_out_of_range_are_refused() {
    for line in
        ["INKEYS 99999999999999999999 a", "INKEYS 9223372036854775807 a", "RETURN 9223372036854775807 a"]
    {
        let refused = Search::parse(&words(&format!("idx * {line}"))).unwrap_err();
        let is_bad =
            matches!(refused, ArgumentError::Bad { why: BadValue::Missing | BadValue::NotConverted, .. });
        assert!(is_bad, "{line}: {refused}");
    }
}

#[test]
fn attributes_of_vectors() {
    let kind = |line: &str| match field(&format!("v VECTOR {line}")).kind {
        FieldKind::Vector(kind) => kind,
        other => panic!("{other:?}"),
    };
    let rest = "TYPE FLOAT32 DIM 4 DISTANCE_METRIC L2";
    assert_eq!(kind(&format!("HNSW 6 {rest}")).algorithm, Algorithm::Hnsw(GraphKind::default()));
    let all = format!("HNSW 16 {rest} M 7 EF_CONSTRUCTION 33 EF_RUNTIME 12 EPSILON 0.2 INITIAL_CAP 5");
    let graph = GraphKind { links: 7, construction: 33, runtime: Some(12), epsilon: 0.2 };
    assert_eq!(kind(&all).algorithm, Algorithm::Hnsw(graph));
    assert_eq!(kind("FLAT 6 TYPE INT8 DIM 4 DISTANCE_METRIC IP").element, Element::Int8);
    assert_eq!(kind("HNSW 6 TYPE UINT8 DIM 4 DISTANCE_METRIC COSINE").element, Element::UInt8);
    let said = "COMPRESSION LeanVec4x8 REDUCE 2 GRAPH_MAX_DEGREE 64 CONSTRUCTION_WINDOW_SIZE 100 SEARCH_WINDOW_SIZE 30 \
                TRAINING_THRESHOLD 2048 EPSILON 0.1";
    let graph = GraphKind { links: 32, construction: 100, runtime: Some(30), epsilon: 0.1 };
    let compression = Some("LEANVEC4X8".to_owned());
    let vamana = VamanaKind { compression, training_threshold: Some(2048), reduce: Some(2) };
    assert_eq!(kind(&format!("SVS-VAMANA 20 {rest} {said}")).algorithm, Algorithm::Vamana(graph, vamana));
    for (line, expected) in [
        (
            "TYPE FLOAT64 DIM 4 DISTANCE_METRIC L2",
            "Not supported data type is given. Expected: FLOAT16, FLOAT32",
        ),
        (
            "TYPE FLOAT32 DIM 4 DISTANCE_METRIC L2 TRAINING_THRESHOLD 2048",
            "TRAINING_THRESHOLD is irrelevant when compression was not requested",
        ),
        (
            "TYPE FLOAT32 DIM 4 DISTANCE_METRIC L2 COMPRESSION LVQ8 REDUCE 2",
            "REDUCE is irrelevant when compression is not of type LeanVec",
        ),
        (
            "TYPE FLOAT32 DIM 4 DISTANCE_METRIC L2 COMPRESSION FOO",
            "Bad arguments for vector similarity SVS-VAMANA index compression: Unknown argument",
        ),
        ("TYPE FLOAT32 DIM 4 DISTANCE_METRIC L2 M 3", "Bad arguments for algorithm SVS-VAMANA: M"),
    ] {
        let count = line.split(' ').count();
        let refused = create(&format!("SCHEMA v VECTOR SVS-VAMANA {count} {line}")).unwrap_err();
        assert_eq!(refused.to_string(), expected, "{line}");
    }
}
