//! What is known of the commands that search an area.

use super::FAMILY;
use super::search::{
    georadius, georadius_ro, georadiusbymember, georadiusbymember_ro, geosearch, geosearchstore,
};
use crate::command::keys::{InvalidKeys, Keys, push};
use crate::command::spec::{Arg, BeginSearch, CommandSpec, Facts, FindKeys, Flags, KeyFlags, KeySpec};

/// The unit of a distance.
pub(super) const UNIT: Arg = Arg::one_of(
    "unit",
    &[Arg::word("m", "M"), Arg::word("km", "KM"), Arg::word("ft", "FT"), Arg::word("mi", "MI")],
);

const FROM: Arg = Arg::one_of(
    "from",
    &[
        Arg::string("member").token("FROMMEMBER"),
        Arg::block("fromlonlat", &[Arg::double("longitude"), Arg::double("latitude")]).token("FROMLONLAT"),
    ],
);

const BY: Arg = Arg::one_of(
    "by",
    &[
        Arg::block("circle", &[Arg::double("radius").token("BYRADIUS"), UNIT]),
        Arg::block("box", &[Arg::double("width").token("BYBOX"), Arg::double("height"), UNIT]),
    ],
);

const ORDER: Arg = Arg::one_of("order", &[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")]).optional();

const COUNT: Arg =
    Arg::block("count-block", &[Arg::integer("count").token("COUNT"), Arg::word("any", "ANY").optional()])
        .optional();

/// The same for the older commands, whose documentation says since when.
const COUNT_SINCE: Arg = Arg::block(
    "count-block",
    &[Arg::integer("count").token("COUNT"), Arg::word("any", "ANY").optional().since("6.2.0")],
)
.optional();

const WITHCOORD: Arg = Arg::word("withcoord", "WITHCOORD").optional();
const WITHDIST: Arg = Arg::word("withdist", "WITHDIST").optional();
const WITHHASH: Arg = Arg::word("withhash", "WITHHASH").optional();

const STORE: Arg = Arg::one_of(
    "store",
    &[
        Arg::key("storekey").display("key").spec(1).token("STORE"),
        Arg::key("storedistkey").display("key").spec(2).token("STOREDIST"),
    ],
)
.optional();

const READS_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RO.access(), 1)];

/// The key searched and, behind a word from argument `from` on, the one stored to.
const fn stored_keys(from: i32) -> [KeySpec; 3] {
    const fn behind(word: &'static str, from: i32) -> KeySpec {
        KeySpec {
            flags: KeyFlags::OW.update().incomplete(),
            begin: BeginSearch::Keyword(word, from),
            find: FindKeys::Range { last: 0, step: 1, limit: 0 },
            notes: Some("Of several keys to store to the last one counts"),
        }
    }
    [READS_KEY[0], behind("STORE", from), behind("STOREDIST", from)]
}

/// Finds the key searched and the one stored to: of several the last.
fn find_stored(args: &[&[u8]], keys: &mut Keys) -> Result<(), InvalidKeys> {
    push(keys, 1, 0, args.len())?;
    let mut stored = None;
    let mut at = FIRST_OPTION;
    while at + 1 < args.len() {
        let is = |word: &[u8]| args[at].eq_ignore_ascii_case(word);
        let spec = match () {
            () if is(b"STORE") => Some(1),
            () if is(b"STOREDIST") => Some(2),
            () => None,
        };
        if let Some(spec) = spec {
            at += 1;
            stored = Some((at, spec));
        }
        at += 1;
    }
    stored.map_or(Ok(()), |(index, spec)| push(keys, index, spec, args.len()))
}

/// First argument that may be an option of either command.
const FIRST_OPTION: usize = 5;

const UPPERCASE_UNITS: (&str, &str) = ("7.0.0", "Unit names may be in upper case");
const ANY_OPTION: (&str, &str) = ("6.2.0", "Option `ANY` for `COUNT`");

/// What all searches have in common.
const SEARCH: Facts = Facts {
    flags: Flags::READONLY,
    keys: READS_KEY,
    complexity: "O(N+log(M)) for N members in the cells around the area and M in the set",
    ..FAMILY
};

