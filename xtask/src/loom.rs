//! `loom`: checks the protocols by which workers sleep and are woken, waits end, and shards are put back, under every order of their
//! memory accesses.

use std::process::Command;

use anyhow::ensure;

/// A folder of its own: the flag would make cargo build everything else again, too.
const TARGET_DIR: &str = "target/loom";

pub(crate) fn run() -> anyhow::Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(["test", "--package", "kora-core", "--lib", "--release", "--", "parking", "claim", "rest"])
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_TARGET_DIR", TARGET_DIR)
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .status()?;
    ensure!(status.success(), "loom found an order of accesses that breaks a protocol");
    Ok(())
}
