//! Where the keys of a command stand, and what becomes of them.
//!
//! Source: Redis documentation, "Command key specifications".

use super::flags::KeyFlags;

/// Where some of a command's keys stand, and what becomes of them.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// What becomes of them.
    pub flags: KeyFlags,
    /// Where the keys begin.
    pub begin: BeginSearch,
    /// How the others are found from there.
    pub find: FindKeys,
    /// What COMMAND INFO adds in words.
    pub notes: Option<&'static str>,
}

/// Where keys begin.
#[derive(Clone, Copy, Debug)]
pub enum BeginSearch {
    /// At this argument; 0 is the command's name.
    Index(usize),
    /// After this word, looked for from an argument on (from the end if negative).
    Keyword(&'static str, i32),
    /// At a place that only the command's own rules tell.
    Unknown,
}

/// How keys are found from where they begin.
#[derive(Clone, Copy, Debug)]
pub enum FindKeys {
    /// Every `step`-th argument up to `last` (relative to the first key; negative: from the end, -1 the last
    /// argument). A `limit` of 2 or more takes only the first 1/limit of the remaining arguments.
    Range {
        /// Last key, relative to the first; negative: from the end.
        last: i32,
        /// Distance between keys.
        step: usize,
        /// Divisor of the remaining arguments.
        limit: usize,
    },
    /// An argument holds the number of keys.
    KeyNum {
        /// That argument, relative to where keys begin.
        number_at: usize,
        /// First key, relative to where keys begin.
        first: usize,
        /// Distance between keys.
        step: usize,
    },
    /// At most one key, the argument that this finds by the command's own rules.
    Unknown(fn(&[&[u8]]) -> Option<usize>),
}

impl KeySpec {
    /// Keys from argument `first` to `last` (relative to the first; negative from the end), every `step`-th.
    #[must_use]
    pub const fn range(flags: KeyFlags, first: usize, last: i32, step: usize) -> Self {
        Self {
            flags,
            begin: BeginSearch::Index(first),
            find: FindKeys::Range { last, step, limit: 0 },
            notes: None,
        }
    }

    /// One key at argument `index`.
    #[must_use]
    pub const fn one(flags: KeyFlags, index: usize) -> Self {
        Self::range(flags, index, 0, 1)
    }

    /// The same with something to add in words.
    #[must_use]
    pub const fn noted(mut self, notes: &'static str) -> Self {
        self.notes = Some(notes);
        self
    }
}
