//! The reply of FT.AGGREGATE, in both protocols.

use std::collections::VecDeque;

use kora_core::reply::Reply;

use super::super::search::{count, write_value};
use super::rows::Table;
use crate::service::Fields;

/// Writes all rows.
pub(in crate::handler) fn write_page(table: &Table, out: &mut dyn Reply) {
    write_rows(table.total, &table.rows, out);
}

/// Writes some rows.
pub(in crate::handler) fn write_rows(total: u64, rows: &VecDeque<Fields>, out: &mut dyn Reply) {
    if out.is_resp3() {
        out.map(5);
        write_map(total, rows, out);
    } else {
        out.array(1 + rows.len());
        out.integer(count(total));
        rows.iter().for_each(|row| write_row(row, out));
    }
}

/// The pairs of the reply in RESP3: five of them.
pub(in crate::handler) fn write_map(total: u64, rows: &VecDeque<Fields>, out: &mut dyn Reply) {
    out.simple("attributes");
    out.array(0);
    out.simple("total_results");
    out.integer(count(total));
    out.simple("format");
    out.simple("STRING");
    out.simple("results");
    out.array(rows.len());
    for row in rows {
        out.map(2);
        out.simple("extra_attributes");
        write_row(row, out);
        out.simple("values");
        out.array(0);
    }
    out.simple("warning");
    out.array(0);
}

fn write_row(row: &Fields, out: &mut dyn Reply) {
    out.map(row.len());
    for (name, value) in row {
        out.bulk(name.as_bytes());
        write_value(value, out);
    }
}
