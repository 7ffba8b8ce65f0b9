//! Collections find what the keys hold, whatever happened to them: random changes of all kinds, and after each of them questions whose answers are
//! compared with a look at every document.

use std::collections::BTreeSet;
use std::time::Duration;

use kora_core::db::DbIndex;
use kora_core::hash::splitmix64;
use kora_core::reply::Value;
use kora_core::slot::WorkerId;
use kora_engine::front::Origin;
use kora_engine::session::Choice;
use kora_testkit::searching::condition::{Document, Meaning, Plain, sort};
use kora_testkit::stepped::Stepped;

/// Ids that changes choose from.
const IDS: u64 = 20;
/// The collection, whose name stands otherwise in keys.
const NAME: &str = "a:b";
/// What its keys begin with.
const PREFIX: &str = "__kora:doc:a%3Ab:";
/// Fields that may be indexed.
const PATHS: [&str; 5] = ["a", "b", "t", "u", "o.p"];
const KINDS: [&str; 4] = ["hash", "SORTED", "array", "Unique"];

/// An engine and its clients.
struct World {
    engine: Stepped,
    client: Origin,
    random: u64,
    /// Fields with a unique index.
    unique: Vec<&'static str>,
    indexed: Vec<(&'static str, &'static str)>,
}

impl World {
    fn new(workers: u16, shards: u16, seed: u64) -> Self {
        let mut engine = Stepped::new(workers, shards, seed);
        let choice = Choice { style: false, ..Choice::of_program(DbIndex(0)) };
        let client = engine.connect(WorkerId(0), choice);
        Self { engine, client, random: seed, unique: Vec::new(), indexed: Vec::new() }
    }

    /// Runs a command.
    fn call(&mut self, words: &[&str]) -> Value {
        let words = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        self.engine.send(self.client, [words]);
        self.engine.settle();
        self.engine.answers().pop().unwrap_or_else(|| panic!("there is a reply")).1
    }

    /// Runs a command whose words are separated by `|`.
    fn run(&mut self, line: &str) -> Value {
        self.call(&line.split('|').collect::<Vec<_>>())
    }

    fn below(&mut self, limit: u64) -> u64 {
        splitmix64(&mut self.random) % limit
    }

    fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        let at = self.below(from.len() as u64);
        from[usize::try_from(at).unwrap_or(0)]
    }

    fn id(&mut self) -> String {
        format!("{{{}}}é{}", self.below(4), self.below(IDS))
    }

    fn scalar(&mut self) -> Plain {
        match self.below(12) {
            0 => Plain::Null,
            1 => Plain::Bool(self.below(2) == 0),
            2 => Plain::Double(0.5 + f64::from(u32::try_from(self.below(4)).unwrap_or(0))),
            3 => Plain::Integer((1 << 53) + i128::from(self.below(3))),
            4 => Plain::Integer(i128::from(u64::MAX) - i128::from(self.below(2))),
            5 => Plain::Integer(-i128::from(self.below(4))),
            6..9 => {
                let texts = ["x", "xy", "", "it's", "Z\\", "é", "limit", "and"];
                Plain::Text(self.choose(&texts).to_owned())
            }
            _ => Plain::Integer(self.below(6).into()),
        }
    }

    fn value(&mut self) -> Plain {
        match self.below(12) {
            0 => Plain::Array((0..self.below(3)).map(|_| self.scalar()).collect()),
            1 => Plain::Object(vec![("p".to_owned(), self.scalar())]),
            _ => self.scalar(),
        }
    }

    fn document(&mut self) -> String {
        let mut members = Vec::new();
        for path in ["a", "b", "u"] {
            if self.below(5) > 0 {
                let value = if path == "u" { Plain::Integer(self.below(60).into()) } else { self.value() };
                members.push((path.to_owned(), value));
            }
        }
        if self.below(4) > 0 {
            let tags = (0..self.below(4)).map(|_| self.scalar()).collect();
            members.push(("t".to_owned(), Plain::Array(tags)));
        }
        if self.below(3) > 0 {
            members.push(("o".to_owned(), Plain::Object(vec![("p".to_owned(), self.value())])));
        }
        Plain::Object(members).json()
    }

    fn meaning(&mut self, depth: u64) -> Meaning {
        let path = self.choose(&["a", "b", "t", "u", "o.p", "t.0", "nothing"]);
        match self.below(if depth == 0 { 8 } else { 14 }) {
            0 => Meaning::Exists(path),
            1 => Meaning::Contains(path, self.scalar()),
            2 => Meaning::StartsWith(path, self.choose(&["", "x", "i", "é", "Z\\"]).to_owned()),
            3 => Meaning::In(path, (0..=self.below(3)).map(|_| self.scalar()).collect()),
            4 | 5 => Meaning::Compare(path, self.choose(&["=", "!="]), self.scalar()),
            6 | 7 => {
                let op = self.choose(&["<", "<=", ">", ">="]);
                let literal = match self.scalar() {
                    Plain::Null => Plain::Integer(2),
                    literal => literal,
                };
                Meaning::Compare(path, op, literal)
            }
            8 | 9 => Meaning::Not(Box::new(self.meaning(depth - 1))),
            10 | 11 => Meaning::Any((0..2 + self.below(2)).map(|_| self.meaning(depth - 1)).collect()),
            _ => Meaning::All((0..2 + self.below(2)).map(|_| self.meaning(depth - 1)).collect()),
        }
    }

    /// All documents, by a look at every key.
    fn documents(&mut self) -> Vec<Document> {
        let Value::Array(keys) = self.run(&format!("KEYS|{PREFIX}*")) else {
            panic!("KEYS replies an array")
        };
        let mut documents = Vec::new();
        for key in keys.iter().map(text) {
            if self.run(&format!("TYPE|{key}")) != Value::Simple("ReJSON-RL".to_owned()) {
                continue;
            }
            let json = self.run(&format!("JSON.GET|{key}"));
            if let Value::Bulk(json) = json {
                let json = String::from_utf8(json).expect("JSON is UTF-8");
                documents.extend(Document::new(&key[PREFIX.len()..], &json));
            }
        }
        documents
    }

    /// Whether the values of the unique fields of these documents, put over those that are there, are unique.
    fn may_be_put(&mut self, new: &[(String, String)]) -> bool {
        let new: Vec<Document> = new.iter().filter_map(|(id, text)| Document::new(id, text)).collect();
        let old = self.documents();
        let is_taken = |path: &str, document: &Document| {
            let Some(value) = document.get(path).filter(|value| value.is_scalar()) else { return false };
            if matches!(value, Plain::Null) {
                return false;
            }
            let others = old
                .iter()
                .filter(|old| !new.iter().any(|new| new.id == old.id))
                .chain(new.iter().filter(|new| new.id != document.id));
            others.into_iter().any(|other| other.get(path).is_some_and(|other| other.is(value)))
        };
        !self.unique.iter().any(|path| new.iter().any(|document| is_taken(path, document)))
    }

    fn write(&mut self) {
        let (id, json) = (self.id(), self.document());
        let fits = self.may_be_put(&[(id.clone(), json.clone())]);
        let reply = match self.below(6) {
            0 => {
                let fits = self.may_be_put(&[("another id".to_owned(), json.clone())]);
                let reply = self.call(&["DOC.INSERT", NAME, &json]);
                assert_eq!(matches!(reply, Value::Bulk(_)), fits, "{reply:?}");
                if fits {
                    assert_eq!(self.call(&["DOC.EXISTS", NAME, &text(&reply)]), Value::Integer(1));
                }
                return;
            }
            1 => self.call(&["DOC.SET", NAME, &id, &json, "PX", "30"]),
            2 => {
                let was_there = self.call(&["DOC.EXISTS", NAME, &id]) == Value::Integer(1);
                let condition = self.choose(&["NX", "XX"]);
                let reply = self.call(&["DOC.SET", NAME, &id, &json, condition]);
                if was_there == (condition == "NX") && !is_wrong_type(&reply) {
                    assert_eq!(reply, Value::Null);
                    return;
                }
                reply
            }
            3 => {
                let (other, second) = (self.id(), self.document());
                let both = if other == id {
                    vec![(other.clone(), second.clone())]
                } else {
                    vec![(id.clone(), json.clone()), (other.clone(), second.clone())]
                };
                let fits = self.may_be_put(&both);
                let reply = self.call(&["DOC.MSET", NAME, &id, &json, &other, &second]);
                if is_wrong_type(&reply) {
                    return;
                }
                assert_eq!(reply == Value::Simple("OK".to_owned()), fits, "{reply:?} {both:?}");
                return;
            }
            _ => self.call(&["DOC.SET", NAME, &id, &json]),
        };
        if !is_wrong_type(&reply) {
            assert_eq!(reply == Value::Simple("OK".to_owned()), fits, "{reply:?} {id} {json}");
        }
    }

    /// A change of keys.
    fn change(&mut self) {
        let (id, other) = (self.id(), self.id());
        let (key, other_key) = (format!("{PREFIX}{id}"), format!("{PREFIX}{other}"));
        let scalar = self.scalar().json();
        match self.below(26) {
            0 => drop(self.call(&["DOC.DEL", NAME, &id, &other])),
            1 => drop(self.call(&["RENAME", &key, &other_key])),
            2 => drop(self.call(&["COPY", &key, &other_key, "REPLACE"])),
            3 => drop(self.call(&["PEXPIRE", &key, "20"])),
            4 => drop(self.call(&["JSON.SET", &key, "$.a", &scalar])),
            5 => drop(self.call(&["JSON.SET", &key, "$", "{\"u\":1,\"a\":2}"])),
            6 => drop(self.call(&["SET", &key, "a string"])),
            7 => drop(self.call(&["JSON.SET", &key, "$", "[1]"])),
            8 => self.engine.pass(Duration::from_millis(15)),
            9 => {
                let json = self.document();
                self.run("MULTI");
                self.call(&["DOC.SET", NAME, &id, &json]);
                self.call(&["DOC.UPDATE", NAME, &other, "SET", "a", &scalar]);
                self.run("EXEC");
            }
            10 => {
                let script = "redis.call('DOC.SET',ARGV[1],ARGV[2],'{\"a\":1}') \
                              return redis.call('DOC.FIND',ARGV[1],'WHERE','a = 1','WITHIDS')";
                self.call(&["EVAL", script, "0", NAME, &id]);
            }
            11 => drop(self.call(&["EVAL", "redis.call('DEL',KEYS[1]) error('no')", "1", &key])),
            12 if self.below(8) == 0 => drop(self.run("SWAPDB|0|1")),
            13 => drop(self.call(&["MOVE", &key, "1"])),
            14 => self.update(&id, &scalar),
            15 if self.below(3) == 0 => {
                let condition = Meaning::Compare("a", "=", self.scalar());
                let expected = self.documents().iter().filter(|document| condition.holds(document)).count();
                let reply = self.call(&["DOC.DELETE", NAME, "WHERE", &condition.text()]);
                assert_eq!(reply, Value::Integer(i64::try_from(expected).unwrap_or(-1)));
            }
            16 => self.change_index(),
            17 if self.below(30) == 0 => {
                self.run(self_flush(self.random));
                self.begin();
            }
            _ => self.write(),
        }
    }

    fn update(&mut self, id: &str, scalar: &str) {
        let operations = [
            &["SET", "a", scalar][..],
            &["SET", "o.p", scalar],
            &["DEL", "b"],
            &["INCR", "u", "1"],
            &["PUSH", "t", scalar],
            &["PULL", "t", scalar],
            &["SET", "b", scalar, "DEL", "a", "PUSH", "t", "1"],
        ];
        let operation = self.choose(&operations);
        let before = self.call(&["DOC.GET", NAME, id]);
        let reply = self.call(&[&["DOC.UPDATE", NAME, id][..], operation].concat());
        match &reply {
            Value::Integer(0) => assert_eq!(before, Value::Null),
            Value::Integer(1) => assert_ne!(before, Value::Null),
            _ => assert_eq!(self.call(&["DOC.GET", NAME, id]), before, "{reply:?}: nothing has changed"),
        }
    }

    /// Creates an index, or drops it.
    fn change_index(&mut self) {
        let path = self.choose(&PATHS);
        if let Some(at) = self.indexed.iter().position(|(indexed, _)| *indexed == path) {
            assert_eq!(self.call(&["DOC.DROPINDEX", NAME, path]), Value::Simple("OK".to_owned()));
            self.indexed.remove(at);
            self.unique.retain(|unique| *unique != path);
            return;
        }
        let kind = self.choose(&KINDS);
        let documents = self.documents();
        let reply = self.call(&["DOC.CREATEINDEX", NAME, path, kind]);
        if kind == "Unique" {
            let values: Vec<&Plain> = documents
                .iter()
                .filter_map(|document| document.get(path))
                .filter(|value| value.is_scalar() && !matches!(value, Plain::Null))
                .collect();
            let is_unique =
                (0..values.len()).all(|at| !values[at + 1..].iter().any(|other| other.is(values[at])));
            assert_eq!(reply == Value::Simple("OK".to_owned()), is_unique, "{reply:?}");
            if !is_unique {
                return;
            }
            self.unique.push(path);
        }
        assert_eq!(reply, Value::Simple("OK".to_owned()));
        self.indexed.push((path, kind));
    }

    fn begin(&mut self) {
        assert_eq!(self.call(&["DOC.CREATE", NAME]), Value::Simple("OK".to_owned()));
        (self.indexed, self.unique) = (Vec::new(), Vec::new());
    }

    /// Asks questions, and compares.
    fn check(&mut self) {
        let meaning = self.meaning(2);
        let condition = meaning.text();
        let documents = self.documents();
        let expected: BTreeSet<(String, String)> = documents
            .iter()
            .filter(|document| meaning.holds(document))
            .map(|document| (document.id.clone(), document.text.clone()))
            .collect();
        let found = pairs(&self.call(&["DOC.FIND", NAME, "WHERE", &condition, "WITHIDS"]));
        let set: BTreeSet<_> = found.iter().cloned().collect();
        assert_eq!((set, found.len()), (expected.clone(), expected.len()), "{condition} {:?}", self.indexed);
        let count = i64::try_from(expected.len()).unwrap_or(-1);
        // The words of a condition may be arguments of their own.
        let words: Vec<&str> = condition.split(' ').collect();
        let counted = self.call(&[&["doc.count", NAME, "where"][..], &words].concat());
        assert_eq!(counted, Value::Integer(count), "{condition}");
        let limit = self.below(6);
        let some = self.page(&condition, &[], limit, 1);
        let from = found.get(1..).unwrap_or_default();
        let to = from.len().min(usize::try_from(limit).unwrap_or(0));
        assert_eq!(some, from[..to], "{condition} LIMIT {limit} OFFSET 1");
        self.check_order(&meaning, &documents);
        self.check_cursor(&condition, &[], &found);
        self.check_plan(&condition, count);
    }

    fn page(&mut self, condition: &str, order: &[&str], limit: u64, offset: u64) -> Vec<(String, String)> {
        let (limit, offset) = (limit.to_string(), offset.to_string());
        let head = ["DOC.FIND", NAME, "LIMIT", &limit, "WHERE", condition, "OFFSET", &offset, "WITHIDS"];
        pairs(&self.call(&[&head[..], order].concat()))
    }

    fn check_order(&mut self, meaning: &Meaning, documents: &[Document]) {
        let condition = meaning.text();
        let order: Vec<(&'static str, bool)> = (0..=self.below(2))
            .map(|_| (self.choose(&["a", "b", "u", "o.p", "t"]), self.below(2) == 0))
            .collect();
        let mut expected: Vec<&Document> =
            documents.iter().filter(|document| meaning.holds(document)).collect();
        sort(&mut expected, &order);
        let expected: Vec<(String, String)> =
            expected.into_iter().map(|document| (document.id.clone(), document.text.clone())).collect();
        let mut words = vec!["ORDER", "BY"];
        for (path, is_descending) in &order {
            words.extend([*path, if *is_descending { "desc" } else { "ASC" }]);
        }
        let (limit, offset) = (self.below(8), self.below(3));
        let found = self.page(&condition, &words, limit, offset);
        let from = expected.get(usize::try_from(offset).unwrap_or(0)..).unwrap_or_default();
        let to = from.len().min(usize::try_from(limit).unwrap_or(0));
        assert_eq!(found, from[..to], "{condition} {words:?} {limit} {offset} {:?}", self.indexed);
        self.check_cursor(&condition, &words, &expected);
    }

    /// Pages are the whole.
    fn check_cursor(&mut self, condition: &str, order: &[&str], expected: &[(String, String)]) {
        if self.below(3) > 0 {
            return;
        }
        let limit = 1 + usize::try_from(self.below(5)).unwrap_or(0);
        let words = limit.to_string();
        let (mut cursor, mut found) = ("0".to_owned(), Vec::new());
        loop {
            let head = ["DOC.FIND", NAME, "CURSOR", &cursor, "WITHIDS", "LIMIT", &words, "WHERE", condition];
            let reply = self.call(&[&head[..], order].concat());
            let Value::Array(parts) = &reply else { panic!("{reply:?}") };
            let page = pairs(&parts[1]);
            assert!(page.len() <= limit);
            found.extend(page);
            cursor = text(&parts[0]);
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(found, expected, "{condition} {order:?}");
    }

    fn check_plan(&mut self, condition: &str, count: i64) {
        let reply = self.call(&["DOC.EXPLAIN", NAME, "WHERE", condition]);
        let Value::Array(parts) = flat(reply) else { panic!("a plan is a map") };
        let figure = |name: &str| {
            let at = parts.iter().position(|part| matches!(part, Value::Bulk(own) if own == name.as_bytes()));
            match &parts[at.unwrap_or_else(|| panic!("{name} is in {parts:?}")) + 1] {
                Value::Integer(number) => *number,
                other => panic!("{name}: {other:?}"),
            }
        };
        assert_eq!(figure("actual"), count, "{condition}");
        assert!(figure("estimated") <= figure("documents"));
        let info = self.call(&["DOC.INFO", NAME]);
        let Value::Array(info) = flat(info) else { panic!("it is a map") };
        assert_eq!(info[9], Value::Integer(figure("documents")), "doc_count");
    }
}

/// FLUSHALL or FLUSHDB.
fn self_flush(random: u64) -> &'static str {
    if random.is_multiple_of(2) { "FLUSHALL" } else { "FLUSHDB" }
}

