//! What is known of the commands that list or store a range.

use super::{zrange, zrangebylex, zrangebyscore, zrangestore, zrevrange, zrevrangebylex, zrevrangebyscore};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::command::zset::{FAMILY, READS_KEY};

const OFFSET_AND_COUNT: Arg = Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")]);

const LIMIT: Arg = OFFSET_AND_COUNT.token("LIMIT").optional();

const BY: &[Arg] = &[Arg::word("byscore", "BYSCORE"), Arg::word("bylex", "BYLEX")];

const WITHSCORES: Arg = Arg::word("withscores", "WITHSCORES").optional();

const COMPLEXITY: &str = "O(log(N)+M) for M members given of N";

/// What the commands that list a range have in common.
const LIST: Facts =
    Facts { arity: -4, flags: Flags::READONLY, keys: READS_KEY, complexity: COMPLEXITY, ..FAMILY };

pub(in super::super) const ZRANGE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zrange",
        since: "1.2.0",
        summary: "Lists the members of a sorted set in a range of ranks, scores or names",
        args: &[
            Arg::key("key"),
            Arg::string("start"),
            Arg::string("stop"),
            Arg::one_of("sortby", BY).optional().since("6.2.0"),
            Arg::word("rev", "REV").optional().since("6.2.0"),
            LIMIT.since("6.2.0"),
            WITHSCORES,
        ],
        history: &[("6.2.0", "Options `REV`, `BYSCORE`, `BYLEX` and `LIMIT`")],
        ..LIST
    },
    handler: zrange,
};

pub(in super::super) const ZREVRANGE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zrevrange",
        since: "1.2.0",
        summary: "Lists the members of a sorted set in a range of ranks, highest score first",
        args: &[Arg::key("key"), Arg::integer("start"), Arg::integer("stop"), WITHSCORES],
        deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` argument")),
        ..LIST
    },
    handler: zrevrange,
};

pub(in super::super) const ZRANGEBYSCORE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zrangebyscore",
        since: "1.0.5",
        summary: "Lists the members of a sorted set between two scores",
        args: &[Arg::key("key"), Arg::double("min"), Arg::double("max"), WITHSCORES.since("2.0.0"), LIMIT],
        deprecated: Some(("6.2.0", "`ZRANGE` with the `BYSCORE` argument")),
        history: &[("2.0.0", "Option `WITHSCORES`")],
        ..LIST
    },
    handler: zrangebyscore,
};

pub(in super::super) const ZREVRANGEBYSCORE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zrevrangebyscore",
        since: "2.2.0",
        summary: "Lists the members of a sorted set between two scores, highest score first",
        args: &[Arg::key("key"), Arg::double("max"), Arg::double("min"), WITHSCORES, LIMIT],
        deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` and `BYSCORE` arguments")),
        history: &[("2.1.6", "Either end can be exclusive")],
        ..LIST
    },
    handler: zrevrangebyscore,
};

pub(in super::super) const ZRANGEBYLEX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zrangebylex",
        since: "2.8.9",
        summary: "Lists the members between two others in a sorted set of one score",
        args: &[Arg::key("key"), Arg::string("min"), Arg::string("max"), LIMIT],
        deprecated: Some(("6.2.0", "`ZRANGE` with the `BYLEX` argument")),
        ..LIST
    },
    handler: zrangebylex,
};

pub(in super::super) const ZREVRANGEBYLEX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zrevrangebylex",
        since: "2.8.9",
        summary: "Lists the members between two others in a sorted set of one score, last first",
        args: &[Arg::key("key"), Arg::string("max"), Arg::string("min"), LIMIT],
        deprecated: Some(("6.2.0", "`ZRANGE` with the `REV` and `BYLEX` arguments")),
        ..LIST
    },
    handler: zrevrangebylex,
};

pub(in super::super) const ZRANGESTORE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zrangestore",
        arity: -5,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: &[KeySpec::one(KeyFlags::OW.update(), 1), KeySpec::one(KeyFlags::RO.access(), 2)],
        since: "6.2.0",
        summary: "Stores the members of a sorted set in a range of ranks, scores or names under a key",
        complexity: "O(log(N)+M) for M members stored of N",
        args: &[
            Arg::key("dst"),
            Arg::key("src").spec(1),
            Arg::string("min"),
            Arg::string("max"),
            Arg::one_of("sortby", BY).optional(),
            Arg::word("rev", "REV").optional(),
            LIMIT,
        ],
        ..FAMILY
    },
    handler: zrangestore,
};
