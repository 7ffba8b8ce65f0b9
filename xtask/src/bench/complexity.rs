//! How commands' costs grow with their collections: instructions per call at several sizes, counted by valgrind, which are
//! the same in every run and on every machine of a kind.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::Args;

const SIZES: [usize; 3] = [1_000, 100_000, 1_000_000];

/// Most that the cost of a command which does not depend on the size may grow by from the second size to the third; the
/// smallest collection may be packed. The logarithm of the size grows by a fifth, but where in its node an element lies is
/// chance.
const FLAT_GROWTH_MAX: f64 = 4.0;

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let program = build()?;
    let rows = Command::new(&program).arg("rows").output()?;
    ensure!(rows.status.success(), "the program of the rows failed");
    let rows = String::from_utf8(rows.stdout)?;
    println!(
        "Instructions per call, by number of elements.\n\n| command | 10^3 | 10^5 | 10^6 | from 10^5 to 10^6 |\n|---|---|---|---|---|"
    );
    let mut too_steep = Vec::new();
    for row in rows.lines() {
        let (expected, command) = row.split_once('\t').context("a row's growth and command")?;
        if !args.wants(command) {
            continue;
        }
        let counts = SIZES.map(|size| instructions(&program, command, size));
        let [first, middle, last] = counts;
        let (first, middle, last) = (first?, middle?, last?);
        let growth = last / middle;
        println!("| `{command}` | {first:.0} | {middle:.0} | {last:.0} | {growth:.2} |");
        if expected == "flat" && growth > FLAT_GROWTH_MAX {
            too_steep.push(command);
        }
    }
    ensure!(too_steep.is_empty(), "these should not grow with the size: {too_steep:?}");
    Ok(())
}

fn build() -> anyhow::Result<PathBuf> {
    let build = ["build", "--release", "--quiet", "--package", "kora-benches", "--example", "complexity"];
    let status = Command::new(env!("CARGO")).args(build).status()?;
    ensure!(status.success(), "the program of the rows does not build");
    Ok(crate::program::target_dir()?.join("release/examples/complexity"))
}

/// Instructions per call of `command` on a collection of `size` elements.
fn instructions(program: &Path, command: &str, size: usize) -> anyhow::Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*measured*"])
        .arg(program)
        .args(["run", command, &size.to_string()])
        .output()
        .context("valgrind")?;
    let report = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command}: {report}");
    let collected = report.lines().find_map(|line| line.split_once("Collected : "));
    let collected: f64 = collected.context("no count in valgrind's report")?.1.trim().parse()?;
    let calls: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(collected / calls)
}
