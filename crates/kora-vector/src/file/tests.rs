//! Payloads: those of Redis, our own, and damaged ones.

use kora_core::config::CoreConfig;
use kora_core::entry::Entry;
use kora_core::entry::data_type::{Extensions, Loader};
use kora_core::rdb::{Style, build, dump, write_value};
use proptest::prelude::*;

use crate::VectorSet;
use crate::set::{Quantization, Shape, Wanted};
use kora_hnsw::{Hit, Metric, Query};

/// Server, kind of set, and DUMP in hexadecimal digits: a set of 11 elements, `e4` having been removed of 12, every third with attributes; or one
/// of three with a projection.
const PAYLOADS: &str = include_str!("payloads.txt");

fn load(payload: &[u8]) -> Option<Entry> {
    let config = CoreConfig::default();
    let loader = Loader { config: &config, seed: 7, extensions: Extensions::new(crate::TYPES) };
    let (code, bytes) = payload.split_first()?;
    let (entry, used) = build(*code, bytes, (b"key", None), &loader).ok()?;
    (used == bytes.len()).then_some(entry)
}

fn set_of(entry: &Entry) -> &VectorSet {
    crate::data_type::of_object(entry.as_object().expect("an object"))
}

fn payload_of(entry: &Entry) -> Vec<u8> {
    let mut payload = Vec::new();
    write_value(entry, Style { compress: true }, &mut payload);
    payload
}

fn payloads() -> impl Iterator<Item = (&'static str, &'static str, Vec<u8>)> {
    PAYLOADS.lines().map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let byte = |at: usize| u8::from_str_radix(&words[2][at..at + 2], 16).expect("digits");
        let sealed: Vec<u8> = (0..words[2].len()).step_by(2).map(byte).collect();
        (words[0], words[1], dump::open(&sealed).expect("the sum is right").to_vec())
    })
}

fn nearest(set: &VectorSet, query: Query, wanted: Wanted) -> Vec<Hit> {
    let mut search = set.search(query, wanted);
    assert!(search.advance(set.graph(), usize::MAX, |_| true));
    search.finish(set.graph()).0
}

fn put(set: &mut VectorSet, name: &[u8], vector: &[f32]) -> bool {
    let insertion = set.insertion(vector, 50).expect("the number of elements");
    set.put(name, insertion).expect("room")
}

/// Searches for each element find it first, and all are found.
fn check_set(set: &VectorSet) {
    for number in set.numbers() {
        let query = set.query_of(number).expect("an element");
        let wanted =
            Wanted { count: set.len(), ef: 64, visits_max: usize::MAX, is_exact: false, is_filtered: false };
        let hits = nearest(set, query, wanted);
        assert_eq!(hits.len(), set.len());
        let own = hits.iter().find(|hit| hit.id == number).expect("each element finds itself");
        assert!(own.distance <= hits[0].distance + 1e-3, "nothing is nearer than an element to itself");
    }
}

#[test]
fn payloads_of_redis_are_read() {
    let mut count = 0;
    for (server, kind, payload) in payloads() {
        let entry = load(&payload).unwrap_or_else(|| panic!("{server} {kind}"));
        let set = set_of(&entry);
        check_set(set);
        count += 1;
        if kind == "r" {
            assert_eq!((set.len(), set.projection().expect("a projection").input()), (3, 3));
            continue;
        }
        let quantization = match kind {
            "q" => Quantization::Int8,
            "n" => Quantization::None,
            _ => Quantization::Binary,
        };
        assert_eq!(set.shape().quantization, quantization);
        assert_eq!((set.len(), set.attributes_count(), set.inserted()), (11, 4, 12));
        let number = set.number(b"e3").expect("an element");
        assert_eq!(set.attributes(number), Some(&b"{\"i\":3}"[..]));
        assert!(set.number(b"e4").is_none());
    }
    assert_eq!(count, 8);
}

#[test]
fn what_is_read_is_written_again() {
    for (server, kind, payload) in payloads() {
        let entry = load(&payload).expect("a payload of Redis");
        let first = payload_of(&entry);
        let again = load(&first).unwrap_or_else(|| panic!("{server} {kind}"));
        assert_eq!(payload_of(&again), first, "{server} {kind}");
        if server == "8.0.2" && kind == "r" {
            // Such a small set has one layer, and so the same links; what it does not need of norms is not written.
            assert_eq!(first.len(), payload.len());
        }
    }
}

