use kora_core::catalog::Catalog;
use kora_core::time::UnixMs;

use super::dump::{altered, with_synonyms};
use super::*;
use crate::command::create::{Alter, Create};
use crate::value::Value;
use crate::words::Synonyms;

fn arguments(words: &str) -> Arguments {
    words.split(' ').map(|word| Box::from(word.as_bytes())).collect()
}

fn declared(words: &str) -> Declaration {
    let all = arguments(words);
    let texts: Vec<&[u8]> = all.iter().map(|word| &**word).collect();
    let Create { index, schema } = Create::parse(&texts).unwrap();
    Declaration::new(1, &index, schema, Synonyms::default(), vec![all]).unwrap()
}

fn filled() -> Service {
    let service = Service::new();
    let index = declared("books PREFIX 1 b: FILTER @n>1 STOPWORDS 1 x SCHEMA t TEXT n NUMERIC SORTABLE");
    let added = arguments("books SCHEMA ADD g TAG");
    let texts: Vec<&[u8]> = added.iter().map(|word| &**word).collect();
    let index = altered(&index, &Alter::parse(&texts).unwrap(), added.clone()).unwrap();
    let index = with_synonyms(&index, "group", ["one".to_owned(), "two".to_owned()]).unwrap();
    let mut state = service.state();
    state.indexes.insert(index.name.clone(), Arc::new(index));
    state
        .indexes
        .insert(b"values".as_slice().into(), Arc::new(declared("values ON JSON SCHEMA $.a AS a TAG")));
    state.aliases.insert(b"shelf".as_slice().into(), b"books".as_slice().into());
    state.dictionaries.entry(b"words".as_slice().into()).or_default().add("long\u{e9}");
    drop(state);
    service
}

#[test]
fn what_is_dumped_is_restored() {
    let (one, other) = (filled(), Service::new());
    let bytes = one.dump().unwrap();
    other.restore(&bytes).unwrap();
    assert_eq!(other.dump().unwrap(), bytes);
    let (one, other) = (one.find(b"shelf").unwrap(), other.find(b"shelf").unwrap());
    assert_eq!(one.schema, other.schema);
    assert_eq!(one.synonyms, other.synonyms);
    assert_eq!(one.schema.fields.len(), 3);
    assert_eq!(Service::new().dump(), None);
}

#[test]
fn bytes_that_end_anywhere_are_refused_or_less() {
    let bytes = filled().dump().unwrap();
    let mut refused = 0;
    for end in 0..bytes.len() {
        refused += usize::from(Service::new().restore(&bytes[..end]).is_err());
    }
    // Between two declarations the bytes are whole.
    assert!(refused > bytes.len() - 10, "{refused} of {}", bytes.len());
    let mut hostile = bytes.clone();
    hostile[0] = 0xff;
    assert!(Service::new().restore(&hostile).is_err());
}

/// A cursor whose rows take about so many bytes.
fn cursor(index: &str, bytes: usize, used: i64) -> Opened {
    let text = Value::text(vec![b'x'; bytes / 3]);
    let rows = KeptRows::of((0..3).map(|_| vec![("t".into(), text.clone())]));
    Opened {
        index: index.as_bytes().into(),
        rows,
        is_expanded: false,
        count: 1,
        idle_ms_max: 10,
        used: UnixMs(used),
    }
}

#[test]
fn cursors_are_limited_and_go_when_they_are_idle() {
    const MUCH: usize = 1000 << 10;
    let mut cursors = Cursors::default();
    for _ in 0..CURSORS_MAX {
        cursors.open(5, cursor("a", 3, 0)).unwrap();
    }
    assert_eq!(cursors.open(5, cursor("a", 3, 0)), Err("Too many cursors allocated for index"));
    let number = cursors.open(5, cursor("b", 3, 0)).unwrap();
    assert_eq!(number, 5 + CURSORS_MAX as u64, "numbers in use are passed over");
    assert!(cursors.open(5, cursor("c", MUCH + (100 << 10), 0)).is_err(), "their memory is limited");
    let taken = cursors.take(number, UnixMs(10)).unwrap();
    cursors.put_back(number, Opened { used: UnixMs(10), ..taken });
    assert!(cursors.take(number, UnixMs(20)).is_some_and(|cursor| cursor.rows.len() == 3));
    assert_eq!(cursors.len(), 0, "the others were idle for too long");
    cursors.open(1, cursor("a", MUCH, 30)).unwrap();
    assert!(cursors.open(1, cursor("a", MUCH, 30)).is_err());
    cursors.remove_of(b"a");
    assert_eq!(cursors.len(), 0);
    assert!(cursors.open(1, cursor("a", MUCH, 30)).is_ok(), "their memory is free again");
}

#[test]
fn settings_are_checked() {
    let mut settings = Settings::default();
    let find = |name: &str| SETTINGS.iter().find(|setting| setting.name == name).unwrap();
    assert_eq!(find("MAXSEARCHRESULTS").set(&mut settings, b"-1"), Ok(()));
    assert_eq!(find("MAXSEARCHRESULTS").show(&settings), "unlimited");
    assert_eq!(find("DEFAULT_DIALECT").set(&mut settings, b"3"), Ok(()));
    assert_eq!(settings.dialect, 3);
    assert!(find("DEFAULT_DIALECT").set(&mut settings, b"0").is_err());
    assert!(find("TIMEOUT").set(&mut settings, b"-1").is_err());
    assert!(find("TIMEOUT").set(&mut settings, b"x").is_err());
    // What has an effect is not also refused.
    assert!(SETTINGS.iter().all(|setting| !WITHOUT_EFFECT.contains(&setting.name)));
}
