//! Streams. The entries of `s` have the IDs `1-0`, `2-0` and so on. Its group `g` has given all but the last hundred to one
//! consumer, who has acknowledged none.

use crate::row::{Group, Row, flat, linear};
use crate::shard::Shard;

/// Entries that no consumer was given: enough for every run to give one.
const UNREAD: usize = 100;

fn fill(shard: &mut Shard, size: usize) {
    for number in 1..=size {
        shard.run(&[b"XADD", b"s", format!("{number}-0").as_bytes(), b"field", b"a value of 20 bytes."]);
    }
    shard.run(&[b"XGROUP", b"CREATE", b"s", b"g", b"0"]);
    let given = (size - UNREAD).to_string();
    let read = [&b"XREADGROUP"[..], b"GROUP", b"g", b"c", b"COUNT", given.as_bytes(), b"STREAMS", b"s", b">"];
    shard.run(&read);
}

pub(crate) const GROUP: Group = Group { name: "stream", main: Some("s"), fill, rows: ROWS };

const ROWS: &[Row] = &[
    flat("XADD s * field value"),
    flat("XADD x MAXLEN ~ 10 LIMIT 200 * field value").before(&["COPY s x REPLACE"]),
    flat("XLEN s"),
    flat("XRANGE s {middle} + COUNT 10"),
    flat("XREVRANGE s {middle} - COUNT 10"),
    linear("XRANGE s - +"),
    flat("XREAD COUNT 10 STREAMS s {middle}"),
    flat("XREAD STREAMS s +"),
    flat("XDEL s {quarter}"),
    flat("XDELEX s DELREF IDS 1 {eighth}"),
    flat("XTRIM s MINID {first}"),
    flat("XREADGROUP GROUP g c COUNT 1 STREAMS s >"),
    flat("XREADGROUP GROUP g c COUNT 10 STREAMS s {middle}"),
    flat("XACK s g {third}"),
    flat("XACKDEL s g IDS 1 {upper}"),
    flat("XPENDING s g"),
    flat("XPENDING s g {middle} + 10"),
    flat("XPENDING s g {middle} + 10 c"),
    flat("XCLAIM s g d 0 {middle}"),
    flat("XAUTOCLAIM s g d 0 {middle} COUNT 10"),
    flat("XGROUP CREATE s {new} 0"),
    flat("XGROUP SETID s {new} {middle}"),
    flat("XGROUP CREATECONSUMER s g {new}"),
    flat("XGROUP DESTROY s {new}"),
    flat("XINFO GROUPS s"),
    flat("XSETID s 999999999-0"),
    flat("XGROUP DESTROY x g").before(&["COPY s x REPLACE"]),
    linear("XGROUP DELCONSUMER x g c").before(&["COPY s x REPLACE"]),
    linear("XINFO CONSUMERS s g"),
    linear("XINFO STREAM s"),
    linear("XINFO STREAM s FULL COUNT 10"),
    linear("XTRIM x MAXLEN 0").before(&["COPY s x REPLACE"]),
    linear("XREVRANGE s + -"),
];
