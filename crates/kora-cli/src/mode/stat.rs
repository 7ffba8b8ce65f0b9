//! `--stat`: a line of figures for each second or interval.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use kora_protocol::Frame;

use super::figures::human_bytes;
use crate::args::Args;
use crate::setup::Setup;

/// Lines between two headings.
const LINES_PER_HEADING: usize = 20;

const HEADING: &str = "\
------- data ------ --------------------- load -------------------- - child -
keys       mem      clients blocked requests            connections          
";

/// Prints figures until the user has enough, or as many lines as `-r` says.
///
/// # Errors
/// If the connection breaks, the server refuses, or standard output cannot be written.
pub(crate) fn run(setup: &Setup, args: &Args) -> Result<ExitCode> {
    let mut connection = setup.connect()?;
    let interval = args.interval.filter(|interval| !interval.is_zero()).unwrap_or(Duration::from_secs(1));
    let mut out = io::stdout().lock();
    // `-r 1` is the default, which here means without end.
    let lines = if args.repeat > 1 { usize::try_from(args.repeat)? } else { usize::MAX };
    let mut requests_before = None;
    for line in 0..lines {
        let reply = connection.request(&["INFO"])?;
        if let Some(error) = reply.as_error() {
            bail!("ERROR: {}", String::from_utf8_lossy(error));
        }
        let (Frame::Bulk(text) | Frame::Verbatim { text, .. }) = reply.bare() else {
            bail!("ERROR: the reply to INFO is no text");
        };
        let info = Info(&String::from_utf8_lossy(text)).line(&mut requests_before);
        if line % LINES_PER_HEADING == 0 {
            out.write_all(HEADING.as_bytes())?;
        }
        writeln!(out, "{info}")?;
        out.flush()?;
        if line + 1 < lines {
            std::thread::sleep(interval);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The text that `INFO` answers.
struct Info<'a>(&'a str);

impl Info<'_> {
    fn field(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    }

    fn number(&self, name: &str) -> u64 {
        self.field(name).and_then(|value| value.parse().ok()).unwrap_or(0)
    }

    /// Keys in all databases: `db0:keys=3,expires=0,...`.
    fn keys(&self) -> u64 {
        let databases = self.0.lines().filter(|line| {
            line.strip_prefix("db").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        });
        databases.filter_map(|line| line.split_once("keys=")?.1.split(',').next()?.parse::<u64>().ok()).sum()
    }

    /// The line of figures; `requests_before` is the number of requests at the line before.
    fn line(&self, requests_before: &mut Option<u64>) -> String {
        let requests = self.number("total_commands_processed");
        let more = requests - requests_before.replace(requests).unwrap_or(requests).min(requests);
        let children =
            [("rdb_bgsave_in_progress", "SAVE"), ("aof_rewrite_in_progress", "AOF"), ("loading", "LOAD")];
        let child: Vec<&str> =
            children.into_iter().filter(|(field, _)| self.number(field) != 0).map(|(_, name)| name).collect();
        let line = format!(
            "{:<11}{:<9}{:<8}{:<8}{:<20}{:<12}{}",
            self.keys(),
            human_bytes(self.number("used_memory")),
            self.number("connected_clients"),
            self.number("blocked_clients"),
            format!("{requests} (+{more})"),
            self.number("total_connections_received"),
            child.join(" "),
        );
        line
    }
}

#[cfg(test)]
mod tests {
    use super::Info;

    #[test]
    fn figures_come_from_info() {
        let info = Info(
            "# Server\r\nused_memory:2097152\r\nconnected_clients:2\r\nblocked_clients:1\r\n\
             total_commands_processed:10\r\ntotal_connections_received:5\r\nloading:0\r\n\
             rdb_bgsave_in_progress:1\r\ndb0:keys=3,expires=0\r\ndb12:keys=4,expires=1\r\ndbx:keys=9\r\n",
        );
        let mut before = None;
        assert_eq!(
            info.line(&mut before),
            "7          2.00M    2       1       10 (+0)             5           SAVE"
        );
        before = Some(4);
        assert!(info.line(&mut before).contains("10 (+6)"));
        before = Some(40);
        assert!(info.line(&mut before).contains("10 (+0)"));
    }
}
