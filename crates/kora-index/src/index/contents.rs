//! How a record lists what its document has in the index, and its sort values.
//!
//! Contents: the fields that are missing, one bit each; the words, as distances between their ascending numbers; then for each field that is not text,
//! in the schema's order: the values' numbers likewise, or the numbers, or the points, or the scalars. A number that the record has as sort value anyway
//! is not written twice. Fields that a schema got later have none: past its end a reader reads zeros.

use crate::document::{SortKey, SortValue};
use crate::schema::Field;
use crate::varint::{self, Reader};

/// Heads of packed numbers.
const NUMBERS_NONE: u64 = 0;
const NUMBERS_AS_SORTED: u64 = 1;

const SORT_MISSING: u64 = 0;
const SORT_FLOAT: u64 = 1;
const SORT_INTEGER: u64 = 2;
const SORT_TEXT: u64 = 3;

/// Integers below this are packed as such: they are exact as floats.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// Appends ascending numbers as distances.
pub(super) fn push_ascending(bytes: &mut Vec<u8>, numbers: &[u32]) {
    varint::push(bytes, numbers.len() as u64);
    let mut before = 0;
    for number in numbers {
        varint::push(bytes, u64::from(number - before));
        before = *number;
    }
}

/// Calls with each number that [`push_ascending`] wrote.
pub(super) fn read_ascending(reader: &mut Reader<'_>, mut visit: impl FnMut(u32)) {
    let mut number = 0;
    for _ in 0..reader.read_length() {
        number += reader.read32();
        visit(number);
    }
}

/// How many words a record lists.
pub(super) fn word_count(contents: &[u8]) -> u64 {
    let mut reader = Reader::new(contents);
    read_ascending(&mut reader, |_| {});
    reader.read()
}

/// Appends numbers; `sorted` is what the record has as the field's sort value.
pub(super) fn push_numbers(bytes: &mut Vec<u8>, numbers: &[f64], sorted: Option<&SortValue>) {
    match (numbers, sorted) {
        ([], _) => varint::push(bytes, NUMBERS_NONE),
        ([one], Some(SortValue::Number(number))) if one.to_bits() == number.to_bits() => {
            varint::push(bytes, NUMBERS_AS_SORTED);
        }
        _ => {
            varint::push(bytes, NUMBERS_AS_SORTED + numbers.len() as u64);
            numbers.iter().for_each(|number| push_number(bytes, *number));
        }
    }
}

/// Calls with each number that [`push_numbers`] wrote.
pub(super) fn read_numbers(reader: &mut Reader<'_>, sorted: SortKey<'_>, mut visit: impl FnMut(f64)) {
    match reader.read() {
        NUMBERS_NONE => {}
        NUMBERS_AS_SORTED => {
            if let SortKey::Number(number) = sorted {
                visit(number);
            }
        }
        head => (NUMBERS_AS_SORTED..head).for_each(|_| visit(read_number(reader))),
    }
}

/// Appends scalars.
pub(super) fn push_scalars(bytes: &mut Vec<u8>, scalars: &[&[u8]]) {
    varint::push(bytes, scalars.len() as u64);
    for scalar in scalars {
        varint::push(bytes, scalar.len() as u64);
        bytes.extend_from_slice(scalar);
    }
}

/// Bytes that a scalar takes in that.
pub(super) fn scalar_bytes(scalar: &[u8]) -> usize {
    varint::length(scalar.len() as u64) + scalar.len()
}

/// Calls with each scalar that [`push_scalars`] wrote.
pub(super) fn read_scalars<'a>(reader: &mut Reader<'a>, mut visit: impl FnMut(&'a [u8])) {
    for _ in 0..reader.read_length() {
        let length = reader.read_length();
        visit(reader.take(length));
    }
}

