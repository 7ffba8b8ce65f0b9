//! Sorted sets. Ranges of names are asked for under keys of their own, where all scores are the same: elsewhere what
//! Redis answers depends on chance once a set is large.

use super::{Compare, Form, compared, form, with_options};

const RANGE_OPTIONS: &[&str] = &[
    "WITHSCORES",
    "REV",
    "BYSCORE",
    "LIMIT <index> <index>",
    "BYLEX",
    "WITHSCORES",
    "REV",
    "LIMIT <junk> 1",
];

const OLD_RANGE_OPTIONS: &[&str] = &["WITHSCORES", "LIMIT <index> <index>", "LIMIT <index> <junk>", "REV"];

const ALGEBRA_OPTIONS: &[&str] = &[
    "WITHSCORES",
    "WEIGHTS <float> <float>",
    "AGGREGATE SUM",
    "AGGREGATE MIN",
    "AGGREGATE MAX",
    "AGGREGATE <junk>",
    "WEIGHTS 1 <junk>",
];

const STORE_OPTIONS: &[&str] =
    &["WEIGHTS <float> <float>", "AGGREGATE MIN", "AGGREGATE MAX", "WEIGHTS inf 0"];

pub(super) const FORMS: &[Form] = &[
    form(60, "ZADD <key> <score>+<zset-member>..."),
    form(40, "ZADD <key> <zadd-option> <score>+<zset-member>..."),
    form(20, "ZADD <key> <zadd-option> <zadd-option> <score> <zset-member>"),
    form(25, "ZINCRBY <key> <score> <zset-member>"),
    form(25, "ZREM <key> <zset-member>..."),
    form(10, "ZCARD <key>"),
    form(15, "ZSCORE <key> <zset-member>"),
    form(10, "ZMSCORE <key> <zset-member>..."),
    with_options(15, "ZRANK <key> <zset-member>", &["WITHSCORE", "<junk>"]),
    with_options(15, "ZREVRANK <key> <zset-member>", &["WITHSCORE", "<junk>"]),
    form(15, "ZCOUNT <key> <score-end> <score-end>"),
    with_options(40, "ZRANGE <key> <index> <index>", &["WITHSCORES", "REV", "LIMIT <index> <index>"]),
    with_options(40, "ZRANGE <key> <score-end> <score-end> BYSCORE", RANGE_OPTIONS),
    with_options(10, "ZREVRANGE <key> <index> <index>", OLD_RANGE_OPTIONS),
    with_options(15, "ZRANGEBYSCORE <key> <score-end> <score-end>", OLD_RANGE_OPTIONS),
    with_options(15, "ZREVRANGEBYSCORE <key> <score-end> <score-end>", OLD_RANGE_OPTIONS),
    with_options(15, "ZRANGESTORE <key> <key> <index> <index>", &["REV"]),
    with_options(15, "ZRANGESTORE <key> <key> <score-end> <score-end> BYSCORE", RANGE_OPTIONS),
    form(4, "ZREMRANGEBYRANK <key> <index> <index>"),
    form(4, "ZREMRANGEBYSCORE <key> <score-end> <score-end>"),
    with_options(10, "ZPOPMIN <key>", &["<count>", "<junk>"]),
    with_options(10, "ZPOPMAX <key>", &["<count>", "<junk>"]),
    with_options(6, "ZMPOP 2 <key> <key> MIN", &["COUNT <count>", "COUNT <junk>"]),
    with_options(6, "ZMPOP 3 <key> <key> <key> MAX", &["COUNT <count>"]),
    form(2, "ZMPOP <count> <key> <key> MIN"),
    compared(6, "ZRANDMEMBER <key>", Compare::Type),
    compared(6, "ZRANDMEMBER <key> <index>", Compare::Type),
    compared(4, "ZRANDMEMBER <key> 1000 WITHSCORES", Compare::Sorted),
    compared(8, "ZSCAN <key> 0", Compare::Scan),
    compared(4, "ZSCAN <key> 0 COUNT 1000 MATCH <pattern>", Compare::Scan),
    with_options(15, "ZUNION 2 <key> <key>", ALGEBRA_OPTIONS),
    with_options(15, "ZINTER 2 <key> <key>", ALGEBRA_OPTIONS),
    with_options(10, "ZDIFF 2 <key> <key>", &["WITHSCORES", "<junk>"]),
    with_options(10, "ZDIFF 3 <key> <key> <key>", &["WITHSCORES"]),
    with_options(10, "ZINTERCARD 2 <key> <key>", &["LIMIT <count>", "LIMIT <junk>"]),
    with_options(10, "ZUNIONSTORE <key> 2 <key> <key>", STORE_OPTIONS),
    with_options(10, "ZINTERSTORE <key> 2 <key> <key>", STORE_OPTIONS),
    form(10, "ZDIFFSTORE <key> 2 <key> <key>"),
    form(2, "ZUNION <count> <key> <key>"),
    form(10, "SADD <key> <zset-member>..."),
    form(20, "OBJECT ENCODING <key>"),
    // Names
    form(30, "ZADD <lex-key> 0+<zset-member>..."),
    form(8, "ZREM <lex-key> <zset-member>..."),
    form(15, "ZLEXCOUNT <lex-key> <lex-end> <lex-end>"),
    with_options(15, "ZRANGE <lex-key> <lex-end> <lex-end> BYLEX", RANGE_OPTIONS),
    with_options(8, "ZRANGEBYLEX <lex-key> <lex-end> <lex-end>", OLD_RANGE_OPTIONS),
    with_options(8, "ZREVRANGEBYLEX <lex-key> <lex-end> <lex-end>", OLD_RANGE_OPTIONS),
    with_options(8, "ZRANGESTORE <lex-key> <lex-key> <lex-end> <lex-end> BYLEX", RANGE_OPTIONS),
    form(6, "ZREMRANGEBYLEX <lex-key> <lex-end> <lex-end>"),
];
