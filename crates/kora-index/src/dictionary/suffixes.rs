//! All suffixes of all texts, so that ends and inner parts of texts are found without a look at each text (WITHSUFFIXTRIE).
//!
//! Each suffix is kept once, with the numbers of the texts that end in it. What ends in `x` is the entry of `x`; what has `x` inside is among the
//! entries that begin with it.

use std::collections::BTreeMap;

use smallvec::SmallVec;

/// The suffixes of a dictionary's texts.
#[derive(Clone, Debug, Default)]
pub(super) struct Suffixes {
    entries: BTreeMap<Box<str>, SmallVec<[u32; 2]>>,
    text_bytes: usize,
    long_count: usize,
    number_bytes: usize,
}

/// Texts of more bytes are counted only: while there are some, texts are looked at one by one. So a text's suffixes take 8 KB at most.
const BYTES_MAX: usize = 128;

fn suffixes_of(text: &str) -> impl Iterator<Item = &str> {
    text.char_indices().map(|(at, _)| &text[at..])
}

impl Suffixes {
    pub(super) fn insert(&mut self, text: &str, number: u32) {
        if text.len() > BYTES_MAX {
            self.long_count += 1;
            return;
        }
        for suffix in suffixes_of(text) {
            if let Some(numbers) = self.entries.get_mut(suffix) {
                let before = spilled_bytes(numbers);
                numbers.push(number);
                self.number_bytes = self.number_bytes + spilled_bytes(numbers) - before;
            } else {
                self.text_bytes += suffix.len();
                self.entries.insert(suffix.into(), SmallVec::from_slice(&[number]));
            }
        }
    }

    pub(super) fn remove(&mut self, text: &str, number: u32) {
        if text.len() > BYTES_MAX {
            self.long_count -= 1;
            return;
        }
        for suffix in suffixes_of(text) {
            let Some(numbers) = self.entries.get_mut(suffix) else { continue };
            if let Some(at) = numbers.iter().position(|other| *other == number) {
                numbers.swap_remove(at);
            }
            if numbers.is_empty() {
                self.number_bytes -= spilled_bytes(numbers);
                self.entries.remove(suffix);
                self.text_bytes -= suffix.len();
            }
        }
    }

    /// Texts that end in `part`, or have it inside; none if that can't be told from here.
    pub(super) fn texts_with(&self, part: &str, at_end: bool) -> Option<Vec<u32>> {
        if self.long_count > 0 {
            return None;
        }
        if at_end {
            return Some(self.entries.get(part).map(|numbers| numbers.to_vec()).unwrap_or_default());
        }
        let range = (std::ops::Bound::Included(part), std::ops::Bound::Unbounded);
        let mut numbers: Vec<u32> = self
            .entries
            .range::<str, _>(range)
            .take_while(|(suffix, _)| suffix.starts_with(part))
            .flat_map(|(_, numbers)| numbers.iter().copied())
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        Some(numbers)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let entry = size_of::<(Box<str>, SmallVec<[u32; 2]>)>() * 5 / 4;
        self.entries.len() * entry + self.text_bytes + self.number_bytes
    }
}

fn spilled_bytes(numbers: &SmallVec<[u32; 2]>) -> usize {
    if numbers.spilled() { numbers.capacity() * 4 } else { 0 }
}
