//! Reads configuration files: lines of a directive and its arguments, comments, and `include`.

use super::Config;
use super::nearest::nearest;
use super::table::{Directive, Meaning};
use super::users::{self, UserLine};
use kora_core::glob;
use kora_engine::settings::RenamedCommand;
use kora_protocol::split_line;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How deep files may include one another, which ends a file that includes itself.
const INCLUDE_DEPTH_MAX: usize = 16;

/// Directives of Redis that are no settings and have no counterpart here yet, with what they need.
const UNAVAILABLE: [(&str, &str); 2] =
    [("loadmodule", "loading modules is"), ("loadmodule-ex", "loading modules is")];

/// The directive that gives a command another name for clients. It is no setting: CONFIG does not know it.
const RENAME: &str = "rename-command";

/// Where a line stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinePosition {
    /// In a file; lines count from 1.
    File(PathBuf, usize),
    /// In the standard input; lines count from 1.
    Stdin(usize),
    /// Among the program's arguments.
    CommandLine,
}

impl fmt::Display for LinePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Stdin(line) => write!(f, "standard input:{line}"),
            Self::CommandLine => f.write_str("command line"),
        }
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file can't be read.
    #[error("can't read the configuration file {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A line is wrong.
    #[error("{place}: '{line}': {reason}")]
    Line {
        /// Where it stands.
        place: LinePosition,
        /// The line.
        line: String,
        /// What is wrong.
        reason: String,
    },
    /// The program's arguments are not of a known form.
    #[error("{0}; see --help")]
    Usage(String),
}

/// Reads sources one after the other into one configuration: the last value of a directive counts.
#[derive(Debug, Default)]
pub struct Loader {
    config: Config,
    /// What lines of directives that accumulate have said so far.
    accumulated: BTreeMap<&'static str, Vec<Vec<u8>>>,
    without_effect: BTreeMap<&'static str, Vec<&'static str>>,
}

/// A configuration, and what is to be logged about it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// One line per reason why directives that were given have no effect.
    pub notes: Vec<String>,
}

impl Loader {
    /// Reads the file that CONFIG REWRITE will write.
    ///
    /// # Errors
    /// If it can't be read or a line is wrong.
    pub fn main_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let unreadable = |error| ConfigError::Unreadable { path: path.into(), error };
        self.config.file = Some(std::path::absolute(path).map_err(unreadable)?);
        self.file(path, 0)
    }

    fn file(&mut self, path: &Path, depth: usize) -> Result<(), ConfigError> {
        let unreadable = |error| ConfigError::Unreadable { path: path.into(), error };
        let text = std::fs::read(path).map_err(unreadable)?;
        self.text(&text, depth, |line| LinePosition::File(path.into(), line))
    }

    /// Reads what came through the standard input.
    ///
    /// # Errors
    /// If a line is wrong.
    pub fn stdin(&mut self, text: &[u8]) -> Result<(), ConfigError> {
        self.text(text, 0, LinePosition::Stdin)
    }

    fn text(
        &mut self,
        text: &[u8],
        depth: usize,
        place: impl Fn(usize) -> LinePosition,
    ) -> Result<(), ConfigError> {
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            let at = |reason| ConfigError::Line {
                place: place(index + 1),
                line: String::from_utf8_lossy(line).into_owned(),
                reason,
            };
            if let Some(words) = words(line).map_err(at)? {
                match include(&words, depth).map_err(at)? {
                    Some(files) => files.iter().try_for_each(|file| self.file(file, depth + 1))?,
                    None => self.directive(&words, || place(index + 1)).map_err(at)?,
                }
            }
        }
        Ok(())
    }

    /// Sets one directive from the program's arguments: its name, then its values.
    ///
    /// # Errors
    /// If it is unknown or its values are wrong.
    pub fn argument(&mut self, words: &[Vec<u8>]) -> Result<(), ConfigError> {
        self.directive(words, || LinePosition::CommandLine).map_err(|reason| ConfigError::Line {
            place: LinePosition::CommandLine,
            line: format!("--{}", String::from_utf8_lossy(&words.join(&b' '))),
            reason,
        })
    }

    fn directive(&mut self, words: &[Vec<u8>], place: impl Fn() -> LinePosition) -> Result<(), String> {
        let (name, args) = words.split_first().expect("a line without words is no directive");
        if name.eq_ignore_ascii_case(users::NAME) {
            if args.is_empty() {
                return Err("wrong number of arguments".into());
            }
            self.config.user_lines.push(UserLine { place: place(), words: args.to_vec() });
            return Ok(());
        }
        if name.eq_ignore_ascii_case(RENAME.as_bytes()) {
            let [from, to] = args else { return Err("wrong number of arguments".into()) };
            self.config.renamed_commands.push(RenamedCommand { from: from.clone(), to: to.clone() });
            return Ok(());
        }
        let directive = Directive::find(name).ok_or_else(|| unknown(name))?;
        if args.is_empty() {
            return Err("wrong number of arguments".into());
        }
        if directive.accumulates {
            let mut all = self.accumulated.get(directive.name).cloned().unwrap_or_default();
            if args.iter().all(|arg| arg.is_empty()) {
                all.clear();
            } else {
                all.extend_from_slice(args);
            }
            directive.set(&mut self.config, &all)?;
            self.accumulated.insert(directive.name, all);
        } else {
            directive.set(&mut self.config, args)?;
        }
        if let Meaning::Inert { because, .. } = directive.meaning {
            let names = self.without_effect.entry(because).or_default();
            if !names.contains(&directive.name) {
                names.push(directive.name);
            }
        }
        Ok(())
    }

    /// The configuration that was read.
    ///
    /// # Errors
    /// None so far.
    pub fn finish(self) -> Result<Loaded, ConfigError> {
        let notes = self.without_effect.into_iter().map(|(because, names)| {
            format!("accepted, but without effect in Kora: {} ({because})", names.join(", "))
        });
        Ok(Loaded { config: self.config, notes: notes.collect() })
    }
}

/// The words of a line; none for a comment or an empty line.
pub(super) fn words(line: &[u8]) -> Result<Option<Vec<Vec<u8>>>, String> {
    if line.is_empty() || line[0] == b'#' {
        return Ok(None);
    }
    let words = split_line(line).map_err(|_| "Unbalanced quotes in configuration line")?;
    Ok(Some(words).filter(|words| !words.is_empty()))
}

/// The files an `include` line names; none if it is another line.
fn include(words: &[Vec<u8>], depth: usize) -> Result<Option<Vec<PathBuf>>, String> {
    if !words[0].eq_ignore_ascii_case(b"include") {
        return Ok(None);
    }
    let [_, path] = words else { return Err("wrong number of arguments".into()) };
    if depth == INCLUDE_DEPTH_MAX {
        return Err(format!("files include one another more than {INCLUDE_DEPTH_MAX} deep"));
    }
    let path = Path::new(OsStr::from_bytes(path));
    let pattern = path.file_name().map(OsStr::as_bytes).unwrap_or_default();
    if !pattern.iter().any(|byte| b"*?[".contains(byte)) {
        return Ok(Some(vec![path.into()]));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok())
        .filter(|entry| glob::matches(pattern, entry.file_name().as_bytes()))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    Ok(Some(files))
}

fn unknown(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    if let Some((_, needs)) = UNAVAILABLE.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
        return format!("{needs} not available in this version of Kora");
    }
    match nearest(&name, Directive::all().flat_map(Directive::names)) {
        Some(known) => format!("unknown directive '{name}'; did you mean '{known}'?"),
        None => format!("unknown directive '{name}'"),
    }
}
