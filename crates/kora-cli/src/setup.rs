//! What the command line and the environment amount to: which server, as whom, and how to print.

use std::io::{self, BufRead, IsTerminal, Write};
use std::os::unix::ffi::OsStringExt;

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, Result, anyhow};
use kora_tls::rustls::pki_types::ServerName;
use kora_tls::{CipherList, CipherSuites, ClientSetup, Identity, PeerCheck, Protocols, Trust};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

use crate::args::{Args, Uri};
use crate::connection::{Connection, Endpoint, Family, Login, Profile, Protocol, Security, reason};
use crate::format::{Form, Formatter, Palette};
use crate::session::{Manner, Session};

/// Environment variables that may hold the password, in the order in which they are looked at.
const PASSWORD_VARIABLES: [&str; 2] = ["KORACLI_AUTH", "REDISCLI_AUTH"];

/// Where a URI without a host means.
const LOCAL: &str = "127.0.0.1";

/// The port that it means without one.
const PORT: u16 = 6379;

/// Everything needed to start.
#[derive(Debug)]
pub(crate) struct Setup {
    /// The server and the user.
    pub(crate) profile: Profile,
    /// How replies are printed.
    pub(crate) formatter: Formatter,
    /// Whether standard output takes colours.
    pub(crate) coloured: bool,
    show_pushes: bool,
    verbose: bool,
    follows: bool,
}

impl Setup {
    /// Reads `args` and the environment, and asks for the password if told so.
    ///
    /// # Errors
    /// If the password cannot be read.
    pub(crate) fn of(args: &Args) -> Result<Self> {
        let is_terminal = io::stdout().is_terminal();
        let coloured = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        let formatter = Formatter {
            form: form(args, is_terminal),
            element_separator: args.element_separator.clone().into_vec(),
            reply_separator: args.reply_separator.clone().into_vec(),
            palette: if coloured { Palette::coloured() } else { Palette::default() },
        };
        Ok(Self {
            profile: profile(args, login(args)?)?,
            formatter,
            coloured,
            show_pushes: args.show_pushes.unwrap_or(is_terminal),
            verbose: args.verbose,
            follows: args.cluster,
        })
    }

    /// Opens a connection; what the handshake has to say goes to standard error.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub(crate) fn connect(&self) -> Result<Connection> {
        let (connection, handshake) = Connection::open(&self.profile, None)
            .map_err(|error| anyhow!("Could not connect to {}: {}", self.profile.endpoint, reason(&error)))?;
        for warning in handshake.warnings {
            eprintln!("{warning}");
        }
        Ok(connection)
    }

    /// A session with this server.
    pub(crate) fn into_session(self) -> Session {
        Session::new(
            self.profile,
            self.formatter,
            Manner { show_pushes: self.show_pushes, verbose: self.verbose, follows: self.follows },
        )
    }
}

fn form(args: &Args, is_terminal: bool) -> Form {
    match (args.raw, args.no_raw, args.csv, args.json, args.quoted_json) {
        (true, ..) => Form::Raw,
        (_, true, ..) => Form::Standard,
        (_, _, true, ..) => Form::Csv,
        (_, _, _, true, _) => Form::Json,
        (.., true) => Form::QuotedJson,
        _ if is_terminal => Form::Standard,
        _ => Form::Raw,
    }
}

/// Another server than the one of the command line, which says all that `uri` leaves open but who the user is.
///
/// # Errors
/// If files for encryption cannot be read.
pub(crate) fn profile_of(args: &Args, uri: &Uri) -> Result<Profile> {
    let args = args.elsewhere(Uri {
        host: uri.host.clone().or(Some(LOCAL.to_owned())),
        port: uri.port.or(Some(PORT)),
        ..uri.clone()
    });
    let login = uri.password.as_ref().map(|password| Login {
        user: uri.user.clone().map(String::into_bytes),
        password: password.clone().into_bytes(),
    });
    profile(&args, login)
}

