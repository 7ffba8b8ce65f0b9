//! Transactions with commands of the server's own: the same results and effects on any number of workers.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use kora_protocol::Frame;

use crate::client::{Client, request};
use crate::server::{Program, start, wait_until};

/// Sends commands, then PING, and returns all bytes up to its reply, or to the end of the connection.
fn play(address: SocketAddr, lines: &[&str]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // In one piece: a server that ends the connection half-way has read all of it.
    let requests =
        lines.iter().chain(&["PING the-end"]).map(|line| request(&line.split(' ').collect::<Vec<_>>()));
    stream.write_all(&requests.collect::<Vec<_>>().concat()).unwrap();
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    while !text.ends_with(b"the-end\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => text.extend_from_slice(&buffer[..count]),
        }
    }
    String::from_utf8(text).unwrap()
}

/// Servers of one and of four workers.
fn both(options: &[&str]) -> Vec<(Program, SocketAddr)> {
    [1, 4].into_iter().map(|workers| start(workers, options)).collect()
}

/// What is left of the replies of queueing, and of the last PING.
fn of_exec(text: &str) -> &str {
    let text = text.rsplit_once("+QUEUED\r\n").unwrap().1;
    text.strip_suffix("$7\r\nthe-end\r\n").unwrap_or(text)
}

#[test]
fn a_session_changes_in_its_place() {
    for (_server, address) in both(&[]) {
        play(address, &["HSET h1 f v", "HSET h2 f v"]);
        let hello = play(address, &["MULTI", "HELLO 3 SETNAME a\tb", "HGETALL h1", "HGETALL h2", "EXEC"]);
        let map = "*2\r\n$1\r\nf\r\n$1\r\nv\r\n";
        assert!(of_exec(&hello).starts_with("*3\r\n-ERR Client names"), "{hello}");
        assert!(of_exec(&hello).ends_with(&map.repeat(2)), "{hello}");
        let hello =
            play(address, &["MULTI", "HGETALL h1", "HELLO 3", "HGETALL h2", "HELLO 2", "HGETALL h1", "EXEC"]);
        assert!(of_exec(&hello).starts_with(&["*5\r\n", map, "%7\r\n"].concat()), "{hello}");
        assert!(of_exec(&hello).contains("%1\r\n$1\r\nf\r\n$1\r\nv\r\n*14\r\n"), "{hello}");
        let select = play(address, &["MULTI", "SET a 1", "SELECT 1", "SET a 2", "SET b 2", "DBSIZE", "EXEC"]);
        assert_eq!(of_exec(&select), "*5\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n:2\r\n");
        let silent = play(
            address,
            &["MULTI", "SET a 1", "CLIENT REPLY OFF", "GET a", "CLIENT REPLY ON", "GET b", "EXEC"],
        );
        assert_eq!(of_exec(&silent), "*5\r\n+OK\r\n+OK\r\n$-1\r\n");
    }
}

#[test]
fn a_setting_holds_for_the_commands_behind_it() {
    for (_server, address) in both(&[]) {
        let lines = [
            "MULTI",
            "CONFIG SET hash-max-listpack-entries 0",
            "HSET h1 f v",
            "OBJECT ENCODING h1",
            "HSET h2 f v",
        ];
        let text = play(address, &[&lines[..], &["OBJECT ENCODING h2", "EXEC"]].concat());
        assert_eq!(of_exec(&text), "*5\r\n+OK\r\n:1\r\n$9\r\nhashtable\r\n:1\r\n$9\r\nhashtable\r\n");
        // And for those of everyone else.
        for key in ["h3", "h4", "h5", "h6"] {
            let text = play(address, &[&format!("HSET {key} f v"), &format!("OBJECT ENCODING {key}")]);
            assert!(text.contains("hashtable"), "{text}");
        }
    }
}

#[test]
fn the_server_is_seen_as_the_commands_before_left_it() {
    for (_server, address) in both(&[]) {
        let lines =
            ["MULTI", "SET a 1", "SET b 1", "INFO keyspace", "FLUSHALL", "INFO keyspace", "SET c 1", "EXEC"];
        let text = play(address, &lines);
        let keyspaces: Vec<_> = of_exec(&text).split("# Keyspace").collect();
        assert!(keyspaces[1].contains("db0:keys=2,"), "{text}");
        assert!(!keyspaces[2].contains("db0:"), "{text}");
        let lines = [
            "MULTI",
            "MGET n1 n2 n3 n4",
            "CONFIG RESETSTAT",
            "MGET n1 n2 c",
            "INFO stats",
            "EXEC",
            "INFO stats",
        ];
        let text = play(address, &lines);
        assert_eq!(text.matches("keyspace_hits:1\r\nkeyspace_misses:2\r\n").count(), 2, "{text}");
    }
}