/// An integer takes few bytes, any other number nine.
fn push_number(bytes: &mut Vec<u8>, number: f64) {
    if let Some(integer) = small_integer(number) {
        varint::push(bytes, zigzag(integer) << 1);
    } else {
        varint::push(bytes, 1);
        bytes.extend_from_slice(&number.to_le_bytes());
    }
}

fn read_number(reader: &mut Reader<'_>) -> f64 {
    let head = reader.read();
    if head & 1 == 0 { as_float(unzigzag(head >> 1)) } else { read_float(reader) }
}

fn read_float(reader: &mut Reader<'_>) -> f64 {
    reader.take(8).try_into().map_or(0.0, f64::from_le_bytes)
}

/// The integer that a number is, if it is one that takes fewer bytes as such.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn small_integer(number: f64) -> Option<i64> {
    let is_small = number.abs() < EXACT_INTEGERS
        && number.fract() == 0.0
        && (number != 0.0 || number.is_sign_positive());
    is_small.then_some(number as i64)
}

#[expect(clippy::cast_precision_loss, reason = "it was an exact float")]
fn as_float(integer: i64) -> f64 {
    integer as f64
}

fn zigzag(integer: i64) -> u64 {
    (integer << 1 ^ integer >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Appends a sort value, text as it is kept.
pub(super) fn push_sort(bytes: &mut Vec<u8>, field: &Field, value: Option<&SortValue>) {
    match value {
        None => varint::push(bytes, SORT_MISSING),
        Some(SortValue::Number(number)) => match small_integer(*number) {
            Some(integer) => {
                varint::push(bytes, SORT_INTEGER);
                varint::push(bytes, zigzag(integer));
            }
            None => {
                varint::push(bytes, SORT_FLOAT);
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        },
        Some(SortValue::Text(text)) => {
            varint::push(bytes, SORT_TEXT);
            let folded = if field.un_normalised { None } else { Some(folded(text)) };
            let text = folded.as_deref().unwrap_or(text);
            varint::push(bytes, text.len() as u64);
            bytes.extend_from_slice(text);
        }
    }
}

/// Text whose case is folded, of all scripts; bytes that are not UTF-8 stay.
fn folded(text: &[u8]) -> Vec<u8> {
    let mut folded = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        let valid = chunk.valid();
        if valid.is_ascii() {
            folded.extend(valid.bytes().map(|byte| byte.to_ascii_lowercase()));
        } else {
            valid.chars().for_each(|one| fold(one, &mut folded));
        }
        folded.extend_from_slice(chunk.invalid());
    }
    folded
}

/// Appends what a character is when its case does not count: most often the lower case of its upper case. Source: Unicode's full case folding.
fn fold(one: char, out: &mut Vec<u8>) {
    let mut push = |one: char| out.extend_from_slice(one.encode_utf8(&mut [0; 4]).as_bytes());
    match one {
        // Upper case has no place for the dot that it lacks.
        'ı' => push(one),
        'ẞ' => "ss".chars().for_each(push),
        // Cherokee had capitals first, and folds to them.
        'Ꭰ'..='Ᏽ' => push(one),
        'ᏸ'..='ᏽ' | 'ꭰ'..='ꮿ' => one.to_uppercase().for_each(push),
        _ => one.to_uppercase().flat_map(char::to_lowercase).for_each(push),
    }
}

/// Reads one sort value.
fn read_sort<'a>(reader: &mut Reader<'a>) -> SortKey<'a> {
    match reader.read() {
        SORT_FLOAT => SortKey::Number(read_float(reader)),
        SORT_INTEGER => SortKey::Number(as_float(unzigzag(reader.read()))),
        SORT_TEXT => {
            let length = reader.read_length();
            SortKey::Text(reader.take(length))
        }
        _ => SortKey::Missing,
    }
}

/// The nth sort value.
pub(super) fn sort_key(sorts: &[u8], place: usize) -> SortKey<'_> {
    let mut reader = Reader::new(sorts);
    for _ in 0..place {
        read_sort(&mut reader);
    }
    read_sort(&mut reader)
}
