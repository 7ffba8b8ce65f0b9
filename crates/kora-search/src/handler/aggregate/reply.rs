//! The reply of FT.AGGREGATE, in both protocols.

use std::collections::VecDeque;

use kora_core::reply::Reply;

use super::super::search::count;
use super::super::shape::{write_format, write_value, write_warning};
use super::rows::Table;
use crate::command::options::Format;
use crate::service::Fields;

/// How rows are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::handler) struct Style {
    pub(in crate::handler) format: Format,
    /// What a reply of RESP3 warns of.
    pub(in crate::handler) warning: Option<&'static str>,
}

/// Writes all rows.
pub(in crate::handler) fn write_page(table: &Table, out: &mut dyn Reply) {
    write_rows(table.total, &table.rows, table.style, out);
}

/// Writes some rows.
pub(in crate::handler) fn write_rows(total: u64, rows: &VecDeque<Fields>, style: Style, out: &mut dyn Reply) {
    if out.is_resp3() {
        out.map(5);
        write_map(total, rows, style, out);
    } else {
        out.array(1 + rows.len());
        out.integer(count(total));
        rows.iter().for_each(|row| write_fields(row, Format::Text, out));
    }
}

/// The pairs of the reply in RESP3: five of them.
pub(in crate::handler) fn write_map(total: u64, rows: &VecDeque<Fields>, style: Style, out: &mut dyn Reply) {
    out.simple("attributes");
    out.array(0);
    out.simple("total_results");
    out.integer(count(total));
    out.simple("format");
    write_format(style.format, out);
    out.simple("results");
    out.array(rows.len());
    for row in rows {
        out.map(2);
        out.simple("extra_attributes");
        write_fields(row, style.format, out);
        out.simple("values");
        out.array(0);
    }
    write_warning(style.warning, out);
}

/// Writes the fields of a row.
pub(in crate::handler) fn write_fields(row: &Fields, format: Format, out: &mut dyn Reply) {
    out.map(row.len());
    for (name, value) in row {
        out.bulk(name.as_bytes());
        write_value(value, format, out);
    }
}
