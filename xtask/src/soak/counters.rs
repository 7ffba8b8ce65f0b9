//! Whether what the server counts fits together: what INFO and a scrape of the metrics' port say of the same server.
//!
//! A figure is counted where the work is done, by worker, shard, command, database or kind of error; whoever shows a whole adds up
//! parts. So the parts of each must make the same whole, whichever way they are read. A scrape stands between two texts
//! of INFO: what only grows lies between theirs, and what did not change between them is the same. The look-ups of a client
//! are as many as the hits and misses that they add.
//!
//! Time runs meanwhile: keys expire, connections that were left end. So a comparison counts once it succeeds, and one
//! that does not succeed while all is quiet is a violation: a figure that was lost stays lost.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

/// A scrape takes no longer, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// What only grows: a field of INFO, and the metrics whose samples make the same sum.
const GROWING: &[(&str, &[&str])] = &[
    ("total_commands_processed", &["kora_commands_processed_total", "kora_command_calls_total"]),
    ("total_error_replies", &["kora_error_replies_total", "kora_errors_total"]),
    ("keyspace_hits", &["kora_keyspace_hits_total"]),
    ("keyspace_misses", &["kora_keyspace_misses_total"]),
    ("expired_keys", &["kora_expired_keys_total"]),
    ("expired_subkeys", &["kora_expired_subkeys_total"]),
    ("evicted_keys", &["kora_evicted_keys_total"]),
    ("total_connections_received", &["kora_connections_received_total"]),
];

/// What goes up and down: a figure of INFO, and the metrics whose samples make the same sum.
const MOVING: &[(Figure, &[&str])] = &[
    (Figure::Parts("db", "keys"), &["kora_db_keys", "kora_shard_keys"]),
    (Figure::Parts("db", "expires"), &["kora_db_expiring_keys", "kora_shard_expiring_keys"]),
    (Figure::Field("connected_clients"), &["kora_connected_clients", "kora_worker_connections"]),
];

/// Figures of one text of INFO that are the same: a whole, and its parts.
const WHOLES: &[(&str, Figure)] = &[
    ("total_commands_processed", Figure::Parts("cmdstat_", "calls")),
    ("total_error_replies", Figure::Parts("errorstat_", "count")),
    ("connected_clients", Figure::Parts("io_thread_", "clients")),
];

/// A figure of INFO.
#[derive(Clone, Copy, Debug)]
enum Figure {
    /// A field.
    Field(&'static str),
    /// The sum of one part of all fields with such names: `calls` of `cmdstat_get:calls=1,usec=2`.
    Parts(&'static str, &'static str),
}

/// A text of INFO.
pub(super) struct Info(BTreeMap<String, String>);

/// A scrape: the sum of each metric's samples.
pub(super) struct Scrape(BTreeMap<String, u64>);

/// What look-ups found and did not find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LookUps {
    pub(super) hits: u64,
    pub(super) misses: u64,
}

impl Info {
    /// Reads the text of INFO EVERYTHING.
    pub(super) fn parse(text: &str) -> Self {
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        Self(fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn field(&self, name: &str) -> anyhow::Result<u64> {
        let value = self.0.get(name).with_context(|| format!("INFO has no {name}"))?;
        value.parse().with_context(|| format!("{name}:{value}"))
    }

    fn figure(&self, figure: Figure) -> anyhow::Result<u64> {
        match figure {
            Figure::Field(name) => self.field(name),
            Figure::Parts(prefix, part) => {
                self.numbered(prefix).map(|(name, value)| number_of(name, value, part)).sum()
            }
        }
    }

    /// Fields with names that begin so. `db` is followed by a number, lest `db0_distrib_strings_sizes` be one.
    fn numbered(&self, prefix: &'static str) -> impl Iterator<Item = (&str, &str)> {
        let is_one = move |name: &str| {
            let rest = name.strip_prefix(prefix);
            rest.is_some_and(|rest| prefix != "db" || rest.bytes().all(|byte| byte.is_ascii_digit()))
        };
        self.0.iter().filter(move |(name, _)| is_one(name)).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What look-ups have found and not found so far.
    pub(super) fn look_ups(&self) -> anyhow::Result<LookUps> {
        Ok(LookUps { hits: self.field("keyspace_hits")?, misses: self.field("keyspace_misses")? })
    }
}

/// The number behind `part=` in a field's value.
fn number_of(name: &str, value: &str, part: &str) -> anyhow::Result<u64> {
    let parts = value.split(',').filter_map(|text| text.split_once('='));
    let (_, number) =
        parts.into_iter().find(|(found, _)| *found == part).with_context(|| format!("{name}:{value}"))?;
    number.parse().with_context(|| format!("{name}:{value}"))
}

impl Scrape {
    /// Reads Prometheus's text; samples that are no whole numbers are left out.
    pub(super) fn parse(text: &str) -> Self {
        let mut sums = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            // Values of labels may have spaces; the number has none.
            let Some((sample, number)) = line.rsplit_once(' ') else { continue };
            let name = sample.split_once('{').map_or(sample, |(name, _)| name);
            if let Ok(number) = number.parse::<u64>() {
                *sums.entry(name.to_owned()).or_default() += number;
            }
        }
        Self(sums)
    }

    /// The sum of a metric's samples; one that has none yet, such as that of errors, is zero.
    fn sum(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }
}

/// Holds a scrape against what INFO said before and after.
///
/// # Errors
/// What does not fit together.
pub(super) fn compare(before: &Info, scrape: &Scrape, after: &Info) -> anyhow::Result<()> {
    for info in [before, after] {
        for &(whole, parts) in WHOLES {
            let (sum, total) = (info.figure(parts)?, info.field(whole)?);
            ensure!(sum == total, "{whole} is {total}, {parts:?} make {sum}");
        }
    }
    for &(field, names) in GROWING {
        let between = before.field(field)?..=after.field(field)?;
        for name in names {
            let sum = scrape.sum(name);
            ensure!(between.contains(&sum), "{field} was {between:?}, {name} make {sum}");
        }
    }
    for &(figure, names) in MOVING {
        let (was, is) = (before.figure(figure)?, after.figure(figure)?);
        ensure!(was == is, "{figure:?} went from {was} to {is} meanwhile");
        for name in names {
            let sum = scrape.sum(name);
            ensure!(sum == is, "{figure:?} is {is}, {name} make {sum}");
        }
    }
    Ok(())
}

/// Holds what look-ups found against what was counted of them.
///
/// # Errors
/// When hits or misses are others.
pub(super) fn compare_look_ups(before: &Info, after: &Info, found: LookUps) -> anyhow::Result<()> {
    let (was, is) = (before.look_ups()?, after.look_ups()?);
    let counted = LookUps {
        hits: is.hits.checked_sub(was.hits).context("hits went down")?,
        misses: is.misses.checked_sub(was.misses).context("misses went down")?,
    };
    ensure!(counted == found, "look-ups had {found:?}, counted were {counted:?}");
    Ok(())
}

/// Asks the metrics' port.
///
/// # Errors
/// When it does not answer with metrics.
pub(super) fn scrape(port: u16) -> anyhow::Result<Scrape> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).context("the metrics' port")?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("the answer of the metrics' port")?;
    let Some((head, text)) = answer.split_once("\r\n\r\n") else { bail!("no answer: {answer}") };
    ensure!(head.starts_with("HTTP/1.1 200 "), "a scrape was answered by {head}");
    Ok(Scrape::parse(text))
}
