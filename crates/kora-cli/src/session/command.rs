//! What a client must know about commands itself: which have many replies, which change the connection, and which
//! answer with a document.

use kora_protocol::Frame;

use crate::connection::Login;

/// How a command is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// With one reply.
    Ordinary,
    /// With replies until the connection ends.
    Stream,
    /// Once for each argument, with what is a push message in RESP3; messages follow.
    Subscribe,
    /// Once for each argument or channel, with what is a push message in RESP3.
    Unsubscribe,
}

impl Kind {
    /// The kind of `args`.
    pub(super) fn of(args: &[Vec<u8>]) -> Self {
        match name(args, 0).as_str() {
            "monitor" => Self::Stream,
            "subscribe" | "psubscribe" | "ssubscribe" => Self::Subscribe,
            "unsubscribe" | "punsubscribe" | "sunsubscribe" => Self::Unsubscribe,
            _ => Self::Ordinary,
        }
    }
}

/// The word at `index` in lower case; empty if there is none.
pub(super) fn name(args: &[Vec<u8>], index: usize) -> String {
    args.get(index).map(|word| String::from_utf8_lossy(word).to_ascii_lowercase()).unwrap_or_default()
}

/// Whether the reply is text laid out for people, which is printed as it is.
pub(super) fn is_document(args: &[Vec<u8>]) -> bool {
    let (command, subcommand) = (name(args, 0), name(args, 1));
    match (command.as_str(), subcommand.as_str()) {
        ("info" | "lolwut", _)
        | ("debug", "htstats" | "htstats-key")
        | ("memory", "malloc-stats" | "doctor")
        | ("client", "list" | "info")
        | ("latency", "graph" | "doctor") => true,
        ("cluster", "nodes" | "info") | ("proxy", "info") => args.len() == 2,
        _ => false,
    }
}

/// The credentials that a command logs in with.
pub(super) fn login(args: &[Vec<u8>]) -> Option<Login> {
    match name(args, 0).as_str() {
        "auth" => match args {
            [_, password] => Some(Login { user: None, password: password.clone() }),
            [_, user, password] => Some(Login { user: Some(user.clone()), password: password.clone() }),
            _ => None,
        },
        "hello" => {
            let at = args.iter().skip(2).position(|word| word.eq_ignore_ascii_case(b"auth"))? + 2;
            let (user, password) = args.get(at + 1).zip(args.get(at + 2))?;
            Some(Login { user: Some(user.clone()), password: password.clone() })
        }
        _ => None,
    }
}

/// Whether a command agrees on RESP3 or RESP2, if on either.
pub(super) fn protocol(args: &[Vec<u8>]) -> Option<bool> {
    match (name(args, 0).as_str(), name(args, 1).as_str()) {
        ("hello", "3") => Some(true),
        ("hello", "2") | ("reset", _) => Some(false),
        _ => None,
    }
}

/// The keys that a reply lists.
pub(super) fn keys_in<'a>(args: &[Vec<u8>], reply: &'a Frame) -> Vec<&'a [u8]> {
    let strings = |frame: &'a Frame| match frame.bare() {
        Frame::Array(elements) | Frame::Set(elements) => elements.iter().filter_map(string).collect(),
        _ => Vec::new(),
    };
    match (name(args, 0).as_str(), reply.bare()) {
        ("keys", _) => strings(reply),
        ("scan", Frame::Array(parts)) => parts.get(1).map(strings).unwrap_or_default(),
        ("randomkey", _) => string(reply).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn string(frame: &Frame) -> Option<&[u8]> {
    match frame.bare() {
        Frame::Bulk(text) => Some(text),
        _ => None,
    }
}
