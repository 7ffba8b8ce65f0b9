//! Hostile arguments of commands about documents, indexes and vectors, and hostile payloads, sent to an engine that has some of each.
//!
//! Each input must be answered, within a second of processor time, and leaves an engine that goes on. Catalogs are read beside the engine, as they
//! come from files.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use kora_core::catalog::Catalog as _;
use kora_core::rdb::VERSION;
use kora_core::rdb::file::{Piece, next_piece};
use kora_core::reply::Value;
use kora_core::slot::WorkerId;
use kora_engine::front::Origin;
use kora_testkit::simulation::random::Random;
use kora_testkit::stepped::Stepped;

use super::Tally;
use super::mutate::Material;
use super::samples::{
    BEGINNING, CONDITIONS, EXPRESSIONS, HTTP, JSON_PATHS, JSON_TEXTS, QUERIES, RULES, Words,
};

/// Most processor time that one input may take, in seconds.
const SECONDS_MAX: f64 = 1.0;
/// Inputs of one engine: then another one begins, as what they leave adds up.
const INPUTS_PER_ENGINE: u64 = 5000;
/// Bytes of a checksum and of the version before it, behind a payload.
const FOOTER_BYTES: usize = 10;

/// What the inputs are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Queries of FT.SEARCH, FT.AGGREGATE, FT.EXPLAIN, FT.PROFILE and FT.SPELLCHECK.
    Queries,
    /// Expressions of APPLY and FILTER.
    Expressions,
    /// Conditions of DOC.FIND and DOC.COUNT.
    Conditions,
    /// Paths of JSON commands.
    Paths,
    /// Texts of JSON values.
    Texts,
    /// Payloads of RESTORE, with a checksum that is right: JSON values, suggestions, vector sets.
    Payloads,
    /// What stands of indexes in files: of this server and of RediSearch.
    Catalogs,
    /// Rules of users, and files of them: no engine is asked.
    Rules,
    /// Requests over HTTP: no engine is asked.
    Http,
}

impl Kind {
    fn words(self) -> Words {
        match self {
            Self::Queries => QUERIES,
            Self::Expressions => EXPRESSIONS,
            Self::Conditions => CONDITIONS,
            Self::Paths => JSON_PATHS,
            Self::Texts => JSON_TEXTS,
            Self::Rules => RULES,
            Self::Http => HTTP,
            Self::Payloads | Self::Catalogs => Words { samples: &[], words: &[] },
        }
    }

    fn samples(self) -> Vec<Vec<u8>> {
        match self {
            Self::Payloads => World::new(1).payloads(),
            Self::Catalogs => catalogs(),
            _ => self.words().samples.iter().map(|sample| sample.as_bytes().to_vec()).collect(),
        }
    }
}

/// Tries so many inputs, from a seed.
///
/// # Panics
/// If one of them breaks a promise; the input is printed before.
pub(super) fn run(kind: Kind, seed: u64, count: u64) -> Tally {
    let samples = kind.samples();
    let material = Material { samples: &samples, words: kind.words().words };
    let mut random = Random::new(seed);
    let mut tally = Tally::default();
    let mut world = World::new(seed);
    for number in 0..count {
        if number % INPUTS_PER_ENGINE == INPUTS_PER_ENGINE - 1 {
            world = World::new(seed ^ number);
        }
        let input = material.input(&mut random);
        let begun = processor_seconds();
        let outcome = catch_unwind(AssertUnwindSafe(|| world.take(kind, &input)));
        let seconds = processor_seconds() - begun;
        let is_refused = outcome.unwrap_or_else(|panic| {
            println!("{kind:?} broke a promise: \"{}\"", input.escape_ascii());
            resume_unwind(panic)
        });
        assert!(seconds < SECONDS_MAX, "{seconds:.1} s for {kind:?} \"{}\"", input.escape_ascii());
        tally[0] += 1;
        tally[1] += u64::from(is_refused);
    }
    tally
}

/// Processor time of this thread, as Linux counts it; 0 where it does not.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split(' ').next().and_then(|number| number.parse::<u64>().ok());
    nanoseconds.unwrap_or(0) as f64 / 1e9
}

