//! Lines of commands, typed or read from standard input: what is the client's own is done here, the rest is sent.

mod confirm;
mod help;
mod own;
mod pager;
mod peek;
mod pipe;

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kora_protocol::split_line;

use crate::args::Args;
use crate::catalog::Catalog;
use crate::preferences::Preference;
use crate::rcfile::Configuration;
use crate::session::{Outcome, Session};
use crate::shared::Shared;

/// Commands that take longer say how long they took.
const LONG: Duration = Duration::from_millis(500);

/// Commands after which there may be other indexes, fields or collections.
const CHANGE_INDEXES: [&str; 7] =
    ["ft.create", "ft.dropindex", "ft.alter", "doc.create", "doc.drop", "flushall", "flushdb"];

/// What to do after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Read the next one.
    Continue,
    /// End.
    Quit,
}

/// Runs lines in a session.
#[derive(Debug)]
pub(crate) struct Shell {
    session: Session,
    shared: Arc<Shared>,
    coloured: bool,
    configuration: Configuration,
    args: Option<Args>,
    /// Whether the reply of the command being run goes to a program; then it has been asked about.
    is_piping: bool,
}

impl Shell {
    /// A shell of `session`; `coloured` says whether help is.
    pub(crate) fn new(session: Session, coloured: bool) -> Self {
        let shared = Arc::clone(session.shared());
        Self {
            session,
            shared,
            coloured,
            configuration: Configuration::default(),
            args: None,
            is_piping: false,
        }
    }

    /// Prefers what `configuration` says, and knows its servers, to which it connects as `args` say.
    pub(crate) fn configure(&mut self, configuration: Configuration, args: Args) {
        configuration.apply(&self.shared.preferences);
        self.configuration = configuration;
        self.args = Some(args);
    }

    /// What is shared with the line editor.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// The session.
    pub(crate) fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Asks the server for its commands, unless they are known.
    pub(crate) fn learn_commands(&mut self) {
        let known = self.shared.catalog.read().is_ok_and(|catalog| catalog.commands().next().is_some());
        if known {
            return;
        }
        // Without an answer there are no hints, and the next command will tell what is wrong.
        if let Ok(connection) = self.session.connect()
            && let Ok(fetched) = Catalog::fetch(connection)
            && let Ok(mut catalog) = self.shared.catalog.write()
        {
            *catalog = fetched;
        }
    }

    /// Asks the server for its indexes, of which there may be others now.
    fn learn_indexes(&mut self) {
        // Without an answer those of before are offered.
        if let Ok(connection) = self.session.connect()
            && let Ok(mut catalog) = self.shared.catalog.write()
        {
            let _ = catalog.fetch_indexes(connection);
        }
    }

