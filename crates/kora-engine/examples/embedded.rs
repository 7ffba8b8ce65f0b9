//! The engine inside a process, without a socket: four shards, a few commands on keys of all of them.
//!
//! `cargo run --package kora-engine --example embedded`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::{SystemTime, UNIX_EPOCH};

use kora_core::db::DbIndex;
use kora_core::reply::Value;
use kora_core::time::UnixMs;
use kora_engine::embedded::{Embedded, EmbeddedOptions};

/// The engine has no clock of its own.
fn clock() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn start() -> std::io::Result<Embedded> {
    Embedded::start(EmbeddedOptions::new(4, 1, clock))
}

fn show(command: &[&[u8]], reply: &Value) {
    let words: Vec<_> = command.iter().map(|word| String::from_utf8_lossy(word)).collect();
    println!("{} => {reply:?}", words.join(" "));
}

fn main() -> std::io::Result<()> {
    let engine = start()?;

    // The keys live on several shards; the command is atomic all the same.
    let set: &[&[u8]] = &[b"MSET", b"one", b"1", b"two", b"2", b"three", b"3"];
    show(set, &engine.command(set));
    let rename: &[&[u8]] = &[b"RENAME", b"two", b"zwei"];
    show(rename, &engine.command(rename));

    // Several commands in one call take effect in this order, together where their keys are independent.
    let commands: &[&[&[u8]]] =
        &[&[b"INCR", b"three"], &[b"SET", b"soon", b"gone", b"PX", b"60000"], &[b"MGET", b"three", b"zwei"]];
    for (command, reply) in commands.iter().zip(engine.pipeline(DbIndex(0), commands)) {
        show(command, &reply);
    }

    // Errors are replies too.
    let wrong: &[&[u8]] = &[b"INCR", b"soon"];
    show(wrong, &engine.command(wrong));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_runs() {
        main().unwrap();
    }

    #[test]
    fn commands_across_shards_answer() {
        let engine = start().unwrap();
        assert_eq!(engine.command(&[b"MSET", b"one", b"1", b"two", b"2"]), Value::Simple("OK".into()));
        assert_eq!(engine.command(&[b"RENAME", b"two", b"zwei"]), Value::Simple("OK".into()));
        let values = engine.command(&[b"MGET", b"one", b"two", b"zwei"]);
        let bulk = |text: &str| Value::Bulk(text.into());
        assert_eq!(values, Value::Array(vec![bulk("1"), Value::Null, bulk("2")]));
    }
}