/// Engine and client.
struct World {
    engine: Stepped,
    client: Origin,
    rules: kora_acl::fuzz::Commands,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut engine = Stepped::new(1, 2, seed);
        let client = engine.connect_program(WorkerId(0));
        let mut world = Self { engine, client, rules: kora_acl::fuzz::Commands::new() };
        for line in BEGINNING {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let reply = world.call(&words);
            assert!(!matches!(reply, Value::Error(_)), "{line}: {reply:?}");
        }
        world
    }

    fn call(&mut self, words: &[&[u8]]) -> Value {
        self.engine.send(self.client, [words.iter().map(|word| word.to_vec()).collect::<Vec<_>>()]);
        self.engine.settle();
        let mut answers = self.engine.answers();
        assert_eq!(answers.len(), 1, "a command has one reply");
        answers.remove(0).1
    }

    /// Gives the engine an input; whether all refused it.
    fn take(&mut self, kind: Kind, input: &[u8]) -> bool {
        match kind {
            Kind::Catalogs => return !take_catalog(input),
            Kind::Rules => return !self.rules.take(input),
            Kind::Http => return !kora_http::fuzz::request_input(input),
            Kind::Payloads => return !self.take_payload(input),
            _ => {}
        }
        let mut is_refused = true;
        for command in commands(kind, input) {
            let reply = self.call(&command);
            is_refused &= matches!(reply, Value::Error(_));
        }
        if kind == Kind::Texts || kind == Kind::Paths {
            self.call(&[
                b"JSON.SET",
                b"json:0",
                b"$",
                b"{\"a\":[1,{\"b\":\"c\"}],\"n\":3,\"t\":\"stone river\"}",
            ]);
        }
        is_refused
    }

    /// Restores a payload, and uses what it has become in every way.
    fn take_payload(&mut self, input: &[u8]) -> bool {
        let body = &input[..input.len().saturating_sub(FOOTER_BYTES)];
        let mut payload = [body, &11_u16.to_le_bytes()].concat();
        payload.extend(kora_format::crc64::Crc64::of(&payload).to_le_bytes());
        if matches!(self.call(&[b"RESTORE", b"hostile", b"0", &payload, b"REPLACE"]), Value::Error(_)) {
            return false;
        }
        for line in [
            "JSON.GET hostile $..*",
            "JSON.SET hostile $.new 1",
            "FT.SUGGET hostile a FUZZY MAX 5 WITHPAYLOADS WITHSCORES",
            "FT.SUGADD hostile word 1",
            "VSIM hostile ELE m0 WITHSCORES COUNT 5",
            "VSIM hostile VALUES 3 1 0 0.5 COUNT 5 FILTER .n>1",
            "VLINKS hostile m1 WITHSCORES",
            "VADD hostile VALUES 3 0.1 0.2 0.3 more",
            "VREM hostile m0",
            "VRANDMEMBER hostile 3",
            "VINFO hostile",
            "MEMORY USAGE hostile",
            "DEBUG OBJECT hostile",
        ] {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            self.call(&words);
        }
        // Without its last element it is gone.
        let Value::Bulk(again) = self.call(&[b"DUMP", b"hostile"]) else { return true };
        let reply = self.call(&[b"RESTORE", b"hostile", b"0", &again, b"REPLACE"]);
        assert!(matches!(reply, Value::Simple(_)), "its own payload is refused: {reply:?}");
        self.call(&[b"DEL", b"hostile"]);
        true
    }

    /// Payloads of the values that there are.
    fn payloads(&mut self) -> Vec<Vec<u8>> {
        let keys =
            ["json:0", "json:1", "suggestions", "vectors", "vectors:q8", "vectors:bin", "vectors:reduced"];
        keys.map(|key| match self.call(&[b"DUMP", key.as_bytes()]) {
            Value::Bulk(payload) => payload,
            reply => panic!("{key}: {reply:?}"),
        })
        .into()
    }
}

