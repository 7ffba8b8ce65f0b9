//! `cargo xtask ci`: what continuous integration runs, and the line that counts the tests.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

/// Formatting, lints, habits, then all tests.
pub(crate) fn run() -> anyhow::Result<()> {
    cargo(&["fmt", "--all", "--check"])?;
    crate::tidy::run()?;
    crate::docs::check()?;
    cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])?;
    test()
}

fn cargo(args: &[&str]) -> anyhow::Result<()> {
    println!("$ cargo {}", args.join(" "));
    let status = Command::new(env!("CARGO")).args(args).status().context("can't run cargo")?;
    ensure!(status.success(), "cargo {} failed", args.join(" "));
    Ok(())
}

/// Runs all tests, passes their output on, and closes with the sum of all binaries' counts.
fn test() -> anyhow::Result<()> {
    println!("$ cargo test --workspace");
    let mut child = Command::new(env!("CARGO"))
        .args(["test", "--workspace", "--no-fail-fast"])
        .stdout(Stdio::piped())
        .spawn()
        .context("can't run cargo")?;
    let output = child.stdout.take().context("the output is piped")?;
    let mut counts = [0; 3];
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        if let Some(result) = line.strip_prefix("test result: ") {
            for (count, word) in counts.iter_mut().zip(["passed", "failed", "ignored"]) {
                *count += count_before(result, word);
            }
        }
    }
    let status = child.wait()?;
    let [passed, failed, ignored] = counts;
    println!("tests: {passed} passed, {failed} failed, {ignored} skipped");
    if !status.success() {
        bail!("tests failed");
    }
    Ok(())
}

/// The number in front of `word`, as in `12 passed;`.
fn count_before(text: &str, word: &str) -> u64 {
    let words: Vec<&str> = text.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect();
    let at = words.iter().position(|found| *found == word);
    at.and_then(|at| words.get(at.checked_sub(1)?)?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::count_before;

    #[test]
    fn counts_are_read() {
        let line = "ok. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!((count_before(line, "passed"), count_before(line, "failed")), (12, 3));
        assert_eq!((count_before(line, "ignored"), count_before("ok", "passed")), (1, 0));
    }
}
