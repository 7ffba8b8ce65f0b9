//! How commands' costs grow with what they work on: instructions per call at sizes over three decades, counted by valgrind, which
//! are the same in every run and on every machine of a kind.
//!
//! A row fails if its cost grows faster than it may: the exponent is fitted through all sizes. A row that is said to grow in
//! proportion, though its command promises not to, fails too; and so does a command of the core without a row.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::Args;

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

/// Largest exponent of a command that does not depend on the size, or on its logarithm: that of the logarithm itself is a tenth here,
/// and where in its node an element lies is chance.
const FLAT_MAX: f64 = 0.25;

/// However large the exponent, this many times the cost of the smallest is no growth.
const NOISE: f64 = 4.0;

/// The largest exponent of one that grows in proportion, or with the size times its logarithm; the numbers that elements are named by get
/// longer too.
const LINEAR_MAX: f64 = 1.2;

/// A row, as the program names it.
struct Row {
    group: String,
    is_flat: bool,
    /// What its command promises.
    declared: String,
    command: String,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let program = build()?;
    let rows: Vec<Row> = rows(&program)?.into_iter().filter(|row| args.wants(&row.command)).collect();
    println!(
        "Instructions per call, by number of elements, keys or bytes; the fitted exponent, and the one allowed.\n\n\
         | command | promises | 10^3 | 10^4 | 10^5 | 10^6 | exponent | at most |\n|---|---|---|---|---|---|---|---|"
    );
    let mut failed = Vec::new();
    for group in rows.chunk_by(|row, next| row.group == next.group) {
        let counts = SIZES.map(|size| instructions(&program, args, &group[0].group, size));
        let counts = counts.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        for (at, row) in group.iter().enumerate() {
            let costs: Vec<f64> = counts.iter().map(|counts| counts[at]).collect();
            let (exponent, most) = (exponent(&costs), if row.is_flat { FLAT_MAX } else { LINEAR_MAX });
            let shown = costs.iter().map(|cost| format!("{cost:.0}")).collect::<Vec<_>>().join(" | ");
            let Row { command, declared, .. } = row;
            println!("| `{command}` | {declared} | {shown} | {exponent:.2} | {most:.2} |");
            let grows = exponent > most && costs[costs.len() - 1] > costs[0] * NOISE;
            if grows || (!row.is_flat && promises_not_to_grow(declared)) {
                failed.push(command.as_str());
            }
        }
    }
    let uncovered = output(&program, &["uncovered"])?;
    let uncovered: Vec<&str> = uncovered.lines().collect();
    ensure!(failed.is_empty(), "these grow faster than they should: {failed:#?}");
    ensure!(
        uncovered.is_empty(),
        "these commands have neither a row nor a reason to have none: {uncovered:?}"
    );
    println!("\n{} rows; every command of the core has one, or a reason to have none.", rows.len());
    Ok(())
}

/// Whether a declared complexity is the same for all sizes, up to the logarithm.
fn promises_not_to_grow(declared: &str) -> bool {
    let is_constant = declared.starts_with("O(1)") || declared.starts_with("O(log(");
    is_constant && !["O(N", "O(B", "+N", "+M", "(M"].iter().any(|term| declared.contains(term))
}

/// The slope of the logarithm of the cost over that of the size, by least squares.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn exponent(costs: &[f64]) -> f64 {
    let points: Vec<(f64, f64)> =
        SIZES.iter().zip(costs).map(|(size, cost)| ((*size as f64).ln(), cost.max(1.0).ln())).collect();
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let over: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let under: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    over / under
}

fn build() -> anyhow::Result<PathBuf> {
    let build = ["build", "--release", "--quiet", "--package", "kora-benches", "--example", "complexity"];
    let status = Command::new(env!("CARGO")).args(build).status()?;
    ensure!(status.success(), "the program of the rows does not build");
    Ok(crate::program::target_dir()?.join("release/examples/complexity"))
}

fn rows(program: &Path) -> anyhow::Result<Vec<Row>> {
    let text = output(program, &["rows"])?;
    let row = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        let mut field = || fields.next().context("a row has four fields");
        let (group, growth) = (field()?, field()?);
        Ok(Row { group, is_flat: growth == "flat", declared: field()?, command: field()? })
    };
    text.lines().map(row).collect()
}

fn output(program: &Path, args: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(args).output()?;
    ensure!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Instructions per call of each wanted row of a group, at one size.
fn instructions(program: &Path, args: &Args, group: &str, size: usize) -> anyhow::Result<Vec<f64>> {
    let dir = tempfile::tempdir()?;
    let dumps = dir.path().join("dump");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*measured*", "--dump-after=*row_ends*"])
        .arg(format!("--callgrind-out-file={}", dumps.display()))
        .arg(program)
        .args(["run", group, &size.to_string()])
        .args(&args.only)
        .output()
        .context("valgrind")?;
    ensure!(
        output.status.success(),
        "{group}, {size}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let turns = String::from_utf8(output.stdout)?;
    let count = |(at, line): (usize, &str)| {
        let turns: f64 = line.split_once('\t').context("turns and command")?.0.parse()?;
        Ok(collected(&dumps.with_extension((at + 1).to_string()))? / turns)
    };
    turns.lines().enumerate().map(count).collect()
}

/// The instructions that a dump of callgrind counts.
fn collected(dump: &Path) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(dump).with_context(|| dump.display().to_string())?;
    let line =
        text.lines().rev().find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
    Ok(line.context("no count in valgrind's dump")?.trim().parse()?)
}
