//! Sorted sets. The members of `z` are the numbers from 0 on, each its own score; those of `n` are the same with one score, and
//! `few` has three of them.

use crate::row::{Group, Row, flat, linear};
use crate::shard::Shard;

fn fill(shard: &mut Shard, size: usize) {
    shard.fill(&["ZADD", "z"], size, |number| [number.to_string(), number.to_string()]);
    shard.fill(&["ZADD", "n"], size, |number| ["0".to_owned(), number.to_string()]);
    shard.run(&[b"ZADD", b"few", b"0", b"0", b"1", b"1", b"2", b"2"]);
}

pub(crate) const GROUP: Group = Group { name: "sorted set", main: Some("z"), fill, rows: ROWS };

const ROWS: &[Row] = &[
    flat("ZADD z {middle} {new}"),
    flat("ZADD z {first} {middle}"),
    flat("ZADD n 0 {new}"),
    flat("ZINCRBY z 1000 {middle}"),
    flat("ZREM z {quarter}"),
    flat("ZREM n {quarter}"),
    flat("ZCARD z"),
    flat("ZSCORE z {middle}"),
    flat("ZMSCORE z {middle} {last}"),
    flat("ZRANK z {middle}"),
    flat("ZREVRANK n {middle}"),
    flat("ZCOUNT z {quarter} {middle}"),
    flat("ZLEXCOUNT n [{quarter} [{middle}"),
    flat("ZRANGE z {middle} {middle}"),
    flat("ZRANGE z {middle} +inf BYSCORE LIMIT 1000 10"),
    flat("ZRANGE n [{middle} + BYLEX LIMIT 1000 10"),
    flat("ZREVRANGE z {middle} {middle} WITHSCORES"),
    flat("ZRANGEBYSCORE z {first} +inf LIMIT {middle} 10"),
    flat("ZREVRANGEBYSCORE z +inf 0 LIMIT {middle} 10"),
    flat("ZRANGEBYLEX n - + LIMIT {middle} 10"),
    flat("ZREVRANGEBYLEX n + - LIMIT {middle} 10"),
    flat("ZRANGESTORE to z {middle} {middle}"),
    flat("ZREMRANGEBYRANK z {middle} {middle}"),
    flat("ZREMRANGEBYSCORE z {eighth} {eighth}"),
    flat("ZREMRANGEBYLEX n [{eighth} [{eighth}"),
    flat("ZPOPMIN z"),
    flat("ZPOPMAX z 3"),
    flat("ZMPOP 2 none z MIN COUNT 3"),
    flat("BZPOPMIN none z 0"),
    flat("BZPOPMAX none z 0"),
    flat("BZMPOP 0 2 none z MIN COUNT 3"),
    flat("ZRANDMEMBER z -5"),
    flat("ZRANDMEMBER z"),
    flat("ZRANDMEMBER z 5"),
    flat("ZSCAN z 0"),
    flat("ZINTER 2 z few"),
    flat("ZINTERSTORE to 2 few n"),
    flat("ZINTERCARD 2 z few"),
    flat("ZINTERCARD 2 z z LIMIT 10"),
    flat("ZDIFF 2 few z"),
    flat("ZREMRANGEBYRANK x 0 -1").before(&["COPY z x REPLACE"]),
    linear("ZREMRANGEBYRANK x 10 -1").before(&["COPY z x REPLACE"]),
    linear("ZPOPMIN x {middle}").before(&["COPY z x REPLACE"]),
    linear("ZRANGE z 0 -1"),
    linear("ZRANGESTORE to z 0 -1"),
    linear("ZRANDMEMBER z {middle}"),
    linear("ZINTER 2 z n"),
    linear("ZINTERSTORE to 2 z n"),
    linear("ZUNION 2 z few"),
    linear("ZDIFF 2 z few"),
    linear("ZUNIONSTORE to 2 z few"),
    linear("ZDIFFSTORE to 2 z few"),
];
