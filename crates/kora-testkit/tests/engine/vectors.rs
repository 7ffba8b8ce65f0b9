//! Vector sets through the whole engine, on one shard and on four: random commands against a model that compares all, and commands on any key.

use std::collections::BTreeMap;

use kora_core::hash::splitmix64;
use kora_core::reply::Value;
use kora_core::slot::WorkerId;
use kora_engine::front::Origin;
use kora_testkit::stepped::Stepped;

const DIMENSIONS: usize = 6;
const STEPS: usize = 1500;

/// The vector and the attribute `n` of each element, by key and name.
type Model = BTreeMap<String, BTreeMap<String, (Vec<f64>, u64)>>;

struct Client {
    engine: Stepped,
    origin: Origin,
}

impl Client {
    fn new(workers: u16, shards: u16) -> Self {
        let mut engine: Stepped = Stepped::new(workers, shards, 1);
        let origin = engine.connect_program(WorkerId(0));
        Self { engine, origin }
    }

    fn run_args(&mut self, args: Vec<Vec<u8>>) -> Value {
        self.engine.send(self.origin, [args]);
        self.engine.settle();
        let mut answers = self.engine.answers();
        assert_eq!(answers.len(), 1, "one command has one reply");
        answers.pop().expect("one").1
    }

    fn run(&mut self, line: &str) -> Value {
        self.run_args(line.split(' ').map(|word| word.as_bytes().to_vec()).collect())
    }

    fn names(&mut self, line: &str) -> Vec<String> {
        self.names_of(line.split(' ').map(|word| word.as_bytes().to_vec()).collect())
    }

    fn names_of(&mut self, args: Vec<Vec<u8>>) -> Vec<String> {
        let reply = self.run_args(args);
        let Value::Array(values) = reply else { panic!("{reply:?} is no array") };
        let name = |value| match value {
            Value::Bulk(bytes) => String::from_utf8(bytes).expect("UTF-8"),
            other => panic!("{other:?} is no name"),
        };
        values.into_iter().map(name).collect()
    }
}

fn truth(value: &Value) -> bool {
    match value {
        Value::Boolean(is_true) => *is_true,
        Value::Integer(number) => *number == 1,
        other => panic!("{other:?} is no truth value"),
    }
}

fn unit(vector: &[f64]) -> Vec<f64> {
    let norm = vector.iter().map(|one| one * one).sum::<f64>().sqrt();
    vector.iter().map(|one| one / norm).collect()
}

fn random_vector(state: &mut u64) -> Vec<f64> {
    (0..DIMENSIONS).map(|_| f64::from(splitmix64(state).to_le_bytes()[0]) - 127.5).collect()
}

fn text(vector: &[f64]) -> String {
    let words: Vec<String> = vector.iter().map(f64::to_string).collect();
    format!("VALUES {DIMENSIONS} {}", words.join(" "))
}

fn change(client: &mut Client, model: &mut Model, state: &mut u64) {
    let key = format!("k{}", splitmix64(state) % 5);
    let other = format!("k{}", splitmix64(state) % 5);
    let name = format!("e{}", splitmix64(state) % 150);
    match splitmix64(state) % 24 {
        0..5 => {
            let was_there = truth(&client.run(&format!("VREM {key} {name}")));
            let set = model.get_mut(&key);
            assert_eq!(was_there, set.is_some_and(|set| set.remove(&name).is_some()));
            model.retain(|_, set| !set.is_empty());
        }
        5 if key != other && model.contains_key(&key) => {
            client.run(&format!("RENAME {key} {other}"));
            let set = model.remove(&key).expect("it is there");
            model.insert(other, set);
        }
        6 if key != other && model.contains_key(&key) => {
            assert_eq!(client.run(&format!("COPY {key} {other} REPLACE")), Value::Integer(1));
            let set = model[&key].clone();
            model.insert(other, set);
        }
        7 if model.contains_key(&key) => {
            let Value::Bulk(payload) = client.run(&format!("DUMP {key}")) else { panic!("a payload") };
            let words = ["RESTORE", &other, "0"].map(|word| word.as_bytes().to_vec());
            let args = words.into_iter().chain([payload, b"REPLACE".to_vec()]).collect();
            assert_eq!(client.run_args(args), Value::Simple("OK".into()));
            let set = model[&key].clone();
            model.insert(other, set);
        }
        _ => {
            let vector = random_vector(state);
            let number = splitmix64(state) % 100;
            let line = format!("VADD {key} {} {name} NOQUANT M 8 SETATTR {{\"n\":{number}}}", text(&vector));
            let is_new = truth(&client.run(&line));
            let set = model.entry(key).or_default();
            assert_eq!(is_new, set.insert(name, (unit(&vector), number)).is_none());
        }
    }
}

