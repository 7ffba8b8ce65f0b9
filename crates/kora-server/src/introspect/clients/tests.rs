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
    plain.write_line(&mut line);
    assert_eq!(
        String::from_utf8(line).unwrap(),
        "id=25 addr=127.0.0.1:50025 laddr=127.0.0.1:6379 fd=13 name= age=25 idle=0 flags=N db=0 sub=0 psub=0 \
         ssub=0 multi=-1 watch=0 qbuf=26 qbuf-free=20448 argv-mem=10 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 \
         omem=0 tot-mem=0 events=r cmd=client|list user=default redir=-1 resp=3 lib-name= lib-ver= \
         io-thread=0\n"
    );
    let flags = ClientFlags { in_multi: true, is_unix: true, no_touch: true, ..ClientFlags::default() };
    let busy = ClientInfo {
        name: b"a\xff".to_vec(),
        flags,
        queued: Some(2),
        is_writable: true,
        command: None,
        library_name: b"redis-py".to_vec(),
        ..client(1)
    };
    let mut line = Vec::new();
    busy.write_line(&mut line);
    let line = String::from_utf8_lossy(&line);
    for part in
        [" name=a\u{fffd} ", " flags=xUT ", " multi=2 ", " events=rw cmd=NULL ", " lib-name=redis-py "]
    {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn list_filters_are_read_as_redis_reads_them() {
    for (text, expected) in [
        ("", Ok(ListFilter::All)),
        ("type normal", Ok(ListFilter::Class(ClientClass::Normal))),
        ("TYPE slave", Ok(ListFilter::Class(ClientClass::Replica))),
        ("id 3 1", Ok(ListFilter::Ids(vec![3, 1]))),
        ("id 0", Ok(ListFilter::Ids(vec![0]))),
        ("type foo", Err("ERR Unknown client type 'foo'")),
        ("id x", Err("ERR Invalid client ID")),
        ("id 1 type normal", Err("ERR Invalid client ID")),
        ("id", Err("ERR syntax error")),
        ("type normal id 3", Err("ERR syntax error")),
        ("user default", Err("ERR syntax error")),
    ] {
        let found = ListFilter::parse(&arguments(text)).map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{text}");
    }
}

#[test]
fn kill_filters_are_read_as_redis_reads_them() {
    for (text, error) in [
        ("id x", "ERR client-id should be greater than 0"),
        ("id 0", "ERR client-id should be greater than 0"),
        ("id -1", "ERR client-id should be greater than 0"),
        ("type foo", "ERR Unknown client type 'foo'"),
        ("skipme maybe", "ERR syntax error"),
        ("user nosuch", "ERR No such user 'nosuch'"),
        ("foo bar", "ERR syntax error"),
        ("id 5 type", "ERR syntax error"),
        ("maxage 0 x", "ERR maxage should be greater than 0"),
        ("maxage -5", "ERR maxage should be greater than 0"),
        ("maxage zz", "ERR maxage is not an integer or out of range"),
    ] {
        let found = KillFilter::parse(&arguments(text), |user| user == b"default");
        assert_eq!(found.unwrap_err().to_string(), error, "{text}");
    }
}

#[test]
fn filters_choose_connections() {
    let clients: Vec<_> = (1..=4).map(client).collect();
    for (text, killed) in [
        ("127.0.0.1:50002", &[2][..]),
        ("id 3", &[3]),
        ("id 1", &[]),
        ("id 1 skipme no", &[1]),
        ("type normal", &[2, 3, 4]),
        ("type pubsub", &[]),
        ("maxage 3", &[3, 4]),
        ("addr 127.0.0.1:50004 user default", &[4]),
        ("laddr 127.0.0.1:6379 maxage 4 skipme no", &[4]),
        ("laddr 127.0.0.1:1", &[]),
    ] {
        let filter = KillFilter::parse(&arguments(text), |_| true).unwrap();
        let found: Vec<_> =
            clients.iter().filter(|client| filter.matches(client, 1)).map(|client| client.id).collect();
        assert_eq!(found, killed, "{text}");
    }
    let lines = ListFilter::Ids(vec![3, 9, 1]).lines(&clients);
    let ids: Vec<_> =
        lines.split(|byte| *byte == b'\n').map(|line| line.get(..4).unwrap_or_default()).collect();
    assert_eq!(ids, [b"id=3", b"id=1", &b""[..]]);
    assert_eq!(ListFilter::All.lines(&clients).split(|byte| *byte == b'\n').count(), 5);
}
