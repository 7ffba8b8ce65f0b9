//! The Rust client library `redis`, connected by its defaults to the program. Those of Python and JavaScript are in
//! kora-testkit's `tests/clients/`, which `cargo xtask clients` runs.

use std::collections::{BTreeSet, HashMap};

use kora_testkit::process::Server;
use kora_testkit::subject::program_under_test;
use redis::{
    Commands, Connection, ExistenceCheck, FromRedisValue, IntoConnectionInfo, ProtocolVersion, RedisResult,
    SetExpiry, SetOptions, pipe,
};

/// A server, and a connection to it in each version of the protocol.
fn check(test: fn(&mut Connection) -> RedisResult<()>) {
    for workers in ["1", "4"] {
        let program = program_under_test(env!("CARGO_BIN_EXE_kora-server"));
        let server = Server::start(program, &["--workers", workers, "--gather-connections", "no"])
            .expect("the program starts");
        let address = server.address();
        for protocol in [ProtocolVersion::RESP2, ProtocolVersion::RESP3] {
            let info = format!("redis://{address}").into_connection_info().expect("an address");
            let settings = info.redis_settings().clone().set_protocol(protocol);
            let client = redis::Client::open(info.set_redis_settings(settings)).expect("an address");
            let mut connection = client.get_connection().expect("the server accepts");
            let flushed: RedisResult<()> = connection.flushall();
            flushed.and_then(|()| test(&mut connection)).unwrap_or_else(|error| {
                panic!("{workers} workers, {protocol:?}: {error}");
            });
        }
    }
}

/// The value of a key, whatever the caller takes it for.
fn get<T: FromRedisValue>(connection: &mut Connection, key: &str) -> RedisResult<T> {
    redis::cmd("GET").arg(key).query(connection)
}

#[test]
fn strings() {
    check(|connection| {
        let () = connection.set("key", "value")?;
        assert_eq!(get::<String>(connection, "key")?, "value");
        assert_eq!(get::<Option<String>>(connection, "missing")?, None);
        let () = connection.set("bytes", &[0_u8, 255, 13, 10][..])?;
        assert_eq!(get::<Vec<u8>>(connection, "bytes")?, [0, 255, 13, 10]);
        let count: i64 = connection.incr("counter", 5)?;
        assert_eq!(count, 5);
        let sum: f64 = connection.incr("float", 0.5)?;
        assert!((sum - 0.5).abs() < 1e-9);
        let length: usize = connection.append("key", "!")?;
        assert_eq!(length, 6);
        let part: String = connection.getrange("key", 0, 2)?;
        assert_eq!(part, "val");
        let () = connection.mset(&[("a", 1), ("b", 2), ("c", 3)])?;
        let values: Vec<Option<i64>> = connection.mget(&["a", "b", "c", "missing"])?;
        assert_eq!(values, [Some(1), Some(2), Some(3), None]);
        let taken: Option<String> = connection.get_del("key")?;
        assert_eq!(taken.as_deref(), Some("value!"));
        Ok(())
    });
}

#[test]
fn options_of_set() {
    check(|connection| {
        let options = SetOptions::default().with_expiration(SetExpiry::EX(100)).get(true);
        let before: Option<String> = connection.set_options("key", "value", options)?;
        assert_eq!(before, None);
        let ttl: i64 = connection.ttl("key")?;
        assert!((99..=100).contains(&ttl));
        let options = SetOptions::default().conditional_set(ExistenceCheck::NX);
        let reply: Option<String> = connection.set_options("key", "other", options)?;
        assert_eq!(reply, None);
        let options =
            SetOptions::default().conditional_set(ExistenceCheck::XX).with_expiration(SetExpiry::KEEPTTL);
        let reply: Option<String> = connection.set_options("key", "other", options)?;
        assert_eq!(reply.as_deref(), Some("OK"));
        let ttl: i64 = connection.ttl("key")?;
        assert!((99..=100).contains(&ttl));
        Ok(())
    });
}

#[test]
fn keys() {
    check(|connection| {
        let () = connection.set("key", "value")?;
        assert!(connection.exists("key")?);
        assert!(connection.expire("key", 100)?);
        let ttl: i64 = connection.pttl("key")?;
        assert!((99_000..=100_000).contains(&ttl));
        assert!(connection.persist("key")?);
        let () = connection.rename("key", "other")?;
        let kind: String = redis::cmd("TYPE").arg("other").query(connection)?;
        assert_eq!(kind, "string");
        let encoding: String = connection.object_encoding("other")?;
        assert_eq!(encoding, "embstr");
        let count: usize = connection.del(&["other", "missing"])?;
        assert_eq!(count, 1);
        Ok(())
    });
}

#[test]
fn pipelines() {
    check(|connection| {
        let (first, second, values): (i64, i64, Vec<i64>) =
            pipe().incr("a", 1).incr("b", 2).mget(&["a", "b"]).query(connection)?;
        assert_eq!((first, second, values), (1, 2, vec![1, 2]));
        let mut long = pipe();
        (0..10_000).for_each(|index| {
            long.set(format!("key:{index}"), index).ignore();
        });
        let () = long.query(connection)?;
        let last: i64 = connection.get("key:9999")?;
        assert_eq!(last, 9999);
        Ok(())
    });
}

#[test]
fn scans() {
    check(|connection| {
        let names: BTreeSet<String> = (0..2000).map(|index| format!("key:{index}")).collect();
        let pairs: Vec<(&String, i64)> = names.iter().map(|name| (name, 1)).collect();
        let () = connection.mset(&pairs)?;
        let () = connection.set("other", 1)?;
        let found: BTreeSet<String> = connection.scan_match("key:*")?.collect::<RedisResult<_>>()?;
        assert_eq!(found, names);
        let all: BTreeSet<String> = connection.scan()?.collect::<RedisResult<_>>()?;
        assert_eq!(all.len(), 2001);
        Ok(())
    });
}

#[test]
fn what_clients_ask_servers() {
    check(|connection| {
        let info: redis::InfoDict = redis::cmd("INFO").query(connection)?;
        assert_eq!(info.get::<i64>("loading"), Some(0));
        let version: String = info.get("redis_version").expect("clients read the version");
        assert!(version.starts_with(|digit: char| digit.is_ascii_digit()));
        let settings: HashMap<String, String> =
            redis::cmd("CONFIG").arg("GET").arg("maxmemory*").query(connection)?;
        assert_eq!(settings["maxmemory"], "0");
        let refusal: RedisResult<()> = redis::cmd("GET").query(connection);
        assert!(refusal.expect_err("GET takes a key").to_string().contains("wrong number of arguments"));
        Ok(())
    });
}
