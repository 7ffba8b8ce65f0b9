use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{SetHome, SetLimits, SetValue, add, pop, prepare, remove};
use crate::config::CoreConfig;
use crate::entry::Encoding;
use crate::hash::splitmix64;

fn limits() -> SetLimits {
    let config = CoreConfig {
        set_max_intset_entries: 8,
        set_max_listpack_entries: 6,
        set_max_listpack_value: 10,
        ..CoreConfig::default()
    };
    SetLimits::new(&config, 7)
}

/// The encoding after each of these words was added to a set that begins as an intset.
fn encodings(words: &[&str]) -> Vec<&'static str> {
    let mut set = SetValue::empty(Encoding::IntSet, &limits());
    words
        .iter()
        .map(|word| {
            assert!(add(&mut set, word.as_bytes(), &limits()), "{word}");
            assert!(!add(&mut set, word.as_bytes(), &limits()), "{word}");
            set.view().encoding().name()
        })
        .collect()
}

#[test]
fn a_set_grows_from_form_to_form() {
    let eight = ["1", "2", "3", "4", "5", "6", "7", "8"];
    assert_eq!(encodings(&eight), ["intset"; 8]);
    assert_eq!(encodings(&[&eight[..], &["9"]].concat())[8], "hashtable");
    assert_eq!(encodings(&["1", "01"]), ["intset", "listpack"]);
    assert_eq!(encodings(&["1", "a", "b", "c", "d", "e"])[5], "listpack");
    assert_eq!(encodings(&["1", "a", "b", "c", "d", "e", "f"])[6], "hashtable");
    assert_eq!(encodings(&["1", "elevenbytes"]), ["intset", "hashtable"]);
    assert_eq!(encodings(&["12345678901", "a"]), ["intset", "hashtable"]);
    assert_eq!(encodings(&["1", "2", "3", "4", "5", "6", "a"])[6], "hashtable");
}

#[test]
fn many_at_once_skip_the_small_forms() {
    for (first, count, expected) in [
        ("1", 8, "intset"),
        ("1", 9, "hashtable"),
        ("a", 6, "listpack"),
        ("1", 7, "intset"),
        ("a", 7, "hashtable"),
    ] {
        let set = SetValue::suited_to(first.as_bytes(), count, &limits());
        assert_eq!(set.view().encoding().name(), expected, "{first} {count}");
    }
    let mut set = SetValue::empty(Encoding::ListPack, &limits());
    add(&mut set, b"a", &limits());
    prepare(&mut set, 6, &limits());
    assert_eq!(set.view().encoding(), Encoding::ListPack);
    prepare(&mut set, 7, &limits());
    assert_eq!(set.view().encoding(), Encoding::HashTable);
    assert!(set.view().contains(b"a"));
}

#[test]
fn results_settle_in_smaller_forms() {
    let mut set = SetValue::empty(Encoding::HashTable, &limits());
    for word in ["3", "1", "2"] {
        add(&mut set, word.as_bytes(), &limits());
    }
    set.settle(&limits());
    assert_eq!(set.view().encoding(), Encoding::IntSet);
    let mut set = SetValue::empty(Encoding::HashTable, &limits());
    add(&mut set, b"a", &limits());
    set.settle(&limits());
    assert_eq!(set.view().encoding(), Encoding::HashTable);
}

#[test]
fn random_members_are_chosen_evenly_in_each_form() {
    for encoding in [Encoding::IntSet, Encoding::ListPack, Encoding::HashTable] {
        let limits = SetLimits::new(&CoreConfig::default(), 1);
        let mut set = SetValue::empty(encoding, &limits);
        (0..50).for_each(|number| assert!(add(&mut set, number.to_string().as_bytes(), &limits)));
        assert_eq!(set.view().encoding(), encoding);
        let mut drawn = BTreeMap::<Vec<u8>, u32>::new();
        let mut state = 3;
        for _ in 0..50_000 {
            let member = set.view().random(|| splitmix64(&mut state)).expect("the set is not empty");
            *drawn.entry(member.to_vec()).or_default() += 1;
        }
        assert_eq!(drawn.len(), 50);
        let chi_square: f64 = drawn.values().map(|&count| (f64::from(count) - 1000.0).powi(2) / 1000.0).sum();
        // 49 degrees of freedom: beyond 94.6 once in ten thousand.
        assert!(chi_square < 94.6, "{encoding:?}: {chi_square}");
    }
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (-20..20i64).prop_map(|number| number.to_string().into_bytes()),
        1 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        2 => prop::sample::select(vec!["a", "b", "", "01", "-0", "+1", "1.5", "elevenbytes"]).prop_map(|word| word.into()),
    ]
}

proptest! {
    /// Each form, and the ways between them, against one model.
    #[test]
    fn a_set_is_a_set(
        operations in prop::collection::vec((0..8u8, word()), 0..120),
        encoding in prop::sample::select(vec![Encoding::IntSet, Encoding::ListPack, Encoding::HashTable]),
        mut state: u64,
    ) {
        let limits = limits();
        let mut set = SetValue::empty(encoding, &limits);
        let mut model = BTreeSet::new();
        for (operation, word) in operations {
            prop_assert_eq!(set.view().contains(&word), model.contains(&word));
            match operation {
                0 | 1 => prop_assert_eq!(remove(&mut set, &word), model.remove(&word)),
                2 => {
                    let mut shown = None;
                    let is_popped = pop(&mut set, || splitmix64(&mut state), |member| shown = Some(member.to_vec()));
                    prop_assert_eq!(is_popped, !model.is_empty());
                    prop_assert!(shown.is_none_or(|member| model.remove(&member)));
                }
                3 => set.settle(&limits),
                _ => prop_assert_eq!(add(&mut set, &word, &limits), model.insert(word)),
            }
            prop_assert_eq!(set.view().len(), model.len());
            prop_assert_eq!(set.open().view().encoding(), set.view().encoding());
        }
        let mut members = BTreeSet::new();
        let mut cursor = 0;
        loop {
            cursor = set.view().scan(cursor, 3, |member| assert!(members.insert(member.to_vec())));
            if cursor == 0 {
                break;
            }
        }
        prop_assert_eq!(&members, &model);
        let mut count = 0;
        set.view().for_each(|member| {
            assert!(member.with(|text| model.contains(text)));
            count += 1;
        });
        prop_assert_eq!(count, model.len());
    }
}
