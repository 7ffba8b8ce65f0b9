//! Indexes in a server whose memory is short, and under many clients: they find what the keys hold, and give back what they took.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::thread;

use kora_protocol::Frame;

use crate::client::{Client, bulk, ok, request};
use crate::memory::info;
use crate::server::{start, wait_until};
use crate::size;

/// Documents written before their replies are read.
const BATCH: usize = 100;
/// Megabytes of the limit.
const LIMIT_MB: u64 = 32;

fn items(frame: Frame) -> Vec<Frame> {
    match frame {
        Frame::Array(items) => items,
        other => panic!("{other:?} is no array"),
    }
}

fn bytes(frame: &Frame) -> Vec<u8> {
    match frame {
        Frame::Bulk(bytes) => bytes.clone(),
        other => panic!("{other:?} is no text"),
    }
}

/// The keys that a query finds.
fn search(client: &mut Client, query: &str) -> BTreeSet<Vec<u8>> {
    let found = client.call(&["FT.SEARCH", "idx", query, "NOCONTENT", "LIMIT", "0", "1000000"]);
    items(found)[1..].iter().map(bytes).collect()
}

fn keys(client: &mut Client, pattern: &str) -> BTreeSet<Vec<u8>> {
    items(client.call(&["KEYS", pattern])).iter().map(bytes).collect()
}

fn document(at: usize) -> Vec<Vec<u8>> {
    let (key, text) = (format!("doc:{at}"), format!("word{at} stone {}", "filler ".repeat(20)));
    let (number, tag) = (at.to_string(), format!("tag{}", at % 10));
    let words = ["HSET", &key, "t", &text, "n", &number, "g", &tag];
    words.map(|word| word.as_bytes().to_vec()).to_vec()
}

/// Writes so many documents.
fn fill(client: &mut Client, count: usize) {
    for first in (0..count).step_by(BATCH) {
        let batch = first..(first + BATCH).min(count);
        let sent: Vec<u8> = batch.clone().flat_map(|at| request(&document(at))).collect();
        client.send(&sent).unwrap();
        for _ in batch {
            let reply = client.receive().unwrap();
            assert!(matches!(reply, Frame::Integer(_)), "{reply:?}");
        }
    }
}

const CREATE: &str = "FT.CREATE idx PREFIX 1 doc: SCHEMA t TEXT n NUMERIC SORTABLE g TAG";

#[test]
fn what_is_evicted_is_not_found() {
    for workers in [1, 4] {
        let limit = format!("{LIMIT_MB}mb");
        let (program, _) = start(workers, &["--maxmemory", &limit, "--maxmemory-policy", "allkeys-lru"]);
        let mut client = program.client();
        assert_eq!(client.line(CREATE), ok());
        fill(&mut client, size(60_000, 200_000));
        assert!(info::<u64>(&mut client, "evicted_keys") > 1000);
        // Within a transaction nothing is evicted between the two.
        assert_eq!(client.line("MULTI"), ok());
        client.call(&["FT.SEARCH", "idx", "stone", "NOCONTENT", "LIMIT", "0", "1000000"]);
        client.line("KEYS doc:*");
        let replies = items(client.line("EXEC"));
        let found: BTreeSet<_> = items(replies[0].clone())[1..].iter().map(bytes).collect();
        let there: BTreeSet<_> = items(replies[1].clone()).iter().map(bytes).collect();
        assert!(found == there && !found.is_empty(), "{} found, {} there", found.len(), there.len());
        let used: u64 = info(&mut client, "used_memory");
        assert!(used < (LIMIT_MB + 6) << 20, "{used} bytes are used");
    }
}

#[test]
fn memory_of_an_index_counts_and_is_given_back() {
    for workers in [1, 4] {
        let (program, _) = start(workers, &[]);
        let mut client = program.client();
        let used = |client: &mut Client| info::<u64>(client, "used_memory");
        let at_first = used(&mut client);
        fill(&mut client, 20_000);
        let without = used(&mut client);
        assert_eq!(client.line(CREATE), ok());
        let with = used(&mut client);
        assert!(with > without + (1 << 20), "{without} bytes without an index, {with} with it");
        assert_eq!(client.line("FT.DROPINDEX idx"), ok());
        wait_until("the index is freed", || used(&mut client) < without + (with - without) / 4);
        // What goes with its keys goes, too.
        assert_eq!(client.line(CREATE), ok());
        assert_eq!(client.line("FT.DROPINDEX idx DD"), ok());
        wait_until("keys and index are freed", || used(&mut client) < at_first + (without - at_first) / 4);
    }
}

