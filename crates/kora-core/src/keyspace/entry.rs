//! A key and its value, deadline and use bits in one allocation.

use crate::time::UnixMs;

/// The data type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Redis's and explain themselves")]
pub enum Kind {
    String,
    List,
    Set,
    SortedSet,
    Hash,
    Stream,
}

/// How a value is stored, as OBJECT ENCODING names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Redis's and explain themselves")]
pub enum Encoding {
    Raw,
    Int,
    EmbStr,
    ListPack,
    QuickList,
    IntSet,
    HashTable,
    SkipList,
    Stream,
}

/// A string value, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringRef<'a> {
    /// Stored as an integer.
    Integer(i64),
    /// Stored as bytes.
    Bytes(&'a [u8]),
}

/// An owned entry.
#[derive(Debug)]
pub struct Entry(());

#[expect(
    clippy::unused_self,
    missing_docs,
    unused_variables,
    clippy::missing_panics_doc,
    reason = "signatures first"
)]
impl Entry {
    pub fn key(&self) -> &[u8] {
        unimplemented!()
    }
    pub fn kind(&self) -> Kind {
        unimplemented!()
    }
    pub fn encoding(&self) -> Encoding {
        unimplemented!()
    }
    pub fn expiry(&self) -> Option<UnixMs> {
        unimplemented!()
    }
    pub fn string(&self) -> Option<StringRef<'_>> {
        unimplemented!()
    }
    /// Bytes allocated for key, value and bookkeeping.
    pub fn memory_bytes(&self) -> usize {
        unimplemented!()
    }
    /// An independent copy.
    pub fn duplicate(&self) -> Self {
        unimplemented!()
    }
}
