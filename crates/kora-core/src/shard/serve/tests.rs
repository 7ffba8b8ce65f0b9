//! What it costs to serve one of many: counted, on one shard and on four.

use std::cell::RefCell;
use std::sync::Arc;

use super::Blocked;
use crate::command::table::{CommandTable, Handler};
use crate::config::CoreConfig;
use crate::db::DbIndex;
use crate::reply::Value;
use crate::shard::executor::{Executor, new_executors};
use crate::shard::hub::Wake;
use crate::shard::operation::{Driver, Operation, Part, Request, Setting};
use crate::shard::replies::{Replies as _, TreeReplies};
use crate::shard::route::place;
use crate::slot::{ShardId, WorkerId};
use crate::store::ShardStore;
use crate::time::UnixMs;

/// Clients that wait.
const CROWD: usize = 10_000;

/// Keys each of them waits for.
const KEYS: usize = 20;

thread_local! {
    /// What clients were answered.
    static ANSWERS: RefCell<Vec<(usize, Value)>> = const { RefCell::new(Vec::new()) };
    /// Operations that wait, by client.
    static WAITING: RefCell<Vec<Blocked<Crowd>>> = const { RefCell::new(Vec::new()) };
}

/// The tests as a driver: clients are numbers.
#[derive(Debug)]
struct Crowd;

impl Driver for Crowd {
    type Replies = TreeReplies;
    type Origin = usize;
    type Mail = ();

    fn home(_: &usize) -> Option<WorkerId> {
        None
    }

    fn deliver(mut part: Part<Self>) {
        let client = part.operation.origin;
        let mut whole = TreeReplies::new(true);
        part.replies.move_item(&mut whole);
        whole.end_item();
        ANSWERS.with_borrow_mut(|answers| answers.push((client, whole.into_values().remove(0))));
    }

    fn blocked(blocked: Blocked<Self>) {
        WAITING.with_borrow_mut(|waiting| waiting.push(blocked));
    }
}

struct Silent;

impl Wake for Silent {
    fn wake(&self) {}
}

struct Bench {
    executor: Executor<Crowd>,
    table: CommandTable<()>,
}

impl Bench {
    fn new(shard_count: u16) -> Self {
        ANSWERS.take();
        WAITING.take();
        let mut executors = new_executors(vec![Box::new(Silent)], shard_count, &CoreConfig::default(), 7);
        Self { executor: executors.remove(0), table: CommandTable::new(&[], &[]) }
    }

    /// Sends a command on behalf of a client; returns what anybody was answered.
    fn send(&mut self, client: usize, line: &str) -> Vec<(usize, Value)> {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let command = self.table.resolve(&args).unwrap();
        let Handler::Core(handler) = command.handler else {
            unreachable!("there are no others in this table")
        };
        let shard_count = self.executor.hub().shard_count();
        let placement = place(command.facts, &args, shard_count);
        let mut request = Request::default();
        request.push((command.facts, handler), &args, &placement, shard_count, ShardId(0));
        let now = UnixMs(1_700_000_000_000);
        let setting = Setting { db: DbIndex(0), now, no_touch: false, style: true, watch: None };
        self.executor.submit(request, setting, client);
        self.settle();
        ANSWERS.take()
    }

    /// Lets all shards run until there is nothing to do.
    fn settle(&mut self) {
        loop {
            let has_received = self.executor.poll();
            let is_idle = self.executor.park();
            self.executor.unpark();
            if !has_received && is_idle {
                return;
            }
        }
    }

    /// Sums up something of all stores.
    fn sum(&mut self, of: impl Fn(&ShardStore) -> u64) -> u64 {
        let shards = self.executor.hub().shards();
        shards.map(|shard| of(self.executor.store_of(shard).unwrap())).sum()
    }

    fn examined(&mut self) -> u64 {
        self.sum(ShardStore::examined_waiters)
    }

    fn awaited_keys(&mut self) -> u64 {
        self.sum(|store| store.awaited_keys() as u64)
    }
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
        let mut bench = Bench::new(shard_count);
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
        let mut bench = Bench::new(shard_count);
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
        let mut bench = Bench::new(shard_count);
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
fn who_has_left_is_passed_once() {
    let mut bench = Bench::new(1);
    for client in 0..100 {
        bench.send(client, "BLPOP k 0");
    }
    for Blocked { operation, .. } in
        WAITING.with_borrow(|waiting| waiting[..99].iter().map(clone).collect::<Vec<_>>())
    {
        // Word of it has not reached the shard.
        assert!(operation.end_wait());
    }
    assert_eq!(bench.send(CROWD, "RPUSH k v").len(), 2);
    assert_eq!(bench.awaited_keys(), 0);
    for blocked in WAITING.take() {
        bench.executor.forget_everywhere(&blocked.waiter);
    }
    bench.settle();
    assert_eq!(bench.send(CROWD, "RPUSH k v").len(), 1);
}

fn clone(blocked: &Blocked<Crowd>) -> Blocked<Crowd> {
    Blocked {
        operation: Arc::<Operation<Crowd>>::clone(&blocked.operation),
        waiter: Arc::clone(&blocked.waiter),
    }
}
