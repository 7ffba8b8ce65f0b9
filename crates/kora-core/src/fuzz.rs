//! Bodies of the fuzz targets: functions that take any bytes and panic if a promise about them is broken.
//!
//! The bytes are stored forms of values, as a client may bring them: HyperLogLogs are strings, and packed collections come
//! with RESTORE. Whatever the bytes are, they are refused, or everything that can be done with the value works and leaves
//! a valid one. The same bodies are run by coverage-guided targets (`fuzz/`), on the corpus kept there, and on inputs
//! generated from a seed: values as the commands make them, damaged in a few places.

mod generate;
mod stored;

use std::collections::BTreeSet;

use crate::packed::intset::{self, IntSet};
use crate::packed::listpack::{self, ListPack};
use crate::types::hyperloglog::{self, Encoding, REGISTERS, Sketch, SketchBuf};
use crate::types::stream::{BlockLimits, Deletion, Log, References, Stream, StreamId, Threshold, Trim};
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

/// Checks `count` generated blocks of streams.
///
/// # Panics
/// If one of them breaks a promise.
#[must_use]
pub fn blocks(seed: u64, count: u64) -> Tally {
    let mut generator = Generator::new(seed);
    run(count, || check_block(&generator.block()))
}

/// Checks `count` generated values as files hold them, and as many files.
///
/// # Panics
/// If one of them breaks a promise.
#[must_use]
pub fn stored_values(seed: u64, count: u64) -> Tally {
    let mut generator = Generator::new(seed);
    run(count, || {
        let is_taken = stored::check_value(&generator.value());
        stored::check_file(&generator.file());
        is_taken
    })
}

/// Checks one value as files hold it: its type, then what that lays down.
pub fn stored_value_input(bytes: &[u8]) {
    stored::check_value(bytes);
}

/// Checks one file.
pub fn stored_file_input(bytes: &[u8]) {
    stored::check_file(bytes);
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

/// Checks one block of a stream: its ID in 16 bytes, then its listpack.
pub fn block_input(bytes: &[u8]) {
    check_block(bytes);
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
    let Ok(mut packed) = intset::from_redis(bytes) else { return false };
    let set = IntSet::new(&packed);
    assert_eq!(set.to_redis(), bytes);
    let mut model: BTreeSet<i64> = set.iter().collect();
    assert_eq!(set.len(), model.len());
    assert!(set.iter().eq(model.iter().copied()));
    assert!(model.iter().enumerate().all(|(index, member)| set.get(index) == Some(*member)));
    assert!(model.iter().all(|member| set.contains(*member)));
    assert_eq!(set.get(set.len()), None);
    for value in [0, -1, 40_000, i64::MIN, 1 << 31, i64::MAX] {
        assert_eq!(IntSet::new(&packed).contains(value), model.contains(&value));
        assert_eq!(intset::add(&mut packed, value), model.insert(value));
        let smallest = model.first().copied().expect("a value was added");
        if model.len() > 3 {
            assert_eq!(intset::remove(&mut packed, smallest), model.remove(&smallest));
        }
    }
    let read = intset::from_redis(&IntSet::new(&packed).to_redis()).expect("what was edited is valid");
    assert!(IntSet::new(&read).iter().eq(model));
    true
}

/// Says whether the bytes were taken for a block.
fn check_block(bytes: &[u8]) -> bool {
    let Some((base, bytes)) = bytes.split_first_chunk::<16>() else { return false };
    let base = StreamId::from_bytes(*base);
    let mut stream = Stream::default();
    let Ok(summary) = stream.log_mut().add_block(base, bytes) else { return false };
    let all = || stream.log().range(StreamId::MIN, StreamId::MAX);
    let ids: Vec<_> = all().map(|entry| entry.id).collect();
    assert_eq!(ids.len() as u64, summary.live, "{}", bytes.escape_ascii());
    assert!(ids.is_sorted() && all().rev().map(|entry| entry.id).eq(ids.iter().rev().copied()));
    assert!(all().all(|entry| entry.pairs().count() == entry.pair_count()));
    assert!(ids.iter().all(|&id| stream.log().get(id).is_some_and(|entry| entry.id == id)));
    check_changes(stream, &ids);
    true
}

/// Changes a stream of one block that holds these entries in every way.
fn check_changes(mut stream: Stream, ids: &[StreamId]) {
    let limits = BlockLimits { bytes_max: 4096, entries_max: 100 };
    let mut left = ids.len() as u64;
    if let Some(next) = stream.log().last_id().next() {
        stream.log_mut().append(next, &[b"a", b"7"], limits);
        left += 1;
    }
    for &id in ids.iter().skip(1).step_by(2) {
        assert_eq!(stream.delete(id, References::Keep), Deletion::Done);
        left -= 1;
    }
    let trim = Trim {
        threshold: Threshold::Length(left / 2),
        is_approximate: false,
        limit: 0,
        references: References::Keep,
    };
    stream.trim(&trim);
    assert_eq!(stream.log().len(), left / 2);
    assert_eq!(stream.log().range(StreamId::MIN, StreamId::MAX).count() as u64, left / 2);
    let mut copy = Log::default();
    for (base, bytes) in stream.log().blocks() {
        copy.add_block(base, bytes).expect("what was changed is valid");
    }
}

#[cfg(test)]
mod tests;
