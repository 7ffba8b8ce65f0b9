//! Making an entry of a value as files and payloads hold it, and passing over it: whichever data type it has.
//!
//! Small collections that are laid down as entries keep them are copied, once all of them was checked. Everything else is
//! put together anew. Which of both, and what becomes of a small collection that the settings call large, follows Redis.

use super::extension;
use crate::codec::{RdbError, RdbResult, Reader, skip_module, value_code};
use crate::entry::Entry;
use crate::entry::data_type::{CodedForm, Head, Loader, RdbForm};
use crate::types;

const UNKNOWN: RdbError = RdbError::Corrupt("a value of an unknown type");

/// Makes an entry of the value that `bytes` begin with, of type `code`. Returns also how many bytes it takes.
///
/// # Errors
/// If the value is empty, a module's, of a type that is not here, corrupt, or does not end.
pub fn build(code: u8, bytes: &[u8], head: Head<'_>, loader: &Loader<'_>) -> RdbResult<(Entry, usize)> {
    let mut reader = Reader::new(bytes);
    let entry = match code {
        value_code::EXTENSION => extension::read(&mut reader, head, loader)?,
        value_code::MODULE_1 => return Err(RdbError::Module),
        value_code::MODULE_2 => extension::read_module(&mut reader, head, loader)?,
        _ => (form_of(code)?.read)(code, &mut reader, head, loader)?,
    };
    Ok((entry, reader.at()))
}

/// Passes over the value of a type. Complexity: O(parts), however long their strings are.
pub(super) fn skip_value(reader: &mut Reader<'_>, code: u8) -> RdbResult<()> {
    match code {
        value_code::EXTENSION => extension::skip(reader),
        value_code::MODULE_1 => Err(RdbError::Module),
        value_code::MODULE_2 => skip_module(reader),
        _ => (form_of(code)?.skip)(reader, code),
    }
}

fn form_of(code: u8) -> RdbResult<&'static CodedForm> {
    match types::coded(code).map(|data_type| &data_type.rdb) {
        Some(RdbForm::Coded(form)) => Ok(form),
        _ => Err(UNKNOWN),
    }
}