#[test]
fn documents_are_dumped_restored_and_copied() {
    for workers in [1, 4] {
        let (program, _) = start(workers, &[]);
        let mut client = program.client();
        assert_eq!(client.line(CREATE), ok());
        assert_eq!(client.line("FT.CREATE jdx ON JSON PREFIX 1 json: SCHEMA $.n AS n NUMERIC"), ok());
        fill(&mut client, 100);
        for at in 0..100 {
            let payload = bytes(&client.line(&format!("DUMP doc:{at}")));
            let other = format!("doc:restored{at}");
            let restore = [b"RESTORE", other.as_bytes(), b"0", &payload];
            assert_eq!(client.call(&restore), ok());
            assert_eq!(client.line(&format!("COPY doc:{at} doc:copied{at}")), Frame::Integer(1));
            assert_eq!(client.line(&format!("JSON.SET json:{at} $ {{\"n\":{at}}}")), ok());
            let payload = bytes(&client.line(&format!("DUMP json:{at}")));
            let other = format!("json:restored{at}");
            assert_eq!(client.call(&[b"RESTORE", other.as_bytes(), b"0", &payload]), ok());
        }
        assert_eq!(search(&mut client, "stone"), keys(&mut client, "doc:*"));
        assert_eq!(search(&mut client, "@n:[7 7]").len(), 3);
        let found = client.call(&["FT.SEARCH", "jdx", "@n:[7 7]", "NOCONTENT"]);
        assert_eq!(items(found)[0], Frame::Integer(2));
    }
}

/// Writes documents of its own and looks for them after each write.
fn write_and_search(address: SocketAddr, writer: usize, rounds: usize) {
    let mut client = Client::connect(address);
    let (tag, key) = (format!("own{writer}"), format!("doc:w{writer}"));
    for round in 0..rounds {
        let at = round % 5;
        let other = (round + 1) % 5;
        match round % 4 {
            0 => drop(client.line(&format!("DEL {key}:{at}"))),
            1 => drop(client.line(&format!("RENAME {key}:{at} {key}:{other}"))),
            _ => drop(client.line(&format!("HSET {key}:{at} g {tag},all n {round}"))),
        }
        let found = search(&mut client, &format!("@g:{{{tag}}}"));
        let there = keys(&mut client, &format!("{key}:*"));
        assert_eq!(found, there, "writer {writer}, round {round}");
        let newest = items(client.call(&["FT.SEARCH", "idx", &format!("@g:{{{tag}}} @n:[{round} {round}]")]));
        assert_eq!(newest[0], Frame::Integer(i64::from(round % 4 > 1)), "writer {writer}, round {round}");
        if round % 10 == 0 {
            // What others write meanwhile: each document whole.
            let all = items(client.call(&["FT.SEARCH", "idx", "@g:{all}", "LIMIT", "0", "1000"]));
            for document in all[1..].chunks_exact(2) {
                assert_eq!(items(document[1].clone()).len(), 4, "{document:?}");
            }
        }
    }
}

#[test]
fn many_clients_write_and_find_what_they_wrote() {
    for (workers, gathers) in [(1, "yes"), (4, "yes"), (4, "no")] {
        let (program, address) = start(workers, &["--gather-connections", gathers]);
        assert_eq!(program.client().line(CREATE), ok());
        thread::scope(|scope| {
            for writer in 0..8 {
                scope.spawn(move || write_and_search(address, writer, size(120, 1500)));
            }
        });
    }
}

