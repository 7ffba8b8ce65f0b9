//! Writing a key and its value, whichever data type it has: at once or piece by piece.

use super::extension;
use crate::codec::{Style, opcode, put_length, put_text, value_code};
use crate::config::{CoreConfig, EvictionOrder, EvictionScope};
use crate::entry::Entry;
use crate::entry::data_type::{ModuleForm, NamedForm, RdbForm, WritePieces};
use crate::entry::object::Object;
use crate::time::UnixMs;
use crate::types::type_of;

/// Adds all that stands in a file for one key of a database.
pub fn write_entry(entry: &Entry, style: Style, now: UnixMs, config: &CoreConfig, out: &mut Vec<u8>) {
    write_entry_head(entry, style, now, config, out);
    ValueWriter::new(style).write_some(entry, out, usize::MAX);
}

/// Adds what stands before the value, for a [`ValueWriter`] to go on: deadline, use as far as `maxmemory-policy` asks for
/// it, type and key.
pub fn write_entry_head(entry: &Entry, style: Style, now: UnixMs, config: &CoreConfig, out: &mut Vec<u8>) {
    if let Some(at) = entry.expiry() {
        out.push(opcode::EXPIRY_MS);
        out.extend_from_slice(&at.0.to_le_bytes());
    }
    match config.eviction.order {
        EvictionOrder::Lru if config.eviction.scope != EvictionScope::Nothing => {
            out.push(opcode::IDLE);
            put_length(out, entry.idle_seconds(now).into());
        }
        EvictionOrder::Lfu => {
            out.push(opcode::FREQUENCY);
            out.push(u8::try_from(entry.frequency(now, config)).unwrap_or(u8::MAX));
        }
        _ => {}
    }
    out.push(code_of(entry));
    put_text(out, entry.key(), style.compress);
}

/// Adds type and value, as DUMP shows them.
pub fn write_value(entry: &Entry, style: Style, out: &mut Vec<u8>) {
    out.push(code_of(entry));
    ValueWriter::new(style).write_some(entry, out, usize::MAX);
}

/// The code that says how the value is laid down.
fn code_of(entry: &Entry) -> u8 {
    match &type_of(entry).rdb {
        RdbForm::Coded(form) => (form.code_of)(entry),
        RdbForm::Named(_) => value_code::EXTENSION,
        RdbForm::Module(_) => value_code::MODULE_2,
    }
}

/// Writes a value, in slices if it is asked to. Between two slices the value must not change.
#[derive(Debug)]
pub struct ValueWriter {
    style: Style,
    step: Step,
}

/// Where a writer stands.
#[derive(Debug)]
enum Step {
    Begin,
    /// In a large value.
    Pieces(Box<dyn WritePieces>),
    /// In a value of an extension type, where it has noted.
    Chunks(NamedForm, u64),
    /// In a value that is written as a module does, where it has noted.
    Parts(ModuleForm, u64),
    Done,
}

impl ValueWriter {
    /// A writer of one value.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self { style, step: Step::Begin }
    }

    /// Goes on with writing the value of `entry`, until about `budget` bytes were added: a piece of it may go beyond. Returns
    /// whether all is written.
    pub fn write_some(&mut self, entry: &Entry, out: &mut Vec<u8>, budget: usize) -> bool {
        let end = out.len().saturating_add(budget);
        while !matches!(self.step, Step::Done) {
            if out.len() >= end {
                return false;
            }
            self.write_piece(entry, out);
        }
        true
    }

    fn write_piece(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        let is_more = match &mut self.step {
            Step::Begin => {
                self.step = begin(entry, self.style, out);
                return;
            }
            Step::Pieces(pieces) => pieces.write_piece(entry, self.style, out),
            Step::Chunks(form, at) => {
                extension::write_chunk((object_of(entry), *form), at, self.style.compress, out)
            }
            Step::Parts(form, at) => {
                extension::write_parts((object_of(entry), *form), at, self.style.compress, out)
            }
            Step::Done => false,
        };
        if !is_more {
            self.step = Step::Done;
        }
    }
}

/// Writes what is small whole, and of what is large the beginning.
fn begin(entry: &Entry, style: Style, out: &mut Vec<u8>) -> Step {
    match &type_of(entry).rdb {
        RdbForm::Coded(form) => (form.write)(entry, style, out).map_or(Step::Done, Step::Pieces),
        RdbForm::Named(form) => {
            extension::write_head(object_of(entry), *form, out);
            Step::Chunks(*form, 0)
        }
        RdbForm::Module(form) => {
            extension::write_module_head(*form, out);
            Step::Parts(*form, 0)
        }
    }
}

fn object_of(entry: &Entry) -> &dyn Object {
    entry.as_object().expect("values of extension types are objects")
}
