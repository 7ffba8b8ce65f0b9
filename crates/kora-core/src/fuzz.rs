//! Bodies of the fuzz targets: functions that take any bytes and panic if a promise about them is broken.
//!
//! The bytes are stored forms of values, as a client may bring them: HyperLogLogs are strings, and packed collections come
//! with RESTORE. Whatever the bytes are, they are refused, or everything that can be done with the value works and leaves
//! a valid one. The same bodies are run by coverage-guided targets (`fuzz/`), on the corpus kept there, and on inputs
//! generated from a seed: values as the commands make them, damaged in a few places.

mod generate;

use std::collections::BTreeSet;

use crate::types::hyperloglog::{self, Encoding, REGISTERS, Sketch, SketchBuf};
use crate::types::intset::{self, IntSet};
use crate::types::listpack::{self, ListPack};
use generate::Generator;

/// What a run met. A generator that only makes rubbish would show here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Inputs tried.
    pub inputs: u64,
    /// Those that were refused.
    pub refused: u64,
}

/// Checks `count` generated HyperLogLogs.
///
/// # Panics
/// If one of them breaks a promise.
#[must_use]
pub fn sketches(seed: u64, count: u64) -> Tally {
    let mut generator = Generator::new(seed);
    run(count, || check_sketch(&generator.sketch()))
}

/// Checks `count` generated listpacks.
///
/// # Panics
/// If one of them breaks a promise.
#[must_use]
pub fn listpacks(seed: u64, count: u64) -> Tally {
    let mut generator = Generator::new(seed);
    run(count, || check_listpack(&generator.listpack()))
}

/// Checks `count` generated sets of integers.
///
/// # Panics
/// If one of them breaks a promise.
#[must_use]
pub fn intsets(seed: u64, count: u64) -> Tally {
    let mut generator = Generator::new(seed);
    run(count, || check_intset(&generator.intset()))
}

fn run(count: u64, mut check: impl FnMut() -> bool) -> Tally {
    let refused = (0..count).filter(|_| !check()).count() as u64;
    Tally { inputs: count, refused }
}

/// Checks one HyperLogLog.
pub fn sketch_input(bytes: &[u8]) {
    check_sketch(bytes);
}

/// Checks one listpack.
pub fn listpack_input(bytes: &[u8]) {
    check_listpack(bytes);
}

/// Checks one set of integers.
pub fn intset_input(bytes: &[u8]) {
    check_intset(bytes);
}

/// Says whether the bytes were taken for a sketch.
fn check_sketch(bytes: &[u8]) -> bool {
    const SPARSE_BYTES_MAX: usize = 3000;
    let Ok(sketch) = Sketch::new(bytes) else { return false };
    assert!(sketch.runs().count() <= bytes.len());
    let mut registers = [0; REGISTERS];
    let is_valid = sketch.merge_into(&mut registers).is_ok();
    let estimate = sketch.count();
    assert_eq!(estimate.is_ok(), is_valid, "{}", bytes.escape_ascii());
    // Nothing checks a code before it is changed: that must fail or go well, too.
    let mut changed = SketchBuf::of(sketch, SPARSE_BYTES_MAX);
    let is_changed = changed.add(bytes).and_then(|_| changed.add(b"element")).is_ok();
    assert!(changed.bytes().len() <= bytes.len().max(SPARSE_BYTES_MAX).max(REGISTERS));
    if !is_valid {
        return false;
    }
    assert!(is_changed, "{}", bytes.escape_ascii());
    assert_eq!(estimate, Ok(hyperloglog::count(&registers)));
    check_valid_sketch(&changed, &registers);
    true
}

