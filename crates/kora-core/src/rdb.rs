//! Redis's RDB format as functions of bytes: what snapshots, DUMP and FUNCTION DUMP write and read. No I/O.
//!
//! A file is a frame ([`file`]) around keys; a key's value is a type byte and what that type lays down. Writing goes over
//! entries as they lie in memory, in slices where they are large ([`ValueWriter`]). Reading has two levels:
//! [`file::next_piece`] finds where the next piece ends and which key it has, and builds nothing; [`build`] makes
//! an entry of one value. So one thread can cut a file up, and others build what it holds.
//!
//! Whatever the bytes are, reading neither panics nor allocates by what they claim: memory grows with what has arrived.
//! Bytes that are kept as they are were checked to the last element.
//!
//! Versions: 1 to 12 are read. What is written is version 11, which Redis 7.2 reads, but for hashes whose fields have
//! deadlines: they need version 12.
//!
//! Complexity: reading and writing are O(bytes), and O(n log n) where members are put in order.

mod build;
mod crc;
pub mod dump;
pub mod file;
mod format;
mod lzf;
mod read;
mod skip;
#[cfg(test)]
mod tests;
mod value;
mod write;
mod ziplist;
mod zipmap;

pub use build::{Loader, build};
pub use crc::Crc64;
pub use format::{VERSION, VERSION_WITH_FIELD_DEADLINES};
pub use value::{
    Purpose, Style, ValueWriter, needs_field_deadlines, write_entry, write_entry_head, write_value,
};
pub use write::{put_length, put_text};

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
}

/// What reading returns.
pub type RdbResult<T> = Result<T, RdbError>;

/// Gives back the memory that compression keeps in this thread: to be called when a snapshot ends.
pub(crate) fn release_compression() {
    lzf::release_table();
}
