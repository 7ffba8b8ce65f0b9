//! The one declaration of a command. Arity errors, routing, ACL checks, COMMAND, COMMAND DOCS, COMMAND GETKEYS,
//! the client's hints and `docs/commands.md` are all derived from it.
//!
//! Source of the vocabulary (flags, key specifications, argument types): Redis documentation, "Command key
//! specifications" and "Command arguments".

use crate::command::keys::KeyFinder;
pub use crate::context::CoreHandler;

/// A command: its facts and what runs it.
#[derive(Debug)]
pub struct CommandSpec<H: 'static = CoreHandler> {
    /// What is known of it without running it.
    pub facts: Facts,
    /// What runs it.
    pub handler: H,
}

/// What is known of a command without running it.
#[derive(Debug)]
pub struct Facts {
    /// Full name in lower case: `get`, or `object|encoding` for a subcommand.
    pub name: &'static str,
    /// Number of arguments, the name (and subcommand's name) included; negative: at least that many.
    pub arity: i32,
    /// Behaviour flags.
    pub flags: Flags,
    /// ACL categories beyond those the flags imply.
    pub categories: Categories,
    /// Where its keys stand.
    pub keys: &'static [KeySpec],
    /// Finds its keys by the command's own rules where the specifications mislead: where a value may look like the word
    /// behind which keys stand.
    pub key_finder: Option<KeyFinder>,
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
}

impl Facts {
    /// Facts with everything optional left out: for `..Facts::NONE` in declarations.
    pub const NONE: Self = Self {
        name: "",
        arity: -1,
        flags: Flags(0),
        categories: Categories(0),
        keys: &[],
        key_finder: None,
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
    };

    /// The name by which Redis knows the command: what is hidden goes by that of its container.
    #[must_use]
    pub fn known_name(&self) -> &'static str {
        match self.name.split_once('|') {
            Some((container, _)) if self.hidden => container,
            _ => self.name,
        }
    }

    /// Whether `argument_count`, the name included, fits the arity.
    #[inline]
    #[must_use]
    pub fn takes(&self, argument_count: usize) -> bool {
        let least = self.arity.unsigned_abs() as usize;
        if self.arity >= 0 { argument_count == least } else { argument_count >= least }
    }
}

