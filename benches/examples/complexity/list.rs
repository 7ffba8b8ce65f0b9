//! Lists. The elements of `l` are the numbers from 0 on, so that `{middle}` is also an element; `m` has one element.

use super::{Growth, Row, Shard};

/// Elements that one RPUSH adds.
const BATCH: usize = 500;

fn fill(shard: &mut Shard, size: usize) {
    for first in (0..size).step_by(BATCH) {
        let texts: Vec<_> = (first..size.min(first + BATCH)).map(|number| number.to_string()).collect();
        let mut args: Vec<&[u8]> = vec![b"RPUSH", b"l"];
        args.extend(texts.iter().map(String::as_bytes));
        shard.run(&args);
    }
    shard.run(&[b"RPUSH", b"m", b"element"]);
}

const fn flat(command: &'static str) -> Row {
    Row { command, fill, growth: Growth::Flat }
}

const fn linear(command: &'static str) -> Row {
    Row { command, fill, growth: Growth::Linear }
}

pub(super) const ROWS: &[Row] = &[
    flat("LPUSH l {new}"),
    flat("RPUSH l {new}"),
    flat("LPUSHX l {new}"),
    flat("RPUSHX l {new}"),
    flat("LPOP l"),
    flat("RPOP l"),
    flat("LMPOP 2 none l LEFT COUNT 1"),
    flat("LMOVE l l LEFT RIGHT"),
    flat("LMOVE l m RIGHT LEFT"),
    flat("RPOPLPUSH l m"),
    flat("LLEN l"),
    flat("LINDEX l {middle}"),
    flat("LSET l {middle} {new}"),
    flat("LRANGE l {first} {first}"),
    flat("LRANGE l {middle} {middle}"),
    flat("LTRIM l 1 -2"),
    // A search stops at the first hit: from either end to the same place whatever the size, or through all.
    flat("LINSERT l BEFORE {first} {new}"),
    flat("LREM l 1 {first}"),
    flat("LREM l -1 {last}"),
    flat("LPOS l {first}"),
    flat("LPOS l {last} RANK -1"),
    flat("LPOS l {middle} MAXLEN 100"),
    linear("LINSERT l AFTER {middle} {new}"),
    linear("LREM l 1 {middle}"),
    linear("LPOS l {middle}"),
];
