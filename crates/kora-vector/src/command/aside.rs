//! What long commands do aside ([`kora_core::context::errand`]): searches for elements, and for the neighbours that a new element is linked with.
//!
//! A search sees the set at its place in the order: a view of it, which shares the set's memory. An insertion searches the set as it changes, and its place
//! in the order is where it is committed.

mod find;
mod prepare;

use std::cell::Cell;

use kora_core::context::errand::Effort;
use kora_core::entry::Entry;

pub(super) use find::{Purpose, Row, find};
pub(super) use prepare::{Readiness, prepare};

use crate::set::VectorSet;

/// Distances that are measured between two looks at the clock, at most.
const PIECE_MAX: usize = 256;
/// Bytes of vectors that are read between two looks at the clock, at most.
const PIECE_BYTES: usize = 256 * 1024;
/// Bytes of vectors that are read in a step.
const STEP_BYTES: usize = 1024;
/// Distances that are measured before it is known how long the attributes are that a filter reads.
const PIECE_FILTERED: usize = 1;
/// A filter takes as long for a byte of attributes as a distance for so many of a vector.
const FILTER_BYTES: usize = 16;

/// Goes on until it is done or the effort is spent, so many distances at a time; returns whether it is done.
fn go_on(set: &VectorSet, effort: &mut Effort, advance: impl FnMut(usize) -> bool) -> bool {
    go_on_reading(set, effort, (PIECE_MAX, &Cell::new(0)), advance)
}

/// The same with the most distances to begin with, and a count of the bytes of attributes that a filter has read.
fn go_on_reading(
    set: &VectorSet,
    effort: &mut Effort,
    (first, read): (usize, &Cell<usize>),
    mut advance: impl FnMut(usize) -> bool,
) -> bool {
    let bytes = set.shape().vector_bytes().max(1);
    let most = |bytes: usize| (PIECE_BYTES / bytes).clamp(1, PIECE_MAX);
    let mut next = most(bytes).min(first);
    while !effort.is_spent() {
        let piece = effort.left().clamp(1, next);
        if advance(piece) {
            return true;
        }
        let others = read.take().saturating_mul(FILTER_BYTES);
        effort.spend(piece * (1 + bytes / STEP_BYTES) + others / STEP_BYTES);
        next = most(bytes.saturating_add(others / piece));
    }
    false
}

/// The vector set of an entry.
fn set_of(entry: &Entry) -> Option<&VectorSet> {
    entry.as_object()?.as_any().downcast_ref()
}
