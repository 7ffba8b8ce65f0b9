//! Hashes. The fields of `h` and `e` are the numbers from 0 on; those of `e` have deadlines.

use crate::row::{Group, Row, flat, linear};
use crate::shard::Shard;

fn fill(shard: &mut Shard, size: usize) {
    for key in ["h", "e"] {
        shard.fill(&["HSET", key], size, |number| [number.to_string(), number.to_string()]);
    }
    for number in 0..size {
        let field = number.to_string();
        shard.run(&[b"HPEXPIREAT", b"e", b"900000", b"FIELDS", b"1", field.as_bytes()]);
    }
}

pub(crate) const GROUP: Group = Group { name: "hash", main: Some("h"), fill, rows: ROWS };

const ROWS: &[Row] = &[
    flat("HSET h {new} value"),
    flat("HSET h {middle} 1"),
    flat("HMSET h {middle} 1"),
    flat("HSETNX h {middle} value"),
    flat("HGET h {middle}"),
    flat("HMGET h {middle} {last}"),
    flat("HEXISTS h {middle}"),
    flat("HSTRLEN h {middle}"),
    flat("HLEN h"),
    flat("HINCRBY h {middle} 5"),
    flat("HINCRBYFLOAT h {middle} 0.5"),
    flat("HDEL h {first}"),
    flat("HGETDEL h FIELDS 1 {quarter}"),
    flat("HRANDFIELD h"),
    flat("HRANDFIELD h 5"),
    flat("HRANDFIELD h -5 WITHVALUES"),
    flat("HSCAN h 0"),
    flat("HSCAN e 0"),
    flat("HGETEX e EX 100000 FIELDS 1 {middle}"),
    flat("HSETEX e EX 100000 FIELDS 1 {middle} value"),
    flat("HEXPIRE e 1000 FIELDS 1 {middle}"),
    flat("HPEXPIRE e 1000000 FIELDS 1 {middle}"),
    flat("HEXPIREAT e 1000 FIELDS 1 {middle}"),
    flat("HPEXPIREAT e 1000000 FIELDS 1 {middle}"),
    flat("HTTL e FIELDS 1 {middle}"),
    flat("HPTTL e FIELDS 1 {middle}"),
    flat("HEXPIRETIME e FIELDS 1 {middle}"),
    flat("HPEXPIRETIME e FIELDS 1 {middle}"),
    flat("HPERSIST e FIELDS 1 {last}"),
    flat("HDEL e {first}"),
    linear("HGETALL h"),
    linear("HKEYS h"),
    linear("HVALS h"),
    linear("HRANDFIELD h {middle}"),
    linear("HGETALL e"),
    linear("HGETALL e").late(),
];
