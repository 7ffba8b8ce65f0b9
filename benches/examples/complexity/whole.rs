//! Commands on whole values of any type: `{main}` is the large value, `x` a copy of it.

use crate::row::{Row, flat, linear};

pub(crate) const ROWS: &[Row] = &[
    flat("DEL x").before(&["COPY {main} x REPLACE"]),
    flat("UNLINK x").before(&["COPY {main} x REPLACE"]),
    flat("SET x value").before(&["COPY {main} x REPLACE"]),
    flat("RENAME y x").before(&["COPY {main} x REPLACE", "SET y value"]),
    flat("RENAME x y").before(&["DEL y", "COPY {main} x REPLACE"]),
    flat("COPY y x REPLACE").before(&["COPY {main} x REPLACE", "SET y value"]),
    flat("SUNIONSTORE x y").before(&["COPY {main} x REPLACE", "DEL y", "SADD y a b"]),
    flat("ZUNIONSTORE x 1 y").before(&["COPY {main} x REPLACE", "DEL y", "ZADD y 1 a"]),
    flat("SORT y STORE x").before(&["COPY {main} x REPLACE", "DEL y", "RPUSH y 1 2"]),
    flat("BITOP NOT x y").before(&["COPY {main} x REPLACE", "SET y value"]),
    flat("EXISTS x").before(&["COPY {main} x REPLACE", "PEXPIREAT x 900000"]).late(),
    flat("MOVE x 1").before(&["COPY {main} x REPLACE"]),
    flat("TYPE {main}"),
    flat("OBJECT ENCODING {main}"),
    flat("EXPIRE {main} 1000000"),
    flat("PERSIST {main}"),
    linear("MEMORY USAGE {main}"),
    linear("COPY {main} x REPLACE"),
    linear("DUMP {main}"),
    linear("RESTORE x 0 {payload} REPLACE"),
    linear("DEBUG DIGEST-VALUE {main}"),
];
