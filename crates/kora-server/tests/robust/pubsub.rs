//! Publish/subscribe under load: order, completeness, subscribers who come and go or never read, and large audiences.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kora_protocol::Frame;

use crate::client::{Client, request};
use crate::crowd::raise_descriptor_limit;
use crate::server::{Program, start, wait_until};
use crate::size;

const PUBLISHERS: u64 = 3;

/// What ends a test's stream of messages.
const END: &[u8] = b"end";

/// A connection that has been told that it is subscribed.
fn subscriber(address: SocketAddr, is_resp3: bool, command: &str) -> Client {
    let mut client = Client::connect(address);
    if is_resp3 {
        client.line("HELLO 3");
    }
    client.line(command);
    client
}

/// The last string of a message; `None` for anything that is none.
fn payload(frame: Frame) -> Option<Vec<u8>> {
    let (Frame::Array(mut parts) | Frame::Push(mut parts)) = frame else { return None };
    match parts.pop() {
        Some(Frame::Bulk(text)) => Some(text),
        _ => None,
    }
}

/// Publisher and number of a message.
fn numbers(payload: &[u8]) -> (u64, u64) {
    let (publisher, number) = std::str::from_utf8(payload).unwrap().split_once(':').unwrap();
    (publisher.parse().unwrap(), number.parse().unwrap())
}

/// Sends `count` messages, each after a write that announces it, in batches; returns the sum of the receivers told.
fn publish(address: SocketAddr, publisher: u64, count: u64) -> u64 {
    let mut client = Client::connect(address);
    let mut receivers = 0;
    for batch in 0..count / 10 {
        let mut bytes = Vec::new();
        for number in batch * 10..(batch + 1) * 10 {
            let message = format!("{publisher}:{number}");
            bytes.extend(request(&["SET", &format!("seen:{publisher}"), &number.to_string()]));
            bytes.extend(request(&["PUBLISH", "channel", &message]));
        }
        client.send(&bytes).unwrap();
        for _ in 0..10 {
            client.receive().unwrap();
            let reply = client.receive();
            let Some(Frame::Integer(reached)) = reply else { panic!("{reply:?}") };
            receivers += u64::try_from(reached).unwrap();
        }
    }
    receivers
}

/// Checks that messages of each publisher come in order, each once, from whatever number on.
#[derive(Default)]
struct Sequence(HashMap<u64, u64>);

impl Sequence {
    fn take(&mut self, payload: &[u8]) {
        let (publisher, number) = numbers(payload);
        if let Some(last) = self.0.insert(publisher, number) {
            assert_eq!(number, last + 1, "of publisher {publisher}");
        }
    }
}

/// Reads all messages; returns them in the order they came.
fn listen(mut client: Client) -> Vec<(u64, u64)> {
    let mut sequence = Sequence::default();
    let mut all = Vec::new();
    loop {
        let message = payload(client.receive().expect("a subscriber that reads stays")).unwrap();
        if message == END {
            return all;
        }
        sequence.take(&message);
        all.push(numbers(&message));
    }
}

/// Hears of messages, and asks for what was written before them.
fn check_writes(address: SocketAddr) {
    let mut client = subscriber(address, true, "SUBSCRIBE channel");
    let mut other = Client::connect(address);
    let mut count = 0;
    loop {
        let message = payload(client.receive().unwrap()).unwrap();
        if message == END {
            return;
        }
        count += 1;
        if count % 20 == 0 {
            let (publisher, number) = numbers(&message);
            let Frame::Bulk(seen) = other.line(&format!("GET seen:{publisher}")) else {
                panic!("nothing was written")
            };
            assert!(std::str::from_utf8(&seen).unwrap().parse::<u64>().unwrap() >= number);
        }
    }
}

/// Subscribers who come and go.
const PASSERS: u64 = 2;

/// Round trips of one who came and will go.
const STAY: usize = 20;

/// Subscribes, hears some messages and leaves, again and again; returns how many it got.
/// The first time it stays until it has heard something; `came` counts those who have come.
fn come_and_go(address: SocketAddr, is_over: &AtomicBool, came: &AtomicU64) -> u64 {
    let mut client = Client::connect(address);
    client.line("HELLO 3");
    let mut received = 0;
    while !is_over.load(Ordering::SeqCst) {
        client.line("SUBSCRIBE channel");
        let mut sequence = Sequence::default();
        if received == 0 {
            came.fetch_add(1, Ordering::SeqCst);
            let message = payload(client.receive().unwrap()).unwrap();
            sequence.take(&message);
            received += 1;
        }
        for command in std::iter::repeat_n("PING\r\n", STAY).chain(["UNSUBSCRIBE channel\r\n"]) {
            client.send(command.as_bytes()).unwrap();
            loop {
                let frame = client.receive().unwrap();
                let Some(message) = payload(frame) else { break };
                if message != END {
                    sequence.take(&message);
                    received += 1;
                }
            }
        }
        assert_eq!(client.line("PING"), pong(), "nothing comes after the end");
    }
    received
}

