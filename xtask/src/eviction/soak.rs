//! A long run at the limit with all types: memory must stay flat.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;
use kora_core::hash::splitmix64;
use kora_testkit::process::Server;

use super::client::Client;
use super::{info, ratio, resident_bytes, start_kora};

/// The limit.
const LIMIT_BYTES: u64 = 128 << 20;

/// Connections.
const CLIENTS: u64 = 4;

/// Requests sent before their replies are read.
const BATCH: usize = 32;

/// Keys of each type.
const KEYS: u64 = 200_000;

/// Reports of a run.
const REPORTS: u32 = 20;

/// Resident memory at the end may be so much more than after the first quarter.
const GROWTH_MAX: f64 = 1.05;

pub(super) fn run(kora: &Path, seconds: u64) -> anyhow::Result<()> {
    let server = start_kora(kora, 4)?;
    let mut client = Client::connect(&server.address())?;
    client.configure(&["maxmemory-policy", "allkeys-lfu", "maxmemory", &LIMIT_BYTES.to_string()])?;
    let address = &server.address();
    let begun = Instant::now();
    let length = Duration::from_secs(seconds);
    println!("| second | in use, MB | resident, MB | evicted keys | keys |\n|---|---|---|---|---|");
    let residents = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..CLIENTS).map(|seed| scope.spawn(move || work(address, seed, begun, length))).collect();
        let residents = watch(&server, &mut client, begun, length)?;
        workers.into_iter().try_for_each(|worker| worker.join().expect("a client does not panic"))?;
        anyhow::Ok(residents)
    })?;
    let peak = info(&mut client, "used_memory_peak")?;
    let over = 100.0 * (ratio(peak, LIMIT_BYTES) - 1.0);
    let quarter = residents[residents.len() / 4];
    let last = residents[residents.len() - 1];
    println!("\nOver the limit at most {over:.2} %; resident memory grew by {:.3}.", ratio(last, quarter));
    ensure!(ratio(last, quarter) < GROWTH_MAX, "memory grew");
    ensure!(over < 2.0, "the limit was exceeded");
    Ok(())
}

fn watch(server: &Server, client: &mut Client, begun: Instant, length: Duration) -> anyhow::Result<Vec<u64>> {
    let mut residents = Vec::new();
    for report in 1..=REPORTS {
        std::thread::sleep((length * report / REPORTS).saturating_sub(begun.elapsed()));
        let resident = resident_bytes(server)?;
        residents.push(resident);
        println!(
            "| {} | {:.1} | {:.1} | {} | {} |",
            begun.elapsed().as_secs(),
            ratio(info(client, "used_memory")?, 1 << 20),
            ratio(resident, 1 << 20),
            info(client, "evicted_keys")?,
            client.integer(&["DBSIZE"])?,
        );
    }
    Ok(residents)
}

/// Sends requests of all types until the time is over.
fn work(address: &str, seed: u64, begun: Instant, length: Duration) -> anyhow::Result<()> {
    let mut client = Client::connect(address)?;
    let mut state = seed;
    while begun.elapsed() < length {
        for _ in 0..BATCH {
            client.push(&request(&mut || splitmix64(&mut state)));
        }
        client.flush()?;
    }
    Ok(())
}

/// Some request that adds something, or takes something away.
fn request(random: &mut dyn FnMut() -> u64) -> Vec<String> {
    let key = random() % KEYS;
    let value = "v".repeat(usize::try_from(random() % 200).expect("below 200"));
    let some = random() % 1000;
    let text = match random() % 16 {
        0 | 1 => format!("SET s:{key} {value}."),
        2 => format!("SET s:{key} {value}. PX {some}"),
        3 => format!("APPEND s:{key} {value}."),
        4 => format!("GET s:{key}"),
        5 => format!("RPUSH l:{key} {value}. {some}"),
        6 => format!("LPOP l:{key}"),
        7 | 8 => format!("HSET h:{key} f{some} {value}."),
        9 => format!("SADD t:{key} {some} m{some}"),
        10 => format!("SPOP t:{key}"),
        11 => format!("ZADD z:{key} {some} m{some}"),
        12 => format!("ZREMRANGEBYRANK z:{key} 0 0"),
        13 => format!("XADD x:{} MAXLEN ~ 1000 * field {value}.", key % 1000),
        14 => format!("PFADD p:{key} {some}"),
        _ => format!("UNLINK s:{key}"),
    };
    text.split(' ').map(str::to_owned).collect()
}
