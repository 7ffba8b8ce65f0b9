//! What there is to know of a data type, in one place: the one description that RDB files, DUMP, digests, TYPE, INFO, DEBUG, the
//! sweep and the snapshots ask, so that none of them knows the types.
//!
//! The built-in types have theirs next to their values (`types/*/data_type.rs`). An extension type has its own anywhere: whoever assembles
//! an engine hands it over ([`Extensions`]). Its values are [`Object`]s, which tell what differs from value to value: encoding, size,
//! memory, copies, freeing in slices, deadlines inside.

use std::borrow::Cow;
use std::fmt::Debug;

use super::object::Object;
use super::{Entry, Kind};
use crate::codec::{ModuleName, ModuleReader, ModuleWriter, RdbError, RdbResult, Reader, Style};
use crate::config::CoreConfig;
use crate::digest::{Detail, Digest};
use crate::journal::EventClass;
use crate::time::UnixMs;

/// A data type.
#[derive(Debug)]
pub struct DataType {
    /// What entries call it.
    pub kind: Kind,
    /// The name that TYPE answers; that of an extension stands in files.
    pub name: &'static str,
    /// What INFO's section Keysizes calls it; `None`: it is not shown there.
    pub sizes_name: Option<&'static str>,
    /// What the digest of a value begins with.
    pub digest_number: u32,
    /// Takes the content of a value into its digest.
    pub digest: fn(&Entry, Detail, &mut Digest),
    /// How values stand in files and payloads.
    pub rdb: RdbForm,
    /// What DEBUG OBJECT tells beyond what it tells of all, with a space before each field.
    pub debug: fn(&Entry) -> String,
    /// What becomes known when parts of a value expire; `None` if they never do.
    pub lapse: Option<Lapse>,
}

/// What becomes known when parts of a value expire, such as fields of a hash.
#[derive(Clone, Copy, Debug)]
pub struct Lapse {
    /// The command whose call with the key and the parts' names deletes them: their effect.
    pub command: &'static str,
    /// The class of the event.
    pub class: EventClass,
    /// The name of the event.
    pub event: &'static str,
}

/// How values of a type stand in files and payloads.
#[derive(Clone, Copy, Debug)]
pub enum RdbForm {
    /// In forms that Redis has codes for.
    Coded(CodedForm),
    /// Under the type's name, in chunks: what docs/adr/0034 lays down.
    Named(NamedForm),
    /// As a module of Redis would write it: what docs/adr/0040 lays down.
    Module(ModuleForm),
}

