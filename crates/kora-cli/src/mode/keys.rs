//! What tools that visit all keys ask about them: type, number of elements, memory.

use std::io;

use anyhow::{Result, bail};
use kora_protocol::Frame;

use crate::connection::Connection;
use crate::format::write_quoted;

/// Steps of the walk between two pauses.
pub(super) const STEPS_PER_PAUSE: u32 = 100;

/// Name of a type, the command that counts its elements, and what these are called.
pub(super) const TYPES: [(&str, &str, &str); 6] = [
    ("string", "STRLEN", "bytes"),
    ("list", "LLEN", "items"),
    ("set", "SCARD", "members"),
    ("hash", "HLEN", "fields"),
    ("zset", "ZCARD", "members"),
    ("stream", "XLEN", "entries"),
];

/// How a size is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// In elements.
    Elements,
    /// In bytes of the server's memory; the server looks at this many elements, or at as many as it likes.
    Memory(Option<u64>),
}

impl Measure {
    /// The command that answers the size of `key`; `None` if its type is not known.
    pub(super) fn command(self, key: &[u8], key_type: &str) -> Option<Vec<Vec<u8>>> {
        match self {
            Self::Elements => {
                let (_, command, _) = TYPES.into_iter().find(|(name, ..)| *name == key_type)?;
                Some(vec![command.into(), key.into()])
            }
            Self::Memory(samples) => {
                let mut command = vec![b"MEMORY".to_vec(), b"USAGE".into(), key.into()];
                if let Some(samples) = samples {
                    command.extend([b"SAMPLES".to_vec(), samples.to_string().into_bytes()]);
                }
                Some(command)
            }
        }
    }

    /// What sizes of `key_type` count.
    pub(super) fn unit(self, key_type: &str) -> &'static str {
        match self {
            Self::Elements => {
                TYPES.into_iter().find(|(name, ..)| *name == key_type).map_or("?", |(.., unit)| unit)
            }
            Self::Memory(_) => "bytes",
        }
    }
}

/// How many keys there are.
///
/// # Errors
/// If the connection breaks or the server refuses.
pub(super) fn key_count(connection: &mut Connection) -> Result<u64> {
    match connection.request(&["DBSIZE"])? {
        Frame::Integer(count) => Ok(u64::try_from(count).unwrap_or(0)),
        other => bail!("DBSIZE error: {}", String::from_utf8_lossy(other.as_error().unwrap_or_default())),
    }
}

/// The types of `keys`.
///
/// # Errors
/// If the connection breaks.
pub(super) fn types(connection: &mut Connection, keys: &[Vec<u8>]) -> io::Result<Vec<String>> {
    let requests: Vec<Vec<&[u8]>> = keys.iter().map(|key| vec![&b"TYPE"[..], key]).collect();
    connection.send_all(&requests)?;
    keys.iter()
        .map(|_| {
            connection.reply().map(|reply| match reply.bare() {
                Frame::Simple(name) => String::from_utf8_lossy(name).into_owned(),
                _ => String::new(),
            })
        })
        .collect()
}

/// The sizes of `keys`; `None` for one that has none.
///
/// # Errors
/// If the connection breaks.
pub(super) fn sizes(
    connection: &mut Connection,
    measure: Measure,
    keys: &[Vec<u8>],
    types: &[String],
) -> io::Result<Vec<Option<u64>>> {
    let requests: Vec<Option<Vec<Vec<u8>>>> = keys
        .iter()
        .zip(types)
        .map(|(key, key_type)| if key_type == "none" { None } else { measure.command(key, key_type) })
        .collect();
    let sent: Vec<Vec<Vec<u8>>> = requests.iter().flatten().cloned().collect();
    connection.send_all(&sent)?;
    requests
        .iter()
        .map(|request| match request {
            None => Ok(None),
            Some(_) => connection.reply().map(|reply| match reply.bare() {
                Frame::Integer(size) => u64::try_from(*size).ok(),
                _ => None,
            }),
        })
        .collect()
}

/// `key` in quotes, what is not printable escaped.
pub(super) fn quoted(key: &[u8]) -> String {
    let mut text = Vec::new();
    write_quoted(&mut text, key);
    String::from_utf8_lossy(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::Measure;

    #[test]
    fn sizes_are_asked_for_by_type() {
        let command =
            |measure: Measure, key_type| measure.command(b"k", key_type).map(|words| words.concat());
        assert_eq!(command(Measure::Elements, "zset").as_deref(), Some(&b"ZCARDk"[..]));
        assert_eq!(command(Measure::Elements, "module-type"), None);
        assert_eq!(command(Measure::Memory(Some(5)), "x").as_deref(), Some(&b"MEMORYUSAGEkSAMPLES5"[..]));
    }
}
