//! The data structures behind the data types: how lists, hashes, sets, sorted sets and streams lie in memory, and the
//! strings that mean more than their bytes. What their commands mean is in [`crate::command`].
//!
//! A small collection is one run of bytes ([`packed`](crate::packed)), stored in the keyspace
//! entry itself; a large one is an [`Object`](crate::entry::object::Object).
//!
//! Each type has its description in its folder, `data_type.rs`; [`BUILT_IN`] lists them. [`type_of`] tells that of a value, built in or
//! not.

pub mod bitmap;
pub mod geohash;
pub mod hash;
pub mod hyperloglog;
pub mod list;
pub mod packed_table;
pub mod set;
pub mod stream;
pub(crate) mod string;
pub mod zset;

use crate::digest::{Detail, Digest};
use crate::entry::data_type::{DataType, Extensions, RdbForm};
use crate::entry::{Entry, Kind, Packing};
use crate::time::UnixMs;

/// Records of one piece of a large collection in a file.
const PIECE_RECORDS: usize = 16;

/// The types that are built in, each at the place of its kind's number.
pub const BUILT_IN: [&DataType; 6] = [
    &string::DATA_TYPE,
    &list::DATA_TYPE,
    &set::DATA_TYPE,
    &zset::DATA_TYPE,
    &hash::DATA_TYPE,
    &stream::DATA_TYPE,
];

/// Codes of values are below this.
const CODES: usize = 32;

/// The built-in type that has a code, by code.
static BY_CODE: [Option<&DataType>; CODES] = {
    let mut types = [None; CODES];
    let mut at = 0;
    while at < BUILT_IN.len() {
        assert!(BUILT_IN[at].kind.index() == at, "each type stands at the place of its kind");
        if let RdbForm::Coded(form) = &BUILT_IN[at].rdb {
            let mut next = 0;
            while next < form.codes.len() {
                types[form.codes[next] as usize] = Some(BUILT_IN[at]);
                next += 1;
            }
        }
        at += 1;
    }
    types
};

/// The built-in type whose values are laid down under this code.
pub(crate) fn coded(code: u8) -> Option<&'static DataType> {
    BY_CODE.get(usize::from(code)).copied().flatten()
}

/// The data type of a value.
///
/// # Panics
/// If the entry holds nothing: it was taken out.
#[must_use]
pub fn type_of(entry: &Entry) -> &'static DataType {
    match entry.kind() {
        Kind::Extension(_) => entry.as_object().expect("only objects are extensions").data_type(),
        kind => BUILT_IN[kind.index()],
    }
}

impl Extensions {
    /// The kinds that INFO's section Keysizes shows, the built-in ones first, by its names.
    pub fn sized(self) -> impl Iterator<Item = (Kind, &'static str)> {
        let all = BUILT_IN.into_iter().chain(self.iter());
        all.filter_map(|data_type| Some((data_type.kind, data_type.sizes_name?)))
    }
}

/// The next deadline of a part of the value, if it has parts with deadlines.
#[inline]
pub(crate) fn next_deadline(entry: &Entry) -> Option<UnixMs> {
    match entry.kind() {
        Kind::Hash => hash::next_deadline(entry),
        Kind::Extension(_) => entry.as_object()?.next_deadline(),
        _ => None,
    }
}

/// Whether a small value is packed with room for deadlines of its parts.
#[inline]
pub(crate) fn has_room_for_deadlines(entry: &Entry) -> bool {
    matches!(entry.packed(), Some((Packing::ListPackEx, _)))
}

impl Digest {
    /// The digest of a value: its type, its content and its deadline.
    #[must_use]
    pub fn of_value(entry: &Entry, detail: Detail) -> Self {
        let mut digest = Self::default();
        digest.add_value(entry, detail);
        digest
    }

    pub(crate) fn add_value(&mut self, entry: &Entry, detail: Detail) {
        let data_type = type_of(entry);
        self.mix(&data_type.digest_number.to_be_bytes());
        (data_type.digest)(entry, detail, self);
        if let Some(at) = entry.expiry() {
            self.add(b"!!expire!!");
            if detail != Detail::AsRedis {
                self.mix(&at.0.to_be_bytes());
            }
        }
    }
}
