//! Commands on a bare store: what they record, and sets of any history against a model that compares all. Replies are in the transcripts.

mod snapshots;

use std::collections::BTreeMap;

use kora_core::command::table::{CommandTable, Handler};
use kora_core::config::CoreConfig;
use kora_core::context::{Ctx, Stores};
use kora_core::db::DbIndex;
use kora_core::digest::{Detail, Digest};
use kora_core::entry::data_type::Extensions;
use kora_core::hash::splitmix64;
use kora_core::journal::Journal;
use kora_core::reply::Value;
use kora_core::reply::tree::TreeSink;
use kora_core::slot::ShardId;
use kora_core::store::{Keyspace, ShardStore};
use kora_core::time::UnixMs;

const NOW: UnixMs = UnixMs(1_700_000_000_000);
const DB: DbIndex = DbIndex(0);

struct Bare {
    store: Box<ShardStore>,
    journal: Journal,
    table: CommandTable<()>,
}

impl Bare {
    fn new() -> Self {
        let mut store = Box::new(ShardStore::new(ShardId(0), CoreConfig::default(), 1));
        store.set_extensions(Extensions::new(crate::TYPES));
        let mut journal = Journal::default();
        journal.set_recording(true);
        Self { store, journal, table: CommandTable::new(&[crate::COMMANDS], &[]) }
    }

    fn run_args(&mut self, args: &[&[u8]]) -> Value {
        let command = self.table.resolve(args).expect("a command");
        let Handler::Core(handler) = command.handler else { unreachable!("the table has no others") };
        let mark = self.journal.open_command(NOW);
        let mut out = TreeSink::new(true);
        let mut ctx = Ctx::bare(Stores::One(&mut self.store), &mut self.journal, DB, NOW);
        let result = handler(&mut ctx, args, &mut out);
        self.journal.close_command(mark, DB, command.facts.name, args);
        match result {
            Ok(()) => out.into_values().remove(0),
            Err(error) => Value::Error(error.to_string()),
        }
    }

