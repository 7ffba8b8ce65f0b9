//! Lists. The elements of `l` are the numbers from 0 on, so that `{middle}` is also an element; `m` has one element, and `i` numbers in
//! no order.

use crate::row::{Group, Row, flat, linear};
use crate::shard::Shard;

fn fill(shard: &mut Shard, size: usize) {
    shard.fill(&["RPUSH", "l"], size, |number| [number.to_string()]);
    shard.fill(&["RPUSH", "i"], size, |number| [(number * 7919 % size).to_string()]);
    shard.run(&[b"RPUSH", b"m", b"element"]);
}

pub(crate) const GROUP: Group = Group { name: "list", main: Some("l"), fill, rows: ROWS };

const ROWS: &[Row] = &[
    // A search stops at the first hit: from either end to the same place whatever the size, or through all. These rows come first: later
    // ones take elements away at the ends.
    flat("LPOS l {first}"),
    flat("LPOS l {last} RANK -1"),
    flat("LPOS l {middle} MAXLEN 100"),
    linear("LPOS l {middle}"),
    flat("LINSERT l AFTER {first} {new}"),
    linear("LINSERT l AFTER {middle} {new}"),
    flat("LREM l 1 {first}"),
    flat("LREM l -1 {last}"),
    linear("LREM l 1 {middle}"),
    flat("LPUSH l {new}"),
    flat("RPUSH l {new}"),
    flat("LPUSHX l {new}"),
    flat("RPUSHX l {new}"),
    flat("LPOP l"),
    flat("RPOP l"),
    flat("LMPOP 2 none l LEFT COUNT 1"),
    flat("BLPOP none l 0"),
    flat("BRPOP none l 0"),
    flat("BLMPOP 0 2 none l LEFT COUNT 1"),
    flat("BLMOVE l l LEFT RIGHT 0"),
    flat("BRPOPLPUSH l l 0"),
    flat("LMOVE l l LEFT RIGHT"),
    flat("LMOVE l m RIGHT LEFT"),
    flat("RPOPLPUSH l m"),
    flat("LLEN l"),
    flat("LINDEX l {middle}"),
    flat("LSET l {middle} {new}"),
    flat("LRANGE l {first} {first}"),
    flat("LRANGE l {middle} {middle}"),
    flat("LTRIM l 1 -2"),
    flat("LTRIM x 1 0").before(&["COPY l x REPLACE"]),
    linear("LREM l 0 none"),
    linear("LREM x 0 x").before(&["COPY l x REPLACE"]),
    linear("LTRIM x 0 9").before(&["COPY l x REPLACE"]),
    linear("LTRIM x {middle} {middle}").before(&["COPY l x REPLACE"]),
    linear("LPOP x {size}").before(&["COPY l x REPLACE"]),
    linear("LRANGE l 0 -1"),
    flat("SORT l BY none LIMIT {middle} 10"),
    linear("SORT i LIMIT 0 10"),
    linear("SORT_RO l ALPHA LIMIT 0 10"),
    linear("SORT i STORE to"),
    linear("SORT i BY w_* GET # LIMIT 0 10"),
];