macro_rules! bit_set {
    ($(#[$meta:meta])* $name:ident: $repr:ty { $($(#[$const_meta:meta])* $const_name:ident = $bit:expr, $text:expr;)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub $repr);

        impl $name {
            $($(#[$const_meta])* pub const $const_name: Self = Self(1 << $bit);)*

            /// Both sets together.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Whether all of `other` is in this set.
            #[inline]
            #[must_use]
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Names of what is in this set, in the order Redis lists them.
            pub fn names(self) -> impl Iterator<Item = &'static str> {
                [$((Self::$const_name, $text)),*].into_iter().filter(move |(flag, _)| self.has(*flag)).map(|(_, name)| name)
            }
        }
    };
}

bit_set! {
    /// Behaviour flags of a command, as COMMAND INFO lists them.
    Flags: u32 {
        /// May change the data set.
        WRITE = 0, "write";
        /// Only reads the data set.
        READONLY = 1, "readonly";
        /// Refused when memory is short.
        DENYOOM = 2, "denyoom";
        /// For administrators.
        ADMIN = 3, "admin";
        /// Belongs to publish/subscribe.
        PUBSUB = 4, "pubsub";
        /// Not allowed in scripts.
        NOSCRIPT = 5, "noscript";
        /// May block the client.
        BLOCKING = 6, "blocking";
        /// Allowed while the data set is loaded.
        LOADING = 7, "loading";
        /// Allowed on a replica with stale data.
        STALE = 8, "stale";
        /// Not sent to MONITOR.
        SKIP_MONITOR = 9, "skip_monitor";
        /// Not kept in SLOWLOG.
        SKIP_SLOWLOG = 10, "skip_slowlog";
        /// Cluster: implies ASKING.
        ASKING = 11, "asking";
        /// Constant or logarithmic time.
        FAST = 12, "fast";
        /// Allowed before authentication.
        NO_AUTH = 13, "no_auth";
        /// May cause replication traffic although not a write.
        MAY_REPLICATE = 14, "may_replicate";
        /// Sentinel knows it too.
        SENTINEL = 15, "sentinel";
        /// Only Sentinel knows it.
        ONLY_SENTINEL = 16, "only_sentinel";
        /// Its key positions need not be checked in a script that declares none.
        NO_MANDATORY_KEYS = 17, "no_mandatory_keys";
        /// Not while a replica loads data in the background and goes on serving the old ones.
        NO_ASYNC_LOADING = 18, "no_async_loading";
        /// Not allowed in a transaction.
        NO_MULTI = 19, "no_multi";
        /// Keys can't be told from positions alone.
        MOVABLEKEYS = 20, "movablekeys";
        /// May run while other clients are paused or blocked by a busy script.
        ALLOW_BUSY = 21, "allow_busy";
    }
}

bit_set! {
    /// ACL categories.
    Categories: u32 {
        /// `@keyspace`.
        KEYSPACE = 0, "keyspace";
        /// `@read`.
        READ = 1, "read";
        /// `@write`.
        WRITE = 2, "write";
        /// `@set`.
        SET = 3, "set";
        /// `@sortedset`.
        SORTEDSET = 4, "sortedset";
        /// `@list`.
        LIST = 5, "list";
        /// `@hash`.
        HASH = 6, "hash";
        /// `@string`.
        STRING = 7, "string";
        /// `@bitmap`.
        BITMAP = 8, "bitmap";
        /// `@hyperloglog`.
        HYPERLOGLOG = 9, "hyperloglog";
        /// `@geo`.
        GEO = 10, "geo";
        /// `@stream`.
        STREAM = 11, "stream";
        /// `@pubsub`.
        PUBSUB = 12, "pubsub";
        /// `@admin`.
        ADMIN = 13, "admin";
        /// `@fast`.
        FAST = 14, "fast";
        /// `@slow`.
        SLOW = 15, "slow";
        /// `@blocking`.
        BLOCKING = 16, "blocking";
        /// `@dangerous`.
        DANGEROUS = 17, "dangerous";
        /// `@connection`.
        CONNECTION = 18, "connection";
        /// `@transaction`.
        TRANSACTION = 19, "transaction";
        /// `@scripting`.
        SCRIPTING = 20, "scripting";
    }
}

impl Facts {
    /// Whether the command may put itself off: until a key is ready, until all stores are in hand, or until another shard's
    /// is.
    #[inline]
    #[must_use]
    pub fn may_defer(&self) -> bool {
        self.flags.has(Flags::BLOCKING) || matches!(self.route, Route::Script | Route::Cursor)
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

/// Where some of a command's keys stand, and what becomes of them.
#[derive(Clone, Copy, Debug)]
pub struct KeySpec {
    /// Flags as COMMAND INFO lists them: first one of `RO RW OW RM`, then `access`, `update`, `insert`, `delete` ...
    pub flags: &'static [&'static str],
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
    pub const fn range(flags: &'static [&'static str], first: usize, last: i32, step: usize) -> Self {
        Self {
            flags,
            begin: BeginSearch::Index(first),
            find: FindKeys::Range { last, step, limit: 0 },
            notes: None,
        }
    }

    /// One key at argument `index`.
    #[must_use]
    pub const fn one(flags: &'static [&'static str], index: usize) -> Self {
        Self::range(flags, index, 0, 1)
    }

    /// The same with something to add in words.
    #[must_use]
    pub const fn noted(mut self, notes: &'static str) -> Self {
        self.notes = Some(notes);
        self
    }
}

/// What kind of thing an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are Redis's and explain themselves")]
pub enum ArgType {
    Key,
    String,
    Integer,
    Double,
    UnixTime,
    Pattern,
    PureToken,
    OneOf,
    Block,
}

impl ArgType {
    /// The name in COMMAND DOCS.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::UnixTime => "unix-time",
            Self::Pattern => "pattern",
            Self::PureToken => "pure-token",
            Self::OneOf => "oneof",
            Self::Block => "block",
        }
    }
}

