//! What the bytes of an entry that holds bytes are: a string, or a small collection in one of its packed forms.

use super::{Encoding, Kind};

/// How a small collection is packed into one run of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Elements one behind the other: [`listpack`](crate::packed::listpack).
    ListPack,
    /// A list's listpack without its head and end.
    BareListPack,
    /// Pairs of texts, their lengths apart: [`pairs`](crate::packed::pairs).
    Pairs,
    /// A hash with field deadlines: fields, values and deadlines in one listpack.
    ListPackEx,
    /// Sorted integers of one width.
    IntSet,
}

impl Packing {
    /// As OBJECT ENCODING names it.
    pub(super) fn encoding(self) -> Encoding {
        match self {
            Self::ListPack | Self::BareListPack | Self::Pairs => Encoding::ListPack,
            Self::ListPackEx => Encoding::ListPackEx,
            Self::IntSet => Encoding::IntSet,
        }
    }
}

/// What an entry's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A string.
    Text,
    /// A string that was modified in place: OBJECT ENCODING says `raw` even if it is short.
    Raw,
    /// A packed collection.
    Packed(Kind, Packing),
}

/// Set in the tag of an entry whose bytes have the second of the two forms that its kind has.
const SECOND_FORM_BIT: u8 = 1 << 2;

/// The bits of an entry's tag that tell its kind.
pub(super) const fn kind_bits(kind: Kind) -> u8 {
    kind.number() << 4
}

/// The kind that a tag tells.
#[inline]
pub(super) fn kind_of(tag: u8) -> Kind {
    Kind::numbered(tag >> 4)
}

impl Form {
    /// The bits of an entry's tag that tell kind and form.
    ///
    /// # Panics
    /// If the kind of collection has no such packing.
    pub(super) fn bits(self) -> u8 {
        match self {
            Self::Text => kind_bits(Kind::String),
            Self::Raw => kind_bits(Kind::String) | SECOND_FORM_BIT,
            Self::Packed(Kind::List, Packing::BareListPack) => kind_bits(Kind::List),
            Self::Packed(Kind::Set, Packing::ListPack) => kind_bits(Kind::Set),
            Self::Packed(kind @ (Kind::SortedSet | Kind::Hash), Packing::Pairs) => kind_bits(kind),
            Self::Packed(Kind::Hash, Packing::ListPackEx) => kind_bits(Kind::Hash) | SECOND_FORM_BIT,
            Self::Packed(Kind::Set, Packing::IntSet) => kind_bits(Kind::Set) | SECOND_FORM_BIT,
            Self::Packed(kind, packing) => panic!("a {kind:?} is never packed as {packing:?}"),
        }
    }

    /// The form that a tag tells, of an entry that holds bytes.
    #[inline]
    pub(super) fn of(tag: u8) -> Self {
        let is_second = tag & SECOND_FORM_BIT != 0;
        match (kind_of(tag), is_second) {
            (Kind::String, false) => Self::Text,
            (Kind::String, true) => Self::Raw,
            (Kind::Hash, true) => Self::Packed(Kind::Hash, Packing::ListPackEx),
            (Kind::Set, true) => Self::Packed(Kind::Set, Packing::IntSet),
            (Kind::List, _) => Self::Packed(Kind::List, Packing::BareListPack),
            (Kind::Set, false) => Self::Packed(Kind::Set, Packing::ListPack),
            (kind, _) => Self::Packed(kind, Packing::Pairs),
        }
    }
}
