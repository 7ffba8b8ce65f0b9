//! The command line, declared once: clap derives parsing and `--help` from it.
//!
//! Flags are those of redis-cli, so `-h` is the host and help is `--help` or `-?`. Options end at the first word that is
//! none: what follows is a command, whatever its words look like.

mod refused;
mod uri;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{ArgAction, Parser};
use clap_complete::Shell;
use kora_protocol::split_line;

pub(crate) use refused::Refused;
pub(crate) use uri::Uri;
pub(crate) use uri::parse as parse_uri;

/// Interactive and one-shot client of Kora and of other servers that speak the Redis protocol.
///
/// Without a command it is interactive, or reads commands from standard input, one on each line.
// Many fields: one for each option.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "kora-cli",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    args_override_self = true,
    override_usage = "kora-cli [OPTIONS] [COMMAND [ARGUMENT...]]"
)]
pub(crate) struct Args {
    /// Host of the server.
    #[arg(short = 'h', value_name = "HOST", default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// Port of the server.
    #[arg(short = 'p', value_name = "PORT", default_value_t = 6379)]
    pub(crate) port: u16,
    /// Seconds to wait for the connection; 0 leaves it to the system.
    #[arg(short = 't', value_name = "SECONDS", default_value = "0", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) connect_timeout: Duration,
    /// Unix socket of the server, instead of host and port.
    #[arg(short = 's', value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Password. The environment variables KORACLI_AUTH and REDISCLI_AUTH are safer.
    #[arg(short = 'a', long = "pass", value_name = "PASSWORD", allow_hyphen_values = true)]
    pub(crate) password: Option<String>,
    /// User to log in as, with the password given.
    #[arg(long, value_name = "NAME", allow_hyphen_values = true)]
    pub(crate) user: Option<String>,
    /// Ask for the password; what is typed is not shown.
    #[arg(long)]
    pub(crate) askpass: bool,
    /// Server, user, password and database in one: redis://user:password@host:port/db.
    #[arg(short = 'u', value_name = "URI", value_parser = uri::parse)]
    pub(crate) uri: Option<Uri>,
    /// Server by a name that the configuration file gives to a URI: ":dsn NAME URI".
    #[arg(long, value_name = "NAME", conflicts_with = "uri")]
    pub(crate) dsn: Option<String>,
    /// Database to select.
    #[arg(short = 'n', value_name = "DB")]
    pub(crate) db: Option<u32>,
    /// Try addresses of IPv4 first.
    #[arg(short = '4', overrides_with = "ipv6")]
    pub(crate) ipv4: bool,
    /// Try addresses of IPv6 first.
    #[arg(short = '6', overrides_with = "ipv4")]
    pub(crate) ipv6: bool,
    /// Follow the redirections of a cluster, MOVED and ASK.
    #[arg(short = 'c')]
    pub(crate) cluster: bool,
    /// Encrypt the connection; rediss:// does so, too. What else is said of encryption counts only then.
    #[arg(long)]
    pub(crate) tls: bool,
    /// Name of the server that its certificate must be of, and that it is told, instead of the host.
    #[arg(long, value_name = "NAME")]
    pub(crate) sni: Option<String>,
    /// File of authorities to trust instead of the system's. They are trusted for any name, unless --sni gives one.
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// The same, all files of a folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) cacertdir: Option<PathBuf>,
    /// Certificate to show to the server.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Private key of that certificate.
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Believe whoever answers.
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Ciphers of TLS 1.2 that may be used, as OpenSSL names them.
    #[arg(long, value_name = "LIST", allow_hyphen_values = true)]
    pub(crate) tls_ciphers: Option<String>,
    /// Cipher suites of TLS 1.3 that may be used.
    #[arg(long, value_name = "LIST")]
    pub(crate) tls_ciphersuites: Option<String>,
    /// Speak RESP2.
    #[arg(short = '2', overrides_with = "resp3")]
    pub(crate) resp2: bool,
    /// Speak RESP3.
    #[arg(short = '3', overrides_with = "resp2")]
    pub(crate) resp3: bool,