pub(super) const GEOSEARCH: CommandSpec = CommandSpec {
    facts: Facts {
        name: "geosearch",
        arity: -7,
        since: "6.2.0",
        summary: "Lists the members of a geo index within a circle or a box",
        args: &[Arg::key("key"), FROM, BY, ORDER, COUNT, WITHCOORD, WITHDIST, WITHHASH],
        history: &[UPPERCASE_UNITS],
        ..SEARCH
    },
    handler: geosearch,
};

pub(super) const GEOSEARCHSTORE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "geosearchstore",
        arity: -8,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: &[KeySpec::one(KeyFlags::OW.update(), 1), KeySpec::one(KeyFlags::RO.access(), 2)],
        since: "6.2.0",
        summary: "Stores the members of a geo index within a circle or a box under a key",
        args: &[
            Arg::key("destination"),
            Arg::key("source").spec(1),
            FROM,
            BY,
            ORDER,
            COUNT,
            Arg::word("storedist", "STOREDIST").optional(),
        ],
        history: &[UPPERCASE_UNITS],
        ..SEARCH
    },
    handler: geosearchstore,
};

pub(super) const GEORADIUS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "georadius",
        arity: -6,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::MOVABLEKEYS),
        keys: &stored_keys(6),
        key_finder: Some(find_stored),
        since: "3.2.0",
        summary: "Lists or stores the members of a geo index within a circle around a position",
        args: &[
            Arg::key("key"),
            Arg::double("longitude"),
            Arg::double("latitude"),
            Arg::double("radius"),
            UNIT,
            WITHCOORD,
            WITHDIST,
            WITHHASH,
            COUNT_SINCE,
            ORDER,
            STORE,
        ],
        deprecated: Some(("6.2.0", "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument")),
        history: &[ANY_OPTION, UPPERCASE_UNITS],
        ..SEARCH
    },
    handler: georadius,
};

pub(super) const GEORADIUSBYMEMBER: CommandSpec = CommandSpec {
    facts: Facts {
        name: "georadiusbymember",
        arity: -5,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::MOVABLEKEYS),
        keys: &stored_keys(5),
        key_finder: Some(find_stored),
        since: "3.2.0",
        summary: "Lists or stores the members of a geo index within a circle around one of them",
        args: &[
            Arg::key("key"),
            Arg::string("member"),
            Arg::double("radius"),
            UNIT,
            WITHCOORD,
            WITHDIST,
            WITHHASH,
            COUNT,
            ORDER,
            STORE,
        ],
        deprecated: Some((
            "6.2.0",
            "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments",
        )),
        history: &[ANY_OPTION, UPPERCASE_UNITS],
        ..SEARCH
    },
    handler: georadiusbymember,
};

pub(super) const GEORADIUS_RO: CommandSpec = CommandSpec {
    facts: Facts {
        name: "georadius_ro",
        arity: -6,
        since: "3.2.10",
        summary: "Lists the members of a geo index within a circle around a position",
        args: &[
            Arg::key("key"),
            Arg::double("longitude"),
            Arg::double("latitude"),
            Arg::double("radius"),
            UNIT,
            WITHCOORD,
            WITHDIST,
            WITHHASH,
            COUNT_SINCE,
            ORDER,
        ],
        deprecated: Some(("6.2.0", "`GEOSEARCH` with the `BYRADIUS` argument")),
        history: &[ANY_OPTION, UPPERCASE_UNITS],
        ..SEARCH
    },
    handler: georadius_ro,
};

pub(super) const GEORADIUSBYMEMBER_RO: CommandSpec = CommandSpec {
    facts: Facts {
        name: "georadiusbymember_ro",
        arity: -5,
        since: "3.2.10",
        summary: "Lists the members of a geo index within a circle around one of them",
        args: &[
            Arg::key("key"),
            Arg::string("member"),
            Arg::double("radius"),
            UNIT,
            WITHCOORD,
            WITHDIST,
            WITHHASH,
            COUNT,
            ORDER,
        ],
        deprecated: Some(("6.2.0", "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments")),
        history: &[ANY_OPTION, UPPERCASE_UNITS],
        ..SEARCH
    },
    handler: georadiusbymember_ro,
};
