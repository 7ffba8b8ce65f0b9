//! Which modules of a crate use which: the list in `docs/arrows.txt` has every arrow that there may be, and no circle.
//!
//! An arrow leads from one module of a crate's root to another that it names by `crate::` or `super::`. A new one is a decision, and is
//! written down; one that is gone is taken from the list, so that it can't come back unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context;

/// Where the list is.
const LIST: &str = "docs/arrows.txt";

/// The crates whose modules are looked at.
const CRATES: [&str; 5] = ["kora-core", "kora-engine", "kora-script", "kora-server", "kora-storage"];

/// An arrow: crate, from, to.
type Arrow = (String, String, String);

/// Compares the arrows of the code with those of the list.
pub(super) fn check(files: &[String], complaints: &mut Vec<String>) -> anyhow::Result<()> {
    let found = found(files)?;
    let text = std::fs::read_to_string(LIST).with_context(|| format!("can't read {LIST}"))?;
    let listed = parse(&text);
    for (name, from, to) in found.difference(&listed) {
        complaints.push(format!("{LIST}: {name}: {from} uses {to}, which is not on the list"));
    }
    for (name, from, to) in listed.difference(&found) {
        complaints.push(format!("{LIST}: {name}: {from} uses {to} no longer"));
    }
    for name in CRATES {
        let circles = circles(found.iter().filter(|arrow| arrow.0 == name));
        complaints.extend(circles.iter().map(|circle| format!("{name}: a circle of {}", circle.join(", "))));
    }
    Ok(())
}

/// The circles of modules: each module that can be reached from itself stands in one, with all those that it shares one with.
fn circles<'a>(arrows: impl Iterator<Item = &'a Arrow>) -> Vec<Vec<&'a str>> {
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, from, to) in arrows {
        uses.entry(from).or_default().insert(to);
    }
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|&module| (module, reachable(module, &uses))).collect();
    let mut circles: Vec<Vec<&str>> = Vec::new();
    for (&module, reach) in reached.iter().filter(|(module, reach)| reach.contains(*module)) {
        if !circles.iter().any(|circle| circle.contains(&module)) {
            let is_with = |other: &&str| reached.get(other).is_some_and(|back| back.contains(module));
            circles.push(reach.iter().copied().filter(is_with).collect());
        }
    }
    circles
}

/// The modules that one uses, and those that these use.
fn reachable<'a>(module: &str, uses: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![module]);
    while let Some(module) = open.pop() {
        for &next in uses.get(module).into_iter().flatten() {
            if reached.insert(next) {
                open.push(next);
            }
        }
    }
    reached
}

/// The arrows of the list: for each crate a line with its name, then a line for each module with what it uses.
fn parse(text: &str) -> BTreeSet<Arrow> {
    let (mut arrows, mut name) = (BTreeSet::new(), "");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.split_once("->") {
            None => name = line.trim(),
            Some((from, targets)) => arrows.extend(
                targets.split_whitespace().map(|to| (name.to_owned(), from.trim().to_owned(), to.to_owned())),
            ),
        }
    }
    arrows
}

fn found(files: &[String]) -> anyhow::Result<BTreeSet<Arrow>> {
    let mut arrows = BTreeSet::new();
    for name in CRATES {
        let root = format!("crates/{name}/src/");
        let sources: Vec<&String> =
            files.iter().filter(|file| file.starts_with(&root) && file.ends_with(".rs")).collect();
        let modules: BTreeSet<&str> = sources.iter().filter_map(|file| module_of(file, &root)).collect();
        for file in sources.iter().filter(|file| !is_for_tests(file)) {
            let Some(from) = module_of(file, &root) else { continue };
            let text = std::fs::read_to_string(file).with_context(|| format!("can't read {file}"))?;
            // Unit tests that stand in the file stand at its end.
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let used = uses(code, depth(file, &root)).into_iter();
            let used = used.filter(|to| to != from && modules.contains(to.as_str()));
            arrows.extend(used.map(|to| (name.to_owned(), from.to_owned(), to)));
        }
    }
    Ok(arrows)
}

