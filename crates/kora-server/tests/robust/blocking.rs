//! Clients that wait for keys: thousands of them, and such as leave before they are served.

use kora_protocol::Frame;

use crate::client::{Client, bulk, ok, request};
use crate::crowd::raise_descriptor_limit;
use crate::server::{Program, start, wait_until};
use crate::size;

/// A figure of INFO clients.
fn clients_figure(client: &mut Client, name: &str) -> usize {
    let (Frame::Bulk(text) | Frame::Verbatim { text, .. }) = client.line("INFO clients") else {
        panic!("INFO is text")
    };
    let text = String::from_utf8(text).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap().parse().unwrap()
}

fn wait_for_blocked(client: &mut Client, count: usize) {
    wait_until("clients wait", || clients_figure(client, "blocked_clients") == count);
}

#[test]
fn a_crowd_is_served_in_the_order_in_which_it_came() {
    raise_descriptor_limit();
    let count = size(200, 10_000);
    let program = Program::start(&["--workers", "4", "--maxclients", "10100"]);
    let mut pusher = program.client();
    let mut crowd: Vec<Client> = Vec::new();
    for index in 0..count {
        let mut client = program.client();
        client.send(&request(&["BLPOP", "queue", "0"])).unwrap();
        crowd.push(client);
        wait_for_blocked(&mut pusher, index + 1);
    }
    let elements = (0..count).map(|index| index.to_string());
    let push: Vec<String> = ["RPUSH".to_owned(), "queue".to_owned()].into_iter().chain(elements).collect();
    assert_eq!(pusher.call(&push), Frame::Integer(i64::try_from(count).unwrap()));
    for (index, client) in crowd.iter_mut().enumerate() {
        assert_eq!(client.receive(), Some(Frame::Array(vec![bulk("queue"), bulk(index.to_string())])));
    }
    assert_eq!(pusher.line("EXISTS queue"), Frame::Integer(0));
    assert_eq!(clients_figure(&mut pusher, "blocked_clients"), 0);
}

#[test]
fn who_left_is_given_nothing() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut pusher = Client::connect(address);
        for round in 0..size(20, 500) {
            let waits =
                ["BLPOP a b c 0", "BLMOVE a b LEFT RIGHT 0", "BRPOPLPUSH a c 9", "BLMPOP 5 2 b a LEFT"];
            let mut crowd: Vec<Client> = Vec::new();
            for wait in waits {
                let mut client = Client::connect(address);
                client.send(&request(&wait.split(' ').collect::<Vec<_>>())).unwrap();
                crowd.push(client);
            }
            wait_for_blocked(&mut pusher, waits.len());
            if round % 2 == 0 {
                crowd.iter().for_each(Client::finish_sending);
                assert!(crowd.iter_mut().all(|client| client.receive().is_none()), "half closed is closed");
            }
            drop(crowd);
            wait_for_blocked(&mut pusher, 0);
            assert_eq!(pusher.line("RPUSH a element"), Frame::Integer(1));
            assert_eq!(pusher.line("LPOP a"), bulk("element"), "{workers} workers, round {round}");
            assert_eq!(clients_figure(&mut pusher, "total_blocking_keys"), 0);
        }
    }
}

#[test]
fn who_is_killed_is_given_nothing() {
    let (_server, address) = start(2, &[]);
    let mut killer = Client::connect(address);
    for wait in ["BLPOP a b 0", "BLMOVE a b LEFT RIGHT 10"] {
        let mut client = Client::connect(address);
        let Frame::Integer(id) = client.line("CLIENT ID") else { panic!("an id is a number") };
        client.send(&request(&wait.split(' ').collect::<Vec<_>>())).unwrap();
        wait_for_blocked(&mut killer, 1);
        assert_eq!(killer.line(&format!("CLIENT KILL ID {id}")), Frame::Integer(1));
        assert_eq!(client.receive(), None);
        assert_eq!(killer.line("RPUSH a element"), Frame::Integer(1));
        assert_eq!(killer.line("LPOP a"), bulk("element"));
    }
}

#[test]
fn a_group_set_back_serves_nobody_by_itself() {
    for workers in [1, 4] {
        let (server, _) = start(workers, &[]);
        let mut client = server.client();
        client.line("XADD s 1 a b");
        assert_eq!(client.line("XGROUP CREATE s g $"), ok());
        let mut reader = server.client();
        reader.send(&request(&["XREADGROUP", "GROUP", "g", "c", "BLOCK", "0", "STREAMS", "s", ">"])).unwrap();
        wait_for_blocked(&mut client, 1);
        assert_eq!(client.line("XGROUP SETID s g 0"), ok());
        client.line("XADD s 2 a b");
        let reply = format!("{:?}", reader.receive().unwrap());
        assert!(
            reply.contains(&format!("{:?}", bulk("1-0"))) && reply.contains(&format!("{:?}", bulk("2-0"))),
            "{reply}"
        );
    }
}
