//! `cargo xtask tidy`: habits of this code base that the compiler does not check.

pub(crate) mod arrows;
mod features;
mod fields;
mod links;
mod toolchain;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};

/// Longest source file, in lines, tests aside.
const LINES_MAX: usize = 800;

/// What is not written here, put together so that this file passes its own check.
fn unfinished() -> [String; 4] {
    [["todo", "!("], ["unimplemented", "!("], ["FIX", "ME"], ["XX", "X:"]].map(|parts| parts.concat())
}

/// Checks every file that git knows.
pub(crate) fn run() -> anyhow::Result<()> {
    let files = tracked_files()?;
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        let text = std::fs::read_to_string(file).with_context(|| format!("can't read {file}"))?;
        check_source(file, &text, &mut complaints);
    }
    for file in &files {
        let bytes = std::fs::read(file).with_context(|| format!("can't read {file}"))?;
        check_merged(file, &bytes, &mut complaints);
    }
    check_layers(&mut complaints)?;
    arrows::check(&files, &mut complaints)?;
    links::check(&files, &mut complaints)?;
    toolchain::check(&mut complaints)?;
    features::check(&mut complaints)?;
    complaints.iter().for_each(|complaint| println!("{complaint}"));
    ensure!(complaints.is_empty(), "{} untidy places", complaints.len());
    Ok(())
}

fn tracked_files() -> anyhow::Result<Vec<String>> {
    let output = Command::new("git").args(["ls-files"]).output().context("can't run git")?;
    ensure!(output.status.success(), "git ls-files failed");
    let names = String::from_utf8(output.stdout)?;
    Ok(names.lines().filter(|name| Path::new(name).exists()).map(str::to_owned).collect())
}

/// Complains of what a merge has left to be decided.
fn check_merged(file: &str, bytes: &[u8], complaints: &mut Vec<String>) {
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if [b'<', b'>']
            .iter()
            .any(|mark| line.strip_prefix(&[*mark; 7]).is_some_and(|rest| rest.starts_with(b" ")))
        {
            complaints.push(format!("{file}:{number}: two sides of a merge"));
        }
    }
}

fn check_source(file: &str, text: &str, complaints: &mut Vec<String>) {
    let is_test = file.contains("/tests/") || file.ends_with("/tests.rs") || file.ends_with("testing.rs");
    let line_count = text.lines().count();
    if line_count > LINES_MAX && !is_test {
        complaints.push(format!("{file}: {line_count} lines, more than {LINES_MAX}"));
    }
    if !text.starts_with("//!") && !is_test {
        complaints.push(format!("{file}: does not begin by saying what it holds"));
    }
    if file.ends_with("/mod.rs") {
        complaints.push(format!("{file}: a module's file is named after it, beside its folder"));
    }
    if !is_test {
        fields::check(file, text, complaints);
    }
    for (number, line) in (1..).zip(text.lines()) {
        if !is_test && has_unranked_lock(file, line) {
            complaints.push(format!("{file}:{number}: a lock without a rank: use kora-locks"));
        }
        if unfinished().iter().any(|word| line.contains(word.as_str())) {
            complaints.push(format!("{file}:{number}: unfinished"));
        }
        let names_built =
            line.contains(&["CARGO_BIN_EXE", "_kora-server"].concat()) && !file.ends_with("subject.rs");
        if names_built && !line.contains("program_under_test(") {
            complaints.push(format!("{file}:{number}: runs the program just built, not the one under test"));
        }
        if file.starts_with("crates/") && !is_test && line.contains("catch_unwind") {
            complaints.push(format!("{file}:{number}: catches panics, which end the process"));
        }
        let is_net = file.starts_with("crates/kora-server/src/net/");
        if file.starts_with("crates/")
            && !is_net
            && line.contains("mio::")
            && !line.trim_start().starts_with("//")
        {
            complaints.push(format!("{file}:{number}: names mio, which only net/ may"));
        }
        if !is_test && may_not_start_threads(file) && starts_thread(line) {
            complaints.push(format!("{file}:{number}: starts a thread, which only threads.rs may"));
        }
    }
}

