//! Sets. The members of `s` are `m:0`, `m:1` and so on, those of `t` the second half of them and as many others; `i` has numbers, and `few`
//! three members of `s`.

use crate::row::{Group, Row, flat, linear};
use crate::shard::Shard;

fn fill(shard: &mut Shard, size: usize) {
    shard.fill(&["SADD", "s"], size, |number| [format!("m:{number}")]);
    shard.fill(&["SADD", "t"], size, |number| [format!("m:{}", number + size / 2)]);
    shard.fill(&["SADD", "i"], size, |number| [number.to_string()]);
    shard.run(&[b"SADD", b"few", b"m:0", b"m:1", b"m:2"]);
}

pub(crate) const GROUP: Group = Group { name: "set", main: Some("s"), fill, rows: ROWS };

const ROWS: &[Row] = &[
    flat("SADD s {new}"),
    flat("SADD i {middle}"),
    flat("SREM s m:{eighth}"),
    flat("SISMEMBER s m:{middle}"),
    flat("SISMEMBER i {middle}"),
    flat("SMISMEMBER s m:{middle} m:{last}"),
    flat("SCARD s"),
    flat("SMOVE s few m:{quarter}"),
    flat("SPOP s"),
    flat("SPOP i 3"),
    flat("SRANDMEMBER s"),
    flat("SRANDMEMBER s 5"),
    flat("SRANDMEMBER s -5"),
    flat("SSCAN s 0"),
    flat("SSCAN i 0 MATCH none* COUNT 100"),
    flat("SINTER s few"),
    flat("SINTERSTORE to s few"),
    flat("SINTERCARD 2 s few"),
    flat("SINTERCARD 2 s s LIMIT 10"),
    flat("SDIFF few s"),
    flat("SDIFFSTORE to few s"),
    linear("SMEMBERS s"),
    linear("SINTER s t"),
    linear("SINTERCARD 2 s t"),
    linear("SINTERSTORE to s t"),
    linear("SDIFF s t"),
    linear("SDIFFSTORE to s few"),
    linear("SUNION s few"),
    linear("SUNIONSTORE to s t"),
    linear("SRANDMEMBER s {middle}"),
    linear("SPOP x {middle}").before(&["COPY s x REPLACE"]),
    linear("SPOP x {size}").before(&["COPY s x REPLACE"]),
    linear("SORT i LIMIT 0 10"),
    linear("SORT i STORE to"),
];
