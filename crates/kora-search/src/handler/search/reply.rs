//! The reply of FT.SEARCH, in both protocols.

use kora_core::reply::Reply;
use kora_index::score::Explanation;
use kora_index::search::KeptKey;

use super::super::ask::Rows;
use super::super::question::Question;
use super::super::shape::{write_format, write_value, write_warning};
use super::find::Row;
use crate::command::options::Format;
use crate::command::search::Output;
use crate::value::Value;

/// Writes the reply.
pub(super) fn write(question: &Question, output: &Output, results: &Rows<Row>, out: &mut dyn Reply) {
    if out.is_resp3() {
        out.map(5);
        write_map(question, output, results, out);
    } else {
        write_list(output, results, out);
    }
}

/// The pairs of the reply in RESP3: five of them.
pub(in crate::handler) fn write_map(
    question: &Question,
    output: &Output,
    results: &Rows<Row>,
    out: &mut dyn Reply,
) {
    out.simple("attributes");
    out.array(0);
    out.simple("total_results");
    out.integer(count(results.total));
    out.simple("format");
    write_format(output.format, out);
    out.simple("results");
    out.array(results.rows.len());
    for (_, row) in &results.rows {
        let has_fields = has_fields(output);
        let extra = [output.with_scores, output.with_payloads, output.with_sort_keys, has_fields];
        out.map(2 + extra.into_iter().filter(|is_there| *is_there).count());
        out.simple("id");
        out.bulk(&row.key);
        if output.with_scores {
            out.simple("score");
            write_score(row, out);
        }
        if output.with_payloads {
            out.simple("payload");
            write_payload(row, out);
        }
        if output.with_sort_keys {
            out.simple("sortkey");
            write_sort_key(row, out);
        }
        if has_fields {
            out.simple("extra_attributes");
            write_fields(&row.fields, output.format, out);
        }
        out.simple("values");
        out.array(0);
    }
    write_warning(question.warning(), out);
}

/// The reply in RESP2.
pub(in crate::handler) fn write_list(output: &Output, results: &Rows<Row>, out: &mut dyn Reply) {
    let extra = [output.with_scores, output.with_payloads, output.with_sort_keys, has_fields(output)];
    let each = 1 + extra.into_iter().filter(|is_there| *is_there).count();
    out.array(1 + each * results.rows.len());
    out.integer(count(results.total));
    for (_, row) in &results.rows {
        out.bulk(&row.key);
        if output.with_scores {
            write_score(row, out);
        }
        if output.with_payloads {
            write_payload(row, out);
        }
        if output.with_sort_keys {
            write_sort_key(row, out);
        }
        if has_fields(output) {
            write_fields(&row.fields, Format::Text, out);
        }
    }
}

fn has_fields(output: &Output) -> bool {
    !output.no_content && output.returned.as_ref().is_none_or(|returned| !returned.is_empty())
}

fn write_score(row: &Row, out: &mut dyn Reply) {
    if let Some(explanation) = row.explanation() {
        out.array(2);
        out.double(row.hit.score);
        write_explanation(explanation, out);
    } else {
        out.double(row.hit.score);
    }
}

/// Explanations lie in each other no deeper than the parts of a query.
fn write_explanation(explanation: &Explanation, out: &mut dyn Reply) {
    match explanation {
        Explanation::Line(line) => out.simple(line),
        Explanation::Group(line, parts) => {
            out.array(2);
            out.simple(line);
            out.array(parts.len());
            parts.iter().for_each(|part| write_explanation(part, out));
        }
    }
}

fn write_payload(row: &Row, out: &mut dyn Reply) {
    match row.payload() {
        Some(payload) => out.bulk(payload),
        None => out.null(),
    }
}

fn write_sort_key(row: &Row, out: &mut dyn Reply) {
    match row.sort() {
        Some(KeptKey::Number(number)) => {
            out.bulk(format!("#{}", crate::number::general(*number, 17)).as_bytes())
        }
        Some(KeptKey::Text(text)) => out.bulk(&[b"$", &**text].concat()),
        _ => out.null(),
    }
}

/// Names and values.
fn write_fields(fields: &[(Vec<u8>, Value)], format: Format, out: &mut dyn Reply) {
    out.map(fields.len());
    for (name, value) in fields {
        out.bulk(name);
        write_value(value, format, out);
    }
}

/// A count as replies have it.
pub(in crate::handler) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
