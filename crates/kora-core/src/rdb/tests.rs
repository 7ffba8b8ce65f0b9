//! Values through payloads and files: all encodings at their thresholds, what old versions laid down, and what is refused.

use super::file::{HEADER_BYTES, Piece, RawEntry, next_piece, read_header};
use super::*;
use crate::codec::ModulePart;
use crate::command::testing::{BareShard, error, ok};
use crate::config::CoreConfig;
use crate::digest::{Detail, Digest};
use crate::entry::{Encoding, Entry};
use crate::reply::Value;
use crate::store::Keyspace;
use crate::time::UnixMs;

const STYLE: Style = Style { compress: true };

fn built(bytes: &[u8], config: &CoreConfig) -> RdbResult<Entry> {
    let loader = Loader { config, seed: 3, extensions: Extensions::default() };
    build(bytes[0], &bytes[1..], (b"key", None), &loader).map(|(entry, _)| entry)
}

fn error_of(bytes: &[u8]) -> RdbError {
    built(bytes, &CoreConfig::default()).expect_err("it is to be refused")
}

/// A short string.
fn text(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_length(&mut out, bytes.len() as u64);
    out.extend_from_slice(bytes);
    out
}

/// The value of a type that is one string.
fn blob(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [vec![kind], text(bytes)].concat()
}

/// A shard with a value of each encoding, below and above the threshold.
fn shard() -> BareShard {
    let mut shard = BareShard::new();
    let mut run = |line: String| assert!(!matches!(shard.run(&line), Value::Error(_)), "{line}");
    let many = |count: usize, element: &dyn Fn(usize) -> String| {
        (0..count).map(element).collect::<Vec<_>>().join(" ")
    };
    for (name, value) in [("small", "-5"), ("wide", "1152921504606846976"), ("text", "hello")] {
        run(format!("SET s:{name} {value}"));
    }
    run(format!("SET s:long {}", "abc ".replace(' ', "").repeat(500)));
    for count in [1, 128, 129, 512, 513, 2000] {
        run(format!("RPUSH l:{count} {}", many(count, &|number| format!("element-{number}"))));
        run(format!("SADD i:{count} {}", many(count, &|number| (number * 1000).to_string())));
        run(format!("SADD t:{count} {}", many(count, &|number| format!("member-{number}"))));
        run(format!("ZADD z:{count} {}", many(count, &|number| format!("{}.5 m{number}", number % 7))));
        run(format!("HSET h:{count} {}", many(count, &|number| format!("f{number} {number}"))));
        run(format!("HSET e:{count} {}", many(count, &|number| format!("f{number} {number}"))));
        run(format!("HPEXPIREAT e:{count} 2000000000000 FIELDS 1 f0"));
    }
    run(format!("RPUSH l:plain a {} b", "x".repeat(20_000)));
    for seq in 1..300 {
        run(format!("XADD x 5-{seq} f {seq}"));
    }
    run("XDEL x 5-3 5-299".to_owned());
    run("XGROUP CREATE x g 5-1".to_owned());
    run("XREADGROUP GROUP g alice COUNT 40 STREAMS x >".to_owned());
    run("XREADGROUP GROUP g bob COUNT 3 STREAMS x >".to_owned());
    run("PEXPIREAT s:text 2000000000000".to_owned());
    shard
}

/// Visits each entry of a shard.
fn each_entry(shard: &mut BareShard, mut visit: impl FnMut(&Entry)) -> usize {
    let (mut count, mut cursor) = (0, 0);
    let mut keyspace = Keyspace::new(&mut shard.store, &mut shard.journal, shard.db, shard.now, true);
    loop {
        cursor = keyspace.scan(cursor, 100, &mut |entry| {
            count += 1;
            visit(entry);
        });
        if cursor == 0 {
            break;
        }
    }
    count
}

#[test]
fn every_encoding_survives_a_payload() {
    let config = CoreConfig::default();
    let mut encodings = Vec::new();
    let count = each_entry(&mut shard(), |entry| {
        let payload = dump::dump(entry, true);
        let body = dump::open(&payload).expect("just sealed");
        let again = built(body, &config).expect("just written");
        assert_eq!(again.encoding(), entry.encoding(), "{entry:?}");
        assert_eq!(again.kind(), entry.kind());
        let content = |entry: &Entry| {
            let mut entry = entry.duplicate();
            entry.set_deadline(None);
            Digest::of_value(&entry, Detail::All)
        };
        assert_eq!(content(&again), content(entry), "{entry:?}");
        encodings.push(entry.encoding());
    });
    assert_eq!(count, 42);
    for encoding in [Encoding::Int, Encoding::Raw, Encoding::EmbStr, Encoding::QuickList, Encoding::ListPack]
        .into_iter()
        .chain([Encoding::IntSet, Encoding::HashTable, Encoding::SkipList, Encoding::ListPackEx])
    {
        assert!(encodings.contains(&encoding), "{encoding:?}");
    }
}

