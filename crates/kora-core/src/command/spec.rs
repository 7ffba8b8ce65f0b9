//! The one declaration of a command. Arity errors, routing, ACL checks, COMMAND, COMMAND DOCS, COMMAND GETKEYS,
//! the client's hints and `docs/commands.md` are all derived from it.

use std::borrow::Cow;

mod arg;
mod flags;
mod key_spec;

pub use arg::{Arg, ArgType};
pub use flags::{Categories, Flags, KeyFlags, Traits};
pub use key_spec::{BeginSearch, FindKeys, KeySpec};

use crate::command::keys::KeyFinder;
pub use crate::context::CoreHandler;
use crate::slot::Slot;

/// Tells what becomes of the keys of a command by its arguments.
pub type KeyFlagsFinder = fn(&[&[u8]]) -> KeyFlags;

/// Makes of a command's arguments what all its keys begin with.
pub type PrefixFinder = fn(&[&[u8]]) -> Option<Vec<u8>>;

/// Calls with the slots of the keys that a command makes of its arguments, the name included; with none if it will refuse them.
pub type SlotFinder = fn(&[&[u8]], &mut dyn FnMut(Slot));

/// Tells whether one of a command's arguments, the name included, is not to be seen in logs.
pub type SecretFinder = fn(&[&[u8]], usize) -> bool;

/// A command: its facts and what runs it.
#[derive(Debug)]
pub struct CommandSpec<H: 'static = CoreHandler> {
    /// What is known of it without running it.
    pub facts: Facts,
    /// What runs it.
    pub handler: H,
}

/// What is known of a command without running it.
// Many fields: each is a fact, and a declaration leaves most of them out.
#[derive(Debug)]
pub struct Facts {
    /// Full name in lower case: `get`, or `object|encoding` for a subcommand.
    pub name: &'static str,
    /// Number of arguments, the name (and subcommand's name) included; negative: at least that many.
    pub arity: i32,
    /// Behaviour flags.
    pub flags: Flags,
    /// What the engine asks of it beyond the flags.
    pub traits: Traits,
    /// ACL categories beyond those the flags imply.
    pub categories: Categories,
    /// Where its keys stand.
    pub keys: &'static [KeySpec],
    /// Finds its keys by the command's own rules where the specifications mislead: where a value may look like the word
    /// behind which keys stand.
    pub key_finder: Option<KeyFinder>,
    /// What becomes of its keys, where that depends on the arguments, which fit the arity.
    pub key_flags: Option<KeyFlagsFinder>,
    /// What all keys begin with that it may look at, if none of its arguments is a key but the first says which those are.
    pub key_prefix: Option<PrefixFinder>,
    /// Which of its arguments are channels that the client must be allowed to use.
    pub channels: Channels,
    /// The arguments that name members or fields of the value of its only key, which are fetched ahead: the first and the distance to the
    /// next, [`usize::MAX`] if there is one.
    pub parts: Option<(usize, usize)>,
    /// Tells the slots of the keys that it makes of its arguments: with [`Route::Made`].
    pub slots: Option<SlotFinder>,
    /// Which of its arguments are secret, if any are.
    pub secrets: Option<SecretFinder>,
    /// How it spreads over shards.
    pub route: Route,
    /// Documentation group.
    pub group: Group,
    /// First version that had it.
    pub since: &'static str,
    /// One sentence, without a full stop.
    pub summary: &'static str,
    /// Big-O time, in words.
    pub complexity: &'static str,
    /// Its arguments after the name.
    pub args: &'static [Arg],
    /// Version since which it is deprecated and what replaces it.
    pub deprecated: Option<(&'static str, &'static str)>,
    /// Changes of its form by version.
    pub history: &'static [(&'static str, &'static str)],
    /// COMMAND tips for proxies and cluster clients.
    pub tips: &'static [&'static str],
    /// Whether COMMAND DOCS flags it as a system command, of no interest to applications.
    pub is_syscmd: bool,
    /// Left out of what COMMAND lists: a declaration that Redis does not have as a command of its own, needed here
    /// because its keys stand elsewhere than its container's.
    pub hidden: bool,
    /// The errors that it answers are what it was asked for: they count as no failure.
    pub errs_on_demand: bool,
}

impl Facts {
    /// Facts with everything optional left out: for `..Facts::NONE` in declarations.
    pub const NONE: Self = Self {
        name: "",
        arity: -1,
        flags: Flags(0),
        traits: Traits(0),
        categories: Categories(0),
        keys: &[],
        key_finder: None,
        key_flags: None,
        key_prefix: None,
        channels: Channels::None,
        parts: None,
        slots: None,
        secrets: None,
        route: Route::Keys,
        group: Group::Generic,
        since: "1.0.0",
        summary: "",
        complexity: "",
        args: &[],
        deprecated: None,
        history: &[],
        tips: &[],
        is_syscmd: false,
        hidden: false,
        errs_on_demand: false,
    };

