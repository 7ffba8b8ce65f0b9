//! `asan`: runs the tests of the core and of the vector index under AddressSanitizer, for their modules with unsafe code.
//!
//! The sanitizer is an option of the compiler that stable releases keep locked; the variable below unlocks it. Only these
//! crates are built so: the allocator that the server brings would hide what the sanitizer looks for.

use std::process::Command;

use anyhow::ensure;

/// A folder of its own: the option would make cargo build everything else again, too.
const TARGET_DIR: &str = "target/asan";

/// Options of `asan`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only tests whose name contains one of these; all tests if none is given
    only: Vec<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let host = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let status = Command::new(env!("CARGO"))
        // With a target named, build scripts and macros are built without the sanitizer.
        .args(["test", "--package", "kora-core", "--package", "kora-hnsw", "--lib", "--target", &host, "--"])
        .args(&args.only)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address")
        .env("CARGO_TARGET_DIR", TARGET_DIR)
        .status()?;
    ensure!(status.success(), "AddressSanitizer found an error, or a test failed");
    Ok(())
}
