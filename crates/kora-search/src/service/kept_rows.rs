//! Rows as a cursor keeps them: in one piece of memory, some tens of bytes for a row of numbers and short texts.
//!
//! Names stand once. A row is the number of its fields, and for each the number of its name and a value; what has a length or is a count
//! takes seven bits of a byte at a time, the lowest first.

use std::sync::Arc;

use super::cursors::Fields;
use crate::value::Value;

/// What a value begins with.
const NULL: u8 = 0;
const NUMBER: u8 = 1;
/// A whole number from 0 on.
const COUNT: u8 = 2;
const TEXT: u8 = 3;
const JSON: u8 = 4;
const ARRAY: u8 = 5;

/// Whole numbers below are written as counts.
const COUNT_END: f64 = 9_007_199_254_740_992.0;

/// Rows, of which the first are taken away.
#[derive(Debug, Default)]
pub(crate) struct KeptRows {
    names: Vec<Arc<str>>,
    bytes: Vec<u8>,
    /// Where the rows begin that are left.
    at: usize,
    count: usize,
}

impl KeptRows {
    /// Keeps rows. Complexity: O(bytes).
    pub(crate) fn of(rows: impl IntoIterator<Item = Fields>) -> Self {
        let mut kept = Self::default();
        for row in rows {
            kept.count += 1;
            put_count(&mut kept.bytes, row.len() as u64);
            for (at, (name, value)) in row.iter().enumerate() {
                let name = kept.number_of(name, at);
                put_count(&mut kept.bytes, name as u64);
                put(&mut kept.bytes, value);
            }
        }
        kept.bytes.shrink_to_fit();
        kept
    }

    /// How many are left.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Bytes of memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        let names = self.names.iter().map(|name| name.len() + size_of::<Arc<str>>()).sum::<usize>();
        self.bytes.capacity() + names
    }

    /// Takes the first rows away.
    pub(crate) fn take(&mut self, count: usize) -> Vec<Fields> {
        let count = count.min(self.count);
        self.count -= count;
        (0..count).map(|_| self.take_one()).collect()
    }

    fn take_one(&mut self) -> Fields {
        let Self { names, bytes, at, .. } = self;
        let len = take_count(bytes, at);
        let mut row = Fields::new();
        for _ in 0..len {
            let name = usize::try_from(take_count(bytes, at)).expect("it is the number of a name");
            row.push((Arc::clone(&names[name]), take(bytes, at)));
        }
        row
    }

    /// The number of a name, which in most rows stands at the same place.
    fn number_of(&mut self, name: &Arc<str>, at: usize) -> usize {
        if self.names.get(at) == Some(name) {
            return at;
        }
        self.names.iter().position(|own| own == name).unwrap_or_else(|| {
            self.names.push(Arc::clone(name));
            self.names.len() - 1
        })
    }
}

fn put_count(bytes: &mut Vec<u8>, mut count: u64) {
    while count >= 0x80 {
        bytes.push(u8::try_from(count & 0x7f).expect("seven bits") | 0x80);
        count >>= 7;
    }
    bytes.push(u8::try_from(count).expect("seven bits"));
}

fn take_count(bytes: &[u8], at: &mut usize) -> u64 {
    let mut count = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[*at];
        *at += 1;
        count |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    count
}

fn put(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => bytes.push(NULL),
        Value::Number(number) if is_count(*number) => {
            bytes.push(COUNT);
            put_count(bytes, whole(*number));
        }
        Value::Number(number) => {
            bytes.push(NUMBER);
            bytes.extend(number.to_le_bytes());
        }
        Value::Text(text) => put_text(bytes, TEXT, text),
        Value::Json(text) => put_text(bytes, JSON, text),
        Value::Array(values) => {
            bytes.push(ARRAY);
            put_count(bytes, values.len() as u64);
            values.iter().for_each(|value| put(bytes, value));
        }
    }
}

fn put_text(bytes: &mut Vec<u8>, tag: u8, text: &[u8]) {
    bytes.push(tag);
    put_count(bytes, text.len() as u64);
    bytes.extend_from_slice(text);
}

fn take(bytes: &[u8], at: &mut usize) -> Value {
    let tag = bytes[*at];
    *at += 1;
    match tag {
        NULL => Value::Null,
        COUNT => Value::Number(take_count(bytes, at) as f64),
        NUMBER => {
            let number = bytes[*at..*at + 8].try_into().expect("eight bytes");
            *at += 8;
            Value::Number(f64::from_le_bytes(number))
        }
        ARRAY => {
            let count = take_count(bytes, at);
            Value::Array((0..count).map(|_| take(bytes, at)).collect())
        }
        tag => {
            let len = usize::try_from(take_count(bytes, at)).expect("so long a text is in memory");
            let text: Arc<[u8]> = bytes[*at..*at + len].into();
            *at += len;
            if tag == JSON { Value::Json(text) } else { Value::Text(text) }
        }
    }
}

fn is_count(number: f64) -> bool {
    (0.0..COUNT_END).contains(&number) && number.fract() == 0.0 && number.is_sign_positive()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is whole, and not below 0")]
fn whole(number: f64) -> u64 {
    number as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(values: &[(&str, Value)]) -> Fields {
        values.iter().map(|(name, value)| (Arc::from(*name), value.clone())).collect()
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let numbers = [0.0, 1.0, 127.0, 128.0, 9e15, 9.1e15, -1.0, 0.5, f64::INFINITY, 1e-300];
        let mut rows: Vec<Fields> =
            numbers.iter().map(|number| row(&[("n", Value::Number(*number))])).collect();
        let values =
            Value::Array(vec![Value::text("a"), Value::Null, Value::Array(vec![Value::Number(3.0)])]);
        rows.push(row(&[
            ("t", Value::text("x".repeat(300))),
            ("n", values),
            ("j", Value::Json(Arc::from(&b"[1]"[..]))),
        ]));
        rows.push(row(&[]));
        rows.push(row(&[("n", Value::text("")), ("t", Value::Null)]));
        let mut kept = KeptRows::of(rows.clone());
        let mut taken = Vec::new();
        for count in [1, 0, 5, 100] {
            taken.extend(kept.take(count));
            assert_eq!(kept.len(), rows.len() - taken.len());
        }
        assert_eq!(taken, rows);
        let mut kept = KeptRows::of([row(&[("n", Value::Number(f64::NAN)), ("z", Value::Number(-0.0))])]);
        let [(_, Value::Number(nan)), (_, Value::Number(zero))] = &kept.take(1)[0][..] else { panic!() };
        assert!(nan.is_nan() && zero.is_sign_negative());
    }

    #[test]
    fn a_row_of_a_number_takes_few_bytes() {
        let kept = KeptRows::of((0..1000).map(|number| row(&[("n", Value::Number(f64::from(number)))])));
        assert!(kept.memory_bytes() < 6 * 1000, "{}", kept.memory_bytes());
    }
}