#[test]
fn files_are_cut_into_pieces_and_built() {
    let (config, now) = (CoreConfig::default(), UnixMs(1));
    let mut bytes = Vec::new();
    file::write_header(VERSION_WITH_FIELD_DEADLINES, &mut bytes);
    file::write_aux(b"redis-ver", b"8.0.2", &mut bytes);
    file::write_select_db(3, &mut bytes);
    file::write_resize_db(300, 70, &mut bytes);
    let mut wanted = Vec::new();
    let count = each_entry(&mut shard(), |entry| {
        write_entry(entry, STYLE, now, &config, &mut bytes);
        wanted.push((entry.key().to_vec(), Digest::of_value(entry, Detail::All), entry.expiry()));
    });
    file::write_end(&mut bytes);
    let mut checksum = Crc64::default();
    bytes.chunks(1000).for_each(|part| checksum.update(part));
    file::write_checksum(&checksum, &mut bytes);

    let version = read_header(&bytes).expect("just written");
    let (mut rest, mut found, mut others) = (&bytes[HEADER_BYTES..], Vec::new(), Vec::new());
    while !rest.is_empty() {
        let (piece, len) = next_piece(rest, version).expect("just written");
        if let Piece::Entry(raw) = piece {
            let entry = raw
                .build(&Loader { config: &config, seed: 9, extensions: Extensions::default() }, now)
                .expect("just written");
            found.push((raw.key.to_vec(), Digest::of_value(&entry, Detail::All), raw.expiry));
        } else {
            others.push(piece);
        }
        rest = &rest[len..];
    }
    assert_eq!((found.len(), &found), (count, &wanted));
    let aux = Piece::Aux { name: b"redis-ver"[..].into(), value: b"8.0.2"[..].into() };
    let end = Piece::End { checksum: Some(Crc64::of(&bytes[..bytes.len() - 8])) };
    assert_eq!(others, [aux, Piece::SelectDb(3), Piece::ResizeDb { keys: 300, expires: 70 }, end]);
}

#[test]
fn use_and_deadlines_of_files() {
    let bytes = [&[253, 10, 0, 0, 0, 248, 5, 249, 7, 0][..], &text(b"key"), &text(b"value")].concat();
    let (piece, len) = next_piece(&bytes, 9).expect("a key");
    let raw = RawEntry {
        key: b"key"[..].into(),
        expiry: Some(UnixMs(10_000)),
        idle_seconds: Some(5),
        frequency: Some(7),
        kind: 0,
        value: &bytes[bytes.len() - 6..],
    };
    assert_eq!((&piece, len), (&Piece::Entry(raw.clone()), bytes.len()));
    let (config, now) = (CoreConfig::default(), UnixMs(100_000));
    let entry = raw
        .build(&Loader { config: &config, seed: 1, extensions: Extensions::default() }, now)
        .expect("a string");
    assert_eq!((entry.idle_seconds(now), entry.expiry()), (5, Some(UnixMs(10_000))));
}

#[test]
fn modules_are_passed_over() {
    let value = [&[7][..], &text(b"key"), &[0x81], &[0; 8], &[2, 5, 5, 1, b'x', 4], &[0; 8], &[0]].concat();
    let (piece, len) = next_piece(&value, 11).expect("a module's value");
    let Piece::Entry(raw) = piece else { panic!("{piece:?}") };
    assert!(raw.is_module() && len == value.len());
    let config = CoreConfig::default();
    let built = raw
        .build(&Loader { config: &config, seed: 1, extensions: Extensions::default() }, UnixMs(0))
        .map(drop);
    assert_eq!(built, Err(RdbError::Module));
    let aux = [&[247, 0x81][..], &[0; 8], &[2, 1, 2, 9, 0]].concat();
    let Ok((Piece::ModuleAux(data), len)) = next_piece(&aux, 11) else { panic!("a module's data") };
    assert_eq!((&data.name, data.version, len), (b"AAAAAAAAA", 0, aux.len()));
    assert_eq!(data.parts(), Ok(vec![ModulePart::Number(9)]));
    assert_eq!(next_piece(&[244, 1, 2, 3], 11), Ok((Piece::SlotInfo, 4)));
    assert_eq!(next_piece(&[6, 1, b'k', 0], 11), Err(RdbError::Module));
}

