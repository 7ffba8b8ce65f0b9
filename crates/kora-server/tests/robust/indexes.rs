//! The memory of indexes counts against the limit like any other: keys go to make room for it, and with them their documents.

use kora_protocol::Frame;

use crate::client::{Client, ok, request};
use crate::memory::{field_of, info};
use crate::server::{start, wait_until};

/// Documents, which take some 300 bytes each, and as much in the index.
const DOCUMENTS: usize = 20_000;

/// Requests sent before their replies are read.
const BATCH: usize = 500;

/// What the limit leaves for the index: too little.
const ROOM_BYTES: u64 = 1024 * 1024;

const CREATE: &str = "FT.CREATE idx ON JSON PREFIX 1 doc: SCHEMA $.text AS text TEXT $.tag AS tag TAG $.number AS number NUMERIC SORTABLE";

const SEARCH_COUNT: &str = "FT.SEARCH idx * LIMIT 0 0";

/// Sets the documents, and returns the bytes in use.
fn fill(client: &mut Client) -> u64 {
    let all: Vec<usize> = (0..DOCUMENTS).collect();
    for batch in all.chunks(BATCH) {
        let requests = batch.iter().map(|at| {
            let words: Vec<String> = (0..12).map(|word| format!("word{}", at * 7 % (900 + word))).collect();
            let text =
                format!(r#"{{"text":"number{at} {}","tag":"t{}","number":{at}}}"#, words.join(" "), at % 100);
            request(&["JSON.SET", &format!("doc:{at}"), "$", &text])
        });
        client.send(&requests.collect::<Vec<_>>().concat()).unwrap();
        batch.iter().for_each(|_| assert_eq!(client.receive(), Some(ok())));
    }
    info(client, "used_memory")
}

/// How many keys there are, and how many documents the index has.
fn counts(client: &mut Client) -> (i64, i64) {
    (number(&client.line("DBSIZE")), count_of(&client.line(SEARCH_COUNT)))
}

fn number(reply: &Frame) -> i64 {
    let Frame::Integer(number) = reply else { panic!("a number: {reply:?}") };
    *number
}

/// What a search without results found.
fn count_of(reply: &Frame) -> i64 {
    let Frame::Array(found) = reply else { panic!("a list of results: {reply:?}") };
    let [count] = &found[..] else { panic!("only the count: {found:?}") };
    number(count)
}

/// Waits until the index has looked at all keys.
fn await_built(client: &mut Client) {
    wait_until("the index is built", || {
        let Frame::Array(info) = client.line("FT.INFO idx") else { panic!("FT.INFO is a list") };
        let place = info
            .iter()
            .position(|name| matches!(name, Frame::Simple(name) | Frame::Bulk(name) if name == b"indexing"));
        let value = &info[place.unwrap() + 1];
        matches!(value, Frame::Integer(0))
            || matches!(value, Frame::Bulk(text) | Frame::Simple(text) if text == b"0")
    });
}

#[test]
fn keys_go_to_make_room_for_an_index() {
    let (program, _) = start(1, &["--maxmemory-policy", "allkeys-lru", "--save", ""]);
    let mut client = program.client();
    let limit = fill(&mut client) + ROOM_BYTES;
    assert_eq!(client.line(&format!("CONFIG SET maxmemory {limit}")), ok());
    assert_eq!(info::<u64>(&mut client, "evicted_keys"), 0);
    assert_eq!(client.line(CREATE), ok());
    await_built(&mut client);
    wait_until("keys are evicted", || info::<u64>(&mut client, "used_memory") <= limit);
    // At one moment, because what answers take may make keys go before the next command.
    ["MULTI", "DBSIZE", SEARCH_COUNT, "INFO stats"].iter().for_each(|line| drop(client.line(line)));
    let Frame::Array(replies) = client.line("EXEC") else { panic!("the transaction runs") };
    let [keys, found, Frame::Bulk(stats)] = &replies[..] else { panic!("three replies: {replies:?}") };
    let (keys, documents) = (number(keys), count_of(found));
    assert!(keys > 0 && keys < 20_000, "{keys}");
    assert_eq!(keys, documents);
    let stats = String::from_utf8_lossy(stats);
    assert_eq!(field_of::<i64>(&stats, "evicted_keys"), 20_000 - keys);
}

#[test]
fn an_index_fills_a_server_up_that_evicts_nothing() {
    let (program, _) = start(1, &["--maxmemory-policy", "noeviction", "--save", ""]);
    let mut client = program.client();
    let limit = fill(&mut client) + ROOM_BYTES;
    assert_eq!(client.line(&format!("CONFIG SET maxmemory {limit}")), ok());
    assert_eq!(client.line("SET key value"), ok());
    assert_eq!(client.line(CREATE), ok());
    await_built(&mut client);
    assert!(info::<u64>(&mut client, "used_memory") > limit);
    let Frame::Error(text) = client.line("SET key value") else { panic!("it is full") };
    assert!(text.starts_with(b"OOM "), "{}", text.escape_ascii());
    assert_eq!(counts(&mut client), (20_001, 20_000));
    assert_eq!(client.line("FT.DROPINDEX idx"), ok());
    wait_until("the index is freed", || client.line("SET key value") == ok());
}
