//! Clients of a real server at work at the same time, and whether one sequential order explains what they saw.
//!
//! Appends and reads of growing lists, and of numbers that indexes are asked for, are noted with the times at which they were sent and answered, and checked as a whole:
//! [`lists`]. Everything else has an invariant that is checked at once: [`client`]. The work goes in rounds, each on an
//! empty server, so that what has to be kept stays small.
//!
//! It speaks to any server of Redis's protocol; a server that is known to be right shows that the checker is.

mod client;
mod graph;
mod lists;
mod queues;
mod rows;
mod scripts;
mod transactions;
mod unique;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use crate::simulation::random::Random;
use crate::target::tcp::TcpTarget;
use client::{Client, nanoseconds_since};
use queues::Queues;
use transactions::Registers;
use unique::Holds;

/// Commands of each client in one round.
const ROUND_COMMANDS: u64 = 3000;

/// What is run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Commands in all, at least.
    pub command_count: u64,
    /// Clients at a time.
    pub client_count: usize,
    /// Decides what the clients send; not when.
    pub seed: u64,
}

/// Something that no sequential order explains.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Anomaly(pub(crate) String);

/// What the clients of a round share.
#[derive(Debug)]
struct Shared {
    start: Instant,
    next_element: AtomicU64,
    has_failed: AtomicBool,
}

impl Shared {
    /// The time, for the order of events.
    fn now(&self) -> u64 {
        nanoseconds_since(self.start)
    }

    /// Number of appends planned so far.
    fn appends(&self) -> u64 {
        self.next_element.load(Ordering::Relaxed)
    }

    fn next_element(&self) -> u64 {
        self.next_element.fetch_add(1, Ordering::Relaxed)
    }
}

/// Runs clients against the server at `address`, whose data is lost. Returns the number of commands checked.
///
/// # Errors
/// At the first anomaly, or when a connection fails.
pub fn check(address: &str, options: &Options) -> Result<u64, Anomaly> {
    let mut command_count = 0;
    let mut round = 0;
    while command_count < options.command_count {
        command_count += check_round(address, options.client_count, options.seed.wrapping_add(round))?;
        round += 1;
    }
    Ok(command_count)
}

fn check_round(address: &str, client_count: usize, seed: u64) -> Result<u64, Anomaly> {
    let shared =
        Shared { start: Instant::now(), next_element: AtomicU64::new(0), has_failed: AtomicBool::new(false) };
    let mut seeds = Random::new(seed);
    let mut connect = |process: usize| {
        let connection = TcpTarget::new(address).and_then(|target| target.open());
        let connection = connection.map_err(|error| Anomaly(format!("no connection: {error}")))?;
        Ok::<_, Anomaly>(Client {
            process,
            process_count: client_count,
            connection,
            random: Random::new(seeds.bits()),
            shared: &shared,
            events: Vec::new(),
            version: 0,
            command_count: 0,
            queues: Queues::default(),
            registers: Registers::default(),
            holds: Holds::default(),
        })
    };
    let mut reader = connect(client_count)?;
    reader.prepare()?;
    let clients = (0..client_count).map(&mut connect).collect::<Result<Vec<_>, _>>()?;
    let outcomes: Vec<Result<Client<'_>, Anomaly>> = thread::scope(|scope| {
        let threads: Vec<_> = clients.into_iter().map(|client| scope.spawn(|| run(client))).collect();
        threads.into_iter().map(|thread| thread.join().expect("clients do not panic")).collect()
    });
    let mut events = Vec::new();
    let (mut all_queues, mut all_holds) = (Vec::new(), Vec::new());
    let mut registers = Registers::default();
    let mut command_count = 0;
    for outcome in outcomes {
        let mut client = outcome?;
        events.append(&mut client.events);
        command_count += client.command_count;
        all_queues.push(client.queues);
        all_holds.push(client.holds);
        registers.add(&client.registers);
    }
    reader.read_lists()?;
    reader.read_rows()?;
    reader.read_queues()?;
    reader.check_registers(&registers)?;
    events.append(&mut reader.events);
    lists::check(&events).map_err(Anomaly)?;
    all_queues.push(reader.queues);
    queues::check(all_queues.iter())?;
    unique::check(all_holds.iter())?;
    Ok(command_count + reader.command_count)
}

/// One client's part of a round.
fn run(mut client: Client<'_>) -> Result<Client<'_>, Anomaly> {
    while client.command_count < ROUND_COMMANDS && !client.shared.has_failed.load(Ordering::Relaxed) {
        if let Err(anomaly) = client.step() {
            client.shared.has_failed.store(true, Ordering::Relaxed);
            return Err(anomaly);
        }
    }
    Ok(client)
}