fn pong() -> Frame {
    Frame::Simple(b"PONG".to_vec())
}

#[test]
fn every_subscriber_gets_every_message_once_in_one_order() {
    let count = size(50_000, 1_000_000) / PUBLISHERS / 10 * 10;
    let (_server, address) = start(4, &["--client-output-buffer-limit", "pubsub", "0", "0", "0"]);
    let (is_over, came) = (AtomicBool::new(false), AtomicU64::new(0));
    let ways = [
        (false, "SUBSCRIBE channel"),
        (true, "SUBSCRIBE channel"),
        (false, "PSUBSCRIBE chan*"),
        (true, "SUBSCRIBE channel"),
        (true, "PSUBSCRIBE ch?nnel"),
    ];
    let residents: Vec<_> =
        ways.into_iter().map(|(is_resp3, command)| subscriber(address, is_resp3, command)).collect();
    let resident_count = residents.len() as u64;
    std::thread::scope(|scope| {
        let listening: Vec<_> =
            residents.into_iter().map(|client| scope.spawn(move || listen(client))).collect();
        let checker = scope.spawn(|| check_writes(address));
        let passers: Vec<_> =
            (0..PASSERS).map(|_| scope.spawn(|| come_and_go(address, &is_over, &came))).collect();
        wait_until("the checker listens", || {
            Client::connect(address).line("PUBSUB NUMSUB channel")
                != Frame::Array(vec![Frame::Bulk(b"channel".to_vec()), Frame::Integer(3)])
        });
        wait_until("those who pass by have come", || came.load(Ordering::SeqCst) >= PASSERS);
        let publishers: Vec<_> = (0..PUBLISHERS)
            .map(|publisher| scope.spawn(move || publish(address, publisher, count)))
            .collect();
        let told: u64 = publishers.into_iter().map(|publisher| publisher.join().unwrap()).sum();
        is_over.store(true, Ordering::SeqCst);
        Client::connect(address).line("PUBLISH channel end");
        checker.join().unwrap();
        let orders: Vec<_> = listening.into_iter().map(|listener| listener.join().unwrap()).collect();
        assert_eq!(orders[0].len() as u64, count * PUBLISHERS);
        assert!(orders.iter().all(|order| *order == orders[0]), "all see one order");
        let residents = count * PUBLISHERS * resident_count;
        let passers_received: u64 = passers.into_iter().map(|passer| passer.join().unwrap()).sum();
        assert!(passers_received > 0, "who passes by hears something");
        assert!(told >= residents + passers_received, "more is got than is told");
    });
}

#[test]
fn a_subscriber_that_never_reads_is_cut_off_and_the_others_are_not() {
    let (_server, address) = start(2, &["--client-output-buffer-limit", "pubsub", "1mb", "0", "0"]);
    let mut deaf = subscriber(address, false, "SUBSCRIBE channel");
    let mut good = subscriber(address, true, "SUBSCRIBE channel");
    let mut publisher = Client::connect(address);
    let message = "m".repeat(16 << 10);
    // More than the system's buffers hold.
    for _ in 0..2000 {
        publisher.call(&["PUBLISH", "channel", &message]);
        assert_eq!(payload(good.receive().unwrap()).unwrap().len(), message.len());
    }
    assert_eq!(publisher.line("PUBLISH channel last"), Frame::Integer(1));
    assert_eq!(payload(good.receive().unwrap()).unwrap(), b"last");
    assert!(deaf.receive_all().len() < 2000);
}

#[test]
fn the_soft_limit_gives_a_subscriber_time() {
    let (_server, address) = start(2, &["--client-output-buffer-limit", "pubsub", "0", "64kb", "1"]);
    let _deaf = subscriber(address, false, "SUBSCRIBE channel");
    let mut publisher = Client::connect(address);
    let begun = Instant::now();
    let message = "m".repeat(1 << 20);
    for _ in 0..16 {
        assert_eq!(publisher.call(&["PUBLISH", "channel", &message]), Frame::Integer(1));
    }
    wait_until("it is cut off", || publisher.line("PUBLISH channel x") == Frame::Integer(0));
    assert!(begun.elapsed() >= Duration::from_secs(1), "too soon: {:?}", begun.elapsed());
}