fn is_wrong_type(reply: &Value) -> bool {
    matches!(reply, Value::Error(text) if text.starts_with("WRONGTYPE"))
}

/// A map as the array that it is in RESP2.
fn flat(value: Value) -> Value {
    match value {
        Value::Map(pairs) => {
            Value::Array(pairs.into_iter().flat_map(|(name, value)| [name, value]).collect())
        }
        other => other,
    }
}

/// Ids and documents.
fn pairs(reply: &Value) -> Vec<(String, String)> {
    let Value::Array(rows) = reply else { panic!("{reply:?}") };
    let pair = |row: &Value| match row {
        Value::Array(parts) => (text(&parts[0]), text(&parts[1])),
        other => panic!("{other:?}"),
    };
    rows.iter().map(pair).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Simple(text) => text.clone(),
        other => panic!("{other:?} is no text"),
    }
}

fn play(workers: u16, shards: u16, seed: u64, steps: usize) {
    let mut world = World::new(workers, shards, seed);
    // Some keys are there before the collection is, some of them about to expire.
    for number in 0..10 {
        let key = format!("{PREFIX}{{{}}}é{number}", number % 4);
        let json = world.document();
        world.call(&["JSON.SET", &key, "$", &json]);
        if number % 3 == 0 {
            world.call(&["PEXPIRE", &key, "20"]);
        }
    }
    world.begin();
    for _ in 0..steps {
        world.change();
        world.check();
    }
}

