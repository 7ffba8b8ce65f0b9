//! Lists.

use super::super::format::{kind, node};
use super::super::read::Reader;
use super::super::ziplist::Ziplist;
use super::super::{RdbError, RdbResult};
use super::{Loader, listpack_bytes};
use crate::keyspace::entry::Entry;
use crate::time::UnixMs;
use crate::types::list::ListLoader;
use crate::types::listpack::{self, ListPack};

pub(super) fn build(
    value_kind: u8,
    reader: &mut Reader<'_>,
    (key, expiry): (&[u8], Option<UnixMs>),
    loader: &Loader<'_>,
) -> RdbResult<Entry> {
    let mut list = ListLoader::new(loader.config.list_max_listpack_size);
    if value_kind == kind::LIST_ZIPLIST {
        push_ziplist(&mut list, &reader.text()?)?;
    } else {
        for _ in 0..reader.number()? {
            match value_kind {
                kind::LIST => list.push(&reader.text()?),
                kind::LIST_QUICKLIST => push_ziplist(&mut list, &reader.text()?)?,
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
