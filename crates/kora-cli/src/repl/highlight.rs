//! Colours of the line being typed; and stars in place of passwords, so that nobody reads them over a shoulder.

use std::sync::{Arc, PoisonError};

use reedline::{Color, Highlighter, StyledText};

use super::prompt::About;
use crate::catalog::Command;
use crate::preferences::Preference;
use crate::shared::Shared;
use crate::words::{repeat_prefix, secrets, words};

/// Paints the line.
#[derive(Debug)]
pub(super) struct LineHighlighter {
    shared: Arc<Shared>,
    coloured: bool,
    about: About,
}

impl LineHighlighter {
    /// Paints known commands; without `coloured` only secrets are hidden.
    pub(super) fn new(shared: Arc<Shared>, coloured: bool, about: About) -> Self {
        Self { shared, coloured, about }
    }

    /// Where the name of the command ends, if the server knows it, and what it is.
    fn command(&self, line: &str) -> Option<(usize, String)> {
        let words = words(line);
        let words = words.get(repeat_prefix(&words)..)?;
        let texts: Vec<&str> = words.iter().map(|word| word.text).collect();
        let catalog = self.shared.catalog.read().ok()?;
        let (command, named) = catalog.find(&texts)?;
        Some((words.get(named - 1)?.range.end, about(command)))
    }
}

impl Highlighter for LineHighlighter {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        let shown = masked(line);
        let (end, about) = self.command(line).unwrap_or_default();
        let is_told = self.shared.preferences.is(Preference::Info);
        *self.about.lock().unwrap_or_else(PoisonError::into_inner) =
            if is_told { about } else { String::new() };
        let (command, rest) = shown.split_at(if self.coloured { end } else { 0 });
        styled.push((Color::Default.bold(), command.to_owned()));
        styled.push((Color::Default.normal(), rest.to_owned()));
        styled
    }
}

/// What a command is, in a few words.
fn about(command: &Command) -> String {
    let since = if command.since.is_empty() { String::new() } else { format!("since {}", command.since) };
    let facts = [command.group.as_str(), since.as_str(), command.cost()];
    facts.into_iter().filter(|fact| !fact.is_empty()).collect::<Vec<_>>().join(", ")
}

/// `line` with every byte of a secret starred: the editor finds the cursor by counting bytes.
fn masked(line: &str) -> String {
    let mut shown = line.to_owned();
    for secret in secrets(line) {
        let stars = "*".repeat(secret.len());
        shown.replace_range(secret, &stars);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn secrets_are_starred() {
        assert_eq!(masked("AUTH joe pässword"), format!("AUTH *** {}", "*".repeat(9)));
        assert_eq!(masked("get auth"), "get auth");
    }
}
