//! Indexes find what the keys hold, whatever happened to them: random changes of all kinds, and after each of them queries whose answers are
//! compared with a look at every key.

use std::collections::BTreeSet;
use std::time::Duration;

use kora_core::db::DbIndex;
use kora_core::hash::splitmix64;
use kora_core::reply::Value;
use kora_core::slot::WorkerId;
use kora_engine::front::Origin;
use kora_engine::session::Choice;
use kora_testkit::stepped::Stepped;

/// Keys that changes choose from.
const KEYS: u64 = 24;
/// Words of texts, which are no stems of each other.
const WORDS: [&str; 6] = ["apple", "plum", "tree", "stone", "river", "cloud"];
/// Values of tags.
const TAGS: [&str; 4] = ["red", "blue", "green", "dark red"];

/// An engine and its client.
struct World {
    engine: Stepped,
    client: Origin,
    random: u64,
}

impl World {
    fn new(workers: u16, shards: u16, seed: u64) -> Self {
        let mut engine = Stepped::new(workers, shards, seed);
        let choice = Choice { style: false, ..Choice::of_program(DbIndex(0)) };
        let client = engine.connect(WorkerId(0), choice);
        Self { engine, client, random: seed }
    }

    /// Runs a command whose words are separated by `|`; ` or ` in one of them is a `|`.
    fn run(&mut self, line: &str) -> Value {
        let words = line.split('|').map(|word| word.replace(" or ", "|").into_bytes()).collect();
        self.engine.send(self.client, [words]);
        self.engine.settle();
        self.engine.answers().pop().unwrap_or_else(|| panic!("{line} has a reply")).1
    }

    fn below(&mut self, limit: u64) -> u64 {
        splitmix64(&mut self.random) % limit
    }

    fn key(&mut self) -> String {
        let prefix = ["doc:", "doc:", "doc:", "other:"][usize::try_from(self.below(4)).unwrap_or(0)];
        format!("{prefix}{}", self.below(KEYS))
    }

