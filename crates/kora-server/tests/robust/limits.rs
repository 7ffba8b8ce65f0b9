//! Limits that an administrator sets: on connections, on time, on buffers, on who may come in.

use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;

use kora_protocol::Frame;
use kora_testkit::process::free_port;

use crate::client::{Client, bulk, error_text, ok, request};
use crate::server::{Program, command, start, wait_until};

#[test]
fn maxclients_turns_the_rest_away() {
    let (_server, address) = start(2, &["--maxclients", "10"]);
    let mut served: Vec<_> = (0..10).map(|_| Client::connect(address)).collect();
    for client in &mut served {
        assert_eq!(client.line("PING"), Frame::Simple(b"PONG".to_vec()));
    }
    for _ in 0..50 {
        let mut refused = Client::connect(address);
        assert_eq!(error_text(&refused.receive().unwrap()), "ERR max number of clients reached");
        assert_eq!(refused.receive(), None);
    }
    served.pop();
    wait_until("there is room for one more", || {
        let mut client = Client::connect(address);
        client.send(b"PING\r\n").is_ok() && client.receive() == Some(Frame::Simple(b"PONG".to_vec()))
    });
}

#[test]
fn few_descriptors_lower_maxclients() {
    let port = free_port().unwrap();
    let program = command(port, &["--workers", "2"]);
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", "ulimit -n 80 && exec \"$@\"", "sh"])
        .arg(program.get_program())
        .args(program.get_args());
    let program = Program::spawn(limited, port);
    let mut client = program.client();
    for (value, reply) in [
        (
            "2000000",
            "ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is not able to handle the specified number of clients, try with 32",
        ),
        ("31", ""),
        ("32", ""),
    ] {
        match client.call(&["CONFIG", "SET", "maxclients", value]) {
            Frame::Error(text) => assert_eq!(String::from_utf8_lossy(&text), reply),
            other => assert_eq!((other, reply), (ok(), "")),
        }
    }
    drop(client);
    let mut clients: Vec<_> = (0..200).map(|_| program.client()).collect();
    let served: Vec<_> =
        clients.iter_mut().map(|client| client.send(b"PING\r\n").ok().and(client.receive())).collect();
    let count = |expected: &str| {
        let text = |frame: &Frame| match frame {
            Frame::Simple(text) | Frame::Error(text) => text == expected.as_bytes(),
            _ => false,
        };
        served.iter().flatten().filter(|frame| text(frame)).count()
    };
    // One place may still be that of the connection that found the server up.
    assert!((30..=32).contains(&count("PONG")), "{served:?}");
    assert!(count("ERR max number of clients reached") > 100, "{served:?}");
}

#[test]
fn protected_mode_refuses_other_machines() {
    let Some(outside) = outside_address() else {
        println!("this machine has no address but loopback: nothing to test");
        return;
    };
    let from_outside = |port| Client::connect((outside, port).into());
    let (server, _) = start(1, &["--bind", "*"]);
    let port = server.address.port();
    let mut refused = from_outside(port);
    assert!(error_text(&refused.receive().unwrap()).starts_with("DENIED "));
    assert_eq!(refused.receive(), None);
    assert_eq!(Client::connect(([127, 0, 0, 1], port).into()).line("SET key value"), ok());
    drop(server);
    for (options, has_password) in [(["--protected-mode", "no"], false), (["--requirepass", "secret"], true)]
    {
        let (server, _) = start(1, &[&["--bind", "*"], &options[..]].concat());
        let mut client = from_outside(server.address.port());
        if has_password {
            assert_eq!(client.line("AUTH secret"), ok());
        }
        assert_eq!(client.line("SET key value"), ok());
    }
}

/// An address of this machine that is not loopback. No packet is sent.
fn outside_address() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback()).then_some(address)
}

#[test]
fn a_unix_socket_serves() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kora.sock");
    // Whoever runs this may give a file to no other group than one of its own.
    let group = std::fs::metadata(dir.path()).unwrap().gid();
    let options = ["--unixsocketperm", "770", "--unixsocketgroup", &group.to_string()];
    let (mut server, _) = start(2, &[&["--unixsocket", path.to_str().unwrap()], &options[..]].concat());
    let socket = std::fs::metadata(&path).unwrap();
    assert_eq!((socket.mode() & 0o777, socket.gid()), (0o770, group));
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"SET key value\r\nGET key\r\n").unwrap();
    let mut replies = [0; 16];
    stream.read_exact(&mut replies).unwrap();
    assert_eq!(replies, *b"+OK\r\n$5\r\nvalue\r\n");
    server.terminate();
    assert!(server.end().success());
    assert!(!path.exists(), "the socket's file goes with the server");
}