/// Clients who put documents with the same values: each value is had by one document, and who was refused changed nothing.
#[test]
fn values_stay_unique_under_many_clients() {
    for gathers in ["yes", "no"] {
        let (program, address) = start(4, &["--gather-connections", gathers]);
        let mut client = program.client();
        assert_eq!(client.line("DOC.CREATE c"), ok());
        assert_eq!(client.line("DOC.CREATEINDEX c u unique"), ok());
        thread::scope(|scope| {
            for writer in 0..8 {
                scope.spawn(move || {
                    let mut client = Client::connect(address);
                    for round in 0..size(200, 2000) {
                        let (id, value) = ((round * 7 + writer) % 13, (round * 5 + writer * 3) % 11);
                        client.line(&format!("DOC.SET c {id} {{\"u\":{value},\"by\":{writer}}}"));
                        if round % 3 == 0 {
                            client.line(&format!("DOC.DEL c {}", (round + writer) % 13));
                        }
                        let found = items(client.line(&format!("DOC.FIND c WHERE u={value} WITHIDS")));
                        assert!(found.len() < 2, "{found:?}");
                    }
                });
            }
        });
        let all = items(client.line("DOC.FIND c PROJECT u"));
        let values: BTreeSet<_> = all.iter().map(bytes).collect();
        assert_eq!(values.len(), all.len());
        assert_eq!(client.line("DOC.SET c x {\"u\":100}"), ok());
        assert_eq!(client.line("DOC.GET c x"), bulk("{\"u\":100}"));
    }
}

/// CLIENT KILL of a client whose queries go on aside: it is gone, and the others find what there is.
#[test]
fn a_client_is_killed_in_the_midst_of_its_queries() {
    for workers in [1, 4] {
        let (program, address) = start(workers, &[]);
        let mut client = program.client();
        assert_eq!(client.line(CREATE), ok());
        // So many that each query goes on aside, on a fast machine, too.
        fill(&mut client, 30_000);
        for _ in 0..3 {
            let mut victim = Client::connect(address);
            let Frame::Integer(id) = victim.line("CLIENT ID") else { panic!("an id") };
            let query = "FT.AGGREGATE idx * LOAD * SORTBY 2 @t DESC MAX 100 LIMIT 0 1";
            let query: Vec<&str> = query.split(' ').collect();
            victim.send(&request(&query).repeat(500)).unwrap();
            assert!(victim.receive().is_some(), "the first is answered");
            assert_eq!(client.line(&format!("CLIENT KILL ID {id}")), Frame::Integer(1));
            let answered = std::iter::from_fn(|| victim.receive()).count();
            // Each answer leaves when it is there, and waits for no later one.
            assert!(answered < 100, "it is killed when few of its queries are done: {answered}");
            assert_eq!(search(&mut client, "@n:[10 19]").len(), 10);
        }
        assert_eq!(client.line("FT.DROPINDEX idx DD"), ok());
        assert_eq!(client.line("DBSIZE"), Frame::Integer(0));
    }
}

/// What the server remembers of a query goes by whatever its meaning depends on.
#[test]
fn queries_that_were_asked_before_mean_what_they_mean_now() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let (mut client, mut other) = (Client::connect(address), Client::connect(address));
        let create = ["FT.CREATE", "idx", "PREFIX", "1", "doc:", "SCHEMA", "t", "TEXT"];
        assert_eq!(client.call(&create), ok());
        client.line("HSET doc:1 t rock u stone g tall");
        client.line("HSET doc:2 t stone u rock g ab");
        // Often enough for it to be remembered.
        let mut ask = |query: &str| {
            let counts = (0..4).map(|_| search(&mut client, query).len()).collect::<BTreeSet<_>>();
            assert_eq!(counts.len(), 1, "{query} {counts:?}");
            counts.into_iter().next().unwrap()
        };
        assert_eq!((ask("stone"), ask("@t:(r*)"), ask("s*")), (1, 0, 0));
        assert_eq!(other.line("FT.SYNUPDATE idx group stone rock"), ok());
        assert_eq!(ask("stone"), 2);
        assert_eq!(other.line("FT.CONFIG SET MINPREFIX 1"), ok());
        assert_eq!((ask("@t:(r*)"), ask("s*")), (1, 1));
        assert_eq!(other.line("FT.CONFIG SET MINPREFIX 2"), ok());
        assert_eq!((ask("@t:(r*)"), ask("s*")), (0, 0));
        assert_eq!(ask("tall"), 0);
        assert_eq!(other.line("FT.ALTER idx SCHEMA ADD g TEXT"), ok());
        assert_eq!(ask("tall"), 1);
        assert_eq!(other.line("FT.DROPINDEX idx"), ok());
        let words =
            ["FT.CREATE", "idx", "PREFIX", "1", "doc:", "STOPWORDS", "1", "stone", "SCHEMA", "t", "TEXT"];
        assert_eq!(other.call(&words), ok());
        assert_eq!((ask("rock"), ask("tall")), (1, 0));
    }
}
