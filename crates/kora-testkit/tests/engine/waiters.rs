//! What it costs to serve one of many: counted, on one shard and on four, whose workers take turns in this thread.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use kora_core::command::table::{CommandTable, Handler};
use kora_core::db::DbIndex;
use kora_core::reply::Value;
use kora_core::shard::operation::{Operation, Request, Setting};
use kora_core::shard::route::place;
use kora_core::slot::{ShardId, Slot, WorkerId};
use kora_core::store::ShardStore;
use kora_engine::front::{ClientId, Mail, Origin, Workers};
use kora_testkit::stepped::{Stepped, SteppedFront};

/// Clients that wait.
const CROWD: usize = 10_000;

/// Keys each of them waits for.
const KEYS: usize = 20;

struct Bench {
    engine: Stepped,
    /// All of the first worker.
    clients: Vec<Origin>,
}

impl Bench {
    fn new(shard_count: u16, client_count: usize) -> Self {
        let mut engine = Stepped::new(1, shard_count, 7);
        let clients = (0..=client_count).map(|_| engine.connect_program(WorkerId(0))).collect();
        Self { engine, clients }
    }

    /// Sends a command on behalf of a client; returns what anybody was answered.
    fn send(&mut self, client: usize, line: &str) -> Vec<(usize, Value)> {
        self.engine.send(self.clients[client], [words(line)]);
        self.engine.settle();
        self.answers()
    }

    fn answers(&mut self) -> Vec<(usize, Value)> {
        // The first client has the number 1.
        let number = |ClientId(number)| usize::try_from(number).unwrap() - 1;
        self.engine.answers().into_iter().map(|(client, value)| (number(client), value)).collect()
    }

    fn examined(&mut self) -> u64 {
        self.sum(ShardStore::examined_waiters)
    }

    /// Sums up something of all stores.
    fn sum(&mut self, of: impl Fn(&ShardStore) -> u64) -> u64 {
        let executor = self.engine.turns[0].executor();
        let shards = executor.hub().shards();
        shards.map(|shard| of(executor.store_of(shard).unwrap())).sum()
    }

    fn awaited_keys(&mut self) -> u64 {
        self.sum(|store| store.awaited_keys() as u64)
    }
}

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

fn keys() -> String {
    (0..KEYS).map(|key| format!("q{key}")).collect::<Vec<_>>().join(" ")
}

/// Most places that are looked at for one push: each of the served client's, from which it is taken; it itself where it is
/// served and, if that takes the stores of other shards, where it is promised to be and then from each of its keys who is
/// behind it.
const EXAMINED_MAX: u64 = 3 * KEYS as u64;

#[test]
fn a_push_looks_at_no_more_clients_than_it_serves() {
    for shard_count in [1, 4] {
        let mut bench = Bench::new(shard_count, CROWD);
        for client in 0..CROWD {
            assert_eq!(bench.send(client, &format!("BRPOP {} 0", keys())), []);
        }
        for next in 0..50 {
            let before = bench.examined();
            let answers = bench.send(CROWD, &format!("LPUSH q{} job", next % KEYS));
            let clients: Vec<_> = answers.iter().map(|(client, _)| *client).collect();
            assert!(clients.contains(&next) && clients.contains(&CROWD) && clients.len() == 2, "{answers:?}");
            let examined = bench.examined() - before;
            assert!(examined <= EXAMINED_MAX, "{examined} of {CROWD} on {shard_count} shards");
        }
        // What serves several looks at as many more.
        let before = bench.examined();
        assert_eq!(bench.send(CROWD, "LPUSH q3 a b c d").len(), 5);
        assert!(bench.examined() - before <= 4 * EXAMINED_MAX);
    }
}

#[test]
fn other_types_and_what_goes_are_no_reason_to_look() {
    for shard_count in [1, 4] {
        let mut bench = Bench::new(shard_count, CROWD);
        for client in 0..CROWD {
            bench.send(client, "BLPOP k 0");
        }
        let before = bench.examined();
        for line in [
            "XADD k 1-1 a b",
            "DEL k",
            "ZADD k 1 a",
            "FLUSHALL",
            "SET k v",
            "SWAPDB 0 1",
            "SWAPDB 0 1",
            "DEL k",
        ] {
            assert_eq!(bench.send(CROWD, line).len(), 1, "{line}");
        }
        assert_eq!(bench.examined(), before);
        assert_eq!(bench.awaited_keys(), 1);
        assert_eq!(bench.send(CROWD, "RPUSH k v").len(), 2);
    }
}

