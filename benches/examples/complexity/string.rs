//! Strings: `s` and `t` have as many bytes as the size says, all clear but the last; `short` has a few. HyperLogLogs: `p` and `q` have
//! seen as many elements.

use crate::row::{Group, Row, flat, linear};
use crate::shard::Shard;

fn fill(shard: &mut Shard, size: usize) {
    for key in [&b"s"[..], b"t"] {
        shard.run(&[b"SETRANGE", key, (size - 1).to_string().as_bytes(), b"x"]);
    }
    shard.run(&[b"SET", b"short", b"a few bytes"]);
}

fn fill_hyperloglogs(shard: &mut Shard, size: usize) {
    for key in ["p", "q"] {
        shard.run(&[b"PFADD", key.as_bytes(), b"element"]);
        shard.run(&[b"PFDEBUG", b"TODENSE", key.as_bytes()]);
        shard.fill(&["PFADD", key], size, |number| [number.to_string()]);
    }
}

pub(crate) const GROUP: Group = Group { name: "string", main: Some("s"), fill, rows: ROWS };
pub(crate) const HYPERLOGLOG: Group =
    Group { name: "hyperloglog", main: None, fill: fill_hyperloglogs, rows: HYPERLOGLOG_ROWS };

const ROWS: &[Row] = &[
    flat("STRLEN s"),
    flat("GETRANGE s {middle} {middle}"),
    flat("SUBSTR s {middle} {middle}"),
    flat("SETRANGE s {middle} xyz"),
    flat("GETBIT s {middle}"),
    flat("SETBIT s {middle} 0"),
    flat("BITCOUNT s {middle} {middle}"),
    flat("BITPOS s 0"),
    flat("BITPOS s 1 {middle} {middle}"),
    flat("BITFIELD s GET u8 {middle} SET u8 {middle} 0 INCRBY u8 {middle} 0"),
    flat("BITFIELD_RO s GET u8 {middle}"),
    linear("APPEND t xyz"),
    linear("GETRANGE s 0 -1"),
    linear("BITCOUNT s"),
    linear("BITPOS s 1"),
    linear("BITOP AND to s t"),
    linear("LCS s short LEN"),
];

const HYPERLOGLOG_ROWS: &[Row] = &[
    flat("PFADD p {new}"),
    flat("PFCOUNT p"),
    flat("PFCOUNT p q"),
    flat("PFMERGE to p q"),
    flat("PFDEBUG ENCODING p"),
];
