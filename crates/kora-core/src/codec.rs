//! The parts that RDB files and payloads are made of: numbers, strings, checksums, and the packed collections of all versions. What a
//! value or a file consists of is known above: to its data type, and to [`crate::rdb`].
//!
//! Whatever the bytes are, reading neither panics nor allocates by what they claim.

mod checked;
mod format;
mod lzf;
mod module;
mod read;
mod write;
mod ziplist;
mod zipmap;

pub(crate) use checked::{are_distinct, listpack_bytes};
pub use format::{VERSION, VERSION_WITH_FIELD_DEADLINES};
pub(crate) use format::{node, opcode, value_code};
pub use kora_format::crc64::Crc64;
pub use module::{ModuleData, ModuleName, ModulePart, ModuleReader, ModuleWriter};
pub(crate) use module::{module_id, name_and_version, skip_module};
pub use read::Reader;
pub(crate) use write::{put_count, put_integer};
pub use write::{put_length, put_text};
pub(crate) use ziplist::Ziplist;
pub(crate) use zipmap::Zipmap;

/// Why bytes could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RdbError {
    /// They end early: at least so many more are needed.
    #[error("at least {0} more bytes are needed")]
    Incomplete(usize),
    /// They are not what they should be.
    #[error("{0}")]
    Corrupt(&'static str),
    /// A collection without elements, which no key may hold. In a file it is passed over.
    #[error("a collection without elements")]
    Empty,
    /// A value that a module wrote.
    #[error("a value of a module")]
    Module,
    /// A value of an extension type that this program does not have.
    #[error("a value of the type '{0}', which this program does not have")]
    UnknownType(TypeName),
    /// A value of an extension type in a form that only later programs can read.
    #[error("a value of the type '{0}' as a later version writes it")]
    LaterType(TypeName),
}

/// The result of reading.
pub type RdbResult<T> = Result<T, RdbError>;

/// The name of a type as it stands in a file, printable and cut off where it is too long to be one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TypeName {
    bytes: [u8; Self::BYTES_MAX],
    len: u8,
}

impl TypeName {
    /// The longest name that a type may have.
    pub const BYTES_MAX: usize = 31;

    /// The name that these bytes tell.
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        let mut bytes = [0; Self::BYTES_MAX];
        let mut len = 0;
        for (to, from) in bytes.iter_mut().zip(name) {
            *to = if from.is_ascii_graphic() { *from } else { b'?' };
            len += 1;
        }
        Self { bytes, len }
    }
}

impl std::fmt::Display for TypeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        name.iter().try_for_each(|&byte| std::fmt::Write::write_char(f, byte.into()))
    }
}

impl std::fmt::Debug for TypeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// How values are written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether strings are compressed.
    pub compress: bool,
}

/// Frees the memory that compression keeps in this thread: to be called when a snapshot ends. `freed` is called, if there was some,
/// before [`compression_bytes`] leaves it out.
pub fn release_compression(freed: impl FnOnce()) {
    lzf::release_table(freed);
}

/// Bytes that compression keeps, in all threads.
#[must_use]
pub fn compression_bytes() -> usize {
    lzf::tables_bytes()
}