    /// Run the command this many times; -1 without end.
    #[arg(short = 'r', value_name = "COUNT", default_value_t = 1, allow_negative_numbers = true)]
    pub(crate) repeat: i64,
    /// Seconds between repetitions, and between the steps of --scan, --stat and --latency; after each 100 steps of --bigkeys,
    /// --memkeys, --keystats and --hotkeys.
    #[arg(short = 'i', value_name = "SECONDS", value_parser = seconds)]
    pub(crate) interval: Option<Duration>,
    /// Append standard input as the last argument.
    #[arg(short = 'x', conflicts_with = "stdin_tag")]
    pub(crate) stdin_last: bool,
    /// Put standard input in place of the argument TAG.
    #[arg(short = 'X', value_name = "TAG", allow_hyphen_values = true)]
    pub(crate) stdin_tag: Option<OsString>,
    /// Exit with status 1 if the command fails.
    #[arg(short = 'e')]
    pub(crate) fail_on_error: bool,
    /// Arguments of the command are quoted strings: '"a\x00b"'.
    #[arg(long)]
    pub(crate) quoted_input: bool,

    /// Print replies as bytes alone (the default if standard output is no terminal).
    #[arg(long, overrides_with_all = ["no_raw", "csv", "json", "quoted_json"])]
    pub(crate) raw: bool,
    /// Print replies with types and numbering, even if standard output is no terminal.
    #[arg(long, overrides_with_all = ["raw", "csv", "json", "quoted_json"])]
    pub(crate) no_raw: bool,
    /// Print replies as comma-separated values.
    #[arg(long, overrides_with_all = ["raw", "no_raw", "json", "quoted_json"])]
    pub(crate) csv: bool,
    /// Print replies as JSON; asks for RESP3 unless -2 is given.
    #[arg(long, overrides_with_all = ["raw", "no_raw", "csv", "quoted_json"])]
    pub(crate) json: bool,
    /// The same with strings escaped to ASCII.
    #[arg(long, overrides_with_all = ["raw", "no_raw", "csv", "json"])]
    pub(crate) quoted_json: bool,
    /// What stands between the elements of a raw reply.
    #[arg(
        short = 'd',
        value_name = "TEXT",
        default_value = "\n",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) element_separator: OsString,
    /// What follows a raw reply.
    #[arg(
        short = 'D',
        value_name = "TEXT",
        default_value = "\n",
        hide_default_value = true,
        allow_hyphen_values = true
    )]
    pub(crate) reply_separator: OsString,
    /// Whether to print RESP3 push messages: yes or no. By default, if standard output is a terminal.
    #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
    pub(crate) show_pushes: Option<bool>,
    /// Do not warn about a password on the command line.
    #[arg(long)]
    pub(crate) no_auth_warning: bool,
    /// Say on standard error what is done beside the command.
    #[arg(long)]
    pub(crate) verbose: bool,

    /// Send standard input, which is in the protocol's format, and count the replies.
    #[arg(long)]
    pub(crate) pipe: bool,
    /// Seconds without a reply after which --pipe gives up once all is sent; 0 for never.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) pipe_timeout: Duration,
    /// List keys with SCAN.
    #[arg(long)]
    pub(crate) scan: bool,
    /// Only keys that match this glob.
    #[arg(long, value_name = "GLOB", allow_hyphen_values = true)]
    pub(crate) pattern: Option<OsString>,
    /// The same, as a quoted string.
    #[arg(long, value_name = "GLOB", conflicts_with = "pattern", allow_hyphen_values = true)]
    pub(crate) quoted_pattern: Option<OsString>,
    /// Keys to look at in each step of SCAN.
    #[arg(long, value_name = "COUNT")]
    pub(crate) count: Option<u64>,
    /// Only keys of this type, with --scan.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) key_type: Option<String>,
    /// Measure the time that PING takes.
    #[arg(long)]
    pub(crate) latency: bool,
    /// The same, starting anew every 15 seconds or after the interval given.
    #[arg(long)]
    pub(crate) latency_history: bool,
    /// Show how long answers to PING take as a line of colours for each second or interval.
    #[arg(long)]
    pub(crate) latency_dist: bool,
    /// Measure for this many seconds how long this machine keeps a process from running. No server is needed.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) intrinsic_latency: Option<u64>,
    /// Use the server as a cache of this many keys, a fifth of which gets four fifths of the requests.
    #[arg(long, value_name = "KEYS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) lru_test: Option<u64>,
    /// Find the keys with most elements.
    #[arg(long)]
    pub(crate) bigkeys: bool,
    /// Find the keys that take most memory.
    #[arg(long)]
    pub(crate) memkeys: bool,
    /// The same; the server looks at this many elements of each key, 0 for all.
    #[arg(long, value_name = "COUNT")]
    pub(crate) memkeys_samples: Option<u64>,
    /// Find the keys with most memory and elements, and how sizes are distributed.
    #[arg(long)]
    pub(crate) keystats: bool,
    /// The same; the server looks at this many elements of each key for its memory, 0 for all.
    #[arg(long, value_name = "COUNT")]
    pub(crate) keystats_samples: Option<u64>,
    /// Keys that --keystats lists.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub(crate) top: usize,
    /// Where the walk over the keys begins, to go on with one that was stopped.
    #[arg(long, value_name = "CURSOR", default_value_t = 0)]
    pub(crate) cursor: u64,
    /// Find the keys that are used most.
    #[arg(long)]
    pub(crate) hotkeys: bool,
    /// Print figures of the server, a line for each second or interval.
    #[arg(long)]
    pub(crate) stat: bool,
    /// Run the Lua script in this file: --eval FILE KEY... , ARGUMENT...
    #[arg(long, value_name = "FILE")]
    pub(crate) eval: Option<PathBuf>,

    /// Print the file that makes this shell complete the command line.
    #[arg(long, value_name = "SHELL", hide = true)]
    pub(crate) generate_completion: Option<Shell>,
    /// Print the manual page.
    #[arg(long, hide = true)]
    pub(crate) generate_man: bool,

    /// Print this help.
    #[arg(long, short = '?', action = ArgAction::Help)]
    help: Option<bool>,
    /// Print the version.
    #[arg(long, short = 'v', action = ArgAction::Version)]
    version: Option<bool>,

    /// The command to run, with its arguments.
    #[arg(trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Args {
    /// Reads the command line.
    ///
    /// # Errors
    /// If it is none, or asks for help or the version only.
    pub(crate) fn read() -> std::result::Result<Self, Refused> {
        Self::try_parse().map_err(Refused::from)
    }

    /// Refuses what cannot be done.
    ///
    /// # Errors
    /// If an option asks for it.
    pub(crate) fn check(&self) -> Result<()> {
        if self.encrypts() && self.socket.is_some() {
            bail!("--tls: a connection through a Unix socket is not encrypted");
        }
        Ok(())
    }

    /// The same for the server at `uri`, whose name has been looked up.
    pub(crate) fn at(&self, uri: &Uri) -> Self {
        Self { uri: Some(uri.clone()), dsn: None, ..self.clone() }
    }

    /// The same for another server: what says where it is and who the user is comes from `uri` alone.
    pub(crate) fn elsewhere(&self, uri: Uri) -> Self {
        Self { uri: Some(uri), db: None, socket: None, tls: false, ..self.clone() }
    }

    /// Whether the memory of keys is asked for.
    pub(crate) fn wants_memory(&self) -> bool {
        self.memkeys || self.memkeys_samples.is_some()
    }

    /// Whether the distribution of sizes is asked for.
    pub(crate) fn wants_key_stats(&self) -> bool {
        self.keystats || self.keystats_samples.is_some()
    }

    /// Whether the connection is to be encrypted.
    pub(crate) fn encrypts(&self) -> bool {
        self.tls || self.uri.as_ref().is_some_and(|uri| uri.tls)
    }

    /// The words of the command, unquoted if that was asked for; none for the interactive mode.
    ///
    /// # Errors
    /// If a word is to be unquoted and is no quoted string.
    pub(crate) fn command(&self) -> Result<Vec<Vec<u8>>> {
        self.command
            .iter()
            .map(|word| {
                let word = word.clone().into_vec();
                if self.quoted_input { unquote(&word) } else { Ok(word) }
            })
            .collect()
    }

    /// The glob that keys must match.
    ///
    /// # Errors
    /// If it is to be unquoted and is no quoted string.
    pub(crate) fn key_pattern(&self) -> Result<Option<Vec<u8>>> {
        match (&self.pattern, &self.quoted_pattern) {
            (_, Some(quoted)) => unquote(&quoted.clone().into_vec()).map(Some),
            (pattern, None) => Ok(pattern.clone().map(OsStringExt::into_vec)),
        }
    }
}

/// The one string that `quoted` stands for; text without quotes stands for itself.
fn unquote(quoted: &[u8]) -> Result<Vec<u8>> {
    match split_line(quoted) {
        Ok(mut words) if words.len() == 1 => Ok(words.remove(0)),
        _ => bail!("Invalid quoted string"),
    }
}

fn seconds(text: &str) -> std::result::Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

fn yes_or_no(text: &str) -> std::result::Result<bool, String> {
    match text.chars().next().map(|first| first.to_ascii_lowercase()) {
        Some('y') => Ok(true),
        Some('n') => Ok(false),
        _ => Err("valid: '[y]es', '[n]o'".to_owned()),
    }
}

#[cfg(test)]
mod tests;
