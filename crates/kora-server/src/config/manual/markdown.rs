//! The page docs/configuration.md.

use std::fmt::Write;

use super::{LINES, default_of, sections, values, when, without_effect};
use crate::config::table::{Directive, Meaning};

/// What the page says before it lists anything.
const HEAD: &str = "\
# Configuration

Made from the table of directives by `cargo xtask docs`.

A configuration file has a directive in each line, its name and its values, in the format of redis.conf; `#` begins a comment at the beginning of a line. Words with
spaces stand in quotes. `kora-server FILE` reads it; `--name value` on the command line, and lines on the standard input (`-`), come after it and count more.
`kora-server --check-config FILE` says whether a file is right, `--print-config` prints everything that would be in force, CONFIG GET what is, CONFIG REWRITE writes it
back into the file. A stock file with all of them is [packaging/kora.conf](../packaging/kora.conf).

Sizes are numbers of bytes, or have a unit: `kb`, `mb`, `gb` are powers of 1024, `k`, `m`, `g` powers of 1000. *change* says whether CONFIG SET takes the directive while the
server runs; *protected* ones only as `enable-protected-configs` has it.
";

/// The page.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(HEAD);
    for (section, entries) in sections() {
        heading(&mut page, section.title, section.intro);
        page.push_str("| directive | default | values | change | what it does |\n|---|---|---|---|---|\n");
        for (entry, directive) in entries {
            let names: Vec<String> = directive.names().map(|name| format!("`{name}`")).collect();
            let default = Some(default_of(directive)).filter(|default| !default.is_empty());
            let default = default.map(|default| format!("`{default}`")).unwrap_or_default();
            let row =
                [&names.join(", "), &default, &values(directive.shape), when(directive.change), entry.text];
            table_row(&mut page, &row);
        }
    }
    heading(&mut page, "Lines that are no settings", "CONFIG GET does not show these.");
    page.push_str("| line | what it does |\n|---|---|\n");
    for (form, text) in LINES {
        table_row(&mut page, &[&format!("`{form}`"), text]);
    }
    let [accepted, refused] = without_effect();
    heading(
        &mut page,
        "Accepted, and without effect",
        "These are directives of Redis and Valkey that have nothing to set here. The log says so at the start; CONFIG GET shows what was given.",
    );
    page.push_str("| why | directives |\n|---|---|\n");
    for (reason, directives) in accepted {
        table_row(&mut page, &[reason, &named(&directives)]);
    }
    heading(
        &mut page,
        "Refused",
        "What these directives turn on does not exist. Only the values that leave it off are accepted.",
    );
    page.push_str("| what is not available | directives, and what they accept |\n|---|---|\n");
    for (needs, directives) in refused {
        // Written so that an error can go on: "replication is".
        let what = needs.strip_suffix(" is").unwrap_or(needs);
        table_row(&mut page, &[what, &named(&directives)]);
    }
    page
}

fn heading(page: &mut String, title: &str, intro: &str) {
    let _ = write!(page, "\n## {title}\n\n");
    if !intro.is_empty() {
        let _ = write!(page, "{intro}\n\n");
    }
}

fn table_row(page: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    let _ = writeln!(page, "| {} |", cells.join(" | "));
}

fn named(directives: &[&Directive]) -> String {
    let name = |directive: &&Directive| {
        let names: Vec<String> = directive.names().map(|name| format!("`{name}`")).collect();
        match directive.meaning {
            Meaning::Unavailable { off, .. } => {
                let off: Vec<_> = off.iter().map(|off| if off.is_empty() { "\"\"" } else { off }).collect();
                format!("{} ({})", names.join(", "), off.join(", "))
            }
            _ => names.join(", "),
        }
    };
    directives.iter().map(name).collect::<Vec<_>>().join(", ")
}
