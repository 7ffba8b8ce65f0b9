//! The server's log: lines as Redis's operators know them, written by a thread of their own so that no worker waits
//! for a disk.
//!
//! A log file that was moved or removed is replaced with the next line, as in Redis, so that programs that rotate logs need do
//! nothing more.
//!
//! Levels are `tracing`'s: debug of `loglevel` is TRACE, verbose DEBUG, notice INFO, warning WARN and ERROR.

use crate::config::LogLevel;
use kora_engine::threads::Telling;
use kora_locks::{RankedMutex, rank};
use rustix::fs::Access;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
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

/// The running log. Lines that wait are written when the last copy of it is dropped.
#[derive(Clone, Debug)]
pub struct Log {
    level: LevelHandle,
    writer: Arc<RankedMutex<{ rank::LOG_OF_SERVER }, Option<WorkerGuard>>>,
}

impl Log {
    /// Logs to `file`, or to the standard output if it is empty, from now on.
    ///
    /// # Errors
    /// If the file can't be opened, or the process already has a log.
    pub fn start(level: LogLevel, file: &[u8]) -> io::Result<Self> {
        let (writer, guard) = if file.is_empty() {
            tracing_appender::non_blocking(Telling(Plain(io::stdout())))
        } else {
            let path = Path::new(OsStr::from_bytes(file));
            tracing_appender::non_blocking(Telling(Plain(LogFile::open(std::path::absolute(path)?)?)))
        };
        let (filter, handle) = reload::Layer::new(filter(level));
        let lines = tracing_subscriber::fmt::layer()
            .event_format(Lines { pid: std::process::id() })
            // A file is read without a terminal, too.
            .with_ansi(false)
            .with_writer(writer);
        tracing_subscriber::registry().with(filter).with(lines).try_init().map_err(io::Error::other)?;
        Ok(Self { level: LevelHandle(handle), writer: Arc::new(RankedMutex::new(Some(guard))) })
    }

    /// Writes the lines that wait. What is logged later is lost.
    pub fn finish(&self) {
        drop(self.writer.lock().take());
    }

    /// What changes its level while it runs.
    #[must_use]
    pub fn level(&self) -> LevelHandle {
        self.level.clone()
    }
}

/// Whether the log of a server that works in `dir` could be written to `file`, which is empty for the standard output. Nothing is made.
///
/// # Errors
/// If it could not.
pub fn check(dir: &Path, file: &[u8]) -> io::Result<()> {
    if file.is_empty() {
        return Ok(());
    }
    let path = dir.join(OsStr::from_bytes(file));
    let found = match std::fs::metadata(&path) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => rustix::fs::access(&path, Access::WRITE_OK).map_err(io::Error::from),
        Err(error) if error.kind() == io::ErrorKind::NotFound => may_be_made(&path),
        Err(error) => Err(error),
    };
    found.map_err(|error| {
        io::Error::new(error.kind(), format!("can't write the log to {}: {error}", path.display()))
    })
}

/// Whether there can be a new file at `path`.
fn may_be_made(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if path.file_name().is_none() || !std::fs::metadata(folder)?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// The file of the log.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    file: File,
    /// Device and number of the file, by which it is told whether the path still leads to it.
    id: (u64, u64),
}

impl LogFile {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(&path)?;
        let id = id(&file.metadata()?);
        Ok(Self { path, file, id })
    }

    /// Opens the file anew if it is elsewhere by now. If that fails, the old one has the lines.
    fn follow(&mut self) {
        let is_there = std::fs::metadata(&self.path).is_ok_and(|found| id(&found) == self.id);
        if !is_there && let Ok(opened) = Self::open(self.path.clone()) {
            *self = opened;
        }
    }
}

/// Writes lines as the bytes that they stand for ([`kora_core::text`]): a script may log what is no text.
#[derive(Debug)]
struct Plain<W>(W);

impl<W: io::Write> io::Write for Plain<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(line) {
            Ok(text) => self.0.write_all(&kora_core::text::bytes(text))?,
            Err(_) => self.0.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl io::Write for LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.follow();
        self.file.write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn id(metadata: &std::fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
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
    use super::{LogFile, Timestamp};
    use std::io::Write as _;
    use std::time::Duration;

    #[test]
    fn a_file_that_was_moved_or_removed_is_replaced() {
        let home = tempfile::tempdir().unwrap();
        let (path, old) = (home.path().join("log"), home.path().join("log.1"));
        let mut log = LogFile::open(path.clone()).unwrap();
        let read = |path| std::fs::read_to_string(path).unwrap();
        log.write_all(b"1\n").unwrap();
        std::fs::rename(&path, &old).unwrap();
        log.write_all(b"2\n").unwrap();
        assert_eq!((read(&old), read(&path)), ("1\n".to_owned(), "2\n".to_owned()));
        std::fs::remove_file(&path).unwrap();
        log.write_all(b"3\n").unwrap();
        assert_eq!(read(&path), "3\n");
        // Another file in its place, made by whoever rotates.
        std::fs::rename(&path, &old).unwrap();
        std::fs::write(&path, "made\n").unwrap();
        log.write_all(b"4\n").unwrap();
        assert_eq!(read(&path), "made\n4\n");
        // Emptied in place.
        std::fs::write(&path, "").unwrap();
        log.write_all(b"5\n").unwrap();
        assert_eq!(read(&path), "5\n");
    }

    #[test]
    fn without_a_place_for_a_new_file_the_old_one_has_the_lines() {
        let home = tempfile::tempdir().unwrap();
        let (dir, moved) = (home.path().join("dir"), home.path().join("moved"));
        std::fs::create_dir(&dir).unwrap();
        let mut log = LogFile::open(dir.join("log")).unwrap();
        std::fs::rename(&dir, &moved).unwrap();
        log.write_all(b"1\n").unwrap();
        assert_eq!(std::fs::read_to_string(moved.join("log")).unwrap(), "1\n");
    }

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
