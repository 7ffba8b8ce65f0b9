//! Lists. Elements are few, so that searches find some; some are so large that few fit a node, or none.

use super::{Form, form, with_options};

pub(super) const FORMS: &[Form] = &[
    form(40, "RPUSH <key> <item>..."),
    form(40, "LPUSH <key> <item>..."),
    form(8, "RPUSHX <key> <item>..."),
    form(8, "LPUSHX <key> <item>..."),
    with_options(15, "LPOP <key>", &["<count>", "<junk>"]),
    with_options(15, "RPOP <key>", &["<count>", "<junk>"]),
    form(10, "LLEN <key>"),
    form(15, "LRANGE <key> <index> <index>"),
    form(15, "LINDEX <key> <index>"),
    form(2, "LINDEX <key> <junk>"),
    form(25, "LSET <key> <index> <item>"),
    form(25, "LINSERT <key> <side> <item> <item>"),
    form(15, "LREM <key> <index> <item>"),
    form(2, "LREM <key> <junk> <item>"),
    form(8, "LTRIM <key> <index> <index>"),
    with_options(
        20,
        "LPOS <key> <item>",
        &["RANK <index>", "COUNT <count>", "MAXLEN <count>", "RANK <junk>"],
    ),
    form(15, "LMOVE <key> <key> <end> <end>"),
    form(10, "RPOPLPUSH <key> <key>"),
    with_options(8, "LMPOP 1 <key> <end>", &["COUNT <count>"]),
    with_options(8, "LMPOP 2 <key> <key> <end>", &["COUNT <count>", "COUNT <junk>"]),
    form(2, "LMPOP <count> <key> <key> <end>"),
    form(20, "OBJECT ENCODING <key>"),
];
