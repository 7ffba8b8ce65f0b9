//! The names of metrics are sound, and those that documents, rules and dashboards use are there.

use std::collections::BTreeSet;
use std::path::Path;

use kora_server::metrics_reference;

use crate::visitor::Site;

fn document(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// Names, kinds and words of all families.
fn families() -> Vec<(String, String, String)> {
    let page = metrics_reference().unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect::<Vec<_>>())
        .map(|cells| (cells[1].clone(), cells[2].clone(), cells[4].clone()))
        .collect()
}

/// Names of families, and those of a histogram's samples.
fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, kind, _) in families() {
        assert!(names.insert(name.clone()), "{name} is there twice");
        if kind == "histogram" {
            names.extend(["_bucket", "_sum", "_count"].map(|suffix| format!("{name}{suffix}")));
        }
    }
    names
}

#[test]
fn names_are_sound() {
    assert!(families().len() > 100);
    for (name, kind, help) in families() {
        assert!(name.starts_with("kora_") && help.len() > 2, "{name}: {help}");
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        assert!(name.bytes().all(is_plain), "{name}");
        // What is untyped has a name that says something else.
        assert!(kind == "untyped" || name.ends_with("_total") == (kind == "counter"), "{name}");
        for unit in ["_ms", "_us", "_milliseconds", "_usec", "_kbps", "_percent", "_perc"] {
            assert!(!name.trim_end_matches("_total").ends_with(unit), "{name} is not in a base unit");
        }
    }
}

#[test]
fn every_sample_has_its_family_and_a_number() {
    let site = Site::start(2, &[]);
    site.program.client().line("SET key value");
    let names = names();
    let text = site.get("/metrics").body;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(names.contains(series.split('{').next().unwrap()), "{line}");
        assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
    }
}

#[test]
fn the_list_is_what_there_is() {
    assert_eq!(document("metrics-list.md"), metrics_reference().unwrap(), "run `cargo xtask docs`");
}

#[test]
fn rules_dashboards_and_pages_name_what_there_is() {
    let names = names();
    for path in ["prometheus/kora.rules.yml", "grafana/kora.json", "metrics.md"] {
        let text = document(path);
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let used: BTreeSet<&str> = words.filter(|word| word.starts_with("kora_")).collect();
        assert!(!used.is_empty(), "{path}");
        // What a page names by its beginning ends with a line.
        for name in used.into_iter().filter(|name| !name.ends_with('_')) {
            assert!(names.contains(name), "{path}: there is no {name}");
        }
    }
}
