//! Lists as a data type.

use super::{Figures, ListRef, quicklist_figures, rdb};
use crate::codec::value_code;
use crate::digest::{Detail, Digest};
use crate::entry::data_type::{CodedForm, DataType, RdbForm};
use crate::entry::{Entry, Kind};

/// Lists.
pub(crate) const DATA_TYPE: DataType = DataType {
    kind: Kind::List,
    name: "list",
    sizes_name: Some("lists_items"),
    digest_number: 1,
    digest,
    rdb: RdbForm::Coded(CodedForm {
        codes: &[
            value_code::LIST,
            value_code::LIST_ZIPLIST,
            value_code::LIST_QUICKLIST,
            value_code::LIST_QUICKLIST_2,
        ],
        code_of: |_| value_code::LIST_QUICKLIST_2,
        write: rdb::write,
        skip: rdb::skip,
        read: rdb::read,
    }),
    debug: |entry| quicklist_figures(entry).map_or_else(String::new, describe),
    lapse: None,
};

fn digest(entry: &Entry, _: Detail, digest: &mut Digest) {
    if let Some(list) = ListRef::of(entry) {
        list.each(0..list.len(), |element| element.with(|text| digest.mix(text)));
    }
}

#[expect(clippy::cast_precision_loss, reason = "an average for people to read")]
fn describe(figures: Figures) -> String {
    let Figures { nodes, elements, bytes, fill } = figures;
    let average = elements as f64 / nodes as f64;
    format!(
        " ql_nodes:{nodes} ql_avg_node:{average:.2} ql_listpack_max:{fill} ql_compressed:0 \
         ql_uncompressed_size:{bytes}"
    )
}
