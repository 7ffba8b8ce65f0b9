//! What is declared of a collection.

use kora_index::schema::VectorKind;

use crate::path::Path;
use crate::vector;

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
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum IndexKind {
    /// Equal values.
    Hash,
    /// Ranges and orders.
    Sorted,
    /// Elements of arrays.
    Array,
    /// Equal values, of which there is one.
    Unique,
    /// The vectors that are nearest to one.
    Vector(Box<VectorKind>),
}

/// Why an index is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KindError {
    #[error("ERR unknown index type '{0}': hash, sorted, array, unique or vector")]
    Unknown(String),
    /// Something stands behind a type that takes nothing.
    #[error("ERR an index of type {0} takes nothing behind its type")]
    More(&'static str),
    #[error(transparent)]
    Vector(#[from] vector::KindError),
}

const VECTOR: &str = "vector";

impl IndexKind {
    const OF_SCALARS: [Self; 4] = [Self::Hash, Self::Sorted, Self::Array, Self::Unique];

    /// Its name in commands.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Sorted => "sorted",
            Self::Array => "array",
            Self::Unique => "unique",
            Self::Vector(_) => VECTOR,
        }
    }

    /// The kind of a name, in any case, with what stands behind it.
    ///
    /// # Errors
    /// If it is none.
    pub(crate) fn parse(name: &[u8], rest: &[&[u8]]) -> Result<Self, KindError> {
        if name.eq_ignore_ascii_case(VECTOR.as_bytes()) {
            return Ok(Self::Vector(Box::new(vector::kind(rest)?)));
        }
        let known =
            Self::OF_SCALARS.into_iter().find(|kind| name.eq_ignore_ascii_case(kind.name().as_bytes()));
        let kind = known.ok_or_else(|| KindError::Unknown(name.escape_ascii().to_string()))?;
        if rest.is_empty() { Ok(kind) } else { Err(KindError::More(kind.name())) }
    }

    /// What stands behind its name.
    pub(crate) fn arguments(&self) -> Vec<String> {
        self.vector().map(vector::arguments).unwrap_or_default()
    }

    /// How its vectors are declared, if it is on vectors.
    pub(crate) fn vector(&self) -> Option<&VectorKind> {
        match self {
            Self::Vector(kind) => Some(kind),
            _ => None,
        }
    }

    /// Whether it keeps the scalars of its field, one of each document, in one order.
    pub(crate) fn has_order(&self) -> bool {
        matches!(self, Self::Hash | Self::Sorted | Self::Unique)
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
