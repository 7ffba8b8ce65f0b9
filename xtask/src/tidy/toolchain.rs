//! The least version of Rust that is declared is the one that is needed.
//!
//! Each package of the lock file says what it needs. Below the declared version the workspace would not build, so a smaller one would be
//! a promise that nothing keeps, and a larger one would turn away who could build it. What Kora's own code needs, the build with
//! the declared version shows: it is what `rustup` fetches for whoever has an older one.

use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// A version of Rust, as numbers.
type Version = Vec<u64>;

/// Holds `rust-version` of the workspace against what its dependencies declare.
pub(super) fn check(complaints: &mut Vec<String>) -> anyhow::Result<()> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--quiet"])
        .output()
        .context("can't run cargo")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata = serde_json::from_slice(&output.stdout)?;
    complaints.extend(complaint(&metadata)?);
    Ok(())
}

fn complaint(metadata: &Value) -> anyhow::Result<Option<String>> {
    let packages = metadata["packages"].as_array().context("cargo metadata lists packages")?;
    let needs = |is_own: bool| {
        let of_kind = packages.iter().filter(move |package| package["source"].is_null() == is_own);
        let named = of_kind.filter_map(|package| {
            Some((version(package["rust_version"].as_str()?)?, package["name"].as_str()?))
        });
        named.max()
    };
    let (declared, _) = needs(true).context("no rust-version in the workspace")?;
    let Some((needed, name)) = needs(false) else { return Ok(None) };
    let shown = |version: &Version| version.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
    Ok((declared != needed).then(|| {
        format!("Cargo.toml: rust-version is {}, {name} needs {}", shown(&declared), shown(&needed))
    }))
}

/// Reads `1.95` or `1.95.0`, which are the same.
fn version(text: &str) -> Option<Version> {
    let numbers: Option<Version> = text.split('.').map(|number| number.parse().ok()).collect();
    let mut numbers = numbers?;
    numbers.truncate(2);
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::complaint;

    #[test]
    fn another_version_than_is_needed_is_told() {
        let with = |declared: &str| {
            complaint(&json!({ "packages": [
                { "name": "kora", "source": null, "rust_version": declared },
                { "name": "old", "source": "registry", "rust_version": null },
                { "name": "some", "source": "registry", "rust_version": "1.9" },
                { "name": "newest", "source": "registry", "rust_version": "1.95.0" },
            ] }))
            .unwrap()
        };
        assert_eq!(with("1.95"), None);
        for wrong in ["1.96", "1.94", "1.9"] {
            assert!(with(wrong).is_some_and(|text| text.contains("newest needs 1.95")), "{wrong}");
        }
    }
}
