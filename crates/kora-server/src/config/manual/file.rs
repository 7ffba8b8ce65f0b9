//! The stock configuration file: every directive with what it does and its default, as a comment.

use std::fmt::Write;

use super::{Entry, LINES, default_lines, sections, values, when};
use crate::config::table::Directive;

/// Longest line of a comment.
const WIDTH: usize = 100;

const HEAD: &str = "\
A configuration of Kora, in the format of redis.conf. Start the server with it: kora-server /path/to/kora.conf

Each line that begins with # is a comment; take the # away from a directive to set it. What is shown is the default, or an example \
where there is none. `kora-server --check-config FILE` says whether a file is right.";

/// The file in which the directives of `settings` are set to the values there, and all others are comments.
///
/// # Panics
/// If there is no directive of such a name.
#[must_use]
pub fn stock(settings: &[(&str, &str)]) -> String {
    let mut file = String::new();
    HEAD.split('\n').for_each(|paragraph| comment(&mut file, paragraph));
    let mut set = 0;
    for (section, entries) in sections() {
        let _ = write!(file, "\n{}\n# {}\n{0}\n", "#".repeat(WIDTH), section.title);
        for (entry, directive) in entries {
            let values = values(directive.shape).replace('`', "");
            file.push('\n');
            comment(&mut file, &entry.text.replace('`', ""));
            comment(&mut file, &format!("({values}; change: {})", when(directive.change)));
            match settings.iter().find(|(name, _)| *name == entry.name) {
                Some((name, value)) => {
                    set += 1;
                    let _ = writeln!(file, "{name} {value}");
                }
                None => comment_out(&mut file, entry, directive),
            }
        }
    }
    assert_eq!(set, settings.len(), "each setting is of a directive that works");
    let _ = write!(file, "\n{}\n# Lines that are no settings\n{0}\n", "#".repeat(WIDTH));
    for (form, text) in LINES {
        file.push('\n');
        comment(&mut file, text);
        let _ = writeln!(file, "# {form}");
    }
    file
}

/// The lines of a directive that is left as it is.
fn comment_out(file: &mut String, entry: &Entry, directive: &Directive) {
    if !entry.example.is_empty() {
        let _ = writeln!(file, "# {} {}", directive.name, entry.example);
        return;
    }
    for value in default_lines(directive) {
        let _ = writeln!(file, "# {} {value}", directive.name);
    }
}

/// Adds a comment, in lines that are not too long.
fn comment(file: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(file, "{line}");
            line = String::from("#");
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(file, "{line}");
}
