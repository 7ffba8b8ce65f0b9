//! `cargo xtask ci`: what continuous integration runs, and the line that counts the tests.
//!
//! The program that users run is built once, in the release profile, and is what end-to-end tests and the soak start. Tests in
//! this process and the simulation keep their debug assertions.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, ensure};
use kora_testkit::subject::{ANNOUNCEMENT, VARIABLE};

/// The test binaries that start the program: each says which one it was.
const END_TO_END: [&str; 4] = ["clients", "durability", "robust", "transcripts"];

/// What a run of tests came to.
#[derive(Default)]
struct Tests {
    passed: u64,
    failed: u64,
    skipped: u64,
    /// The programs that were started.
    programs: Vec<String>,
}

/// Formatting, lints, habits, then all tests and a minute of the soak.
pub(crate) fn run() -> anyhow::Result<()> {
    cargo(&["fmt", "--all", "--check"])?;
    crate::tidy::run()?;
    crate::docs::check()?;
    book()?;
    // The last step of the release profile uses one core for long: lints run beside it.
    let program = thread::scope(|scope| {
        let built = scope.spawn(crate::program::build_kora);
        let lints = cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
        let program = built.join().expect("building does not panic");
        lints.and(program)
    })?;
    let program = program.canonicalize().with_context(|| program.display().to_string())?;
    let mut tests = test(&program)?;
    let complaint = tests.complaint(&program.display().to_string());
    println!("$ cargo xtask soak --minutes 1 --server {}", program.display());
    match crate::soak::run(&crate::soak::Args::for_ci(program)) {
        Ok(()) => tests.passed += 1,
        Err(violation) => {
            println!("{violation:#}");
            tests.failed += 1;
        }
    }
    if let Some(complaint) = &complaint {
        println!("{complaint}");
    }
    let Tests { passed, failed, skipped, .. } = tests;
    println!("tests: {passed} passed, {failed} failed, {skipped} skipped");
    ensure!(complaint.is_none() && failed == 0, "tests failed");
    Ok(())
}

/// Builds the book where mdbook is installed: nothing else needs it.
fn book() -> anyhow::Result<()> {
    println!("$ mdbook build");
    match Command::new("mdbook").arg("build").status() {
        Ok(status) => {
            ensure!(status.success(), "mdbook build failed");
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("mdbook is not installed: the book is not built");
            Ok(())
        }
        Err(error) => Err(error).context("can't run mdbook"),
    }
}

fn cargo(args: &[&str]) -> anyhow::Result<()> {
    println!("$ cargo {}", args.join(" "));
    let status = Command::new(env!("CARGO")).args(args).status().context("can't run cargo")?;
    ensure!(status.success(), "cargo {} failed", args.join(" "));
    Ok(())
}

/// Runs all tests, end-to-end ones against `program`, and passes their output on.
fn test(program: &Path) -> anyhow::Result<Tests> {
    println!("$ {VARIABLE}={} cargo test --workspace", program.display());
    let mut child = Command::new(env!("CARGO"))
        .args(["test", "--workspace", "--no-fail-fast"])
        .env(VARIABLE, program)
        .stdout(Stdio::piped())
        .spawn()
        .context("can't run cargo")?;
    let output = child.stdout.take().context("the output is piped")?;
    let mut tests = Tests::default();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        tests.read(&line);
    }
    // What does not compile, or ends before it has counted, has failed too.
    if !child.wait()?.success() && tests.failed == 0 {
        tests.failed = 1;
    }
    Ok(tests)
}

impl Tests {
    fn read(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += count_before(result, "passed");
            self.failed += count_before(result, "failed");
            self.skipped += count_before(result, "ignored");
        }
        // It may stand behind what the harness has begun to say.
        if let Some((_, program)) = line.split_once(ANNOUNCEMENT) {
            self.programs.push(program.trim_end().to_owned());
        }
    }

    /// What is wrong with the programs that were started.
    fn complaint(&self, program: &str) -> Option<String> {
        if let Some(other) = self.programs.iter().find(|other| *other != program) {
            return Some(format!("tests ran {other}, not {program}"));
        }
        let (count, expected) = (self.programs.len(), END_TO_END.len());
        let names = END_TO_END.join(", ");
        (count < expected)
            .then(|| format!("{program} was started by {count} of {expected} test binaries ({names})"))
    }
}

/// The number in front of `word`, as in `12 passed;`.
fn count_before(text: &str, word: &str) -> u64 {
    let words: Vec<&str> = text.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect();
    let at = words.iter().position(|found| *found == word);
    at.and_then(|at| words.get(at.checked_sub(1)?)?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{END_TO_END, Tests, count_before};

    #[test]
    fn counts_are_read() {
        let line = "ok. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        assert_eq!((count_before(line, "passed"), count_before(line, "failed")), (12, 3));
        assert_eq!((count_before(line, "ignored"), count_before("ok", "passed")), (1, 0));
    }

    #[test]
    fn another_program_or_none_is_a_complaint() {
        let mut tests = Tests::default();
        assert!(tests.complaint("/release/kora-server").is_some(), "nobody started it");
        for _ in END_TO_END {
            tests.read("test a ... program under test: /release/kora-server");
        }
        assert_eq!(tests.complaint("/release/kora-server"), None);
        tests.read("program under test: /debug/kora-server");
        assert!(tests.complaint("/release/kora-server").is_some_and(|text| text.contains("/debug/")));
    }
}
