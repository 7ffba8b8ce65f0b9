//! Chores of the workspace: `cargo xtask` lists them.
#![expect(clippy::print_stdout, reason = "chores talk to the terminal")]

mod asan;
mod bench;
mod ci;
mod clients;
mod conformance;
mod crash;
mod differential;
mod docs;
mod durability;
mod eviction;
mod fuzz;
mod history;
mod loom;
mod man;
mod package;
mod plot;
mod program;
mod record;
mod robust;
mod rule;
mod seeds;
mod sim;
mod soak;
mod tidy;

use clap::{Parser, Subcommand};

/// Chores of the Kora workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", arg_required_else_help = true)]
struct Xtask {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run the core's tests under AddressSanitizer
    Asan(asan::Args),
    /// Measure CPU per operation, memory, latency and pauses against Valkey
    Bench(bench::Args),
    /// Run client libraries of other languages against the server
    Clients(clients::Args),
    /// Run what continuous integration runs
    Ci,
    /// Replay all transcripts against the real servers, and against a running Kora
    Conformance(conformance::Args),
    /// Crash the storage on a simulated disk, at places and with faults drawn from seeds
    Crash(crash::Args),
    /// Send the same random commands to Kora and to a real server, and compare replies and final state
    Differential(differential::Args),
    /// Write the pages on commands and directives, and the stock configurations, from their declarations
    Docs,
    /// End servers under load and read what survived; carry data to real servers and back
    Durability(durability::Args),
    /// Measure eviction: hit ratios beside Redis, how well the limit is kept, what it costs
    Eviction(eviction::Args),
    /// Run the fuzz bodies of the codec and of stored values on generated inputs
    Fuzz(fuzz::Args),
    /// Check what clients of a real server see at the same time: is it explained by one order?
    History(history::Args),
    /// Check how workers sleep and are woken under every order of memory accesses
    Loom,
    /// Write the manual's pages of the server and its configuration
    Man(man::Args),
    /// Make the Debian package, and look at it
    Package(package::Args),
    /// Draw a file of measured figures
    Plot(plot::Args),
    /// Record the transcripts' replies from the real servers
    Record(record::Args),
    /// Run the robustness tests at full size
    Robust(robust::Args),
    /// Simulate shards and clients under schedules drawn from seeds
    Sim(sim::Args),
    /// Run the server that users run under mixed load, with kills, full disks, endless scripts and restarts
    Soak(soak::Args),
    /// Check habits that the compiler does not
    Tidy {
        /// Only print which modules use which, as docs/arrows.txt has it
        #[arg(long)]
        arrows: bool,
    },
}

fn main() -> anyhow::Result<()> {
    match Xtask::parse().chore {
        Chore::Asan(args) => asan::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Clients(args) => clients::run(&args),
        Chore::Ci => ci::run(),
        Chore::Conformance(args) => conformance::run(&args),
        Chore::Crash(args) => crash::run(&args),
        Chore::Differential(args) => differential::run(&args),
        Chore::Docs => docs::write(),
        Chore::Durability(args) => durability::run(&args),
        Chore::Eviction(args) => eviction::run(&args),
        Chore::Fuzz(args) => fuzz::run(&args),
        Chore::History(args) => history::run(&args),
        Chore::Loom => loom::run(),
        Chore::Man(args) => man::run(&args),
        Chore::Package(args) => package::run(&args),
        Chore::Plot(args) => plot::run(&args),
        Chore::Record(args) => record::run(&args),
        Chore::Robust(args) => robust::run(&args),
        Chore::Sim(args) => sim::run(&args),
        Chore::Soak(args) => soak::run(&args),
        Chore::Tidy { arrows: true } => tidy::arrows::print(),
        Chore::Tidy { arrows: false } => tidy::run(),
    }
}
