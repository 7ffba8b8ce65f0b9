//! Values as bytes that are equal where the values are, for groups and distinct values.

use crate::value::Value;

/// Appends a value. Numbers and texts differ, even if one is written like the other.
pub(super) fn write(value: Option<&Value>, out: &mut Vec<u8>) {
    match value {
        None | Some(Value::Null) => out.push(0),
        Some(Value::Number(number)) => {
            let number = if *number == 0.0 { 0.0 } else { *number };
            let bits = if number.is_nan() { f64::NAN.to_bits() } else { number.to_bits() };
            out.push(1);
            out.extend_from_slice(&bits.to_le_bytes());
        }
        Some(Value::Text(bytes) | Value::Json(bytes)) => {
            out.push(2);
            out.extend_from_slice(&bytes.len().to_le_bytes());
            out.extend_from_slice(bytes);
        }
        Some(Value::Array(values)) => {
            out.push(3);
            out.extend_from_slice(&values.len().to_le_bytes());
            values.iter().for_each(|value| write(Some(value), out));
        }
    }
}

/// One value.
pub(super) fn of(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write(Some(value), &mut out);
    out
}

/// A hash of bytes that is the same on all shards: FNV-1a with a final mixing.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    mix(bytes.iter().fold(0xcbf2_9ce4_8422_2325, fold))
}

/// Mixes the bits of a number. Source: the finaliser of SplitMix64.
pub(super) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
