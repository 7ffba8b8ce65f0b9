//! Functions of one number.

use super::error::ExpressionError;
use crate::value::Value;

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Math {
    Log,
    Log2,
    Exp,
    Abs,
    Ceil,
    Floor,
    Sqrt,
}

impl Math {
    /// Its value; NaN of what is no number.
    pub(super) fn apply(self, arguments: &[Value]) -> Result<Value, ExpressionError> {
        let [argument] = arguments else { return Err(ExpressionError::ArgumentCount(self.name())) };
        let Some(number) = argument.to_number() else { return Ok(Value::Number(f64::NAN)) };
        Ok(Value::Number(match self {
            // The processor's own NaN has a sign, which RediSearch prints.
            Self::Log | Self::Log2 | Self::Sqrt if number < 0.0 => -f64::NAN,
            Self::Log => number.ln(),
            Self::Log2 => number.log2(),
            Self::Exp => number.exp(),
            Self::Abs => number.abs(),
            Self::Ceil => number.ceil(),
            Self::Floor => number.floor(),
            Self::Sqrt => number.sqrt(),
        }))
    }

    /// Its name in errors.
    fn name(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Log2 => "log2",
            Self::Exp => "exp",
            Self::Abs => "fabs",
            Self::Ceil => "ceil",
            Self::Floor => "floor",
            Self::Sqrt => "sqrt",
        }
    }
}