/// Forms of values that Redis has codes for.
#[derive(Clone, Copy, Debug)]
pub struct CodedForm {
    /// The codes that are read.
    pub codes: &'static [u8],
    /// The code under which a value is written.
    pub code_of: fn(&Entry) -> u8,
    /// Writes a value that is small, or the beginning of a large one and returns what writes the rest.
    pub write: fn(&Entry, Style, &mut Vec<u8>) -> Rest,
    /// Passes over a value. Complexity: O(parts), however long their strings are.
    pub skip: fn(&mut Reader<'_>, u8) -> RdbResult<()>,
    /// Makes an entry of a value, whatever its bytes are.
    pub read: fn(u8, &mut Reader<'_>, Head<'_>, &Loader<'_>) -> RdbResult<Entry>,
}

/// The form of an extension type's values.
#[derive(Clone, Copy, Debug)]
pub struct NamedForm {
    /// The version that is written; earlier ones are read too.
    pub version: u64,
    /// Adds the next chunk of a value to the bytes, some KiB at most if that can be. The number is the type's own note of where it stands:
    /// 0 at first. Returns whether there are more chunks. An empty chunk is left out.
    pub write_chunk: fn(&dyn Object, &mut u64, &mut Vec<u8>) -> bool,
    /// Makes a value of the chunks that this version wrote, whatever they are.
    pub read: fn(u64, &mut Chunks<'_, '_>, &Loader<'_>) -> RdbResult<Box<dyn Object>>,
}

/// The form of values that a module of Redis reads and writes too.
#[derive(Clone, Copy, Debug)]
pub struct ModuleForm {
    /// The name by which the module registers its type.
    pub name: &'static ModuleName,
    /// The version that is written, below 1024; `read` decides which others it takes.
    pub version: u16,
    /// Adds the next parts of a value, some KiB at most if that can be. The number is the type's own note of where it stands: 0 at first.
    /// Returns whether there are more.
    pub write_some: fn(&dyn Object, &mut u64, &mut ModuleWriter<'_>) -> bool,
    /// Makes a value of the parts that this version wrote, whatever they are.
    pub read: fn(u16, &mut ModuleReader<'_, '_>, &Loader<'_>) -> RdbResult<Box<dyn Object>>,
}

/// What writes the rest of a large value, piece by piece. Between two pieces the value must not change.
pub trait WritePieces: Send + Debug {
    /// Writes the next piece: a node, a block or a few records. Returns whether there are more.
    fn write_piece(&mut self, entry: &Entry, style: Style, out: &mut Vec<u8>) -> bool;
}

/// Writes a value that is written from a number on, which says where the next piece begins: a position, a rank, a cursor.
#[derive(Debug)]
pub(crate) struct NumberedPieces {
    next: u64,
    write: WriteFrom,
}

/// Writes the piece that begins at a number, and returns where the next one begins; `None` if there is none.
pub(crate) type WriteFrom = fn(&Entry, u64, Style, &mut Vec<u8>) -> Option<u64>;

impl NumberedPieces {
    /// A writer that goes on with the piece of this number.
    pub(crate) fn from(next: u64, write: WriteFrom) -> Box<dyn WritePieces> {
        Box::new(Self { next, write })
    }
}

impl WritePieces for NumberedPieces {
    fn write_piece(&mut self, entry: &Entry, style: Style, out: &mut Vec<u8>) -> bool {
        match (self.write)(entry, self.next, style, out) {
            Some(next) => self.next = next,
            None => return false,
        }
        true
    }
}

/// What writes the rest of a value, if there is more of it.
pub type Rest = Option<Box<dyn WritePieces>>;

/// A key and its deadline.
pub type Head<'a> = (&'a [u8], Option<UnixMs>);

/// What values are built with.
#[derive(Clone, Copy, Debug)]
pub struct Loader<'a> {
    /// The settings.
    pub config: &'a CoreConfig,
    /// A secret number, another one for each value: see [`Keyspace::table_seed`](crate::store::Keyspace::table_seed).
    pub seed: u64,
    /// The types that are not built in.
    pub extensions: Extensions,
}

/// The chunks of an extension type's value, in the order in which they were written.
#[derive(Debug)]
pub struct Chunks<'r, 'a> {
    reader: &'r mut Reader<'a>,
    is_at_end: bool,
}

impl<'r, 'a> Chunks<'r, 'a> {
    pub(crate) fn new(reader: &'r mut Reader<'a>) -> Self {
        Self { reader, is_at_end: false }
    }

    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// If the bytes end early or are not what they should be.
    pub fn next_chunk(&mut self) -> RdbResult<Option<Cow<'a, [u8]>>> {
        if self.is_at_end {
            return Ok(None);
        }
        let chunk = self.reader.text()?;
        self.is_at_end = chunk.is_empty();
        Ok((!self.is_at_end).then_some(chunk))
    }

    /// Passes over all chunks.
    pub(crate) fn skip_all(&mut self) -> RdbResult<()> {
        while self.next_chunk()?.is_some() {}
        Ok(())
    }

    /// Makes sure that nothing is left.
    pub(crate) fn finish(&mut self) -> RdbResult<()> {
        match self.next_chunk()? {
            None => Ok(()),
            Some(_) => Err(RdbError::Corrupt("a value that goes on behind its end")),
        }
    }
}

/// The types of an engine that are not built in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extensions(&'static [&'static DataType]);

impl Extensions {
    /// These types.
    ///
    /// # Panics
    /// If two have one name or one kind, if one is not an extension, or if a name is too long for a file.
    #[must_use]
    pub fn new(types: &'static [&'static DataType]) -> Self {
        for (at, one) in types.iter().enumerate() {
            let is_extension =
                matches!((one.kind, one.rdb), (Kind::Extension(_), RdbForm::Named(_) | RdbForm::Module(_)));
            assert!(is_extension, "{} must have a kind and a form of extensions", one.name);
            assert!(
                (1..=crate::codec::TypeName::BYTES_MAX).contains(&one.name.len()),
                "{} is no name",
                one.name
            );
            let is_like = |other: &&&DataType| other.kind == one.kind || other.name == one.name;
            assert!(!types[..at].iter().any(|other| is_like(&other)), "{} is there twice", one.name);
        }
        Self(types)
    }

    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = &'static DataType> {
        self.0.iter().copied()
    }

    /// The one whose values stand in files under this name.
    #[must_use]
    pub fn named(self, name: &[u8]) -> Option<&'static DataType> {
        let is_named = |data_type: &&DataType| {
            matches!(data_type.rdb, RdbForm::Named(_)) && data_type.name.as_bytes() == name
        };
        self.iter().find(is_named)
    }

    /// The form of the one that a module of Redis registers under this name.
    pub(crate) fn of_module(self, name: &ModuleName) -> Option<ModuleForm> {
        self.iter().find_map(|data_type| match data_type.rdb {
            RdbForm::Module(form) if form.name == name => Some(form),
            _ => None,
        })
    }
}
