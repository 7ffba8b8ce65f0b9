//! The listeners that a configuration asks for.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::config::Config;
use crate::net::Listener;

/// Opens them.
///
/// # Errors
/// If one can't be opened that is not optional.
pub(crate) fn open(config: &Config) -> io::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    if config.port != 0 {
        for address in &config.bind {
            listeners.extend(tcp(config, address, config.port)?);
        }
    }
    if !config.unix_socket.is_empty() {
        let path = PathBuf::from(OsStr::from_bytes(&config.unix_socket));
        let opened = Listener::unix(&path, config.unix_socket_mode.0, backlog(config));
        let describe =
            |error: io::Error| named(&format!("can't listen on the unix socket {}", path.display()), &error);
        listeners.push(opened.map_err(describe)?);
    }
    Ok(listeners)
}

/// Opens them at the start of a server, which must have at least one.
///
/// # Errors
/// As [`open`], and if there is none.
pub(crate) fn open_some(config: &Config) -> io::Result<Vec<Listener>> {
    let listeners = open(config)?;
    if listeners.is_empty() {
        return Err(nowhere());
    }
    Ok(listeners)
}

/// Whether this machine has the addresses of a configuration; its port may be in use.
///
/// # Errors
/// If it lacks one that is not optional, or nothing is to be listened on.
pub fn check(config: &Config) -> io::Result<()> {
    let mut is_any = !config.unix_socket.is_empty();
    if config.port != 0 {
        for address in &config.bind {
            is_any |= !tcp(config, address, 0)?.is_empty();
        }
    }
    if is_any { Ok(()) } else { Err(nowhere()) }
}

fn tcp(config: &Config, address: &str, port: u16) -> io::Result<Vec<Listener>> {
    let (host, is_optional) = address.strip_prefix('-').map_or((address, false), |host| (host, true));
    match Listener::tcp(host, port, backlog(config)) {
        Ok(opened) => Ok(opened),
        Err(error) if is_optional => {
            tracing::info!("can't listen on {host} port {}, which is optional: {error}", config.port);
            Ok(Vec::new())
        }
        Err(error) => Err(named(&format!("can't listen on {host} port {}", config.port), &error)),
    }
}

fn backlog(config: &Config) -> i32 {
    i32::try_from(config.tcp_backlog).unwrap_or(i32::MAX)
}

fn named(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

fn nowhere() -> io::Error {
    let text = "configured to listen nowhere: there is no address for 'port', and no 'unixsocket'";
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
