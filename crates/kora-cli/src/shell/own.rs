//! Commands of the client itself.

use std::io::{self, Write};

use super::{Flow, Shell, help, pager, peek};
use crate::catalog::Catalog;
use crate::connection::Endpoint;
use crate::preferences::Preference;
use crate::setup;

impl Shell {
    /// Runs a command of the client itself.
    pub(super) fn run_own(&mut self, name: &str, words: &[Vec<u8>], out: &mut dyn Write) -> io::Result<Flow> {
        let arguments = words.get(1..).unwrap_or_default();
        let texts: Vec<_> = arguments.iter().map(|word| String::from_utf8_lossy(word)).collect();
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        match (name, texts.as_slice()) {
            ("quit" | "exit" | "q", _) => return Ok(Flow::Quit),
            ("help" | "?", topic) => {
                self.learn_commands();
                let catalog = self.shared.catalog.read().map_err(|_| io::ErrorKind::Other)?;
                help::write(&catalog, topic, self.coloured, out)?;
            }
            ("clear", _) => out.write_all(b"\x1b[H\x1b[2J")?,
            ("set", []) => out.write_all(self.shared.preferences.list().as_bytes())?,
            ("set", [word]) if self.shared.preferences.set(word) => {}
            ("set", [word, ..]) => writeln!(out, "unknown kora-cli preference '{word}'; :set lists them")?,
            ("peek", [_]) => {
                let key = arguments.first().cloned().unwrap_or_default();
                let mut text = Vec::new();
                peek::show(&mut self.session, &key, &mut text)?;
                match self.session.prefers(Preference::Pager) {
                    true => pager::show(&text, self.session.interrupt(), out)?,
                    false => out.write_all(&text)?,
                }
                self.shared.keys.add(&key);
            }
            ("connect", [host, port]) => self.connect_to(host, port, out)?,
            ("dsn", [name, uri]) => {
                if let Err(error) = self.configuration.name_server(name, uri) {
                    writeln!(out, "{error}")?;
                }
            }
            ("connect" | "dsn", [name]) => self.connect_to_named(name, out)?,
            ("connect" | "dsn", []) => {
                for name in self.configuration.names() {
                    writeln!(out, "  {name}")?;
                }
            }
            _ => writeln!(out, "unknown kora-cli internal command ':{name}'; :help lists them")?,
        }
        out.flush()?;
        Ok(Flow::Continue)
    }

    /// What is known of a server is of no use with another one.
    fn forget(&self) {
        if let Ok(mut catalog) = self.shared.catalog.write() {
            *catalog = Catalog::default();
        }
        self.shared.keys.clear();
    }

    fn connect_to(&mut self, host: &str, port: &str, out: &mut dyn Write) -> io::Result<()> {
        let Ok(port) = port.parse() else { return out.write_all(b"Invalid server port.\n") };
        self.forget();
        if let Err(error) = self.session.connect_to(Endpoint::Tcp { host: host.to_owned(), port }) {
            self.session.report_unreachable(&error);
        }
        Ok(())
    }

    fn connect_to_named(&mut self, name: &str, out: &mut dyn Write) -> io::Result<()> {
        let Some(args) = &self.args else {
            return out.write_all(b"Names of servers are known in the interactive mode only\n");
        };
        let profile = self.configuration.server(name).and_then(|uri| setup::profile_of(args, uri));
        match profile {
            Ok(profile) => {
                self.forget();
                if let Err(error) = self.session.connect_as(profile) {
                    self.session.report_unreachable(&error);
                }
                Ok(())
            }
            Err(error) => writeln!(out, "{error:#}"),
        }
    }
}