#[test]
fn headers() {
    assert_eq!(read_header(b"REDIS0001"), Ok(1));
    assert_eq!(read_header(b"REDIS0012"), Ok(12));
    assert_eq!(read_header(b"REDIS00"), Err(RdbError::Incomplete(2)));
    for bytes in [b"REDIS0013", b"REDIS0000", b"REDISxxxx", b"VALKE0011"] {
        assert!(matches!(read_header(bytes), Err(RdbError::Corrupt(_))));
    }
    assert_eq!(next_piece(&[255], 4), Ok((Piece::End { checksum: None }, 1)));
    assert_eq!(next_piece(&[255], 5), Err(RdbError::Incomplete(8)));
}

#[test]
fn a_small_hash_keeps_its_room_for_deadlines_in_files_of_version_12() {
    let mut shard = BareShard::new();
    shard.run("HSET h a 1 b 2");
    let codes_and_need = |shard: &mut BareShard| {
        let mut codes = Vec::new();
        each_entry(shard, |entry| {
            let mut bytes = Vec::new();
            write_value(entry, STYLE, &mut bytes);
            codes.push(bytes[0]);
        });
        (codes, shard.store.has_room_for_field_deadlines())
    };
    assert_eq!(codes_and_need(&mut shard), (vec![16], false));
    shard.run("HPEXPIREAT h 2000000000000 FIELDS 1 a");
    assert_eq!(codes_and_need(&mut shard), (vec![25], true));
    shard.run("HPERSIST h FIELDS 1 a");
    assert_eq!(codes_and_need(&mut shard), (vec![25], true));
    // It comes back from a payload or a file as it was.
    shard.run("COPY h copy");
    shard.run("DEL h");
    assert_eq!(codes_and_need(&mut shard), (vec![25], true));
    shard.run("FLUSHALL");
    assert_eq!(codes_and_need(&mut shard), (vec![], false));
}

#[test]
fn what_is_twice_or_half_is_refused() {
    let two_fields = [&[4, 2][..], &text(b"f"), &text(b"v"), &text(b"f"), &text(b"w")].concat();
    let two_members = [&[2, 2][..], &text(b"m"), &text(b"m")].concat();
    // A listpack of four elements: f, v, f, v.
    let twice = b"\x13\0\0\0\x04\0\x81f\x02\x81v\x02\x81f\x02\x81v\x02\xff";
    let unsorted = [2, 0, 0, 0, 2, 0, 0, 0, 5, 0, 1, 0];
    for bytes in [two_fields, two_members, blob(20, twice), blob(16, twice), blob(11, &unsorted)] {
        assert!(matches!(error_of(&bytes), RdbError::Corrupt(_)), "{}", bytes.escape_ascii());
    }
    for bytes in [&[1, 0][..], &[2, 0], &[4, 0], &[5, 0], &[18, 0]] {
        assert_eq!(error_of(bytes), RdbError::Empty);
    }
    assert_eq!(error_of(b"\0\x05ab"), RdbError::Incomplete(3));
    assert_eq!(error_of(b"\x02\xbf"), RdbError::Corrupt("a length of an unknown form"));
}

#[test]
fn counts_allocate_nothing() {
    for kind in [1, 2, 3, 4, 5, 14, 15, 18, 19, 21, 22] {
        let claimed = [&[kind, 0x81][..], &[0x7F; 8]].concat();
        assert!(matches!(error_of(&claimed), RdbError::Incomplete(_)), "{kind}");
    }
    let long = [&[0, 0xC3, 2, 0x81][..], &[0, 0, 1, 0, 0, 0, 0, 0], b"\0a"].concat();
    assert!(matches!(error_of(&long), RdbError::Corrupt(_)));
}

#[test]
fn restore_is_recorded_with_its_deadline() {
    let mut shard = BareShard::new();
    shard.check("SET a hello => OK");
    let Value::Bulk(payload) = shard.run("DUMP a") else { panic!("a payload") };
    shard.effects();
    shard.events();
    assert_eq!(
        shard.run_args(&[b"RESTORE", b"a", b"0", &payload]),
        error("BUSYKEY Target key name already exists.")
    );
    assert_eq!(shard.run_args(&[b"RESTORE", b"b", b"100", &payload, b"FREQ", b"9"]), ok());
    let effects = shard.effects();
    let deadline = shard.now.0 + 100;
    assert!(effects[0].starts_with(&format!("RESTORE b {deadline} ")), "{effects:?}");
    assert!(effects[0].ends_with(" REPLACE ABSTTL FREQ 9"), "{effects:?}");
    assert_eq!(shard.events(), ["new b", "restore b"]);
    assert_eq!(shard.run_args(&[b"RESTORE", b"a", b"1", &payload, b"REPLACE", b"ABSTTL"]), ok());
    assert_eq!((shard.effects(), shard.events()), (vec!["DEL a".to_owned()], vec!["del a".to_owned()]));
    shard.check_replay();
}
