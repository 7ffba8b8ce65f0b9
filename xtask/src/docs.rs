//! `cargo xtask docs`: writes docs/commands.md from the declarations of the commands.

use anyhow::{Context, ensure};

const PATH: &str = "docs/commands.md";

/// Writes the page.
pub(crate) fn write() -> anyhow::Result<()> {
    std::fs::write(PATH, kora_server::command_reference()).with_context(|| format!("can't write {PATH}"))
}

/// Refuses a page that is not what the declarations give.
pub(crate) fn check() -> anyhow::Result<()> {
    let page = std::fs::read_to_string(PATH).with_context(|| format!("can't read {PATH}"))?;
    ensure!(page == kora_server::command_reference(), "{PATH} is out of date: run `cargo xtask docs`");
    Ok(())
}
