//! Strings.

use super::{Form, form, with_options};

const SET_OPTIONS: &[&str] =
    &["NX", "XX", "GET", "KEEPTTL", "EX <seconds>", "PX <ms>", "EXAT <at>", "PXAT <at-ms>", "EX <junk>"];

const GETEX_OPTIONS: &[&str] =
    &["PERSIST", "EX <seconds>", "PX <ms>", "EXAT <at>", "PXAT <at-ms>", "PX <junk>"];

pub(super) const FORMS: &[Form] = &[
    form(40, "GET <key>"),
    form(30, "SET <key> <value>"),
    with_options(60, "SET <key> <value>", SET_OPTIONS),
    with_options(15, "GETEX <key>", GETEX_OPTIONS),
    form(8, "GETDEL <key>"),
    form(8, "GETSET <key> <value>"),
    form(8, "SETNX <key> <value>"),
    form(4, "SETEX <key> <seconds> <value>"),
    form(2, "SETEX <key> <junk> <value>"),
    form(4, "PSETEX <key> <ms> <value>"),
    form(15, "APPEND <key> <value>"),
    form(8, "STRLEN <key>"),
    form(15, "GETRANGE <key> <offset> <offset>"),
    form(3, "SUBSTR <key> <offset> <offset>"),
    form(15, "SETRANGE <key> <offset> <value>"),
    form(20, "INCR <key>"),
    form(15, "DECR <key>"),
    form(15, "INCRBY <key> <integer>"),
    form(15, "DECRBY <key> <integer>"),
    form(20, "INCRBYFLOAT <key> <float>"),
    form(15, "MGET <key>..."),
    form(15, "MSET <key>+<value>..."),
    form(10, "MSETNX <key>+<value>..."),
    form(10, "SET <lcs-key> <lcs-value>"),
    with_options(10, "LCS <lcs-key> <lcs-key>", &["LEN", "IDX", "MINMATCHLEN <integer>", "WITHMATCHLEN"]),
];

pub(super) const VALKEY_ONLY: &[Form] = &[with_options(20, "SET <key> <value> IFEQ <value>", SET_OPTIONS)];
