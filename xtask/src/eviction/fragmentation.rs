//! How much memory is lost between values, under work that is unkind to an allocator: values of one size are set, most
//! of them deleted here and there, and then values of another size set in their place.

use std::path::Path;
use std::time::Duration;

use kora_core::hash::splitmix64;
use kora_testkit::process::Server;

use super::client::Client;
use super::{info, ratio, resident_bytes, start_kora};

/// Keys set at first.
const KEYS: u64 = 1_000_000;

/// One of so many keys stays.
const KEPT_ONE_IN: u64 = 5;

/// Lengths of the first values and of those that come in their place.
const FIRST_BYTES: usize = 100;
const SECOND_BYTES: usize = 230;

/// Requests sent before their replies are read.
const BATCH: u64 = 500;

/// An allocator gives pages back that were not used for ten seconds.
const DECAY: Duration = Duration::from_secs(12);

pub(super) fn run(reference: Option<&Path>, kora: &Path) -> anyhow::Result<()> {
    println!(
        "\nFragmentation: {KEYS} values of {FIRST_BYTES} bytes, 4 in {KEPT_ONE_IN} deleted at random, others of {SECOND_BYTES} set.\n"
    );
    println!("| server | moment | in use, MB | resident, MB | ratio |\n|---|---|---|---|---|");
    if let Some(reference) = reference {
        measure("redis", &Server::start(reference, &[""; 0])?)?;
    }
    measure("kora, 1 worker", &start_kora(kora, 1)?)?;
    measure("kora, 4 workers", &start_kora(kora, 4)?)
}

fn measure(name: &str, server: &Server) -> anyhow::Result<()> {
    let mut client = Client::connect(&server.address())?;
    set(&mut client, 0..KEYS, FIRST_BYTES)?;
    let full = report(name, "full", server, &mut client)?;
    let mut state = 1;
    for first in (0..KEYS).step_by(usize::try_from(BATCH)?) {
        for key in first..first + BATCH {
            if !splitmix64(&mut state).is_multiple_of(KEPT_ONE_IN) {
                client.push(&["DEL", &format!("key:{key:012}")]);
            }
        }
        client.flush()?;
    }
    report(name, "after the deletions", server, &mut client)?;
    let mut next = KEYS;
    while info(&mut client, "used_memory")? < full {
        set(&mut client, next..next + 10 * BATCH, SECOND_BYTES)?;
        next += 10 * BATCH;
    }
    report(name, "full of both sizes", server, &mut client)?;
    Ok(())
}

fn set(client: &mut Client, keys: std::ops::Range<u64>, bytes: usize) -> anyhow::Result<()> {
    let value = vec![b'v'; bytes];
    for first in keys.clone().step_by(usize::try_from(BATCH)?) {
        for key in first..(first + BATCH).min(keys.end) {
            client.push(&[b"SET", format!("key:{key:012}").as_bytes(), &value]);
        }
        client.flush()?;
    }
    Ok(())
}

/// Returns the bytes in use.
fn report(name: &str, moment: &str, server: &Server, client: &mut Client) -> anyhow::Result<u64> {
    std::thread::sleep(DECAY);
    let (used, resident) = (info(client, "used_memory")?, resident_bytes(server)?);
    println!(
        "| {name} | {moment} | {:.1} | {:.1} | {:.2} |",
        ratio(used, 1 << 20),
        ratio(resident, 1 << 20),
        ratio(resident, used),
    );
    Ok(used)
}
