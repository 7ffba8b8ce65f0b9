//! `peek KEY`: what a key is, how long it lives, how large it is, and how its value begins.

use std::io::{self, Write};

use kora_protocol::Frame;

use crate::mode::human_bytes;
use crate::session::{Outcome, Session};

/// Elements that are shown.
const ELEMENTS_MAX: usize = 10;

/// The same for commands.
const ELEMENTS: &str = "10";

/// Bytes of a string that are shown, counted from 0.
const LAST_BYTE: &str = "499";

/// How a type is looked into: its name, what counts its elements, how these are called, and what shows the first of them.
struct Look {
    key_type: &'static str,
    count: &'static str,
    unit: &'static str,
    /// The words of a command; `KEY` stands for the key.
    head: &'static [&'static str],
}

const LOOKS: [Look; 8] = [
    Look { key_type: "string", count: "STRLEN", unit: "bytes", head: &["GETRANGE", "KEY", "0", LAST_BYTE] },
    Look { key_type: "list", count: "LLEN", unit: "items", head: &["LRANGE", "KEY", "0", "9"] },
    Look {
        key_type: "set",
        count: "SCARD",
        unit: "members",
        head: &["SSCAN", "KEY", "0", "COUNT", ELEMENTS],
    },
    Look { key_type: "hash", count: "HLEN", unit: "fields", head: &["HSCAN", "KEY", "0", "COUNT", ELEMENTS] },
    Look {
        key_type: "zset",
        count: "ZCARD",
        unit: "members",
        head: &["ZRANGE", "KEY", "0", "9", "WITHSCORES"],
    },
    Look {
        key_type: "stream",
        count: "XLEN",
        unit: "entries",
        head: &["XREVRANGE", "KEY", "+", "-", "COUNT", "5"],
    },
    Look { key_type: "ReJSON-RL", count: "", unit: "", head: &["JSON.GET", "KEY"] },
    Look { key_type: "vectorset", count: "VCARD", unit: "vectors", head: &["VRANDMEMBER", "KEY", ELEMENTS] },
];

/// Shows `key`.
///
/// # Errors
/// If `out` cannot be written.
pub(super) fn show(session: &mut Session, key: &[u8], out: &mut dyn Write) -> io::Result<()> {
    if session.state().is_some_and(|state| state.in_transaction || state.is_subscribed()) {
        return out
            .write_all(b"peek asks several things, which a transaction or subscription can't answer\n");
    }
    let Some(reply) = session.ask(&[&b"TYPE"[..], key]) else { return Ok(()) };
    if let Some(error) = reply.as_error() {
        return writeln!(out, "(error) {}", String::from_utf8_lossy(error));
    }
    let key_type = text(&reply);
    if key_type == "none" {
        return out.write_all(b"(no such key)\n");
    }
    let mut line = |name: &str, value: String| writeln!(out, "{:<10}{value}", format!("{name}:"));
    let encoding =
        session.ask(&[&b"OBJECT"[..], b"ENCODING", key]).filter(|reply| reply.as_error().is_none());
    line(
        "type",
        match encoding {
            Some(encoding) => format!("{key_type} ({})", text(&encoding)),
            None => key_type.clone(),
        },
    )?;
    line("ttl", session.ask(&[&b"PTTL"[..], key]).map(|reply| lifetime(&reply)).unwrap_or_default())?;
    if let Some(bytes) = session.ask(&[&b"MEMORY"[..], b"USAGE", key]).as_ref().and_then(number) {
        line("memory", human_bytes(bytes))?;
    }
    let Some(look) = LOOKS.iter().find(|look| look.key_type == key_type) else { return Ok(()) };
    if let Some(count) =
        (!look.count.is_empty()).then(|| session.ask(&[look.count.as_bytes(), key])).flatten()
    {
        line("size", format!("{} {}", number(&count).unwrap_or(0), look.unit))?;
    }
    let head: Vec<Vec<u8>> = look
        .head
        .iter()
        .map(|word| if *word == "KEY" { key.to_vec() } else { word.as_bytes().to_vec() })
        .collect();
    match look.head {
        ["SSCAN" | "HSCAN", ..] => scanned(session, &head, out),
        _ => session.run(&head, out).map(|_: Outcome| ()),
    }
}

/// Shows the elements of a step of a scan without its cursor.
fn scanned(session: &mut Session, command: &[Vec<u8>], out: &mut dyn Write) -> io::Result<()> {
    let Some(reply) = session.ask(command) else { return Ok(()) };
    let mut elements = match reply {
        Frame::Array(mut parts) if parts.len() == 2 => parts.swap_remove(1),
        other => other,
    };
    // As the reply of the command that lists them all.
    let (all, shown) = match command.first().is_some_and(|name| name == b"HSCAN") {
        true => ("HGETALL", 2 * ELEMENTS_MAX),
        false => ("SMEMBERS", ELEMENTS_MAX),
    };
    // A packed collection comes whole, however little was asked for.
    if let Frame::Array(elements) = &mut elements {
        elements.truncate(shown);
    }
    session.print(&[all.into()], &elements, out)
}

/// A time to live as people read it.
fn lifetime(reply: &Frame) -> String {
    match reply.bare() {
        Frame::Integer(-1) => "none".to_owned(),
        Frame::Integer(ms) if *ms >= 0 => {
            let (seconds, rest) = (ms / 1000, ms % 1000);
            let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
            match (days, hours, minutes) {
                (0, 0, 0) => format!("{seconds}.{rest:03}s"),
                (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
                (0, ..) => format!("{hours}h {minutes}m"),
                _ => format!("{days}d {hours}h"),
            }
        }
        _ => "gone meanwhile".to_owned(),
    }
}

fn number(reply: &Frame) -> Option<u64> {
    match reply.bare() {
        Frame::Integer(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn text(reply: &Frame) -> String {
    match reply.bare() {
        Frame::Simple(text) | Frame::Bulk(text) => String::from_utf8_lossy(text).into_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, lifetime};

    #[test]
    fn lifetimes_are_short_texts() {
        let text = |ms| lifetime(&Frame::Integer(ms));
        let texts = [-1, -2, 1_500, 90_000, 7_260_000, 180_000_000].map(text);
        assert_eq!(texts, ["none", "gone meanwhile", "1.500s", "1m 30s", "2h 1m", "2d 2h"]);
    }
}
