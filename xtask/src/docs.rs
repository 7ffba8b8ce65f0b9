//! `cargo xtask docs`: writes what follows from declarations: the pages on commands and directives, the stock configuration files,
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
        ("docs/configuration.md", markdown::page()),
        ("packaging/kora.conf", file::stock(&[])),
        ("packaging/debian/kora.conf", file::stock(SERVICE)),
        (SUMMARY, summary()?),
    ])
}

/// The contents, with every decision that there is.
fn summary() -> anyhow::Result<String> {
    let page = std::fs::read_to_string(SUMMARY).context(SUMMARY)?;
    let end =
        page.find(DECISIONS).with_context(|| format!("{SUMMARY} has no line '{}'", DECISIONS.trim()))?;
    let mut decisions: Vec<_> = std::fs::read_dir("docs/adr")?.collect::<Result<_, _>>()?;
    decisions.sort_by_key(std::fs::DirEntry::file_name);
    let mut page = page[..end + DECISIONS.len()].to_owned();
    for decision in decisions {
        let name = decision.file_name().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(decision.path()).with_context(|| name.clone())?;
        let title = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let title = title.with_context(|| format!("docs/adr/{name} does not begin with its title"))?;
        page.push_str(&format!("  - [{title}](adr/{name})\n"));
    }
    Ok(page)
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