#[test]
fn idle_clients_are_disconnected_after_timeout() {
    let (_server, address) = start(2, &["--timeout", "1", "--hz", "500"]);
    let (mut idle, mut busy) = (Client::connect(address), Client::connect(address));
    assert_eq!(idle.line("SET key value"), ok());
    let begun = std::time::Instant::now();
    while begun.elapsed().as_millis() < 1500 {
        assert_eq!(busy.line("GET key"), bulk("value"));
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(idle.receive(), None);
}

#[test]
fn output_limits_disconnect() {
    let (_server, address) = start(2, &["--client-output-buffer-limit", "normal", "256kb", "0", "0"]);
    let mut client = Client::connect(address);
    assert_eq!(client.call(&["SET", "big", &"v".repeat(1 << 20)]), ok());
    // The system's buffers take some of it: more than they hold must be asked for.
    client.send(&request(&["GET", "big"]).repeat(64)).unwrap();
    let mut other = Client::connect(address);
    wait_until("only one is left", || {
        let (Frame::Bulk(text) | Frame::Verbatim { text, .. }) = other.line("CLIENT LIST") else {
            return false;
        };
        text.iter().filter(|&&byte| byte == b'\n').count() == 1
    });
    assert!(client.receive_all().len() < 64);
    assert_eq!(other.line("STRLEN big"), Frame::Integer(1 << 20));
}

/// Replies as long as the chunks that they are written in, so that whatever is missing would go unnoticed but for its content.
#[test]
fn output_limits_cut_nothing_out_of_what_is_sent() {
    for (workers, limit) in [(1, 65_535), (1, 100_000), (4, 65_535), (4, 262_144)] {
        let limit = limit.to_string();
        let (_server, address) =
            start(workers, &["--client-output-buffer-limit", "normal", &limit, "0", "0"]);
        let mut other = Client::connect(address);
        let value = |number: usize| format!("{number:08}{}", "v".repeat(496));
        for number in 0..2000 {
            assert_eq!(other.call(&["SET", &format!("k{number}"), &value(number)]), ok());
        }
        let gets = (0..2000).map(|number| request(&["GET", &format!("k{number}")]));
        let keys: Vec<_> = (0..2000).map(|number| format!("k{number}")).collect();
        let all: Vec<_> = std::iter::once("MGET").chain(keys.iter().map(String::as_str)).collect();
        let mut greedy = Client::connect(address);
        let mut sent = gets.collect::<Vec<_>>().concat();
        sent.extend(request(&all));
        sent.extend(request(&["INCR", "behind"]).repeat(500));
        // It may be sent away before all of it is read.
        let _ = greedy.send(&sent);
        let replies = greedy.receive_all();
        assert!(replies.len() <= 2000, "{}", replies.len());
        for (number, reply) in replies.iter().enumerate() {
            assert_eq!(*reply, bulk(value(number)), "reply {number} with {workers} workers and {limit}");
        }
        assert_eq!(other.line("GET behind"), Frame::Null, "what stands behind is not run");
    }
}

/// The limit is looked at while a reply is written: one of hundreds of megabytes takes no more memory than it allows.
#[test]
fn output_limits_end_replies_of_repeated_elements() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &["--client-output-buffer-limit", "normal", "1mb", "0", "0"]);
        let mut other = Client::connect(address);
        let member = "m".repeat(30);
        for line in ["SADD s", "HSET h f", "ZADD z 1", "VADD v VALUES 2 1 0"] {
            assert_eq!(other.line(&format!("{line} {member}")), Frame::Integer(1));
        }
        let long = "m".repeat(1 << 20);
        assert_eq!(other.call(&["SADD", "long", &long]), Frame::Integer(1));
        for line in [
            "SRANDMEMBER s -16777216",
            "HRANDFIELD h -10000000 WITHVALUES",
            "ZRANDMEMBER z -10000000 WITHSCORES",
            "VRANDMEMBER v -16777216",
            "SRANDMEMBER long -500",
            "MULTI;SET other 1;SRANDMEMBER s -10000000;SRANDMEMBER long -500;ZRANDMEMBER z -10000000;EXEC",
        ] {
            let mut greedy = Client::connect(address);
            for command in line.split(';') {
                greedy.send(&request(&command.split(' ').collect::<Vec<_>>())).unwrap();
            }
            let sent = greedy.count_to_the_end();
            assert!(sent < 64 << 20, "{line}: {sent} bytes came of over 300 million");
            assert_eq!(other.line("SCARD s"), Frame::Integer(1));
        }
        let too_long = other.line("SRANDMEMBER long -2048");
        assert_eq!(error_text(&too_long), "ERR value is out of range", "2 GiB");
        for line in ["SRANDMEMBER s", "HRANDFIELD h", "ZRANDMEMBER z", "VRANDMEMBER v"] {
            let reply = other.line(&format!("{line} -1000000000"));
            assert_eq!(error_text(&reply), "ERR value is out of range");
            let Frame::Array(few) = other.line(&format!("{line} -5000")) else { panic!("{line}") };
            assert_eq!(few.len(), 5000, "{line}");
        }
        let peak = other.line("INFO memory");
        let (Frame::Bulk(text) | Frame::Verbatim { text, .. }) = peak else { panic!("a text") };
        let text = String::from_utf8(text).expect("a text");
        let peak = text.lines().find_map(|line| line.strip_prefix("used_memory_peak:")).expect("a field");
        assert!(peak.parse::<u64>().expect("a number") < 64 << 20, "{peak}");
    }
}

#[test]
fn the_query_buffer_limit_disconnects() {
    let (_server, address) = start(1, &["--client-query-buffer-limit", "1mb"]);
    let mut client = Client::connect(address);
    let value = vec![b'v'; 4 << 20];
    // The server may close before all is sent.
    let _ = client.send(&request(&[&b"SET"[..], b"key", &value]));
    assert_eq!(client.receive(), None);
    let mut other = Client::connect(address);
    assert_eq!(other.line("EXISTS key"), Frame::Integer(0));
    assert_eq!(other.call(&[&b"SET"[..], b"key", &value[..1 << 19]]), ok());
}
