//! `robust`: the robustness tests at full size, one after another, against an optimised server.

use std::process::Command;

use anyhow::ensure;

/// Options of `robust`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only tests whose name contains this
    #[arg(default_value = "")]
    only: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(["test", "--release", "--package", "kora-server", "--test", "robust", &args.only])
        .args(["--", "--test-threads=1", "--nocapture"])
        .env("KORA_ROBUST", "full")
        .status()?;
    ensure!(status.success(), "the server is not robust");
    Ok(())
}