#[test]
fn a_message_to_many_is_kept_once() {
    let count = size(2000, 10_000);
    raise_descriptor_limit();
    let program = Program::start(&["--workers", "4", "--maxclients", "10100"]);
    let mut audience: Vec<_> =
        (0..count).map(|at| subscriber(program.address, at % 2 == 0, "SUBSCRIBE channel")).collect();
    let mut publisher = program.client();
    let message = "m".repeat(64 << 10);
    program.forget_peak();
    let before = program.resident_bytes();
    let reached = publisher.call(&["PUBLISH", "channel", &message]);
    assert_eq!(reached, Frame::Integer(i64::try_from(count).unwrap()));
    for client in &mut audience {
        assert!(payload(client.receive().unwrap()).unwrap() == message.as_bytes());
    }
    let grown = program.peak_resident_bytes().saturating_sub(before);
    println!("64 KiB to {count} subscribers: {} KiB more", grown / 1024);
    // Copies would take 125 MiB and more.
    assert!(grown < (16 << 20) + count * 2048, "{grown} bytes for one message to {count} subscribers");
}

#[test]
fn subscriptions_end_with_their_connection() {
    let (_server, address) = start(4, &[]);
    let mut client = Client::connect(address);
    for _ in 0..20 {
        let mut some: Vec<_> = (0..10).map(|_| subscriber(address, true, "SUBSCRIBE a")).collect();
        for subscriber in &mut some {
            subscriber.line("PSUBSCRIBE p*");
            subscriber.line("SSUBSCRIBE s");
        }
        assert_eq!(client.line("PUBLISH a x"), Frame::Integer(10));
        drop(some);
        wait_until("they are gone", || client.line("PUBLISH a x") == Frame::Integer(0));
    }
    wait_until("nothing is left of them", || {
        client.line("PUBSUB NUMPAT") == Frame::Integer(0)
            && client.line("PUBSUB SHARDCHANNELS") == Frame::Array(Vec::new())
    });
}

/// For everyone else a killed client is gone at once, also in the midst of the batch that kills it.
#[test]
fn a_killed_subscriber_is_not_counted() {
    for workers in ["1", "4"] {
        let program = Program::start(&["--workers", workers]);
        let mut killer = program.client();
        for round in 0..8 {
            let (mut victim, mut other) = (program.client(), program.client());
            let Frame::Integer(id) = victim.line("CLIENT ID") else { panic!("no number") };
            for command in ["SUBSCRIBE channel", "SUBSCRIBE more", "PSUBSCRIBE ch*", "SSUBSCRIBE shard"] {
                victim.line(command);
                other.line(command);
            }
            let kill = request(&["CLIENT", "KILL", "ID", &id.to_string()]);
            let asks = [
                &["PUBLISH", "channel", "message"][..],
                &["SPUBLISH", "shard", "message"],
                &["PUBSUB", "NUMSUB", "more"],
                &["PUBSUB", "NUMPAT"],
            ];
            let ask: Vec<u8> = asks.iter().flat_map(|words| request(words)).collect();
            let expected = [
                Frame::Integer(2),
                Frame::Integer(1),
                Frame::Array(vec![Frame::Bulk(b"more".to_vec()), Frame::Integer(1)]),
                Frame::Integer(1),
            ];
            // In a transaction, too.
            let (before, after) =
                if round % 2 == 0 { (vec![], vec![]) } else { (request(&["MULTI"]), request(&["EXEC"])) };
            killer.send(&[before, kill, ask, after].concat()).unwrap();
            let mut replies: Vec<Frame> =
                (0..if round % 2 == 0 { 5 } else { 7 }).filter_map(|_| killer.receive()).collect();
            if round % 2 == 1 {
                let Some(Frame::Array(of_exec)) = replies.pop() else { panic!("EXEC was refused") };
                replies = of_exec;
            }
            assert_eq!(replies[0], Frame::Integer(1));
            assert_eq!(replies[1..], expected, "{workers} workers, round {round}");
            drop((victim, other));
            wait_until("they have left", || {
                killer.line("PUBSUB NUMSUB more")
                    == Frame::Array(vec![Frame::Bulk(b"more".to_vec()), Frame::Integer(0)])
            });
            assert_eq!(killer.line("PUBLISH channel message"), Frame::Integer(0));
            assert_eq!(killer.line("PUBSUB NUMPAT"), Frame::Integer(0));
        }
    }
}
