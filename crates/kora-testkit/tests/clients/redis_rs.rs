//! The Rust client against a server: its basic calls in both protocols.
//!
//! usage: redis_rs PORT; encrypted if KORA_CLIENTS_CA names the certificate of an authority

use std::collections::HashMap;
use std::error::Error;

use redis::{Client, Commands, Connection, TlsCertificates, Value};

type Outcome = Result<(), Box<dyn Error>>;

fn client(port: &str, protocol: u8) -> Result<Client, Box<dyn Error>> {
    let address = format!("127.0.0.1:{port}/?protocol=resp{protocol}");
    let Some(authority) = std::env::var_os("KORA_CLIENTS_CA") else {
        return Ok(Client::open(format!("redis://{address}"))?);
    };
    let certificates = TlsCertificates { client_tls: None, root_cert: Some(std::fs::read(authority)?) };
    Ok(Client::build_with_tls(format!("rediss://{address}"), certificates)?)
}

fn strings(connection: &mut Connection) -> Outcome {
    let _: () = connection.set("key", "value")?;
    assert_eq!(connection.get::<_, String>("key")?, "value");
    assert_eq!(connection.get::<_, Option<String>>("missing")?, None);
    assert_eq!(connection.incr::<_, _, i64>("counter", 5)?, 5);
    let long = vec![7u8; 3_000_000];
    let _: () = connection.set("long", &long)?;
    assert!(connection.get::<_, Vec<u8>>("long")? == long);
    let refused = connection.incr::<_, _, i64>("key", 1).expect_err("a word is no integer");
    assert!(refused.to_string().contains("value is not an integer"), "{refused}");
    Ok(())
}

fn collections(connection: &mut Connection) -> Outcome {
    let _: () = connection.hset_multiple("hash", &[("a", 1), ("b", 2)])?;
    let all: HashMap<String, i64> = connection.hgetall("hash")?;
    assert_eq!((all["a"], all["b"], all.len()), (1, 2, 2));
    let _: () = connection.rpush("list", &["x", "y", "z"])?;
    assert_eq!(connection.lrange::<_, Vec<String>>("list", 0, -1)?, ["x", "y", "z"]);
    let _: () = connection.zadd("zset", "m", 1.5)?;
    assert_eq!(connection.zscore::<_, _, f64>("zset", "m")?, 1.5);
    let names: Vec<String> = connection.scan_match::<_, String>("l*")?.collect::<Result<_, _>>()?;
    assert_eq!(names.len(), 2, "{names:?}");
    Ok(())
}

fn pipelines(connection: &mut Connection) -> Outcome {
    let mut pipeline = redis::pipe();
    for index in 0..10_000 {
        pipeline.set(format!("key:{index}"), index).ignore();
    }
    let (last,): (i64,) = pipeline.get("key:9999").query(connection)?;
    assert_eq!(last, 9999);
    let (one, two): (i64, i64) = redis::pipe().atomic().incr("n", 1).incr("n", 1).query(connection)?;
    assert_eq!((one, two), (1, 2));
    let sum: i64 = redis::Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])")
        .key("n")
        .arg(40)
        .invoke(connection)?;
    assert_eq!(sum, 42);
    Ok(())
}

fn main() -> Outcome {
    let port = std::env::args().nth(1).ok_or("a port")?;
    for protocol in [2, 3] {
        let mut connection = client(&port, protocol)?.get_connection()?;
        let _: Value = redis::cmd("FLUSHALL").query(&mut connection)?;
        strings(&mut connection)?;
        collections(&mut connection)?;
        pipelines(&mut connection)?;
    }
    println!("redis-rs: all calls as expected");
    Ok(())
}
