//! The forms of random commands, which read like the commands' syntax: one file per group.

mod bitmap;
mod geo;
mod hash;
mod hyperloglog;
mod key;
mod list;
mod set;
mod sorted_set;
mod stream;
mod string;

/// Forms that belong together.
pub(super) struct Group {
    /// What `--types` calls it.
    pub(super) name: &'static str,
    pub(super) forms: &'static [Form],
}

/// The forms of keys, databases and the connection: part of every run.
pub(super) const COMMON: &[Form] = key::FORMS;

/// What Valkey has and Redis 8.0 has not: with strings only.
pub(super) const VALKEY_ONLY: &[Form] = string::VALKEY_ONLY;

/// The groups that a run may choose from.
pub(super) const GROUPS: &[Group] = &[
    Group { name: "string", forms: string::FORMS },
    Group { name: "list", forms: list::FORMS },
    Group { name: "set", forms: set::FORMS },
    Group { name: "hash", forms: hash::FORMS },
    Group { name: "bitmap", forms: bitmap::FORMS },
    Group { name: "hyperloglog", forms: hyperloglog::FORMS },
    Group { name: "sorted_set", forms: sorted_set::FORMS },
    Group { name: "geo", forms: geo::FORMS },
    Group { name: "stream", forms: stream::FORMS },
];

/// How often, what, and how replies are compared.
pub(super) struct Form {
    /// How often it is chosen, relative to the others.
    pub(super) weight: u64,
    /// Words and placeholders; a last word that ends in `...` comes once to five times.
    pub(super) words: &'static str,
    /// Options, of which some follow in any order, rightly or not.
    pub(super) options: &'static [&'static str],
    pub(super) compare: Compare,
}

#[derive(Clone, Copy)]
pub(super) enum Compare {
    /// Byte by byte.
    Exact,
    /// Numbers may differ by up to this.
    Near(u64),
    /// Elements in any order.
    Sorted,
    /// The same; sent as it is, because with other arguments it would choose at random.
    AllOfRandom,
    /// Keys and values in turn, in any order of keys.
    Pairs,
    /// Only the type of the reply.
    Type,
    /// As [`encoding_rules`] says.
    Encoding,
    /// All calls of an iteration together.
    Scan,
    /// Exact; a pause follows, in which a deadline passes.
    ThenWait,
}

pub(super) const fn form(weight: u64, words: &'static str) -> Form {
    Form { weight, words, options: &[], compare: Compare::Exact }
}

pub(super) const fn with_options(weight: u64, words: &'static str, options: &'static [&'static str]) -> Form {
    Form { weight, words, options, compare: Compare::Exact }
}

pub(super) const fn compared(weight: u64, words: &'static str, compare: Compare) -> Form {
    Form { weight, words, options: &[], compare }
}
