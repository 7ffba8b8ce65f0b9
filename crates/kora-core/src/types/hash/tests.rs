//! Both packed forms and the table against one map, with the same random operations; conversions happen on the way.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Due, HashMut, HashRef};
use crate::command::testing::BareShard;
use crate::config::CoreConfig;
use crate::db::DbIndex;
use crate::entry::{Encoding, Ttl};
use crate::store::Keyspace;
use crate::time::UnixMs;

const KEY: &[u8] = b"hash";

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<UnixMs>)>;

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<u8>, Vec<u8>, Ttl),
    Remove(Vec<u8>),
    SetDeadline(Vec<u8>, Option<UnixMs>),
    Expire(UnixMs, usize),
    ExpireNamed(UnixMs, Vec<u8>),
    Get(Vec<u8>),
}

fn field() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0..30u32).prop_map(|number| format!("f{number}").into_bytes()),
        2 => (0..20u32).prop_map(|number| number.to_string().into_bytes()),
        1 => Just(Vec::new()),
    ]
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..12),
        2 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..80),
    ]
}

fn moment() -> impl Strategy<Value = UnixMs> {
    (1..20i64).prop_map(UnixMs)
}

fn step() -> impl Strategy<Value = Step> {
    let ttl = prop_oneof![Just(Ttl::Clear), Just(Ttl::Keep), moment().prop_map(Ttl::At)];
    prop_oneof![
        6 => (field(), value(), ttl).prop_map(|(field, value, ttl)| Step::Set(field, value, ttl)),
        2 => (field(), value()).prop_map(|(field, value)| Step::Set(field, value, Ttl::Clear)),
        2 => field().prop_map(Step::Remove),
        2 => (field(), prop::option::of(moment())).prop_map(|(field, at)| Step::SetDeadline(field, at)),
        1 => (moment(), 0..4usize).prop_map(|(now, most)| Step::Expire(now, most)),
        1 => (moment(), field()).prop_map(|(now, field)| Step::ExpireNamed(now, field)),
        2 => field().prop_map(Step::Get),
    ]
}

/// Does a step to both; `false` if the model and the hash disagree about its result.
fn run(hash: &mut HashMut<'_>, model: &mut Model, step: &Step) -> bool {
    match step {
        Step::Set(field, value, ttl) => {
            let present = model.get(field).and_then(|(_, deadline)| *deadline);
            let deadline = match ttl {
                Ttl::Clear => None,
                Ttl::Keep => present,
                Ttl::At(at) => Some(*at),
            };
            let is_new = model.insert(field.clone(), (value.clone(), deadline)).is_none();
            hash.set(field, value, *ttl) == is_new
        }
        Step::Remove(field) => hash.remove(field) == model.remove(field).is_some(),
        Step::SetDeadline(field, at) => {
            hash.set_deadline(field, *at);
            model.entry(field.clone()).and_modify(|(_, deadline)| *deadline = *at);
            true
        }
        Step::Expire(now, most) => expire_some(hash, model, *now, *most),
        Step::ExpireNamed(now, field) => {
            hash.expire(*now, Due::among(&[field]), &mut |expired| {
                let gone = model.remove(expired);
                assert!(gone.is_some_and(|(_, at)| at.is_some_and(|at| at < *now)));
            });
            !model.get(field).is_some_and(|(_, at)| at.is_some_and(|at| at < *now))
        }
        Step::Get(field) => {
            let found = hash.get(field).map(|field| (field.value.to_vec(), field.deadline));
            found == model.get(field).cloned()
        }
    }
}

/// The earliest go first, and no more than are wanted.
fn expire_some(hash: &mut HashMut<'_>, model: &mut Model, now: UnixMs, most: usize) -> bool {
    let mut due: Vec<_> = model.values().filter_map(|(_, at)| *at).filter(|at| *at < now).collect();
    due.sort_unstable();
    due.truncate(most);
    let mut expired = Vec::new();
    hash.expire(now, Due::First(most), &mut |field| {
        expired.push(model.remove(field).and_then(|(_, at)| at).expect("it was there and had a deadline"));
    });
    expired == due
}

