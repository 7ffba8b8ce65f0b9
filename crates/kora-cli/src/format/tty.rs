//! The standard form: elements numbered, types named, strings quoted, optionally in colour.
//!
//! An aggregate's elements stand one below the other, each line after the first indented by the width of the numbers
//! around it. The value of a pair starts on a line of its own only if it takes more than one.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use kora_protocol::{Frame, encode_double};

use super::{Shape, write_quoted};

/// Colours by kind of reply. The default has none.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Palette {
    /// Errors.
    pub(crate) error: Style,
    /// Simple and verbatim strings.
    pub(crate) status: Style,
    /// Binary-safe strings.
    pub(crate) string: Style,
    /// Numbers and truth values.
    pub(crate) number: Style,
    /// What stands for nothing, and the numbering of elements.
    pub(crate) faint: Style,
}

impl Palette {
    /// The colours used on a terminal.
    pub(crate) fn coloured() -> Self {
        Self {
            error: AnsiColor::Red.on_default(),
            status: AnsiColor::Green.on_default(),
            string: AnsiColor::Yellow.on_default(),
            number: AnsiColor::Cyan.on_default(),
            faint: Style::new().dimmed(),
        }
    }
}

/// Appends `frame`, without a line end.
pub(super) fn write(out: &mut Vec<u8>, frame: &Frame, palette: &Palette) {
    write_at(out, frame, palette, 0);
}

/// Appends `frame` as it looks when its lines after the first are indented by `indent` columns.
fn write_at(out: &mut Vec<u8>, frame: &Frame, palette: &Palette, indent: usize) {
    match Shape::of(frame) {
        Shape::Leaf => write_leaf(out, frame.bare(), palette),
        Shape::Row([]) | Shape::Pairs([]) => styled(out, palette.faint, empty_text(frame)),
        Shape::Row(elements) => {
            let rows = Rows::new(frame, elements.len(), indent, palette);
            for (index, element) in elements.iter().enumerate() {
                rows.start(out, index);
                write_at(out, element, palette, rows.inner_indent());
            }
        }
        Shape::Pairs(pairs) => {
            let rows = Rows::new(frame, pairs.len(), indent, palette);
            for (index, (key, value)) in pairs.iter().enumerate() {
                rows.start(out, index);
                write_at(out, key, palette, rows.inner_indent());
                out.extend_from_slice(b" => ");
                if takes_lines(value) {
                    out.push(b'\n');
                    pad(out, rows.inner_indent());
                }
                write_at(out, value, palette, rows.inner_indent());
            }
        }
    }
}

/// Numbers the elements of one aggregate.
struct Rows<'a> {
    mark: u8,
    digits: usize,
    indent: usize,
    palette: &'a Palette,
}

impl<'a> Rows<'a> {
    fn new(frame: &Frame, len: usize, indent: usize, palette: &'a Palette) -> Self {
        let mark = match frame.bare() {
            Frame::Map(_) => b'#',
            Frame::Set(_) => b'~',
            _ => b')',
        };
        Self { mark, digits: len.to_string().len(), indent, palette }
    }

    /// Columns before what follows a number.
    fn inner_indent(&self) -> usize {
        self.indent + self.digits + 2
    }

    /// Starts the line of element `index`; the first goes on where the line stands.
    fn start(&self, out: &mut Vec<u8>, index: usize) {
        if index > 0 {
            out.push(b'\n');
            pad(out, self.indent);
        }
        let number = format!("{:>width$}{}", index + 1, char::from(self.mark), width = self.digits);
        styled(out, self.palette.faint, number.as_bytes());
        out.push(b' ');
    }
}

/// Whether `frame` has more than one element at some depth along its only elements.
fn takes_lines(frame: &Frame) -> bool {
    match Shape::of(frame) {
        Shape::Row([only]) | Shape::Pairs([(_, only)]) => takes_lines(only),
        Shape::Row(elements) => elements.len() > 1,
        Shape::Pairs(pairs) => pairs.len() > 1,
        Shape::Leaf => false,
    }
}

fn empty_text(frame: &Frame) -> &'static [u8] {
    match frame.bare() {
        Frame::Map(_) => b"(empty hash)",
        Frame::Set(_) => b"(empty set)",
        Frame::Push(_) => b"(empty push)",
        _ => b"(empty array)",
    }
}

fn write_leaf(out: &mut Vec<u8>, frame: &Frame, palette: &Palette) {
    match frame {
        Frame::Simple(text) | Frame::Verbatim { text, .. } => styled(out, palette.status, text),
        Frame::Bulk(text) => {
            let mut quoted = Vec::with_capacity(text.len() + 2);
            write_quoted(&mut quoted, text);
            styled(out, palette.string, &quoted);
        }
        Frame::Error(text) | Frame::BlobError(text) => {
            styled(out, palette.error, &[b"(error) ", text.as_slice()].concat());
        }
        Frame::Integer(value) => styled(out, palette.number, format!("(integer) {value}").as_bytes()),
        Frame::BigNumber(digits) => {
            styled(out, palette.number, &[b"(big number) ", digits.as_slice()].concat());
        }
        Frame::Double(value) => {
            let text = format!("(double) {}", encode_double(*value).as_str());
            styled(out, palette.number, text.as_bytes());
        }
        Frame::Boolean(true) => styled(out, palette.number, b"(true)"),
        Frame::Boolean(false) => styled(out, palette.number, b"(false)"),
        _ => styled(out, palette.faint, b"(nil)"),
    }
}

fn styled(out: &mut Vec<u8>, style: Style, text: &[u8]) {
    write!(out, "{style}").expect("writing to memory succeeds");
    out.extend_from_slice(text);
    write!(out, "{style:#}").expect("writing to memory succeeds");
}

fn pad(out: &mut Vec<u8>, columns: usize) {
    out.resize(out.len() + columns, b' ');
}
