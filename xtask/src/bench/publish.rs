//! CPU time of PUBLISH, by number of subscribers.
//!
//! The load generators of others do not subscribe, so this is one: a publisher sends a few messages, and the next ones
//! when every subscriber has read them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use kora_protocol::{Encoder, Resp, encode_request};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::client::Client;
use super::latency::pin_to;
use super::process::Server;
use super::statistics::{Spread, median};
use super::{Args, Programs};

/// Bytes of a message.
const MESSAGE_BYTES: usize = 256;

/// Sockets besides those of subscribers.
const OTHER_CLIENTS: usize = 100;

/// One kind of work.
struct Workload {
    subscribers: usize,
    /// Messages sent at once.
    pipeline: usize,
    /// Messages of a round, in all.
    messages: usize,
}

const WORKLOADS: [Workload; 7] = [
    Workload { subscribers: 0, pipeline: 1, messages: 100_000 },
    Workload { subscribers: 0, pipeline: 16, messages: 1_000_000 },
    Workload { subscribers: 1, pipeline: 1, messages: 100_000 },
    Workload { subscribers: 1, pipeline: 16, messages: 500_000 },
    Workload { subscribers: 100, pipeline: 1, messages: 5_000 },
    Workload { subscribers: 100, pipeline: 16, messages: 20_000 },
    Workload { subscribers: 10_000, pipeline: 1, messages: 60 },
];

impl Workload {
    fn name(&self) -> String {
        format!("{} subscribers, pipeline {}", self.subscribers, self.pipeline)
    }
}

/// What one server spent in the rounds that count, per message.
#[derive(Default)]
struct Cost {
    total_us: Vec<f64>,
    user_us: Vec<f64>,
}

/// A publisher and its audience on one server.
struct Audience {
    publisher: Client,
    subscribers: Vec<TcpStream>,
}

pub(super) fn run(args: &Args, programs: &Programs) -> anyhow::Result<()> {
    raise_descriptor_limit()?;
    let one = args.server_cpu.to_string();
    let mut servers = vec![Server::valkey(&programs.valkey, &one)?];
    for &workers in &args.workers {
        let cpus = if workers == 1 { one.clone() } else { super::process::all_cpus() };
        servers.push(Server::kora(&programs.kora, &cpus, workers)?);
    }
    pin_to(args.client_cpu)?;
    println!(
        "CPU time per PUBLISH of {MESSAGE_BYTES} bytes, {} rounds; ratios are medians (least–most).\n\n\
         | workload | server | CPU µs | user µs | CPU ratio | user ratio |\n|---|---|---|---|---|---|",
        args.rounds
    );
    for workload in WORKLOADS.iter().filter(|workload| args.wants(&workload.name())) {
        let costs = measure(workload, &servers, args)?;
        report(workload, &servers, &costs);
    }
    Ok(())
}

/// Lets this process have as many sockets as the system permits.
fn raise_descriptor_limit() -> anyhow::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

fn measure(workload: &Workload, servers: &[Server], args: &Args) -> anyhow::Result<Vec<Cost>> {
    let mut costs: Vec<Cost> = servers.iter().map(|_| Cost::default()).collect();
    let messages = scaled(workload.messages, args.scale).max(workload.pipeline);
    for (at, server) in servers.iter().enumerate() {
        let mut audience = Audience::gather(server, workload)?;
        for round in 0..=args.rounds {
            let before = server.cpu_time()?;
            audience.publish(workload, messages)?;
            let after = server.cpu_time()?;
            if round == 0 {
                continue;
            }
            #[expect(clippy::cast_precision_loss, reason = "messages are far fewer than 2^52")]
            let per_message = |seconds: f64| seconds * 1e6 / messages as f64;
            let user = after.user - before.user;
            costs[at].user_us.push(per_message(user));
            costs[at].total_us.push(per_message(user + after.system - before.system));
        }
    }
    Ok(costs)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share of a count is a count"
)]
fn scaled(count: usize, scale: f64) -> usize {
    (count as f64 * scale) as usize
}

/// A frame that subscribers are sent, in RESP2.
fn frame(kind: &str, last: impl FnOnce(&mut Encoder<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, Resp::V2);
    encoder.push(3);
    encoder.bulk(kind.as_bytes());
    encoder.bulk(b"channel");
    last(&mut encoder);
    bytes
}

impl Audience {
    fn gather(server: &Server, workload: &Workload) -> anyhow::Result<Self> {
        let mut publisher = Client::connect(server.address())?;
        let max = (workload.subscribers + OTHER_CLIENTS).to_string();
        publisher.call(&[b"CONFIG", b"SET", b"maxclients", max.as_bytes()])?;
        let mut request = Vec::new();
        encode_request(&mut request, &["SUBSCRIBE", "channel"]);
        let confirmation = frame("subscribe", |encoder| encoder.integer(1));
        let mut subscribers = Vec::new();
        for _ in 0..workload.subscribers {
            let mut stream = TcpStream::connect(server.address())?;
            stream.write_all(&request)?;
            let mut reply = vec![0; confirmation.len()];
            stream.read_exact(&mut reply)?;
            anyhow::ensure!(reply == confirmation, "no confirmation: {}", reply.escape_ascii());
            subscribers.push(stream);
        }
        Ok(Self { publisher, subscribers })
    }

    fn publish(&mut self, workload: &Workload, messages: usize) -> anyhow::Result<()> {
        let message = [b'm'; MESSAGE_BYTES];
        let expected = frame("message", |encoder| encoder.bulk(&message)).repeat(workload.pipeline);
        let mut received = vec![0; expected.len()];
        for _ in 0..messages / workload.pipeline {
            for _ in 0..workload.pipeline {
                self.publisher.push(&[b"PUBLISH", b"channel", &message]);
            }
            self.publisher.flush()?;
            for subscriber in &mut self.subscribers {
                subscriber.read_exact(&mut received)?;
                anyhow::ensure!(received == expected, "a message is not what was published");
            }
        }
        Ok(())
    }
}

fn report(workload: &Workload, servers: &[Server], costs: &[Cost]) {
    for (at, (server, cost)) in servers.iter().zip(costs).enumerate() {
        let ratios = if at == 0 {
            "| ".to_owned()
        } else {
            let total = Spread::of_ratios(&cost.total_us, &costs[0].total_us);
            let user = Spread::of_ratios(&cost.user_us, &costs[0].user_us);
            format!("{total} | {user}")
        };
        let (total, user) = (median(&cost.total_us), median(&cost.user_us));
        println!("| {} | {} | {total:.2} | {user:.2} | {ratios} |", workload.name(), server.name);
    }
}
