//! `durability`: what survives the end of the real program, and what other servers make of its files.

mod kill;
mod roundtrip;

use clap::Subcommand;

/// Options of `durability`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    proof: Proof,
}

#[derive(Subcommand)]
enum Proof {
    /// End servers under load again and again, and hold what is found after against what was acknowledged
    Kill(kill::Args),
    /// Carry data sets of every type and encoding from server to server, by file and by DUMP
    Roundtrip(roundtrip::Args),
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    match &args.proof {
        Proof::Kill(args) => kill::run(args),
        Proof::Roundtrip(args) => roundtrip::run(args),
    }
}
