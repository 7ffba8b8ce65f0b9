//! Lines and error texts are those of Redis 8.0.2.

use super::*;

fn client(id: u64) -> ClientInfo {
    ClientInfo {
        id,
        addr: format!("127.0.0.1:{}", 50_000 + id),
        laddr: "127.0.0.1:6379".into(),
        fd: 13,
        age_seconds: id,
        is_readable: true,
        command: Some("client|list"),
        user: "default".into(),
        resp: 3,
        ..ClientInfo::default()
    }
}

fn arguments(text: &str) -> Vec<&[u8]> {
    text.split_whitespace().map(str::as_bytes).collect()
}

#[test]
fn lines_have_every_field_in_order() {
    let mut line = Vec::new();
    let plain = ClientInfo { query_bytes: 26, query_free_bytes: 20448, argv_bytes: 10, ..client(25) };
    let plain = ClientInfo { received_bytes: 70, sent_bytes: 5, commands: 2, ..plain };
    plain.write_line(&mut line);
    assert_eq!(
        String::from_utf8(line).unwrap(),
        "id=25 addr=127.0.0.1:50025 laddr=127.0.0.1:6379 fd=13 name= age=25 idle=0 flags=N db=0 sub=0 psub=0 \
         ssub=0 multi=-1 watch=0 qbuf=26 qbuf-free=20448 argv-mem=10 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 \
         omem=0 tot-mem=0 events=r cmd=client|list user=default redir=-1 resp=3 lib-name= lib-ver= \
         io-thread=0 tot-net-in=70 tot-net-out=5 tot-cmds=2 capa=\n"
    );
    let flags = ClientFlags { in_multi: true, is_unix: true, no_touch: true, ..ClientFlags::default() };
    let busy = ClientInfo {
        name: b"a\xff".to_vec(),
        flags,
        queued: Some(2),
        is_writable: true,
        command: None,
        library_name: b"redis-py".to_vec(),
        takes_redirects: true,
        ..client(1)
    };
    let mut line = Vec::new();
    busy.write_line(&mut line);
    let line = String::from_utf8_lossy(&line);
    for part in [
        " name=a\u{fffd} ",
        " flags=xUT ",
        " multi=2 ",
        " events=rw cmd=NULL ",
        " lib-name=redis-py ",
        " capa=r",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

struct World;

impl ServerFacts for World {
    fn is_user(&self, name: &[u8]) -> bool {
        name == b"default" || name == b"worker"
    }

    fn database_count(&self) -> u16 {
        16
    }
}

/// Numbers of the clients that CLIENT LIST shows to the first.
fn listed(text: &str, clients: &[ClientInfo]) -> Result<Vec<u64>, String> {
    let filter = ListFilter::parse(&arguments(text), &World).map_err(|error| error.to_string())?;
    let lines = String::from_utf8_lossy(&filter.lines(clients, 1)).into_owned();
    let id = |line: &str| line.split([' ', '=']).nth(1).and_then(|id| id.parse().ok());
    Ok(lines.lines().filter_map(id).collect())
}

/// The same of those that CLIENT KILL ends.
fn killed(text: &str, clients: &[ClientInfo]) -> Result<Vec<u64>, String> {
    let filter = KillFilter::parse(&arguments(text), &World).map_err(|error| error.to_string())?;
    Ok(clients.iter().filter(|client| filter.matches(client, 1)).map(|client| client.id).collect())
}

#[test]
fn mistakes_in_filters_are_told_in_the_words_of_redis() {
    for (text, error) in [
        ("type foo", "ERR Unknown client type 'foo'"),
        ("id x", "ERR Invalid client ID"),
        ("id 1 x", "ERR Invalid client ID"),
        ("id", "ERR syntax error"),
        ("id 1 type", "ERR syntax error"),
        ("foo", "ERR syntax error"),
        ("foo bar", "ERR syntax error"),
        ("not-skipme yes", "ERR syntax error"),
        ("not-maxage 3", "ERR syntax error"),
        ("not-idle 3", "ERR syntax error"),
    ] {
        assert_eq!(listed(text, &[]).unwrap_err(), error, "{text}");
    }
    for (text, error) in [
        ("id x", "ERR client-id should be greater than 0"),
        ("id 0", "ERR client-id should be greater than 0"),
        ("id -1", "ERR client-id should be greater than 0"),
        ("id 5 0", "ERR client-id should be greater than 0"),
        ("id 5 x", "ERR syntax error"),
        ("not-id 0", "ERR client-id should be greater than 0"),
        ("type foo", "ERR Unknown client type 'foo'"),
        ("skipme maybe", "ERR syntax error"),
        ("user nosuch", "ERR No such user 'nosuch'"),
        ("not-user nosuch", "ERR No such user 'nosuch'"),
        ("foo bar", "ERR syntax error"),
        ("id 5 type", "ERR syntax error"),
        ("maxage 0 x", "ERR maxage should be greater than 0"),
        ("maxage -5", "ERR maxage should be greater than 0"),
        ("maxage zz", "ERR maxage is not an integer or out of range"),
        ("idle 0", "ERR idle should be greater than 0"),
        ("idle zz", "ERR idle is not an integer or out of range"),
        ("flags Z", "ERR Unknown flags found in the provided filter: Z"),
        ("not-flags Z", "ERR Unknown flags found in the NOT-FLAGS filter: Z"),
        ("capa x", "ERR Unknown capa found in the provided filter: x"),
        ("not-capa x", "ERR Unknown capa found in the NOT-CAPA filter: x"),
        ("db x", "ERR DB is not an integer or out of range"),
        ("db 16", "ERR DB number should be between 0 and 15"),
        ("not-db -1", "ERR DB number should be between 0 and 15"),
    ] {
        assert_eq!(killed(text, &[]).unwrap_err(), error, "{text}");
    }
}

/// Four clients that differ in all that filters look at.
fn crowd() -> Vec<ClientInfo> {
    let flags = ClientFlags { in_multi: true, no_evict: true, ..ClientFlags::default() };
    let mut crowd: Vec<_> = (1..=4).map(client).collect();
    crowd[1] = ClientInfo { name: b"two".to_vec(), user: "worker".into(), flags, ..client(2) };
    crowd[2] = ClientInfo { addr: "[::1]:50003".into(), db: 3, takes_redirects: true, ..client(3) };
    let library_name = b"redis-py".to_vec();
    crowd[3] = ClientInfo { idle_seconds: 60, library_name, library_version: b"8".to_vec(), ..client(4) };
    crowd[3].flags.is_subscriber = true;
    crowd
}

#[test]
fn filters_choose_connections() {
    for (text, expected) in [
        ("id 3", &[3][..]),
        ("id 1", &[]),
        ("id 1 skipme no", &[1]),
        ("id 1 2 3", &[2, 3]),
        ("id 2 id 4", &[2, 4]),
        ("not-id 2 3", &[4]),
        ("type normal", &[2, 3]),
        ("type pubsub", &[4]),
        ("type primary", &[]),
        ("not-type pubsub", &[2, 3]),
        ("maxage 3", &[3, 4]),
        ("addr 127.0.0.1:50004 user default", &[4]),
        ("not-addr 127.0.0.1:50004", &[2, 3]),
        ("laddr 127.0.0.1:6379 maxage 4 skipme no", &[4]),
        ("laddr 127.0.0.1:1", &[]),
        ("not-laddr 127.0.0.1:1", &[2, 3, 4]),
        ("ip 127.0.0.1", &[2, 4]),
        ("ip ::1", &[3]),
        ("not-ip 127.0.0.1", &[3]),
        ("user worker", &[2]),
        ("not-user default", &[2]),
        ("user worker user default", &[3, 4]),
        ("name two", &[2]),
        ("not-name two", &[3, 4]),
        ("flags xe", &[2]),
        ("flags x flags P", &[4]),
        ("not-flags x", &[3, 4]),
        ("flags N", &[3]),
        ("db 3", &[3]),
        ("not-db 3", &[2, 4]),
        ("capa r", &[3]),
        ("not-capa r", &[2, 4]),
        ("lib-name redis-py", &[4]),
        ("not-lib-name redis-py", &[2, 3]),
        ("lib-ver 8", &[4]),
        ("not-lib-ver 8", &[2, 3]),
        ("idle 60", &[4]),
        ("user default not-user worker db 3", &[3]),
        ("user worker not-user worker", &[]),
    ] {
        assert_eq!(killed(text, &crowd()).unwrap(), expected, "KILL {text}");
        let listed = listed(&format!("{text} skipme yes"), &crowd());
        if !text.contains("skipme") {
            assert_eq!(listed.unwrap(), expected, "LIST {text}");
        }
    }
    assert_eq!(killed("127.0.0.1:50002", &crowd()).unwrap(), [2]);
    assert_eq!(killed("127.0.0.1:50001", &crowd()).unwrap(), [1], "the old form spares nobody");
}

#[test]
fn a_list_by_number_is_in_the_order_asked_for() {
    for (text, expected) in [
        ("", &[1, 2, 3, 4][..]),
        ("id 3 9 1", &[3, 1]),
        ("id 3 3", &[3, 3]),
        ("id 0 -1", &[]),
        ("id 3 2 type normal", &[3, 2]),
        ("type normal id 3 4 1", &[3, 1]),
        ("id 4 not-id 4", &[]),
        ("skipme yes", &[2, 3, 4]),
        ("skipme no", &[1, 2, 3, 4]),
    ] {
        assert_eq!(listed(text, &crowd()).unwrap(), expected, "{text}");
    }
}
