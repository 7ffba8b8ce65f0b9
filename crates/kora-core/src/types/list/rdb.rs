//! Lists in files: node by node.

use super::{ListLoader, ListRef, Stored};
use crate::codec::{
    RdbError, RdbResult, Reader, Style, Ziplist, listpack_bytes, node, put_count, put_length, put_text,
    value_code,
};
use crate::entry::Entry;
use crate::entry::data_type::{Head, Loader, NumberedPieces, Rest};
use crate::packed::listpack::{self, ListPack};

pub(super) fn write(entry: &Entry, style: Style, out: &mut Vec<u8>) -> Rest {
    let list = ListRef::of(entry)?;
    put_count(out, list.stored_count());
    write_node(entry, 0, style, out).map(|next| NumberedPieces::from(next, write_node))
}

/// Writes the node that begins with an element of this position.
fn write_node(entry: &Entry, position: u64, style: Style, out: &mut Vec<u8>) -> Option<u64> {
    let list = ListRef::of(entry).expect("the value has not changed");
    let (stored, behind) = list.stored(usize::try_from(position).ok()?)?;
    match stored {
        Stored::Bare(list) => {
            put_length(out, node::LISTPACK);
            put_text(out, &whole(list), style.compress);
        }
        Stored::Listpack(list) => {
            put_length(out, node::LISTPACK);
            put_text(out, list.bytes(), style.compress);
        }
        Stored::Plain(text) => {
            put_length(out, node::PLAIN);
            put_text(out, text, style.compress);
        }
    }
    (behind < list.len()).then_some(behind as u64)
}

/// A listpack with head and end.
fn whole(bare: ListPack<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(bare.total_bytes());
    bytes.extend_from_slice(&listpack::EMPTY[..listpack::EMPTY.len() - 1]);
    bytes.extend_from_slice(bare.elements());
    listpack::rebuild(bytes, bare.len())
}

pub(super) fn skip(reader: &mut Reader<'_>, code: u8) -> RdbResult<()> {
    match code {
        value_code::LIST_ZIPLIST => reader.skip_text(),
        value_code::LIST_QUICKLIST_2 => reader.skip_each(|reader| {
            reader.number()?;
            reader.skip_text()
        }),
        _ => reader.skip_each(Reader::skip_text),
    }
}

pub(super) fn read(
    value_kind: u8,
    reader: &mut Reader<'_>,
    (key, expiry): Head<'_>,
    loader: &Loader<'_>,
) -> RdbResult<Entry> {
    let mut list = ListLoader::new(loader.config.list_max_listpack_size);
    if value_kind == value_code::LIST_ZIPLIST {
        push_ziplist(&mut list, &reader.text()?)?;
    } else {
        for _ in 0..reader.number()? {
            match value_kind {
                value_code::LIST => list.push(&reader.text()?),
                value_code::LIST_QUICKLIST => push_ziplist(&mut list, &reader.text()?)?,
                _ => push_node(&mut list, reader)?,
            }
        }
    }
    list.into_entry(key, expiry).ok_or(RdbError::Empty)
}

fn push_ziplist(list: &mut ListLoader, bytes: &[u8]) -> RdbResult<()> {
    let ziplist = Ziplist::check(bytes)?;
    let mut run = listpack::Run::default();
    ziplist.iter().for_each(|element| run.push_element(element));
    let mut bytes = listpack::EMPTY.to_vec();
    listpack::push_run(&mut bytes, &run);
    list.push_listpack(ListPack::new(&bytes));
    Ok(())
}

fn push_node(list: &mut ListLoader, reader: &mut Reader<'_>) -> RdbResult<()> {
    let form = reader.number()?;
    let bytes = reader.text()?;
    match form {
        node::PLAIN => list.push_plain(&bytes),
        node::LISTPACK => list.push_listpack(ListPack::new(&listpack_bytes(&bytes)?)),
        _ => return Err(RdbError::Corrupt("a node of a list of an unknown form")),
    }
    Ok(())
}
