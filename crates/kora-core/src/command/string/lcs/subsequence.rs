//! Longest common subsequence by bit vectors: one bit per pair of positions, 64 of them per step.
//!
//! Let `L(i, j)` be the length for the first `i` bytes of one string and the first `j` of the other. In a row `i` it
//! rises by 0 or 1 from one `j` to the next, so a bit per position holds the row, and one addition with carry per word
//! makes the next row from it. The rows also hold the way back: where the bytes at `(i, j)` differ, `L(i, j)` is the
//! larger of `L(i - 1, j)` and `L(i, j - 1)`, and the former is strictly larger exactly where the row rises at `j`.
//! That is the very question by which Redis finds its way through its table, so both find the same one of the
//! subsequences of equal length.
//!
//! Source: H. Hyyrö, "Bit-parallel LCS-length computation revisited", AWOCA 2004.

use std::ops::Range;

/// Bytes that both strings have in common without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    first_start: usize,
    second_start: usize,
    pub(super) len: usize,
}

impl Run {
    /// Where it lies in the first string.
    pub(super) fn in_first(self) -> Range<usize> {
        self.first_start..self.first_start + self.len
    }

    /// Where it lies in the second string.
    pub(super) fn in_second(self) -> Range<usize> {
        self.second_start..self.second_start + self.len
    }
}

/// For each byte that occurs in the first string, where it occurs in the second, as bits.
struct Occurrences {
    words_per_byte: usize,
    /// For each byte, 1 + its place in `bits`, or 0 if it does not occur in the first string.
    places: [usize; 256],
    bits: Vec<u64>,
}

impl Occurrences {
    fn new(first: &[u8], second: &[u8]) -> Self {
        let mut places = [0; 256];
        let mut place_count = 0;
        for &byte in first {
            let place = &mut places[usize::from(byte)];
            if *place == 0 {
                place_count += 1;
                *place = place_count;
            }
        }
        let words_per_byte = second.len().div_ceil(64);
        let mut bits = vec![0; place_count * words_per_byte];
        for (at, &byte) in second.iter().enumerate() {
            if let Some(place) = places[usize::from(byte)].checked_sub(1) {
                bits[place * words_per_byte + at / 64] |= 1 << (at % 64);
            }
        }
        Self { words_per_byte, places, bits }
    }

    /// Positions of `byte`, which occurs in the first string.
    fn of(&self, byte: u8) -> &[u64] {
        let place = self.places[usize::from(byte)] - 1;
        &self.bits[place * self.words_per_byte..][..self.words_per_byte]
    }

    /// Row 0: nothing in common, so it nowhere rises.
    fn first_row(&self) -> Vec<u64> {
        vec![u64::MAX; self.words_per_byte]
    }
}

/// Makes a row of the one before it. A bit is 0 where the row rises; bits behind the last position stay 1.
fn advance(row: &mut [u64], occurrences: &[u64]) {
    let mut carry = false;
    for (word, matches) in row.iter_mut().zip(occurrences) {
        let (sum, has_carried) = word.overflowing_add(*word & matches);
        let (sum, has_carried_again) = sum.overflowing_add(carry.into());
        carry = has_carried || has_carried_again;
        *word = sum | (*word & !matches);
    }
}

/// The length of the longest common subsequence.
///
/// Complexity: O(n * m / 64) time, O(m) space for each distinct byte of `first`.
pub(super) fn common_length(first: &[u8], second: &[u8]) -> usize {
    let occurrences = Occurrences::new(first, second);
    let mut row = occurrences.first_row();
    for &byte in first {
        advance(&mut row, occurrences.of(byte));
    }
    row.iter().map(|word| word.count_zeros() as usize).sum()
}

/// The runs that make up the longest common subsequence, the last one first.
///
/// Complexity: O(n * m / 64) time and space.
pub(super) fn common_runs(first: &[u8], second: &[u8]) -> Vec<Run> {
    let occurrences = Occurrences::new(first, second);
    let mut row = occurrences.first_row();
    let mut rows = Vec::with_capacity(row.len() * first.len());
    for &byte in first {
        advance(&mut row, occurrences.of(byte));
        rows.extend_from_slice(&row);
    }
    let rises_at = |i: usize, j: usize| rows[i * row.len() + j / 64] & (1 << (j % 64)) == 0;

    let mut runs: Vec<Run> = Vec::new();
    let mut is_in_run = false;
    let (mut first_end, mut second_end) = (first.len(), second.len());
    while let (Some(i), Some(j)) = (first_end.checked_sub(1), second_end.checked_sub(1)) {
        if first[i] != second[j] {
            is_in_run = false;
            if rises_at(i, j) {
                first_end = i
            } else {
                second_end = j
            }
            continue;
        }
        match runs.last_mut() {
            Some(run) if is_in_run => {
                *run = Run { first_start: i, second_start: j, len: run.len + 1 };
            }
            _ => runs.push(Run { first_start: i, second_start: j, len: 1 }),
        }
        is_in_run = true;
        (first_end, second_end) = (i, j);
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The table of lengths, filled one by one, and the way back through it.
    fn model(first: &[u8], second: &[u8]) -> (usize, Vec<(usize, usize)>) {
        let mut table = vec![vec![0usize; second.len() + 1]; first.len() + 1];
        for i in 1..=first.len() {
            for j in 1..=second.len() {
                table[i][j] = if first[i - 1] == second[j - 1] {
                    table[i - 1][j - 1] + 1
                } else {
                    table[i - 1][j].max(table[i][j - 1])
                };
            }
        }
        let (mut i, mut j) = (first.len(), second.len());
        let mut pairs = Vec::new();
        while i > 0 && j > 0 {
            if first[i - 1] == second[j - 1] {
                (i, j) = (i - 1, j - 1);
                pairs.push((i, j));
            } else if table[i - 1][j] > table[i][j - 1] {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        (table[first.len()][second.len()], pairs)
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(b'a'..b'd', 0..200),
            prop::collection::vec(any::<u8>(), 0..200),
            prop::collection::vec(b'a'..b'c', 60..70),
        ]
    }

    proptest! {
        #[test]
        fn bit_vectors_find_what_the_table_finds(first in text(), second in text()) {
            let (length, pairs) = model(&first, &second);
            prop_assert_eq!(common_length(&first, &second), length);
            let runs = common_runs(&first, &second);
            let found: Vec<_> =
                runs.iter().flat_map(|run| run.in_first().zip(run.in_second()).rev()).collect();
            prop_assert_eq!(found, pairs);
        }
    }
}
