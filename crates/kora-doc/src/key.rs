//! Keys of documents: `__kora:doc:<collection>:<id>`.
//!
//! In the collection's name `%` and `:` are escaped, so that any name goes, and braces, so that only an id can have a part that decides where it lies: documents
//! whose ids have the same `{tag}` are on one shard.

#[cfg(test)]
mod tests;

/// What all of them begin with.
const PREFIX: &[u8] = b"__kora:doc:";

/// A collection's name as it stands in keys.
pub(crate) fn escaped(collection: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(collection.len());
    for byte in collection {
        match byte {
            b'%' => name.extend_from_slice(b"%25"),
            b':' => name.extend_from_slice(b"%3A"),
            b'{' => name.extend_from_slice(b"%7B"),
            b'}' => name.extend_from_slice(b"%7D"),
            _ => name.push(*byte),
        }
    }
    name
}

/// What the keys of a collection begin with, whose name is given as it stands in them.
pub(crate) fn prefix(escaped: &[u8]) -> Vec<u8> {
    [PREFIX, escaped, b":"].concat()
}

/// The key of a document.
pub(crate) fn of(collection: &[u8], id: &[u8]) -> Vec<u8> {
    [PREFIX, &escaped(collection), b":", id].concat()
}

/// The escaped name and the id of a key, if it is one of a document.
pub(crate) fn split(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = key.strip_prefix(PREFIX)?;
    let colon = rest.iter().position(|byte| *byte == b':')?;
    Some((&rest[..colon], &rest[colon + 1..]))
}
