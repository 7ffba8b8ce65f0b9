//! `--scan`: lists keys, and the walk over the keyspace that other tools take too.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use kora_protocol::Frame;

use crate::args::Args;
use crate::connection::Connection;
use crate::format::{Form, write_quoted};
use crate::setup::Setup;

/// A walk over all keys with `SCAN`.
#[derive(Debug)]
pub(super) struct Walk {
    cursor: Option<Vec<u8>>,
    options: Vec<Vec<u8>>,
}

impl Walk {
    /// A walk over the keys that `args` select.
    ///
    /// # Errors
    /// If the pattern is to be unquoted and cannot be.
    pub(super) fn new(args: &Args) -> Result<Self> {
        let mut options = Vec::new();
        let mut option = |name: &str, value: Vec<u8>| options.extend([name.as_bytes().to_vec(), value]);
        if let Some(pattern) = args.key_pattern()? {
            option("MATCH", pattern);
        }
        if let Some(count) = args.count {
            option("COUNT", count.to_string().into_bytes());
        }
        if let Some(key_type) = &args.key_type {
            option("TYPE", key_type.clone().into_bytes());
        }
        Ok(Self { cursor: Some(args.cursor.to_string().into_bytes()), options })
    }

    /// The cursor that a walk could go on from; `None` at the end.
    pub(super) fn cursor(&self) -> Option<&[u8]> {
        self.cursor.as_deref()
    }

    /// The keys of the next step, perhaps none; `None` at the end.
    ///
    /// # Errors
    /// If the connection breaks or the server refuses.
    pub(super) fn next_keys(&mut self, connection: &mut Connection) -> Result<Option<Vec<Vec<u8>>>> {
        let Some(cursor) = self.cursor.take() else { return Ok(None) };
        let mut command = vec![b"SCAN".to_vec(), cursor];
        command.extend_from_slice(&self.options);
        let reply = connection.request(&command)?;
        if let Some(error) = reply.as_error() {
            bail!("SCAN error: {}", String::from_utf8_lossy(error));
        }
        let (Frame::Array(reply), true) = (reply, self.cursor.is_none()) else {
            bail!("SCAN error: the reply is no array");
        };
        let Ok([Frame::Bulk(next), Frame::Array(keys)]) = <[Frame; 2]>::try_from(reply) else {
            bail!("SCAN error: the reply is no cursor and keys");
        };
        self.cursor = (next != b"0").then_some(next);
        let keys = keys.into_iter().filter_map(|key| match key {
            Frame::Bulk(key) => Some(key),
            _ => None,
        });
        Ok(Some(keys.collect()))
    }
}

/// Lists the keys.
///
/// # Errors
/// If the server refuses, or standard output cannot be written.
pub(crate) fn run(setup: &Setup, args: &Args) -> Result<ExitCode> {
    let mut connection = setup.connect()?;
    let mut walk = Walk::new(args)?;
    let mut out = io::stdout().lock();
    let quoted = setup.formatter.form == Form::Standard;
    while let Some(keys) = walk.next_keys(&mut connection)? {
        let mut text = Vec::new();
        for key in keys {
            if quoted {
                write_quoted(&mut text, &key);
            } else {
                text.extend_from_slice(&key);
            }
            text.push(b'\n');
        }
        out.write_all(&text)?;
        std::thread::sleep(args.interval.unwrap_or(Duration::ZERO));
    }
    Ok(ExitCode::SUCCESS)
}
