//! What readers hold stays as it was; who is alone writes in place.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::deadline::Deadline;
use super::super::heap::NewValue;
use super::super::{Entry, Form, Kind, Packing, StringRef, StringValue};
use super::SHARED_BYTES_MIN;
use crate::time::UnixMs;

const LONG: usize = 2 * SHARED_BYTES_MIN;

fn bytes(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|at| (at / 3).to_le_bytes()[0] ^ seed).collect()
}

fn shared(entry: &Entry) -> Option<Arc<Vec<u8>>> {
    match entry.string_value() {
        Some(StringValue::Shared(bytes)) => Some(Arc::clone(bytes)),
        Some(StringValue::Own(_) | StringValue::Integer(_)) => None,
        None => panic!("not a string"),
    }
}

fn address(entry: &Entry) -> *const u8 {
    match entry.string() {
        Some(StringRef::Bytes(bytes)) => bytes.as_ptr(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn strings_are_shared_from_a_length_on() {
    for len in [0, 100, 2000, SHARED_BYTES_MIN - 1, SHARED_BYTES_MIN, LONG, 100_000] {
        let is_shared = len >= SHARED_BYTES_MIN;
        let text = bytes(len, 7);
        let mut entry = Entry::new_string(b"key", &text, None);
        assert_eq!(shared(&entry).is_some(), is_shared, "{len}");
        assert_eq!(entry.string(), Some(StringRef::Bytes(&text)));
        entry.replace(NewValue::Integer(7), None);
        entry.replace(NewValue::text(&text), Some(Deadline::at(UnixMs(5))));
        assert_eq!(shared(&entry).is_some(), is_shared, "{len}");
        assert_eq!(shared(&entry.duplicate()).is_some(), is_shared, "{len}");
        assert_eq!(shared(&entry.with_key(b"another")).is_some(), is_shared, "{len}");
    }
}

#[test]
fn a_string_that_grows_becomes_a_shared_one() {
    let mut appended = Entry::new_string(b"key", b"", None);
    let mut extended = Entry::new_string(b"key", b"", None);
    for len in 1..=LONG {
        appended.append(b"x");
        extended.raw_mut(len);
        assert_eq!(shared(&appended).is_some(), len >= SHARED_BYTES_MIN, "{len}");
        assert_eq!(shared(&extended).is_some(), len >= SHARED_BYTES_MIN, "{len}");
    }
    // One that has room for it without growing.
    let mut roomy = Entry::new_string(b"key", &bytes(3000, 1), None);
    roomy.append(b"x");
    let replaced = roomy.replace(NewValue::text(&bytes(SHARED_BYTES_MIN + 500, 2)), None);
    assert!(replaced.is_none() && shared(&roomy).is_some());
}

#[test]
fn a_packed_collection_is_never_shared() {
    let form = Form::Packed(Kind::Set, Packing::ListPack);
    let mut entry = Entry::new_string(b"key", &bytes(LONG, 1), None);
    let packed = bytes(LONG, 2);
    drop(entry.replace(NewValue::Bytes { bytes: &packed, form }, None));
    assert_eq!(entry.packed(), Some((Packing::ListPack, &packed[..])));
    entry.splice(0, 1, b"12");
    assert!(matches!(entry.long(), super::Long::Own(_)));
    drop(entry.replace(NewValue::text(&packed), None));
    assert!(shared(&entry).is_some());
}

#[test]
fn who_is_alone_writes_in_place() {
    let mut entry = Entry::new_string(b"key", &bytes(LONG, 1), None);
    let at = address(&entry);
    entry.raw_mut(0)[5] = b'!';
    entry.replace(NewValue::text(&bytes(LONG - 10, 3)), None);
    assert_eq!(address(&entry), at);
    drop(shared(&entry));
    entry.raw_mut(0)[5] = b'?';
    assert_eq!(address(&entry), at, "nobody holds it any longer");
    entry.append(&[b'x'; 100]);
    let at = address(&entry);
    entry.append(b"and more");
    assert_eq!(address(&entry), at, "there is room");
}

#[test]
fn a_copy_for_a_reader_is_made_once() {
    let mut entry = Entry::new_string(b"key", &bytes(LONG, 1), None);
    let held = shared(&entry).expect("long");
    entry.raw_mut(0)[0] = 1;
    let at = address(&entry);
    assert_ne!(at, held.as_ptr());
    entry.raw_mut(0)[1] = 2;
    assert_eq!(address(&entry), at);
    let held = [held, shared(&entry).expect("long")];
    entry.append(b"x");
    let at = address(&entry);
    entry.append(b"y");
    assert_eq!(address(&entry), at, "the copy has room for more");
    assert_eq!(held[0][..], bytes(LONG, 1));
    assert_eq!(held[1][..2], [1, 2]);
}

#[test]
fn the_count_takes_memory_that_is_told() {
    let size = |len| Entry::new_string(b"key", &vec![b'v'; len], None).memory_bytes();
    assert_eq!(size(SHARED_BYTES_MIN), 48 + 48 + SHARED_BYTES_MIN);
    assert_eq!(size(SHARED_BYTES_MIN / 2), 48 + SHARED_BYTES_MIN / 2);
}

#[derive(Clone, Debug)]
enum Step {
    Hold,
    Release,
    Set(usize),
    Append(usize),
    Extend(usize),
    Overwrite(usize, usize),
    Expire(bool),
    Rename,
}

fn step() -> impl Strategy<Value = Step> {
    let length = || prop_oneof![0..3 * LONG, LONG - 100..LONG + 100, 0..100usize];
    prop_oneof![
        3 => Just(Step::Hold),
        1 => Just(Step::Release),
        2 => length().prop_map(Step::Set),
        2 => length().prop_map(Step::Append),
        1 => length().prop_map(Step::Extend),
        3 => (length(), length()).prop_map(|(at, len)| Step::Overwrite(at, len)),
        1 => any::<bool>().prop_map(Step::Expire),
        1 => Just(Step::Rename),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_readers_hold_never_changes(steps in prop::collection::vec(step(), 1..40)) {
        let mut entry = Entry::new_string(b"key", &bytes(LONG, 0), None);
        let mut model = bytes(LONG, 0);
        let mut held: Vec<(Arc<Vec<u8>>, Vec<u8>)> = Vec::new();
        for (seed, step) in (1..).zip(steps) {
            match step {
                Step::Hold => held.extend(shared(&entry).map(|bytes| (bytes, model.clone()))),
                Step::Release => drop(held.pop()),
                Step::Set(len) => {
                    model = bytes(len, seed);
                    let deadline = entry.deadline();
                    drop(entry.replace(NewValue::Bytes { bytes: &model, form: Form::Text }, deadline));
                }
                Step::Append(len) => {
                    entry.append(&bytes(len, seed));
                    model.extend(bytes(len, seed));
                }
                Step::Extend(len) => {
                    entry.raw_mut(len);
                    model.resize(model.len().max(len), 0);
                }
                Step::Overwrite(at, len) => {
                    entry.raw_mut(at + len)[at..at + len].copy_from_slice(&bytes(len, seed));
                    model.resize(model.len().max(at + len), 0);
                    model[at..at + len].copy_from_slice(&bytes(len, seed));
                }
                Step::Expire(expires) => entry.set_deadline(expires.then(|| Deadline::at(UnixMs(1)))),
                Step::Rename => entry = entry.with_key(b"another"),
            }
            prop_assert!(entry.string() == Some(StringRef::Bytes(&model)));
            prop_assert!(held.iter().all(|(bytes, expected)| **bytes == *expected));
        }
        drop(entry);
        prop_assert!(held.iter().all(|(bytes, expected)| **bytes == *expected), "also when the key is gone");
    }
}