/// Checks a valid sketch that has seen at least what `registers` have.
fn check_valid_sketch(sketch: &SketchBuf, registers: &hyperloglog::Registers) {
    let read = |sketch: &SketchBuf| {
        let mut registers = [0; REGISTERS];
        let view = Sketch::new(sketch.bytes()).expect("what was changed is a sketch");
        view.merge_into(&mut registers).expect("what was changed is valid");
        registers
    };
    let after = read(sketch);
    assert!(after.iter().zip(registers).all(|(after, before)| after >= before));
    let mut dense = sketch.clone();
    dense.make_dense().expect("it is valid");
    assert_eq!(Sketch::new(dense.bytes()).map(Sketch::encoding), Ok(Encoding::Dense));
    assert!(read(&dense) == after);
    let mut merged = SketchBuf::new(3000);
    merged.raise_all(&after).expect("it is valid");
    assert!(read(&merged) == after);
}

/// Says whether the bytes were taken for a listpack.
fn check_listpack(bytes: &[u8]) -> bool {
    let Ok(list) = ListPack::check(bytes) else { return false };
    let texts: Vec<_> = list.iter().map(listpack::Element::to_vec).collect();
    assert_eq!(texts.len(), list.len(), "{}", bytes.escape_ascii());
    let mut backwards: Vec<_> = list.iter().rev().map(listpack::Element::to_vec).collect();
    backwards.reverse();
    assert_eq!(texts, backwards);
    for (index, text) in texts.iter().enumerate() {
        let index = index.cast_signed();
        let at = list.at(index).expect("there are as many elements");
        assert_eq!(list.get(at).to_vec(), *text);
        assert_eq!(list.at(index - texts.len().cast_signed()), Some(at));
    }
    check_edits(bytes, &texts);
    true
}

/// Edits a valid listpack in every way, next to a vector.
fn check_edits(bytes: &[u8], texts: &[Vec<u8>]) {
    let (mut bytes, mut model) = (bytes.to_vec(), texts.to_vec());
    listpack::push_back(&mut bytes, b"last");
    model.push(b"last".to_vec());
    listpack::push_front(&mut bytes, b"-1");
    model.insert(0, b"-1".to_vec());
    let middle = model.len() / 2;
    let at = ListPack::new(&bytes).at(middle.cast_signed()).expect("an element");
    listpack::insert(&mut bytes, at, &[b'x'; 70]);
    model.insert(middle, vec![b'x'; 70]);
    let at = ListPack::new(&bytes).at(1).expect("an element");
    listpack::replace(&mut bytes, at, b"12345");
    model[1] = b"12345".to_vec();
    let at = ListPack::new(&bytes).at(-2).expect("an element");
    listpack::remove(&mut bytes, at, 2);
    model.truncate(model.len() - 2);
    let list = ListPack::check(&bytes).expect("what was edited is valid");
    assert!(list.iter().map(listpack::Element::to_vec).eq(model));
}

/// Says whether the bytes were taken for a set of integers.
fn check_intset(bytes: &[u8]) -> bool {
    let Ok(set) = IntSet::check(bytes) else { return false };
    let mut model: BTreeSet<i64> = set.iter().collect();
    assert_eq!(set.len(), model.len());
    assert!(set.iter().eq(model.iter().copied()));
    assert!(model.iter().enumerate().all(|(index, member)| set.get(index) == Some(*member)));
    assert!(model.iter().all(|member| set.contains(*member)));
    assert_eq!(set.get(set.len()), None);
    let mut bytes = bytes.to_vec();
    for value in [0, -1, 40_000, i64::MIN, 1 << 31, i64::MAX] {
        assert_eq!(IntSet::new(&bytes).contains(value), model.contains(&value));
        assert_eq!(intset::add(&mut bytes, value), model.insert(value));
        let smallest = model.first().copied().expect("a value was added");
        if model.len() > 3 {
            assert_eq!(intset::remove(&mut bytes, smallest), model.remove(&smallest));
        }
    }
    let set = IntSet::check(&bytes).expect("what was edited is valid");
    assert!(set.iter().eq(model));
    true
}

#[cfg(test)]
mod tests;
