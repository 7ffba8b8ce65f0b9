//! HyperLogLog in Redis's string format: how many different elements were added, with a standard error of 0.81 %.
//!
//! The string is a header of 16 bytes (`HYLL`, the encoding, three bytes unused, and the last estimate, little-endian, whose
//! top bit says that it is out of date), followed by 16384 registers of six bits ([`dense`]) or by a run-length code of
//! them ([`sparse`]). A register holds the longest run of zeros, plus one, in the hashes that chose it. Every byte is as
//! Redis writes it, so that a value can be moved between the two at any time.
//!
//! Strings come from clients: a [`Sketch`] has been checked for what Redis checks at once, and everything that walks a
//! sparse code checks it on the way. A code never covers more registers than there are, so none is longer than one
//! byte per register.
//!
//! Source: P. Flajolet, É. Fusy, O. Gandouet and F. Meunier, "HyperLogLog" (2007); S. Heule, M. Nunkesser and A. Hall,
//! "HyperLogLog in Practice" (2013) for the 64-bit hash and the sparse form; the estimator is in [`estimate`].

mod dense;
mod estimate;
mod hash;
mod sparse;

pub use sparse::Run;

/// Number of registers.
pub const REGISTERS: usize = 1 << INDEX_BITS;

/// Bits of a hash that choose the register.
const INDEX_BITS: u32 = 14;
/// The other bits of a hash.
const PATTERN_BITS: u32 = 64 - INDEX_BITS;
const HEADER_BYTES: usize = 16;
const MAGIC: &[u8; 4] = b"HYLL";
const DENSE_BYTES: usize = HEADER_BYTES + dense::BYTES;
const SPARSE_BYTES_MAX: usize = HEADER_BYTES + REGISTERS;
/// Where the encoding stands.
const ENCODING_AT: usize = 4;
/// Where the estimate stands.
const CACHE_AT: usize = 8;
/// The top byte of the estimate, and in it the bit that says it is out of date.
const STALE_AT: usize = 15;
const STALE_BIT: u8 = 0x80;

/// All registers, a byte each.
pub type Registers = [u8; REGISTERS];

/// Why bytes are no HyperLogLog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// They have not the header or the length of one.
    Form,
    /// The sparse code covers more or fewer registers than there are.
    Code,
}

/// How registers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Six bits each.
    Dense,
    /// Run lengths.
    Sparse,
}

/// A HyperLogLog to read.
#[derive(Debug, Clone, Copy)]
pub struct Sketch<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
}

impl<'a> Sketch<'a> {
    /// A view of a string.
    ///
    /// # Errors
    /// [`Invalid`], as far as header and length tell. Complexity: O(1).
    pub fn new(bytes: &'a [u8]) -> Result<Self, Invalid> {
        if bytes.len() < HEADER_BYTES || !bytes.starts_with(MAGIC) {
            return Err(Invalid::Form);
        }
        let encoding = match bytes[ENCODING_AT] {
            0 if bytes.len() == DENSE_BYTES => Encoding::Dense,
            1 => Encoding::Sparse,
            _ => return Err(Invalid::Form),
        };
        if encoding == Encoding::Sparse && bytes.len() > SPARSE_BYTES_MAX {
            return Err(Invalid::Code);
        }
        Ok(Self { bytes, encoding })
    }

    /// How its registers are stored.
    #[must_use]
    pub fn encoding(self) -> Encoding {
        self.encoding
    }

    /// The estimate stored with it, unless that is out of date.
    #[must_use]
    pub fn cached_count(self) -> Option<u64> {
        let cache = self.bytes[CACHE_AT..].first_chunk().expect("a header was seen");
        (self.bytes[STALE_AT] & STALE_BIT == 0).then(|| u64::from_le_bytes(*cache))
    }

    /// Estimates how many different elements were added.
    ///
    /// # Errors
    /// [`Invalid::Code`].
    pub fn count(self) -> Result<u64, Invalid> {
        let mut histogram = estimate::Histogram::default();
        match self.encoding {
            Encoding::Dense => dense::each(self.registers(), |_, value| histogram.add(value, 1)),
            Encoding::Sparse => {
                sparse::each(self.registers(), |run| histogram.add(run.value, run.len))?;
            }
        }
        Ok(histogram.estimate())
    }

    /// Raises registers to those of this sketch where these are higher.
    ///
    /// # Errors
    /// [`Invalid::Code`]; some registers may have been raised.
    pub fn merge_into(self, registers: &mut Registers) -> Result<(), Invalid> {
        match self.encoding {
            Encoding::Dense => {
                dense::each(self.registers(), |index, value| registers[index] = registers[index].max(value));
                Ok(())
            }
            Encoding::Sparse => {
                let mut at = 0;
                sparse::each(self.registers(), |run| {
                    if run.value > 0 {
                        registers[at..at + run.len].iter_mut().for_each(|old| *old = run.value.max(*old));
                    }
                    at += run.len;
                })
            }
        }
    }

    /// The runs of a sparse sketch, as far as they can be read; none if it is dense.
    pub fn runs(self) -> impl Iterator<Item = Run> {
        let code = if self.encoding == Encoding::Sparse { self.registers() } else { &[] };
        sparse::runs(code).map_while(Result::ok)
    }