/// Whether threads that a file starts would be left out of the server's account of memory: docs/adr/0024.
fn may_not_start_threads(file: &str) -> bool {
    let crates = [
        "kora-core",
        "kora-format",
        "kora-protocol",
        "kora-script",
        "kora-storage",
        "kora-engine",
        "kora-server",
    ];
    let is_of_server = crates.iter().any(|name| file.starts_with(&format!("crates/{name}/src/")));
    // The library without a server has threads and no account; test tools have neither.
    let is_exempt = ["kora-engine/src/threads.rs", "kora-core/src/shard/"];
    is_of_server && !is_exempt.iter().any(|name| file.contains(name))
}

/// Whether a line starts a thread, by itself or through a library.
fn starts_thread(line: &str) -> bool {
    let ways = ["thread::spawn(", "thread::Builder", "scope.spawn(", "rayon::"];
    let is_told = line.contains("non_blocking(") && !line.contains("Telling(");
    !line.trim_start().starts_with("//") && (is_told || ways.iter().any(|way| line.contains(way)))
}

/// Whether a line of a crate whose locks have ranks names one that has none. What only tests run may have such.
fn has_unranked_lock(file: &str, line: &str) -> bool {
    let is_ranked = ["core", "engine", "script", "server", "storage"].iter().any(|name| {
        file.strip_prefix("crates/kora-").is_some_and(|rest| rest.starts_with(&format!("{name}/src/")))
    });
    let is_for_tests = file.contains("/simulated") || file.contains("/crash");
    let code = line.split("//").next().unwrap_or_default();
    let words = |text: &str| {
        text.split(|c: char| !c.is_alphanumeric() && c != '_').map(str::to_owned).collect::<Vec<_>>()
    };
    let names = ["Mutex", "RwLock", "Condvar", "ReentrantMutex", "FairMutex", "parking_lot"];
    let is_ours = code.contains("kora_locks::");
    is_ranked && !is_for_tests && !is_ours && words(code).iter().any(|word| names.contains(&word.as_str()))
}

/// The arrows between crates point down only: see docs/architecture.md.
fn check_layers(complaints: &mut Vec<String>) -> anyhow::Result<()> {
    let layers: [(&str, &[&str]); 19] = [
        ("kora-format", &[]),
        ("kora-http", &[]),
        ("kora-locks", &[]),
        ("kora-stream", &[]),
        ("kora-tls", &[]),
        ("kora-core", &["kora-format", "kora-locks", "kora-stream"]),
        ("kora-json", &["kora-core", "kora-format"]),
        ("kora-hnsw", &[]),
        ("kora-index", &["kora-format", "kora-hnsw"]),
        ("kora-search", &["kora-core", "kora-format", "kora-index", "kora-json", "kora-locks"]),
        ("kora-vector", &["kora-core", "kora-hnsw", "kora-index", "kora-locks"]),
        ("kora-doc", &["kora-core", "kora-index", "kora-json", "kora-locks"]),
        ("kora-protocol", &["kora-format"]),
        ("kora-acl", &["kora-core", "kora-protocol"]),
        ("kora-script", &["kora-core", "kora-locks", "kora-protocol"]),
        ("kora-storage", &["kora-format", "kora-locks", "kora-stream"]),
        (
            "kora-engine",
            &["kora-acl", "kora-core", "kora-locks", "kora-script", "kora-storage", "kora-stream"],
        ),
        (
            "kora-server",
            &[
                "kora-acl",
                "kora-core",
                "kora-doc",
                "kora-engine",
                "kora-http",
                "kora-json",
                "kora-locks",
                "kora-protocol",
                "kora-script",
                "kora-search",
                "kora-storage",
                "kora-tls",
                "kora-vector",
            ],
        ),
        ("kora-cli", &["kora-protocol", "kora-tls"]),
    ];
    for (name, allowed) in layers {
        let manifest = format!("crates/{name}/Cargo.toml");
        let text = std::fs::read_to_string(&manifest).with_context(|| format!("can't read {manifest}"))?;
        let dependencies = text.split("[dev-dependencies]").next().unwrap_or_default();
        for line in dependencies.lines().filter(|line| line.starts_with("kora-")) {
            let dependency = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if !allowed.contains(&dependency) {
                complaints.push(format!("{manifest}: {name} must not depend on {dependency}"));
            }
        }
    }
    Ok(())
}
