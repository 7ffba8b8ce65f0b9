//! Colours of the line being typed; and stars in place of passwords, so that nobody reads them over a shoulder.

use std::sync::Arc;

use reedline::{Color, Highlighter, StyledText};

use crate::shell::Shared;
use crate::words::{repeat_prefix, secrets, words};

/// Paints the line.
#[derive(Debug)]
pub(super) struct LineHighlighter {
    shared: Arc<Shared>,
    coloured: bool,
}

impl LineHighlighter {
    /// Paints known commands; without `coloured` only secrets are hidden.
    pub(super) fn new(shared: Arc<Shared>, coloured: bool) -> Self {
        Self { shared, coloured }
    }

    /// Where the name of the command is, if the server knows it.
    fn command_end(&self, line: &str) -> Option<usize> {
        if !self.coloured {
            return None;
        }
        let words = words(line);
        let words = words.get(repeat_prefix(&words)..)?;
        let texts: Vec<&str> = words.iter().map(|word| word.text).collect();
        let catalog = self.shared.catalog.read().ok()?;
        let (_, named) = catalog.find(&texts)?;
        words.get(named - 1).map(|word| word.range.end)
    }
}

impl Highlighter for LineHighlighter {
    fn highlight(&self, line: &str, _cursor: usize) -> StyledText {
        let mut styled = StyledText::new();
        let shown = masked(line);
        let (command, rest) = shown.split_at(self.command_end(line).unwrap_or(0));
        styled.push((Color::Default.bold(), command.to_owned()));
        styled.push((Color::Default.normal(), rest.to_owned()));
        styled
    }
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