    fn registers(self) -> &'a [u8] {
        &self.bytes[HEADER_BYTES..]
    }
}

/// Estimates how many different elements the registers have seen.
#[must_use]
pub fn count(registers: &Registers) -> u64 {
    let mut histogram = estimate::Histogram::default();
    registers.iter().for_each(|value| histogram.add(*value, 1));
    histogram.estimate()
}

/// A HyperLogLog to change: its bytes, away from their key.
///
/// An operation that fails may leave the bytes half changed: they are then to be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SketchBuf {
    bytes: Vec<u8>,
    encoding: Encoding,
    /// The longest string that may be sparse: `hll-sparse-max-bytes`.
    sparse_bytes_max: usize,
}

impl SketchBuf {
    /// One that has seen nothing, sparse.
    #[must_use]
    pub fn new(sparse_bytes_max: usize) -> Self {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[..MAGIC.len()].copy_from_slice(MAGIC);
        bytes[ENCODING_AT] = 1;
        bytes.extend_from_slice(&sparse::EMPTY);
        Self { bytes, encoding: Encoding::Sparse, sparse_bytes_max }
    }

    /// A copy of a sketch.
    #[must_use]
    pub fn of(sketch: Sketch<'_>, sparse_bytes_max: usize) -> Self {
        Self { bytes: sketch.bytes.to_vec(), encoding: sketch.encoding, sparse_bytes_max }
    }

    /// The string.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Adds an element; says whether a register rose. It then has to be marked as out of date.
    ///
    /// # Errors
    /// [`Invalid::Code`].
    pub fn add(&mut self, element: &[u8]) -> Result<bool, Invalid> {
        let place = hash::place(element);
        self.raise(place.register, place.value, &mut sparse::Hint::default())
    }

    /// Raises registers to `least` where that is higher. Complexity: O(registers + length of the code), as long as the
    /// code has no runs of equal values above 0.
    ///
    /// # Errors
    /// [`Invalid::Code`].
    pub fn raise_all(&mut self, least: &Registers) -> Result<(), Invalid> {
        let mut hint = sparse::Hint::default();
        for (register, value) in least.iter().enumerate().filter(|(_, value)| **value > 0) {
            self.raise(register, *value, &mut hint)?;
        }
        Ok(())
    }

    fn raise(&mut self, register: usize, value: u8, hint: &mut sparse::Hint) -> Result<bool, Invalid> {
        if self.encoding == Encoding::Sparse {
            let code_bytes_max = self.sparse_bytes_max.saturating_sub(HEADER_BYTES);
            match sparse::raise(&mut self.bytes, HEADER_BYTES, code_bytes_max, register, value, hint)? {
                sparse::Raised::No => return Ok(false),
                sparse::Raised::Yes => return Ok(true),
                sparse::Raised::TooLong => self.make_dense()?,
            }
        }
        Ok(dense::raise(&mut self.bytes[HEADER_BYTES..], register, value))
    }

    /// Stores registers in the dense form, which it must have.
    ///
    /// # Panics
    /// If it is sparse.
    pub fn store_all(&mut self, registers: &Registers) {
        assert!(self.encoding == Encoding::Dense, "the registers of a sparse sketch are raised");
        dense::store(&mut self.bytes[HEADER_BYTES..], registers);
    }

    /// Turns it into the dense form, if it is not.
    ///
    /// # Errors
    /// [`Invalid::Code`].
    pub fn make_dense(&mut self) -> Result<(), Invalid> {
        if self.encoding == Encoding::Dense {
            return Ok(());
        }
        let mut registers = [0; REGISTERS];
        Sketch { bytes: &self.bytes, encoding: self.encoding }.merge_into(&mut registers)?;
        self.bytes.truncate(HEADER_BYTES);
        self.bytes.resize(DENSE_BYTES, 0);
        self.bytes[ENCODING_AT] = 0;
        self.encoding = Encoding::Dense;
        self.store_all(&registers);
        Ok(())
    }

    /// Marks the stored estimate as out of date.
    pub fn mark_stale(&mut self) {
        mark_stale(&mut self.bytes);
    }
}

/// Marks the stored estimate of a sketch as out of date.
fn mark_stale(sketch: &mut [u8]) {
    sketch[STALE_AT] |= STALE_BIT;
}

/// Adds elements to a dense sketch where it lies; returns how many registers rose.
///
/// # Panics
/// If it is not dense.
pub fn add_to_dense(sketch: &mut [u8], elements: &[&[u8]]) -> u64 {
    assert!(sketch.len() == DENSE_BYTES && sketch[ENCODING_AT] == 0, "the caller has looked");
    let mut count = 0;
    for element in elements {
        let place = hash::place(element);
        count += u64::from(dense::raise(&mut sketch[HEADER_BYTES..], place.register, place.value));
    }
    if count > 0 {
        mark_stale(sketch);
    }
    count
}

/// Stores an estimate in a sketch.
///
/// # Panics
/// If `sketch` has no header.
pub fn cache_count(sketch: &mut [u8], count: u64) {
    sketch[CACHE_AT..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
}

#[cfg(test)]
mod tests;
