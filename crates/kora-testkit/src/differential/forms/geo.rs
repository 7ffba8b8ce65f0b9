//! Positions, under keys of their own, and what is stored of them under others.

use super::{Form, form, with_options};

const OPTIONS: &[&str] =
    &["WITHCOORD", "WITHDIST", "WITHHASH", "ASC", "DESC", "COUNT <count>", "COUNT <count> ANY", "ANY"];

const STORE_OPTIONS: &[&str] =
    &["STOREDIST", "ASC", "DESC", "COUNT <count>", "COUNT <count> ANY", "WITHDIST"];

const OLD_STORE_OPTIONS: &[&str] = &[
    "WITHCOORD",
    "WITHDIST",
    "WITHHASH",
    "ASC",
    "DESC",
    "COUNT <count>",
    "COUNT <count> ANY",
    "STORE <geo-result>",
    "STOREDIST <geo-result>",
];

pub(super) const FORMS: &[Form] = &[
    form(40, "GEOADD <geo-key> <longitude>+<latitude>+<place>..."),
    form(10, "GEOADD <geo-key> <geoadd-option> <longitude>+<latitude>+<place>..."),
    form(15, "GEOPOS <geo-key> <place>..."),
    form(10, "GEOHASH <geo-key> <place>..."),
    with_options(15, "GEODIST <geo-key> <place> <place>", &["<unit>", "<junk>"]),
    with_options(40, "GEOSEARCH <geo-key> FROMMEMBER <place> BYRADIUS <radius> <unit>", OPTIONS),
    with_options(
        40,
        "GEOSEARCH <geo-key> FROMLONLAT <longitude> <latitude> BYRADIUS <radius> <unit>",
        OPTIONS,
    ),
    with_options(40, "GEOSEARCH <geo-key> FROMMEMBER <place> BYBOX <radius> <radius> <unit>", OPTIONS),
    with_options(
        40,
        "GEOSEARCH <geo-key> FROMLONLAT <longitude> <latitude> BYBOX <radius> <radius> <unit>",
        OPTIONS,
    ),
    with_options(4, "GEOSEARCH <geo-key> FROMMEMBER <place> FROMLONLAT <longitude> <latitude>", OPTIONS),
    with_options(
        15,
        "GEOSEARCHSTORE <geo-result> <geo-key> FROMLONLAT <longitude> <latitude> BYRADIUS <radius> <unit>",
        STORE_OPTIONS,
    ),
    with_options(
        15,
        "GEOSEARCHSTORE <geo-result> <geo-key> FROMMEMBER <place> BYBOX <radius> <radius> <unit>",
        STORE_OPTIONS,
    ),
    with_options(15, "GEORADIUS <geo-key> <longitude> <latitude> <radius> <unit>", OLD_STORE_OPTIONS),
    with_options(15, "GEORADIUSBYMEMBER <geo-key> <place> <radius> <unit>", OLD_STORE_OPTIONS),
    with_options(8, "GEORADIUS_RO <geo-key> <longitude> <latitude> <radius> <unit>", OPTIONS),
    with_options(8, "GEORADIUSBYMEMBER_RO <geo-key> <place> <radius> <unit>", OPTIONS),
    form(8, "ZREM <geo-key> <place>..."),
    form(4, "ZRANGE <geo-result> 0 -1 WITHSCORES"),
];
