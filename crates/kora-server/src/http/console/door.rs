//! Which requests are let in at all: those that a browser was not made to send by somebody else's page.
//!
//! A page from elsewhere can make a browser ask here, under its own name if it makes that name mean this address (rebinding). Then the request names a host
//! that is not ours. If it names ours, the page is another site, and its requests that do something say so in `Origin`.

use std::net::IpAddr;

use kora_http::{Request, Response};

use crate::shared::Shared;

/// Lets a request in, or says why not.
pub(super) fn admit(shared: &Shared, request: &Request) -> Result<(), Response> {
    let host = request.header("host").unwrap_or_default();
    let hosts = &shared.config().metrics.hosts;
    if !is_ours(name_of(host), hosts) {
        let reason = "the console is not known by this name of a host: use an address, localhost, or a name of 'console-hosts'";
        return Err(super::failure(421, reason));
    }
    if request.method != "POST" {
        return Ok(());
    }
    let origin = request.only_header("origin").unwrap_or_default();
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    if !authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host)) {
        return Err(super::failure(403, "this is for the console's own page: the origin is another"));
    }
    let content_type = request.only_header("content-type").unwrap_or_default();
    if content_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
    {
        Ok(())
    } else {
        Err(super::failure(415, "only application/json is taken"))
    }
}

/// A host without its port, and an IPv6 address without its brackets.
fn name_of(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        return address;
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// Addresses are nobody's to rebind.
fn is_ours(name: &str, hosts: &[String]) -> bool {
    let is_named = |known: &str| name.eq_ignore_ascii_case(known);
    name.parse::<IpAddr>().is_ok() || is_named("localhost") || hosts.iter().any(|host| is_named(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_ours_by_address_or_by_name() {
        let hosts = ["kora.example".to_owned()];
        for host in [
            "127.0.0.1:7702",
            "127.0.0.1",
            "[::1]:7702",
            "[::1]",
            "LOCALHOST:1",
            "10.0.0.7:80",
            "kora.example",
        ] {
            assert!(is_ours(name_of(host), &hosts), "{host}");
        }
        for host in [
            "",
            "evil.example:7702",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "kora.example.",
            ":7702",
        ] {
            assert!(!is_ours(name_of(host), &hosts), "{host}");
        }
    }
}
