//! Rows of named values as a table, for people.

use kora_protocol::{Frame, encode_double};

/// Characters of a cell; what is longer is cut.
const CELL_CHARACTERS_MAX: usize = 60;

/// Rows, each a value for some of the columns.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

impl Table {
    /// Adds a row.
    pub(super) fn add<'a>(&mut self, values: impl IntoIterator<Item = (&'a [u8], &'a Frame)>) {
        let mut row = vec![None; self.columns.len()];
        for (name, value) in values {
            let name = printable(name);
            let at = self.columns.iter().position(|column| *column == name).unwrap_or_else(|| {
                self.columns.push(name);
                self.columns.len() - 1
            });
            if row.len() <= at {
                row.resize(at + 1, None);
            }
            row[at] = Some(cell(value));
        }
        self.rows.push(row);
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Appends it: a line of names, a rule, a line for each row.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|at| {
                let cells = self.rows.iter().filter_map(|row| row.get(at)?.as_deref());
                cells.chain([self.columns[at].as_str()]).map(|text| text.chars().count()).max().unwrap_or(0)
            })
            .collect();
        write_line(out, &widths, |at| &self.columns[at]);
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        write_line(out, &widths, |at| &rule[at]);
        for row in &self.rows {
            write_line(out, &widths, |at| row.get(at).and_then(Option::as_deref).unwrap_or(""));
        }
    }
}

fn write_line<'a>(out: &mut Vec<u8>, widths: &[usize], text: impl Fn(usize) -> &'a str) {
    let begin = out.len();
    for (at, width) in widths.iter().enumerate() {
        let text = text(at);
        out.extend_from_slice(if at == 0 { b"" } else { b"  " });
        out.extend_from_slice(text.as_bytes());
        out.resize(out.len() + width.saturating_sub(text.chars().count()), b' ');
    }
    while out.len() > begin && out.last() == Some(&b' ') {
        out.pop();
    }
    out.push(b'\n');
}

/// A value as the text of its cell.
fn cell(value: &Frame) -> String {
    match value.bare() {
        Frame::Simple(text) | Frame::Bulk(text) | Frame::Verbatim { text, .. } => printable(text),
        Frame::Integer(number) => number.to_string(),
        Frame::Double(number) => encode_double(*number).as_str().to_owned(),
        Frame::Boolean(is_true) => is_true.to_string(),
        Frame::Array(elements) | Frame::Set(elements) => {
            let elements: Vec<_> = elements.iter().map(cell).collect();
            cut(&format!("[{}]", elements.join(", ")))
        }
        _ => "(nil)".to_owned(),
    }
}

/// Text on one line, and not too much of it.
fn printable(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let text: String = text.chars().map(|c| if c.is_control() { '.' } else { c }).collect();
    cut(&text)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CELL_CHARACTERS_MAX) {
        None => text.to_owned(),
        Some(_) => text.chars().take(CELL_CHARACTERS_MAX - 1).chain(['…']).collect(),
    }
}
