//! INFO, MEMORY STATS and CLIENT INFO after one workload, field by field beside Redis 8.0.2: the same fields in the same order, and the same
//! values, but for what `differences.txt` lists with its reason.
//!
//! `redis-8.0.2.txt` is recorded: `KORA_RECORD_INFO=ADDRESS cargo test -p kora-server --test robust info` writes what the Redis at that
//! address shows, which has to be started with `--appendonly yes --enable-debug-command yes`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use kora_protocol::Frame;

use crate::client::Client;
use crate::server::{start, wait_until};

const WORKLOAD: &str = include_str!("info/workload.txt");
const RECORDED: &str = include_str!("info/redis-8.0.2.txt");
const DIFFERENCES: &str = include_str!("info/differences.txt");
const PAGE: &str = include_str!("../../../../docs/info.md");

/// Sections whose order Redis leaves to a hash table.
const UNORDERED: [&str; 3] = ["Commandstats", "Errorstats", "Latencystats"];

/// How a field differs from Redis's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Its value is another one in each run, or on each machine.
    Varies,
    /// Its value is another one than Redis's.
    Differs,
    /// Its value is always the same.
    Constant,
    /// Redis has no such field.
    Own,
}

/// Fields with their values, by place: `Section/field`, in order.
type Fields = Vec<(String, String)>;

#[test]
fn fields_and_values_are_those_of_redis_but_for_the_differences_listed() {
    let differences = differences();
    if let Ok(address) = std::env::var("KORA_RECORD_INFO") {
        return record(&mut Client::connect(address.parse().unwrap()), &differences);
    }
    let recorded = parse(RECORDED);
    for workers in [1, 4] {
        let (_server, address) = start(workers, &["--appendonly", "yes", "--enable-debug-command", "yes"]);
        let mut client = Client::connect(address);
        wait_until("all is loaded", || client.line("PING") == Frame::Simple(b"PONG".to_vec()));
        let found = observe(&mut client);
        compare(&recorded, &found, &differences, workers);
    }
}

#[test]
fn the_documentation_lists_what_differs() {
    for (place, (kind, reason)) in differences() {
        let field = place.split('/').next_back().unwrap_or(&place);
        assert!(!reason.is_empty() || kind == Kind::Varies, "{place} differs for no reason");
        if kind != Kind::Varies {
            assert!(PAGE.contains(&format!("`{field}`")), "{place} is {kind:?} and not in docs/info.md");
        }
    }
}

fn compare(recorded: &Fields, found: &Fields, differences: &BTreeMap<String, (Kind, String)>, workers: u16) {
    let kind_of = |place: &str| differences.get(place).map(|(kind, _)| *kind);
    let (own, shared): (Vec<_>, Vec<_>) =
        found.iter().partition(|(place, _)| kind_of(place) == Some(Kind::Own));
    let places = |fields: &[&(String, String)]| {
        let mut places: Vec<_> = fields.iter().map(|(place, _)| place.clone()).collect();
        // Stable, so that only the sections without an order are put in one.
        let unordered = |place: &String| {
            let is_unordered = UNORDERED.iter().any(|section| place.starts_with(section));
            if is_unordered { place.clone() } else { String::new() }
        };
        let begin = places.iter().position(|place| !unordered(place).is_empty());
        let end = places.iter().rposition(|place| !unordered(place).is_empty());
        if let (Some(begin), Some(end)) = (begin, end) {
            places[begin..=end].sort_by_key(|place| (section_of(place), unordered(place)));
        }
        places
    };
    let recorded_places = places(&recorded.iter().collect::<Vec<_>>());
    similar_asserts(&recorded_places, &places(&shared), workers);
    let values: BTreeMap<_, _> = found.iter().map(|(place, value)| (place, value)).collect();
    let mut wrong = String::new();
    for (place, value) in recorded {
        if kind_of(place).is_none() && values[place] != value {
            let _ = writeln!(wrong, "{place}: {value} in Redis, {} here", values[place]);
        }
    }
    assert!(wrong.is_empty(), "{workers} workers:\n{wrong}");
    for (place, (kind, _)) in differences {
        let is_there = recorded.iter().any(|(known, _)| known == place);
        match kind {
            Kind::Own => assert!(own.iter().any(|(known, _)| known == place) && !is_there, "{place} is gone"),
            _ => assert!(is_there, "{place} is no field of Redis's"),
        }
    }
}

