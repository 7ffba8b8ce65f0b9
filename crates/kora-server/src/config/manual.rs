//! What each directive does, in a sentence or two, by subject; from this and the table come the page docs/configuration.md
//! ([`markdown`]), the stock configuration file ([`file`]) and the manual's pages ([`roff`]).
//!
//! A directive that works has one text here: a test walks the table. Of the others the table itself says why they change nothing.

pub mod file;
pub mod markdown;
pub mod roff;
mod texts;

use super::Config;
use super::table::{Change, Directive, Meaning};
use super::value::{Setting, Shape};
use texts::SECTIONS;

/// Directives about one subject.
#[derive(Debug)]
struct Section {
    title: &'static str,
    /// What holds for all of them; may be empty.
    intro: &'static str,
    entries: &'static [Entry],
}

/// A directive and what it does.
#[derive(Debug)]
struct Entry {
    name: &'static str,
    text: &'static str,
    /// A value to show where the default is none.
    example: &'static str,
}

const fn entry(name: &'static str, text: &'static str) -> Entry {
    Entry { name, text, example: "" }
}

impl Entry {
    const fn such_as(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }
}

/// Lines of a configuration file that set nothing which CONFIG GET shows.
const LINES: &[(&str, &str)] = &[
    (
        "include FILE",
        "Reads another file at this place. The last part of its path may be a pattern, such as /etc/kora/*.conf: files come in the order of their names.",
    ),
    ("user NAME RULE ...", "Declares a user, by the rules of ACL SETUSER. Not together with aclfile."),
    ("rename-command NAME NEW", "Gives a command another name for clients, or none at all if NEW is \"\"."),
];

/// The sections with those of their entries that belong to directives which work, if there are any.
fn sections() -> impl Iterator<Item = (&'static Section, Vec<(&'static Entry, &'static Directive)>)> {
    let sections = SECTIONS.iter().map(|section| {
        let known = |entry: &'static Entry| {
            let directive = Directive::find(entry.name.as_bytes())?;
            matches!(directive.meaning, Meaning::Works { .. }).then_some((entry, directive))
        };
        (section, section.entries.iter().filter_map(known).collect())
    });
    sections.filter(|(_, entries): &(_, Vec<_>)| !entries.is_empty())
}

/// What a directive's value may be.
fn values(shape: Shape) -> String {
    match shape {
        Shape::Bool => "`yes` or `no`".into(),
        Shape::Int(min, max) if max >= i64::from(i32::MAX) => format!("a number from {min}"),
        Shape::Int(min, max) => format!("a number from {min} to {max}"),
        Shape::Octal => "permissions, in octal".into(),
        Shape::Bytes(0, _) => "a size".into(),
        Shape::Bytes(min, _) => format!("a size from {}", text(&Setting::Bytes(min).spelled())),
        Shape::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Shape::Choices(words) => format!("words of {}", words.join(", ")),
        Shape::Text | Shape::Opaque => "text".into(),
        _ => "words".into(),
    }
}

/// When a directive can be changed.
fn when(change: Change) -> &'static str {
    match change {
        Change::AnyTime => "any time",
        Change::AtStart | Change::ProtectedAtStart => "at start",
        Change::Protected => "any time, protected",
    }
}

/// The value of a directive that nobody sets, as a file spells it; nothing for an empty one.
fn default_of(directive: &Directive) -> String {
    // That of `dir` would be the directory in which this text is made.
    let default = if directive.name == "dir" { Vec::new() } else { directive.default_setting().spelled() };
    Some(text(&default)).filter(|default| default != "\"\"").unwrap_or_default()
}

/// The lines that set a directive to its default.
fn default_lines(directive: &Directive) -> Vec<String> {
    match directive.meaning {
        Meaning::Works { lines: Some(lines), .. } => {
            lines(&Config::default()).iter().map(|line| text(line)).collect()
        }
        _ => vec![text(&directive.default_setting().spelled())],
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Directives by the reason why they change nothing.
type ByReason = Vec<(&'static str, Vec<&'static Directive>)>;

/// The directives that are accepted and change nothing, and those that are refused unless they are left off.
fn without_effect() -> [ByReason; 2] {
    let mut lists = [ByReason::new(), ByReason::new()];
    for directive in Directive::all() {
        let (list, reason) = match directive.meaning {
            Meaning::Works { .. } => continue,
            Meaning::Inert { because, .. } => (&mut lists[0], because),
            Meaning::Unavailable { needs, .. } => (&mut lists[1], needs),
        };
        match list.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, directives)) => directives.push(directive),
            None => list.push((reason, vec![directive])),
        }
    }
    lists
}

#[cfg(test)]
mod tests;
