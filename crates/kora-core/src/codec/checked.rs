//! Listpacks from anywhere, checked to the last element before they are kept.

use std::borrow::Cow;

use super::{RdbError, RdbResult};
use crate::packed::listpack::{self, At, ListPack};

/// No listpack is longer.
const LISTPACK_BYTES_MAX: usize = 1 << 30;

/// The bytes of a listpack from anywhere, each element stored as it is stored here.
pub(crate) fn listpack_bytes(bytes: &[u8]) -> RdbResult<Cow<'_, [u8]>> {
    const CORRUPT: RdbError = RdbError::Corrupt("a corrupt listpack");
    if bytes.len() > LISTPACK_BYTES_MAX {
        return Err(CORRUPT);
    }
    let list = ListPack::check(bytes).map_err(|_| CORRUPT)?;
    if list.is_canonical() {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut run = listpack::Run::default();
    list.iter().for_each(|element| run.push_element(element));
    let mut canonical = listpack::EMPTY.to_vec();
    listpack::push_run(&mut canonical, &run);
    Ok(Cow::Owned(canonical))
}

/// Whether no two of every `width`-th elements are the same.
/// Complexity: O(n log n), four bytes for each.
pub(crate) fn are_distinct(list: ListPack<'_>, width: usize) -> bool {
    let mut places = Vec::new();
    let mut next = list.first();
    while let Some(at) = next {
        places.push(u32::try_from(at.0).expect("LISTPACK_BYTES_MAX is far below"));
        next = (0..width).try_fold(at, |at, _| list.next(at));
    }
    let element = |&place: &u32| list.get(At(place as usize));
    places.sort_unstable_by_key(element);
    places.is_sorted_by(|one, next| element(one) < element(next))
}