fn profile(args: &Args, login: Option<Login>) -> Result<Profile> {
    let uri = args.uri.clone().unwrap_or_default();
    let endpoint = match &args.socket {
        Some(path) => Endpoint::Unix(path.clone()),
        None => Endpoint::Tcp {
            host: uri.host.clone().unwrap_or_else(|| args.host.clone()),
            port: uri.port.unwrap_or(args.port),
        },
    };
    let protocol = match (args.resp2, args.resp3, args.json || args.quoted_json) {
        (true, ..) => Protocol::Resp2,
        (_, true, _) => Protocol::Resp3,
        (_, _, true) => Protocol::Resp3IfKnown,
        _ => Protocol::Resp2,
    };
    let security = match &endpoint {
        Endpoint::Tcp { host, .. } if args.encrypts() => Some(security(args, host)?),
        _ => None,
    };
    Ok(Profile {
        security,
        login,
        family: match (args.ipv4, args.ipv6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        },
        connect_timeout: args.connect_timeout,
        db: args.db.or(uri.db).unwrap_or(0),
        endpoint,
        protocol,
    })
}

/// How to encrypt. A server is known by its name where anybody can have a certificate; those of an authority of one's own are believed whatever
/// they are called, as redis-cli does, unless a name is given.
fn security(args: &Args, host: &str) -> Result<Security> {
    let mut trust = Trust::nobody();
    if let Some(file) = &args.cacert {
        trust.add_file(file)?;
    }
    if let Some(folder) = &args.cacertdir {
        trust.add_folder(folder)?;
    }
    let check = match (args.insecure, trust.is_empty(), &args.sni) {
        (true, ..) => PeerCheck::Nothing,
        (_, false, None) => PeerCheck::Chain,
        _ => PeerCheck::ChainAndName,
    };
    if trust.is_empty() && check != PeerCheck::Nothing {
        trust.add_some(rustls_native_certs::load_native_certs().certs);
    }
    let identity = match (&args.cert, &args.key) {
        (Some(certificate), Some(key)) => Some(Identity::read(certificate, key, b"")?),
        _ => None,
    };
    let list = args.tls_ciphers.as_deref().unwrap_or_default();
    let suites = args.tls_ciphersuites.as_deref().unwrap_or_default();
    let setup = ClientSetup {
        identity,
        trust,
        check,
        protocols: Protocols::default(),
        ciphers: CipherList::parse(list).map_err(|error| anyhow!("--tls-ciphers: {error}"))?,
        suites: CipherSuites::parse(suites).map_err(|error| anyhow!("--tls-ciphersuites: {error}"))?,
    };
    let name = args.sni.as_deref().unwrap_or(host);
    let name =
        ServerName::try_from(name.to_owned()).with_context(|| format!("no name of a server: {name}"))?;
    Ok(Security { config: setup.finish()?, name })
}

fn login(args: &Args) -> Result<Option<Login>> {
    let uri = args.uri.clone().unwrap_or_default();
    let user = args.user.clone().or(uri.user).map(String::into_bytes);
    if args.askpass {
        return Ok(Some(Login { user, password: ask_password()? }));
    }
    let written = args.password.clone().or(uri.password);
    if written.is_some() && !args.no_auth_warning {
        eprintln!(
            "Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe."
        );
    }
    let from_environment = || PASSWORD_VARIABLES.into_iter().find_map(std::env::var_os);
    let password = written.map(String::into_bytes).or_else(|| from_environment().map(OsStringExt::into_vec));
    Ok(password.map(|password| Login { user, password }))
}

/// Reads a password from standard input; on a terminal without showing it.
fn ask_password() -> Result<Vec<u8>> {
    let stdin = io::stdin();
    let mut password = Vec::new();
    if stdin.is_terminal() {
        eprint!("Please input password: ");
        io::stderr().flush()?;
        let shown = tcgetattr(&stdin).context("the terminal cannot hide the password")?;
        let mut hidden = shown.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&stdin, OptionalActions::Flush, &hidden)?;
        let read = stdin.lock().read_until(b'\n', &mut password);
        tcsetattr(&stdin, OptionalActions::Flush, &shown)?;
        eprintln!();
        read?;
    } else {
        stdin.lock().read_until(b'\n', &mut password)?;
    }
    let end = password.trim_ascii_end().len();
    password.truncate(end);
    Ok(password)
}
