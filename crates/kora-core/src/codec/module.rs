//! Values of modules of Redis: a number that holds the type's name and version, then parts that each say what they are.
//!
//! ```text
//! code 7 | id, a number | (code of a part | the part) ... | 0
//! ```
//!
//! The upper 54 bits of the id are nine characters of six bits each, the lower 10 are the version. Source: Redis documentation, "Native types
//! for Redis modules".

use std::borrow::Cow;

use super::format::module;
use super::{RdbError, RdbResult, Reader, TypeName, put_length, put_text};

/// Characters of a module type's name.
const NAME_CHARS: usize = 9;
/// Bits of the version.
const VERSION_BITS: u32 = 10;
/// The characters of names, by their six bits.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The name by which a module registers a data type.
pub type ModuleName = [u8; NAME_CHARS];

/// The id of a type and a version.
///
/// # Panics
/// If the name has other characters than a module's may have, or the version does not fit.
pub(crate) fn module_id(name: &ModuleName, version: u16) -> u64 {
    assert!(version < 1 << VERSION_BITS, "a version has ten bits");
    let name = name.iter().fold(0, |id: u64, char| {
        let place = ALPHABET.iter().position(|known| known == char).expect("a character of module names");
        id << 6 | place as u64
    });
    name << VERSION_BITS | u64::from(version)
}

/// The name and the version that an id tells.
pub(crate) fn name_and_version(id: u64) -> (ModuleName, u16) {
    let mut bits = id >> VERSION_BITS;
    let mut name = [0; NAME_CHARS];
    for char in name.iter_mut().rev() {
        *char = ALPHABET[usize::from(bits.to_le_bytes()[0] & 0x3F)];
        bits >>= 6;
    }
    let version = u16::try_from(id & ((1 << VERSION_BITS) - 1)).expect("ten bits fit");
    (name, version)
}

/// Writes the parts of a module's value.
#[derive(Debug)]
pub struct ModuleWriter<'a> {
    out: &'a mut Vec<u8>,
    compress: bool,
}

impl<'a> ModuleWriter<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>, compress: bool) -> Self {
        Self { out, compress }
    }

    /// Adds a string.
    pub fn text(&mut self, text: &[u8]) {
        put_length(self.out, module::TEXT);
        put_text(self.out, text, self.compress);
    }

    /// Adds a number.
    pub fn unsigned(&mut self, number: u64) {
        put_length(self.out, module::UNSIGNED);
        put_length(self.out, number);
    }

    /// Adds a double.
    pub fn double(&mut self, number: f64) {
        put_length(self.out, module::DOUBLE);
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn end(self) {
        put_length(self.out, module::EOF);
    }
}

/// Reads the parts of a module's value.
#[derive(Debug)]
pub struct ModuleReader<'r, 'a> {
    reader: &'r mut Reader<'a>,
}

impl<'r, 'a> ModuleReader<'r, 'a> {
    pub(crate) fn new(reader: &'r mut Reader<'a>) -> Self {
        Self { reader }
    }

    fn expect(&mut self, part: u64) -> RdbResult<()> {
        let found = self.reader.number()?;
        if found == part {
            Ok(())
        } else {
            Err(RdbError::Corrupt("a module's value with another part than it should have"))
        }
    }

    /// The string that follows.
    ///
    /// # Errors
    /// If the bytes end early, or something else follows.
    pub fn text(&mut self) -> RdbResult<Cow<'a, [u8]>> {
        self.expect(module::TEXT)?;
        self.reader.text()
    }

    /// The number that follows.
    ///
    /// # Errors
    /// If the bytes end early, or something else follows.
    pub fn unsigned(&mut self) -> RdbResult<u64> {
        self.expect(module::UNSIGNED)?;
        self.reader.number()
    }

    /// The double that follows.
    ///
    /// # Errors
    /// If the bytes end early, or something else follows.
    pub fn double(&mut self) -> RdbResult<f64> {
        self.expect(module::DOUBLE)?;
        self.reader.f64_le()
    }

    /// Makes sure that nothing is left.
    pub(crate) fn end(mut self) -> RdbResult<()> {
        self.expect(module::EOF)
    }

    /// The error of a version that this program does not read.
    #[must_use]
    pub fn later(name: &ModuleName) -> RdbError {
        RdbError::LaterType(TypeName::new(name))
    }
}

/// Passes over a module's value, its id included.
pub(crate) fn skip_module(reader: &mut Reader<'_>) -> RdbResult<()> {
    reader.number()?;
    skip_module_parts(reader)
}

/// The data that a module stores beside keys (AUX).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleData<'a> {
    /// The name of the type under which it is stored.
    pub name: ModuleName,
    /// The version of its form.
    pub version: u16,
    parts: &'a [u8],
}

/// A part of what a module stores.
#[derive(Clone, Debug, PartialEq)]
pub enum ModulePart<'a> {
    /// A whole number; one below zero has its two's complement.
    Number(u64),
    /// A float.
    Float(f32),
    /// A double.
    Double(f64),
    /// A string.
    Text(Cow<'a, [u8]>),
}

impl<'a> ModuleData<'a> {
    /// Finds where it ends.
    ///
    /// # Errors
    /// If the bytes end early or are not that.
    pub(crate) fn read(reader: &mut Reader<'a>, bytes: &'a [u8]) -> RdbResult<Self> {
        let (name, version) = name_and_version(reader.number()?);
        if reader.number()? != module::UNSIGNED {
            return Err(RdbError::Corrupt("a module's data that does not say when to load it"));
        }
        reader.number()?;
        let start = reader.at();
        skip_module_parts(reader)?;
        let parts = bytes.get(start..reader.at()).ok_or(RdbError::Corrupt("a module's data"))?;
        Ok(Self { name, version, parts })
    }

    /// Its parts. Complexity: O(length).
    ///
    /// # Errors
    /// If they are corrupt.
    pub fn parts(&self) -> RdbResult<Vec<ModulePart<'a>>> {
        let mut reader = Reader::new(self.parts);
        let mut parts = Vec::new();
        loop {
            parts.push(match reader.number()? {
                module::EOF => return Ok(parts),
                module::SIGNED | module::UNSIGNED => ModulePart::Number(reader.number()?),
                module::FLOAT => {
                    let bytes = reader.take(4)?.try_into().map_err(|_| RdbError::Corrupt("a float"))?;
                    ModulePart::Float(f32::from_le_bytes(bytes))
                }
                module::DOUBLE => ModulePart::Double(reader.f64_le()?),
                module::TEXT => ModulePart::Text(reader.text()?),
                _ => return Err(RdbError::Corrupt("a module's value of an unknown form")),
            });
        }
    }
}

fn skip_module_parts(reader: &mut Reader<'_>) -> RdbResult<()> {
    loop {
        match reader.number()? {
            module::EOF => return Ok(()),
            module::SIGNED | module::UNSIGNED => reader.number().map(drop)?,
            module::FLOAT => reader.take(4).map(drop)?,
            module::DOUBLE => reader.take(8).map(drop)?,
            module::TEXT => reader.skip_text()?,
            _ => return Err(RdbError::Corrupt("a module's value of an unknown form")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{module_id, name_and_version};

    #[test]
    fn an_id_tells_name_and_version() {
        // As a dump of Redis 8.0 with RedisJSON 2.8 has it.
        assert_eq!(module_id(b"ReJSON-RL", 3), 0x45E2_5238_DF91_2C03);
        assert_eq!(name_and_version(0x45E2_5238_DF91_2C03), (*b"ReJSON-RL", 3));
    }
}
