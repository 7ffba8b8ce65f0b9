//! What others wait for while aggregates run: clients that ask for one value every millisecond.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::super::client::Client;
use super::super::process::Server;
use super::super::statistics::quantile;
use super::documents::call;

/// Requests that are measured, at full scale; fewer if they take too long.
const REQUESTS: f64 = 3000.0;

/// Requests are sent for so long at most.
const DURATION_MAX: Duration = Duration::from_secs(8);

/// Time between two requests.
const PERIOD: Duration = Duration::from_millis(1);

/// Prints a row: the 99th percentile of GET, and of GET beside `command`, which another client asks for again and again.
pub(super) fn report(server: &Server, scale: f64, command: &str) -> anyhow::Result<()> {
    call(&mut Client::connect(server.address())?, "SET probe value")?;
    let quiet = latencies_us(server.address(), scale, None)?;
    let beside = latencies_us(server.address(), scale, Some(command))?;
    let [quiet, beside] =
        [quiet, beside].map(|latencies| [quantile(&latencies, 0.5), quantile(&latencies, 0.99)]);
    println!("| {} | {} | {} | {} | {} | ≤ 2000 |", server.name, quiet[0], quiet[1], beside[0], beside[1]);
    Ok(())
}

/// The latencies of GET, in ascending order.
fn latencies_us(address: SocketAddr, scale: f64, command: Option<&str>) -> anyhow::Result<Vec<u64>> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let other = command.map(|command| scope.spawn(|| ask_again_and_again(address, command, &is_over)));
        let result = get(address, scale);
        is_over.store(true, Ordering::Relaxed);
        other.map(|other| other.join().expect("the client does not panic")).transpose()?;
        let mut latencies = result?;
        latencies.sort_unstable();
        Ok(latencies)
    })
}

fn get(address: SocketAddr, scale: f64) -> anyhow::Result<Vec<u64>> {
    let mut client = Client::connect(address)?;
    let (mut latencies, mut next) = (Vec::new(), Instant::now());
    let end = next + DURATION_MAX;
    for _ in 0..super::count(REQUESTS, scale) {
        if next > end {
            break;
        }
        next = (next + PERIOD).max(Instant::now());
        thread::sleep(next.saturating_duration_since(Instant::now()));
        let begun = Instant::now();
        client.call(&[b"GET", b"probe"])?;
        latencies.push(u64::try_from(begun.elapsed().as_micros())?);
    }
    Ok(latencies)
}

fn ask_again_and_again(address: SocketAddr, command: &str, is_over: &AtomicBool) -> anyhow::Result<()> {
    let mut client = Client::connect(address)?;
    while !is_over.load(Ordering::Relaxed) {
        call(&mut client, command)?;
    }
    Ok(())
}
