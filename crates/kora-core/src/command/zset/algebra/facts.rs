//! What is known of the commands that combine sets.

use super::{zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore};
use crate::command::spec::{Arg, BeginSearch, CommandSpec, Facts, FindKeys, Flags, KeyFlags, KeySpec};
use crate::command::zset::FAMILY;

const fn numbered_keys(at: usize) -> KeySpec {
    KeySpec {
        flags: KeyFlags::RO.access(),
        begin: BeginSearch::Index(at),
        find: FindKeys::KeyNum { number_at: 0, first: 1, step: 1 },
        notes: None,
    }
}

const NUMKEYS: Arg = Arg::integer("numkeys");
const KEYS: Arg = Arg::key("key").multiple();
const DESTINATION: Arg = Arg::key("destination");
const WEIGHTS: Arg = Arg::integer("weight").token("WEIGHTS").optional().multiple();
const AGGREGATE: Arg =
    Arg::one_of("aggregate", &[Arg::word("sum", "SUM"), Arg::word("min", "MIN"), Arg::word("max", "MAX")])
        .token("AGGREGATE")
        .optional();
const WITHSCORES: Arg = Arg::word("withscores", "WITHSCORES").optional();

const UNION_COMPLEXITY: &str = "O(N)+O(M*log(M)) for N members in all sets and M in the result";
const INTERSECTION_COMPLEXITY: &str =
    "O(N*K)+O(M*log(M)) for N members in the smallest of K sets and M in the result";
const DIFFERENCE_COMPLEXITY: &str =
    "O(N*K)+O(M*log(M)) for N members in the first of K sets and M in the result";

/// What the commands that only read have in common.
const READ: Facts = Facts {
    arity: -3,
    flags: Flags::READONLY.with(Flags::MOVABLEKEYS),
    keys: &[numbered_keys(1)],
    since: "6.2.0",
    ..FAMILY
};

/// What the commands that store have in common.
const STORE: Facts = Facts {
    arity: -4,
    flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::MOVABLEKEYS),
    keys: &[KeySpec::one(KeyFlags::OW.update(), 1), numbered_keys(2)],
    since: "2.0.0",
    ..FAMILY
};

pub(in super::super) const ZUNION: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zunion",
        summary: "Lists the members that any of the given sorted sets has",
        complexity: UNION_COMPLEXITY,
        args: &[NUMKEYS, KEYS, WEIGHTS, AGGREGATE, WITHSCORES],
        ..READ
    },
    handler: zunion,
};

pub(in super::super) const ZINTER: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zinter",
        summary: "Lists the members that all of the given sorted sets have",
        complexity: INTERSECTION_COMPLEXITY,
        args: &[NUMKEYS, KEYS, WEIGHTS, AGGREGATE, WITHSCORES],
        ..READ
    },
    handler: zinter,
};

pub(in super::super) const ZDIFF: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zdiff",
        summary: "Lists the members of the first sorted set that none of the others has",
        complexity: DIFFERENCE_COMPLEXITY,
        args: &[NUMKEYS, KEYS, WITHSCORES],
        ..READ
    },
    handler: zdiff,
};

pub(in super::super) const ZINTERCARD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zintercard",
        since: "7.0.0",
        summary: "Counts the members that all of the given sorted sets have",
        complexity: "O(N*K) for N members in the smallest of K sets",
        args: &[NUMKEYS, KEYS, Arg::integer("limit").token("LIMIT").optional()],
        ..READ
    },
    handler: zintercard,
};

pub(in super::super) const ZUNIONSTORE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zunionstore",
        summary: "Stores the members that any of the given sorted sets has under a key",
        complexity: UNION_COMPLEXITY,
        args: &[DESTINATION, NUMKEYS, KEYS.spec(1), WEIGHTS, AGGREGATE],
        ..STORE
    },
    handler: zunionstore,
};

pub(in super::super) const ZINTERSTORE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zinterstore",
        summary: "Stores the members that all of the given sorted sets have under a key",
        complexity: INTERSECTION_COMPLEXITY,
        args: &[DESTINATION, NUMKEYS, KEYS.spec(1), WEIGHTS, AGGREGATE],
        ..STORE
    },
    handler: zinterstore,
};

pub(in super::super) const ZDIFFSTORE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zdiffstore",
        since: "6.2.0",
        summary: "Stores the members of the first sorted set that none of the others has under a key",
        complexity: DIFFERENCE_COMPLEXITY,
        args: &[DESTINATION, NUMKEYS, KEYS.spec(1)],
        ..STORE
    },
    handler: zdiffstore,
};
