//! The sets of flags in a declaration: what a command does, who may run it, what becomes of its keys.
//!
//! Source of the vocabulary: Redis documentation, "Command flags", "ACL categories" and "Key specifications".

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

            /// Whether any of `other` is in this set.
            #[inline]
            #[must_use]
            pub const fn has_any(self, other: Self) -> bool {
                self.0 & other.0 != 0
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
        /// Of a data type or engine that the core does not know.
        MODULE = 22, "module";
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

bit_set! {
    /// What the engine asks of a command beyond Redis's flags. None of it is shown to clients.
    Traits: u16 {
        /// Runs only where `enable-debug-command` allows it.
        DEBUG = 0, "debug";
        /// Open to a client of RESP2 that is subscribed.
        SUBSCRIBED = 1, "subscribed";
        /// Runs at once between MULTI and EXEC.
        NEVER_QUEUED = 2, "never_queued";
        /// Runs what was queued: EXEC.
        RUNS_QUEUE = 3, "runs_queue";
        /// Watches keys: WATCH.
        WATCHES = 4, "watches";
        /// Refused, like a write, while writes can't be kept: PING, so that a probe hears of it.
        PROBE = 5, "probe";
        /// Changes another database than the one it runs in.
        OTHER_DATABASE = 6, "other_database";
        /// Answered once the memory is free of what it deletes, unless it is told otherwise: FLUSHALL, FLUSHDB.
        FREES_FIRST = 7, "frees_first";
        /// Puts what files hold in the place of all data and functions; so no script may call it: DEBUG RELOAD, DEBUG LOADAOF.
        RELOADS = 8, "reloads";
        /// Goes through all keys of a database a slice at a time, if there are many: KEYS. What its reply lists may change meanwhile.
        IN_SLICES = 9, "in_slices";
        /// Goes on as an errand if it takes long: searches.
        STANDS_ASIDE = 10, "stands_aside";
        /// May turn out to need all stores, once it has looked at those of its keys.
        MAY_NEED_ALL = 11, "may_need_all";
        /// What was said of the next command, whether its keys are noted, holds for the one behind: CLIENT and its subcommands.
        KEEPS_CACHING = 12, "keeps_caching";
        /// Would load or unload modules, which is never allowed: MODULE LOAD and its kin.
        LOADS_MODULES = 13, "loads_modules";
    }
}

bit_set! {
    /// What becomes of a key. `RO`, `RW`, `OW` and `RM` say what the command does to the value and its metadata as a whole,
    /// the others what it does to the data that a user has put there.
    KeyFlags: u16 {
        /// Reads the value.
        RO = 0, "RO";
        /// Reads and changes the value.
        RW = 1, "RW";
        /// Overwrites the value, whatever it was.
        OW = 2, "OW";
        /// Removes the key.
        RM = 3, "RM";
        /// Returns, copies or otherwise uses the data.
        ACCESS = 4, "access";
        /// Changes the data in a way that depends on what they were, or overwrites them.
        UPDATE = 5, "update";
        /// Adds data; what was there stays.
        INSERT = 6, "insert";
        /// Deletes data.
        DELETE = 7, "delete";
        /// What stands there is no key, though routed like one: a shard channel.
        NOT_KEY = 8, "not_key";
        /// The specification does not find all keys.
        INCOMPLETE = 9, "incomplete";
        /// The others depend on the arguments.
        VARIABLE_FLAGS = 10, "variable_flags";
    }
}

impl KeyFlags {
    /// With [`Self::ACCESS`].
    #[must_use]
    pub const fn access(self) -> Self {
        self.with(Self::ACCESS)
    }

    /// With [`Self::UPDATE`].
    #[must_use]
    pub const fn update(self) -> Self {
        self.with(Self::UPDATE)
    }

    /// With [`Self::INSERT`].
    #[must_use]
    pub const fn insert(self) -> Self {
        self.with(Self::INSERT)
    }

    /// With [`Self::DELETE`].
    #[must_use]
    pub const fn delete(self) -> Self {
        self.with(Self::DELETE)
    }

    /// With [`Self::INCOMPLETE`].
    #[must_use]
    pub const fn incomplete(self) -> Self {
        self.with(Self::INCOMPLETE)
    }

    /// With [`Self::VARIABLE_FLAGS`].
    #[must_use]
    pub const fn variable_flags(self) -> Self {
        self.with(Self::VARIABLE_FLAGS)
    }

    /// What holds of a key that was found: not how far its specification is to be trusted.
    #[must_use]
    pub const fn of_found(self) -> Self {
        Self(self.0 & !Self::INCOMPLETE.with(Self::VARIABLE_FLAGS).0)
    }
}