/// One argument of a command, or a group of them.
#[derive(Clone, Copy, Debug)]
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: ArgType,
    /// The word that precedes it, or that it consists of.
    pub token: Option<&'static str>,
    /// Index into the command's key specifications, for keys.
    pub key_spec: usize,
    /// Whether it may be left out.
    pub is_optional: bool,
    /// Whether it may be repeated.
    pub is_multiple: bool,
    /// Whether its token is repeated with it.
    pub is_token_multiple: bool,
    /// First version that had it, if later than the command.
    pub since: Option<&'static str>,
    /// Version since which it is deprecated.
    pub deprecated: Option<&'static str>,
    /// Name shown instead of `name`, where Redis shows another one.
    pub display: Option<&'static str>,
    /// Its parts, for [`ArgType::OneOf`] and [`ArgType::Block`].
    pub parts: &'static [Arg],
}

impl Arg {
    /// An argument of `kind`.
    #[must_use]
    pub const fn new(name: &'static str, kind: ArgType) -> Self {
        Self {
            name,
            kind,
            token: None,
            key_spec: 0,
            is_optional: false,
            is_multiple: false,
            is_token_multiple: false,
            since: None,
            deprecated: None,
            display: None,
            parts: &[],
        }
    }

    /// A key, described by the command's first key specification.
    #[must_use]
    pub const fn key(name: &'static str) -> Self {
        Self::new(name, ArgType::Key)
    }

    /// A string.
    #[must_use]
    pub const fn string(name: &'static str) -> Self {
        Self::new(name, ArgType::String)
    }

    /// An integer.
    #[must_use]
    pub const fn integer(name: &'static str) -> Self {
        Self::new(name, ArgType::Integer)
    }

    /// A floating-point number.
    #[must_use]
    pub const fn double(name: &'static str) -> Self {
        Self::new(name, ArgType::Double)
    }

    /// A bare word.
    #[must_use]
    pub const fn word(name: &'static str, token: &'static str) -> Self {
        Self::new(name, ArgType::PureToken).token(token)
    }

    /// One of several.
    #[must_use]
    pub const fn one_of(name: &'static str, parts: &'static [Self]) -> Self {
        let mut arg = Self::new(name, ArgType::OneOf);
        arg.parts = parts;
        arg
    }

    /// Several that belong together.
    #[must_use]
    pub const fn block(name: &'static str, parts: &'static [Self]) -> Self {
        let mut arg = Self::new(name, ArgType::Block);
        arg.parts = parts;
        arg
    }

    /// Preceded by a word.
    #[must_use]
    pub const fn token(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    /// May be left out.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// May be repeated.
    #[must_use]
    pub const fn multiple(mut self) -> Self {
        self.is_multiple = true;
        self
    }

    /// Its token is repeated with it.
    #[must_use]
    pub const fn repeated_token(mut self) -> Self {
        self.is_token_multiple = true;
        self
    }

    /// Added in a later version than the command.
    #[must_use]
    pub const fn since(mut self, version: &'static str) -> Self {
        self.since = Some(version);
        self
    }

    /// Deprecated since a version.
    #[must_use]
    pub const fn deprecated(mut self, version: &'static str) -> Self {
        self.deprecated = Some(version);
        self
    }

    /// Shown under another name.
    #[must_use]
    pub const fn display(mut self, name: &'static str) -> Self {
        self.display = Some(name);
        self
    }

    /// Described by another key specification than the first.
    #[must_use]
    pub const fn spec(mut self, index: usize) -> Self {
        self.key_spec = index;
        self
    }
}
