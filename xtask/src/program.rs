//! Where the programs are that chores measure and test.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Builds the server as users do, and says where it is.
pub(crate) fn build_kora() -> anyhow::Result<PathBuf> {
    let status =
        Command::new(env!("CARGO")).args(["build", "--release", "--package", "kora-server"]).status()?;
    ensure!(status.success(), "kora-server does not build");
    Ok(target_dir()?.join("release/kora-server"))
}

/// Builds the server as users do, but for assertions of the order of locks, and says where it is.
pub(crate) fn build_kora_with_lock_order() -> anyhow::Result<PathBuf> {
    let dir = target_dir()?.join("lock-order");
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--release",
            "--package",
            "kora-server",
            "--features",
            "assert-lock-order",
            "--target-dir",
        ])
        .arg(&dir)
        .status()?;
    ensure!(status.success(), "kora-server does not build");
    Ok(dir.join("release/kora-server"))
}

/// The folder of built things: this program lies in it.
pub(crate) fn target_dir() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.ancestors().nth(2).context("this program lies in target/<profile>")?.to_owned())
}