#[test]
fn of_a_group_one_more_is_looked_at_than_is_served() {
    for shard_count in [1, 4] {
        let mut bench = Bench::new(shard_count, CROWD);
        bench.send(CROWD, "XGROUP CREATE s g $ MKSTREAM");
        bench.send(CROWD, "XGROUP CREATE s other $");
        for client in 0..1000 {
            assert_eq!(bench.send(client, &format!("XREADGROUP GROUP g c{client} BLOCK 0 STREAMS s >")), []);
        }
        bench.send(1000, "XREADGROUP GROUP other c BLOCK 0 STREAMS s >");
        let before = bench.examined();
        // The first of each group.
        let answers = bench.send(CROWD, "XADD s 1-1 a b");
        let mut clients: Vec<_> = answers.iter().map(|(client, _)| *client).collect();
        clients.sort_unstable();
        assert_eq!(clients, [0, 1000, CROWD]);
        assert!(bench.examined() - before <= 10);
        assert_eq!(bench.sum(|store| store.awaited_group_keys() as u64), 1);
        // Who waits for a group is told that it went, every one.
        assert_eq!(bench.send(CROWD, "DEL s").len(), 1000);
        assert_eq!(bench.awaited_keys(), 0);
    }
}

#[test]
fn whose_wait_is_over_is_passed_once() {
    let mut bench = Bench::new(1, CROWD);
    for client in 0..100 {
        bench.send(client, "BLPOP k 0");
    }
    for client in 0..99 {
        // Word of it has not reached the worker.
        let session = bench.engine.turns[0].sessions.of(bench.clients[client]).unwrap();
        assert!(session.client.end_wait());
    }
    assert_eq!(bench.send(CROWD, "RPUSH k v").len(), 2);
    assert_eq!(bench.awaited_keys(), 0);
    for client in 0..99 {
        bench.engine.engine.hub.send_driver_mail(WorkerId(0), Mail::Unblock(bench.clients[client], false));
    }
    bench.engine.settle();
    assert_eq!(bench.answers().len(), 99);
    assert_eq!(bench.send(CROWD, "RPUSH k v").len(), 1);
}

/// A key of this shard.
fn key_on(shard: u16, shard_count: u16) -> String {
    let mut names = (0..).map(|number| format!("key{number}"));
    names.find(|name| Slot::of(name.as_bytes()).shard(shard_count) == ShardId(shard)).unwrap()
}

/// What somebody submits who never comes to the end of it.
fn operation(line: &str, shard_count: u16, origin: Origin) -> Arc<Operation<Workers<SteppedFront>>> {
    let words = words(line);
    let args: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
    let table = CommandTable::<()>::new(&[], &[]);
    let command = table.resolve(&args).unwrap();
    let Handler::Core(handler) = command.handler else { unreachable!("the table has no others") };
    let placement = place(command.facts, &args, shard_count);
    let mut request = Request::default();
    request.push((command.facts, handler), &args, &placement, shard_count, ShardId(0));
    let setting = Setting::plain(DbIndex(0), kora_testkit::stepped::START, true);
    Arc::new(Operation::new(request, setting, origin))
}

/// Each shard whose key becomes ready holds up what comes later, also if another has promised to serve who waits.
#[test]
fn a_promise_of_another_shard_holds_up_nobody_less() {
    const SHARDS: u16 = 3;
    let [first, second, third] = [0, 1, 2].map(|shard| key_on(shard, SHARDS));
    let mut engine = Stepped::new(SHARDS, SHARDS, 7);
    let [waits_for_both, waits_behind, pushes, looks] = [(); 4].map(|()| engine.connect_program(WorkerId(0)));
    let elsewhere = engine.connect_program(WorkerId(1));
    engine.send(waits_for_both, [words(&format!("BLPOP {first} {second} 0"))]);
    engine.settle();
    engine.send(waits_behind, [words(&format!("BLPOP {first} 0"))]);
    engine.settle();
    assert_eq!(engine.answers(), []);
    // While somebody is submitting, nobody else can.
    let hub = Arc::clone(&engine.engine.hub);
    let under_way = operation(&format!("MGET {first} {third}"), SHARDS, elsewhere);
    let mut submission = hub.begin_submission(under_way);
    engine.send(elsewhere, [words(&format!("RPUSH {second} b"))]);
    engine.send(pushes, [words(&format!("RPUSH {first} a"))]);
    engine.send(looks, [words(&format!("LLEN {first}"))]);
    for worker in [0, 1, 2, 0, 1, 2] {
        engine.round(worker);
    }
    let answers = engine.answers();
    assert!(!answers.iter().any(|(client, _)| *client == looks.client), "{answers:?}");
    while submission.step() {}
    hub.call_keepers(&submission.finish());
    engine.settle();
    let answers = [answers, engine.answers()].concat();
    let told = |origin: Origin| {
        let of_client = answers.iter().filter(|(client, _)| *client == origin.client);
        of_client.map(|(_, value)| value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(told(looks), [Value::Integer(0)]);
    assert_eq!(told(pushes), [Value::Integer(1)]);
    let popped = |key: &str, value: &str| {
        let bulk = |text: &str| Value::Bulk(text.as_bytes().into());
        Value::Array(vec![bulk(key), bulk(value)])
    };
    assert_eq!(told(waits_for_both), [popped(&first, "a")]);
    assert_eq!(told(waits_behind), []);
}