/// Tells what is missing and what is too much, not two lists of two hundred names.
fn similar_asserts(recorded: &[String], found: &[String], workers: u16) {
    let missing: Vec<_> = recorded.iter().filter(|place| !found.contains(place)).collect();
    let unknown: Vec<_> = found.iter().filter(|place| !recorded.contains(place)).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "{workers} workers: missing {missing:?}, unknown {unknown:?}"
    );
    let moved = recorded.iter().zip(found).find(|(recorded, found)| recorded != found);
    assert!(moved.is_none(), "{workers} workers: not in order: {moved:?}");
}

fn section_of(place: &str) -> usize {
    UNORDERED.iter().position(|section| place.starts_with(section)).unwrap_or(usize::MAX)
}

/// Plays the workload; what is shown then.
fn observe(client: &mut Client) -> Fields {
    for command in WORKLOAD.lines() {
        client.line(&command.replace("\\t", " "));
    }
    let mut fields = Fields::new();
    let text = text_of(client.line("CLIENT INFO"));
    for word in text.split_whitespace() {
        let (name, value) = word.split_once('=').unwrap();
        fields.push((format!("CLIENT INFO/{name}"), value.to_owned()));
    }
    let Frame::Array(stats) = client.line("MEMORY STATS") else { panic!("no array") };
    for pair in stats.chunks(2) {
        let [Frame::Bulk(name), value] = pair else { panic!("{pair:?}") };
        let place = format!("MEMORY STATS/{}", String::from_utf8_lossy(name));
        match value {
            Frame::Array(parts) => {
                for pair in parts.chunks(2) {
                    fields.push((format!("{place}/{}", text_of(pair[0].clone())), text_of(pair[1].clone())));
                }
            }
            value => fields.push((place, text_of(value.clone()))),
        }
    }
    let text = text_of(client.line("INFO everything"));
    let mut section = "";
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("# ") {
            section = heading;
        } else if let Some((name, value)) = line.split_once(':') {
            let place = format!("{section}/{name}");
            // There is a line for each worker and for each module.
            let is_another =
                fields.iter().any(|(known, _)| *known == place) || name.starts_with("io_thread_");
            if !is_another || name == "io_thread_0" {
                fields.push((place, normal(section, name, value)));
            }
        }
    }
    fields
}

fn text_of(frame: Frame) -> String {
    match frame {
        Frame::Bulk(text) | Frame::Simple(text) => String::from_utf8(text).unwrap(),
        Frame::Integer(number) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

/// A value without what is of one run only.
fn normal(section: &str, name: &str, value: &str) -> String {
    let without = |is_left_out: fn(&str) -> bool| {
        value.split(',').filter(|part| !is_left_out(part)).collect::<Vec<_>>().join(",")
    };
    match section {
        "Commandstats" => without(|part| part.starts_with("usec")),
        "Latencystats" => value.split(['=', ',']).step_by(2).collect::<Vec<_>>().join(","),
        "Keyspace" => without(|part| part.starts_with("avg_ttl")),
        "Threads" if name.starts_with("io_thread") => {
            value.split(['=', ',']).step_by(2).collect::<Vec<_>>().join(",")
        }
        _ => value.to_owned(),
    }
}

fn record(client: &mut Client, differences: &BTreeMap<String, (Kind, String)>) {
    let mut text = String::from("# What Redis 8.0.2 shows after workload.txt; recorded, see info.rs.\n");
    for (place, value) in observe(client) {
        let varies = differences.get(&place).is_some_and(|(kind, _)| *kind == Kind::Varies);
        let _ = writeln!(text, "{place}\t{}", if varies { "*" } else { &value });
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/robust/info/redis-8.0.2.txt");
    std::fs::write(path, text).unwrap();
}

fn parse(recorded: &str) -> Fields {
    let lines = recorded.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.split_once('\t').unwrap())
        .map(|(place, value)| (place.into(), value.into()))
        .collect()
}

/// `place kind reason`, separated by tabs.
fn differences() -> BTreeMap<String, (Kind, String)> {
    let mut all = BTreeMap::new();
    for line in DIFFERENCES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut parts = line.splitn(3, '\t');
        let (place, kind) = (parts.next().unwrap(), parts.next().unwrap());
        let kind = match kind {
            "varies" => Kind::Varies,
            "differs" => Kind::Differs,
            "constant" => Kind::Constant,
            "own" => Kind::Own,
            other => panic!("{other} is no kind of difference"),
        };
        let before = all.insert(place.to_owned(), (kind, parts.next().unwrap_or_default().to_owned()));
        assert!(before.is_none(), "{place} is listed twice");
    }
    all
}
