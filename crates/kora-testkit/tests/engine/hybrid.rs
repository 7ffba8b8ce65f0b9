//! FT.HYBRID: what words find and what is nearest, combined. The figures are those that clients of Redis 8.4 expect of it, or follow from its documentation.

use kora_core::context::errand::Pace;
use kora_core::db::DbIndex;
use kora_core::reply::Value;
use kora_core::slot::WorkerId;
use kora_engine::front::Origin;
use kora_engine::session::Choice;
use kora_testkit::stepped::Stepped;

const ITEMS: [([f32; 4], &str); 5] = [
    ([1.0, 2.0, 7.0, 8.0], "red shoes"),
    ([1.0, 4.0, 7.0, 8.0], "green shoes with red laces"),
    ([1.0, 2.0, 6.0, 5.0], "red dress"),
    ([2.0, 3.0, 6.0, 5.0], "orange dress"),
    ([5.0, 6.0, 7.0, 8.0], "black shoes"),
];
/// Times that these items are there.
const SETS: usize = 10;
const CREATE: &str = "FT.CREATE idx PREFIX 1 item: SCHEMA description TEXT price NUMERIC color TAG item__type TAG size NUMERIC \
     embedding VECTOR FLAT 6 TYPE FLOAT32 DIM 4 DISTANCE__METRIC L2 graph VECTOR HNSW 6 TYPE FLOAT32 DIM 4 DISTANCE__METRIC L2";

struct World {
    engine: Stepped,
    client: Origin,
}

/// A result of a reply: names and values.
type Row = Vec<(String, String)>;

fn blob(vector: [f32; 4]) -> Vec<u8> {
    vector.iter().flat_map(|one| one.to_le_bytes()).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Simple(text) => text.clone(),
        other => panic!("{other:?}"),
    }
}

/// Names and values, whichever protocol.
fn pairs(value: &Value) -> Vec<(String, &Value)> {
    match value {
        Value::Map(pairs) => pairs.iter().map(|(name, value)| (text(name), value)).collect(),
        Value::Array(parts) => parts.chunks_exact(2).map(|pair| (text(&pair[0]), &pair[1])).collect(),
        other => panic!("{other:?}"),
    }
}

impl World {
    /// Items in one shard or several; queries go on aside after a few steps, or not at all.
    fn new(workers: u16, shards: u16, is_slow: bool) -> Self {
        let steps = if is_slow { 40 } else { 1 << 20 };
        let mut engine =
            Stepped::at_pace(workers, shards, 7, Pace { whole_steps: steps, slice_steps: steps });
        let choice = Choice { style: false, ..Choice::of_program(DbIndex(0)) };
        let client = engine.connect(WorkerId(0), choice);
        let mut world = Self { engine, client };
        assert_eq!(world.run(CREATE, &[]), Value::Simple("OK".to_owned()));
        for (at, (vector, description)) in ITEMS.iter().cycle().take(ITEMS.len() * SETS).enumerate() {
            let words: Vec<&str> = description.split(' ').collect();
            let line = format!(
                "HSET item:{at} description $d embedding $v graph $v price {} color {} item__type {} size {}",
                15 + at % 4,
                words[0],
                words[1],
                10 + at % 3
            );
            world.run(&line, &[("$d", description.as_bytes()), ("$v", &blob(*vector))]);
        }
        world
    }

    /// Runs a command whose words are separated by blanks; some of them stand for others.
    fn run(&mut self, line: &str, given: &[(&str, &[u8])]) -> Value {
        let word = |word: &str| {
            let found = given.iter().find(|(name, _)| *name == word);
            found.map_or_else(
                || word.replace('_', " ").replace("  ", "_").into_bytes(),
                |(_, bytes)| bytes.to_vec(),
            )
        };
        self.engine.send(self.client, [line.split(' ').filter(|one| !one.is_empty()).map(word).collect()]);
        self.engine.settle();
        self.engine.answers().pop().unwrap_or_else(|| panic!("{line} has a reply")).1
    }

    /// The total and the rows of a query: `SEARCH ...` up to the steps. `_` in a word is a blank, `__` a `_`.
    fn ask(&mut self, line: &str, at: [f32; 4]) -> (i64, Vec<Row>) {
        let reply = self.run(&format!("FT.HYBRID idx {line} PARAMS 2 p $blob"), &[("$blob", &blob(at))]);
        let reply = pairs(&reply).into_iter().map(|(name, value)| (name, value.clone())).collect::<Vec<_>>();
        let names: Vec<&str> = reply.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["total_results", "results", "warnings", "execution_time"]);
        assert_eq!(reply[2].1, Value::Array(Vec::new()));
        let Value::Integer(total) = reply[0].1 else { panic!("a number") };
        let Value::Array(rows) = &reply[1].1 else { panic!("rows") };
        let row = |row: &Value| pairs(row).into_iter().map(|(name, value)| (name, text(value))).collect();
        (total, rows.iter().map(row).collect())
    }

    fn rows(&mut self, line: &str) -> Vec<Row> {
        self.ask(line, [1.0, 2.0, 7.0, 6.0]).1
    }

    fn error(&mut self, line: &str) -> String {
        match self.run(&format!("FT.HYBRID {line}"), &[("$blob", &blob([0.0; 4]))]) {
            Value::Error(text) => text,
            other => panic!("{line}: {other:?}"),
        }
    }
}

