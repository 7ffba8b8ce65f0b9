//! Sorted sets. The members of `z` are the numbers from 0 on, each its own score; those of `n` are the same with one score, and
//! `few` has three of them.

use super::{Growth, Row, Shard};

/// Members that one ZADD adds.
const BATCH: usize = 500;

fn add(shard: &mut Shard, key: &[u8], size: usize, score_of: impl Fn(usize) -> usize) {
    for first in (0..size).step_by(BATCH) {
        let numbers = first..size.min(first + BATCH);
        let texts: Vec<_> =
            numbers.flat_map(|number| [score_of(number).to_string(), number.to_string()]).collect();
        let mut args: Vec<&[u8]> = vec![b"ZADD", key];
        args.extend(texts.iter().map(String::as_bytes));
        shard.run(&args);
    }
}

fn fill(shard: &mut Shard, size: usize) {
    add(shard, b"z", size, |number| number);
    add(shard, b"n", size, |_| 0);
    add(shard, b"few", 3, |number| number);
}

const fn flat(command: &'static str) -> Row {
    Row { command, fill, growth: Growth::Flat }
}

const fn linear(command: &'static str) -> Row {
    Row { command, fill, growth: Growth::Linear }
}

pub(super) const ROWS: &[Row] = &[
    flat("ZADD z {middle} {new}"),
    flat("ZADD z {first} {middle}"),
    flat("ZADD n 0 {new}"),
    flat("ZINCRBY z 1000 {middle}"),
    flat("ZREM z {middle}"),
    flat("ZREM n {middle}"),
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
    flat("ZRANGESTORE to z {middle} {middle}"),
    flat("ZREMRANGEBYRANK z {middle} {middle}"),
    flat("ZREMRANGEBYSCORE z {middle} {middle}"),
    flat("ZREMRANGEBYLEX n [{middle} [{middle}"),
    flat("ZPOPMIN z"),
    flat("ZPOPMAX z 3"),
    flat("ZMPOP 2 none z MIN COUNT 3"),
    flat("ZRANDMEMBER z"),
    flat("ZRANDMEMBER z 5"),
    flat("ZSCAN z 0"),
    flat("ZINTER 2 z few"),
    flat("ZINTERSTORE to 2 few n"),
    flat("ZINTERCARD 2 z few"),
    flat("ZDIFF 2 few z"),
    linear("ZUNIONSTORE to 2 z few"),
    linear("ZDIFFSTORE to 2 z few"),
];