    fn run(&mut self, line: &str) -> Value {
        self.run_args(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    /// The effects since the last call, each as a line.
    fn effects(&mut self) -> Vec<String> {
        let line = |args: &[Box<[u8]>]| {
            args.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect::<Vec<_>>().join(" ")
        };
        self.journal.take_effects().iter().map(|effect| line(&effect.args)).collect()
    }

    fn digest(&mut self) -> Digest {
        let mut keyspace = Keyspace::new(&mut self.store, &mut self.journal, DB, NOW, true);
        Digest::of_keys(&mut keyspace, Detail::All)
    }

    /// The neighbours of elements, which a follower has to have, too.
    fn links(&mut self) -> Vec<Value> {
        (0..60).map(|name| self.run(&format!("VLINKS k e{name}"))).collect()
    }
}

fn names(value: Value) -> Vec<String> {
    let Value::Array(values) = value else { panic!("{value:?} is no array") };
    let name = |value| match value {
        Value::Bulk(bytes) => String::from_utf8(bytes).expect("UTF-8"),
        other => panic!("{other:?} is no name"),
    };
    values.into_iter().map(name).collect()
}

#[test]
fn what_changes_something_is_recorded_and_nothing_else() {
    let (mut bare, mut follower) = (Bare::new(), Bare::new());
    for line in [
        "VADD k VALUES 2 1 0 a",
        "VADD k VALUES 2 1 1 b SETATTR {} CAS EF 10",
        "VADD k VALUES 2 0 1 a",
        "VADD p REDUCE 2 VALUES 3 1 0 2 a NOQUANT M 8",
        "VSETATTR k a x",
        "VREM k a",
        "VREM k b",
        "VECSET v 2 1 2",
        "VECDEL v",
    ] {
        let reply = bare.run(line);
        assert!(!matches!(reply, Value::Error(_)), "{line}: {reply:?}");
        let effects = bare.effects();
        assert_eq!(effects, [line]);
        effects.iter().for_each(|line| drop(follower.run(line)));
        assert_eq!(follower.digest(), bare.digest(), "{line}");
    }
    for line in [
        "VREM p none",
        "VREM none a",
        "VSETATTR p none x",
        "VADD p VALUES 2 1 2 b",
        "VADD p REDUCE 2 VALUES 3 1 0 2 b",
        "VSIM p ELE a",
        "VECDEL none",
        "VECDEL p",
        "VRANDMEMBER p",
    ] {
        bare.run(line);
        assert!(bare.effects().is_empty(), "{line}");
    }
}

/// What is known of an element: the vector with length 1, and attributes.
type Model = BTreeMap<String, (Vec<f32>, Option<i64>)>;

fn score(a: &[f32], b: &[f32]) -> f64 {
    let dot: f64 = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
    f64::midpoint(1.0, dot)
}

fn unit(vector: &[f32]) -> Vec<f32> {
    let norm = vector.iter().map(|one| one * one).sum::<f32>().sqrt();
    vector.iter().map(|one| one / norm).collect()
}

/// Puts a random vector in, takes one out, or changes attributes: in the set, its follower and the model.
fn step(
    bare: &mut Bare,
    model: &mut Model,
    state: &mut u64,
    dimensions: usize,
    names: u64,
) -> Option<Vec<f32>> {
    let name = format!("e{}", splitmix64(state) % names);
    match splitmix64(state) % 8 {
        0 | 1 => {
            let is_there = model.remove(&name).is_some();
            assert_eq!(bare.run(&format!("VREM k {name}")), Value::Boolean(is_there));
            None
        }
        2 => {
            let number = i64::try_from(splitmix64(state) % 100).expect("small");
            let is_there = model.get_mut(&name).map(|element| element.1 = Some(number)).is_some();
            let reply = bare.run(&format!("VSETATTR k {name} {{\"n\":{number}}}"));
            assert_eq!(reply, Value::Boolean(is_there));
            None
        }
        _ => {
            let vector: Vec<f32> =
                (0..dimensions).map(|_| f32::from(splitmix64(state).to_le_bytes()[0]) - 127.5).collect();
            let texts: Vec<String> = vector.iter().map(f32::to_string).collect();
            let line = format!("VADD k VALUES {dimensions} {} {name} NOQUANT M 8", texts.join(" "));
            let attributes = model.get(&name).and_then(|element| element.1);
            assert_eq!(bare.run(&line), Value::Boolean(!model.contains_key(&name)));
            model.insert(name, (unit(&vector), attributes));
            Some(vector)
        }
    }
}

/// The best elements of the model for a vector, with scores.
fn best<'m>(model: &'m Model, query: &[f32], passes: impl Fn(Option<i64>) -> bool) -> Vec<(f64, &'m str)> {
    let passing = model.iter().filter(|(_, element)| passes(element.1));
    let mut all: Vec<(f64, &str)> =
        passing.map(|(name, (vector, _))| (score(query, vector), name.as_str())).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all
}

fn check_searches(bare: &mut Bare, model: &Model, query: &[f32], found: &mut (usize, usize)) {
    let texts: Vec<String> = query.iter().map(f32::to_string).collect();
    let query_text = format!("VALUES {} {}", query.len(), texts.join(" "));
    let query = unit(query);
    let expected = best(model, &query, |_| true);
    let wanted = expected.len().min(10);
    let exact = names(bare.run(&format!("VSIM k {query_text} TRUTH")));
    assert_eq!(exact.len(), wanted);
    for (name, (score_expected, _)) in exact.iter().zip(&expected) {
        let difference = score(&query, &model[name].0) - score_expected;
        assert!(difference.abs() < 1e-5, "the answer is exact but for equals");
    }
    let near = names(bare.run(&format!("VSIM k {query_text}")));
    assert_eq!(near.len(), wanted);
    found.0 += near.iter().filter(|name| exact.contains(name)).count();
    found.1 += wanted;
    for limit in [50, 95] {
        let filtered = names(bare.run_args(
            &filtered(&query_text, &format!(".n >= {limit}")).iter().map(Vec::as_slice).collect::<Vec<_>>(),
        ));
        let expected = best(model, &query, |number| number.is_some_and(|number| number >= limit));
        assert_eq!(filtered.len(), expected.len().min(10), "a filter never gives fewer than there are");
        assert!(filtered.iter().all(|name| model[name].1.is_some_and(|number| number >= limit)));
    }
}

fn filtered(query: &str, filter: &str) -> Vec<Vec<u8>> {
    let mut args: Vec<Vec<u8>> =
        format!("VSIM k {query} FILTER").split(' ').map(|word| word.into()).collect();
    args.push(filter.into());
    args
}

#[test]
fn random_histories_against_a_model() {
    for seed in 1..=4 {
        let (mut bare, mut follower) = (Bare::new(), Bare::new());
        let mut model = Model::new();
        let mut state = seed;
        let (dimensions, elements) = if seed % 2 == 0 { (3, 60) } else { (24, 600) };
        let mut found = (0, 0);
        for round in 0..3000 {
            let query = step(&mut bare, &mut model, &mut state, dimensions, elements);
            bare.effects().iter().for_each(|line| drop(follower.run(line)));
            if round % 25 == 0
                && let Some(query) = query
            {
                check_searches(&mut bare, &model, &query, &mut found);
            }
        }
        assert!(found.0 * 100 >= found.1 * 98, "recall of {} in {}", found.0, found.1);
        assert_eq!(bare.digest(), follower.digest());
        assert_eq!(bare.links(), follower.links(), "effects make the same graph");
        let sorted: Vec<String> = model.keys().cloned().collect();
        assert_eq!(names(bare.run("VRANGE k - +")), sorted);
        let part: Vec<String> = sorted
            .iter()
            .filter(|name| name.as_str() > "e2" && name.as_str() <= "e5")
            .take(3)
            .cloned()
            .collect();
        assert_eq!(names(bare.run("VRANGE k (e2 [e5 3")), part);
        for name in sorted {
            assert_eq!(names(bare.run(&format!("VSIM k ELE {name} COUNT 1"))).len(), 1);
            bare.run(&format!("VREM k {name}"));
        }
        assert_eq!(bare.run("VCARD k"), Value::Integer(0));
        assert_eq!(bare.run("VDIM k"), Value::Error("ERR key does not exist".into()));
    }
}

#[test]
fn elements_are_chosen_with_equal_probability() {
    let mut bare = Bare::new();
    (0..30).for_each(|number| drop(bare.run(&format!("VADD k VALUES 2 1 {number} e{number}"))));
    (0..20).for_each(|number| drop(bare.run(&format!("VREM k e{number}"))));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in names(bare.run("VRANDMEMBER k -10000")) {
        *counts.entry(name).or_default() += 1;
    }
    assert_eq!(counts.len(), 10);
    assert!(counts.values().all(|count| (800..1200).contains(count)), "{counts:?}");
    for wanted in [1, 2, 5, 10, 11] {
        let mut chosen = names(bare.run(&format!("VRANDMEMBER k {wanted}")));
        chosen.sort();
        chosen.dedup();
        assert_eq!(chosen.len(), wanted.min(10));
    }
    assert!(matches!(bare.run("VRANDMEMBER k -9223372036854775808"), Value::Error(_)));
}

#[test]
fn vectors_without_names_are_found_by_their_distance() {
    let mut bare = Bare::new();
    let Value::Integer(first) = bare.run("VECSET v 2 0 0") else { panic!("an id") };
    let Value::Integer(second) = bare.run("VECSET v 2 3 4") else { panic!("an id") };
    assert_eq!(bare.run("VECSET v 2 3 4"), Value::Integer(second), "equal vectors have one id");
    let pair = |id, distance| Value::Array(vec![Value::Integer(id), Value::Double(distance)]);
    assert_eq!(bare.run("VECQUERY v 5 0 0"), Value::Array(vec![pair(first, 0.0), pair(second, 5.0)]));
    assert_eq!(bare.run("VECQUERY v 1 3 4"), Value::Array(vec![pair(second, 0.0)]));
    for line in ["VECSET v 3 1 2 3", "VECSET v 2 1", "VECSET v 2 1 x", "VECQUERY v 0 1 2", "VECQUERY v 1 1"] {
        assert!(matches!(bare.run(line), Value::Error(_)), "{line}");
    }
    assert_eq!(bare.run("VECSET v 2 -0 0"), Value::Integer(first), "there is one zero");
    assert!(first < 1 << 53 && second < 1 << 53, "scripts have ids as numbers of double precision");
    assert_eq!(bare.run("VECDEL v"), Value::Integer(1));
    assert_eq!(bare.run("VECDEL v"), Value::Integer(0));
    assert_eq!(bare.run("VECQUERY v 1 1 2"), Value::Array(Vec::new()));
}

/// Squares of such elements are out of the range of single precision.
#[test]
fn distances_of_long_vectors_and_of_near_ones_are_told() {
    let mut bare = Bare::new();
    for size in ["e20", "e-25", "e37", "e-40"] {
        for x in 1..=3 {
            bare.run(&format!("VECSET v 2 {x}{size} 0"));
        }
        let Value::Array(found) = bare.run(&format!("VECQUERY v 3 2.9{size} 0")) else { panic!("rows") };
        let distances = found.iter().map(|row| match row {
            Value::Array(pair) => match pair[..] {
                [Value::Integer(_), Value::Double(distance)] => distance,
                _ => panic!("a pair"),
            },
            _ => panic!("a row"),
        });
        let unit: f64 = format!("1{size}").parse().expect("a number");
        for (distance, expected) in distances.zip([0.1, 0.9, 1.9]) {
            assert!((distance / unit - expected).abs() < 1e-4, "{size}: {distance}");
        }
        bare.run("VECDEL v");
    }
    assert!(matches!(bare.run("VECSET v 2 3e38 0"), Value::Error(_)), "twice as far is out of range");
}

#[test]
fn an_index_of_vectors_without_names_is_no_vector_set() {
    let mut bare = Bare::new();
    let Value::Integer(id) = bare.run("VECSET v 2 1 2") else { panic!("an id") };
    let before = bare.digest();
    bare.effects();
    for line in [
        "VADD v VALUES 2 1 0 a NOQUANT".to_owned(),
        "VADD v VALUES 3 1 0 1 a".to_owned(),
        format!("VREM v {id}"),
        format!("VSETATTR v {id} {{}}"),
        format!("VGETATTR v {id}"),
        format!("VEMB v {id}"),
        format!("VLINKS v {id} WITHSCORES"),
        format!("VISMEMBER v {id}"),
        format!("VSIM v ELE {id}"),
        "VSIM v VALUES 2 1 2".to_owned(),
        "VCARD v".to_owned(),
        "VDIM v".to_owned(),
        "VINFO v".to_owned(),
        "VRANDMEMBER v".to_owned(),
        "VRANGE v - +".to_owned(),
    ] {
        let Value::Error(words) = bare.run(&line) else { panic!("{line}") };
        assert!(words.starts_with("WRONGTYPE "), "{line}: {words}");
        assert!(bare.effects().is_empty(), "{line}");
    }
    assert_eq!(bare.digest(), before);
    bare.run("VADD s VALUES 2 1 0 a");
    for line in ["VECSET s 2 1 2", "VECQUERY s 1 1 2", "VECDEL s"] {
        assert!(matches!(bare.run(line), Value::Error(words) if words.starts_with("WRONGTYPE ")), "{line}");
    }
}

#[test]
fn a_set_is_freed_in_pieces() {
    let shape = crate::Shape {
        dimensions: 64,
        quantization: crate::Quantization::None,
        m: 8,
        metric: kora_hnsw::Metric::Cosine,
    };
    let mut set = crate::VectorSet::new(shape, 1).expect("a shape");
    for number in 0..5000_u64 {
        let mut state = number;
        let vector: Vec<f32> =
            (0..64).map(|_| f32::from(splitmix64(&mut state).to_le_bytes()[0]) - 127.5).collect();
        let insertion = set.insertion(&vector, 8).expect("the number of elements");
        set.put(number.to_string().as_bytes(), insertion).expect("room");
    }
    assert!(set.free_effort() >= 5000);
    let object: &mut dyn kora_core::entry::object::Object = &mut set;
    let mut pieces = 0;
    while object.free_some(64) >= 64 {
        pieces += 1;
    }
    assert!(pieces > 5, "{pieces} pieces");
    assert!(object.memory_bytes() < 10_000, "{} bytes are left", object.memory_bytes());
}
