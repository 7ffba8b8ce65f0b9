//! The names that commands give to types of elements and to metrics, and elements as bytes.

use half::{bf16, f16};

use super::{Element, Metric};

impl Element {
    const ALL: [(Self, &'static str); 6] = [
        (Self::Float32, "FLOAT32"),
        (Self::Float64, "FLOAT64"),
        (Self::Float16, "FLOAT16"),
        (Self::BFloat16, "BFLOAT16"),
        (Self::Int8, "INT8"),
        (Self::UInt8, "UINT8"),
    ];

    /// Its name, in upper case.
    #[must_use]
    pub fn name(self) -> &'static str {
        name_of(&Self::ALL, self)
    }

    /// The type of a name in upper case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(element, _)| *element)
    }

    /// Adds an element to the bytes of a vector; false, and nothing is added, if it is one of bytes and the number is none of theirs.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "elements have fewer bits than the number; bytes are looked at before"
    )]
    pub fn push(self, number: f64, blob: &mut Vec<u8>) -> bool {
        let is_within = |least: f64, most: f64| number.fract() == 0.0 && (least..=most).contains(&number);
        match self {
            Self::Int8 if is_within(-128.0, 127.0) => blob.extend_from_slice(&(number as i8).to_le_bytes()),
            Self::UInt8 if is_within(0.0, 255.0) => blob.push(number as u8),
            Self::Int8 | Self::UInt8 => return false,
            Self::Float32 => blob.extend_from_slice(&(number as f32).to_le_bytes()),
            Self::Float64 => blob.extend_from_slice(&number.to_le_bytes()),
            Self::Float16 => blob.extend_from_slice(&f16::from_f64(number).to_le_bytes()),
            Self::BFloat16 => blob.extend_from_slice(&bf16::from_f64(number).to_le_bytes()),
        }
        true
    }

    /// The greatest number that an element may be without becoming infinite.
    #[must_use]
    pub fn greatest(self) -> f64 {
        match self {
            Self::Float32 => f64::from(f32::MAX),
            Self::Float64 => f64::MAX,
            Self::Float16 => f64::from(f16::MAX),
            Self::BFloat16 => f64::from(bf16::MAX),
            Self::Int8 => f64::from(i8::MAX),
            Self::UInt8 => f64::from(u8::MAX),
        }
    }
}

impl Metric {
    const ALL: [(Self, &'static str); 3] =
        [(Self::L2, "L2"), (Self::InnerProduct, "IP"), (Self::Cosine, "COSINE")];

    /// Its name, in upper case.
    #[must_use]
    pub fn name(self) -> &'static str {
        name_of(&Self::ALL, self)
    }

    /// The metric of a name in upper case.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(metric, _)| *metric)
    }
}

fn name_of<T: Copy + PartialEq>(all: &[(T, &'static str)], wanted: T) -> &'static str {
    all.iter().find(|(one, _)| *one == wanted).map_or("", |(_, name)| name)
}
