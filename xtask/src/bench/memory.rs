//! Bytes of resident memory per key, or per element of a large one: what a fresh process grows by, divided by their number.

use std::time::Duration;

use super::client::Client;
use super::process::Server;
use super::{Args, Programs};

/// Requests sent before their replies are read.
const BATCH_REQUESTS: usize = 200;

/// How long a server gets to do in the background what it has put off.
const SETTLE: Duration = Duration::from_millis(1200);

/// A kind of data.
struct Shape {
    name: &'static str,
    /// Requests that make it.
    requests: usize,
    /// Request number so and so.
    request: fn(usize) -> Request,
    /// Keys, or the elements of one, that the figures are divided by.
    elements: usize,
    /// Bytes of names, values and deadlines themselves, per element.
    own_bytes: usize,
    goal: f64,
}

/// A command line.
type Request = Vec<Vec<u8>>;

const fn shape(
    name: &'static str,
    (requests, elements): (usize, usize),
    own_bytes: usize,
    goal: f64,
    request: fn(usize) -> Request,
) -> Shape {
    Shape { name, requests, request, elements, own_bytes, goal }
}

/// So many keys, each made by one request.
const fn keys(count: usize) -> (usize, usize) {
    (count, count)
}

const SHAPES: &[Shape] = &[
    shape("string: 16-byte key, 16-byte value", keys(1_000_000), 32, 64.0, |at| string(at, 16)),
    shape("string: 16-byte key, integer", keys(1_000_000), 24, 52.0, |at| {
        words(&["SET", &name("key:", at), &(at * 7919).to_string()])
    }),
    shape("string: 16-byte key, 64-byte value", keys(1_000_000), 80, 112.0, |at| string(at, 64)),
    shape("string: 16-byte key, 1024-byte value", keys(300_000), 1040, 1090.0, |at| string(at, 1024)),
    shape("string: 16-byte key, 16-byte value, deadline", keys(1_000_000), 40, 76.0, |at| {
        [string(at, 16), words(&["EX", "100000"])].concat()
    }),
    shape("hash: 10 fields of 8 + 20 bytes", keys(100_000), 296, 380.0, |at| {
        let fields = (0..10).flat_map(|field| words(&[&format!("field:{field:02}"), &"v".repeat(20)]));
        words(&["HSET", &name("h:", at)]).into_iter().chain(fields).collect()
    }),
    shape("hash: 1000 fields of 16 + 20 bytes, per field", (10_000, 1_000_000), 36, 68.0, |at| {
        let first = at % 10 * 100;
        let fields = (first..first + 100).flat_map(|field| words(&[&name("f:", field), &"v".repeat(20)]));
        words(&["HSET", &name("h:", at / 10)]).into_iter().chain(fields).collect()
    }),
    shape("list: 20 elements of 16 bytes", keys(100_000), 336, 420.0, |at| {
        let elements = (0..20).flat_map(|_| words(&[&"v".repeat(16)]));
        words(&["RPUSH", &name("l:", at)]).into_iter().chain(elements).collect()
    }),
    shape("list: 1 M elements of 16 bytes, per element", (10_000, 1_000_000), 16, 18.8, |at| {
        batch(&["RPUSH", "biglist"], at, |element| words(&[&name("e:", element)]))
    }),
    shape("set: 20 small integers", keys(100_000), 96, 110.0, |at| {
        let members = (at..at + 20).flat_map(|member| words(&[&member.to_string()]));
        words(&["SADD", &name("s:", at)]).into_iter().chain(members).collect()
    }),
    shape("set: 1 M members of 16 bytes, per member", (10_000, 1_000_000), 16, 38.0, |at| {
        batch(&["SADD", "bigset"], at, |member| words(&[&name("m:", member)]))
    }),
    shape("sorted set: 10 members of 16 + 8 bytes", keys(100_000), 256, 270.0, |at| {
        let members = (0..10).flat_map(|member| words(&[&score(member), &name("m:", member)]));
        words(&["ZADD", &name("z:", at)]).into_iter().chain(members).collect()
    }),
    shape("sorted set: 1 M members of 16 + 8 bytes, per member", (10_000, 1_000_000), 24, 64.0, |at| {
        batch(&["ZADD", "bigz"], at, |member| words(&[&score(member), &name("m:", member)]))
    }),
    shape("stream: 1000 entries of one 20-byte field, per entry", keys(1_000_000), 48, 33.0, |at| {
        words(&["XADD", &name("x:", at / 1000), "*", "field", &"v".repeat(20)])
    }),
];

/// A 16-byte name.
fn name(prefix: &str, number: usize) -> String {
    format!("{prefix}{number:0width$}", width = 16 - prefix.len())
}

/// Halves, every second of which is no integer.
fn score(number: usize) -> String {
    format!("{}{}", number * 3 / 2, if number % 2 == 1 { ".5" } else { "" })
}

fn words(words: &[&str]) -> Request {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

fn string(at: usize, value_bytes: usize) -> Request {
    words(&["SET", &name("key:", at), &"v".repeat(value_bytes)])
}

/// A command with the elements of batch number `at`, 100 each.
fn batch(command: &[&str], at: usize, element: fn(usize) -> Request) -> Request {
    words(command).into_iter().chain((at * 100..at * 100 + 100).flat_map(element)).collect()
}

pub(super) fn run(args: &Args, programs: &Programs) -> anyhow::Result<()> {
    println!(
        "Resident bytes per key or element.\n\n| shape | number | user's own | valkey | kora | goal | ratio |\n|---|---|---|---|---|---|---|"
    );
    for shape in SHAPES.iter().filter(|shape| args.wants(shape.name)) {
        let cpu = args.server_cpu.to_string();
        let valkey = bytes_per_element(&Server::valkey(&programs.valkey, &cpu)?, shape)?;
        let kora = bytes_per_element(&Server::kora(&programs.kora, &cpu, 1)?, shape)?;
        println!(
            "| {} | {} | {} | {valkey:.1} | {kora:.1} | ≤ {} | {:.2} |",
            shape.name,
            shape.elements,
            shape.own_bytes,
            shape.goal,
            kora / valkey,
        );
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "sizes of this machine's memory need fewer than 52 bits")]
fn bytes_per_element(server: &Server, shape: &Shape) -> anyhow::Result<f64> {
    let mut client = Client::connect(server.address())?;
    std::thread::sleep(SETTLE);
    let before = server.resident_bytes()?;
    for at in 0..shape.requests {
        let request = (shape.request)(at);
        if client.push(&request.iter().map(Vec::as_slice).collect::<Vec<_>>()) == BATCH_REQUESTS {
            client.flush()?;
        }
    }
    client.flush()?;
    std::thread::sleep(SETTLE);
    Ok(server.resident_bytes()?.saturating_sub(before) as f64 / shape.elements as f64)
}