fn row(fields: &[(&str, &str)]) -> Row {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Names of `__key` and the like in lines of commands.
const KEY: &str = "__key";
const SCORE: &str = "__score";

fn worlds() -> [World; 3] {
    [World::new(1, 1, false), World::new(4, 6, false), World::new(2, 4, true)]
}

#[test]
fn scores_are_combined_as_clients_expect() {
    for mut world in worlds() {
        let linear = "SEARCH @color:{red} VSIM @embedding $p COMBINE LINEAR 4 ALPHA 0.5 BETA 0.5 LIMIT 0 3";
        let expected = ["item:2", "item:7", "item:12"];
        let expected = expected.map(|key| row(&[(KEY, key), (SCORE, "0.166666666667")]));
        assert_eq!(world.rows(linear), expected);
        let ranks = "SEARCH @color:{red} VSIM @embedding $p COMBINE RRF 4 WINDOW 3 CONSTANT 0.5 LIMIT 0 3";
        let expected = [("item:2", "1.06666666667"), ("item:0", "0.666666666667"), ("item:7", "0.4")];
        assert_eq!(world.rows(ranks), expected.map(|(key, score)| row(&[(KEY, key), (SCORE, score)])));
        let ranks = "SEARCH @color:{red} VSIM @graph $p COMBINE RRF 2 WINDOW 3 LIMIT 0 3";
        let expected =
            [("item:2", "0.032522474881"), ("item:0", "0.016393442623"), ("item:7", "0.0161290322581")];
        assert_eq!(world.rows(ranks), expected.map(|(key, score)| row(&[(KEY, key), (SCORE, score)])));
    }
}

#[test]
fn words_are_scored_by_the_scorer_that_is_asked_for() {
    for mut world in worlds() {
        // A document's two vectors count as two more occurrences of its most frequent word, as in RediSearch.
        for (scorer, score) in [("TFIDF", "0.666666666667"), ("BM25", "0.657894719299")] {
            let line = format!(
                "SEARCH shoes SCORER {scorer} VSIM @embedding $p COMBINE LINEAR 4 ALPHA 1 BETA 0 \
                 LOAD 4 @color @price @____score @nothing LIMIT 0 2"
            );
            let expected = [("red", "15"), ("green", "16")];
            let expected =
                expected.map(|(color, price)| row(&[(SCORE, score), ("color", color), ("price", price)]));
            assert_eq!(world.rows(&line), expected, "{scorer}");
        }
    }
}

#[test]
fn scores_of_words_may_be_squeezed_between_0_and_1() {
    for mut world in worlds() {
        let mut scores = |scorer: &str| -> Vec<f64> {
            let combine = "COMBINE LINEAR 4 ALPHA 1 BETA 0";
            let rows = world.rows(&format!("SEARCH shoes SCORER {scorer} VSIM @embedding $p {combine}"));
            let score =
                |row: &Row| row.iter().find(|(name, _)| name == SCORE).map(|(_, score)| score.parse());
            rows.iter().filter_map(score).map(|score| score.expect("a number")).collect()
        };
        let (plain, squeezed) = (scores("BM25STD"), scores("BM25STD.TANH"));
        assert_eq!(plain.len(), 10);
        assert!(plain[0] > 0.0);
        for (plain, squeezed) in plain.iter().zip(squeezed) {
            assert!(((plain / 4.0).tanh() - squeezed).abs() < 1e-9, "{plain} {squeezed}");
        }
    }
}

#[test]
fn vectors_are_found_by_number_by_radius_and_with_a_filter() {
    for mut world in worlds() {
        for field in ["embedding", "graph"] {
            let nothing = "SEARCH @color:{none}";
            let line = format!("{nothing} VSIM @{field} $p");
            let (total, rows) = world.ask(&line, [-100.0, -200.0, -200.0, -300.0]);
            assert_eq!((total, rows.len()), (10, 10), "the ten nearest unless something else is said");
            let line = format!("{nothing} VSIM @{field} $p KNN 2 K 3");
            assert_eq!(world.ask(&line, [1.0, 2.0, 7.0, 6.0]).0, 3);
            let line = format!("{nothing} VSIM @{field} $p RANGE 2 RADIUS 2 YIELD__SCORE__AS d LIMIT 0 50");
            let (total, rows) = world.ask(&line, [1.0, 2.0, 7.0, 6.0]);
            assert_eq!(total, 10, "red dresses lie at 2");
            assert!(rows.iter().all(|row| row.contains(&("d".to_owned(), "0.333333333333".to_owned()))));
            for policy in ["", " POLICY ADHOC__BF", " POLICY BATCHES BATCH__SIZE 5"] {
                let line = format!(
                    "{nothing} VSIM @{field} $p FILTER @price:[15_16]_@size:[10_11]{policy} LOAD 2 @price @size"
                );
                let rows = world.rows(&line);
                assert_eq!(rows.len(), 10);
                for row in rows {
                    assert!(
                        ["15", "16"].contains(&row[0].1.as_str())
                            && ["10", "11"].contains(&row[1].1.as_str())
                    );
                }
            }
        }
    }
}

#[test]
fn scores_have_names_if_they_are_asked_for() {
    for mut world in worlds() {
        let line = "SEARCH shoes YIELD__SCORE__AS words VSIM @graph $p KNN 4 K 3 YIELD__SCORE__AS near \
                    COMBINE LINEAR 6 ALPHA 0.5 BETA 0.5 YIELD__SCORE__AS both LIMIT 0 50";
        let (total, rows) = world.ask(line, [1.0, 2.0, 7.0, 8.0]);
        assert_eq!(total, 20, "the window of the words has the three nearest");
        let names = |row: &Row| row.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let near: Vec<&Row> = rows.iter().filter(|row| names(row).contains(&"near".to_owned())).collect();
        assert_eq!(near.len(), 3);
        for row in &rows {
            assert_eq!(names(row)[..3], [KEY, "both", "words"], "no score without its name");
        }
        assert_eq!(near[0][3].1, "1");
    }
}

#[test]
fn rows_go_through_the_steps() {
    for mut world in worlds() {
        let line = "SEARCH @color:{red|green} VSIM @embedding $p LOAD 2 @color @price APPLY @price_-_(@price_*_0.1) AS cut \
                    SORTBY 4 @cut DESC @color ASC LIMIT 0 3";
        let rows = world.rows(line);
        let cuts: Vec<&str> = rows.iter().map(|row| row[2].1.as_str()).collect();
        assert_eq!(cuts, ["16.2", "16.2", "16.2"]);
        let line = "SEARCH @color:{red|green} VSIM @embedding $p LOAD 3 @color @price @item__type \
                    GROUPBY 2 @item__type @price REDUCE COUNT__DISTINCT 1 @color AS colors SORTBY 4 @price ASC @item__type ASC LIMIT 0 2";
        let expected = [("dress", "15", "1"), ("shoes", "15", "2")];
        let expected = expected
            .map(|(kind, price, colors)| row(&[("item_type", kind), ("price", price), ("colors", colors)]));
        assert_eq!(world.rows(line), expected);
        let line = "SEARCH shoes VSIM @embedding $p LOAD 1 @price FILTER @price==\"15\" LIMIT 0 3";
        let rows = world.rows(line);
        assert_eq!(rows.len(), 3);
        assert!(rows.iter().all(|one| *one == row(&[("price", "15")])));
        let line = "SEARCH @color:{none} VSIM @embedding $p KNN 2 K 1 LOAD *";
        let names: Vec<String> = world.rows(line)[0].iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(names, ["description", "embedding", "graph", "price", "color", "item_type", "size"]);
    }
}

#[test]
fn what_is_wrong_is_refused() {
    let mut world = World::new(1, 1, false);
    for (line, expected) in [
        ("nosuch SEARCH x VSIM @v $p", "nosuch: no such index"),
        ("idx SEARCH x VSIM @price $p PARAMS 2 p x", "Unknown vector field `price`"),
        ("idx SEARCH x VSIM @embedding $p", "No such parameter `p`"),
        (
            "idx SEARCH x VSIM @embedding $p PARAMS 2 p x",
            "Error parsing vector similarity query: query vector blob size (1) does not match index's expected size (16).",
        ),
        (
            "idx SEARCH *=>[KNN_2_@embedding_$p] VSIM @embedding $p PARAMS 2 p $blob",
            "Vector expressions are not allowed in the SEARCH part of FT.HYBRID",
        ),
        (
            "idx SEARCH x VSIM @embedding $p FILTER *=>[KNN_2_@embedding_$p] PARAMS 2 p $blob",
            "KNN is not allowed in the FILTER of VSIM",
        ),
        (
            "idx SEARCH x VSIM @embedding $p FILTER x POLICY FOO PARAMS 2 p $blob",
            "invalid hybrid policy was given",
        ),
        (
            "idx SEARCH x YIELD__SCORE__AS a VSIM @embedding $p YIELD__SCORE__AS a PARAMS 2 p $blob",
            "Property `a` specified more than once",
        ),
        (
            "idx SEARCH x VSIM @embedding $p RANGE 2 RADIUS -1 PARAMS 2 p $blob",
            "Error parsing vector similarity query: negative radius (-1) given in a range query",
        ),
        ("idx SEARCH x VSIM @embedding $p COMBINE RRF 2 WINDOW 2000000", "WINDOW exceeds maximum of 1000000"),
    ] {
        assert_eq!(world.error(line), expected, "{line}");
    }
}
