//! Integers of 1 to 64 bits anywhere in a string: BITFIELD. The most significant bit comes first.

/// The bytes that an integer may touch: 64 bits that begin within a byte lie in nine.
const WINDOW_BYTES: usize = 9;

/// The type of an integer in a string: `i1` to `i64`, `u1` to `u63`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldType {
    is_signed: bool,
    bits: u32,
}

/// What becomes of a value that its type can't hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// Its lowest bits are stored.
    #[default]
    Wrap,
    /// The nearest value of the type is stored.
    Saturate,
    /// Nothing is stored.
    Fail,
}

impl FieldType {
    /// A type of so many bits; `None` if there is no such type. An unsigned one of 64 bits could hold what no reply can.
    #[must_use]
    pub fn new(is_signed: bool, bits: u32) -> Option<Self> {
        let bits_max = if is_signed { 64 } else { 63 };
        (1..=bits_max).contains(&bits).then_some(Self { is_signed, bits })
    }

    /// Number of bits.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.bits
    }

    /// The value whose first bit is at `offset`; beyond the end all bits are 0.
    #[must_use]
    pub fn get(self, bytes: &[u8], offset: u64) -> i64 {
        let at = usize::try_from(offset / 8).unwrap_or(usize::MAX).min(bytes.len());
        let end = (at + WINDOW_BYTES).min(bytes.len());
        self.top(window(&bytes[at..end]) << (offset % 8))
    }

    /// Stores the lowest bits of `value` with the first of them at `offset`.
    ///
    /// # Panics
    /// If they end beyond the end of `bytes`.
    pub fn set(self, bytes: &mut [u8], offset: u64, value: i64) {
        let at = super::byte_index(offset);
        let last = super::byte_index(offset + u64::from(self.bits) - 1);
        let place = &mut bytes[at..=last];
        let distance = 128 - self.bits - u32::try_from(offset % 8).expect("below 8");
        let mask = (u128::MAX >> (128 - self.bits)) << distance;
        let bits = (u128::from(value.cast_unsigned()) << distance) & mask;
        let changed = (window(place) & !mask) | bits;
        let len = place.len();
        place.copy_from_slice(&changed.to_be_bytes()[..len]);
    }

    /// The exact value that an argument of SET stands for, as Redis takes it where it does not fit: a negative one for an
    /// unsigned type is read as 64 bits without sign, so that it lies above the type's values, not below; and one for a
    /// signed type, of less than 64 bits, that lies more than `i64::MAX` below its greatest value, lies above too.
    #[must_use]
    pub fn exact(self, value: i64) -> i128 {
        let (_, max) = self.limits();
        let lies_above = value < 0 && (!self.is_signed || (self.bits < 64 && value < max - i64::MAX));
        i128::from(value) + if lies_above { 1 << 64 } else { 0 }
    }

    /// `exact` as a value of this type; `None` if it does not fit and may not be made to.
    #[must_use]
    pub fn fit(self, exact: i128, overflow: Overflow) -> Option<i64> {
        let (min, max) = self.limits();
        if let Ok(value) = i64::try_from(exact)
            && (min..=max).contains(&value)
        {
            return Some(value);
        }
        match overflow {
            Overflow::Wrap => Some(self.wrap(exact)),
            Overflow::Saturate => Some(if exact > 0 { max } else { min }),
            Overflow::Fail => None,
        }
    }

    fn limits(self) -> (i64, i64) {
        if self.is_signed {
            (i64::MIN >> (64 - self.bits), i64::MAX >> (64 - self.bits))
        } else {
            (0, i64::MAX >> (63 - self.bits))
        }
    }

    /// The lowest bits of `exact`, as a value of this type.
    fn wrap(self, exact: i128) -> i64 {
        self.top((exact << (128 - self.bits)).cast_unsigned())
    }

    /// The value that the highest bits of a word stand for.
    fn top(self, word: u128) -> i64 {
        let distance = 128 - self.bits;
        let value =
            if self.is_signed { word.cast_signed() >> distance } else { (word >> distance).cast_signed() };
        i64::try_from(value).expect("the types are those whose values fit")
    }
}

/// Up to nine bytes at the top of a word, followed by zeros.
fn window(bytes: &[u8]) -> u128 {
    let mut word = [0; 16];
    word[..bytes.len()].copy_from_slice(bytes);
    u128::from_be_bytes(word)
}
