//! `cargo xtask man DIR`: writes the manual's pages.

use std::path::{Path, PathBuf};

use anyhow::Context;
use kora_server::config::manual::roff;

/// Where to.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder for kora-server.1 and kora.conf.5; `kora-cli --generate-man` prints the client's page
    dir: PathBuf,
}

/// Writes them.
pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    write(&args.dir)
}

/// Writes the pages about the server into `dir`.
pub(crate) fn write(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)?;
    for (name, page) in [("kora-server.1", roff::program()), ("kora.conf.5", roff::configuration())] {
        let path = dir.join(name);
        std::fs::write(&path, page).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
