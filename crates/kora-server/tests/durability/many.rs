//! Many shards under pipelines that never break off: among their records hardly any has no operation half recorded around it,
//! so what counts of the log must not depend on one.

use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use kora_testkit::frame::Frame;
use kora_testkit::target::tcp::TcpConnection;
use kora_testkit::target::{Connection as _, encode_into};
use tempfile::TempDir;

use crate::{launch, text};

const WORKERS: &str = "32";
const WRITERS: usize = 8;
/// Keys that a writer sets at once: on many shards.
const KEYS: usize = 12;
/// Pipelines of a writer that are under way.
const AHEAD: usize = 4;
/// Commands of a pipeline.
const COMMANDS: usize = 16;
/// What `everysec` promises.
const LOST_MAX: Duration = Duration::from_secs(2);

fn options(workers: &str) -> [&str; 8] {
    ["--workers", workers, "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
}

fn keys(writer: usize) -> Vec<String> {
    (0..KEYS).map(|key| format!("w{writer}:{key}")).collect()
}

/// A pipeline that sets all keys of a writer to this value, several times, by one command and by many.
fn pipeline(writer: usize, value: u64) -> Vec<u8> {
    let (keys, value) = (keys(writer), value.to_string());
    let mut bytes = Vec::new();
    for _ in 0..COMMANDS {
        let words = keys.iter().flat_map(|key| [key.clone().into_bytes(), value.clone().into_bytes()]);
        let words: Vec<_> = std::iter::once(b"MSET".to_vec()).chain(words).collect();
        encode_into(&mut bytes, &words);
    }
    bytes
}

/// Writes until the server is gone. Notes what was answered, and when.
fn write(mut connection: TcpConnection, writer: usize, answered: &Mutex<Vec<(Instant, u64)>>) {
    for value in 1.. {
        if connection.send_raw(&pipeline(writer, value)).is_err() {
            return;
        }
        if value <= AHEAD as u64 {
            continue;
        }
        for _ in 0..COMMANDS {
            match connection.receive() {
                Ok(Frame::Closed) | Err(_) => return,
                Ok(reply) => assert_eq!(text(&reply), "OK"),
            }
        }
        answered.lock().unwrap().push((Instant::now(), value - AHEAD as u64));
    }
}

/// The value of each writer's keys, which must all have one.
fn read(dir: &Path, workers: &str) -> Vec<u64> {
    let program = launch(dir, &options(workers)).start().unwrap();
    let mut client = program.connect().unwrap();
    let value_of = |writer: usize| {
        let keys = keys(writer);
        let words: Vec<&str> = std::iter::once("MGET").chain(keys.iter().map(String::as_str)).collect();
        let reply = client.call(&words).unwrap();
        let values: Vec<u64> = reply.items().iter().map(|value| text(value).parse().unwrap()).collect();
        assert!(
            values.iter().all(|value| *value == values[0]),
            "half an MSET of writer {writer}: {values:?}"
        );
        values[0]
    };
    (0..WRITERS).map(value_of).collect()
}

#[test]
fn many_shards_lose_no_more_than_few() {
    let home = TempDir::new().unwrap();
    let dir = home.path().join("data");
    let mut program = launch(&dir, &options(WORKERS)).start().unwrap();
    let answered: [Mutex<Vec<(Instant, u64)>>; WRITERS] = std::array::from_fn(|_| Mutex::default());
    let connections: Vec<_> = (0..WRITERS).map(|_| program.connect().unwrap()).collect();
    let killed = thread::scope(|scope| {
        for ((writer, connection), answered) in connections.into_iter().enumerate().zip(&answered) {
            scope.spawn(move || write(connection, writer, answered));
        }
        thread::sleep(Duration::from_millis(3500));
        let killed = Instant::now();
        program.kill().unwrap();
        killed
    });
    let found = read(&dir, WORKERS);
    assert_eq!(read(&dir, "1"), found, "it depends on who reads the log");
    for ((writer, value), answered) in found.into_iter().enumerate().zip(answered) {
        let answered = answered.into_inner().unwrap();
        assert!(!answered.is_empty(), "writer {writer} has written nothing");
        let lost = answered.iter().find(|(_, answer)| *answer > value);
        let age = lost.map_or(Duration::ZERO, |(at, _)| killed.saturating_duration_since(*at));
        println!("writer {writer}: {value} of {}, {age:?} lost", answered.len());
        assert!(
            age <= LOST_MAX,
            "writer {writer}: {value} is there, and {lost:?} was answered {age:?} before"
        );
    }
}
