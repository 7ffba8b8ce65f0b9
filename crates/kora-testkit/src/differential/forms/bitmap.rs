//! Bitmaps, on the keys that strings use.

use super::{Form, form, with_options};

const OPERATIONS: &[&str] = &[
    "GET <field> <bit-offset>",
    "SET <field> <bit-offset> <integer>",
    "INCRBY <field> <bit-offset> <integer>",
    "OVERFLOW WRAP",
    "OVERFLOW SAT",
    "OVERFLOW FAIL",
    "OVERFLOW <junk>",
];

const RANGE: &[&str] = &["BIT", "BYTE", "<junk>"];

pub(super) const FORMS: &[Form] = &[
    form(40, "SETBIT <key> <bit-offset> 1"),
    form(20, "SETBIT <key> <bit-offset> 0"),
    form(3, "SETBIT <key> <junk> <junk>"),
    form(20, "GETBIT <key> <bit-offset>"),
    form(10, "BITCOUNT <key>"),
    with_options(20, "BITCOUNT <key> <offset> <offset>", RANGE),
    with_options(10, "BITCOUNT <key> <integer> <bit-offset>", RANGE),
    form(8, "BITPOS <key> 1"),
    form(8, "BITPOS <key> 0"),
    form(8, "BITPOS <key> 0 <offset>"),
    with_options(15, "BITPOS <key> 0 <offset> <offset>", RANGE),
    with_options(15, "BITPOS <key> 1 <offset> <bit-offset>", RANGE),
    form(3, "BITPOS <key> <junk> <offset>"),
    form(10, "BITOP AND <key> <key>..."),
    form(10, "BITOP OR <key> <key>..."),
    form(10, "BITOP XOR <key> <key>..."),
    form(10, "BITOP NOT <key> <key>"),
    form(2, "BITOP NOT <key> <key>..."),
    with_options(60, "BITFIELD <key>", OPERATIONS),
    with_options(10, "BITFIELD_RO <key>", OPERATIONS),
    form(20, "BITFIELD_RO <key> GET <field> <bit-offset> GET <field> <bit-offset>"),
    form(10, "SET <key> <value>"),
    form(10, "GET <key>"),
    form(5, "APPEND <key> <value>"),
];
