//! The memory limit: kept by whatever its policy lets go, and told where nothing may go.

use std::fmt::Debug;
use std::str::FromStr;

use kora_protocol::Frame;

use crate::client::{Client, error_text, ok, request};
use crate::server::{Program, wait_until};

const OOM: &str = "OOM command not allowed when used memory > 'maxmemory'.";

/// Requests sent before their replies are read.
const BATCH: usize = 100;

/// Megabytes of the limit in these tests.
const LIMIT_MB: u64 = 24;

fn start(policy: &str) -> Program {
    let limit = format!("{LIMIT_MB}mb");
    Program::start(&["--workers", "4", "--maxmemory", &limit, "--maxmemory-policy", policy])
}

/// A number that INFO shows.
pub(crate) fn info<N: FromStr<Err: Debug>>(client: &mut Client, field: &str) -> N {
    field_of(&info_text(client), field)
}

/// All that INFO shows.
pub(crate) fn info_text(client: &mut Client) -> String {
    let (Frame::Bulk(text) | Frame::Verbatim { text, .. }) = client.line("INFO everything") else {
        panic!("INFO is text")
    };
    String::from_utf8(text).unwrap()
}

/// A number in it.
pub(crate) fn field_of<N: FromStr<Err: Debug>>(text: &str, field: &str) -> N {
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {field} in {text}")).parse().unwrap()
}

/// Sets so many keys of about a kilobyte; returns how many were refused.
fn fill(client: &mut Client, count: usize, key: impl Fn(usize) -> String, options: &[&str]) -> usize {
    let value = "v".repeat(1000);
    let mut refused = 0;
    for first in (0..count).step_by(BATCH) {
        let batch = first..(first + BATCH).min(count);
        let bytes: Vec<u8> = batch
            .clone()
            .flat_map(|at| request(&[&["SET", &key(at), &value][..], options].concat()))
            .collect();
        client.send(&bytes).unwrap();
        for _ in batch {
            let reply = client.receive().unwrap();
            if reply != ok() {
                assert_eq!(error_text(&reply), OOM);
                refused += 1;
            }
        }
    }
    refused
}

fn assert_limit_is_kept(client: &mut Client) {
    let (used, peak): (u64, u64) = (info(client, "used_memory"), info(client, "used_memory_peak"));
    let limit = LIMIT_MB << 20;
    assert!(used <= limit + limit / 50 && peak <= limit + limit / 50, "used {used}, at most {peak}");
}

#[test]
fn every_policy_for_all_keys_keeps_the_limit() {
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
        let server = start(policy);
        let mut client = server.client();
        assert_eq!(fill(&mut client, 60_000, |at| format!("key:{at}"), &[]), 0, "{policy}");
        assert_limit_is_kept(&mut client);
        // Other workers may go on evicting for a moment.
        let mut evicted = 0;
        wait_until("as many keys are gone as were evicted", || {
            evicted = info::<u64>(&mut client, "evicted_keys");
            client.line("DBSIZE") == Frame::Integer(i64::try_from(60_000 - evicted).unwrap())
        });
        assert!(evicted > 30_000, "{policy}: {evicted}");
    }
}

#[test]
fn volatile_policies_spare_keys_without_deadline() {
    for policy in ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"] {
        let server = start(policy);
        let mut client = server.client();
        assert_eq!(fill(&mut client, 5000, |at| format!("kept:{at}"), &[]), 0, "{policy}");
        assert_eq!(fill(&mut client, 30_000, |at| format!("key:{at}"), &["EX", "1000"]), 0, "{policy}");
        assert_limit_is_kept(&mut client);
        let refused = fill(&mut client, 30_000, |at| format!("more:{at}"), &[]);
        assert!((1000..30_000).contains(&refused), "{policy}: {refused} refused");
        let kept: Vec<String> = (0..5000).map(|at| format!("kept:{at}")).collect();
        let exists: Vec<&str> = std::iter::once("EXISTS").chain(kept.iter().map(String::as_str)).collect();
        assert_eq!(client.call(&exists), Frame::Integer(5000), "{policy}");
        assert!(info::<u64>(&mut client, "total_eviction_exceeded_time") > 0, "{policy}");
    }
}

#[test]
fn noeviction_refuses_what_needs_memory_and_nothing_else() {
    let server = start("noeviction");
    let mut client = server.client();
    let refused = fill(&mut client, 40_000, |at| format!("key:{at}"), &[]);
    assert!((1000..40_000).contains(&refused), "{refused} refused");
    assert_limit_is_kept(&mut client);
    assert_eq!(client.line("EXISTS key:0"), Frame::Integer(1));
    assert_eq!(error_text(&client.line("APPEND key:0 x")), OOM);
    assert_eq!(client.line("DEL key:0"), Frame::Integer(1));
    assert_eq!(client.line("FLUSHALL"), ok());
    assert_eq!(client.line("SET key value"), ok());
}

#[test]
fn keys_go_where_there_are_any() {
    let server = start("allkeys-lru");
    let mut client = server.client();
    // All of these are on one shard, the others evict nothing.
    assert_eq!(fill(&mut client, 40_000, |at| format!("{{tag}}{at}"), &[]), 0);
    assert_limit_is_kept(&mut client);
    for tag in 0..50 {
        assert_eq!(fill(&mut client, 100, |at| format!("{{{tag}}}{at}"), &[]), 0);
    }
    assert_limit_is_kept(&mut client);
}

#[test]
fn the_largest_clients_are_dropped_first() {
    let server = Program::start(&["--workers", "2", "--maxmemory-clients", "16mb"]);
    let mut client = server.client();
    assert_eq!(client.call(&["SET", "big", &"v".repeat(1 << 20)]), ok());
    let mut exempt = server.client();
    assert_eq!(exempt.line("CLIENT NO-EVICT ON"), ok());
    // What they asked for and do not read stays with the server, but for what the system buffers. It counts, also that
    // of the exempt one, which alone stays below the limit.
    for greedy in [&mut exempt, &mut server.client()] {
        greedy.send(&request(&["GET", "big"]).repeat(8)).unwrap();
    }
    let mut greedy = server.client();
    // The server may close before all is sent.
    let _ = greedy.send(&request(&["SET", "more", &"v".repeat(24 << 20)])[..20 << 20]);
    assert_eq!(greedy.receive(), None, "a long request counts");
    assert!(info::<u64>(&mut client, "evicted_clients") >= 1);
    assert!((0..8).all(|_| matches!(exempt.receive(), Some(Frame::Bulk(_)))));
    assert_eq!(client.line("PING"), Frame::Simple(b"PONG".to_vec()));
}
