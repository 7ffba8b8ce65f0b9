use std::sync::Arc;

use super::{Readers, Readership};
use crate::journal::{Announcement, Journal};
use crate::reader::{Invalidation, ReaderId};
use crate::table::garbage::Garbage;

const NO_LIMIT: u64 = 0;

fn told(journal: &mut Journal) -> Vec<(Vec<u8>, Vec<u64>)> {
    let of_keys = journal.take_announcements().into_iter().filter_map(|announcement| match announcement {
        Announcement::Invalidation(Invalidation { key, readers, .. }) => {
            Some((key.into_vec(), readers.into_iter().map(|reader| reader.0).collect()))
        }
        _ => None,
    });
    of_keys.collect()
}

#[test]
fn a_change_finds_all_who_have_read_and_takes_them_out() {
    let (mut readers, mut journal) = (Readers::new(1), Journal::default());
    for reader in [7, 3, 7, 9] {
        readers.note(&mut journal, b"k", ReaderId(reader), NO_LIMIT);
    }
    readers.note(&mut journal, b"other", ReaderId(3), NO_LIMIT);
    assert_eq!((readers.shared.key_count(), readers.shared.item_count()), (2, 4));
    readers.touch(&mut journal, b"k", false);
    readers.touch(&mut journal, b"k", false);
    readers.touch(&mut journal, b"nobody's", false);
    assert_eq!(told(&mut journal), [(b"k".to_vec(), vec![3, 7, 9])]);
    assert_eq!((readers.shared.key_count(), readers.shared.item_count()), (1, 1));
    assert!(!readers.is_quiet());
    readers.touch(&mut journal, b"other", false);
    assert!(readers.is_quiet());
}

#[test]
fn while_somebody_wants_to_hear_of_prefixes_all_changes_are_told() {
    let (mut readers, mut journal) = (Readers::new(1), Journal::default());
    let shared = Arc::new(Readership::default());
    readers.share(Arc::clone(&shared));
    shared.set_clients(1, true);
    assert!(!readers.is_quiet());
    readers.touch(&mut journal, b"k", true);
    assert_eq!(told(&mut journal), [(b"k".to_vec(), vec![])]);
    shared.set_clients(1, false);
    assert!(readers.is_quiet());
}

#[test]
fn no_more_keys_are_noted_than_the_limit_and_those_given_up_are_told() {
    let (mut readers, mut journal) = (Readers::new(1), Journal::default());
    for number in 0..1000 {
        readers.note(&mut journal, format!("key:{number}").as_bytes(), ReaderId(1), 100);
        assert!(readers.key_count() <= 100);
    }
    assert_eq!(readers.key_count(), 100);
    assert_eq!(told(&mut journal).len(), 900, "whoever is given up is told");
    // A limit that was lowered is reached with the next reads.
    for number in 0..10 {
        readers.note(&mut journal, format!("more:{number}").as_bytes(), ReaderId(1), 10);
    }
    assert_eq!(readers.key_count(), 10);
}

#[test]
fn a_flush_forgets_all_and_tells_whether_anybody_keeps_copies() {
    let (mut readers, mut journal, mut garbage) = (Readers::new(1), Journal::default(), Garbage::default());
    let shared = Arc::new(Readership::default());
    readers.share(Arc::clone(&shared));
    for number in 0..1000_u64 {
        let key = format!("key:{number}");
        (0..=number % 3).for_each(|id| readers.note(&mut journal, key.as_bytes(), ReaderId(id), NO_LIMIT));
    }
    assert!(!readers.forget_all(&mut garbage));
    assert_eq!((shared.key_count(), shared.item_count(), readers.key_count()), (0, 0, 0));
    shared.set_clients(1, false);
    assert!(readers.forget_all(&mut garbage));
}

#[test]
fn what_was_taken_back_is_noted_again() {
    let (mut readers, mut journal) = (Readers::new(1), Journal::default());
    readers.note(&mut journal, b"k", ReaderId(5), NO_LIMIT);
    let point = journal.rollback_point();
    readers.touch(&mut journal, b"k", false);
    for Invalidation { key, readers: undone, .. } in journal.roll_back(&point) {
        readers.add(&key, &undone);
    }
    assert!(told(&mut journal).is_empty());
    readers.touch(&mut journal, b"k", false);
    assert_eq!(told(&mut journal), [(b"k".to_vec(), vec![5])]);
}