#[test]
fn a_pause_in_a_transaction_is_part_of_it() {
    for (_server, address) in both(&["--enable-debug-command", "yes"]) {
        let begun = Instant::now();
        let lines = ["MULTI", "SET a 1", "TIME", "DEBUG SLEEP 0.2", "TIME", "MGET a b", "EXEC"];
        let text = play(address, &lines);
        assert!(begun.elapsed() >= Duration::from_millis(200));
        let numbers: Vec<f64> = text.lines().filter_map(|line| line.parse().ok()).collect();
        let [from, from_us, to, to_us, ..] = numbers[..] else { panic!("{text}") };
        assert!((to - from) * 1e6 + to_us - from_us >= 200_000.0, "{text}");
        assert!(of_exec(&text).ends_with("+OK\r\n") || of_exec(&text).ends_with("$-1\r\n"), "{text}");
    }
}

#[test]
fn what_a_transaction_tells_its_own_client_comes_behind_it() {
    for (_server, address) in both(&[]) {
        let lines =
            ["MULTI", "SUBSCRIBE a b", "PUBLISH a x", "UNSUBSCRIBE a", "PUBLISH a y", "PUBLISH b z", "EXEC"];
        let text = play(address, &[&lines[..], &["UNSUBSCRIBE"]].concat());
        let confirmed = "*5\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n:1\r\n\
                         *3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:1\r\n:0\r\n:1\r\n";
        let messages =
            "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n*3\r\n$7\r\nmessage\r\n$1\r\nb\r\n$1\r\nz\r\n";
        let last = "*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:0\r\n";
        assert_eq!(of_exec(&text), [confirmed, messages, last].concat());
    }
}

#[test]
fn who_is_killed_in_a_transaction_is_gone_in_it() {
    for (_server, address) in both(&[]) {
        let mut victims: Vec<Client> = (0..8).map(|_| Client::connect(address)).collect();
        for victim in &mut victims {
            victim.send(&request(&["BLPOP", "list", "0"])).unwrap();
        }
        let mut client = Client::connect(address);
        wait_until("they wait", || {
            let (Frame::Bulk(text) | Frame::Verbatim { text, .. }) = client.line("INFO clients") else {
                panic!("INFO is text")
            };
            String::from_utf8(text).unwrap().contains("blocked_clients:8\r\n")
        });
        let kill = "CLIENT KILL TYPE normal SKIPME yes";
        let text =
            play(address, &["MULTI", kill, kill, "RPUSH list a b", "LLEN list", "SET other v", "EXEC"]);
        assert_eq!(of_exec(&text), "*5\r\n:9\r\n:0\r\n:2\r\n:2\r\n+OK\r\n");
        for victim in victims.iter_mut().chain([&mut client]) {
            assert_eq!(victim.receive(), None);
        }
        let suicide =
            ["MULTI", "SET k a", "CLIENT KILL TYPE normal SKIPME no", "SET k b", "GET k", "EXEC", "SET k c"];
        let text = play(address, &suicide);
        // How many were killed depends on who has left before; behind that there is nothing.
        let lines: Vec<_> = of_exec(&text).split("\r\n").collect();
        assert!(matches!(lines[..], ["*4", "+OK", _, ""]), "{text}");
        assert!(play(address, &["GET k"]).starts_with("$1\r\nb\r\n"));
    }
}

/// A transaction of which half is seen, or is not where it belongs among the others, shows.
#[test]
fn transactions_with_own_commands_are_atomic() {
    for (_server, address) in both(&[]) {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                std::thread::spawn(move || {
                    let mut client = Client::connect(address);
                    for round in 0..200 {
                        let value = format!("{writer}.{round}");
                        for line in ["MULTI", &format!("CLIENT SETNAME w{writer}"), &format!("SET a {value}")]
                        {
                            client.line(line);
                        }
                        for line in [
                            "PING",
                            &format!("MSET b {value} c {value}"),
                            "SELECT 0",
                            &format!("SET d {value}"),
                        ] {
                            client.line(line);
                        }
                        let Frame::Array(replies) = client.line("EXEC") else { panic!("it runs") };
                        assert_eq!(replies.len(), 6);
                    }
                })
            })
            .collect();
        let mut reader = Client::connect(address);
        while writers.iter().any(|writer| !writer.is_finished()) {
            let Frame::Array(values) = reader.line("MGET a b c d") else { panic!("values") };
            assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
            for line in ["MULTI", "GET a", "PING", "GET c"] {
                reader.line(line);
            }
            let Frame::Array(values) = reader.line("EXEC") else { panic!("values") };
            assert_eq!(values[0], values[2]);
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    }
}
