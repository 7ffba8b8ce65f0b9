//! The server's log: lines as Redis's operators know them, written by a thread of their own so that no worker waits
//! for a disk.
//!
//! Levels are `tracing`'s: debug of `loglevel` is TRACE, verbose DEBUG, notice INFO, warning WARN and ERROR.

use crate::config::LogLevel;
use crate::threads::Telling;
use std::ffi::OsStr;
use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tracing::{Event, Level, Subscriber};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, reload};

/// The running log. Lines that wait are written when it is dropped.
#[derive(Debug)]
pub struct Log {
    level: LevelHandle,
    _writer: WorkerGuard,
}

impl Log {
    /// Logs to `file`, or to the standard output if it is empty, from now on.
    ///
    /// # Errors
    /// If the file can't be opened, or the process already has a log.
    pub fn start(level: LogLevel, file: &[u8]) -> io::Result<Self> {
        let (writer, guard) = if file.is_empty() {
            tracing_appender::non_blocking(Telling(io::stdout()))
        } else {
            let path = OsStr::from_bytes(file);
            let file = OpenOptions::new().append(true).create(true).open(path)?;
            tracing_appender::non_blocking(Telling(file))
        };
        let (filter, handle) = reload::Layer::new(filter(level));
        let lines = tracing_subscriber::fmt::layer()
            .event_format(Lines { pid: std::process::id() })
            .with_writer(writer);
        tracing_subscriber::registry().with(filter).with(lines).try_init().map_err(io::Error::other)?;
        Ok(Self { level: LevelHandle(handle), _writer: guard })
    }

    /// What changes its level while it runs.
    #[must_use]
    pub fn level(&self) -> LevelHandle {
        self.level.clone()
    }
}

/// Changes the level of a running log.
#[derive(Clone, Debug)]
pub struct LevelHandle(reload::Handle<LevelFilter, Registry>);

impl LevelHandle {
    /// Logs messages of `level` and more important ones from now on.
    pub fn set(&self, level: LogLevel) {
        self.0.reload(filter(level)).expect("the subscriber lives as long as the process");
    }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Debug => LevelFilter::TRACE,
        LogLevel::Verbose => LevelFilter::DEBUG,
        LogLevel::Notice => LevelFilter::INFO,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Nothing => LevelFilter::OFF,
    }
}

/// Formats events as `pid:M 22 Nov 2026 19:13:13.031 * message`, in UTC.
#[derive(Debug)]
struct Lines {
    pid: u32,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        write!(writer, "{}:M {} {} ", self.pid, Timestamp(now), mark(event.metadata().level()))?;
        context.field_format().format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}

/// The sign by which a line's level is told.
fn mark(level: &Level) -> char {
    match *level {
        Level::TRACE => '.',
        Level::DEBUG => '-',
        Level::INFO => '*',
        Level::WARN | Level::ERROR => '#',
    }
}

/// A time since the Unix epoch, shown as date and time of day in UTC.
struct Timestamp(Duration);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let seconds = self.0.as_secs();
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let (month, millis) = (MONTHS[month], self.0.subsec_millis());
        write!(f, "{day:02} {month} {year} {hour:02}:{minute:02}:{second:02}.{millis:03}")
    }
}

/// Year, month from 0 and day of the month, of a day counted from 1 January 1970.
///
/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
fn civil(days: u64) -> (u64, usize, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + u64::from(month < 2);
    (year, usize::try_from(month).expect("there are twelve months"), day)
}

#[cfg(test)]
mod tests {
    use super::Timestamp;
    use std::time::Duration;

    #[test]
    fn times_are_shown_by_the_calendar() {
        for (millis, shown) in [
            (0, "01 Jan 1970 00:00:00.000"),
            (951_782_399_999, "28 Feb 2000 23:59:59.999"),
            (951_782_400_000, "29 Feb 2000 00:00:00.000"),
            (1_709_251_200_000, "01 Mar 2024 00:00:00.000"),
            (1_795_374_793_031, "22 Nov 2026 19:13:13.031"),
            (4_102_444_799_000, "31 Dec 2099 23:59:59.000"),
        ] {
            assert_eq!(Timestamp(Duration::from_millis(millis)).to_string(), shown);
        }
    }
}