fn contents(hash: HashRef<'_>) -> Model {
    let mut contents = Model::new();
    hash.for_each(|field| {
        contents.insert(field.name.to_vec(), (field.value.to_vec(), field.deadline));
    });
    contents
}

/// Runs steps under the given settings and returns the encodings seen.
fn check(steps: &[Step], config: CoreConfig) -> Vec<Encoding> {
    let mut shard = BareShard::with_config(config);
    let mut model = Model::new();
    let mut encodings = Vec::new();
    let BareShard { store, journal, .. } = &mut shard;
    let mut keyspace = Keyspace::new(store, journal, DbIndex(0), UnixMs(0), true);
    keyspace.add_hash(KEY, &[]);
    for step in steps {
        let mut hash = keyspace.write_hash(KEY, Due::Every).expect("a hash").expect("it is there");
        assert!(run(&mut hash, &mut model, step), "{step:?}");
        assert_eq!(contents(hash.view()), model, "{step:?}");
        assert_eq!(hash.view().len(), model.len());
        let next = model.values().filter_map(|(_, deadline)| *deadline).min();
        assert_eq!(hash.view().next_deadline(), next, "{step:?}");
        let mut found = Vec::new();
        let mut cursor = 0;
        loop {
            cursor = hash.view().scan(cursor, 5, UnixMs(0), |field| found.push(field.name.to_vec()));
            if cursor == 0 {
                break;
            }
        }
        found.sort_unstable();
        assert!(found.iter().eq(model.keys()), "{step:?}");
        drop(hash);
        encodings.push(keyspace.peek(KEY).expect("it is there").encoding());
        let noted = keyspace.next_field_deadline();
        assert_eq!(noted, next, "{step:?}");
    }
    encodings
}

fn with_limits(fields: u64, text_bytes: u64) -> CoreConfig {
    CoreConfig {
        hash_max_listpack_entries: fields,
        hash_max_listpack_value: text_bytes,
        ..CoreConfig::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn packed_hashes_agree_with_a_map(steps in prop::collection::vec(step(), 1..80)) {
        check(&steps, with_limits(1000, 1000));
    }

    #[test]
    fn tables_agree_with_a_map(steps in prop::collection::vec(step(), 1..80)) {
        check(&steps, with_limits(0, 0));
    }

    #[test]
    fn growing_hashes_agree_with_a_map(steps in prop::collection::vec(step(), 1..80)) {
        let encodings = check(&steps, with_limits(10, 40));
        let is_never_undone = encodings.windows(2).all(|pair| rank(pair[0]) <= rank(pair[1]));
        prop_assert!(is_never_undone, "{encodings:?}");
    }
}

fn rank(encoding: Encoding) -> u8 {
    match encoding {
        Encoding::ListPack => 0,
        Encoding::ListPackEx => 1,
        Encoding::HashTable => 2,
        other => panic!("no encoding of hashes: {other:?}"),
    }
}

#[test]
fn random_fields_are_uniform() {
    for config in [with_limits(100, 100), with_limits(0, 0)] {
        let mut shard = BareShard::with_config(config);
        for number in 0..50 {
            shard.run(&format!("HSET hash f{number} v"));
        }
        let BareShard { store, journal, .. } = &mut shard;
        let mut keyspace = Keyspace::new(store, journal, DbIndex(0), UnixMs(0), true);
        let hash = keyspace.read_hash(KEY, Due::Every).expect("a hash").expect("it is there");
        let mut counts = BTreeMap::<Vec<u8>, f64>::new();
        let mut state = 7;
        for _ in 0..50_000 {
            let field = hash.random(|| crate::hash::splitmix64(&mut state)).expect("it has fields");
            *counts.entry(field.name.to_vec()).or_default() += 1.0;
        }
        let chi_square: f64 = counts.values().map(|count| (count - 1000.0).powi(2) / 1000.0).sum();
        // 49 degrees of freedom: exceeded once in 10,000 seeds.
        assert!(counts.len() == 50 && chi_square < 95.0, "{chi_square}");
    }
}