/// Every byte changed in some way, and every beginning: nothing panics, and what is taken works.
#[test]
fn damaged_payloads_are_refused_or_make_sets_that_work() {
    let (mut taken, mut refused) = (0, 0);
    for (_, _, payload) in payloads() {
        for at in 1..payload.len() {
            assert!(load(&payload[..at]).is_none(), "what is cut off is no set");
            for change in [1, 0x80, 0xff, 0x20] {
                let mut damaged = payload.clone();
                damaged[at] ^= change;
                match load(&damaged) {
                    Some(entry) => {
                        set_of(&entry).numbers().take(3).for_each(|number| {
                            let query = set_of(&entry).query_of(number).expect("an element");
                            let wanted = Wanted {
                                count: 3,
                                ef: 8,
                                visits_max: usize::MAX,
                                is_exact: false,
                                is_filtered: false,
                            };
                            nearest(set_of(&entry), query, wanted);
                        });
                        taken += 1;
                    }
                    None => refused += 1,
                }
            }
        }
    }
    assert!(taken > 500 && refused > 500, "{taken} {refused}");
}

#[test]
fn counts_out_of_range_are_refused_before_memory_is_asked_for() {
    let parts = |numbers: &[u64]| {
        let mut payload = vec![7];
        let (_, _, good) = payloads().next().expect("a payload");
        payload.extend_from_slice(&good[1..10]);
        for number in numbers {
            payload.push(2);
            payload.push(0x81);
            payload.extend_from_slice(&number.to_be_bytes());
        }
        payload.push(0);
        payload
    };
    for numbers in [
        &[1 << 40, 1, 16 << 8, 0][..],
        &[0, 1, 16 << 8, 0],
        &[3, 1 << 60, 16 << 8, 0],
        &[3, 0, 16 << 8, 0],
        &[3, 1, 1, 0],
        &[3, 1, 1 << 40, 0],
        &[3, 1, 16 << 8 | 3, 0],
        &[3, 1, 16 << 8, 8],
        &[3, 1, 16 << 8, 1, 1 << 50],
    ] {
        assert!(load(&parts(numbers)).is_none(), "{numbers:?}");
    }
}

fn shapes() -> impl Strategy<Value = Shape> {
    let quantization =
        prop_oneof![Just(Quantization::None), Just(Quantization::Int8), Just(Quantization::Binary)];
    (1usize..80, quantization, 4usize..20, any::<bool>()).prop_map(|(dimensions, quantization, m, is_l2)| {
        let metric = if is_l2 { Metric::Euclidean } else { Metric::Cosine };
        let quantization = if is_l2 { Quantization::None } else { quantization };
        Shape { dimensions, quantization, m, metric }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Sets of any history are read as they were written, and go on in the same way.
    #[test]
    fn own_payloads_give_the_same_set(
        shape in shapes(),
        steps in prop::collection::vec((0u8..60, any::<u64>(), 0u8..4), 1..150),
    ) {
        let mut set = VectorSet::new(shape, 1).expect("a shape");
        let mut last = Vec::new();
        for (name, seed, kind) in steps {
            let name = format!("e{name}");
            let mut state = seed;
            let vector: Vec<f32> = (0..shape.dimensions)
                .map(|_| f32::from(kora_core::hash::splitmix64(&mut state).to_le_bytes()[0]) - 127.5)
                .collect();
            match kind {
                0 => drop(set.remove(name.as_bytes())),
                1 => {
                    if let Some(number) = set.number(name.as_bytes()) {
                        set.set_attributes(number, Some(b"{}"));
                    }
                }
                _ => {
                    put(&mut set, name.as_bytes(), &vector);
                }
            }
            last = vector;
        }
        prop_assume!(!set.is_empty());
        let entry = Entry::new_object(b"key", Box::new(set.clone()), None);
        let payload = payload_of(&entry);
        let again = load(&payload).expect("an own payload");
        prop_assert_eq!(payload_of(&again), payload);
        let mut again = set_of(&again).clone();
        prop_assert_eq!(again.shape(), set.shape());
        for (number, name) in set.names().iter() {
            let other = again.number(name).expect("the same elements");
            prop_assert_eq!(set.attributes(number), again.attributes(other));
            prop_assert_eq!(set.graph().encoded(number), again.graph().encoded(other));
            prop_assert_eq!(set.graph().level(number), again.graph().level(other));
        }
        let number = (put(&mut set, b"next", &last), put(&mut again, b"next", &last));
        prop_assert_eq!(number.0, number.1);
        let level = |set: &VectorSet| set.number(b"next").and_then(|number| set.graph().level(number));
        prop_assert_eq!(level(&set), level(&again));
    }
}
