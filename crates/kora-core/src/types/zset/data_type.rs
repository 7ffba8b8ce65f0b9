//! Sorted sets as a data type.

use kora_format::double::encode_digits;

use super::{ZSetRef, rdb};
use crate::codec::value_code;
use crate::digest::{Detail, Digest};
use crate::entry::data_type::{CodedForm, DataType, RdbForm};
use crate::entry::{Entry, Kind};

/// Sorted sets.
pub(crate) const DATA_TYPE: DataType = DataType {
    kind: Kind::SortedSet,
    name: "zset",
    sizes_name: Some("zsets_items"),
    digest_number: 3,
    digest,
    rdb: RdbForm::Coded(CodedForm {
        codes: &[value_code::ZSET, value_code::ZSET_2, value_code::ZSET_ZIPLIST, value_code::ZSET_LISTPACK],
        code_of: |entry| {
            if entry.packed().is_some() { value_code::ZSET_LISTPACK } else { value_code::ZSET_2 }
        },
        write: rdb::write,
        skip: rdb::skip,
        read: rdb::read,
    }),
    debug: |_| String::new(),
    lapse: None,
};

fn digest(entry: &Entry, _: Detail, digest: &mut Digest) {
    let Some(set) = ZSetRef::of(entry) else { return };
    set.for_each(|member, score| {
        let mut own = Digest::default();
        own.mix(member);
        own.mix(&encode_digits(score));
        digest.add(&own.0);
    });
}
