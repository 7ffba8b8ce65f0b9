//! The manual's pages kora-server(1) and kora.conf(5), for man(1).

use std::fmt::Write;

use super::{LINES, default_of, sections, values, when, without_effect};
use crate::config::command_line::{EXAMPLES, OPTIONS, SYNOPSIS};

/// The page about the program.
#[must_use]
pub fn program() -> String {
    let mut page = head("KORA\\-SERVER", 1, "User Commands");
    section(&mut page, "NAME");
    page.push_str("kora\\-server \\- in\\-memory data store that speaks the Redis protocol\n");
    section(&mut page, "SYNOPSIS");
    let _ = writeln!(page, ".B {}", escaped(SYNOPSIS));
    section(&mut page, "DESCRIPTION");
    paragraph(
        &mut page,
        "Serves clients of the Redis protocol, on 127.0.0.1:6379 unless something else is said, with a thread per core. Every command is atomic and isolated, whatever cores its keys live on.",
    );
    section(&mut page, "OPTIONS");
    OPTIONS.iter().for_each(|(form, text)| tagged(&mut page, form, text));
    section(&mut page, "SIGNALS");
    for (signal, text) in [
        (
            "SIGTERM, SIGINT",
            "The end, after a last snapshot if there are rules for snapshots. A second SIGINT ends at once.",
        ),
        ("SIGHUP, SIGUSR1", "A line in the log, which is in a new file if the old one was moved."),
    ] {
        tagged(&mut page, signal, text);
    }
    section(&mut page, "EXIT STATUS");
    paragraph(&mut page, "0 after an end that was asked for, 1 if something failed.");
    section(&mut page, "EXAMPLES");
    page.push_str(".nf\n");
    EXAMPLES.iter().for_each(|line| {
        let _ = writeln!(page, "{}", escaped(line));
    });
    page.push_str(".fi\n");
    section(&mut page, "FILES");
    tagged(
        &mut page,
        "/etc/kora/kora.conf",
        "The configuration of the service, where a package has installed one.",
    );
    see_also(&mut page, &["kora.conf(5)", "kora-cli(1)"]);
    page
}

/// The page about the configuration file.
#[must_use]
pub fn configuration() -> String {
    let mut page = head("KORA.CONF", 5, "File Formats");
    section(&mut page, "NAME");
    page.push_str("kora.conf \\- configuration of kora\\-server\n");
    section(&mut page, "DESCRIPTION");
    paragraph(
        &mut page,
        "A directive in each line, its name and its values, in the format of redis.conf; # begins a comment at the beginning of a line, and words with spaces stand in quotes. Sizes are numbers of bytes, or have a unit: kb, mb, gb are powers of 1024, k, m, g powers of 1000.",
    );
    paragraph(
        &mut page,
        "Of each directive it is said which values it takes, its default, and whether CONFIG SET takes it while the server runs.",
    );
    for (subject, entries) in sections() {
        section(&mut page, &subject.title.to_uppercase());
        for (entry, directive) in entries {
            let names = directive.names().collect::<Vec<_>>().join(", ");
            let default = default_of(directive);
            let default = if default.is_empty() { "none".into() } else { default };
            let facts = format!(
                "{}; default {default}; change: {}.",
                values(directive.shape),
                when(directive.change)
            );
            tagged(&mut page, &names, entry.text);
            let _ = writeln!(page, ".br\n{}", escaped(&plain(&facts)));
        }
    }
    section(&mut page, "LINES THAT ARE NO SETTINGS");
    LINES.iter().for_each(|(form, text)| tagged(&mut page, form, text));
    let [accepted, refused] = without_effect();
    for (title, intro, lists) in [
        (
            "WITHOUT EFFECT",
            "Directives of Redis and Valkey that are accepted and have nothing to set:",
            accepted,
        ),
        ("REFUSED", "Directives of which only the values are accepted that leave something off:", refused),
    ] {
        section(&mut page, title);
        paragraph(&mut page, intro);
        let names =
            lists.iter().flat_map(|(_, directives)| directives).flat_map(|directive| directive.names());
        paragraph(&mut page, &names.collect::<Vec<_>>().join(", "));
    }
    see_also(&mut page, &["kora-server(1)", "kora-cli(1)"]);
    page
}

fn head(name: &str, number: u8, title: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(".TH {name} {number} \"\" \"Kora {version}\" \"{title}\"\n")
}

fn section(page: &mut String, title: &str) {
    let _ = writeln!(page, ".SH {}", escaped(title));
}

fn paragraph(page: &mut String, text: &str) {
    let _ = writeln!(page, ".PP\n{}", escaped(&plain(text)));
}

fn tagged(page: &mut String, tag: &str, text: &str) {
    let _ = writeln!(page, ".TP\n.B {}\n{}", escaped(tag), escaped(&plain(text)));
}

/// Pages such as `kora.conf(5)`.
fn see_also(page: &mut String, pages: &[&str]) {
    section(page, "SEE ALSO");
    let pages: Vec<String> = pages
        .iter()
        .filter_map(|page| page.split_once('('))
        .map(|(name, number)| format!(".BR {} ({number}", escaped(name)))
        .collect();
    let _ = writeln!(page, "{}", pages.join(" ,\n"));
}

/// Text without the marks of Markdown.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

/// Text that roff shows as it is.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let guarded =
        |line: &str| if line.starts_with(['.', '\'']) { format!("\\&{line}") } else { line.to_owned() };
    text.lines().map(guarded).collect::<Vec<_>>().join("\n")
}
