//! Replies as text, in the forms that scripts written for redis-cli expect byte for byte.
//!
//! Every form is a function from a [`Frame`] to bytes; which one is used, and what separates replies, is decided here.
//! Attributes are not shown, since none of the forms has a place for them; only redis-cli's absence of big numbers and
//! blob errors is filled in: the former print as integers of any size, the latter as errors.

mod csv;
mod escape;
mod json;
mod pretty;
mod raw;
mod rows;
mod table;
mod tty;
mod view;

pub(crate) use escape::{write_escaped, write_quoted};
pub(crate) use tty::Palette;

use kora_protocol::Frame;

/// The form of printed replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Numbered, typed and quoted, for people.
    Standard,
    /// The bytes alone.
    Raw,
    /// Comma-separated values.
    Csv,
    /// JSON, strings as they are.
    Json,
    /// JSON, strings escaped to ASCII.
    QuotedJson,
}

/// How replies are laid out for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Names and values of RESP2 in pairs.
    pub(crate) pairs: bool,
    /// Rows of the same form as tables, documents on several lines.
    pub(crate) tables: bool,
}

/// Prints replies in one form.
#[derive(Debug)]
pub(crate) struct Formatter {
    /// The form.
    pub(crate) form: Form,
    /// What stands between the elements of an aggregate in the raw form.
    pub(crate) element_separator: Vec<u8>,
    /// What follows each reply in the raw form.
    pub(crate) reply_separator: Vec<u8>,
    /// Colours of the standard form.
    pub(crate) palette: Palette,
}

impl Formatter {
    /// Appends a whole reply, separator included.
    pub(crate) fn reply(&self, out: &mut Vec<u8>, frame: &Frame) {
        match self.form {
            Form::Standard => tty::write(out, frame, &self.palette),
            Form::Raw => {
                raw::write(out, frame, &self.element_separator);
                out.extend_from_slice(&self.reply_separator);
                return;
            }
            Form::Csv => csv::write(out, frame),
            Form::Json => json::write(out, frame, json::Strings::Verbatim),
            Form::QuotedJson => json::write(out, frame, json::Strings::Ascii),
        }
        out.push(b'\n');
    }

    /// Appends a reply that is a document of its own (`INFO`, `CLIENT LIST`): its text as it is, in every form.
    pub(crate) fn document(&self, out: &mut Vec<u8>, frame: &Frame) {
        raw::write(out, frame, &self.element_separator);
    }

    /// Appends a reply to `args` as a person likes to see it.
    pub(crate) fn view(&self, out: &mut Vec<u8>, args: &[Vec<u8>], frame: &Frame, layout: Layout) {
        if layout.tables
            && let Some(text) = view::view(args, frame).or_else(|| rows::table(args, frame))
        {
            out.extend_from_slice(&text);
            return;
        }
        match layout.pairs.then(|| rows::pairs(args, frame)).flatten() {
            Some(pairs) => self.reply(out, &pairs),
            None => self.reply(out, frame),
        }
    }

    /// Appends an out-of-band message.
    pub(crate) fn push(&self, out: &mut Vec<u8>, frame: &Frame) {
        match (self.form, invalidated_keys(frame)) {
            (Form::Standard, Some(keys)) => {
                out.extend_from_slice(b"-> invalidate: ");
                for (index, key) in keys.iter().enumerate() {
                    out.extend_from_slice(if index == 0 { b"'" } else { b", '" });
                    raw::write(out, key, b"");
                    out.push(b'\'');
                }
                out.push(b'\n');
            }
            _ => self.reply(out, frame),
        }
    }
}

/// The keys of a message of client-side caching.
fn invalidated_keys(frame: &Frame) -> Option<&[Frame]> {
    match frame {
        Frame::Push(elements) => match elements.as_slice() {
            [Frame::Bulk(kind), Frame::Array(keys)] if kind == b"invalidate" => Some(keys),
            _ => None,
        },
        _ => None,
    }
}

/// How the elements of an aggregate are enumerated, whatever its type.
pub(crate) enum Shape<'a> {
    /// No aggregate.
    Leaf,
    /// Elements in a row.
    Row(&'a [Frame]),
    /// Pairs.
    Pairs(&'a [(Frame, Frame)]),
}

impl<'a> Shape<'a> {
    /// The shape of `frame`.
    pub(crate) fn of(frame: &'a Frame) -> Self {
        match frame.bare() {
            Frame::Array(elements) | Frame::Set(elements) | Frame::Push(elements) => Self::Row(elements),
            Frame::Map(pairs) => Self::Pairs(pairs),
            _ => Self::Leaf,
        }
    }
}

#[cfg(test)]
mod tests;
