//! Values that expressions and aggregation work on, with the conversions and the order that RediSearch has.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::number::{display, leading_number};

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// None.
    Null,
    /// A number.
    Number(f64),
    /// A text: any bytes.
    Text(Arc<[u8]>),
    /// The text of a JSON value: like any text, but where values are shown as what they are.
    Json(Arc<[u8]>),
    /// Several values.
    Array(Vec<Value>),
}

impl Value {
    /// A text.
    #[must_use]
    pub fn text(bytes: impl AsRef<[u8]>) -> Self {
        Self::Text(Arc::from(bytes.as_ref()))
    }

    /// 1 or 0.
    #[must_use]
    pub fn boolean(is_true: bool) -> Self {
        Self::Number(f64::from(u8::from(is_true)))
    }

    /// The same, without knowing whether it is the text of a JSON value.
    #[must_use]
    pub fn plain(self) -> Self {
        match self {
            Self::Json(text) => Self::Text(text),
            other => other,
        }
    }

    /// The number that it is, or that its text is from end to end; an empty text is 0. Blanks may stand before it, not behind.
    #[must_use]
    pub fn to_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(bytes) | Self::Json(bytes) => text_to_number(bytes),
            Self::Null | Self::Array(_) => None,
        }
    }

    /// Whether it counts as true: a number but 0, a text or an array that is not empty.
    #[must_use]
    pub fn to_boolean(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Number(number) => *number != 0.0,
            Self::Text(bytes) | Self::Json(bytes) => !bytes.is_empty(),
            Self::Array(values) => !values.is_empty(),
        }
    }

    /// As it is printed: numbers as [`display`] prints them, nothing for an array or for none.
    #[must_use]
    pub fn to_text(&self) -> Arc<[u8]> {
        match self {
            Self::Text(bytes) | Self::Json(bytes) => Arc::clone(bytes),
            Self::Number(number) => Arc::from(display(*number).as_bytes()),
            Self::Null | Self::Array(_) => Arc::from(&b""[..]),
        }
    }

    /// The order of two values: none is before all others; numbers by size, with a text that is a number; else texts by bytes, arrays
    /// by what they begin with. NaN is equal to every number.
    ///
    /// The text that is no number where one is compared with a number: they are compared as texts then, unless the caller minds.
    #[must_use]
    pub fn compare(&self, other: &Self) -> (Ordering, Option<Arc<[u8]>>) {
        match (self, other) {
            (Self::Null, Self::Null) => (Ordering::Equal, None),
            (Self::Null, _) => (Ordering::Less, None),
            (_, Self::Null) => (Ordering::Greater, None),
            (Self::Array(left), Self::Array(right)) => (compare_arrays(left, right), None),
            (Self::Number(left), Self::Number(right)) => (compare_numbers(*left, *right), None),
            (Self::Number(left), Self::Text(text) | Self::Json(text)) => match text_to_number(text) {
                Some(right) => (compare_numbers(*left, right), None),
                None => (self.to_text().cmp(text), Some(Arc::clone(text))),
            },
            (Self::Text(_) | Self::Json(_), Self::Number(_)) => {
                let (order, text) = other.compare(self);
                (order.reverse(), text)
            }
            _ => (self.to_text().cmp(&other.to_text()), None),
        }
    }

    /// An order of all values, for sorting: none, then numbers by size with NaN as the greatest, then texts by bytes, then arrays. What a path found,
    /// as JSON, is ordered by the first value in it.
    #[must_use]
    pub fn total_order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Json(left), Self::Json(right)) => first_of(left).total_order(&first_of(right)),
            (Self::Json(left), _) => first_of(left).total_order(other),
            (_, Self::Json(right)) => self.total_order(&first_of(right)),
            (Self::Number(left), Self::Number(right)) => {
                let zero = |number: f64| if number == 0.0 { 0.0 } else { number };
                left.is_nan().cmp(&right.is_nan()).then_with(|| zero(*left).total_cmp(&zero(*right)))
            }
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (Self::Array(left), Self::Array(right)) => {
                let differences = left.iter().zip(right).map(|(left, right)| left.total_order(right));
                differences
                    .into_iter()
                    .find(|order| order.is_ne())
                    .unwrap_or_else(|| left.len().cmp(&right.len()))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Number(_) => 1,
            Self::Text(_) | Self::Json(_) => 2,
            Self::Array(_) => 3,
        }
    }
}

/// The first value in the text of a JSON array, or in an array that it begins with; an object or a further array is a text. Escapes stay.
fn first_of(text: &[u8]) -> Value {
    let inner = text.strip_prefix(b"[").unwrap_or(text);
    let inner = inner.strip_prefix(b"[").unwrap_or(inner);
    match inner.first() {
        None | Some(b'n' | b']') => Value::Null,
        Some(b't') => Value::boolean(true),
        Some(b'f') => Value::boolean(false),
        Some(b'"') => {
            let mut is_escaped = false;
            let ends = |byte: &u8| {
                let ends = *byte == b'"' && !is_escaped;
                is_escaped = *byte == b'\\' && !is_escaped;
                ends
            };
            let end = inner[1..].iter().position(ends).unwrap_or(inner.len() - 1);
            Value::text(&inner[1..=end])
        }
        Some(b'[' | b'{') => Value::text(inner),
        Some(_) => {
            let end = inner.iter().position(|byte| matches!(byte, b',' | b']')).unwrap_or(inner.len());
            text_to_number(&inner[..end]).map_or_else(|| Value::text(&inner[..end]), Value::Number)
        }
    }
}

fn text_to_number(bytes: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (number, length) = leading_number(text);
    (length == text.len()).then_some(number)
}

fn compare_numbers(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or(Ordering::Equal)
}

fn compare_arrays(left: &[Value], right: &[Value]) -> Ordering {
    let differences = left.iter().zip(right).map(|(left, right)| left.compare(right).0);
    differences.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| left.len().cmp(&right.len()))
}
