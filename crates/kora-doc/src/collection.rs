//! What is declared of a collection.

use crate::path::Path;

/// Indexes of a collection at most.
pub(crate) const INDEXES_MAX: usize = 64;

/// Bytes of a collection's name at most.
pub(crate) const NAME_BYTES_MAX: usize = 512;

/// A declared collection. It does not change: a changed one has another declaration with the same number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Collection {
    /// What tells it from a collection that had its name before.
    pub(crate) number: u64,
    pub(crate) name: Box<[u8]>,
    /// Its name as it stands in keys.
    pub(crate) escaped: Box<[u8]>,
    /// When it was created, in milliseconds.
    pub(crate) created: i64,
    pub(crate) profile: Profile,
    pub(crate) indexes: Vec<Declared>,
}

/// An index of a collection.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Declared {
    pub(crate) path: Path,
    pub(crate) kind: IndexKind,
}

impl Collection {
    /// Whether some values of its documents must be unique.
    pub(crate) fn has_unique(&self) -> bool {
        self.indexes.iter().any(|index| index.kind == IndexKind::Unique)
    }

    /// The place of the index on a path.
    pub(crate) fn index_on(&self, path: &Path) -> Option<usize> {
        self.indexes.iter().position(|index| index.path == *path)
    }
}

/// What an index is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IndexKind {
    /// Equal values.
    Hash,
    /// Ranges and orders.
    Sorted,
    /// Elements of arrays.
    Array,
    /// Equal values, of which there is one.
    Unique,
}

impl IndexKind {
    const ALL: [Self; 4] = [Self::Hash, Self::Sorted, Self::Array, Self::Unique];

    /// Its name in commands.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Sorted => "sorted",
            Self::Array => "array",
            Self::Unique => "unique",
        }
    }

    /// The kind of a name, in any case.
    pub(crate) fn parse(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| name.eq_ignore_ascii_case(kind.name().as_bytes()))
    }
}

/// A compression profile. All documents are packed in the same way: the profile is kept and told, and changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Profile {
    None,
    Dictionary,
    #[default]
    Balanced,
    Compact,
}

impl Profile {
    const ALL: [Self; 4] = [Self::None, Self::Dictionary, Self::Balanced, Self::Compact];

    /// Its name in commands.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Dictionary => "dictionary",
            Self::Balanced => "balanced",
            Self::Compact => "compact",
        }
    }

    /// The profile of a name, in any case.
    pub(crate) fn parse(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| name.eq_ignore_ascii_case(profile.name().as_bytes()))
    }
}
