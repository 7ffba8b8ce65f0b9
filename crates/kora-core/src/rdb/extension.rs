//! Values of extension types in files and payloads: as a module of Redis writes them, or name and version of the type, then chunks that are
//! its own business.
//!
//! ```text
//! code 128 | name, a string | version, a number | chunk, a string ... | an empty string
//! ```
//!
//! So whoever does not have the type finds the end of the value nevertheless, and a large value is written chunk by chunk. See
//! docs/adr/0034.

use crate::codec::{
    ModuleReader, ModuleWriter, RdbError, RdbResult, Reader, TypeName, module_id, name_and_version,
    put_length, put_text,
};
use crate::entry::Entry;
use crate::entry::data_type::{Chunks, Head, Loader, ModuleForm, NamedForm, RdbForm};
use crate::entry::object::Object;

/// Writes name and version of the type.
pub(super) fn write_head(object: &dyn Object, form: NamedForm, out: &mut Vec<u8>) {
    put_text(out, object.data_type().name.as_bytes(), false);
    put_length(out, form.version);
}

/// Writes the next chunk, and the end behind the last. Returns whether there are more.
pub(super) fn write_chunk(
    (object, form): (&dyn Object, NamedForm),
    at: &mut u64,
    compress: bool,
    out: &mut Vec<u8>,
) -> bool {
    let mut chunk = Vec::new();
    let is_more = (form.write_chunk)(object, at, &mut chunk);
    if !chunk.is_empty() {
        put_text(out, &chunk, compress);
    }
    if !is_more {
        put_text(out, b"", false);
    }
    is_more
}

/// Writes what stands before the parts of a module's value.
pub(super) fn write_module_head(form: ModuleForm, out: &mut Vec<u8>) {
    put_length(out, module_id(form.name, form.version));
}

/// Writes the next parts of a module's value, and the end behind the last. Returns whether there are more.
pub(super) fn write_parts(
    (object, form): (&dyn Object, ModuleForm),
    at: &mut u64,
    compress: bool,
    out: &mut Vec<u8>,
) -> bool {
    let mut writer = ModuleWriter::new(out, compress);
    let is_more = (form.write_some)(object, at, &mut writer);
    if !is_more {
        writer.end();
    }
    is_more
}

/// Makes an entry of the module's value that follows.
pub(super) fn read_module(
    reader: &mut Reader<'_>,
    (key, expiry): Head<'_>,
    loader: &Loader<'_>,
) -> RdbResult<Entry> {
    let (name, version) = name_and_version(reader.number()?);
    let form = loader.extensions.of_module(&name).ok_or(RdbError::Module)?;
    let mut parts = ModuleReader::new(reader);
    let object = (form.read)(version, &mut parts, loader)?;
    parts.end()?;
    Ok(Entry::new_object(key, object, expiry))
}

/// Makes an entry of the value that follows.
pub(super) fn read(
    reader: &mut Reader<'_>,
    (key, expiry): Head<'_>,
    loader: &Loader<'_>,
) -> RdbResult<Entry> {
    let name = reader.text()?;
    let version = reader.number()?;
    let Some(data_type) = loader.extensions.named(&name) else {
        return Err(RdbError::UnknownType(TypeName::new(&name)));
    };
    let RdbForm::Named(form) = data_type.rdb else {
        unreachable!("only those are found by a name");
    };
    if version > form.version {
        return Err(RdbError::LaterType(TypeName::new(&name)));
    }
    let mut chunks = Chunks::new(reader);
    let object = (form.read)(version, &mut chunks, loader)?;
    chunks.finish()?;
    Ok(Entry::new_object(key, object, expiry))
}

/// Passes over the value that follows, whether its type is here or not.
pub(super) fn skip(reader: &mut Reader<'_>) -> RdbResult<()> {
    reader.skip_text()?;
    reader.number()?;
    Chunks::new(reader).skip_all()
}
