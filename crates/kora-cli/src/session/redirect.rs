//! Redirections of a cluster: `MOVED` and `ASK`.

use crate::connection::Endpoint;

/// How often one command is sent on before its error is shown.
pub(super) const REDIRECTIONS_MAX: u32 = 16;

/// Where a command should go instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Redirection {
    /// Slot of the command's keys.
    pub(super) slot: u16,
    /// The server that has it.
    pub(super) endpoint: Endpoint,
    /// Whether it must be told that the slot is on its way to it.
    pub(super) is_asking: bool,
}

impl Redirection {
    /// Reads the error of a server at `current`; `None` if it is another one.
    pub(super) fn read(error: &[u8], current: &Endpoint) -> Option<Self> {
        let text = std::str::from_utf8(error).ok()?;
        let words: Vec<&str> = text.split(' ').collect();
        let [kind @ ("MOVED" | "ASK"), slot, address] = words.as_slice() else { return None };
        let (host, port) = address.rsplit_once(':')?;
        let host = match (host, current) {
            ("", Endpoint::Tcp { host, .. }) => host.clone(),
            ("" | "?", _) => return None,
            // It is printed before it is connected to.
            _ if host.contains(char::is_control) => return None,
            _ => host.to_owned(),
        };
        Some(Self {
            slot: slot.parse().ok()?,
            endpoint: Endpoint::Tcp { host, port: port.parse().ok()? },
            is_asking: *kind == "ASK",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(error: &str, expected: Option<(u16, &str, bool)>) {
        let current = Endpoint::Tcp { host: "here".to_owned(), port: 1 };
        let found = Redirection::read(error.as_bytes(), &current);
        let found = found.map(|found| (found.slot, found.endpoint.to_string(), found.is_asking));
        assert_eq!(found, expected.map(|(slot, at, asks)| (slot, at.to_owned(), asks)), "{error}");
    }

    #[test]
    fn errors_of_a_cluster_say_where_to_go() {
        check("MOVED 3999 127.0.0.1:6381", Some((3999, "127.0.0.1:6381", false)));
        check("ASK 1 fe80::1:7000", Some((1, "[fe80::1]:7000", true)));
        check("MOVED 5 :7002", Some((5, "here:7002", false)));
        check("MOVED 5 ?:7002", None);
        check("MOVED 5 a\u{1b}[2J:7002", None);
        check("MOVED 70000 a:1", None);
        check("ERR MOVED 1 a:1", None);
    }
}
