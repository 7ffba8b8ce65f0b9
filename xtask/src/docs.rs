//! `cargo xtask docs`: writes what follows from declarations: the pages on commands, metrics and directives, the stock configuration files,
//! the list of decisions in the book's contents.

use std::path::Path;

use anyhow::{Context, ensure};
use kora_server::config::manual::{file, markdown};

/// What the service that packages install sets.
const SERVICE: &[(&str, &str)] =
    &[("dir", "/var/lib/kora"), ("logfile", "/var/log/kora/kora.log"), ("supervised", "auto")];

/// The contents of the book.
pub(crate) const SUMMARY: &str = "docs/SUMMARY.md";

/// What the list of decisions stands behind, as the last part of the contents.
const DECISIONS: &str = "- [Decisions](decisions.md)\n";

/// The files and what they are to hold.
fn files() -> anyhow::Result<Vec<(&'static str, String)>> {
    Ok(vec![
        ("docs/commands.md", kora_server::command_reference()),
        ("docs/metrics-list.md", kora_server::metrics_reference().context("can't list the metrics")?),
        ("docs/configuration.md", markdown::page()),
        ("packaging/kora.conf", file::stock(&[])),
        ("packaging/debian/kora.conf", file::stock(SERVICE)),
        (SUMMARY, summary()?),
    ])
}

/// The contents: the part that is written by hand, every decision, and the pages that nobody has found a place for.
fn summary() -> anyhow::Result<String> {
    let page = std::fs::read_to_string(SUMMARY).context(SUMMARY)?;
    let end =
        page.find(DECISIONS).with_context(|| format!("{SUMMARY} has no line '{}'", DECISIONS.trim()))?;
    let by_hand = &page[..end + DECISIONS.len()];
    let mut page = by_hand.to_owned();
    for (name, title) in pages("docs/adr")? {
        page.push_str(&format!("  - [{title}](adr/{name})\n"));
    }
    let is_listed = |name: &str| by_hand.contains(&format!("]({name})")) || SUMMARY.ends_with(name);
    let more: Vec<_> = pages("docs")?.into_iter().filter(|(name, _)| !is_listed(name)).collect();
    if !more.is_empty() {
        page.push_str("\n# More\n\n");
    }
    for (name, title) in more {
        page.push_str(&format!("- [{title}]({name})\n"));
    }
    Ok(page)
}

/// The pages in a folder, by name, and their titles.
fn pages(folder: &str) -> anyhow::Result<Vec<(String, String)>> {
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.to_owned())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.ends_with(".md") {
            let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let title = text.lines().next().and_then(|line| line.strip_prefix("# "));
            let title = title.with_context(|| format!("{folder}/{name} does not begin with its title"))?;
            pages.push((name, title.to_owned()));
        }
    }
    pages.sort();
    Ok(pages)
}

/// Writes them.
pub(crate) fn write() -> anyhow::Result<()> {
    for (path, text) in files()? {
        if let Some(folder) = Path::new(path).parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text).with_context(|| format!("can't write {path}"))?;
    }
    Ok(())
}

/// Refuses files that are not what the declarations give.
pub(crate) fn check() -> anyhow::Result<()> {
    for (path, text) in files()? {
        let found = std::fs::read_to_string(path).with_context(|| format!("can't read {path}"))?;
        ensure!(found == text, "{path} is out of date: run `cargo xtask docs`");
    }
    Ok(())
}
