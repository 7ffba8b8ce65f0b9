//! `history`: clients at work on a real server at the same time; is what they saw explained by one order?
//!
//! For long runs build optimised: `cargo run --release --package xtask -- history --operations 10000000`.

use std::time::Instant;

use anyhow::bail;
use kora_server::Server;
use kora_server::config::command_line::{Invocation, read};
use kora_testkit::caching;
use kora_testkit::history::{Options, check};
use kora_testkit::process::free_port;

/// Options of `history`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many commands for each number of workers
    #[arg(long, default_value_t = 1_000_000)]
    operations: u64,
    /// How many workers; may be repeated
    #[arg(long, default_values_t = [4])]
    workers: Vec<u16>,
    /// How many clients at a time
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Decides what the clients send; not when
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Check clients that keep copies of what they read instead
    #[arg(long)]
    caching: bool,
    /// With `--caching`: no client hears of prefixes. Redis tells those behind replies that may show later writes
    #[arg(long)]
    no_broadcast: bool,
    /// Check this running server, whose data is lost, instead of one of our own
    #[arg(long)]
    address: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(address) = &args.address {
        return report(address, address, args);
    }
    for workers in &args.workers {
        let server = start(*workers)?;
        report(&server.addresses()[0].to_string(), &format!("{workers} workers"), args)?;
    }
    Ok(())
}

fn start(workers: u16) -> anyhow::Result<Server> {
    let (port, workers) = (free_port()?.to_string(), workers.to_string());
    let options =
        ["--port", &port, "--bind", "127.0.0.1", "--workers", &workers, "--gather-connections", "no"];
    let Invocation::Run(loaded) = read(&options, &mut std::io::empty())? else {
        bail!("the options ask for something else than a server");
    };
    Ok(Server::start(loaded.config, None)?)
}

fn report(address: &str, name: &str, args: &Args) -> anyhow::Result<()> {
    if args.caching {
        return report_caching(address, name, args);
    }
    let options = Options { command_count: args.operations, client_count: args.clients, seed: args.seed };
    let started = Instant::now();
    let command_count = check(address, &options)?;
    println!("{name}: {command_count} commands in {:.1} s, no anomaly", started.elapsed().as_secs_f64());
    Ok(())
}

fn report_caching(address: &str, name: &str, args: &Args) -> anyhow::Result<()> {
    let options = caching::Options {
        request_count: args.operations,
        client_count: args.clients,
        broadcasts: !args.no_broadcast,
        seed: args.seed,
    };
    let started = Instant::now();
    let done = caching::check_server(address, &options)?;
    println!(
        "{name}: {} requests in {:.1} s, {} notices, {} copies looked at, none too old",
        done.requests,
        started.elapsed().as_secs_f64(),
        done.notices,
        done.copies
    );
    Ok(())
}
