//! The configuration file: preferences, and names of servers. It has the format of redis-cli's, which is read, too.
//!
//! ```text
//! # A line is a command of the client, as at the prompt.
//! :set nohints
//! :dsn live rediss://reader:secret@db.example.org:6380/0
//! ```
//!
//! `KORACLI_RCFILE` names the only file to read. Otherwise `REDISCLI_RCFILE`, or `~/.redisclirc`, is read first, and then
//! `kora/clirc` in the user's configuration folder (`~/.config`).

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use etcetera::BaseStrategy;

use crate::args::{Uri, parse_uri};
use crate::preferences::Preferences;

/// Permissions by which others than the owner can read a file.
const OTHERS_READ: u32 = 0o044;

/// What the files say.
#[derive(Debug, Default)]
pub(crate) struct Configuration {
    /// Words of `:set`, in order.
    preferences: Vec<String>,
    /// Servers by name.
    servers: BTreeMap<String, Uri>,
}

impl Configuration {
    /// Reads the files that there are; what is wrong with them goes to standard error.
    pub(crate) fn read() -> Self {
        let mut configuration = Self::default();
        for path in paths() {
            let Ok(text) = std::fs::read(&path) else { continue };
            for complaint in configuration.take(&String::from_utf8_lossy(&text)) {
                eprintln!("{}: {complaint}", path.display());
            }
            configuration.warn_of_readers(&path);
        }
        configuration
    }

    /// Takes the lines of a file; returns what is wrong with them.
    fn take(&mut self, text: &str) -> Vec<String> {
        let mut complaints = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [":set", word] => self.preferences.push((*word).to_owned()),
                [":dsn", name, uri] => {
                    if let Err(error) = self.name_server(name, uri) {
                        complaints.push(format!("line {number}: {error}"));
                    }
                }
                [first, ..] if first.starts_with(':') => {
                    complaints.push(format!("line {number}: neither ':set PREFERENCE' nor ':dsn NAME URI'"));
                }
                _ => {}
            }
        }
        complaints
    }

    /// Calls the server at `uri` by `name` from now on.
    ///
    /// # Errors
    /// If it is no URI.
    pub(crate) fn name_server(&mut self, name: &str, uri: &str) -> std::result::Result<(), String> {
        parse_uri(uri).map(|uri| drop(self.servers.insert(name.to_owned(), uri)))
    }

    fn warn_of_readers(&self, path: &Path) {
        let has_passwords = self.servers.values().any(|uri| uri.password.is_some());
        let is_readable = std::fs::metadata(path).is_ok_and(|facts| facts.mode() & OTHERS_READ != 0);
        if has_passwords && is_readable {
            eprintln!("{}: others can read the passwords in this file (chmod 600)", path.display());
        }
    }

    /// Sets what the files prefer.
    pub(crate) fn apply(&self, preferences: &Preferences) {
        for word in &self.preferences {
            if !preferences.set(word) {
                eprintln!("unknown kora-cli preference '{word}'");
            }
        }
    }

    /// The server called `name`.
    ///
    /// # Errors
    /// If no file names it.
    pub(crate) fn server(&self, name: &str) -> Result<&Uri> {
        match self.servers.get(name) {
            Some(uri) => Ok(uri),
            None => bail!("no server is called '{name}' in the configuration file: see ':dsn NAME URI'"),
        }
    }

    /// The names of servers.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.servers.keys().map(String::as_str)
    }
}

/// The files to read, in order.
fn paths() -> Vec<PathBuf> {
    if let Some(only) = std::env::var_os("KORACLI_RCFILE") {
        return vec![PathBuf::from(only)];
    }
    let places = etcetera::choose_base_strategy().ok();
    let others = match std::env::var_os("REDISCLI_RCFILE") {
        Some(named) => Some(PathBuf::from(named)),
        None => places.as_ref().map(|places| places.home_dir().join(".redisclirc")),
    };
    let own = places.map(|places| places.config_dir().join("kora/clirc"));
    others.into_iter().chain(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preferences::Preference;

    #[test]
    fn lines_set_preferences_and_name_servers() {
        let mut configuration = Configuration::default();
        let complaints = configuration.take(
            "# a comment\n\n:set nohints\n  :set   vi \n:dsn live rediss://u:p@h:7/2\n:dsn bad http://h\n:what\nplain\n",
        );
        assert_eq!(
            complaints,
            ["line 6: Invalid URI scheme", "line 7: neither ':set PREFERENCE' nor ':dsn NAME URI'"]
        );
        let preferences = Preferences::default();
        configuration.apply(&preferences);
        assert!(!preferences.is(Preference::Hints) && preferences.is(Preference::Vi));
        let uri = configuration.server("live").expect("it has a name");
        assert_eq!((uri.tls, uri.port, uri.db), (true, Some(7), Some(2)));
        assert!(configuration.server("dead").is_err());
        assert_eq!(configuration.names().collect::<Vec<_>>(), ["live"]);
    }
}
