//! Connections that go from one worker to another, while their clients know nothing of it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kora_protocol::Frame;

use crate::client::{Client, ok, request};
use crate::memory::info;
use crate::server::{start, wait_until};
use crate::size;

/// Has connections gather and spread until the flag is up.
fn shake(address: SocketAddr, is_over: &AtomicBool) {
    let mut client = Client::connect(address);
    while !is_over.load(Ordering::Relaxed) {
        for answer in ["no", "yes"] {
            assert_eq!(client.line(&format!("CONFIG SET gather-connections {answer}")), ok());
            std::thread::sleep(Duration::from_millis(60));
        }
    }
}

/// Sends pipelines of many kinds of commands; each must come back in order, and see what the ones before it did.
fn count_up(address: SocketAddr, name: usize, is_over: &AtomicBool) -> i64 {
    let mut client = Client::connect(address);
    let (counter, list, watched) =
        (format!("counter:{name}"), format!("list:{name}"), format!("watched:{name}"));
    assert_eq!(client.line(&format!("CLIENT SETNAME client-{name}")), ok());
    assert_eq!(client.line("SELECT 3"), ok());
    let mut count = 0;
    while !is_over.load(Ordering::Relaxed) {
        let mut sent = Vec::new();
        for _ in 0..8 {
            sent.extend(request(&["INCR", &counter]));
        }
        sent.extend(request(&["WATCH", &watched]));
        sent.extend(request(&["MULTI"]));
        sent.extend(request(&["INCR", &counter]));
        sent.extend(request(&["RPUSH", &list, &count.to_string()]));
        sent.extend(request(&["EXEC"]));
        sent.extend(request(&["BLPOP", &list, "0"]));
        sent.extend(request(&["CLIENT", "GETNAME"]));
        client.send(&sent).unwrap();
        let mut next = || client.receive().expect("the server replies");
        for _ in 0..8 {
            count += 1;
            assert_eq!(next(), Frame::Integer(count));
        }
        assert_eq!((next(), next()), (ok(), ok()));
        assert_eq!((next(), next()), (Frame::Simple("QUEUED".into()), Frame::Simple("QUEUED".into())));
        let pushed = Frame::Bulk((count).to_string().into());
        count += 1;
        assert_eq!(next(), Frame::Array(vec![Frame::Integer(count), Frame::Integer(1)]));
        let before = Frame::Bulk((count - 9).to_string().into());
        let Frame::Array(popped) = next() else { panic!("BLPOP gives a key and an element") };
        assert!(popped[1] == before || popped[1] == pushed, "{popped:?}");
        assert_eq!(next(), Frame::Bulk(format!("client-{name}").into()));
    }
    count
}

#[test]
fn clients_notice_nothing_of_moves() {
    let (program, address) = start(4, &["--gather-connections", "yes", "--appendonly", "yes"]);
    wait_until("the log is begun", || info::<u64>(&mut program.client(), "loading") == 0);
    let is_over = AtomicBool::new(false);
    let mut client = program.client();
    std::thread::scope(|scope| {
        let is_over = &is_over;
        let counters: Vec<_> =
            (0..12).map(|name| scope.spawn(move || count_up(address, name, is_over))).collect();
        scope.spawn(move || shake(address, is_over));
        let (begun, least) = (std::time::Instant::now(), Duration::from_secs(size(2, 60)));
        wait_until("connections move", || {
            info::<u64>(&mut client, "moved_connections") > 100 && begun.elapsed() > least
        });
        is_over.store(true, Ordering::Relaxed);
        for (name, counter) in counters.into_iter().enumerate() {
            let count = counter.join().unwrap();
            assert_eq!(client.line("SELECT 3"), ok());
            assert_eq!(client.line(&format!("GET counter:{name}")), Frame::Bulk(count.to_string().into()));
        }
    });
    // Nothing is left of those that have gone.
    wait_until("the others have gone", || info::<u64>(&mut client, "connected_clients") == 1);
    let bytes: u64 = info(&mut client, "mem_clients_normal");
    assert!((1..100_000).contains(&bytes), "{bytes} bytes for one connection");
}

#[test]
fn clients_that_move_can_be_killed() {
    let (program, address) = start(4, &["--gather-connections", "yes"]);
    let is_over = AtomicBool::new(false);
    let mut killer = program.client();
    std::thread::scope(|scope| {
        scope.spawn(|| shake(address, &is_over));
        let mut rounds = 0;
        while rounds < size(50, 1000) || info::<u64>(&mut killer, "moved_connections") < 100 {
            rounds += 1;
            assert!(rounds < 10_000, "connections hardly move");
            let mut victims: Vec<_> = (0..8).map(|_| Client::connect(address)).collect();
            let ids: Vec<_> = victims.iter_mut().map(|victim| victim.line("CLIENT ID")).collect();
            let busy: Vec<_> = victims
                .into_iter()
                .map(|mut victim| {
                    scope.spawn(
                        move || while victim.send(b"PING\r\n").is_ok() && victim.receive().is_some() {},
                    )
                })
                .collect();
            // Some are on their way when they are killed.
            std::thread::sleep(Duration::from_millis(rounds % 40));
            for id in ids {
                let Frame::Integer(id) = id else { panic!("a client has a number: {id:?}") };
                assert_eq!(killer.line(&format!("CLIENT KILL ID {id}")), Frame::Integer(1));
            }
            busy.into_iter().for_each(|victim| victim.join().unwrap());
        }
        is_over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn who_sends_long_commands_has_a_worker_for_itself() {
    let (program, address) = start(2, &["--gather-connections", "yes"]);
    let is_over = AtomicBool::new(false);
    let mut client = program.client();
    assert_eq!(info::<u64>(&mut client, "serving_workers"), 1);
    std::thread::scope(|scope| {
        let mut slow = Client::connect(address);
        scope.spawn({
            let is_over = &is_over;
            move || {
                let script = "local x = 0 for i = 1, 3000000 do x = x + i end return x";
                while !is_over.load(Ordering::Relaxed) {
                    assert!(matches!(slow.call(&["EVAL", script, "0"]), Frame::Integer(_)));
                }
            }
        });
        wait_until("all workers serve", || info::<u64>(&mut client, "serving_workers") == 2);
        let worker = |client: &mut Client, command: &str| {
            let (Frame::Bulk(text) | Frame::Verbatim { text, .. }) = client.line("CLIENT LIST") else {
                panic!("CLIENT LIST is text")
            };
            let text = String::from_utf8(text).unwrap();
            let line = text.lines().find(|line| line.contains(command)).unwrap_or_else(|| panic!("{text}"));
            line.rsplit_once("io-thread=").unwrap().1.to_owned()
        };
        wait_until("they are served by two workers", || {
            worker(&mut client, "cmd=eval") != worker(&mut client, "cmd=client|list")
        });
        is_over.store(true, Ordering::Relaxed);
    });
}
