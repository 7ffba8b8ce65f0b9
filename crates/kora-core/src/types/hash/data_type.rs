//! Hashes as a data type.

use super::{HashRef, rdb};
use crate::codec::value_code;
use crate::digest::{Detail, Digest};
use crate::entry::data_type::{CodedForm, DataType, Lapse, RdbForm};
use crate::entry::{Entry, Kind};
use crate::journal::EventClass;

/// Hashes.
pub(crate) const DATA_TYPE: DataType = DataType {
    kind: Kind::Hash,
    name: "hash",
    sizes_name: Some("hashes_items"),
    digest_number: 4,
    digest,
    rdb: RdbForm::Coded(CodedForm {
        codes: &[
            value_code::HASH,
            value_code::HASH_ZIPMAP,
            value_code::HASH_ZIPLIST,
            value_code::HASH_LISTPACK,
            value_code::HASH_METADATA_EARLY,
            value_code::HASH_METADATA,
            value_code::HASH_LISTPACK_EX_EARLY,
            value_code::HASH_LISTPACK_EX,
        ],
        code_of: rdb::code_of,
        write: rdb::write,
        skip: rdb::skip,
        read: rdb::read,
    }),
    debug: |_| String::new(),
    lapse: Some(Lapse { command: "HDEL", class: EventClass::HASH, event: "hexpired" }),
};

fn digest(entry: &Entry, detail: Detail, digest: &mut Digest) {
    let Some(hash) = HashRef::of(entry) else { return };
    hash.for_each(|field| {
        let mut own = Digest::default();
        field.name.with(|name| own.mix(name));
        field.value.with(|value| own.mix(value));
        if let Some(at) = field.deadline {
            own.add(b"!!hexpire!!");
            if detail != Detail::AsRedis {
                own.mix(&at.0.to_be_bytes());
            }
        }
        digest.add(&own.0);
    });
}
