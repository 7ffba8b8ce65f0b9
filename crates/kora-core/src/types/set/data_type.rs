//! Sets as a data type.

use super::{SetRef, rdb};
use crate::codec::value_code;
use crate::digest::{Detail, Digest};
use crate::entry::data_type::{CodedForm, DataType, RdbForm};
use crate::entry::{Entry, Kind};

/// Sets.
pub(crate) const DATA_TYPE: DataType = DataType {
    kind: Kind::Set,
    name: "set",
    sizes_name: Some("sets_items"),
    digest_number: 2,
    digest,
    rdb: RdbForm::Coded(CodedForm {
        codes: &[value_code::SET, value_code::SET_INTSET, value_code::SET_LISTPACK],
        code_of: rdb::code_of,
        write: rdb::write,
        skip: |reader, code| match code {
            value_code::SET => reader.skip_each(crate::codec::Reader::skip_text),
            _ => reader.skip_text(),
        },
        read: rdb::read,
    }),
    debug: |_| String::new(),
    lapse: None,
};

fn digest(entry: &Entry, _: Detail, digest: &mut Digest) {
    if let Some(set) = SetRef::of(entry) {
        set.for_each(|member| member.with(|text| digest.add(text)));
    }
}
