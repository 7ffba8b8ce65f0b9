//! The arguments that a command still takes, shown behind the cursor while it is typed.

use std::sync::Arc;

use reedline::{Color, Hinter, History};

use crate::catalog::Catalog;
use crate::catalog::syntax::remaining;
use crate::preferences::Preference;
use crate::shared::Shared;
use crate::words::{repeat_prefix, words};

/// Hints at arguments. A hint describes and is nothing to accept, so it is never inserted.
#[derive(Debug)]
pub(super) struct ArgumentHinter {
    shared: Arc<Shared>,
}

impl ArgumentHinter {
    /// Hints from what is known about the server's commands.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl Hinter for ArgumentHinter {
    fn handle(&mut self, line: &str, pos: usize, _: &dyn History, ansi: bool, _cwd: &str) -> String {
        if pos < line.len() || !self.shared.preferences.is(Preference::Hints) {
            return String::new();
        }
        let Ok(catalog) = self.shared.catalog.read() else { return String::new() };
        let hint = hint(&catalog, line).unwrap_or_default();
        if ansi && !hint.is_empty() { Color::DarkGray.paint(hint).to_string() } else { hint }
    }

    fn complete_hint(&self) -> String {
        String::new()
    }

    fn next_hint_token(&self) -> String {
        String::new()
    }
}

/// What to show behind `line`, with the blank that would have to be typed first.
fn hint(catalog: &Catalog, line: &str) -> Option<String> {
    let words = words(line);
    let words = words.get(repeat_prefix(&words)..)?;
    let texts: Vec<&str> = words.iter().map(|word| word.text).collect();
    let (command, named) = catalog.find(&texts)?;
    let rest = remaining(&command.arguments, texts.get(named..)?)?;
    let apart = rest.is_empty() || line.ends_with(char::is_whitespace);
    Some(if apart { rest } else { format!(" {rest}") })
}

#[cfg(test)]
mod tests {
    use kora_protocol::Decoder;

    use super::{Catalog, hint};

    fn catalog() -> Catalog {
        let mut decoder = Decoder::new();
        decoder.feed(b"%1\r\n+get\r\n%1\r\n+arguments\r\n*1\r\n%2\r\n+name\r\n+key\r\n+type\r\n+key\r\n");
        Catalog::read(&decoder.next_frame().expect("valid").expect("whole"))
    }

    #[test]
    fn a_hint_keeps_its_distance() {
        let catalog = catalog();
        let hint = |line| hint(&catalog, line);
        assert_eq!(hint("get").as_deref(), Some(" key"));
        assert_eq!(hint("get ").as_deref(), Some("key"));
        assert_eq!(hint("5 GET ").as_deref(), Some("key"));
        assert_eq!(hint("get a").as_deref(), Some(""));
        assert_eq!(hint("get a b"), None);
        assert_eq!(hint("ge"), None);
        assert_eq!(hint(""), None);
    }
}
