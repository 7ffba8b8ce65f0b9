//! The names of data types and encodings, as entries keep and commands show them.

/// The data type of a value. What a type is able to do stands in its [`DataType`](super::data_type::DataType).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are Redis's and explain themselves")]
pub enum Kind {
    String,
    List,
    Set,
    SortedSet,
    Hash,
    Stream,
    /// A type that is not built in: see [`Kind::extension`].
    Extension(ExtensionId),
}

/// Which of the types that are not built in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExtensionId(u8);

impl Kind {
    /// Number of kinds that an entry can tell apart.
    pub const COUNT: usize = (Self::BUILT_IN + Self::EXTENSIONS) as usize;
    /// Number of those that are built in.
    const BUILT_IN: u8 = 6;
    /// Number of extension types that there may be.
    pub const EXTENSIONS: u8 = 10;

    /// The kind of the extension type with this number, which no other one of the program has. It is never stored.
    ///
    /// # Panics
    /// If the number is not below [`Kind::EXTENSIONS`].
    #[must_use]
    pub const fn extension(number: u8) -> Self {
        assert!(number < Self::EXTENSIONS, "an entry has no room for more kinds");
        Self::Extension(ExtensionId(number))
    }

    /// All that there can be, each at the place of its number.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::BUILT_IN + Self::EXTENSIONS).map(Self::numbered)
    }

    /// Its number: below [`Kind::COUNT`].
    #[inline]
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::String => 0,
            Self::List => 1,
            Self::Set => 2,
            Self::SortedSet => 3,
            Self::Hash => 4,
            Self::Stream => 5,
            Self::Extension(ExtensionId(number)) => Self::BUILT_IN + number,
        }
    }

    /// Its number as a place in a table of all.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.number() as usize
    }

    /// The kind with this number, of which the lower four bits count.
    #[inline]
    pub(crate) const fn numbered(number: u8) -> Self {
        // An entry keeps the number in four bits.
        const { assert!(Self::COUNT == 16) };
        match number & 0xF {
            0 => Self::String,
            1 => Self::List,
            2 => Self::Set,
            3 => Self::SortedSet,
            4 => Self::Hash,
            5 => Self::Stream,
            number => Self::Extension(ExtensionId(number - Self::BUILT_IN)),
        }
    }
}

/// How a value is stored, as OBJECT ENCODING names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Redis's and explain themselves")]
pub enum Encoding {
    Raw,
    Int,
    EmbStr,
    ListPack,
    ListPackEx,
    QuickList,
    IntSet,
    HashTable,
    SkipList,
    Stream,
    /// One of an extension type, by its name.
    Extension(&'static str),
}

impl Encoding {
    /// The name that OBJECT ENCODING answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Int => "int",
            Self::EmbStr => "embstr",
            Self::ListPack => "listpack",
            Self::ListPackEx => "listpackex",
            Self::QuickList => "quicklist",
            Self::IntSet => "intset",
            Self::HashTable => "hashtable",
            Self::SkipList => "skiplist",
            Self::Stream => "stream",
            Self::Extension(name) => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn every_number_is_that_of_one_kind() {
        for (number, kind) in (0..).zip(Kind::all()) {
            assert_eq!((kind.number(), Kind::numbered(number)), (number, kind));
        }
        assert_eq!(Kind::all().count(), Kind::COUNT);
        assert_eq!(Kind::all().last(), Some(Kind::extension(Kind::EXTENSIONS - 1)));
    }
}