    fn choose(&mut self, from: &[&'static str]) -> &'static str {
        let at = self.below(from.len() as u64);
        from[usize::try_from(at).unwrap_or(0)]
    }

    /// A command that writes a document, or a part of one.
    fn write(&mut self) -> String {
        let key = self.key();
        let (one, two) = (self.choose(&WORDS), self.choose(&WORDS));
        let (tag, other) = (self.choose(&TAGS), self.choose(&TAGS));
        let number = self.below(40);
        match self.below(8) {
            0 => format!("HSET|{key}|t|{one} {two}"),
            1 => format!("HSET|{key}|n|{number}"),
            2 => format!("HINCRBY|{key}|n|1"),
            3 => format!("HDEL|{key}|g"),
            4 => format!("HSET|{key}|n|no number"),
            _ => format!("HSET|{key}|t|{one} {two}|n|{number}|g|{tag},{other}"),
        }
    }

    /// A change of keys.
    fn change(&mut self) {
        let (key, other) = (self.key(), self.key());
        let line = match self.below(24) {
            0 => format!("DEL|{key}"),
            1 => format!("RENAME|{key}|{other}"),
            2 => format!("COPY|{key}|{other}|REPLACE"),
            3 => format!("PEXPIRE|{key}|20"),
            4 => format!("HPEXPIRE|{key}|20|FIELDS|1|g"),
            5 => format!("PERSIST|{key}"),
            6 => format!("SET|{key}|a string"),
            7 => {
                self.engine.pass(Duration::from_millis(15));
                return;
            }
            8 => {
                let (one, two) = (self.write(), self.write());
                self.run("MULTI");
                self.run(&one);
                self.run(&two);
                "EXEC".to_owned()
            }
            9 => format!(
                "EVAL|redis.call('HSET',KEYS[1],'t','apple') redis.call('DEL',KEYS[2])|2|{key}|{other}"
            ),
            10 => format!(
                "EVAL|redis.call('HSET','{key}','t','plum') return redis.call('FT.SEARCH','idx','plum')|0"
            ),
            11 if self.below(10) == 0 => "SWAPDB|0|1".to_owned(),
            12 => format!("MOVE|{key}|1"),
            13 => "EVAL|redis.call('HSET',KEYS[1],'t','stone') error('no')|1|doc:1".to_owned(),
            _ => self.write(),
        };
        self.run(&line);
    }

    /// What a hash holds under a key; none if it is not there.
    fn hash(&mut self, key: &str) -> Option<Vec<(String, String)>> {
        let Value::Array(parts) = flat(self.run(&format!("HGETALL|{key}"))) else { return None };
        let texts: Vec<String> = parts.iter().map(text).collect();
        let pairs: Vec<_> = texts.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        (!pairs.is_empty()).then_some(pairs)
    }

    /// The documents that fulfil a condition, found by a look at all keys.
    fn look(&mut self, holds: impl Fn(&Document) -> bool) -> BTreeSet<String> {
        let Value::Array(keys) = self.run("KEYS|doc:*") else { panic!("KEYS replies an array") };
        let keys: Vec<String> = keys.iter().map(text).collect();
        let mut found = BTreeSet::new();
        for key in keys {
            if let Some(document) = self.hash(&key).and_then(|pairs| Document::of(&pairs))
                && holds(&document)
            {
                found.insert(key);
            }
        }
        found
    }

    /// Asks an index, and compares.
    fn check(&mut self, query: &str, holds: impl Fn(&Document) -> bool) {
        let expected = self.look(holds);
        let reply = self.run(&format!("FT.SEARCH|idx|{query}|NOCONTENT|LIMIT|0|1000|DIALECT|2"));
        let Value::Array(parts) = &reply else { panic!("{query}: {reply:?}") };
        let found: BTreeSet<String> = parts[1..].iter().map(text).collect();
        assert_eq!(found, expected, "{query}");
        assert_eq!(parts[0], Value::Integer(i64::try_from(expected.len()).unwrap_or(-1)), "{query}");
        let reply = self.run(&format!("FT.AGGREGATE|idx|{query}|GROUPBY|0|REDUCE|COUNT|0|AS|c|DIALECT|2"));
        let Value::Array(parts) = &reply else { panic!("{query}: {reply:?}") };
        let count = match parts.get(1) {
            Some(Value::Array(row)) => text(&row[1]),
            _ => "0".to_owned(),
        };
        assert_eq!(count, expected.len().to_string(), "{query}");
    }

    fn check_all(&mut self) {
        let (word, other) = (self.choose(&WORDS), self.choose(&WORDS));
        let tag = self.choose(&TAGS);
        let (from, to) = (self.below(20), 20 + self.below(20));
        let (low, high) =
            (f64::from(u32::try_from(from).unwrap_or(0)), f64::from(u32::try_from(to).unwrap_or(0)));
        let in_range = move |document: &Document| document.number.is_some_and(|n| (low..=high).contains(&n));
        self.check("*", |_| true);
        self.check(word, |document| document.has(word));
        self.check(&format!("-{word}"), |document| !document.has(word));
        self.check(&format!("@g:{{{}}}", tag.replace(' ', "\\ ")), |document| document.tags.contains(tag));
        self.check(&format!("@n:[{from} {to}]"), in_range);
        self.check(&format!("({word} or {other}) -@n:[{from} {to}]"), |document| {
            (document.has(word) || document.has(other)) && !in_range(document)
        });
        self.check(&format!("{}*", &word[..3]), |document| {
            document.words.iter().any(|one| one.starts_with(&word[..3]))
        });
    }
}

/// What an index should see in a hash.
struct Document {
    words: BTreeSet<String>,
    tags: BTreeSet<String>,
    number: Option<f64>,
}

impl Document {
    /// None if the hash is no document: its number is none.
    fn of(pairs: &[(String, String)]) -> Option<Self> {
        let get = |name: &str| pairs.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone());
        let number = match get("n") {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        };
        let parts = |text: Option<String>, by: char| {
            text.unwrap_or_default().split(by).map(str::to_owned).filter(|part| !part.is_empty()).collect()
        };
        Some(Self { words: parts(get("t"), ' '), tags: parts(get("g"), ','), number })
    }

    fn has(&self, word: &str) -> bool {
        self.words.contains(word)
    }
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

fn text(value: &Value) -> String {
    match value {
        Value::Bulk(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Simple(text) => text.clone(),
        other => panic!("{other:?} is no text"),
    }
}

fn play(workers: u16, shards: u16, seed: u64, steps: usize) {
    let mut world = World::new(workers, shards, seed);
    // Some keys are there before the index is, some of them about to expire.
    for _ in 0..40 {
        world.change();
    }
    let created = world.run("FT.CREATE|idx|PREFIX|1|doc:|SCHEMA|t|TEXT|NOSTEM|n|NUMERIC|SORTABLE|g|TAG");
    assert_eq!(created, Value::Simple("OK".to_owned()));
    for _ in 0..steps {
        world.change();
        world.check_all();
    }
}

#[test]
fn an_index_finds_what_the_keys_hold_with_one_worker() {
    (0..4).for_each(|seed| play(1, 1, seed, 150));
}

#[test]
fn an_index_finds_what_the_keys_hold_with_four_workers() {
    (0..4).for_each(|seed| play(4, 16, seed, 150));
}

/// Commands that hostile arguments are given to.
const NAMES: &str = "FT.SEARCH FT.AGGREGATE FT.CREATE FT.ALTER FT.INFO FT.EXPLAIN FT.EXPLAINCLI FT.TAGVALS FT.CURSOR \
     FT.SPELLCHECK FT.SYNUPDATE FT.SYNDUMP FT.DICTADD FT.DICTDUMP FT.SUGADD FT.SUGGET FT.CONFIG FT.MGET";
/// What the arguments are made of.
const PIECES: &str = "idx * apple (((( @n:[ @g:{ $x PARAMS 2 x -1 99999999999999999999 LIMIT 0 LOAD SORTBY @t APPLY @n/0 AS \
     GROUPBY REDUCE COUNT WITHCURSOR FILTER GEOFILTER p nan inf 1e308 m \
     SCHEMA TEXT READ DIALECT RETURN \u{0} é %%%%a%%%% w'*?*?*' ~-~- =>{$weight:nan} INKEYS INFIELDS SLOP SET GET MAXEXPANSIONS FUZZY ADD PREFIX ON JSON $..[?(@.a)]";

/// Whatever the bytes are, there is a reply, and the engine goes on.
#[test]
fn hostile_arguments_get_an_error() {
    let mut world = World::new(1, 1, 7);
    world.run("FT.CREATE|idx|SCHEMA|t|TEXT|n|NUMERIC|g|TAG|p|GEO");
    world.run("HSET|doc:1|t|apple|n|1|g|red|p|1,1");
    let (names, pieces): (Vec<_>, Vec<_>) = (NAMES.split(' ').collect(), PIECES.split(' ').collect());
    let long = "(a or ".repeat(3000);
    for _ in 0..6000 {
        let mut line = world.choose(&names).to_owned();
        for _ in 0..world.below(9) {
            let piece = if world.below(40) == 0 { long.as_str() } else { world.choose(&pieces) };
            line.push('|');
            line.push_str(piece);
        }
        world.run(&line);
    }
    assert_eq!(world.run("EXISTS|doc:1"), Value::Integer(1));
}
