//! The server's command line: a file, then directives as `--name value ...`, as Redis has it.

use super::load::{ConfigError, Loaded, Loader};
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What the program may be given, and what that does.
pub const OPTIONS: &[(&str, &str)] = &[
    ("FILE", "configuration file, in the format of redis.conf"),
    ("--DIRECTIVE VALUE...", "any directive of that file, e.g. --port 6380 --workers 2; the last one counts"),
    ("-", "read more directives from the standard input"),
    ("--check-config FILE", "say whether the file is right, and end"),
    ("--print-config", "print the configuration that would be used, and end"),
    ("--check DIR", "say whether the snapshots and logs in DIR are whole, and end"),
    ("--repair DIR", "make damaged logs in DIR readable up to the damage, keep what was damaged, and end"),
    ("-v, --version", "print the version, and end"),
    ("-h, --help", "print this, and end"),
];

/// The program's forms.
pub const SYNOPSIS: &str = "kora-server [FILE] [--DIRECTIVE VALUE ...] [-]";

/// Some of them.
pub const EXAMPLES: &[&str] = &[
    "kora-server",
    "kora-server --port 7777 --maxmemory 1gb",
    "kora-server /etc/kora/kora.conf --loglevel verbose",
    "echo 'maxclients 100' | kora-server -",
];

/// What `--help` prints.
#[must_use]
pub fn usage() -> String {
    let options: String = OPTIONS.iter().map(|(form, text)| format!("  {form:<20}  {text}\n")).collect();
    let examples: String = EXAMPLES.iter().map(|line| format!("  {line}\n")).collect();
    format!("Usage: {SYNOPSIS}\n\n{options}\nExamples:\n{examples}")
}

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// Run the server.
    Run(Box<Loaded>),
    /// Say that the configuration is right.
    Check(Box<Loaded>),
    /// Print the configuration.
    Print(Box<Loaded>),
    /// Verify the files of a data directory.
    CheckData(PathBuf),
    /// Mend them.
    RepairData(PathBuf),
    /// Print the version.
    Version,
    /// Print [`usage`].
    Help,
}

/// Reads the program's arguments, without its name, and the configuration they name. `stdin` is read only if asked.
///
/// # Errors
/// If an argument, a file or a line is wrong.
pub fn read<A: AsRef<OsStr>>(args: &[A], stdin: &mut dyn Read) -> Result<Invocation, ConfigError> {
    let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_ref().as_bytes()).collect();
    match args.as_slice() {
        [b"-v" | b"--version"] => return Ok(Invocation::Version),
        [b"-h" | b"--help"] => return Ok(Invocation::Help),
        [b"--check-config", file] => {
            let mut loader = Loader::default();
            loader.main_file(Path::new(OsStr::from_bytes(file)))?;
            return Ok(Invocation::Check(Box::new(loader.finish()?)));
        }
        [b"--check", dir] => return Ok(Invocation::CheckData(OsStr::from_bytes(dir).into())),
        [b"--repair", dir] => return Ok(Invocation::RepairData(OsStr::from_bytes(dir).into())),
        [b"--check" | b"--repair", ..] => {
            return Err(ConfigError::Usage("--check and --repair take one directory".into()));
        }
        [b"--check-config", ..] => return Err(ConfigError::Usage("--check-config takes one file".into())),
        _ => {}
    }
    let mut loader = Loader::default();
    let is_file = |arg: &&&[u8]| !arg.starts_with(b"-");
    let file = args.first().filter(is_file);
    if let Some(file) = file {
        loader.main_file(Path::new(OsStr::from_bytes(file)))?;
    }
    let mut rest = &args[usize::from(file.is_some())..];
    if let [others @ .., b"-"] | [b"-", others @ ..] = rest {
        rest = others;
        let mut text = Vec::new();
        let read = stdin.read_to_end(&mut text);
        read.map_err(|error| ConfigError::Unreadable { path: "standard input".into(), error })?;
        loader.stdin(&text)?;
    }
    let is_print = directives(&mut loader, rest)?;
    let loaded = Box::new(loader.finish()?);
    Ok(if is_print { Invocation::Print(loaded) } else { Invocation::Run(loaded) })
}

/// Sets the directives of the command line; whether `--print-config` is among them.
fn directives(loader: &mut Loader, args: &[&[u8]]) -> Result<bool, ConfigError> {
    let mut is_print = false;
    let mut rest = args;
    while let Some((first, others)) = rest.split_first() {
        let Some(name) = first.strip_prefix(b"--").filter(|name| !name.is_empty()) else {
            let first = String::from_utf8_lossy(first);
            return Err(ConfigError::Usage(format!("unexpected argument '{first}'")));
        };
        let is_next = |arg: &&[u8]| arg.len() > 2 && arg.starts_with(b"--");
        let count = others.iter().position(is_next).unwrap_or(others.len());
        let (values, next) = others.split_at(count);
        if name == b"print-config" && values.is_empty() {
            is_print = true;
        } else {
            let words: Vec<Vec<u8>> =
                std::iter::once(name).chain(values.iter().copied()).map(<[u8]>::to_vec).collect();
            loader.argument(&words)?;
        }
        rest = next;
    }
    Ok(is_print)
}