/// Compares the answers to a search with those of the model; `found` counts what approximate searches find of what there is.
fn search(client: &mut Client, model: &Model, state: &mut u64, found: &mut (usize, usize)) {
    let key = format!("k{}", splitmix64(state) % 5);
    let query = random_vector(state);
    let empty = BTreeMap::new();
    let set = model.get(&key).unwrap_or(&empty);
    assert_eq!(client.run(&format!("VCARD {key}")), Value::Integer(i64::try_from(set.len()).expect("few")));
    let vector = text(&query);
    let query = unit(&query);
    let score = |name: &str| query.iter().zip(&set[name].0).map(|(a, b)| a * b).sum::<f64>();
    let limit = splitmix64(state) % 100;
    for least in [0, limit] {
        let mut expected: Vec<f64> =
            set.iter().filter(|(_, element)| element.1 >= least).map(|(name, _)| score(name)).collect();
        expected.sort_by(|a, b| b.total_cmp(a));
        expected.truncate(10);
        let args = |options: &str| {
            let line = format!("VSIM {key} {vector} {options}FILTER");
            let mut args: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            args.push(format!(".n >= {least}").into_bytes());
            args
        };
        let exact = client.names_of(args("TRUTH "));
        assert_eq!(exact.len(), expected.len());
        for (name, expected) in exact.iter().zip(&expected) {
            assert!(set[name].1 >= least && (score(name) - expected).abs() < 1e-5);
        }
        let near = client.names_of(args(""));
        assert_eq!(near.len(), expected.len(), "never fewer than there are");
        assert!(near.iter().all(|name| set[name].1 >= least));
        found.0 += near.iter().filter(|name| exact.contains(name)).count();
        found.1 += exact.len();
    }
}

fn run(workers: u16, shards: u16, seed: u64) {
    let mut client = Client::new(workers, shards);
    let (mut model, mut state, mut found) = (Model::new(), seed, (0, 0));
    for step in 0..STEPS {
        change(&mut client, &mut model, &mut state);
        if step % 5 == 0 {
            search(&mut client, &model, &mut state, &mut found);
        }
    }
    assert!(found.1 > 1000 && found.0 * 100 >= found.1 * 98, "{} of {} are found", found.0, found.1);
    for (key, set) in model {
        let sorted: Vec<String> = set.keys().cloned().collect();
        assert_eq!(client.names(&format!("VRANGE {key} - +")), sorted);
    }
}

#[test]
fn one_shard_against_a_model() {
    run(1, 1, 1);
}

#[test]
fn four_shards_against_a_model() {
    run(4, 4, 2);
}

#[test]
fn a_vector_set_is_a_key_as_others_are() {
    let mut client = Client::new(2, 4);
    client.run("VADD k VALUES 2 1 0 a");
    assert_eq!(client.run("TYPE k"), Value::Simple("vectorset".into()));
    assert_eq!(client.run("EXPIRE k 100"), Value::Integer(1));
    client.run("VADD k VALUES 2 0 1 b");
    assert_eq!(client.run("TTL k"), Value::Integer(100));
    assert_eq!(client.run("PERSIST k"), Value::Integer(1));
    assert!(matches!(client.run("MEMORY USAGE k"), Value::Integer(200..)));
    assert!(matches!(client.run("GET k"), Value::Error(_)));
    client.run("MULTI");
    client.run("VREM k a");
    client.run("VSIM k ELE b");
    assert!(matches!(client.run("EXEC"), Value::Array(replies) if replies.len() == 2));
    assert_eq!(client.run("VCARD k"), Value::Integer(1));
    assert_eq!(client.run("DEL k"), Value::Integer(1));
    assert_eq!(client.run("EXISTS k"), Value::Integer(0));
}
