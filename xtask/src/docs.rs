//! `cargo xtask docs`: writes the pages that follow from declarations, of commands and of metrics.

use anyhow::{Context, ensure};

/// The pages and what they hold.
fn pages() -> anyhow::Result<[(&'static str, String); 2]> {
    let metrics = kora_server::metrics_reference().context("can't list the metrics")?;
    Ok([("docs/commands.md", kora_server::command_reference()), ("docs/metrics-list.md", metrics)])
}

/// Writes the pages.
pub(crate) fn write() -> anyhow::Result<()> {
    pages()?.into_iter().try_for_each(|(path, text)| {
        std::fs::write(path, text).with_context(|| format!("can't write {path}"))
    })
}

/// Refuses a page that is not what the declarations give.
pub(crate) fn check() -> anyhow::Result<()> {
    for (path, text) in pages()? {
        let page = std::fs::read_to_string(path).with_context(|| format!("can't read {path}"))?;
        ensure!(page == text, "{path} is out of date: run `cargo xtask docs`");
    }
    Ok(())
}
