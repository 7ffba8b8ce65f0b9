//! Streams as a data type.

use super::{Group, Stream, StreamId, rdb};
use crate::codec::value_code;
use crate::digest::{Detail, Digest};
use crate::entry::data_type::{CodedForm, DataType, RdbForm};
use crate::entry::{Entry, Kind};

/// Streams.
pub(crate) const DATA_TYPE: DataType = DataType {
    kind: Kind::Stream,
    name: "stream",
    sizes_name: None,
    digest_number: 6,
    digest,
    rdb: RdbForm::Coded(CodedForm {
        codes: &[
            value_code::STREAM_LISTPACKS,
            value_code::STREAM_LISTPACKS_2,
            value_code::STREAM_LISTPACKS_3,
        ],
        code_of: |_| value_code::STREAM_LISTPACKS_3,
        write: rdb::write,
        skip: rdb::skip,
        read: rdb::read,
    }),
    debug: |_| String::new(),
    lapse: None,
};

fn digest(entry: &Entry, detail: Detail, digest: &mut Digest) {
    let Some(stream) = Stream::of(entry) else { return };
    for entry in stream.log().range(StreamId::MIN, StreamId::MAX) {
        digest.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
        for (field, value) in entry.pairs() {
            field.with(|field| digest.mix(field));
            value.with(|value| digest.mix(value));
        }
    }
    if detail != Detail::AsRedis {
        let log = stream.log();
        digest.mix(&log.last_id().to_bytes());
        digest.mix(&log.max_deleted_id().to_bytes());
        digest.mix(&log.entries_added().to_be_bytes());
        stream.groups().for_each(|(name, group)| mix_group(name, group, detail, digest));
    }
}

fn mix_group(name: &[u8], group: &Group, detail: Detail, digest: &mut Digest) {
    digest.mix(name);
    digest.mix(&group.last_id.to_bytes());
    digest.mix(&group.entries_read.unwrap_or(u64::MAX).to_be_bytes());
    for consumer in group.consumers() {
        digest.mix(consumer.name());
        if detail == Detail::All {
            digest.mix(&consumer.seen.0.to_be_bytes());
            digest.mix(&consumer.active.map_or(-1, |at| at.0).to_be_bytes());
        }
        for id in consumer.pending() {
            let pending = &group.pending()[id];
            digest.mix(&id.to_bytes());
            digest.mix(&pending.delivered.0.to_be_bytes());
            digest.mix(&pending.delivery_count.to_be_bytes());
        }
    }
}
