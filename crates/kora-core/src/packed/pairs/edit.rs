//! Changing pairs, in whatever buffer they live.
//!
//! A change moves texts and bits where they are. A text whose code has no room in its column, and any change of 128 pairs and more, takes
//! the pairs out and packs them anew: some ten times as dear as a search of all of them, which most changes begin with.

use std::ops::Range;

use smallvec::SmallVec;

use super::codes::{Codes, Column, bytes_for, move_down, move_up, put_varint, stored_bytes, write_code};
use super::{Element, Pair, Pairs, TakenPairs};
use crate::packed::listpack::{Buffer, ListPack};

/// From so many pairs on their number takes another byte.
const SHORT_COUNT: usize = 0x80;
/// Bytes before the codes while the number of pairs has one byte.
const SHORT_HEAD_BYTES: usize = 3;

/// The bytes of pairs.
#[must_use]
pub fn pack(pairs: &[Pair<'_>]) -> Vec<u8> {
    let columns = [
        Column::of(pairs.iter().map(|(first, _)| *first)),
        Column::of(pairs.iter().map(|(_, second)| *second)),
    ];
    let texts = || pairs.iter().flat_map(|(first, second)| [*first, *second]);
    let total: usize = texts().map(stored_bytes).sum();
    let codes_bytes = bytes_for(columns, pairs.len());
    let mut bytes = Vec::with_capacity(SHORT_HEAD_BYTES + 8 + codes_bytes + total);
    put_varint(&mut bytes, pairs.len());
    bytes.extend_from_slice(&columns.map(Column::byte));
    // Codes are gathered in a word; the bits of one and what is left of the last byte are always fewer than it has.
    let (mut word, mut bits) = (0_u64, 0);
    for (text, column) in texts().zip(columns.into_iter().cycle()) {
        word |= column.code_of(text).expect("the column is that of its texts") << bits;
        bits += column.bits;
        while bits >= 8 {
            bytes.push(word.to_le_bytes()[0]);
            word >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        bytes.push(word.to_le_bytes()[0]);
    }
    for text in texts() {
        with_bytes(text, |text| bytes.extend_from_slice(text));
    }
    bytes
}

/// The pairs of a listpack: its elements in turn, an even number of them.
#[must_use]
pub fn of_listpack(list: ListPack<'_>) -> Vec<u8> {
    let mut taken = TakenPairs::new();
    let mut elements = list.iter();
    while let (Some(first), Some(second)) = (elements.next(), elements.next()) {
        taken.push((first, second));
    }
    pack(&taken)
}

/// Lends the bytes of a text as it is stored.
#[inline]
fn with_bytes<T>(text: Element<'_>, use_bytes: impl FnOnce(&[u8]) -> T) -> T {
    match text {
        Element::Bytes(text) => use_bytes(text),
        Element::Integer(value) => use_bytes(&value.to_le_bytes()[..stored_bytes(text)]),
    }
}

/// The bytes of pairs after a change.
fn repack<'a>(pairs: Pairs<'a>, change: impl FnOnce(&mut TakenPairs<'a>)) -> Vec<u8> {
    let mut taken = pairs.iter().collect();
    change(&mut taken);
    pack(&taken)
}

/// Puts other pairs in the place of those that a buffer has.
fn put<B: Buffer + ?Sized>(buffer: &mut B, bytes: &[u8]) {
    let removed = buffer.bytes().len();
    buffer.splice(0, removed, bytes);
}

/// Adds a pair behind the last. Its first text must not be there.
/// Complexity: O(bytes moved); O(n) if the codes have no room for it.
pub fn push<B: Buffer + ?Sized>(buffer: &mut B, pair: Pair<'_>) {
    let pairs = Pairs::new(buffer.bytes());
    insert_at(buffer, (pairs.count, buffer.bytes().len()), pair);
}

/// Puts a pair before that at `index`, or behind the last. Its first text must not be there.
/// Complexity: O(n).
pub fn insert<B: Buffer + ?Sized>(buffer: &mut B, index: usize, pair: Pair<'_>) {
    let pairs = Pairs::new(buffer.bytes());
    if index == pairs.count {
        return push(buffer, pair);
    }
    let at = texts_of(pairs, buffer.bytes(), index..index).start;
    insert_at(buffer, (index, at), pair);
}

/// Where the texts of the pairs in `range` are.
fn texts_of(pairs: Pairs<'_>, bytes: &[u8], range: Range<usize>) -> Range<usize> {
    let [first, second] = pairs.columns;
    let mut codes = Codes::new(pairs.rest);
    let mut skip = |count: usize| {
        let texts = (0..count).map(|_| {
            let one = first.text_bytes(codes.next(first));
            one + second.text_bytes(codes.next(second))
        });
        texts.sum::<usize>()
    };
    let start = bytes.len() - pairs.rest.len() + pairs.texts_at + skip(range.start);
    start..start + skip(range.len())
}

/// The same for the pair whose texts begin at `at`.
fn insert_at<B: Buffer + ?Sized>(buffer: &mut B, (index, at): (usize, usize), pair: Pair<'_>) {
    let pairs = Pairs::new(buffer.bytes());
    let (columns, count) = (pairs.columns, pairs.count);
    let codes = columns[0].fitting_code(pair.0).zip(columns[1].fitting_code(pair.1));
    let Some((first, second)) = codes.filter(|_| count + 1 < SHORT_COUNT) else {
        let bytes = repack(pairs, |taken| taken.insert(index, pair));
        return put(buffer, &bytes);
    };
    let mut texts: SmallVec<[u8; 128]> = SmallVec::new();
    for text in [pair.0, pair.1] {
        with_bytes(text, |text| texts.extend_from_slice(text));
    }
    let (codes_bytes, more) = (pairs.texts_at, bytes_for(columns, count + 1) - pairs.texts_at);
    buffer.splice(at, 0, &texts);
    if more > 0 {
        let room: SmallVec<[u8; 16]> = SmallVec::from_elem(0, more);
        buffer.splice(SHORT_HEAD_BYTES + codes_bytes, 0, &room);
    }
    let bytes = buffer.bytes_mut();
    bytes[0] += 1;
    let codes = &mut bytes[SHORT_HEAD_BYTES..];
    let (width, first_bits) = (pair_bits(columns), columns[0].bits as usize);
    move_up(codes, index * width..count * width, width);
    write_code(codes, index * width, columns[0], first);
    write_code(codes, index * width + first_bits, columns[1], second);
}

/// Bits of the codes of a pair.
fn pair_bits(columns: [Column; 2]) -> usize {
    (columns[0].bits + columns[1].bits) as usize
}

/// Puts another second text into the pair at `index`, which there must be.
/// Complexity: O(n).
pub fn set_second<B: Buffer + ?Sized>(buffer: &mut B, index: usize, second: Element<'_>) {
    let pairs = Pairs::new(buffer.bytes());
    let [first_column, column] = pairs.columns;
    let Some(code) = column.fitting_code(second) else {
        let bytes = repack(pairs, |taken| taken[index].1 = second);
        return put(buffer, &bytes);
    };
    let mut iter = pairs.iter();
    let (_, old) = iter.nth(index).expect("there is such a pair");
    let head_bytes = buffer.bytes().len() - pairs.rest.len();
    let old_bytes = stored_bytes(old);
    let at = head_bytes + iter.at - old_bytes;
    let bit = index * (first_column.bits + column.bits) as usize + first_column.bits as usize;
    with_bytes(second, |text| {
        if text.len() == old_bytes {
            buffer.bytes_mut()[at..at + old_bytes].copy_from_slice(text);
        } else {
            buffer.splice(at, old_bytes, text);
        }
    });
    write_code(&mut buffer.bytes_mut()[head_bytes..], bit, column, code);
}

/// Takes `count` pairs out from that at `index` on.
/// Complexity: O(n).
pub fn remove<B: Buffer + ?Sized>(buffer: &mut B, index: usize, count: usize) {
    let pairs = Pairs::new(buffer.bytes());
    let (columns, old_count) = (pairs.columns, pairs.count);
    if old_count >= SHORT_COUNT {
        let bytes = repack(pairs, |taken| {
            taken.drain(index..index + count);
        });
        return put(buffer, &bytes);
    }
    let texts = texts_of(pairs, buffer.bytes(), index..index + count);
    let (codes_bytes, width) = (pairs.texts_at, pair_bits(columns));
    buffer.splice(texts.start, texts.len(), &[]);
    let bytes = buffer.bytes_mut();
    bytes[0] -= u8::try_from(count).expect("no more than there are");
    let codes = &mut bytes[SHORT_HEAD_BYTES..SHORT_HEAD_BYTES + codes_bytes];
    move_down(codes, (index + count) * width..old_count * width, count * width);
    let kept_bytes = bytes_for(columns, old_count - count);
    buffer.splice(SHORT_HEAD_BYTES + kept_bytes, codes_bytes - kept_bytes, &[]);
}
