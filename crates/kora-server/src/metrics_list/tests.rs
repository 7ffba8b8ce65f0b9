//! The names of metrics are sound, and those that documents, rules and dashboards use are there.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

fn document(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// Names of families, and those of a histogram's samples.
fn names() -> BTreeSet<String> {
    let (_, text) = sample().unwrap();
    let mut names = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        assert!(names.insert(name.to_owned()), "{name} is there twice");
        if kind == "histogram" {
            names.extend(["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")));
        }
    }
    names
}

/// What looks like a metric's name in a text.
fn used(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("kora_") && word.len() > 5).collect()
}

#[test]
fn names_are_sound() {
    let (_, text) = sample().unwrap();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        assert!(name.starts_with("kora_"), "{name}");
        assert!(
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
            "{name}"
        );
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        for unit in ["_ms", "_us", "_milliseconds", "_usec", "_kbps", "_percent", "_perc"] {
            assert!(!name.trim_end_matches("_total").ends_with(unit), "{name} is not in a base unit");
        }
    }
    assert!(text.lines().filter(|line| line.starts_with("# HELP ")).all(|line| line.split(' ').count() > 3));
}

#[test]
fn every_sample_has_its_family_and_a_number() {
    let (_, text) = sample().unwrap();
    let names = names();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let name = series.split('{').next().unwrap();
        assert!(names.contains(name), "{line}");
        assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
    }
}

#[test]
fn the_list_is_what_there_is() {
    assert_eq!(document("metrics-list.md"), markdown().unwrap(), "run `cargo xtask docs`");
}

#[test]
fn rules_dashboards_and_pages_name_what_there_is() {
    let names = names();
    for path in ["prometheus/kora.rules.yml", "grafana/kora.json", "metrics.md"] {
        let text = document(path);
        let used = used(&text);
        assert!(!used.is_empty(), "{path}");
        for name in used.into_iter().filter(|name| *name != "kora_console") {
            assert!(names.contains(name), "{path}: there is no {name}");
        }
    }
}
