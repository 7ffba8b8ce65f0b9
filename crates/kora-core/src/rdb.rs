//! Redis's RDB format as functions of bytes: what snapshots, DUMP and FUNCTION DUMP write and read. No I/O.
//!
//! A file is a frame ([`file`]) around keys; a key's value is a type byte and what that type lays down. Writing goes over
//! entries as they lie in memory, in slices where they are large ([`ValueWriter`]). Reading has two levels:
//! [`file::next_piece`] finds where the next piece ends and which key it has, and builds nothing; [`build`] makes
//! an entry of one value. How a value is laid down is known to its [data type](crate::entry::data_type). So one thread can cut a file up, and others build what it holds.
//!
//! Whatever the bytes are, reading neither panics nor allocates by what they claim: memory grows with what has arrived.
//! Bytes that are kept as they are were checked to the last element.
//!
//! Versions: 1 to 12 are read. What is written is version 11, which Redis 7.2 reads, but for hashes whose fields have
//! deadlines: they need version 12.
//!
//! Complexity: reading and writing are O(bytes), and O(n log n) where members are put in order.

pub mod dump;
mod extension;
pub mod file;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use crate::codec::{
    Crc64, ModuleData, ModulePart, RdbError, RdbResult, Style, VERSION, VERSION_WITH_FIELD_DEADLINES,
    put_length, put_text,
};
pub use crate::entry::data_type::{Extensions, Loader};
pub use read::build;
pub use write::{ValueWriter, write_entry, write_entry_head, write_value};
