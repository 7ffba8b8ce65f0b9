//! What documents cost to set and to index, in CPU time and in memory.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use kora_protocol::Frame;

use super::super::client::Client;
use super::super::process::Server;
use super::super::rounds::interleave;
use super::documents::{CREATE, Document, call, set};

/// How long a server gets to do in the background what it has put off.
const SETTLE: Duration = Duration::from_millis(1200);

/// Documents that are set before memory is measured.
const WARM_UP: usize = 1000;

/// How often an index that is being built is looked at.
const POLL: Duration = Duration::from_millis(20);

/// What one server spent.
#[derive(Default)]
pub(super) struct Cost {
    /// CPU time for each document, by round.
    pub(super) set_us: Vec<f64>,
    /// Documents per second.
    pub(super) rate: Vec<f64>,
    /// Bytes for each document: resident memory, and what the server counts as used.
    pub(super) resident: f64,
    pub(super) used: f64,
}

/// Sets all documents in each round, in a database that is empty but for the index, if there is to be one.
pub(super) fn measure(
    rounds: usize,
    servers: &[Server],
    documents: &[Document],
    is_indexed: bool,
) -> anyhow::Result<Vec<Cost>> {
    let mut costs: Vec<Cost> = servers.iter().map(|_| Cost::default()).collect();
    interleave(rounds, servers.len(), |at, counts| {
        let server = &servers[at];
        let mut client = Client::connect(server.address())?;
        call(&mut client, "FLUSHALL")?;
        if is_indexed {
            create(&mut client)?;
        }
        let memory = if counts {
            None
        } else {
            // A server that has set a few has its own room and code in memory.
            set(&mut client, &documents[..documents.len().min(WARM_UP)])?;
            call(&mut client, "FLUSHALL")?;
            if is_indexed {
                create(&mut client)?;
            }
            Some(memory(server, &mut client)?)
        };
        let (before, begun) = (server.cpu_time()?, Instant::now());
        set(&mut client, documents)?;
        let rate = count(documents) / begun.elapsed().as_secs_f64();
        let seconds = server.cpu_time()?.since(before);
        match memory {
            Some(before) => {
                let after = self::memory(server, &mut client)?;
                costs[at].resident = (after.0 - before.0) / count(documents);
                costs[at].used = (after.1 - before.1) / count(documents);
            }
            None => {
                costs[at].set_us.push(seconds * 1e6 / count(documents));
                costs[at].rate.push(rate);
            }
        }
        Ok(())
    })?;
    Ok(costs)
}

/// CPU time for each document of building an index over those that are there, server by server and round by round.
pub(super) fn build(
    rounds: usize,
    servers: &[Server],
    documents: &[Document],
) -> anyhow::Result<Vec<Vec<f64>>> {
    let mut costs = vec![Vec::new(); servers.len()];
    interleave(rounds, servers.len(), |at, counts| {
        let server = &servers[at];
        let mut client = Client::connect(server.address())?;
        let before = server.cpu_time()?;
        create(&mut client)?;
        while !is_built(&mut client)? {
            std::thread::sleep(POLL);
        }
        if counts {
            costs[at].push(server.cpu_time()?.since(before) * 1e6 / count(documents));
        }
        call(&mut client, "FT.DROPINDEX idx").map(drop)
    })?;
    Ok(costs)
}

/// Declares the index. Some servers keep it when all else goes.
fn create(client: &mut Client) -> anyhow::Result<()> {
    match call(client, CREATE) {
        Err(error) if !error.to_string().contains("Index already exists") => Err(error),
        _ => Ok(()),
    }
}

fn is_built(client: &mut Client) -> anyhow::Result<bool> {
    let Frame::Array(info) = call(client, "FT.INFO idx")? else { bail!("FT.INFO is no list") };
    let place = info.iter().position(|name| is_text(name, b"indexing")).context("FT.INFO has indexing")?;
    let value = info.get(place + 1).context("a value of indexing")?;
    Ok(matches!(value, Frame::Integer(0)) || is_text(value, b"0"))
}

fn is_text(frame: &Frame, text: &[u8]) -> bool {
    matches!(frame, Frame::Bulk(bytes) | Frame::Simple(bytes) if bytes == text)
}

/// Bytes resident, and as the server counts them.
#[expect(clippy::cast_precision_loss, reason = "sizes of this machine's memory need fewer than 52 bits")]
fn memory(server: &Server, client: &mut Client) -> anyhow::Result<(f64, f64)> {
    std::thread::sleep(SETTLE);
    let Frame::Bulk(info) = call(client, "INFO memory")? else { bail!("INFO is no text") };
    let info = String::from_utf8_lossy(&info).into_owned();
    let used = info.lines().find_map(|line| line.strip_prefix("used_memory:")).context("no used_memory")?;
    Ok((server.resident_bytes()? as f64, used.trim().parse()?))
}

#[expect(clippy::cast_precision_loss, reason = "documents of one run")]
fn count(documents: &[Document]) -> f64 {
    documents.len() as f64
}
