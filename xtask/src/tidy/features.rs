//! `cargo xtask` builds its dependencies with the features that `cargo test --workspace` gives them.
//!
//! Cargo joins the features that the selected packages ask for. Where xtask by itself asks for fewer than the workspace, all that
//! stands on such a dependency, the server among it, is compiled once more: minutes, each time that somebody goes from tests to
//! a chore and back. So xtask's manifest names what is missing, and this check says what that is.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Holds the features of xtask's dependencies against those of the workspace.
pub(super) fn check(complaints: &mut Vec<String>) -> anyhow::Result<()> {
    let (own, all) = (tree(&["--package", "xtask"])?, tree(&["--workspace"])?);
    complaints.extend(missing(&own, &all));
    Ok(())
}

/// Packages and their features, a line each.
fn tree(selection: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--quiet", "--edges", "all", "--prefix", "none", "--format", "{p}|{f}"])
        .args(selection)
        .output()
        .context("can't run cargo")?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn missing(own: &str, all: &str) -> Vec<String> {
    let lines = |text: &str| -> BTreeSet<String> {
        let of_packages = text.lines().filter(|line| line.contains('|'));
        of_packages.map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
    };
    let (own, all) = (lines(own), lines(all));
    let features = |line: &str| -> BTreeSet<String> {
        let (_, features) = line.split_once('|').unwrap_or_default();
        features.split(',').map(str::to_owned).collect()
    };
    own.difference(&all)
        .map(|line| {
            let (package, _) = line.split_once('|').unwrap_or_default();
            let found = all.iter().filter(|other| other.split('|').next() == Some(package));
            let wanted: BTreeSet<String> = found.flat_map(|line| features(line)).collect();
            let lacking: Vec<String> = wanted.difference(&features(line)).cloned().collect();
            format!(
                "xtask/Cargo.toml: {package} has other features than in the workspace, it lacks {lacking:?}"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn features_that_only_others_ask_for_are_told() {
        let all = "mio v1.2.5|net,os-ext\nsyn v3.0.1 (proc-macro)|full (*)\nsyn feature \"full\"\n";
        assert!(missing("mio v1.2.5|net,os-ext (*)\n", all).is_empty());
        let complaints = missing("mio v1.2.5|net\n", all);
        assert!(
            complaints.len() == 1 && complaints[0].contains("mio v1.2.5") && complaints[0].contains("os-ext")
        );
    }
}