    /// Runs the lines of `input` until it or the session ends.
    ///
    /// # Errors
    /// If `input` cannot be read or `out` not be written.
    pub(crate) fn run_all(&mut self, mut input: impl BufRead, out: &mut dyn Write) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 || self.run_line(&line, out)? == Flow::Quit {
                return Ok(());
            }
        }
    }

    /// Runs one line.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub(crate) fn run_line(&mut self, line: &[u8], out: &mut dyn Write) -> io::Result<Flow> {
        if self.asks_for(Preference::Pipes)
            && let Ok(text) = std::str::from_utf8(line)
            && let Some((command, program)) = pipe::split(text)
        {
            return self.run_piped(command, program, out);
        }
        let Ok(words) = split_line(line) else {
            out.write_all(b"Invalid argument(s)\n")?;
            return Ok(Flow::Continue);
        };
        let Some((count, words)) = repetitions(&words) else {
            out.write_all(b"Invalid kora-cli repeat command option value.\n")?;
            return Ok(Flow::Continue);
        };
        let Some(first) = words.first() else { return Ok(Flow::Continue) };
        if let Some(name) = first.strip_prefix(b":").or_else(|| first.strip_prefix(b"\\")) {
            return self.run_own(&String::from_utf8_lossy(name), words, out);
        }
        let name = String::from_utf8_lossy(first).to_ascii_lowercase();
        match name.as_str() {
            "quit" | "exit" | "help" | "?" | "clear" => self.run_own(&name, words, out),
            "connect" if words.len() == 3 => self.run_own(&name, words, out),
            "peek" if words.len() == 2 && self.session.is_for_a_person() => self.run_own(&name, words, out),
            _ => {
                self.run_on_server(words, count, out)?;
                Ok(Flow::Continue)
            }
        }
    }

    /// Sends a command `count` times, after a question if it needs one.
    fn run_on_server(&mut self, words: &[Vec<u8>], count: u64, out: &mut dyn Write) -> io::Result<()> {
        if !self.may_run(words, out)? {
            return Ok(());
        }
        let mut elapsed = Duration::ZERO;
        for _ in 0..count {
            let (outcome, took) = self.run_once(words, out)?;
            elapsed += took;
            if outcome == Outcome::Lost {
                break;
            }
        }
        if !self.session.is_for_a_person() {
            return Ok(());
        }
        let name = words.first().map(|name| String::from_utf8_lossy(name).to_ascii_lowercase());
        if name.is_some_and(|name| CHANGE_INDEXES.contains(&name.as_str())) {
            self.learn_indexes();
        }
        if elapsed > LONG {
            writeln!(out, "({:.2}s)", elapsed.as_secs_f64())?;
        }
        Ok(())
    }

    /// Whether a person wants `preference` for lines that are typed, whatever the form of replies.
    fn asks_for(&self, preference: Preference) -> bool {
        !self.is_piping && self.session.is_attended() && self.shared.preferences.is(preference)
    }

    /// Whether a command is to be sent: the person is asked, if it does much harm.
    fn may_run(&self, words: &[Vec<u8>], out: &mut dyn Write) -> io::Result<bool> {
        if !self.asks_for(Preference::Confirm) {
            return Ok(true);
        }
        let Some(danger) = confirm::danger(words) else { return Ok(true) };
        let is_wanted = confirm::ask(words, danger, self.session.interrupt(), out)?;
        if !is_wanted {
            out.write_all(b"Not sent.\n")?;
        }
        Ok(is_wanted)
    }

    /// Sends a command; a long reply is shown as a person prefers it. Returns what became of it, and how long the server took.
    fn run_once(&mut self, words: &[Vec<u8>], out: &mut dyn Write) -> io::Result<(Outcome, Duration)> {
        let begun = Instant::now();
        let is_paged = self.session.prefers(Preference::Pager) && !Session::is_endless(words);
        let mut reply = Vec::new();
        let outcome = self.session.run(words, if is_paged { &mut reply } else { &mut *out })?;
        let elapsed = begun.elapsed();
        if is_paged {
            pager::show(&reply, self.session.interrupt(), out)?;
        }
        if outcome == Outcome::Done && self.session.is_for_a_person() {
            self.remember_keys(words);
        }
        Ok((outcome, elapsed))
    }

    /// Remembers the keys among `words`, for completion.
    fn remember_keys(&self, words: &[Vec<u8>]) {
        let Ok(catalog) = self.shared.catalog.read() else { return };
        let texts: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        let Some((command, named)) = catalog.find(&texts) else { return };
        for (position, key) in words.iter().skip(named).enumerate() {
            if command.has_key_at(position) {
                self.shared.keys.add(key);
            }
        }
    }

    /// Gives the reply of `command` to a program.
    fn run_piped(&mut self, command: &str, program: &str, out: &mut dyn Write) -> io::Result<Flow> {
        if let Ok(words) = split_line(command.as_bytes())
            && let Some((_, words)) = repetitions(&words)
            && !self.may_run(words, out)?
        {
            return Ok(Flow::Continue);
        }
        let mut reply = Vec::new();
        let form = self.session.print_for_programs();
        self.is_piping = true;
        let flow = self.run_line(command.as_bytes(), &mut reply);
        self.is_piping = false;
        self.session.set_form(form);
        let flow = flow?;
        out.flush()?;
        if let Err(error) = pipe::run(program, &reply) {
            writeln!(out, "sh: {error}")?;
        }
        Ok(flow)
    }
}

/// The number of times that a line asks its command to be run, and the command; `None` if the number is none.
fn repetitions(words: &[Vec<u8>]) -> Option<(u64, &[Vec<u8>])> {
    let count: Option<i64> =
        words.first().and_then(|word| std::str::from_utf8(word).ok()).and_then(|word| word.parse().ok());
    match (count, words) {
        (Some(count), [_, command @ ..]) if !command.is_empty() => {
            let count = u64::try_from(count).ok().filter(|count| *count > 0)?;
            Some((count, command))
        }
        _ => Some((1, words)),
    }
}

#[cfg(test)]
mod tests {
    use super::repetitions;

    #[test]
    fn a_number_before_a_command_repeats_it() {
        let found = |line: &str| {
            let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
            repetitions(&words).map(|(count, command)| (count, command.len()))
        };
        assert_eq!(found("5 incr a"), Some((5, 2)));
        assert_eq!(found("incr 5"), Some((1, 2)));
        assert_eq!(found("5"), Some((1, 1)));
        assert_eq!([found("0 ping"), found("-1 ping")], [None, None]);
    }
}
