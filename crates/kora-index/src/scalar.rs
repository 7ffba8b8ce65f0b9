//! Scalars of JSON as bytes that sort as the scalars do: null, false, true, numbers, texts.
//!
//! A number is the greatest double that is no more than it, and what the number has over that: so all integers of 64 bits are exact, and compare with
//! doubles by value. Zeros at the end are left out. A text stands as it is, behind its head.

#[cfg(test)]
mod tests;

use std::ops::Bound;

const NULL: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const NUMBER: u8 = 4;
const TEXT: u8 = 5;

/// A scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer of 64 bits, with or without a sign.
    Integer(i128),
    /// Any other number.
    Double(f64),
    /// A text.
    Text(&'a [u8]),
}

/// What can be compared by order with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `null`.
    Null,
    /// Truth values.
    Bool,
    /// Numbers.
    Number,
    /// Texts.
    Text,
}

impl Scalar<'_> {
    /// Appends its bytes. Complexity: O(length of a text).
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Null => bytes.push(NULL),
            Self::Bool(is_true) => bytes.push(if *is_true { TRUE } else { FALSE }),
            Self::Integer(number) => encode_integer(*number, bytes),
            Self::Double(number) => push_number(*number, 0, bytes),
            Self::Text(text) => {
                bytes.push(TEXT);
                bytes.extend_from_slice(text);
            }
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        bytes
    }
}

/// The class of what [`Scalar::encode`] made.
#[must_use]
pub fn class_of(encoded: &[u8]) -> Class {
    match encoded.first() {
        Some(&FALSE | &TRUE) => Class::Bool,
        Some(&NUMBER) => Class::Number,
        Some(&TEXT) => Class::Text,
        _ => Class::Null,
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "what the rounding loses is kept beside it"
)]
fn encode_integer(number: i128, bytes: &mut Vec<u8>) {
    let rounded = number as f64;
    let floor = if rounded as i128 > number { rounded.next_down() } else { rounded };
    // Doubles of 64 bits lie 2048 apart at most.
    let over = u16::try_from(number - floor as i128).unwrap_or(u16::MAX);
    push_number(floor, over, bytes);
}

fn push_number(double: f64, over: u16, bytes: &mut Vec<u8>) {
    // One zero, not two.
    let bits = (double + 0.0).to_bits();
    let ordered = if bits >> 63 == 0 { bits | 1 << 63 } else { !bits };
    let mut all = [0; 10];
    all[..8].copy_from_slice(&ordered.to_be_bytes());
    all[8..].copy_from_slice(&over.to_be_bytes());
    let length = all.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.push(NUMBER);
    bytes.extend_from_slice(&all[..length]);
}

/// Scalars from one bound to the other, as [`Scalar::encode`] makes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalarRange {
    /// The least.
    pub from: Bound<Box<[u8]>>,
    /// The greatest.
    pub to: Bound<Box<[u8]>>,
}

impl ScalarRange {
    /// Every scalar.
    #[must_use]
    pub fn all() -> Self {
        Self { from: Bound::Unbounded, to: Bound::Unbounded }
    }

    /// One scalar only.
    #[must_use]
    pub fn only(encoded: &[u8]) -> Self {
        Self { from: Bound::Included(encoded.into()), to: Bound::Included(encoded.into()) }
    }

    /// Texts that begin with this one.
    #[must_use]
    pub fn prefix(text: &[u8]) -> Self {
        let from = Scalar::Text(text).encoded();
        let mut to = from.clone();
        while to.last() == Some(&u8::MAX) {
            to.pop();
        }
        // The head is less than that.
        if let Some(last) = to.last_mut() {
            *last += 1;
        }
        Self { from: Bound::Included(from.into()), to: Bound::Excluded(to.into()) }
    }

    /// Scalars of one class.
    #[must_use]
    pub fn class(class: Class) -> Self {
        let (from, to) = match class {
            Class::Null => (NULL, FALSE),
            Class::Bool => (FALSE, NUMBER),
            Class::Number => (NUMBER, TEXT),
            Class::Text => (TEXT, TEXT + 1),
        };
        Self { from: Bound::Included([from].into()), to: Bound::Excluded([to].into()) }
    }

    /// What lies in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let from = match (&self.from, &other.from) {
            (Bound::Unbounded, from) | (from, Bound::Unbounded) => from,
            (Bound::Included(one) | Bound::Excluded(one), Bound::Included(two) | Bound::Excluded(two)) => {
                let is_later = one > two || (one == two && matches!(self.from, Bound::Excluded(_)));
                if is_later { &self.from } else { &other.from }
            }
        };
        let to = match (&self.to, &other.to) {
            (Bound::Unbounded, to) | (to, Bound::Unbounded) => to,
            (Bound::Included(one) | Bound::Excluded(one), Bound::Included(two) | Bound::Excluded(two)) => {
                let is_earlier = one < two || (one == two && matches!(self.to, Bound::Excluded(_)));
                if is_earlier { &self.to } else { &other.to }
            }
        };
        Self { from: from.clone(), to: to.clone() }
    }

    /// Whether a scalar lies before it.
    #[must_use]
    pub fn is_after(&self, encoded: &[u8]) -> bool {
        match &self.from {
            Bound::Unbounded => false,
            Bound::Included(from) => encoded < from,
            Bound::Excluded(from) => encoded <= from,
        }
    }

    /// Whether a scalar lies behind it.
    #[must_use]
    pub fn is_before(&self, encoded: &[u8]) -> bool {
        match &self.to {
            Bound::Unbounded => false,
            Bound::Included(to) => encoded > to,
            Bound::Excluded(to) => encoded >= to,
        }
    }

    /// Whether a scalar lies in it.
    #[must_use]
    pub fn contains(&self, encoded: &[u8]) -> bool {
        !self.is_after(encoded) && !self.is_before(encoded)
    }
}
