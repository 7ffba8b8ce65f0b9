//! Values that look like the words behind which keys stand: whatever a client sends, one worker and four do the same.

use kora_core::hash::splitmix64;

use crate::client::Client;
use crate::server::start;
use crate::size;

/// Commands whose keys stand at places that depend on the arguments, and what they are about.
const TEMPLATES: &[&str] = &[
    "XREADGROUP GROUP g c STREAMS k1 k2 > >",
    "XREADGROUP COUNT 1 GROUP g c NOACK STREAMS k1 0",
    "XREADGROUP NOACK COUNT 1 GROUP STREAMS STREAMS STREAMS k3 >",
    "XREAD COUNT 1 STREAMS k1 k2 0 0",
    "XREAD STREAMS k1 k2 k3 0 0 0",
    "XGROUP CREATE k1 g 0 MKSTREAM",
    "XGROUP CREATE k3 STREAMS 0 MKSTREAM",
    "XADD k1 1-1 f v",
    "XADD k2 2-1 f v",
    "XADD k3 3-1 f v",
    "GEOADD g 13 38 m 15 37 n",
    "GEORADIUS g 15 37 200 km STORE k4",
    "GEORADIUS g 15 37 200 km COUNT 1 STORE k4 STOREDIST k5",
    "GEORADIUSBYMEMBER g m 300 km STOREDIST k5 ASC STORE k4",
    "GEOSEARCHSTORE k4 g FROMMEMBER m BYRADIUS 300 km STOREDIST",
    "RPUSH l 3 1 2",
    "RPUSH STORE 3 1 2",
    "SORT l BY nosort GET # STORE k6",
    "SORT l LIMIT 0 1 STORE k5 STORE k6",
    "SORT l ALPHA GET STORE DESC STORE k6",
    "SORT_RO l BY k* GET #",
    "ZADD z 1 a 2 b",
    "ZADD KEYS 1 a 3 c",
    "ZUNIONSTORE k4 2 z KEYS WEIGHTS 1 2",
    "ZINTERSTORE k5 2 z KEYS AGGREGATE MAX",
    "ZINTERCARD 2 z KEYS LIMIT 1",
    "ZMPOP 2 k4 z MIN COUNT 1",
    "ZRANGESTORE k4 z 0 1 REV",
    "LMPOP 2 l STORE LEFT COUNT 1",
    "SINTERCARD 2 s t LIMIT 1",
    "BITOP OR k6 a b",
    "SET a 1 GET",
    "COPY a b DB 1 REPLACE",
    "LCS a b IDX",
    "MSETNX a 1 b 2",
    "MIGRATE 127.0.0.1 1 a 0 50 COPY REPLACE",
    "MIGRATE 127.0.0.1 1  0 50 COPY AUTH2 KEYS KEYS KEYS a b KEYS",
    "EVAL return(redis.call('get',KEYS[1])) 1 a b",
    "DEL k4 k5 k6 a b",
];

/// What an argument may turn into. BLOCK is left out: a client that waits for ever tells nothing.
const WORDS: &[&str] = &[
    "STREAMS",
    "streams",
    "STORE",
    "StoreDist",
    "KEYS",
    "COUNT",
    "GROUP",
    "NOACK",
    "BY",
    "GET",
    "LIMIT",
    "AUTH",
    "AUTH2",
    "COPY",
    "0",
    "1",
    "2",
    "-1",
    ">",
    "",
    "a",
    "g",
    "k1",
    "k2",
    "k3",
    "l",
    "z",
];

/// A host's name would have to be looked up.
const MIGRATE_HEAD: usize = 3;

fn command(state: &mut u64) -> Vec<&'static str> {
    let mut random =
        |below: usize| usize::try_from(splitmix64(state) % u64::try_from(below).unwrap()).unwrap();
    let mut args: Vec<_> = TEMPLATES[random(TEMPLATES.len())].split(' ').collect();
    let first = if args[0] == "MIGRATE" { MIGRATE_HEAD } else { 1 };
    for _ in 0..random(4) {
        let word = WORDS[random(WORDS.len())];
        let at = first + random(args.len() - first);
        match random(4) {
            0 => args.insert(at, word),
            1 if args.len() > first + 1 => drop(args.remove(at)),
            _ => args[at] = word,
        }
    }
    args
}

#[test]
fn words_for_keys_may_be_keys() {
    let servers = [1, 4].map(|workers| start(workers, &["--enable-debug-command", "yes"]));
    let mut clients = [&servers[0], &servers[1]].map(|(_, address)| Client::connect(*address));
    let mut state = 1;
    for number in 0..size(4_000, 200_000) {
        let args = command(&mut state);
        let [one, four] = clients.each_mut().map(|client| client.call(&args));
        assert_eq!(one, four, "command {number}: {args:?}");
    }
    let [one, four] = clients.each_mut().map(|client| client.line("DEBUG DIGEST"));
    assert_eq!(one, four, "the data");
}
