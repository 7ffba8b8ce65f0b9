//! Strings, as far as they are not their entries' business: how they stand in files and digests.

use crate::codec::{put_integer, put_text, value_code};
use crate::digest::{Detail, Digest};
use crate::entry::data_type::{CodedForm, DataType, RdbForm};
use crate::entry::{Entry, Kind, StringRef};

/// Strings.
pub(crate) const DATA_TYPE: DataType = DataType {
    kind: Kind::String,
    name: "string",
    sizes_name: Some("strings_sizes"),
    digest_number: 0,
    digest,
    rdb: RdbForm::Coded(CodedForm {
        codes: &[value_code::STRING],
        code_of: |_| value_code::STRING,
        write: |entry, style, out| {
            match entry.string() {
                Some(StringRef::Integer(value)) => put_integer(out, value),
                Some(StringRef::Bytes(bytes)) => put_text(out, bytes, style.compress),
                None => unreachable!("the kind says that it is a string"),
            }
            None
        },
        skip: |reader, _| reader.skip_text(),
        read: |_, reader, (key, expiry), _| Ok(Entry::new_string(key, &reader.text()?, expiry)),
    }),
    debug: |_| String::new(),
    lapse: None,
};

fn digest(entry: &Entry, _: Detail, digest: &mut Digest) {
    match entry.string() {
        Some(StringRef::Integer(value)) => digest.mix(itoa::Buffer::new().format(value).as_bytes()),
        Some(StringRef::Bytes(bytes)) => digest.mix(bytes),
        None => {}
    }
}
