//! The nearest documents of a collection, beside a look at every document: after random changes of all kinds, through FLAT indexes and graphs, with conditions that
//! indexes answer and others, on one shard and on four.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use kora_core::db::DbIndex;
use kora_core::hash::splitmix64;
use kora_core::reply::Value;
use kora_core::slot::WorkerId;
use kora_engine::front::Origin;
use kora_engine::session::Choice;
use kora_testkit::stepped::Stepped;
use serde_json::Value as Json;

/// Documents that changes choose from.
const IDS: u64 = 60;
const PREFIX: &str = "__kora:doc:c:";
const COLOURS: [&str; 3] = ["red", "green", "blue"];

/// An index on vectors: path, what is declared, elements, and the distance of two.
type Field = (&'static str, &'static str, usize, fn(&[f64], &[f64]) -> f64);
/// A condition in words, and what it means.
type Condition<'a, T> = (String, Box<dyn Fn(&T) -> bool + 'a>);
/// The same of documents that are known by their numbers.
type OfNumber = (&'static str, fn(usize) -> bool);
const FIELDS: [Field; 3] = [
    ("v", "FLAT|DIM|4|DISTANCE_METRIC|L2", 4, square),
    ("o.w", "hnsw|dim|3|ef_runtime|1000", 3, cosine),
    ("b", "DIM|2|TYPE|INT8|DISTANCE_METRIC|IP|EF_RUNTIME|1000", 2, product),
];

fn square(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum()
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

fn product(one: &[f64], other: &[f64]) -> f64 {
    1.0 - dot(one, other)
}

fn cosine(one: &[f64], other: &[f64]) -> f64 {
    1.0 - dot(one, other) / (dot(one, one) * dot(other, other)).sqrt()
}

struct World {
    engine: Stepped,
    client: Origin,
    random: u64,
}

/// A document that was found: id, text, distance.
type Found = (String, String, f64);

impl World {
    fn new(workers: u16, shards: u16, seed: u64) -> Self {
        let mut engine = Stepped::new(workers, shards, seed);
        let client = engine.connect(WorkerId(0), Choice { style: false, ..Choice::of_program(DbIndex(0)) });
        Self { engine, client, random: seed }
    }

    fn call(&mut self, words: &[&str]) -> Value {
        let words = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        self.engine.send(self.client, [words]);
        self.engine.settle();
        self.engine.answers().pop().expect("there is a reply").1
    }

    /// Runs a command whose words are separated by `|`.
    fn run(&mut self, line: &str) -> Value {
        self.call(&line.split('|').collect::<Vec<_>>())
    }

    fn fine(&mut self, line: &str) {
        assert_eq!(self.run(line), Value::Simple("OK".to_owned()), "{line}");
    }

    fn error(&mut self, line: &str) -> String {
        match self.run(line) {
            Value::Error(words) => words,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        splitmix64(&mut self.random) % limit
    }

    fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        let at = self.below(from.len() as u64);
        from[usize::try_from(at).unwrap_or(0)]
    }

    /// Elements that are the same in each type.
    fn vector(&mut self, dimensions: usize) -> String {
        let elements: Vec<String> = (0..dimensions).map(|_| (1 + self.below(100)).to_string()).collect();
        format!("[{}]", elements.join(","))
    }

    fn document(&mut self) -> String {
        let colour = self.choose(&COLOURS);
        let (n, x) = (self.below(50), self.below(50));
        let mut members = vec![format!(r#""g":"{colour}","n":{n},"x":{x}"#)];
        let (v, w, b) = (self.vector(4), self.vector(3), self.vector(2));
        for (at, member) in [format!(r#""v":{v}"#), format!(r#""o":{{"w":{w}}}"#), format!(r#""b":{b}"#)]
            .into_iter()
            .enumerate()
        {
            match self.below(8) {
                0 => {}
                1 if at != 1 => members.push(format!("\"{}\":null", FIELDS[at].0)),
                _ => members.push(member),
            }
        }
        format!("{{{}}}", members.join(","))
    }

    fn begin(&mut self) {
        self.fine("DOC.CREATE|c");
        self.fine("DOC.CREATEINDEX|c|g|hash");
        self.fine("DOC.CREATEINDEX|c|n|sorted");
        for (path, declared, ..) in FIELDS {
            self.fine(&format!("DOC.CREATEINDEX|c|{path}|vector|{declared}"));
        }
    }

    fn change(&mut self) {
        let (id, other) = (self.below(IDS), self.below(IDS));
        let (key, other_key) = (format!("{PREFIX}{id}"), format!("{PREFIX}{other}"));
        let (document, v, w) = (self.document(), self.vector(4), self.vector(3));
        let line = match self.below(16) {
            0 => format!("DOC.DEL|c|{id}"),
            1 => format!("RENAME|{key}|{other_key}"),
            2 => format!("COPY|{key}|{other_key}|REPLACE"),
            3 => format!("DOC.UPDATE|c|{id}|SET|v|{v}"),
            4 => format!("DOC.UPDATE|c|{id}|SET|o.w|{w}"),
            5 => format!("DOC.UPDATE|c|{id}|DEL|b|INCR|n|1"),
            // What is no vector is left out, whoever wrote it.
            6 => format!("JSON.SET|{key}|$.v|[1,2]"),
            7 => format!("JSON.SET|{key}|$|{document}"),
            8 => format!("EVAL|redis.call('DEL',KEYS[1]) error('back')|1|{key}"),
            9 => format!("DOC.DELETE|c|WHERE|x = {}", self.below(50)),
            10 if self.below(6) == 0 => {
                let (path, declared, ..) = self.choose(&FIELDS);
                self.fine(&format!("DOC.DROPINDEX|c|{path}"));
                // Documents of which the index would refuse the field.
                for id in 0..IDS {
                    self.call(&["JSON.SET", &format!("{PREFIX}{id}"), &format!("$.{path}"), "null"]);
                }
                format!("DOC.CREATEINDEX|c|{path}|vector|{declared}")
            }
            11 if self.below(6) == 0 => {
                self.fine("DOC.DROPINDEX|c|g");
                "DOC.CREATEINDEX|c|g|hash".to_owned()
            }
            _ => format!("DOC.SET|c|{id}|{document}"),
        };
        self.run(&line);
    }

    /// All documents, by a look at every key.
    fn documents(&mut self) -> Vec<(String, String, Json)> {
        let Value::Array(keys) = self.run(&format!("KEYS|{PREFIX}*")) else {
            panic!("KEYS replies an array")
        };
        let mut found = Vec::new();
        for key in keys {
            let Value::Bulk(key) = key else { panic!("{key:?}") };
            let key = String::from_utf8(key).unwrap();
            let Value::Bulk(json) = self.call(&["JSON.GET", &key]) else { continue };
            let text = String::from_utf8(json).unwrap();
            let json: Json = serde_json::from_str(&text).unwrap();
            if json.is_object() {
                found.push((key[PREFIX.len()..].to_owned(), text, json));
            }
        }
        found
    }

    fn find(&mut self, rest: &[&str]) -> Vec<Found> {
        let reply = self.call(&[&["DOC.FIND", "c", "WITHIDS", "WITHDISTANCES"], rest].concat());
        let Value::Array(rows) = reply else { panic!("{rest:?}: {reply:?}") };
        rows.into_iter().map(row).collect()
    }

    /// Asks for the nearest, and compares.
    fn check(&mut self) {
        let (path, _, dimensions, distance) = self.choose(&FIELDS);
        let asked = self.vector(dimensions);
        let (count, n, x, colour) =
            (1 + self.below(12), self.below(50), self.below(50), self.choose(&COLOURS));
        let conditions: [Condition<'_, Json>; 6] = [
            (String::new(), Box::new(|_| true)),
            (format!("g = '{colour}'"), Box::new(move |json| json["g"] == colour)),
            (format!("x < {x}"), Box::new(move |json| json["x"].as_u64().is_some_and(|own| own < x))),
            (
                format!("g = '{colour}' AND x < {x}"),
                Box::new(move |json| json["g"] == colour && json["x"].as_u64().is_some_and(|own| own < x)),
            ),
            (format!("n >= {n}"), Box::new(move |json| json["n"].as_u64().is_some_and(|own| own >= n))),
            (format!("NOT x = {x}"), Box::new(move |json| json["x"] != x)),
        ];
        let at = usize::try_from(self.below(6)).unwrap();
        let (condition, holds) = &conditions[at];
        let documents = self.documents();
        let target: Vec<f64> = serde_json::from_str(&asked).unwrap();
        let mut expected: Vec<(f64, &str, &str)> = documents
            .iter()
            .filter(|(.., json)| holds(json))
            .filter_map(|(id, text, json)| {
                let value = path.split('.').try_fold(json, |json, step| json.get(step))?;
                let vector: Vec<f64> = serde_json::from_value(value.clone()).ok()?;
                let fits = vector.len() == dimensions;
                fits.then(|| (distance(&vector, &target), id.as_str(), text.as_str()))
            })
            .collect();
        expected.sort_by(|one, other| one.0.total_cmp(&other.0));
        let number = count.to_string();
        let mut question = vec!["NEAREST", path, &number, &asked];
        if !condition.is_empty() {
            question.extend(["WHERE", condition]);
        }
        let found = self.find(&question);
        let wanted = expected.len().min(usize::try_from(count).unwrap());
        assert_eq!(found.len(), wanted, "{question:?}");
        assert!(found.is_sorted_by(|one, other| one.2 <= other.2), "{found:?}");
        for ((id, text, distance), best) in found.iter().zip(&expected) {
            let own =
                expected.iter().find(|(_, own, _)| own == id).unwrap_or_else(|| panic!("{question:?}: {id}"));
            assert_eq!(text, own.2);
            assert!(
                (own.0 - distance).abs() <= 1e-3 * (1.0 + own.0.abs()),
                "{question:?}: {distance} {own:?}"
            );
            assert!(*distance <= best.0 + 1e-3 * (1.0 + best.0.abs()), "{question:?}: {distance} {best:?}");
        }
        // Pages are parts of it.
        question.extend(["LIMIT", "3", "OFFSET", "2"]);
        let page = self.find(&question);
        assert_eq!(page, found.get(2..).unwrap_or_default()[..page.len()], "{question:?}");
        assert_eq!(page.len(), found.len().saturating_sub(2).min(3));
    }
}

fn row(row: Value) -> Found {
    let Value::Array(parts) = row else { panic!("{row:?}") };
    match &parts[..] {
        [Value::Bulk(id), Value::Bulk(text), Value::Double(distance)] => {
            let text_of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            (text_of(id), text_of(text), *distance)
        }
        [Value::Bulk(id), Value::Bulk(text), Value::Bulk(distance)] => {
            let text_of = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            (text_of(id), text_of(text), text_of(distance).parse().unwrap())
        }
        other => panic!("{other:?}"),
    }
}

fn play(workers: u16, shards: u16, seed: u64) {
    let mut world = World::new(workers, shards, seed);
    world.begin();
    for _ in 0..120 {
        (0..4).for_each(|_| world.change());
        (0..3).for_each(|_| world.check());
    }
}

#[test]
fn the_nearest_are_those_of_all_documents_on_one_shard() {
    (0..3).for_each(|seed| play(1, 1, seed));
}

#[test]
fn the_nearest_are_those_of_all_documents_on_four_shards() {
    (3..6).for_each(|seed| play(2, 4, seed));
}

/// Transactions and scripts see what they have changed.
#[test]
fn transactions_and_scripts_find_what_they_have_written() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = World::new(workers, shards, 1);
        world.begin();
        for number in 0..20 {
            world.fine(&format!(r#"DOC.SET|c|{number}|{{"v":[{number},0,0,0]}}"#));
        }
        let ids = |rows: &Value| -> Vec<String> {
            let Value::Array(rows) = rows else { panic!("{rows:?}") };
            let id = |row: &Value| match row {
                Value::Array(parts) => match &parts[0] {
                    Value::Bulk(id) => String::from_utf8(id.clone()).unwrap(),
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            };
            rows.iter().map(id).collect()
        };
        let ask = "DOC.FIND|c|NEAREST|v|2|[5.1,0,0,0]|WITHIDS";
        for line in ["MULTI", "DOC.DEL|c|5", r#"DOC.SET|c|new|{"v":[5.2,0,0,0]}"#, ask] {
            world.run(line);
        }
        let Value::Array(replies) = world.run("EXEC") else { panic!("EXEC replies an array") };
        assert_eq!(ids(&replies[2]), ["new", "6"]);
        let script = "redis.call('DOC.SET','c','newer','{\"v\":[5.1,0,0,0]}') \
                      return redis.call('DOC.FIND','c','NEAREST','v','2','[5.1,0,0,0]','WITHIDS')";
        let found = world.call(&["EVAL", script, "0"]);
        assert_eq!(ids(&found), ["newer", "new"]);
        assert_eq!(ids(&world.run(ask)), ["newer", "new"]);
    }
}

/// Many documents: graphs are walked, and still nothing is short.
#[test]
fn graphs_are_walked_and_find_as_many_as_there_are() {
    for (workers, shards, candidates) in [(1, 1, "40"), (2, 4, "10")] {
        let mut world = World::new(workers, shards, 7);
        world.fine("DOC.CREATE|c");
        world.fine("DOC.CREATEINDEX|c|g|hash");
        let mut vectors = Vec::new();
        for number in 0..3000_u32 {
            let vector: Vec<f64> =
                (0..6).map(|_| f64::from(u32::try_from(world.below(1000)).unwrap()) / 100.0).collect();
            world.fine(&format!(
                r#"DOC.SET|c|{number}|{{"g":{},"x":{},"v":{vector:?}}}"#,
                number % 5,
                number % 1000
            ));
            vectors.push(vector);
        }
        world.fine("DOC.CREATEINDEX|c|v|vector|DIM|6|DISTANCE_METRIC|L2|EF_RUNTIME|10");
        let (mut right, mut all) = (0, 0);
        let conditions: [OfNumber; 5] = [
            ("", |_| true),
            ("g = 3", |number| number % 5 == 3),
            ("x < 500", |number| number % 1000 < 500),
            ("x < 10", |number| number % 1000 < 10),
            ("x = 1 OR x = 2", |number| matches!(number % 1000, 1 | 2)),
        ];
        for _ in 0..20 {
            let target: Vec<f64> =
                (0..6).map(|_| f64::from(u32::try_from(world.below(1000)).unwrap()) / 100.0).collect();
            for (condition, holds) in conditions {
                let mut nearest: Vec<(f64, usize)> = (0..3000)
                    .filter(|number| holds(*number))
                    .map(|number| (square(&vectors[number], &target), number))
                    .collect();
                nearest.sort_by(|one, other| one.0.total_cmp(&other.0));
                let asked = format!("{target:?}");
                let mut question = vec!["NEAREST", "v", "10", &asked, "EF", candidates];
                if !condition.is_empty() {
                    question.extend(["WHERE", condition]);
                }
                let found = world.find(&question);
                assert_eq!(found.len(), nearest.len().min(10), "{condition}");
                all += found.len();
                let is_near = |id: &str| nearest.iter().take(10).any(|(_, number)| number.to_string() == id);
                right += found.iter().filter(|(id, ..)| is_near(id)).count();
            }
        }
        assert!(right * 100 >= all * 93, "{right} of {all}");
        let plan =
            format!("{:?}", world.run(&format!("DOC.EXPLAIN|c|NEAREST|v|10|[1,2,3,4,5,6]|EF|{candidates}")));
        // The word `walks`, and on how many shards.
        let walks = format!("[119, 97, 108, 107, 115]), Integer({shards})");
        assert!(plan.contains(&walks), "{plan}");
    }
}

/// Commands that are refused, and the words with which they are.
const REFUSALS: &[(&str, &str)] = &[
    (
        r#"DOC.SET|c|1|{"v":[1,2]}"#,
        "ERR 'v' of document '1' is no vector of the index: it has 2 elements instead of 4",
    ),
    (
        r#"DOC.SET|c|1|{"v":"x"}"#,
        "ERR 'v' of document '1' is no vector of the index: it is no array of numbers",
    ),
    (
        r#"DOC.UPDATE|c|1|PUSH|v|5"#,
        "ERR 'v' of document '1' is no vector of the index: it has 5 elements instead of 4",
    ),
    (
        r#"DOC.UPDATE|c|1|SET|v.2|null"#,
        "ERR 'v' of document '1' is no vector of the index: its element 2 is no number",
    ),
    (
        r#"DOC.SET|c|1|{"v":[1e39,2,3,4]}"#,
        "ERR 'v' of document '1' is no vector of the index: its element 0 is no FLOAT32",
    ),
    (
        r#"DOC.MSET|c|1|{}|2|{"b":[1,300]}"#,
        "ERR 'b' of document '2' is no vector of the index: its element 1 is no INT8",
    ),
    ("DOC.FIND|c|NEAREST|v", "ERR syntax error"),
    ("DOC.FIND|c|NEAREST|v|3", "ERR syntax error"),
    ("DOC.FIND|c|NEAREST|v|x|[1,2,3,4]", "ERR value is not an integer or out of range"),
    ("DOC.FIND|c|NEAREST|v|0|[1,2,3,4]", "ERR NEAREST asks for one document at least"),
    (
        "DOC.FIND|c|NEAREST|v|1|[1,2,3]",
        "ERR the vector of NEAREST is none of the index on 'v': it has 3 elements instead of 4",
    ),
    (
        "DOC.FIND|c|NEAREST|v|1|FP32|abc",
        "ERR the vector of NEAREST is none of the index on 'v': it has 3 bytes instead of 16",
    ),
    ("DOC.FIND|c|NEAREST|g|1|[1]", "ERR there is no vector index on 'g'"),
    ("DOC.FIND|c|NEAREST|z|1|[1]", "ERR there is no vector index on 'z'"),
    ("DOC.FIND|c|NEAREST|v|1|[1,2,3,4]|EF|7", "ERR EF is for HNSW: the index on 'v' is FLAT"),
    ("DOC.FIND|c|NEAREST|o.w|1|[1,2,3]|EF|0", "ERR EF is a number from 1 to 1048576"),
    (
        "DOC.FIND|c|NEAREST|v|1|[1,2,3,4]|ORDER|BY|g",
        "ERR NEAREST gives documents in the order of their distances: it takes no ORDER BY",
    ),
    (
        "DOC.FIND|c|NEAREST|v|1|[1,2,3,4]|CURSOR|0",
        "ERR NEAREST takes no CURSOR: LIMIT and OFFSET go through what it finds",
    ),
    ("DOC.FIND|c|WITHDISTANCES", "ERR WITHDISTANCES is for NEAREST"),
    ("DOC.COUNT|c|NEAREST|v|1|[1,2,3,4]", "ERR syntax error"),
    ("DOC.DELETE|c|WHERE|g = 1|NEAREST|v|1|[1,2,3,4]", "ERR syntax error"),
    ("DOC.CREATEINDEX|c|z|vector", "ERR a vector index needs DIM, the number of elements of a vector"),
    (
        "DOC.CREATEINDEX|c|z|vector|DIM|3|FOO",
        "ERR 'FOO' is no part of a vector index: HNSW, FLAT, DIM, TYPE, DISTANCE_METRIC, M, EF_CONSTRUCTION or EF_RUNTIME",
    ),
    ("DOC.CREATEINDEX|c|v|hash", "ERR there is an index on 'v' already"),
    ("DOC.CREATEINDEX|c|z|hash|DIM|3", "ERR an index of type hash takes nothing behind its type"),
    ("DOC.CREATEINDEX|c|z|tree", "ERR unknown index type 'tree': hash, sorted, array, unique or vector"),
];

#[test]
fn refusals_say_what_is_wrong_and_change_nothing() {
    for (workers, shards) in [(1, 1), (2, 4)] {
        let mut world = World::new(workers, shards, 1);
        world.begin();
        world.fine(r#"DOC.SET|c|1|{"v":[1,2,3,4],"g":"red"}"#);
        for (line, words) in REFUSALS {
            assert_eq!(world.error(line), *words, "{line}");
            assert_eq!(world.run("DOC.GET|c|1"), Value::Bulk(br#"{"v":[1,2,3,4],"g":"red"}"#.to_vec()));
        }
        // A field in which a document has something else.
        let refused = world.error("DOC.CREATEINDEX|c|g|vector|DIM|3");
        assert_eq!(refused, "ERR there is an index on 'g' already");
        world.fine(r#"DOC.SET|c|2|{"z":[1,2]}"#);
        let refused = world.error("DOC.CREATEINDEX|c|z|vector|DIM|3");
        assert_eq!(
            refused,
            "ERR 'z' of document '2' is no vector of the index: it has 2 elements instead of 3"
        );
        world.fine("DOC.CREATEINDEX|c|z|vector|DIM|2");
        let blob: Vec<u8> = [1_f32, 2.0].iter().flat_map(|element| element.to_le_bytes()).collect();
        let words: Vec<Vec<u8>> =
            ["DOC.FIND", "c", "NEAREST", "z", "4", "FP32"].map(|word| word.as_bytes().to_vec()).into();
        world.engine.send(world.client, [[words, vec![blob, b"WITHIDS".to_vec()]].concat()]);
        world.engine.settle();
        let found = world.engine.answers().pop().unwrap().1;
        let row = Value::Array(vec![Value::Bulk(b"2".to_vec()), Value::Bulk(br#"{"z":[1,2]}"#.to_vec())]);
        assert_eq!(found, Value::Array(vec![row]));
        world.fine("DOC.DROPINDEX|c|z");
        assert_eq!(world.error("DOC.FIND|c|NEAREST|z|1|[1,2]"), "ERR there is no vector index on 'z'");
    }
}
