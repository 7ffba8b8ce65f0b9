//! Sets. Members are few, integers and others; what is chosen at random is compared where the choice is all.

use super::{Compare, Form, compared, form, with_options};

pub(super) const FORMS: &[Form] = &[
    form(60, "SADD <key> <member>..."),
    form(30, "SADD <key> <member> <member> <member> <member> <member> <member> <member> <member>..."),
    form(20, "SREM <key> <member>..."),
    form(8, "SCARD <key>"),
    form(10, "SISMEMBER <key> <member>"),
    form(8, "SMISMEMBER <key> <member>..."),
    compared(15, "SMEMBERS <key>", Compare::Sorted),
    form(20, "SMOVE <key> <key> <member>"),
    compared(4, "SPOP <key> 100000", Compare::AllOfRandom),
    compared(3, "SPOP <key> -1", Compare::AllOfRandom),
    compared(3, "SPOP <key> x", Compare::AllOfRandom),
    compared(6, "SRANDMEMBER <key>", Compare::Type),
    compared(6, "SRANDMEMBER <key> 100000", Compare::AllOfRandom),
    compared(3, "SRANDMEMBER <key> 0", Compare::AllOfRandom),
    Form {
        weight: 8,
        words: "SSCAN <key> 0",
        options: &["MATCH <pattern>", "COUNT 100", "COUNT <junk>", "NOVALUES"],
        compare: Compare::Scan,
    },
    compared(15, "SINTER <key>...", Compare::Sorted),
    compared(15, "SUNION <key>...", Compare::Sorted),
    compared(20, "SDIFF <key>...", Compare::Sorted),
    form(12, "SINTERSTORE <key> <key>..."),
    form(12, "SUNIONSTORE <key> <key>..."),
    form(12, "SDIFFSTORE <key> <key>..."),
    with_options(12, "SINTERCARD 2 <key> <key>", &["LIMIT <count>", "LIMIT <junk>"]),
    with_options(3, "SINTERCARD <count> <key> <key>", &["LIMIT <count>"]),
    form(30, "OBJECT ENCODING <key>"),
    with_options(
        12,
        "SORT <key>",
        &["ALPHA", "DESC", "LIMIT <index> <index>", "GET #", "GET <pattern>", "STORE <key>", "<junk>"],
    ),
    // A pattern without `*` would leave a set in its own order.
    with_options(
        12,
        "SORT <key> BY key:*",
        &["DESC", "LIMIT 0 <count>", "GET #", "GET <pattern>", "STORE <key>"],
    ),
    with_options(6, "SORT <key> BY *", &["DESC", "LIMIT 0 <count>", "GET #", "GET <pattern>", "STORE <key>"]),
    form(6, "SORT <key> BY nosort STORE <key>"),
    with_options(6, "SORT_RO <key>", &["ALPHA", "DESC", "LIMIT <index> <index>", "STORE <key>"]),
];
