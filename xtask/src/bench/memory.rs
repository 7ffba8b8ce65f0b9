//! Bytes of resident memory per key: what a fresh process grows by, divided by the number of keys.

use std::time::Duration;

use super::client::Client;
use super::process::Server;
use super::{Args, Programs};

/// Requests sent before their replies are read.
const BATCH_REQUESTS: usize = 200;

/// How long a server gets to do in the background what it has put off.
const SETTLE: Duration = Duration::from_millis(1200);

/// Values of a shape.
#[derive(Clone, Copy)]
enum Value {
    Text(usize),
    Integer,
}

/// A kind of string keys, all with 16-byte names.
struct Shape {
    name: &'static str,
    keys: usize,
    value: Value,
    has_deadline: bool,
    /// Bytes of key, value and deadline themselves.
    own_bytes: usize,
    goal: f64,
}

const SHAPES: [Shape; 5] = [
    Shape {
        name: "16-byte key, 16-byte value",
        keys: 1_000_000,
        value: Value::Text(16),
        has_deadline: false,
        own_bytes: 32,
        goal: 64.0,
    },
    Shape {
        name: "16-byte key, integer",
        keys: 1_000_000,
        value: Value::Integer,
        has_deadline: false,
        own_bytes: 24,
        goal: 52.0,
    },
    Shape {
        name: "16-byte key, 64-byte value",
        keys: 1_000_000,
        value: Value::Text(64),
        has_deadline: false,
        own_bytes: 80,
        goal: 112.0,
    },
    Shape {
        name: "16-byte key, 1024-byte value",
        keys: 300_000,
        value: Value::Text(1024),
        has_deadline: false,
        own_bytes: 1040,
        goal: 1090.0,
    },
    Shape {
        name: "16-byte key, 16-byte value, deadline",
        keys: 1_000_000,
        value: Value::Text(16),
        has_deadline: true,
        own_bytes: 40,
        goal: 76.0,
    },
];

pub(super) fn run(args: &Args, programs: &Programs) -> anyhow::Result<()> {
    println!(
        "Resident bytes per key.\n\n| shape | keys | user's own | valkey | kora | goal | ratio |\n|---|---|---|---|---|---|---|"
    );
    for shape in SHAPES.iter().filter(|shape| args.wants(shape.name)) {
        let cpu = args.server_cpu.to_string();
        let valkey = bytes_per_key(&Server::valkey(&programs.valkey, &cpu)?, shape)?;
        let kora = bytes_per_key(&Server::kora(&programs.kora, &cpu, 1)?, shape)?;
        println!(
            "| {} | {} | {} | {valkey:.1} | {kora:.1} | ≤ {} | {:.2} |",
            shape.name,
            shape.keys,
            shape.own_bytes,
            shape.goal,
            kora / valkey,
        );
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "sizes of this machine's memory need fewer than 52 bits")]
fn bytes_per_key(server: &Server, shape: &Shape) -> anyhow::Result<f64> {
    let mut client = Client::connect(server.address())?;
    std::thread::sleep(SETTLE);
    let before = server.resident_bytes()?;
    for index in 0..shape.keys {
        let key = format!("key:{index:012}");
        let value = match shape.value {
            Value::Text(length) => "v".repeat(length),
            Value::Integer => (index * 7919).to_string(),
        };
        let args: [&[u8]; 5] = [b"SET", key.as_bytes(), value.as_bytes(), b"EX", b"100000"];
        let args = if shape.has_deadline { &args[..] } else { &args[..3] };
        if client.push(args) == BATCH_REQUESTS {
            client.flush()?;
        }
    }
    client.flush()?;
    std::thread::sleep(SETTLE);
    Ok(server.resident_bytes()?.saturating_sub(before) as f64 / shape.keys as f64)
}
