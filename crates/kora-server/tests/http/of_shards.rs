//! What shards hold adds up: over shards, to what MEMORY USAGE tells of keys, and to what the allocator gives out.

use kora_protocol::Frame;

use super::figures::{samples, sum};
use crate::client::{Client, ok};
use crate::visitor::Site;

fn info_number(client: &mut Client, name: &str) -> f64 {
    let (Frame::Bulk(text) | Frame::Verbatim { text, .. }) = client.line("INFO memory") else { panic!() };
    let text = String::from_utf8(text).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("INFO has no {name}")).parse().unwrap()
}

/// Bytes that shards hold; the three ways to ask agree.
fn held(site: &Site, client: &mut Client) -> f64 {
    let answer = site.get("/metrics");
    let samples = samples(&answer.body);
    let bytes = sum(&samples, "kora_shard_memory_bytes");
    assert!((bytes - samples["kora_memory_shards_bytes"]).abs() < 0.5);
    assert!((bytes - info_number(client, "used_memory_shards")).abs() < 0.5);
    bytes
}

/// Number of keys, and bytes that MEMORY USAGE tells of all.
fn usage(client: &mut Client) -> (f64, f64) {
    let Frame::Array(keys) = client.line("KEYS *") else { panic!() };
    let mut total = 0.0;
    for key in &keys {
        let Frame::Bulk(key) = key else { panic!() };
        let Frame::Integer(bytes) = client.call(&[&b"MEMORY"[..], b"USAGE", &key[..]]) else { panic!() };
        total += f64::from(u32::try_from(bytes).unwrap());
    }
    (f64::from(u32::try_from(keys.len()).unwrap()), total)
}

/// Holds what shards hold against MEMORY USAGE: tables and deadlines come to it.
fn check(site: &Site, client: &mut Client, when: &str) -> f64 {
    let bytes = held(site, client);
    let (keys, of_keys) = usage(client);
    // Tables are a third full at least, beyond the smallest ones of sixteen shards; large lists and the like may be off by little.
    let most = of_keys * 1.03 + keys * 40.0 + 16.0 * 8192.0;
    assert!(bytes >= of_keys * 0.97 && bytes <= most, "{when}: {bytes}, {of_keys} of {keys} keys");
    bytes
}

fn fill(client: &mut Client, round: usize) {
    let numbers = |count: usize| (0..count).map(|at| format!(" {at}")).collect::<String>();
    for at in 0..60 {
        client.line(&format!("SET s:{at} {}", "v".repeat(at * at * (round + 1))));
        client.line(&format!("APPEND s:{} {}", at / 2, "tail".repeat(round * 50)));
        client.line(&format!("SET i:{at} {at} PX 100000000"));
        client.line(&format!("RPUSH l:{}{}", at % 9, numbers(20 * at)));
        client.line(&format!("LTRIM l:{} 0 {}", at % 4, 300 * round));
        client.line(&format!("HSET h:{}{}", at % 9, numbers(2 * at + 2)));
        client.line(&format!("SADD t:{} x{}", at % 9, numbers(at * 10)));
        client.line(&format!("ZADD z:{}{}", at % 9, numbers(4 * at + 2)));
        client.line(&format!("XADD x:{} * f {}", at % 9, "y".repeat(at * 9)));
        client.line(&format!("JSON.SET j:{at} $ [{}]", vec!["1"; at + round].join(",")));
        client.line(&format!("PEXPIRE h:{at} 10000000"));
    }
}

#[test]
fn memory_of_shards_adds_up() {
    for workers in [1, 4] {
        let site = Site::start(workers, &[]);
        let mut client = site.program.client();
        assert!(held(&site, &mut client) < 0.5, "nothing was stored");
        for round in 0..3 {
            fill(&mut client, round);
            check(&site, &mut client, "filled");
        }
        for at in 0..60 {
            client.line(&format!("RENAME s:{at} renamed:{at}"));
            client.line(&format!("RENAME l:{at} list:{at}"));
            client.line(&format!("COPY j:{at} copy:{at}"));
        }
        client.line("SUNIONSTORE union t:1 t:2 t:3");
        client.line("EVAL return{redis.call('LMOVE',KEYS[1],KEYS[2],'LEFT','RIGHT')} 2 list:1 moved");
        let full = check(&site, &mut client, "renamed");
        for at in 0..60 {
            client.line(&format!("PEXPIRE renamed:{at} 1"));
        }
        // While keys go, two ways to ask need not agree.
        let has_gone = full - 100_000.0;
        crate::server::wait_until("expiry", || info_number(&mut client, "used_memory_shards") < has_gone);
        crate::server::wait_until("the end of it", || client.line("KEYS renamed:*") == Frame::Array(vec![]));
        check(&site, &mut client, "expired");
        client.line("CONFIG SET maxmemory-policy allkeys-random");
        let limit = info_number(&mut client, "used_memory") - 30_000.0;
        client.line(&format!("CONFIG SET maxmemory {limit:.0}"));
        client.line("SET one more");
        client.line("CONFIG SET maxmemory 0");
        check(&site, &mut client, "evicted");
        client.line("SELECT 5");
        fill(&mut client, 1);
        client.line("SWAPDB 5 0");
        client.line("SELECT 0");
        client.line("FLUSHALL");
        assert!(held(&site, &mut client) < 0.5, "all has gone: {}", held(&site, &mut client));
    }
}

#[test]
fn memory_of_shards_is_what_the_allocator_gives_out() {
    for workers in [1, 4] {
        let site = Site::start(workers, &["--enable-debug-command", "yes"]);
        let mut client = site.program.client();
        let before = info_number(&mut client, "used_memory");
        assert_eq!(client.line("DEBUG POPULATE 30000 key 700"), ok());
        let (grown, bytes) = (info_number(&mut client, "used_memory") - before, held(&site, &mut client));
        assert!((grown - bytes).abs() < grown / 20.0, "{bytes} are held, {grown} more are in use");
        let made = client.line("FT.CREATE of ON HASH PREFIX 1 d: SCHEMA t TEXT");
        assert_eq!(made, ok());
        let bare = held(&site, &mut client);
        for at in 0..300 {
            client.line(&format!("HSET d:{at} t word{at}"));
        }
        let (_, of_keys) = usage(&mut client);
        let indexed = held(&site, &mut client);
        assert!(indexed > bare + 300.0 * 60.0 && indexed > of_keys, "the index counts: {bare}, {indexed}");
        client.line("FLUSHALL");
    }
}

#[test]
fn lent_time_is_that_of_what_stands_aside() {
    let site = Site::start(4, &["--busy-reply-threshold", "50"]);
    let mut client = site.program.client();
    let lent = |name: &str| sum(&samples(&site.get("/metrics").body), name);
    assert!(lent("kora_shard_lent_seconds_total") == 0.0);
    let script = "local n = 0; for i = 1, 40000000 do n = n + i % 7 end; return 1";
    let begun = std::time::Instant::now();
    assert_eq!(client.call(&["EVAL", script, "1", "key"]), Frame::Integer(1));
    let took = begun.elapsed().as_secs_f64();
    let seconds = lent("kora_shard_lent_seconds_total");
    assert!(lent("kora_shard_lendings_total") >= 1.0, "a script that took {took} s stood aside");
    assert!(seconds > 0.0 && seconds <= took, "{seconds} of {took} s");
}
