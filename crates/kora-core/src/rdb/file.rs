//! The frame of a file: header, what is told of the whole, databases, the end.
//!
//! ```text
//! REDIS0011 | aux ... | function ... | select db | resize db | key ... | select db ... | end | checksum, 8 bytes
//! ```

use std::borrow::Cow;

use super::read::{build, skip_value};
use crate::codec::{
    Crc64, ModuleData, RdbError, RdbResult, Reader, VERSION_WITH_FIELD_DEADLINES, opcode, put_length,
    put_text, value_code,
};
use crate::entry::Entry;
use crate::entry::data_type::Loader;
use crate::time::UnixMs;

const MAGIC: &[u8] = b"REDIS";
/// Bytes of the header: the magic word and four digits.
pub const HEADER_BYTES: usize = MAGIC.len() + 4;
/// The first version whose files end in a checksum.
const CHECKSUM_SINCE: u16 = 5;

/// Adds the header.
pub fn write_header(version: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(format!("{version:04}").as_bytes());
}

/// Adds something that is told of the file as a whole.
pub fn write_aux(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.push(opcode::AUX);
    put_text(out, name, false);
    put_text(out, value, false);
}

/// Adds the text of a library of functions.
pub fn write_function(code: &[u8], compress: bool, out: &mut Vec<u8>) {
    out.push(opcode::FUNCTION);
    put_text(out, code, compress);
}

/// Says that the keys of a database follow.
pub fn write_select_db(db: u16, out: &mut Vec<u8>) {
    out.push(opcode::SELECT_DB);
    put_length(out, db.into());
}

/// Tells how many keys the database has, and how many of them have a deadline: a hint.
pub fn write_resize_db(keys: u64, expires: u64, out: &mut Vec<u8>) {
    out.push(opcode::RESIZE_DB);
    put_length(out, keys);
    put_length(out, expires);
}

/// Adds the end, but for the checksum of all that stands before it, this byte included.
pub fn write_end(out: &mut Vec<u8>) {
    out.push(opcode::EOF);
}

/// Adds the checksum.
pub fn write_checksum(checksum: &Crc64, out: &mut Vec<u8>) {
    out.extend_from_slice(&checksum.value().to_le_bytes());
}

/// Reads the header: the version of the file.
///
/// # Errors
/// If it is none, or that of a later version.
pub fn read_header(bytes: &[u8]) -> RdbResult<u16> {
    let (magic, digits) = Reader::new(bytes).take(HEADER_BYTES)?.split_at(MAGIC.len());
    let version = digits
        .iter()
        .try_fold(0, |version, digit| digit.is_ascii_digit().then(|| version * 10 + u16::from(digit - b'0')));
    match version {
        _ if magic != MAGIC => Err(RdbError::Corrupt("not a file of this format")),
        Some(version @ 1..=VERSION_WITH_FIELD_DEADLINES) => Ok(version),
        _ => Err(RdbError::Corrupt("a file of an unknown version")),
    }
}

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Something told of the file as a whole.
    Aux {
        /// What is told.
        name: Cow<'a, [u8]>,
        /// Its value.
        value: Cow<'a, [u8]>,
    },
    /// The keys that follow are of this database.
    SelectDb(u64),
    /// How much the database holds: a hint.
    ResizeDb {
        /// Keys.
        keys: u64,
        /// Those of them with a deadline.
        expires: u64,
    },
    /// The text of a library of functions.
    Function(Cow<'a, [u8]>),
    /// A key.
    Entry(RawEntry<'a>),
    /// What a module stored beside keys.
    ModuleAux(ModuleData<'a>),
    /// How much a slot holds: a hint, passed over.
    SlotInfo,
    /// The end, with the checksum of all before it; 0 if the writer made none.
    End {
        /// Absent in files of old versions.
        checksum: Option<u64>,
    },
}

/// A key of a file, its value not yet built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawEntry<'a> {
    /// The key.
    pub key: Cow<'a, [u8]>,
    /// When it expires.
    pub expiry: Option<UnixMs>,
    /// How long it was not used, if that was tracked.
    pub idle_seconds: Option<u64>,
    /// How much it was used, if that was tracked.
    pub frequency: Option<u8>,
    /// The type of its value.
    pub kind: u8,
    /// The value as it stands in the file.
    pub value: &'a [u8],
}

impl RawEntry<'_> {
    /// Whether the value is a module's: no entry can be made of it, unless the module's type is here as an extension.
    #[must_use]
    pub fn is_module(&self) -> bool {
        self.kind == value_code::MODULE_2
    }

    /// Makes an entry of it, with its use as far as it is told.
    ///
    /// # Errors
    /// If the value is empty, a module's, or corrupt.
    pub fn build(&self, loader: &Loader<'_>, now: UnixMs) -> RdbResult<Entry> {
        let (mut entry, len) = build(self.kind, self.value, (&self.key, self.expiry), loader)?;
        if len != self.value.len() {
            return Err(RdbError::Corrupt("a value that ends before it should"));
        }
        entry.restore_use(self.idle_seconds, self.frequency, loader.config, now);
        Ok(entry)
    }
}

/// Finds the next piece of a file of this version, and how many bytes it takes.
/// Complexity: O(parts of the piece), however long its strings are.
///
/// # Errors
/// `Incomplete` if it does not end within the bytes: then more may be put behind them. Other errors are for good.
pub fn next_piece(bytes: &[u8], version: u16) -> RdbResult<(Piece<'_>, usize)> {
    let mut reader = Reader::new(bytes);
    let piece = match reader.byte()? {
        opcode::AUX => Piece::Aux { name: reader.text()?, value: reader.text()? },
        opcode::SELECT_DB => Piece::SelectDb(reader.number()?),
        opcode::RESIZE_DB => Piece::ResizeDb { keys: reader.number()?, expires: reader.number()? },
        opcode::FUNCTION => Piece::Function(reader.text()?),
        opcode::FUNCTION_EARLY => return Err(RdbError::Corrupt("a function of a release candidate")),
        opcode::MODULE_AUX => Piece::ModuleAux(ModuleData::read(&mut reader, bytes)?),
        opcode::SLOT_INFO => {
            (0..3).try_for_each(|_| reader.number().map(drop))?;
            Piece::SlotInfo
        }
        opcode::EOF => {
            Piece::End { checksum: if version >= CHECKSUM_SINCE { Some(reader.u64_le()?) } else { None } }
        }
        first => Piece::Entry(read_entry(&mut reader, first)?),
    };
    Ok((piece, reader.at()))
}

fn read_entry<'a>(reader: &mut Reader<'a>, mut first: u8) -> RdbResult<RawEntry<'a>> {
    let (mut expiry, mut idle_seconds, mut frequency) = (None, None, None);
    loop {
        match first {
            opcode::EXPIRY_MS => expiry = Some(UnixMs(reader.i64_le()?)),
            opcode::EXPIRY_SECONDS => expiry = Some(UnixMs(i64::from(reader.i32_le()?) * 1000)),
            opcode::IDLE => idle_seconds = Some(reader.number()?),
            opcode::FREQUENCY => frequency = Some(reader.byte()?),
            _ => break,
        }
        first = reader.byte()?;
    }
    let key = reader.text()?;
    let start = reader.at();
    skip_value(reader, first)?;
    Ok(RawEntry { key, expiry, idle_seconds, frequency, kind: first, value: reader.since(start) })
}
