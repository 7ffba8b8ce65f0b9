//! The listeners that a configuration asks for.

use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::Listener;
use crate::config::Config;

/// Opens them, but for those on `present` addresses, on which the server listens already.
///
/// # Errors
/// If one can't be opened that is not optional.
fn open(config: &Config, present: &[SocketAddr]) -> io::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    if config.port != 0 {
        for address in &config.bind {
            listeners.extend(tcp(config, address, config.port, present)?);
        }
    }
    Ok(listeners)
}

/// What a change of addresses leads to.
#[derive(Debug)]
pub(crate) struct Change {
    /// Listeners on addresses that are new.
    pub(crate) opened: Vec<Listener>,
    /// All addresses: a listener on another one is closed.
    pub(crate) addresses: Vec<SocketAddr>,
}

/// Opens what `next` asks for beyond `present`.
///
/// # Errors
/// As [`open`].
pub(crate) fn change(present: &Config, next: &Config) -> io::Result<Change> {
    Ok(Change { opened: open(next, &addresses(present))?, addresses: addresses(next) })
}

/// The TCP addresses of a configuration; what can't be found out is left out.
fn addresses(config: &Config) -> Vec<SocketAddr> {
    let hosts = config.bind.iter().filter(|_| config.port != 0);
    let found = hosts
        .filter_map(|host| Listener::addresses(host.strip_prefix('-').unwrap_or(host), config.port).ok());
    found.flatten().collect()
}

/// Opens them at the start of a server, which must have at least one.
///
/// # Errors
/// As [`open`], and if there is none.
pub(crate) fn open_some(config: &Config) -> io::Result<Vec<Listener>> {
    let mut listeners = open(config, &[])?;
    if !config.unix_socket.is_empty() {
        let path = PathBuf::from(OsStr::from_bytes(&config.unix_socket));
        let opened = Listener::unix(&path, config.unix_socket_mode.0, backlog(config));
        let describe =
            |error: io::Error| named(&format!("can't listen on the unix socket {}", path.display()), &error);
        listeners.push(opened.map_err(describe)?);
    }
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
            is_any |= !tcp(config, address, 0, &[])?.is_empty();
        }
    }
    if is_any { Ok(()) } else { Err(nowhere()) }
}

fn tcp(config: &Config, host: &str, port: u16, present: &[SocketAddr]) -> io::Result<Vec<Listener>> {
    let (host, is_optional) = host.strip_prefix('-').map_or((host, false), |host| (host, true));
    let opened = Listener::addresses(host, port).and_then(|addresses| {
        let new = addresses.into_iter().filter(|address| !present.contains(address));
        new.map(|address| Listener::tcp(address, config.socket_mark, backlog(config))).collect()
    });
    match opened {
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