/// The module of a crate's root that a file is of; none for the root itself.
fn module_of<'a>(file: &'a str, root: &str) -> Option<&'a str> {
    let first = file.strip_prefix(root)?.split('/').next()?;
    let module = first.strip_suffix(".rs").unwrap_or(first);
    (!matches!(module, "lib" | "main")).then_some(module)
}

fn is_for_tests(file: &str) -> bool {
    file.contains("/tests/") || file.ends_with("/tests.rs") || file.ends_with("testing.rs")
}

/// How many `super::` lead from a file's module to the root.
fn depth(file: &str, root: &str) -> usize {
    Path::new(file.strip_prefix(root).unwrap_or(file)).components().count()
}

/// The first names behind `crate::`, and behind as many `super::` as lead to the root.
fn uses(code: &str, depth: usize) -> BTreeSet<String> {
    let code_lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = code_lines.flat_map(|line| [line, "\n"]).collect();
    let climb = "super::".repeat(depth);
    let mut found = BTreeSet::new();
    for start in ["crate::", &climb] {
        for (at, path) in code.match_indices(start) {
            found.extend(first_names(&code[at + path.len()..]).into_iter().map(str::to_owned));
        }
    }
    found
}

/// The first name of a path, or of each path of a group in braces.
fn first_names(path: &str) -> Vec<&str> {
    let Some(group) = path.strip_prefix('{') else { return first_name(path).into_iter().collect() };
    let (mut names, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.extend(first_name(group[start..at].trim()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

fn first_name(path: &str) -> Option<&str> {
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    path.get(..end).filter(|name| !name.is_empty() && *name != "super")
}

/// The list as the code has it: for whoever changes it.
pub(crate) fn print() -> anyhow::Result<()> {
    let arrows = found(&super::tracked_files()?)?;
    for name in CRATES {
        println!("{name}");
        let froms: BTreeSet<&str> =
            arrows.iter().filter(|arrow| arrow.0 == name).map(|arrow| arrow.1.as_str()).collect();
        for from in froms {
            let targets = arrows.iter().filter(|arrow| arrow.0 == name && arrow.1 == from);
            let targets: Vec<&str> = targets.map(|arrow| arrow.2.as_str()).collect();
            println!("{from} -> {}", targets.join(" "));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrows_are_found_however_they_are_written() {
        let code = "use crate::shard::hub::Hub;\nuse super::super::journal::Journal;\nlet x = crate::time::now();\n\
                    use super::sibling::A; // crate::hidden\n// crate::comment::B\nuse crate::{a::{b, c}, d,\n    e::f};\n";
        let found: Vec<String> = uses(code, 2).into_iter().collect();
        assert_eq!(found, ["a", "d", "e", "hidden", "journal", "shard", "time"]);
        assert_eq!(module_of("crates/a/src/shard/hub.rs", "crates/a/src/"), Some("shard"));
        assert_eq!(module_of("crates/a/src/time.rs", "crates/a/src/"), Some("time"));
        assert_eq!(module_of("crates/a/src/lib.rs", "crates/a/src/"), None);
        let listed = parse("# why\na\nx -> y z\nb\nx -> y\n");
        assert_eq!(listed.len(), 3);
        assert!(listed.contains(&("a".to_owned(), "x".to_owned(), "z".to_owned())));
    }

    #[test]
    fn circles_are_found_however_long_they_are() {
        let arrow = |from: &str, to: &str| ("a".to_owned(), from.to_owned(), to.to_owned());
        let down = [arrow("x", "y"), arrow("y", "z"), arrow("x", "z")];
        assert!(circles(down.iter()).is_empty());
        let round = [down.to_vec(), vec![arrow("z", "u"), arrow("u", "y"), arrow("u", "v")]].concat();
        assert_eq!(circles(round.iter()), [["u", "y", "z"]]);
        let two = [arrow("x", "y"), arrow("y", "x"), arrow("u", "v"), arrow("v", "u"), arrow("y", "u")];
        assert_eq!(circles(two.iter()), [["u", "v"], ["x", "y"]]);
    }
}
