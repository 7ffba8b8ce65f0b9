//! The licences of everything that is linked into the programs: their texts have to go with them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// One crate: its directory and what it says of its licence.
struct Crate {
    name: String,
    dir: String,
    licence: String,
}

/// The crates with their licences, then each text once with the crates it belongs to.
pub(super) fn text() -> anyhow::Result<String> {
    let mut list =
        String::from("What is linked into kora-server and kora-cli, and under which licences.\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for linked in crates()? {
        let _ = writeln!(list, "{}: {}", linked.name, linked.licence);
        for text in licence_texts(Path::new(&linked.dir))? {
            texts.entry(text).or_default().push(linked.name.clone());
        }
    }
    for (text, names) in texts {
        let _ = write!(list, "\n{}\n{}\n\n{}\n", "=".repeat(80), names.join(", "), text.trim_end());
    }
    Ok(list)
}

/// Every crate that is not the project's own.
fn crates() -> anyhow::Result<Vec<Crate>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "-e",
            "normal,build",
            "--prefix",
            "none",
            "-p",
            "kora-server",
            "-p",
            "kora-cli",
        ])
        .args(["-f", "{p}\t{l}"])
        .output()
        .context("can't run cargo")?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let mut crates = BTreeMap::new();
    for line in String::from_utf8(output.stdout)?.lines().filter(|line| !line.contains("(/")) {
        let Some((package, licence)) = line.trim_end_matches(" (*)").split_once('\t') else { continue };
        let mut words = package.split(' ');
        let (Some(name), Some(version)) = (words.next(), words.next()) else { continue };
        let version = version.trim_start_matches('v');
        crates.insert(format!("{name} {version}"), (format!("{name}-{version}"), licence.to_owned()));
    }
    let sources = sources()?;
    let found = crates.into_iter().map(|(name, (folder, licence))| {
        let dir =
            sources.iter().map(|source| format!("{source}/{folder}")).find(|dir| Path::new(dir).is_dir());
        let dir = dir.with_context(|| format!("the source of {name} is not there"))?;
        Ok(Crate { name, dir, licence })
    });
    found.collect()
}

/// The folders in which cargo keeps sources.
fn sources() -> anyhow::Result<Vec<String>> {
    let home =
        std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let dir = format!("{}/registry/src", home.context("neither CARGO_HOME nor HOME is set")?);
    let entries = std::fs::read_dir(&dir).with_context(|| dir.clone())?;
    entries.map(|entry| Ok(entry?.path().display().to_string())).collect()
}

/// The texts in a crate's folders, those of C libraries in it among them.
fn licence_texts(dir: &Path) -> anyhow::Result<Vec<String>> {
    let mut texts = Vec::new();
    let mut folders = vec![(dir.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
            let is_text = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"]
                .iter()
                .any(|word| name.starts_with(word));
            if path.is_dir() && depth < 2 {
                folders.push((path, depth + 1));
            } else if path.is_file() && is_text && !name.ends_with(".RS") {
                texts.push(String::from_utf8_lossy(&std::fs::read(&path)?).into_owned());
            }
        }
    }
    Ok(texts)
}
