//! Keys whatever they hold, databases and the connection.

use super::{Compare, Form, compared, form, with_options};

const EXPIRE_OPTIONS: &[&str] = &["NX", "XX", "GT", "LT", "<junk>"];

pub(super) const FORMS: &[Form] = &[
    form(20, "DEL <key>..."),
    form(10, "UNLINK <key>..."),
    form(15, "EXISTS <key>..."),
    form(8, "TOUCH <key>..."),
    form(8, "TYPE <key>"),
    form(20, "RENAME <key> <key>"),
    form(15, "RENAMENX <key> <key>"),
    with_options(20, "COPY <key> <key>", &["DB <db>", "REPLACE", "DB <junk>"]),
    form(15, "MOVE <key> <db>"),
    with_options(15, "EXPIRE <key> <seconds>", EXPIRE_OPTIONS),
    with_options(15, "PEXPIRE <key> <ms>", EXPIRE_OPTIONS),
    with_options(15, "EXPIREAT <key> <at>", EXPIRE_OPTIONS),
    with_options(15, "PEXPIREAT <key> <at-ms>", EXPIRE_OPTIONS),
    with_options(4, "EXPIRE <key> <junk>", EXPIRE_OPTIONS),
    with_options(4, "PEXPIRE <key> <junk>", EXPIRE_OPTIONS),
    form(10, "PERSIST <key>"),
    compared(12, "TTL <key>", Compare::Near(3)),
    compared(12, "PTTL <key>", Compare::Near(3000)),
    compared(12, "EXPIRETIME <key>", Compare::Near(3)),
    compared(12, "PEXPIRETIME <key>", Compare::Near(3000)),
    compared(15, "OBJECT ENCODING <key>", Compare::Encoding),
    // A copied small integer is counted once in Redis and as shared here.
    compared(3, "OBJECT REFCOUNT <key>", Compare::Type),
    form(2, "OBJECT FREQ <key>"),
    compared(2, "OBJECT IDLETIME <key>", Compare::Type),
    compared(2, "MEMORY USAGE <key>", Compare::Type),
    compared(6, "KEYS <pattern>", Compare::Sorted),
    compared(4, "RANDOMKEY", Compare::Type),
    Form {
        weight: 4,
        words: "SCAN 0 COUNT 100",
        options: &["MATCH <pattern>", "TYPE <type>", "COUNT <junk>"],
        compare: Compare::Scan,
    },
    // Databases and the connection
    form(15, "SELECT <db>"),
    form(6, "DBSIZE"),
    form(2, "SWAPDB <db> <db>"),
    with_options(1, "FLUSHDB", &["ASYNC", "SYNC"]),
    form(2, "ECHO <value>"),
    form(2, "PING <value>"),
    // Deadlines that pass
    compared(1, "SET <key> <value> PX <soon-ms>", Compare::ThenWait),
    compared(1, "PEXPIRE <key> <soon-ms>", Compare::ThenWait),
];