    /// The name by which Redis knows the command: what is hidden goes by that of its container.
    #[must_use]
    pub fn known_name(&self) -> &'static str {
        match self.name.split_once('|') {
            Some((container, _)) if self.hidden => container,
            _ => self.name,
        }
    }

    /// The name in errors: what is of a module in Redis is called as that has registered it.
    #[must_use]
    pub fn told_name(&self) -> Cow<'static, str> {
        let name = self.known_name();
        let is_in_capitals =
            self.flags.has(Flags::MODULE) && (name.starts_with("ft.") || !name.contains('.'));
        if is_in_capitals { name.to_ascii_uppercase().into() } else { name.into() }
    }

    /// Whether `argument_count`, the name included, fits the arity.
    #[inline]
    #[must_use]
    pub fn takes(&self, argument_count: usize) -> bool {
        let least = self.arity.unsigned_abs() as usize;
        if self.arity >= 0 { argument_count == least } else { argument_count >= least }
    }
}

impl Facts {
    /// Whether the command may put itself off: until a key is ready, until all stores are in hand, or until another shard's
    /// is; or go on as an errand.
    #[inline]
    #[must_use]
    pub fn may_defer(&self) -> bool {
        self.flags.has(Flags::BLOCKING)
            || matches!(self.route, Route::Script | Route::Cursor)
            || self.may_need_all()
            || self.stands_aside()
    }

    /// Whether it may turn out to need all stores.
    #[inline]
    #[must_use]
    pub fn may_need_all(&self) -> bool {
        self.route == Route::Script || self.traits.has(Traits::MAY_NEED_ALL)
    }

    /// Whether it may go on as an errand.
    #[inline]
    #[must_use]
    pub fn stands_aside(&self) -> bool {
        self.traits.has(Traits::STANDS_ASIDE)
    }

    /// Whether it runs a slice at a time, if there is much to look at.
    #[inline]
    #[must_use]
    pub fn runs_in_slices(&self) -> bool {
        self.traits.has(Traits::IN_SLICES)
    }

    /// Whether it may pause: a script.
    #[inline]
    #[must_use]
    pub fn may_pause(&self) -> bool {
        self.route == Route::Script
    }

    /// All ACL categories: those declared and those the flags imply.
    #[must_use]
    pub fn all_categories(&self) -> Categories {
        let mut all = self.categories;
        let implied = [
            (Flags::WRITE, Categories::WRITE),
            (Flags::READONLY, Categories::READ),
            (Flags::ADMIN, Categories::ADMIN.with(Categories::DANGEROUS)),
            (Flags::PUBSUB, Categories::PUBSUB),
            (Flags::BLOCKING, Categories::BLOCKING),
            (Flags::FAST, Categories::FAST),
        ];
        for (flag, category) in implied {
            if self.flags.has(flag) {
                all = all.with(category);
            }
        }
        if self.flags.has(Flags::READONLY) && all.has(Categories::SCRIPTING) {
            all = Categories(all.0 & !Categories::READ.0);
        }
        if all.has(Categories::FAST) { all } else { all.with(Categories::SLOW) }
    }
}

/// Which arguments of a command are channels of publish/subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// None is.
    None,
    /// The first is.
    One,
    /// All are.
    Literals,
    /// All are patterns of channels.
    Patterns,
}

/// Documentation groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Redis's and explain themselves")]
pub enum Group {
    Generic,
    String,
    List,
    Set,
    SortedSet,
    Hash,
    PubSub,
    Transactions,
    Connection,
    Server,
    Scripting,
    HyperLogLog,
    Cluster,
    Geo,
    Stream,
    Bitmap,
    Module,
}

impl Group {
    /// The name in COMMAND DOCS.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Hash => "hash",
            Self::PubSub => "pubsub",
            Self::Transactions => "transactions",
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Scripting => "scripting",
            Self::HyperLogLog => "hyperloglog",
            Self::Cluster => "cluster",
            Self::Geo => "geo",
            Self::Stream => "stream",
            Self::Bitmap => "bitmap",
            Self::Module => "module",
        }
    }
}

/// How a command spreads over shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// It needs the shards of its keys together; keys on one shard run there, keys on several lend their stores.
    /// Without keys it runs wherever it arrives.
    Keys,
    /// Its keys are independent: each runs as a command of its own (the name, then the key and the `step - 1`
    /// arguments behind it), and the replies merge.
    Split(Merge),
    /// Every shard runs the whole command on its own keys, and the replies merge.
    AllShards(Merge),
    /// One handler needs all stores in hand.
    LendAll,
    /// The shard is written into the cursor, the first argument.
    Cursor,
    /// As `Keys`, for a command that runs others: it may turn out to need all stores, so it is an operation of its own.
    Script,
    /// As `Keys`; all stores if patterns among the arguments name further keys by what keys hold.
    Patterns,
    /// It makes its keys of its arguments ([`Facts::slots`]), none of which is a key; it needs their shards together.
    Made,
    /// It needs no store: it runs wherever it arrives, whatever its key specifications say.
    Anywhere,
}

/// How the replies of the parts of one command become its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// Integers are added.
    Sum,
    /// Arrays are joined, in the order of keys or shards.
    Concat,
    /// All parts answer alike: the first is taken.
    First,
}
