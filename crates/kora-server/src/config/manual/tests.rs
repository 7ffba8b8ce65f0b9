//! Every directive that works has its text, and what is made from the texts holds.

use super::{SECTIONS, file, markdown, roff};
use crate::config::Config;
use crate::config::load::Loader;
use crate::config::table::{Directive, Meaning};

#[test]
fn each_directive_that_works_has_one_text() {
    let texts: Vec<_> = SECTIONS.iter().flat_map(|section| section.entries).map(|entry| entry.name).collect();
    for directive in Directive::all() {
        let count = texts.iter().filter(|name| **name == directive.name).count();
        assert!(count <= 1, "{} has {count} texts", directive.name);
        let works = matches!(directive.meaning, Meaning::Works { .. });
        assert!(count == 1 || !works, "config/manual/texts.rs says nothing of {}", directive.name);
    }
}

fn read(text: &str) -> Config {
    let mut loader = Loader::default();
    loader.stdin(text.as_bytes()).unwrap();
    let loaded = loader.finish().unwrap();
    assert!(loaded.notes.is_empty(), "{:?}", loaded.notes);
    loaded.config
}

#[test]
fn the_stock_file_sets_nothing_by_itself_and_what_it_shows_is_right() {
    let stock = file::stock(&[]);
    assert_eq!(read(&stock).print(), Config::default().print());
    // Each comment that looks like a directive's line can be taken for one.
    let mut taken = 0;
    for line in stock.lines().filter_map(|line| line.strip_prefix("# ")) {
        let word = line.split(' ').next().unwrap_or_default();
        let is_line = Directive::find(word.as_bytes()).is_some() && !word.starts_with(char::is_uppercase);
        if is_line && !matches!(word, "dir") {
            read(line);
            taken += 1;
        }
    }
    let count = SECTIONS.iter().map(|section| section.entries.len()).sum::<usize>();
    assert!(taken + 20 > count, "{taken} of {count} directives are shown");
}

#[test]
fn a_file_sets_what_it_is_told_to() {
    let config = read(&file::stock(&[("port", "7000"), ("supervised", "auto")]));
    assert_eq!(config.port, 7000);
    assert!(file::stock(&[]).lines().all(|line| line.len() <= 200));
}

#[test]
fn pages_name_every_directive() {
    let (page, manual) = (markdown::page(), roff::configuration());
    for name in Directive::all().flat_map(Directive::names) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
        assert!(manual.contains(&name.replace('-', "\\-")), "{name}");
    }
    assert!(roff::program().contains("\\-\\-check\\-config"));
}