/// Commands that take an input.
fn commands(kind: Kind, input: &[u8]) -> Vec<Vec<&[u8]>> {
    let line = |text: &'static str| {
        text.split(' ').map(|word| if word == "?" { input } else { word.as_bytes() }).collect::<Vec<_>>()
    };
    let lines: &[&'static str] = match kind {
        Kind::Queries => &[
            "FT.SEARCH hashes ? LIMIT 0 5 HIGHLIGHT SUMMARIZE PARAMS 4 a 1 b stone DIALECT 2",
            "FT.SEARCH json ? WITHSCORES NOCONTENT SORTBY n",
            "FT.SEARCH json ? NOCONTENT DIALECT 3 SLOP 2 INORDER",
            "FT.AGGREGATE hashes ? LOAD 1 @t ADDSCORES SCORER TFIDF",
            "FT.EXPLAIN hashes ? DIALECT 2",
            "FT.PROFILE hashes SEARCH QUERY ?",
            "FT.SPELLCHECK hashes ?",
        ],
        Kind::Expressions => &[
            "FT.AGGREGATE hashes * LOAD 3 @t @n @g APPLY ? AS x",
            "FT.AGGREGATE json * LOAD 3 @t @n @g FILTER ?",
        ],
        Kind::Conditions => &[
            "DOC.FIND people WHERE ? LIMIT 5 WITHIDS",
            "DOC.COUNT people WHERE ?",
            "DOC.FIND people WHERE ? ORDER BY n EXPLAIN",
        ],
        Kind::Paths => &[
            "JSON.GET json:0 ?",
            "JSON.GET json:0 $ ?",
            "JSON.SET json:0 ? 1",
            "JSON.ARRAPPEND json:0 ? 2",
            "JSON.NUMINCRBY json:0 ? 1",
            "JSON.MERGE json:0 ? {\"z\":1}",
            "JSON.TYPE json:0 ?",
            "JSON.DEL json:0 ?",
            "DOC.GET people d1 FIELDS ?",
            "DOC.UPDATE people d1 INCR ? 1",
            "FT.SEARCH json * RETURN 1 ?",
        ],
        _ => &[
            "JSON.SET json:0 $ ?",
            "JSON.MERGE json:0 $ ?",
            "JSON.GET json:0 INDENT x $",
            "JSON.ARRAPPEND json:0 $..a ?",
            "DOC.SET people d1 ?",
            "DOC.UPDATE people d2 SET a ? PUSH g ?",
        ],
    };
    lines.iter().map(|text| line(text)).collect()
}

/// Whether bytes are taken for what stands of indexes in a file; what was taken up can be written and read again.
fn take_catalog(input: &[u8]) -> bool {
    let service = kora_search::Service::new();
    let is_own = service.restore(input).is_ok();
    let service = if is_own { service } else { kora_search::Service::new() };
    let is_foreign = match next_piece(input, VERSION) {
        Ok((Piece::ModuleAux(data), _)) => service.restore_foreign(&data).is_ok(),
        _ => false,
    };
    if let Some(bytes) = service.dump() {
        let again = kora_search::Service::new();
        again.restore(&bytes).expect("what is written is read");
        assert_eq!(again.dump(), Some(bytes), "it is the same");
    }
    let collections = kora_doc::Service::new();
    let is_of_collections = collections.restore(input).is_ok();
    if is_of_collections && let Some(bytes) = collections.dump() {
        kora_doc::Service::new().restore(&bytes).expect("what is written is read");
    }
    is_own || is_foreign || is_of_collections
}

/// Catalogs: of RediSearch, and the same as this server writes them.
fn catalogs() -> Vec<Vec<u8>> {
    let stored = include_str!("../../../crates/kora-search/src/service/foreign/stored.txt");
    let digits = |piece: &str| piece.bytes().filter(u8::is_ascii_hexdigit).collect::<Vec<_>>();
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).expect("digits");
        u8::from_str_radix(text, 16).expect("two digits")
    };
    let pieces = stored.split_once('\n').map_or("", |(_, rest)| rest).trim().split("\n\n");
    let mut all: Vec<Vec<u8>> = pieces.map(|piece| digits(piece).chunks(2).map(byte).collect()).collect();
    let service = kora_search::Service::new();
    for piece in &all {
        let Ok((Piece::ModuleAux(data), _)) = next_piece(piece, VERSION) else { panic!("a module's data") };
        service.restore_foreign(&data).expect("RediSearch wrote it");
    }
    all.extend(service.dump());
    all
}
