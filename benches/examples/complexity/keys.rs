//! Keys: `k:0`, `k:1` and so on are short strings, `n` a number. And keys that have all expired, with nobody to delete them.

use crate::row::{Group, Row, flat, linear};
use crate::shard::Shard;

fn fill(shard: &mut Shard, size: usize) {
    shard.fill(&["MSET"], size, |number| [format!("k:{number}"), "value".to_owned()]);
    shard.run(&[b"SET", b"n", b"1"]);
    shard.run(&[b"SET", b"f", b"1"]);
}

fn fill_expired(shard: &mut Shard, size: usize) {
    for number in 0..size {
        shard.run(&[b"SET", format!("k:{number}").as_bytes(), b"value", b"PXAT", b"900000"]);
    }
}

pub(crate) const GROUP: Group = Group { name: "keys", main: None, fill, rows: ROWS };
pub(crate) const EXPIRED: Group =
    Group { name: "expired keys", main: None, fill: fill_expired, rows: EXPIRED_ROWS };
/// The same, all deleted by one command.
pub(crate) const SWEPT: Group =
    Group { name: "swept keys", main: None, fill: fill_expired, rows: &[linear("KEYS *").late()] };

const ROWS: &[Row] = &[
    flat("GET k:{middle}"),
    flat("SET k:{middle} value"),
    flat("SET {new} value"),
    flat("SETNX k:{middle} value"),
    flat("SETEX k:{middle} 1000000 value"),
    flat("PSETEX k:{middle} 1000000000 value"),
    flat("GETSET k:{middle} value"),
    flat("GETEX k:{middle} PERSIST"),
    flat("GETDEL k:{first}"),
    flat("MGET k:{middle} k:{last}"),
    flat("MSET k:{middle} value k:{last} value"),
    flat("MSETNX {new} value k:{last} value"),
    flat("APPEND k:{middle} x"),
    flat("INCR n"),
    flat("DECR n"),
    flat("INCRBY n 5"),
    flat("DECRBY n 5"),
    flat("INCRBYFLOAT f 0.5"),
    flat("EXISTS k:{middle} k:{last}"),
    flat("TOUCH k:{middle}"),
    flat("DEL k:{quarter}"),
    flat("UNLINK k:{quarter}"),
    flat("TYPE k:{middle}"),
    flat("EXPIRE k:{middle} 1000000"),
    flat("PEXPIRE k:{middle} 1000000000"),
    flat("EXPIREAT k:{middle} 1000000"),
    flat("PEXPIREAT k:{middle} 1000000000"),
    flat("TTL k:{middle}"),
    flat("PTTL k:{middle}"),
    flat("EXPIRETIME k:{middle}"),
    flat("PEXPIRETIME k:{middle}"),
    flat("PERSIST k:{middle}"),
    flat("COPY k:{middle} copy:{new}"),
    flat("RENAME k:{last} renamed:{new}"),
    flat("RENAMENX k:{middle} copy:{new}"),
    flat("MOVE copy:{new} 1"),
    flat("DUMP k:{middle}"),
    flat("OBJECT ENCODING k:{middle}"),
    flat("OBJECT IDLETIME k:{middle}"),
    flat("OBJECT REFCOUNT k:{middle}"),
    flat("MEMORY USAGE k:{middle}"),
    flat("DEBUG OBJECT k:{middle}"),
    flat("RANDOMKEY"),
    flat("DBSIZE"),
    flat("SCAN 0"),
    flat("SCAN 0 MATCH none* COUNT 100"),
    flat("SWAPDB 0 1"),
    flat("FLUSHDB").before(&["DEBUG POPULATE {size} k"]),
    flat("FLUSHALL").before(&["DEBUG POPULATE {size} k"]),
    linear("DEBUG POPULATE {size} k").before(&["FLUSHALL"]),
    linear("KEYS *"),
    linear("KEYS none*"),
    linear("DEBUG DIGEST"),
    linear("DEBUG HTSTATS 0"),
];

const EXPIRED_ROWS: &[Row] = &[
    flat("SCAN 0").late(),
    flat("DBSIZE").late(),
    flat("GET k:{middle}").late(),
    flat("SET k:{middle} value").late(),
    // It looks for a key that is not expired where there is none.
    linear("RANDOMKEY").late(),
];
