//! Links between pages: each leads to a file, and to a heading if it names one; the book's contents have every page.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use anyhow::Context;

use crate::docs::SUMMARY;

/// Complains of links that lead nowhere, and of pages that the book lacks.
pub(crate) fn check(files: &[String], complaints: &mut Vec<String>) -> anyhow::Result<()> {
    let mut pages = HashMap::new();
    for file in files.iter().filter(|file| file.ends_with(".md")) {
        let text = std::fs::read_to_string(file).with_context(|| file.clone())?;
        pages.insert(PathBuf::from(file), text);
    }
    for (page, text) in &pages {
        for (number, target) in links(text) {
            if let Some(complaint) = complaint(&pages, page, &target) {
                complaints.push(format!("{}:{number}: {complaint}", page.display()));
            }
        }
    }
    let contents = pages.get(Path::new(SUMMARY)).map(String::as_str).unwrap_or_default();
    let listed: Vec<PathBuf> =
        links(contents).into_iter().map(|(_, target)| Path::new("docs").join(target)).collect();
    for page in pages.keys().filter(|page| page.starts_with("docs") && *page != Path::new(SUMMARY)) {
        if !listed.contains(page) {
            complaints.push(format!("{SUMMARY}: lacks {}", page.display()));
        }
    }
    Ok(())
}

/// What is wrong with a link on a page.
fn complaint(pages: &HashMap<PathBuf, String>, page: &Path, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = target.split_once('#').unwrap_or((target, ""));
    let folder = page.parent().unwrap_or(Path::new(""));
    let path = if file.is_empty() { page.to_owned() } else { normal(&folder.join(file)) };
    if !path.exists() {
        return Some(format!("{target} does not exist"));
    }
    let text = pages.get(&path).filter(|_| !heading.is_empty())?;
    let is_there = headings(text).any(|found| found == heading);
    (!is_there).then(|| format!("{} has no heading for #{heading}", path.display()))
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                found.pop();
            }
            Component::CurDir => {}
            part => found.push(part),
        }
    }
    found
}

/// The lines of a page that are prose: without blocks of code, and without code in a line.
fn prose(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut is_code = false;
    let lines = text.lines().enumerate().filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.map(|(index, line)| (index + 1, line.split('`').step_by(2).collect::<Vec<_>>().join("``")))
}

/// Targets of links with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        for part in line.split("](").skip(1) {
            if let Some((target, _)) = part.split_once(')') {
                found.push((number, target.to_owned()));
            }
        }
    }
    found
}

/// The names under which a page's headings can be linked to.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let mut is_code = false;
    let titles = text.lines().filter_map(move |line| {
        is_code ^= line.trim_start().starts_with("```");
        let title = line.trim_start_matches('#');
        (!is_code && line.len() != title.len()).then(|| title.strip_prefix(' ')).flatten()
    });
    titles.map(|title| {
        let kept = title.trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::{complaint, links};
    use std::collections::HashMap;
    use std::path::{Path, PathBuf};

    #[test]
    fn links_are_found_outside_of_code() {
        let text = "[a](x.md) and `[b](y.md)` [c](z.md#part-one)\n```\n[d](w.md)\n```\n";
        let targets: Vec<_> = links(text).into_iter().map(|(_, target)| target).collect();
        assert_eq!(targets, ["x.md", "z.md#part-one"]);
    }

    #[test]
    fn a_heading_that_is_not_there_is_a_complaint() {
        let page = PathBuf::from("Cargo.toml");
        let pages = HashMap::from([(page.clone(), "## Part `one`, again\n".to_owned())]);
        assert_eq!(complaint(&pages, &page, "#part-one-again"), None);
        assert!(complaint(&pages, &page, "#part-two").is_some());
        assert!(complaint(&pages, &page, "nowhere.md").is_some());
        assert_eq!(complaint(&pages, Path::new("x/y.md"), "https://example.org"), None);
    }
}
