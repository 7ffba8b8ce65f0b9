//! Facts of the transaction commands but WATCH, which is the core's.

use kora_core::command::spec::{Categories, Facts, Flags, Group, Traits};

/// What they have in common.
const FAMILY: Facts = Facts {
    arity: 1,
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE).with(Flags::FAST).with(Flags::ALLOW_BUSY),
    traits: Traits::NEVER_QUEUED,
    categories: Categories::TRANSACTION,
    group: Group::Transactions,
    complexity: "O(1)",
    ..Facts::NONE
};

/// `MULTI`.
pub const MULTI: Facts =
    Facts { name: "multi", since: "1.2.0", summary: "Begins to queue commands for a transaction", ..FAMILY };

/// `EXEC`.
pub const EXEC: Facts = Facts {
    name: "exec",
    flags: Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE).with(Flags::SKIP_SLOWLOG),
    traits: Traits::NEVER_QUEUED.with(Traits::RUNS_QUEUE),
    since: "1.2.0",
    summary: "Runs the queued commands as a unit, or none if a watched key has changed",
    complexity: "That of the queued commands, and O(1) for every watched key",
    ..FAMILY
};

/// `DISCARD`.
pub const DISCARD: Facts = Facts {
    name: "discard",
    since: "2.0.0",
    summary: "Drops the queued commands and forgets the watched keys",
    complexity: "O(N) with N queued commands and watched keys",
    ..FAMILY
};

/// `UNWATCH`.
pub const UNWATCH: Facts = Facts {
    name: "unwatch",
    traits: Traits(0),
    since: "2.2.0",
    summary: "Forgets the watched keys",
    complexity: "O(N) with N watched keys",
    ..FAMILY
};
