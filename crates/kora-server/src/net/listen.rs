//! The listeners that a configuration asks for.

use std::ffi::OsStr;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::listener::{self, Place};
use super::tls::contexts;
use super::{Listener, groups};
use crate::config::Config;

/// Connections that may wait at `metrics-port`.
const METRICS_BACKLOG: i32 = 64;

/// The ports of a configuration, and whether what comes there is encrypted.
fn ports(config: &Config) -> impl Iterator<Item = (u16, bool)> {
    [(config.port, false), (config.tls.port, true)].into_iter().filter(|(port, _)| *port != 0)
}

/// Opens them, but for those at `present` places, where the server listens already.
///
/// # Errors
/// If one can't be opened that is not optional.
fn open(config: &Config, present: &[Place]) -> io::Result<Vec<Listener>> {
    let mut listeners = Vec::new();
    for (port, is_encrypted) in ports(config) {
        for address in &config.bind {
            listeners.extend(tcp(config, address, (port, is_encrypted), present)?);
        }
    }
    Ok(listeners)
}

/// What a change of addresses leads to.
#[derive(Debug)]
pub(crate) struct Change {
    /// Listeners at places that are new.
    pub(crate) opened: Vec<Listener>,
    /// All places: a listener at another one is closed.
    pub(crate) places: Vec<Place>,
}

/// Opens what `next` asks for beyond `present`.
///
/// # Errors
/// As [`open`].
pub(crate) fn change(present: &Config, next: &Config) -> io::Result<Change> {
    Ok(Change { opened: open(next, &places(present))?, places: places(next) })
}

/// The TCP places of a configuration; what can't be found out is left out.
fn places(config: &Config) -> Vec<Place> {
    let mut places = Vec::new();
    for (port, is_encrypted) in ports(config) {
        let hosts = config.bind.iter().map(|host| host.strip_prefix('-').unwrap_or(host));
        let found = hosts.filter_map(|host| Listener::addresses(host, port).ok()).flatten();
        places.extend(found.map(|address| Place { address, is_encrypted }));
    }
    places
}

/// Opens them at the start of a server, which must have at least one.
///
/// # Errors
/// As [`open`], and if there is none.
pub(crate) fn open_some(config: &Config) -> io::Result<Vec<Listener>> {
    let mut listeners = open(config, &[])?;
    if !config.unix_socket.is_empty() {
        let path = PathBuf::from(OsStr::from_bytes(&config.unix_socket));
        let group = group_of_socket(config)?;
        let opened = Listener::unix(&path, (config.unix_socket_mode.0, group), backlog(config));
        let describe =
            |error: io::Error| named(&format!("can't listen on the unix socket {}", path.display()), &error);
        listeners.push(opened.map_err(describe)?);
    }
    if listeners.is_empty() {
        return Err(nowhere());
    }
    Ok(listeners)
}

/// The group that the unix socket is to belong to, if one is named.
fn group_of_socket(config: &Config) -> io::Result<Option<u32>> {
    if config.unix_socket_group.is_empty() {
        return Ok(None);
    }
    groups::number_of(&config.unix_socket_group).map(Some)
}

/// Whether this machine has the addresses of a configuration, and what its encryption needs; its ports may be in use.
///
/// # Errors
/// If it lacks one that is not optional, or nothing is to be listened on.
pub fn check(config: &Config) -> io::Result<()> {
    contexts::build(&config.tls).map_err(|error| io::Error::other(format!("TLS: {error}")))?;
    let mut is_any = !config.unix_socket.is_empty();
    if is_any {
        group_of_socket(config)?;
    }
    for (_, is_encrypted) in ports(config) {
        for address in &config.bind {
            is_any |= !tcp(config, address, (0, is_encrypted), &[])?.is_empty();
        }
    }
    if config.metrics.port != 0 {
        for host in &config.metrics.bind {
            addresses((host, 0), |address| listener::listen(address, 0, METRICS_BACKLOG).map(Some))?;
        }
    }
    if is_any { Ok(()) } else { Err(nowhere()) }
}

fn tcp(
    config: &Config,
    host: &str,
    (port, is_encrypted): (u16, bool),
    present: &[Place],
) -> io::Result<Vec<Listener>> {
    addresses((host, port), |address| {
        let place = Place { address, is_encrypted };
        let is_new = !present.contains(&place);
        is_new.then(|| Listener::tcp(place, config.socket_mark, backlog(config))).transpose()
    })
}

/// Opens the listeners of `metrics-port`; none without it.
///
/// # Errors
/// If one can't be opened that is not optional.
pub(crate) fn metrics(config: &Config) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    if config.metrics.port != 0 {
        for host in &config.metrics.bind {
            let place = (host.as_str(), config.metrics.port);
            let listen = |address| listener::listen(address, 0, METRICS_BACKLOG);
            let opened = addresses(place, |address| Ok(Some(listen(address)?.into())))?;
            listeners.extend(opened);
        }
    }
    Ok(listeners)
}

/// What `open` makes of the addresses of a host, which may be missing if it is optional.
fn addresses<T>(
    (host, port): (&str, u16),
    open: impl Fn(SocketAddr) -> io::Result<Option<T>>,
) -> io::Result<Vec<T>> {
    let (host, is_optional) = host.strip_prefix('-').map_or((host, false), |host| (host, true));
    let opened = Listener::addresses(host, port).and_then(|addresses| {
        addresses.into_iter().filter_map(|address| open(address).transpose()).collect()
    });
    match opened {
        Ok(opened) => Ok(opened),
        Err(error) if is_optional => {
            tracing::info!("can't listen on {host} port {port}, which is optional: {error}");
            Ok(Vec::new())
        }
        Err(error) => Err(named(&format!("can't listen on {host} port {port}"), &error)),
    }
}

fn backlog(config: &Config) -> i32 {
    i32::try_from(config.tcp_backlog).unwrap_or(i32::MAX)
}

fn named(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

fn nowhere() -> io::Error {
    let text =
        "configured to listen nowhere: there is no address for 'port' or 'tls-port', and no 'unixsocket'";
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
