//! What the commands of one run of a script came to, for the statistics of whoever starts the engine.

use smallvec::SmallVec;

/// The calls of one command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommandTally {
    /// Its place in the host's table.
    pub place: usize,
    /// How often it ran.
    pub calls: u64,
    /// Of those, how many failed.
    pub failed: u64,
    /// How often it was refused before it ran.
    pub rejected: u64,
}

/// The calls of one run.
#[derive(Debug, Default)]
pub struct Tally {
    commands: SmallVec<[CommandTally; 4]>,
    /// Errors by prefix.
    errors: Vec<(String, u64)>,
}

impl Tally {
    /// The commands called.
    pub fn commands(&self) -> impl Iterator<Item = &CommandTally> {
        self.commands.iter()
    }

    /// The errors that commands gave, by prefix, but for one that became the reply of the script itself.
    pub fn errors(&self) -> impl Iterator<Item = (&str, u64)> {
        self.errors.iter().map(|(prefix, count)| (prefix.as_str(), *count)).filter(|(_, count)| *count > 0)
    }

    /// Whether no command was called.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty() && self.errors.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.commands.clear();
        self.errors.clear();
    }

    fn of(&mut self, place: usize) -> &mut CommandTally {
        // A script calls few commands, and mostly the one before.
        let at = self.commands.iter().rposition(|tally| tally.place == place).unwrap_or_else(|| {
            self.commands.push(CommandTally { place, ..CommandTally::default() });
            self.commands.len() - 1
        });
        &mut self.commands[at]
    }

    /// A command has run.
    #[inline]
    pub(crate) fn called(&mut self, place: usize) {
        self.of(place).calls += 1;
    }

    /// A command that has run replied with an error.
    #[cold]
    pub(crate) fn failed(&mut self, place: usize, text: &str) {
        self.of(place).failed += 1;
        self.error(text);
    }

    /// A command was refused.
    #[cold]
    pub(crate) fn rejected(&mut self, place: Option<usize>, text: &str) {
        if let Some(place) = place {
            self.of(place).rejected += 1;
        }
        self.error(text);
    }

    fn error(&mut self, text: &str) {
        let prefix = prefix(text);
        match self.errors.iter_mut().find(|(known, _)| known == prefix) {
            Some((_, count)) => *count += 1,
            None => self.errors.push((prefix.to_owned(), 1)),
        }
    }

    /// An error of a command is the script's own reply: whoever sends that counts it.
    #[cold]
    pub(crate) fn take_back(&mut self, text: &[u8]) {
        let text = kora_core::text::of(text);
        let prefix = prefix(&text);
        if let Some((_, count)) = self.errors.iter_mut().find(|(known, _)| known == prefix) {
            *count = count.saturating_sub(1);
        }
    }
}

/// The first word of an error.
fn prefix(text: &str) -> &str {
    text.split([' ', '\r', '\n']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_errors_are_counted() {
        let mut tally = Tally::default();
        for place in [3, 3, 5, 3] {
            tally.called(place);
        }
        tally.failed(5, "WRONGTYPE Operation");
        tally.rejected(None, "ERR Unknown");
        tally.rejected(Some(7), "ERR Wrong");
        tally.take_back(b"ERR Wrong");
        tally.take_back(b"OOM none");
        let counts: Vec<_> =
            tally.commands().map(|tally| (tally.place, tally.calls, tally.failed, tally.rejected)).collect();
        assert_eq!(counts, [(3, 3, 0, 0), (5, 1, 1, 0), (7, 0, 0, 1)]);
        assert_eq!(tally.errors().collect::<Vec<_>>(), [("WRONGTYPE", 1), ("ERR", 1)]);
        tally.clear();
        assert!(tally.is_empty());
    }
}
