//! Numbers of JSON: integers are exact, everything else is a double.

use kora_core::reply::Reply;

/// A number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer of 64 bits.
    Integer(i64),
    /// An integer beyond those, of 64 bits without a sign.
    Unsigned(u64),
    /// Any other number; always finite.
    Double(f64),
}

impl Number {
    /// The number as a double, rounded if it must be.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "rounding is what a double does")]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Integer(number) => number as f64,
            Self::Unsigned(number) => number as f64,
            Self::Double(number) => number,
        }
    }

    /// Whether it is an integer.
    #[must_use]
    pub fn is_integer(self) -> bool {
        !matches!(self, Self::Double(_))
    }

    /// Its text as JSON has it: doubles have a point or an exponent.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Integer(number) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
            Self::Unsigned(number) => out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
            Self::Double(number) => {
                out.extend_from_slice(ryu::Buffer::new().format_finite(number).as_bytes())
            }
        }
    }

    /// Answers it.
    pub(crate) fn reply(self, out: &mut dyn Reply) {
        match self {
            Self::Integer(number) => out.integer(number),
            other => out.double(other.as_f64()),
        }
    }

    /// How it compares to another one, by value: `None` never occurs, since no number is NaN.
    pub(crate) fn compare(self, other: Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Integer(one), Self::Integer(other)) => Some(one.cmp(&other)),
            (Self::Unsigned(one), Self::Unsigned(other)) => Some(one.cmp(&other)),
            (Self::Unsigned(_), Self::Integer(_)) => Some(std::cmp::Ordering::Greater),
            (Self::Integer(_), Self::Unsigned(_)) => Some(std::cmp::Ordering::Less),
            _ => self.as_f64().partial_cmp(&other.as_f64()),
        }
    }
}

/// What JSON.NUMINCRBY, NUMMULTBY and NUMPOWBY do to a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Multiply,
    Power,
}

impl Arithmetic {
    /// The result; `None` if it is no finite number. Integers of 64 bits stay such, and wrap around like RedisJSON's.
    pub(crate) fn apply(self, one: Number, other: Number) -> Option<Number> {
        if let (Number::Integer(one), Number::Integer(other)) = (one, other) {
            return Some(Number::Integer(match self {
                Self::Add => one.wrapping_add(other),
                Self::Multiply => one.wrapping_mul(other),
                Self::Power => one.wrapping_pow(low_bits(other)),
            }));
        }
        let (one, other) = (one.as_f64(), other.as_f64());
        let result = match self {
            Self::Add => one + other,
            Self::Multiply => one * other,
            Self::Power => one.powf(other),
        };
        result.is_finite().then_some(Number::Double(result))
    }
}

/// The lower 32 bits.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "that is what is asked for")]
fn low_bits(number: i64) -> u32 {
    number as u32
}