#[test]
fn a_collection_finds_what_the_keys_hold_with_one_worker() {
    (0..6).for_each(|seed| play(1, 1, seed, 250));
}

#[test]
fn a_collection_finds_what_the_keys_hold_with_four_workers() {
    (0..6).for_each(|seed| play(4, 16, seed, 250));
}

/// Commands that hostile arguments are given to.
const COMMANDS: &str = "DOC.FIND DOC.COUNT DOC.EXPLAIN DOC.DELETE DOC.SET DOC.INSERT DOC.MSET DOC.GET DOC.MGET DOC.UPDATE DOC.DEL \
     DOC.EXISTS DOC.CREATE DOC.CREATEINDEX DOC.DROPINDEX DOC.INFO DOC.DICTINFO DOC.STORAGE DOC.INDEXES DOC.LIST";
/// What the arguments are made of.
const PIECES: &str = "c 1 a = (((( ) NOT AND OR IN (1,2) 'x' \" ` {\"a\":1} {\"a\":{\"b\":[1]}} [ a.b a..b . t.0 -1 1e999 99999999999999999999 WHERE ORDER BY \
     DESC PROJECT LIMIT OFFSET WITHIDS CURSOR 0 ff SET DEL INCR PUSH PULL EX PX NX XX FIELDS COMPRESSION compact AT hash unique sorted array \
     \u{0} é CONTAINS STARTSWITH EXISTS null true < != , \\";

/// Whatever the bytes are, there is a reply, and the engine goes on.
#[test]
fn hostile_arguments_get_an_error() {
    let mut world = World::new(2, 4, 7);
    let (names, pieces): (Vec<_>, Vec<_>) = (COMMANDS.split(' ').collect(), PIECES.split(' ').collect());
    let long = "(NOT ".repeat(3000);
    for _ in 0..8000 {
        let mut words = vec![world.choose(&names), "c"];
        for _ in 0..world.below(9) {
            words.push(if world.below(40) == 0 { &long } else { world.choose(&pieces) });
        }
        world.call(&words);
        if world.below(50) == 0 {
            world.call(&["DOC.CREATE", "c"]);
            world.call(&["DOC.SET", "c", "1", "{\"a\":1}"]);
        }
    }
    assert_eq!(world.call(&["DOC.EXISTS", "c", "1"]), Value::Integer(1));
}
